#pragma once
// What the forked child does before exec. It is planned in the parent, where memory may be
// allocated; carried out in the child with async-signal-safe calls only (signal-safety(7)).

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "process/child.h"

namespace flashpods {

/// Everything exec needs, laid out as the system calls want it.
class ExecPlan {
 public:
  /// `options` must outlive the plan. kUnavailable "command_not_found".
  [[nodiscard]] static Result<ExecPlan> make(const ChildOptions& options);

  /// In the child: never returns. On failure writes {step, errno} to `error_pipe` and exits.
  [[noreturn]] void carry_out(int error_pipe) const;

 private:
  explicit ExecPlan(const ChildOptions& options) : options_(options) {}

  int prepare(int& error_pipe) const;
  int place_descriptors(int& error_pipe) const;
  void close_others(int error_pipe) const;

  const ChildOptions& options_;
  std::string program_;
  std::vector<std::string> variables_;  ///< NAME=VALUE
  std::vector<char*> argv_;
  std::vector<char*> envp_;
  std::vector<int> targets_;  ///< numbers open in the program, sorted, 0 1 2 included
  mutable std::vector<int>
      sources_;  ///< room for moved copies, one for each of options.descriptors
};

/// What a failed child tells through the error pipe.
struct ExecFailure {
  int before_exec = 0;  ///< 1 if ChildOptions::before_exec failed
  int error_number = 0;
};

}  // namespace flashpods
