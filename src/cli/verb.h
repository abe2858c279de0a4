#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "async/awaitable.h"
#include "cli/parameters.h"

namespace flashpods::cli {

struct Session;

/// One call of one verb: made, given its arguments, executed once.
class Verb {
 public:
  virtual ~Verb() = default;
  /// What it takes; the targets are members of this object.
  virtual std::vector<Parameter> parameters() = 0;
  /// Does it; returns the process's exit code. Errors have been shown by then.
  virtual Awaitable<int> execute(Session& session) = 0;
};

/// How a verb is found and described; each verb's file defines one (see verb_table.cpp).
struct VerbEntry {
  std::string_view name;
  std::string_view group;    ///< its heading in `flashpods --help`
  std::string_view summary;  ///< one line
  std::string_view details;  ///< below the options: rules, exit codes, examples
  std::unique_ptr<Verb> (*make)();
  std::string_view tail = {};  ///< what may follow ("-- COMMAND…"); empty if nothing
  int failure = 1;             ///< exit code when Flashpods itself fails (usage: 2, or this if 125)
};

/// For VerbEntry::make.
template <class T>
std::unique_ptr<Verb> make_verb() {
  return std::make_unique<T>();
}

}  // namespace flashpods::cli
