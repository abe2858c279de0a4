#include "base/terminal_colour.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace flashpods {

namespace {

using Rgb = std::array<int, 3>;

/// xterm's colours 0 to 15; those of other terminals are close to them.
constexpr std::array<Rgb, 16> kPalette{{{0, 0, 0},
                                        {205, 0, 0},
                                        {0, 205, 0},
                                        {205, 205, 0},
                                        {0, 0, 238},
                                        {205, 0, 205},
                                        {0, 205, 205},
                                        {229, 229, 229},
                                        {127, 127, 127},
                                        {255, 0, 0},
                                        {0, 255, 0},
                                        {255, 255, 0},
                                        {92, 92, 255},
                                        {255, 0, 255},
                                        {0, 255, 255},
                                        {255, 255, 255}}};

/// Colour `index` of 256: the palette, a cube of six levels, a ramp of greys (xterm's 256colres.h).
Rgb indexed(int index) {
  if (index < 16) return kPalette[static_cast<std::size_t>(index)];
  if (index >= 232) {
    const int grey = 8 + 10 * (index - 232);
    return {grey, grey, grey};
  }
  const auto level = [](int step) { return step == 0 ? 0 : 55 + 40 * step; };
  const int cube = index - 16;
  return {level(cube / 36), level(cube / 6 % 6), level(cube % 6)};
}

/// Too close to tell text from what it is written on.
bool look_alike(const Rgb& one, const Rgb& other) {
  constexpr int kDistance = 64;
  int squares = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    const int difference = one[i] - other[i];
    squares += difference * difference;
  }
  return squares < kDistance * kDistance;
}

/// The parameters of "ESC [ 1 ; 31 m"; an empty one is 0. Nothing if it is no such sequence.
std::optional<std::vector<int>> parse_parameters(std::string_view inner) {
  std::vector<int> parameters;
  for (;;) {
    const auto end = std::min(inner.find(';'), inner.size());
    int value = 0;
    const auto read = std::from_chars(inner.data(), inner.data() + end, value);
    const bool whole = read.ptr == inner.data() + end;
    if (!whole || read.ec == std::errc::result_out_of_range || value > 255) return std::nullopt;
    parameters.push_back(value);
    if (end == inner.size()) return parameters;
    inner.remove_prefix(end + 1);
  }
}

}  // namespace

/// Gives the parameters one after the other.
class TerminalStyle::Reader {
 public:
  explicit Reader(std::vector<int> parameters) : parameters_(std::move(parameters)) {}

  [[nodiscard]] bool done() const { return at_ == parameters_.size(); }
  /// -1, which is no parameter, when there are no more.
  int next() { return done() ? -1 : parameters_[at_++]; }

  /// After 38 or 48: "5;N" or "2;R;G;B".
  std::optional<Colour> colour(int introducer) {
    const int kind = next();
    if (kind == 5) {
      const int index = next();
      if (index < 0) return std::nullopt;
      return Colour{fmt::format("{};5;{}", introducer, index), indexed(index)};
    }
    const Rgb rgb{next(), next(), next()};
    if (kind != 2 || rgb[2] < 0) return std::nullopt;
    return Colour{fmt::format("{};2;{};{};{}", introducer, rgb[0], rgb[1], rgb[2]), rgb};
  }

 private:
  std::vector<int> parameters_;
  std::size_t at_ = 0;
};

bool TerminalStyle::set_attribute(int code) {
  struct Effect {
    int code;
    bool TerminalStyle::* attribute;
    bool value;
  };
  static constexpr Effect kEffects[] = {
      {1, &TerminalStyle::bold_, true},        {2, &TerminalStyle::dim_, true},
      {3, &TerminalStyle::italic_, true},      {4, &TerminalStyle::underline_, true},
      {7, &TerminalStyle::inverse_, true},     {22, &TerminalStyle::bold_, false},
      {22, &TerminalStyle::dim_, false},       {23, &TerminalStyle::italic_, false},
      {24, &TerminalStyle::underline_, false}, {27, &TerminalStyle::inverse_, false}};
  if (code == 0) *this = {};
  bool known = code == 0;
  for (const Effect& effect : kEffects) {
    if (effect.code != code) continue;
    this->*effect.attribute = effect.value;
    known = true;
  }
  return known;
}

/// 30 to 39 and 90 to 97 are of the foreground; 10 more, of the background.
bool TerminalStyle::set_colour(int code, Reader& parameters) {
  const bool behind = (code >= 40 && code <= 49) || (code >= 100 && code <= 107);
  const int kind = behind ? code - 10 : code;
  Colour colour;
  if (kind >= 30 && kind <= 37) {
    colour = {std::to_string(code), indexed(kind - 30)};
  } else if (kind >= 90 && kind <= 97) {
    colour = {std::to_string(code), indexed(kind - 90 + 8)};
  } else if (kind == 38) {
    auto extended = parameters.colour(code);
    if (!extended) return false;
    colour = std::move(*extended);
  } else if (kind != 39) {
    return false;
  }
  (behind ? background_ : foreground_) = std::move(colour);
  return true;
}

bool TerminalStyle::apply(Reader& parameters) {
  const int code = parameters.next();
  return set_attribute(code) || set_colour(code, parameters);
}

bool TerminalStyle::hides_text() const {
  const bool both = !foreground_.parameters.empty() && !background_.parameters.empty();
  return both && look_alike(foreground_.rgb, background_.rgb);
}

std::size_t TerminalStyle::accept(std::string_view bytes) {
  if (!bytes.starts_with("\x1b[")) return 0;
  bytes = bytes.substr(0, kLongestColour);
  const std::size_t end = bytes.find_first_not_of("0123456789;", 2);
  if (end == std::string_view::npos || bytes[end] != 'm') return 0;
  auto parsed = parse_parameters(bytes.substr(2, end - 2));
  if (!parsed) return 0;
  Reader parameters(std::move(*parsed));
  TerminalStyle changed = *this;
  while (!parameters.done()) {
    if (!changed.apply(parameters)) return 0;
  }
  if (changed.hides_text()) return 0;
  *this = std::move(changed);
  return end + 1;
}

std::string TerminalStyle::sequence() const {
  std::string parameters;
  const auto add = [&parameters](bool set, std::string_view parameter) {
    if (!set) return;
    if (!parameters.empty()) parameters += ';';
    parameters += parameter;
  };
  add(bold_, "1");
  add(dim_, "2");
  add(italic_, "3");
  add(underline_, "4");
  add(inverse_, "7");
  add(!foreground_.parameters.empty(), foreground_.parameters);
  add(!background_.parameters.empty(), background_.parameters);
  return parameters.empty() ? "" : "\x1b[" + parameters + "m";
}

}  // namespace flashpods
