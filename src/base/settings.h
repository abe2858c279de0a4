#pragma once
// Settings that describe themselves: each is declared once, with its name, bounds and meaning, and
// bound to the variable it fills. From that follow the reading of the TOML file (toml.io, 1.0), its
// errors, and the commented file of defaults.

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/setting.h"

namespace flashpods {

/// A table of settings. Declare all, then load. Every variable must outlive the table. `name` is
/// dotted ("limits.max_jobs": the key max_jobs of the table [limits]) and declared once. The value
/// a variable has when it is declared is its default, and stays if a file does not name it.
///
///     Settings settings;
///     settings.string("api.address", config.address, "Where the API listens.");
///     settings.integer("limits.max_jobs", config.max_jobs, 1, 1000, "Jobs at a time.");
///     Result<void> loaded = settings.load_file(path);
class Settings {
 public:
  void string(std::string name, std::string& target, std::string description);
  void path(std::string name, std::filesystem::path& target, std::string description);
  void strings(std::string name, std::vector<std::string>& target, std::string description);
  void boolean(std::string name, bool& target, std::string description);
  /// One of a few words.
  void choice(std::string name, std::string& target, std::vector<std::string> words,
              std::string description);

  /// A whole number in [low, high]; `unit` ("processes") is for the reader only.
  template <std::integral T>
  void integer(std::string name, T& target, std::int64_t low, std::int64_t high,
               std::string description, std::string unit = {}) {
    number(std::move(name), static_cast<std::int64_t>(target),
           {[&target](std::int64_t value) { target = static_cast<T>(value); }, low, high,
            std::move(unit)},
           std::move(description));
  }

  /// Whole seconds in [low, high].
  template <class Duration>
  void seconds(std::string name, Duration& target, std::int64_t low, std::int64_t high,
               std::string description) {
    number(std::move(name), std::chrono::duration_cast<std::chrono::seconds>(target).count(),
           {[&target](std::int64_t value) { target = std::chrono::seconds{value}; }, low, high,
            "seconds"},
           std::move(description));
  }

  /// A size that the file gives in MB of 1024 * 1024 bytes, in [low, high] MB, and the variable
  /// keeps in bytes.
  template <std::integral T>
  void megabytes(std::string name, T& target, std::int64_t low, std::int64_t high,
                 std::string description) {
    constexpr T kMegabyte = 1024 * 1024;
    number(std::move(name), static_cast<std::int64_t>(target / kMegabyte),
           {[&target](std::int64_t value) { target = static_cast<T>(value) * kMegabyte; }, low,
            high, "MB"},
           std::move(description));
  }

  /// The same in GB of 1024 MB.
  template <std::integral T>
  void gigabytes(std::string name, T& target, std::int64_t low, std::int64_t high,
                 std::string description) {
    constexpr T kGigabyte = 1024 * 1024 * 1024;
    number(std::move(name), static_cast<std::int64_t>(target / kGigabyte),
           {[&target](std::int64_t value) { target = static_cast<T>(value) * kGigabyte; }, low,
            high, "GB"},
           std::move(description));
  }

  /// Reads TOML. Bad syntax, an unknown key, a wrong type and a value out of range are kInvalid
  /// "invalid_settings", a line of the message for each: "source:line:column: …" with what is
  /// allowed. Either the whole text is taken or, with an error, nothing of it. Never throws.
  [[nodiscard]] Result<void> load_text(std::string_view toml, std::string_view source);

  /// Same, from a file of at most 1 MiB; kNotFound if it is absent.
  [[nodiscard]] Result<void> load_file(const std::filesystem::path& path);

  /// The whole file with each setting explained and commented out at its default, by table.
  [[nodiscard]] std::string print_defaults() const;

 private:
  void number(std::string name, std::int64_t now, NumberShape shape, std::string description);

  std::vector<Setting> settings_;
};

}  // namespace flashpods
