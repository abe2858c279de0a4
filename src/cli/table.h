#pragma once

#include <string>
#include <vector>

#include "cli/console.h"

namespace flashpods::cli {

/// Text from anywhere (it is escaped when rendered) and how it looks.
struct Cell {
  std::string text;
  Style style = Style::kPlain;
  Cell(std::string t, Style s = Style::kPlain) : text(std::move(t)), style(s) {}
  Cell(const char* t, Style s = Style::kPlain) : text(t), style(s) {}
};

/// Columns aligned left with two spaces between them; the last one is not padded.
class Table {
 public:
  /// An empty header leaves the heading line out.
  explicit Table(std::vector<std::string> header = {}) : header_(std::move(header)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// Ends with a newline, unless there is nothing to show.
  [[nodiscard]] std::string render(bool colour) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace flashpods::cli
