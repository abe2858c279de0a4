#include "cli/console.h"

#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"

namespace flashpods::cli {
namespace {

bool colour_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  const char* term = std::getenv("TERM");
  return term != nullptr && std::string_view{term} != "dumb";
}

const char* start_of(Style style) {
  switch (style) {
    case Style::kBold:
      return "\x1b[1m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kGood:
      return "\x1b[32m";
    case Style::kWarn:
      return "\x1b[33m";
    case Style::kBad:
      return "\x1b[31m";
    case Style::kPlain:
      break;
  }
  return "";
}

}  // namespace

Stream inspect_stream(int fd) {
  Stream stream{.fd = fd, .terminal = ::isatty(fd) == 1};
  winsize size{};
  if (stream.terminal && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    stream.columns = size.ws_col;
  }
  stream.colour = stream.terminal && colour_wanted();
  return stream;
}

std::string paint(std::string_view text, Style style, bool colour) {
  if (!colour || style == Style::kPlain || text.empty()) return std::string{text};
  return start_of(style) + std::string{text} + "\x1b[0m";
}

bool Console::interactive() const { return err_.terminal && ::isatty(STDIN_FILENO) == 1; }

// A reader that went away is a SIGPIPE; any other failed write leaves nobody to tell.
void Console::print(std::string_view text) { (void)write_all(out_.fd, text); }

void Console::line(std::string_view text) { print(std::string{text} + '\n'); }

void Console::note(std::string_view text) { (void)write_all(err_.fd, std::string{text} + '\n'); }

/// To a terminal in ASCII alone: the same value, and no control character beyond ASCII in it.
void Console::json(const nlohmann::json& value) {
  constexpr auto kReplace = nlohmann::json::error_handler_t::replace;
  line(out_.terminal ? value.dump(2, ' ', true, kReplace) : dump_json(value, 2));
}

void Console::error(const Error& error) {
  note(paint("flashpods: ", Style::kBad, err_.colour) + to_terminal_text(error.message));
}

}  // namespace flashpods::cli
