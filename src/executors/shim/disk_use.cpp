#include "executors/shim/disk_use.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <linux/magic.h>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/files.h"
#include "executors/shim/process_tree.h"
#include "executors/shim/user_namespace.h"

namespace flashpods::shim {

namespace {

constexpr std::uint64_t kBlock = 512;  // the unit of st_blocks, stat(3type)
/// Files without content cost the filesystem too, and it may have room for no more of them. At this
/// rate what a job may still write below the host's floor is a small part of the files there.
constexpr std::uint64_t kPerFile = 4096;
constexpr int kNice = 10;

bool is_in_memory(const std::string& path) {
  struct statfs system{};
  return ::statfs(path.c_str(), &system) == 0 &&
         (system.f_type == TMPFS_MAGIC || system.f_type == HUGETLBFS_MAGIC);
}

std::uint64_t nameless_files(pid_t init) {
  std::uint64_t bytes = 0;
  std::set<std::pair<dev_t, ino_t>> seen;
  for (const auto& process : process_tree(init)) {
    const auto directory = "/proc/" + std::to_string(process.id) + "/fd";
    const auto descriptors = list_directory(directory);
    if (!descriptors) continue;
    for (const auto& number : *descriptors) {
      const auto path = directory + '/' + number;
      struct stat status{};
      if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
      if (status.st_nlink > 0 || is_in_memory(path)) continue;
      if (!seen.emplace(status.st_dev, status.st_ino).second) continue;
      bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlock;
    }
  }
  return bytes;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value = 0;
  const auto* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  return read.ec == std::errc{} && read.ptr == end ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> disk_use(PodmanTool& tool, const ToolLimits& limits, pid_t init,
                                      const std::vector<std::string>& trees) {
  std::vector<std::string> argv{"/proc/self/exe", kDiskUseArgument, std::to_string(init)};
  argv.insert(argv.end(), trees.begin(), trees.end());
  const auto result = tool.run(argv, limits);
  return result.ok() ? number<std::uint64_t>(result.out) : std::nullopt;
}

int run_disk_use(const std::vector<std::string>& arguments) {
  const auto init = arguments.empty() ? std::nullopt : number<pid_t>(arguments.front());
  if (!init) return EXIT_FAILURE;
  ::setpriority(PRIO_PROCESS, 0, kNice);
  if (*init > 1) enter_user_namespace(*init);  // modes that the job chose hide nothing then
  std::uint64_t bytes = *init > 1 ? nameless_files(*init) : 0;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const auto tree = measure_tree(arguments[i]);
    if (!tree) {
      std::fprintf(stderr, "%s\n", tree.error().message.c_str());
      return EXIT_FAILURE;
    }
    bytes += tree->bytes + kPerFile * tree->files;
  }
  std::printf("%llu", static_cast<unsigned long long>(bytes));
  return EXIT_SUCCESS;
}

}  // namespace flashpods::shim
