# The language, the flags of every target, the warnings of our own, sanitizers and ccache.

set(REALM_SANITIZE "" CACHE STRING "Sanitizers to compile with, such as address,undefined")

option(REALM_FUZZ "Build for libFuzzer, with clang 19 (scripts/fuzz.sh)" OFF)

if(REALM_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
    message(FATAL_ERROR "The fuzzers are built with clang 19: cmake --preset fuzz")
  endif()
elseif(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "Realm is built with GCC 12 or newer; "
                      "found ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}.")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1")

# Paths in the binaries start at the project: the same sources give the same objects anywhere.
add_compile_options("-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.")

if(REALM_SANITIZE)
  add_compile_options(-fsanitize=${REALM_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${REALM_SANITIZE})
  # GCC warns that ThreadSanitizer does not model fences; Asio has one.
  add_compile_options(-Wno-tsan)
endif()

if(REALM_FUZZ)
  # libstdc++ 12 hides std::expected from compilers whose concepts it takes for older than GCC's.
  add_compile_options(-D__cpp_concepts=202002L -Wno-builtin-macro-redefined)
  # What GCC defines; Wasmtime's stacks need our help under AddressSanitizer.
  add_compile_definitions(__SANITIZE_ADDRESS__=1)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

# realm_warnings(target): the warnings of code that we write, each an error. Those switched off are
# GCC 12's false reports: std::optional as maybe uninitialised, std::string's operator+ as
# overlapping, inlined operator new and delete as not belonging together.
function(realm_warnings target)
  if(REALM_FUZZ)
    return()  # GCC has looked at the same files
  endif()
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
    -Wno-maybe-uninitialized -Wno-restrict -Wno-mismatched-new-delete)
endfunction()

# Objects are found in the cache from any checkout: paths below the source tree are made relative
# and the working directory is left out of the key.
find_program(REALM_CCACHE ccache)
if(REALM_CCACHE)
  foreach(language C CXX)
    set(CMAKE_${language}_COMPILER_LAUNCHER
        "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1
        CCACHE_SLOPPINESS=pch_defines,time_macros "${REALM_CCACHE}")
  endforeach()
endif()
