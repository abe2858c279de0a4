// What libFuzzer calls (llvm.org/docs/LibFuzzer.html). Its programs hold one target each.

#include <cstddef>
#include <cstdint>

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  flashpods::fuzz::targets().front().run({reinterpret_cast<const char*>(data), size});
  return 0;
}
