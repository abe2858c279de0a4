#include <array>
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <memory>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "families.h"

namespace hostile {

namespace {

struct DescriptorCall {
  const char* name;
  long (*run)(int descriptor);
  Reading reading = Reading::kExact;
};

std::string path_of(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

long add_flags(int descriptor, int flags) {
  return ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | flags);
}

long lock_record(int descriptor) {
  struct flock lock{.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1, .l_pid = 0};
  return ::fcntl(descriptor, F_SETLK, &lock);
}

long set_immutable(int descriptor) {
  int flags = FS_IMMUTABLE_FL | FS_APPEND_FL;
  return ::ioctl(descriptor, FS_IOC_SETFLAGS, &flags);
}

/// What the descriptor's file lets one do who has a name for it. What it is depends on the stream:
/// stdin is /dev/null, stdout and stderr are FIFOs of the job's own.
constexpr DescriptorCall kCalls[] = {
    {"lseek", [](int fd) -> long { return ::lseek(fd, 0, SEEK_SET); }},
    {"ftruncate", [](int fd) -> long { return ::ftruncate(fd, 0); }},
    {"fallocate", [](int fd) -> long { return ::fallocate(fd, 0, 0, 4096); }},
    {"fsync", [](int fd) -> long { return ::fsync(fd); }},
    {"mmap",
     [](int fd) -> long {
       return ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0;
     }},
    {"flock", [](int fd) -> long { return ::flock(fd, LOCK_EX | LOCK_NB); }},
    {"F_SETLK", lock_record},
    {"F_SETLEASE", [](int fd) -> long { return ::fcntl(fd, F_SETLEASE, F_WRLCK); }},
    {"F_NOTIFY", [](int fd) -> long { return ::fcntl(fd, F_NOTIFY, DN_MODIFY | DN_MULTISHOT); }},
    {"F_ADD_SEALS", [](int fd) -> long { return ::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE); }},
    {"immutable", set_immutable, Reading::kRefusal},
    {"setxattr", [](int fd) -> long { return ::fsetxattr(fd, "user.x", "x", 1, 0); },
     Reading::kRefusal},
    {"TIOCSTI", [](int fd) -> long { return ::ioctl(fd, TIOCSTI, "x"); }, Reading::kRefusal},
    {"chown to root", [](int fd) -> long { return ::fchown(fd, 0, 0); }},
    {"chown to itself", [](int fd) -> long { return ::fchown(fd, ::getuid(), ::getgid()); }},
    {"future times",
     [](int fd) -> long {
       constexpr timespec kTimes[2] = {{1L << 33, 0}, {1L << 33, 0}};
       return ::futimens(fd, kTimes);
     }},
    {"hard link",
     [](int fd) -> long {
       return ::linkat(AT_FDCWD, path_of(fd).c_str(), AT_FDCWD, "/artifacts/descriptor",
                       AT_SYMLINK_FOLLOW);
     }},
    {"unlink", [](int fd) -> long { return ::unlink(path_of(fd).c_str()); }, Reading::kRefusal},
    {"rename",
     [](int fd) -> long { return ::rename(path_of(fd).c_str(), "/artifacts/descriptor"); },
     Reading::kRefusal},
    {"open for reading",
     [](int fd) -> long { return ::open(path_of(fd).c_str(), O_RDONLY | O_NONBLOCK); }},
    {"open for writing",
     [](int fd) -> long { return ::open(path_of(fd).c_str(), O_WRONLY | O_NONBLOCK); }},
    {"truncate by name", [](int fd) -> long { return ::truncate(path_of(fd).c_str(), 0); }},
    // Fails while something is in the pipe, and without room in what a user's pipes may have.
    {"F_SETPIPE_SZ, a page", [](int fd) -> long { return ::fcntl(fd, F_SETPIPE_SZ, 4096); },
     Reading::kEither},
    {"F_SETPIPE_SZ, a megabyte", [](int fd) -> long { return ::fcntl(fd, F_SETPIPE_SZ, 1 << 20); },
     Reading::kEither},
    {"F_SETSIG", [](int fd) -> long { return ::fcntl(fd, F_SETSIG, SIGKILL); }},
    {"F_SETOWN to PID 1", [](int fd) -> long { return ::fcntl(fd, F_SETOWN, 1); }},
    {"O_ASYNC", [](int fd) -> long { return add_flags(fd, O_ASYNC); }},
    {"O_APPEND", [](int fd) -> long { return add_flags(fd, O_APPEND); }},
    {"O_DIRECT", [](int fd) -> long { return add_flags(fd, O_DIRECT); }},
    {"O_NONBLOCK", [](int fd) -> long { return add_flags(fd, O_NONBLOCK); }},
    {"chmod 0", [](int fd) -> long { return ::fchmod(fd, 0); }},
};

/// A path of the host is an outcome, and which one it is depends on the state directory.
std::string name_of(int descriptor) {
  std::array<char, 4096> name;
  const auto size = ::readlink(path_of(descriptor).c_str(), name.data(), name.size());
  if (size < 0) return outcome_of(size);
  const std::string text(name.data(), static_cast<std::size_t>(size));
  return text.find("/job") == std::string::npos ? "no path of the host" : "a path of the host";
}

const char* type_of(mode_t mode) {
  if (S_ISFIFO(mode)) return "FIFO";
  if (S_ISCHR(mode)) return "device";
  if (S_ISSOCK(mode)) return "socket";
  return S_ISREG(mode) ? "file" : "other";
}

/// Descriptors below 1024 that are open in this process, and what they are.
std::string open_descriptors() {
  std::string found;
  for (int descriptor = 0; descriptor < 1024; ++descriptor) {
    struct stat status{};
    if (::fstat(descriptor, &status) != 0) continue;
    if (!found.empty()) found += ", ";
    found += std::to_string(descriptor) + ' ' + type_of(status.st_mode);
  }
  return found;
}

/// Opens what others have open, for writing: PID 1, and the parent of this process.
std::string descriptors_of(pid_t process) {
  const auto directory = "/proc/" + std::to_string(process) + "/fd/";
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(directory.c_str()), ::closedir);
  if (!entries) return outcome_of(-1);
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    const auto path = directory + std::to_string(descriptor);
    if (::open(path.c_str(), O_RDWR | O_NONBLOCK) < 0) return outcome_of(-1);
  }
  return "done";
}

}  // namespace

Attempts descriptors() {
  Attempts made = {
      {"open ones", [found = open_descriptors()] { return found; }},  // a try has one more
      {"those of PID 1", [] { return descriptors_of(1); }},
      {"those of its parent", [] { return descriptors_of(::getppid()); }},
  };
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    const auto suffix = " of " + std::to_string(stream);
    made.push_back({"name" + suffix, [stream] { return name_of(stream); }});
  }
  for (const auto& call : kCalls) {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      made.push_back({std::string(call.name) + " of " + std::to_string(stream),
                      [run = call.run, stream] { return outcome_of(run(stream)); }, call.reading});
    }
  }
  return made;
}

}  // namespace hostile
