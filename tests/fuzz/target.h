#pragma once
// A fuzz target is one function over hostile bytes. It fails by require(): what must hold for any
// input is worth more than the absence of crashes. The same target is run by libFuzzer (driver.cpp)
// and over the files of its corpus as a unit test (replay_test.cpp).

#include <source_location>
#include <string_view>
#include <vector>

namespace flashpods::fuzz {

struct Target {
  std::string_view name;  ///< of its file, its program and its corpus
  void (*run)(std::string_view input);
};

/// Every target of this program.
[[nodiscard]] std::vector<Target>& targets();

/// Ends the process unless `holds`; `what` says what should have held.
void require(bool holds, std::string_view what,
             std::source_location where = std::source_location::current());

/// Takes the next line, without its newline, off `input`.
[[nodiscard]] std::string_view take_line(std::string_view& input);
/// Takes the next byte off `input`; 0 if there is none.
[[nodiscard]] unsigned take_byte(std::string_view& input);

}  // namespace flashpods::fuzz

#define FUZZ_TARGET(name)                                       \
  static void run_##name(std::string_view input);               \
  [[maybe_unused]] static const bool added_##name = [] {        \
    flashpods::fuzz::targets().push_back({#name, &run_##name}); \
    return true;                                                \
  }();                                                          \
  static void run_##name([[maybe_unused]] std::string_view input)
