#include "base/failpoint.h"

#if FLASHPODS_FAILPOINTS

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/files.h"

namespace flashpods {

namespace {

constexpr const char* kWish = "FLASHPODS_FAILPOINT";
constexpr const char* kMark = "FLASHPODS_FAILPOINT_MARK";

struct Wish {
  std::string name;
  int signal = SIGKILL;
  int at_hit = 1;
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// NAME=kill, NAME=stop, NAME=kill:3
Result<Wish> parse(std::string_view text) {
  const auto equals = text.find('=');
  const auto colon = text.find(':');
  Wish wish;
  wish.name = text.substr(0, equals);
  const bool known = std::ranges::find(kFailpoints, wish.name) != std::ranges::end(kFailpoints);
  const auto word = equals == text.npos ? "" : text.substr(equals + 1, colon - equals - 1);
  bool sound = word == "kill" || word == "stop";
  wish.signal = word == "stop" ? SIGSTOP : SIGKILL;
  if (sound && colon != text.npos) {
    const auto digits = text.substr(colon + 1);
    const auto* const end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, wish.at_hit);
    sound = read.ec == std::errc{} && read.ptr == end && wish.at_hit > 0;
  }
  if (known && sound) return wish;
  return fail(ErrorKind::kInvalid, "unknown_failpoint",
              fmt::format("{}={}: {}", kWish, text,
                          known ? "say NAME=kill, NAME=stop or NAME=kill:3"
                                : "there is no such failpoint (--list-failpoints)"));
}

/// False if another process acted already.
bool leave_mark() {
  const auto path = variable(kMark);
  if (path.empty()) return true;
  const Fd mark(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  return mark && write_all(mark.get(), std::to_string(::getpid()));
}

}  // namespace

Result<void> check_failpoint_wish() {
  const auto text = variable(kWish);
  if (text.empty()) return {};
  const auto wish = parse(text);
  if (!wish) return std::unexpected(wish.error());
  return {};
}

void pass_failpoint(std::string_view name) {
  static const Wish wish = parse(variable(kWish)).value_or(Wish{});
  static std::atomic<int> hits = 0;
  if (name != wish.name || ++hits != wish.at_hit || !leave_mark()) return;
  ::kill(::getpid(), wish.signal);
}

void hand_failpoint_on(std::map<std::string, std::string>& environment) {
  for (const char* name : {kWish, kMark}) {
    if (const auto value = variable(name); !value.empty()) environment[name] = value;
  }
}

}  // namespace flashpods

#endif
