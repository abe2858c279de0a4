#include "cli/table.h"

#include <algorithm>

#include "base/text.h"

namespace flashpods::cli {
namespace {

constexpr std::size_t kMaxCellBytes = 400;

using Row = std::vector<Cell>;

// Code points, not bytes: good enough without a locale.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

Row escaped(const Row& row) {
  Row result;
  for (const auto& cell : row) {
    result.emplace_back(to_one_line(cell.text, kMaxCellBytes), cell.style);
  }
  return result;
}

std::vector<std::size_t> column_widths(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i].text));
    }
  }
  return widths;
}

std::string render_row(const Row& row, const std::vector<std::size_t>& widths, bool colour) {
  std::string line;
  std::size_t pending = 0;  // padding is written only when something follows it
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!row[i].text.empty()) {
      line += std::string(pending, ' ') + paint(row[i].text, row[i].style, colour);
      pending = 0;
    }
    pending += widths[i] - width_of(row[i].text) + 2;
  }
  return line + '\n';
}

}  // namespace

std::string Table::render(bool colour) const {
  if (rows_.empty()) return {};
  std::vector<Row> rows;
  if (!header_.empty()) {
    auto& heading = rows.emplace_back();
    for (const auto& name : header_) heading.emplace_back(name, Style::kBold);
  }
  for (const auto& row : rows_) rows.push_back(escaped(row));
  const auto widths = column_widths(rows);
  std::string text;
  for (const auto& row : rows) text += render_row(row, widths, colour);
  return text;
}

}  // namespace flashpods::cli
