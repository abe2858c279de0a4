#include "executors/shim/epoll_use.h"

#include <array>
#include <charconv>
#include <compare>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <set>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "base/fd.h"
#include "base/files.h"
#include "executors/shim/process_tree.h"

namespace flashpods::shim {

namespace {

constexpr std::string_view kInstance = "anon_inode:[eventpoll]";

std::string of_task(pid_t task, const char* name) { return "/proc/" + std::to_string(task) + name; }

bool is_instance(int descriptors, const char* name) {
  std::array<char, 64> target;
  const auto size = ::readlinkat(descriptors, name, target.data(), target.size());
  return size > 0 && std::string_view(target.data(), static_cast<std::size_t>(size)) == kInstance;
}

long compare(pid_t one, pid_t other, int type, int one_fd, int other_fd) {
  return ::syscall(SYS_kcmp, one, other, type, one_fd, other_fd);
}

/// What tasks have open, or their tables of descriptors: each thing once, however many have it.
class Distinct {
 public:
  explicit Distinct(int type) : known_(Less{type}) {}

  /// False if it is known.
  bool add(pid_t task, int fd) { return known_.insert({task, fd}).second; }

 private:
  struct Thing {
    pid_t task;
    int fd;
    auto operator<=>(const Thing&) const = default;
  };
  /// The kernel gives things an order (kcmp(2)). What it cannot compare, because its task has
  /// ended, counts as another one.
  struct Less {
    int type;
    bool operator()(const Thing& one, const Thing& other) const {
      const auto order = compare(one.task, other.task, type, one.fd, other.fd);
      return order < 0 ? one < other : order == 1;
    }
  };
  std::set<Thing, Less> known_;
};

/// Each watch is a line that begins with "tfd:"; no other line begins with a "t".
std::uint64_t watches_of(const std::string& fdinfo, std::uint64_t enough) {
  const Fd file(::open(fdinfo.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 65536> piece;
  std::uint64_t watches = 0;
  bool at_start = true;
  for (ssize_t size = 0;
       watches <= enough && (size = ::read(file.get(), piece.data(), piece.size())) > 0;) {
    for (const char each : std::string_view(piece.data(), static_cast<std::size_t>(size))) {
      if (at_start && each == 't') ++watches;
      at_start = each == '\n';
    }
  }
  return watches;
}

/// From Linux 6.2 on the size of /proc/PID/fd is the number of descriptors; before, it is 0.
std::uint64_t number_of_descriptors(pid_t task) {
  struct stat status{};
  const auto path = of_task(task, "/fd");
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

/// One task for each table of descriptors: threads share theirs, but need not (unshare(2)).
std::vector<pid_t> tasks_with_tables(pid_t root) {
  Distinct tables(KCMP_FILES);
  std::vector<pid_t> tasks;
  for (const auto& process : process_tree(root)) {
    for (const auto thread : process.threads) {
      if (tables.add(thread, 0)) tasks.push_back(thread);
    }
  }
  return tasks;
}

class Count {
 public:
  explicit Count(const EpollUse& enough) : enough_(enough) {}

  void add(pid_t task) {
    const auto path = of_task(task, "/fd");
    const auto directory = open_directory(path);
    if (!directory) return;
    for (const auto& name : list_directory(path).value_or(std::vector<std::string>{})) {
      if (is_over()) return;
      ++use_.descriptors;
      if (is_instance(directory->get(), name.c_str())) add_instance(task, name);
    }
  }

  [[nodiscard]] bool is_over() const {
    return use_.watches > enough_.watches || use_.descriptors > enough_.descriptors;
  }

  [[nodiscard]] EpollUse result() const { return use_; }

 private:
  void add_instance(pid_t task, const std::string& name) {
    int fd = 0;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    if (!instances_.add(task, fd)) return;
    use_.watches += watches_of(of_task(task, "/fdinfo/") + name, enough_.watches - use_.watches);
  }

  EpollUse enough_;
  EpollUse use_;
  Distinct instances_{KCMP_FILE};
};

}  // namespace

EpollUse epoll_use(pid_t root, const EpollUse& enough) {
  const auto tasks = tasks_with_tables(root);
  EpollUse quick;
  for (const auto task : tasks) quick.descriptors += number_of_descriptors(task);
  if (quick.descriptors > enough.descriptors) return quick;
  Count count(enough);
  for (const auto task : tasks) {
    if (!count.is_over()) count.add(task);
  }
  return count.result();
}

bool can_count_epoll_use() { return compare(::getpid(), ::getpid(), KCMP_FILES, 0, 0) == 0; }

}  // namespace flashpods::shim
