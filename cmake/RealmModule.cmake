# One folder of src/ = one static library = one namespace.
#
#   realm_module(NAME <folder> LEVEL <n>
#     [SOURCES a.cc ...]            without any, the library is header-only
#     [DEPENDS <lower folders>]     linked publicly; a level >= ours is an error
#     [LIBRARIES <third party>]     private: only this folder may include them
#     [PUBLIC_LIBRARIES <third party>]
#     [TESTS tests/a_test.cc ...]   one GoogleTest program, realm_<folder>_tests
#     [TEST_LIBRARIES <targets>])   what only the tests need
#
# scripts/check_includes.py reads NAME, LEVEL and DEPENDS out of the same calls.
function(realm_module)
  cmake_parse_arguments(arg "" "NAME;LEVEL"
    "SOURCES;DEPENDS;LIBRARIES;PUBLIC_LIBRARIES;TESTS;TEST_LIBRARIES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "realm_module(${arg_NAME}): unknown ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_NAME OR NOT arg_LEVEL MATCHES "^[0-9]+$")
    message(FATAL_ERROR "realm_module needs NAME and a numeric LEVEL")
  endif()

  set(target realm_${arg_NAME})
  set_property(GLOBAL PROPERTY realm_level_${arg_NAME} ${arg_LEVEL})
  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    realm_warnings(${target})
    set(public PUBLIC)
    set(private PRIVATE)
  else()
    add_library(${target} INTERFACE)
    set(public INTERFACE)
    set(private INTERFACE)
  endif()
  add_library(realm::${arg_NAME} ALIAS ${target})
  target_include_directories(${target} ${public} "${CMAKE_SOURCE_DIR}/src")
  _realm_check_levels(${arg_NAME} ${arg_LEVEL} "${arg_DEPENDS}")
  list(TRANSFORM arg_DEPENDS PREPEND realm::)
  target_link_libraries(${target} ${public} ${arg_DEPENDS} ${arg_PUBLIC_LIBRARIES}
                                  ${private} ${arg_LIBRARIES})
  if(arg_TESTS)
    realm_test(NAME ${target}_tests SOURCES ${arg_TESTS}
               LIBRARIES ${target} ${arg_LIBRARIES} ${arg_TEST_LIBRARIES})
  endif()
endfunction()

function(_realm_check_levels name level depends)
  foreach(other IN LISTS depends)
    get_property(other_level GLOBAL PROPERTY realm_level_${other})
    if("${other_level}" STREQUAL "")
      message(FATAL_ERROR "src/${name} depends on '${other}', which is no folder before it")
    elseif(other_level GREATER_EQUAL level)
      message(FATAL_ERROR "src/${name} (level ${level}) must not depend on "
                          "src/${other} (level ${other_level})")
    endif()
  endforeach()
endfunction()

# realm_test(NAME <program> SOURCES ... LIBRARIES ...): a GoogleTest program, known to CTest and to
# scripts/test.sh.
function(realm_test)
  cmake_parse_arguments(arg "" "NAME" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${arg_NAME} ${arg_SOURCES})
  realm_warnings(${arg_NAME})
  # Tests are large and run once: what is optimised less is built up to a third sooner.
  target_compile_options(${arg_NAME} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1>)
  target_link_libraries(${arg_NAME} PRIVATE ${arg_LIBRARIES} GTest::gmock_main)
  set_target_properties(${arg_NAME} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/test-bin")
  add_test(NAME ${arg_NAME} COMMAND ${arg_NAME})
  set_property(GLOBAL APPEND PROPERTY realm_tests ${arg_NAME})
endfunction()

# Writes test-binaries.txt: the path of each test program, one a line.
function(realm_write_test_list)
  get_property(tests GLOBAL PROPERTY realm_tests)
  set(lines "")
  foreach(test IN LISTS tests)
    string(APPEND lines "$<TARGET_FILE:${test}>\n")
  endforeach()
  file(GENERATE OUTPUT "${CMAKE_BINARY_DIR}/test-binaries.txt" CONTENT "${lines}")
endfunction()
