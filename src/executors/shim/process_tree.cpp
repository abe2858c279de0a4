#include "executors/shim/process_tree.h"

#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <unistd.h>

#include "base/files.h"
#include "executors/shim/proc_text.h"

namespace flashpods::shim {

namespace {

constexpr std::size_t kMostChildren = 1024 * 1024;

std::string tasks_of(pid_t process) { return "/proc/" + std::to_string(process) + "/task"; }

std::vector<pid_t> numbers_in(std::string_view text) {
  std::vector<pid_t> numbers;
  while (!text.empty()) {
    pid_t number = 0;
    const auto* const end = text.data() + text.size();
    if (const auto read = std::from_chars(text.data(), end, number); read.ec == std::errc{}) {
      numbers.push_back(number);
      text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    } else {
      text.remove_prefix(1);
    }
  }
  return numbers;
}

Process process(pid_t id) {
  Process made{id, {}};
  for (const auto& name : list_directory(tasks_of(id)).value_or(std::vector<std::string>{})) {
    for (const auto thread : numbers_in(name)) made.threads.push_back(thread);
  }
  return made;
}

/// Who has which children: of the processes asked for only, where the kernel keeps lists
/// (CONFIG_PROC_CHILDREN), else of all that there are.
class Children {
 public:
  Children() : listed_(::access("/proc/thread-self/children", F_OK) == 0) {
    if (listed_) return;
    for (const auto pid : process_ids()) by_parent_[parent_of(pid)].push_back(pid);
  }

  [[nodiscard]] std::vector<pid_t> of(const Process& parent) {
    if (!listed_) return by_parent_[parent.id];
    std::string text;
    for (const auto thread : parent.threads) {
      const auto list = tasks_of(parent.id) + '/' + std::to_string(thread) + "/children";
      text += read_file(list, kMostChildren).value_or("");
    }
    return numbers_in(text);
  }

 private:
  bool listed_;
  std::map<pid_t, std::vector<pid_t>> by_parent_;
};

}  // namespace

std::vector<Process> process_tree(pid_t root) {
  Children children;
  std::vector<Process> found{process(root)};
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const auto child : children.of(found[i])) found.push_back(process(child));
  }
  return found;
}

}  // namespace flashpods::shim
