# Everything that Realm links and did not write. All of it is included as system headers.
#   wasmtime::wasmtime   Wasmtime's C API (sandbox only)
#   llama::llama         llama.h, ggml.h, gguf.h (inference only)
#   llama::common        llama.cpp's common library: "common/chat.h", ... (inference only)
#   realm::boost         Asio, Beast and URL, compiled once, with OpenSSL
# and as found: OpenSSL::SSL OpenSSL::Crypto fmt::fmt spdlog::spdlog CLI11::CLI11
# tomlplusplus::tomlplusplus nlohmann_json::nlohmann_json GTest::gmock_main rapidcheck
# benchmark::benchmark

find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS url)
find_package(fmt 9 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(tomlplusplus 3.3 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(GTest 1.12 REQUIRED)
find_package(rapidcheck REQUIRED)
find_package(benchmark 1.7 REQUIRED)

# --- Wasmtime ------------------------------------------------------------------------------------
add_library(realm_native INTERFACE)
add_library(wasmtime::wasmtime ALIAS realm_native)
target_include_directories(realm_native SYSTEM INTERFACE "${REALM_WASMTIME_PREFIX}/include")
target_link_libraries(realm_native INTERFACE "${REALM_WASMTIME_PREFIX}/lib/librealm_native.a"
                                             Threads::Threads ${CMAKE_DL_LIBS} m)

# --- llama.cpp -----------------------------------------------------------------------------------
add_library(realm_llama INTERFACE)
add_library(llama::llama ALIAS realm_llama)
target_include_directories(realm_llama SYSTEM INTERFACE "${REALM_LLAMA_PREFIX}/include")
file(GLOB realm_ggml_libraries "${REALM_LLAMA_PREFIX}/lib/libggml*.a")
if(NOT realm_ggml_libraries)
  message(FATAL_ERROR "${REALM_LLAMA_PREFIX} holds no llama.cpp. Run `make build`.")
endif()
# ggml's libraries refer to each other in circles.
list(JOIN realm_ggml_libraries "," realm_ggml_group)
target_link_libraries(realm_llama INTERFACE
  "${REALM_LLAMA_PREFIX}/lib/libllama.a" "$<LINK_GROUP:RESCAN,${realm_ggml_group}>"
  Threads::Threads ${CMAKE_DL_LIBS} m)
if(EXISTS "${REALM_LLAMA_PREFIX}/lib/libggml-cuda.a")
  find_package(CUDAToolkit REQUIRED)
  target_link_libraries(realm_llama INTERFACE
    CUDA::cudart_static CUDA::cublas CUDA::cublasLt CUDA::cuda_driver)
endif()
if(EXISTS "${REALM_LLAMA_PREFIX}/lib/libggml-vulkan.a")
  find_package(Vulkan REQUIRED)
  target_link_libraries(realm_llama INTERFACE Vulkan::Vulkan)
endif()

add_library(realm_llama_common INTERFACE)
add_library(llama::common ALIAS realm_llama_common)
target_link_libraries(realm_llama_common INTERFACE
  "${REALM_LLAMA_PREFIX}/lib/libllama-common.a" "${REALM_LLAMA_PREFIX}/lib/libllama-common-base.a"
  "${REALM_LLAMA_PREFIX}/lib/libcpp-httplib.a" realm_llama)

# --- Boost ---------------------------------------------------------------------------------------
# Asio and Beast are compiled here once; every user then reads only their declarations.
add_library(realm_boost STATIC "${CMAKE_SOURCE_DIR}/third_party/boost/boost.cc")
add_library(realm::boost ALIAS realm_boost)
target_compile_definitions(realm_boost PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_DISABLE_BOOST_COROUTINE)
target_link_libraries(realm_boost PUBLIC
  Boost::headers Boost::url OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
