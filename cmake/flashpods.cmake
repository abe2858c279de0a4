# What every target of the project shares, and the two functions that declare one.

set(FLASHPODS_SANITIZE "" CACHE STRING "sanitizers, as for -fsanitize= (address,undefined | thread)")

add_library(flashpods_options INTERFACE)
target_include_directories(flashpods_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(flashpods_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
  -Wimplicit-fallthrough -Werror=return-type -Werror=unused-result
  -fstack-protector-strong -fno-omit-frame-pointer)
target_compile_definitions(flashpods_options INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_REGEX _GNU_SOURCE
  FLASHPODS_VERSION="${PROJECT_VERSION}")
# libstdc++ 12 has no <format>; fmt::format is the same function.
target_link_libraries(flashpods_options INTERFACE
  Boost::headers Threads::Threads nlohmann_json::nlohmann_json fmt::fmt)
if(FLASHPODS_SANITIZE)
  target_compile_options(flashpods_options INTERFACE -fsanitize=${FLASHPODS_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(flashpods_options INTERFACE -fsanitize=${FLASHPODS_SANITIZE})
endif()

# On all libraries and all programs, so that one build serves tests and fuzzing
# (docs/decisions/0008-fuzzing.md).
option(FLASHPODS_FUZZ "count the edges that run, and build the fuzz targets (tests/fuzz)" OFF)
if(FLASHPODS_FUZZ)
  target_compile_options(flashpods_options INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(flashpods_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

option(FLASHPODS_COVERAGE "count the lines that run (./dev coverage)" OFF)
if(FLASHPODS_COVERAGE)
  target_compile_options(flashpods_options INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(flashpods_options INTERFACE -fprofile-instr-generate)
endif()

# Other people's headers, parsed once. A file still includes what it uses: the release preset builds
# without them and would notice. ccache: cmake --help-property PRECOMPILE_HEADERS, "Precompiled
# headers" in ccache(1).
option(FLASHPODS_PRECOMPILE "parse other people's headers once" ON)

# flashpods_precompile(TARGET LINK … HEADERS …): a target for others to take them from.
function(flashpods_precompile target)
  cmake_parse_arguments(ARG "" "" "LINK;HEADERS" ${ARGN})
  if(NOT FLASHPODS_PRECOMPILE)
    return()
  endif()
  file(WRITE ${PROJECT_BINARY_DIR}/${target}.cpp "")
  add_library(${target} OBJECT ${PROJECT_BINARY_DIR}/${target}.cpp)
  target_link_libraries(${target} PRIVATE flashpods_options ${ARG_LINK})
  target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  target_precompile_headers(${target} PRIVATE ${ARG_HEADERS})
endfunction()

function(flashpods_use_precompiled target from)
  if(FLASHPODS_PRECOMPILE)
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    target_precompile_headers(${target} REUSE_FROM ${from})
  endif()
endfunction()

set(flashpods_common_headers
  <algorithm> <array> <cerrno> <charconv> <chrono> <cstdint> <deque> <filesystem> <fstream>
  <functional> <map> <memory> <optional> <set> <span> <sstream> <string> <string_view> <utility>
  <variant> <vector> <fcntl.h> <sys/stat.h> <unistd.h> <fmt/format.h> <nlohmann/json.hpp>
  <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/experimental/awaitable_operators.hpp>
  <boost/asio/io_context.hpp> <boost/asio/ip/tcp.hpp> <boost/asio/posix/stream_descriptor.hpp>
  <boost/asio/redirect_error.hpp> <boost/asio/steady_timer.hpp> <boost/asio/this_coro.hpp>
  <boost/asio/use_awaitable.hpp> <boost/asio/write.hpp>)
flashpods_precompile(flashpods_headers HEADERS ${flashpods_common_headers})
if(FLASHPODS_TESTS)
  flashpods_precompile(flashpods_test_headers
    LINK GTest::gtest GTest::gmock
    HEADERS ${flashpods_common_headers} <gmock/gmock.h> <gtest/gtest.h>)
endif()

# flashpods_library(NAME SOURCES … LINK …): static library `flashpods_NAME`.
# LINK names other folders without the prefix, or third-party targets as they are.
function(flashpods_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(flashpods_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(flashpods_${name} PUBLIC flashpods_options ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
  flashpods_use_precompiled(flashpods_${name} flashpods_headers)
endfunction()

# flashpods_test(NAME SOURCES … LINK …): unit tests of one folder, one program `NAME_test`.
function(flashpods_test name)
  if(NOT FLASHPODS_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name}_test ${ARG_SOURCES})
  target_link_libraries(${name}_test PRIVATE ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
  flashpods_use_precompiled(${name}_test flashpods_test_headers)
  add_test(NAME ${name} COMMAND ${name}_test)
endfunction()
