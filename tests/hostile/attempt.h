#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace hostile {

/// How an outcome becomes a word that is the same on every machine.
enum class Reading : unsigned char {
  kRefusal,  ///< any errno reads "refused": which gate says no depends on kernel and runtime
  kExact,    ///< the name of the errno
  kEither,   ///< always "tried": both outcomes are right, and they depend on the machine
};

/// One try. `run` is called in a process of its own and returns "done", the name of an errno, or
/// other words, which pass as they are.
struct Attempt {
  std::string name;
  std::function<std::string()> run;
  Reading reading = Reading::kRefusal;
};

using Attempts = std::vector<Attempt>;

/// A try that is a system call: returns -1 and sets errno where it is refused.
struct Call {
  const char* name;
  long (*run)();
};

/// "done", or the name of errno if `result` is negative.
[[nodiscard]] std::string outcome_of(long result);

/// "held" if less than `bound` could be taken, else "done". How much less depends on what other
/// processes of the same user hold.
[[nodiscard]] std::string held_below(std::size_t bound, std::size_t taken);

[[nodiscard]] Attempts attempts_of(std::span<const Call> calls, Reading reading);

void append(Attempts& attempts, Attempts more);

/// Runs `attempt` in a child with a process group of its own, which is killed afterwards. A child
/// that says nothing for ten seconds gives "no answer"; one that ends without a word, "no word".
[[nodiscard]] std::string outcome(const Attempt& attempt);

/// Writes all of `text` to stdout, whatever flags its descriptor was given.
void say(const std::string& text);

}  // namespace hostile
