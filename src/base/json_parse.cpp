// JSON text to a value by events, so that depth and repeated members are seen as they come and
// nothing recurses.

#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json_reader.h"
#include "base/text.h"

namespace flashpods {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxDepth = 64;

class TreeBuilder final : public nlohmann::json_sax<json> {
 public:
  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(std::int64_t value) override { return add(value); }
  bool number_unsigned(std::uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string&) override { return add(value); }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(json::binary_t&) override { return refuse("binary data is no JSON"); }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    if (open_.back()->contains(name)) {
      return refuse(fmt::format("the member '{}' is there twice", to_one_line(name)));
    }
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    const std::string_view what = error.what();
    const std::size_t text = what.find("] ");
    return refuse(fmt::format(
        "byte {}: {}", position,
        to_one_line(text == std::string_view::npos ? what : what.substr(text + 2), 300)));
  }

  json take() { return std::move(root_); }
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  json* place(json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    json& parent = *open_.back();
    if (parent.is_object()) return &(parent[key_] = std::move(value));
    parent.push_back(std::move(value));
    return &parent.back();
  }
  bool add(json value) {
    place(std::move(value));
    return true;
  }
  bool open(json container) {
    if (open_.size() == kMaxDepth) {
      return refuse(fmt::format("it is nested deeper than {} levels", kMaxDepth));
    }
    open_.push_back(place(std::move(container)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  bool refuse(std::string why) {
    why_ = std::move(why);
    return false;
  }

  json root_;
  std::vector<json*> open_;  ///< the containers around the current value; stable while open
  std::string key_;
  std::string why_;
};

}  // namespace

Result<json> parse_json(std::string_view text) {
  // The parser takes a NUL for the end of the text, whatever follows.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    return fail(ErrorKind::kInvalid, "invalid_json",
                fmt::format("The text is not valid JSON: byte {}: a NUL byte", nul + 1));
  }
  TreeBuilder builder;
  if (json::sax_parse(text, &builder)) return builder.take();
  return fail(ErrorKind::kInvalid, "invalid_json",
              fmt::format("The text is not valid JSON: {}", builder.why()));
}

std::string dump_json(const json& value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

}  // namespace flashpods
