#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <linux/fs.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "families.h"

namespace hostile {

namespace {

// What is mounted for a job, and what it is told to use below that (docs/api.md).
constexpr const char* kPlaces[] = {"/work",    "/artifacts", "/tmp/flashpods",
                                   "/dev/shm", "/tmp",       "/"};
constexpr const char* kVariables[] = {"HOME",   "TMPDIR",        "CARGO_HOME", "CARGO_TARGET_DIR",
                                      "GOPATH", "PIP_CACHE_DIR", "GOCACHE"};

struct PlaceCall {
  const char* name;
  long (*run)(const std::string& place);
  Reading reading = Reading::kRefusal;
};

long make_file(const std::string& path, int flags = 0) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
}

/// And opened again, so that the tries after it meet what this one has met.
long close_and_open(const std::string& place) {
  struct stat before{};
  if (::stat(place.c_str(), &before) != 0 || ::chmod(place.c_str(), 0) != 0) return -1;
  return ::chmod(place.c_str(), before.st_mode & 07777);
}

long set_immutable(const std::string& place) {
  const int opened = ::open(place.c_str(), O_RDONLY | O_CLOEXEC);
  int flags = FS_IMMUTABLE_FL;
  return ::ioctl(opened, FS_IOC_SETFLAGS, &flags);
}

/// A file of a terabyte that holds nothing; it is removed at once.
long make_sparse(const std::string& place) {
  const auto path = place + "/sparse";
  const auto opened = make_file(path);
  if (opened < 0) return -1;
  const auto cut = ::ftruncate(static_cast<int>(opened), 1L << 40);
  ::unlink(path.c_str());
  return cut;
}

/// Eight megabytes, without a name by the time that they are written.
long fill_unnamed(const std::string& place) {
  static const std::array<char, 1 << 20> kMegabyte{};
  const auto path = place + "/unnamed";
  const auto opened = static_cast<int>(make_file(path));
  if (opened < 0) return -1;
  ::unlink(path.c_str());
  for (int i = 0; i < 8; ++i) {
    if (::write(opened, kMegabyte.data(), kMegabyte.size()) < 0) return -1;
  }
  return 0;
}

long bind_socket(const std::string& place) {
  const auto path = place + "/socket";
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int opened = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto bound = ::bind(opened, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (bound == 0) ::unlink(path.c_str());
  return bound;
}

long make_setuid(const std::string& place) {
  const auto path = place + "/setuid";
  const auto opened = make_file(path);
  if (opened < 0) return -1;
  const auto changed = ::fchmod(static_cast<int>(opened), 06755);
  ::unlink(path.c_str());
  return changed;
}

/// Names are relative to the place, and removed again where they could be made.
template <int (*Make)(const char*)>
long make_and_remove(const std::string& place) {
  const auto path = place + "/made";
  const auto made = Make(path.c_str());
  if (made == 0) ::unlink(path.c_str());
  return made;
}

constexpr PlaceCall kCalls[] = {
    {"chmod 0", close_and_open},
    {"chown to root",
     [](const std::string& place) -> long { return ::chown(place.c_str(), 0, 0); }},
    {"immutable", set_immutable},
    {"security.capability",
     [](const std::string& place) -> long {
       return ::setxattr(place.c_str(), "security.capability", "x", 1, 0);
     }},
    {"trusted.overlay.opaque",
     [](const std::string& place) -> long {
       return ::setxattr(place.c_str(), "trusted.overlay.opaque", "y", 1, 0);
     }},
    {"new file",
     make_and_remove<[](const char* path) { return make_file(path, O_EXCL) < 0 ? -1 : 0; }>},
    {"new name", make_and_remove<[](const char* path) { return ::symlink("/", path); }>},
    {"FIFO", make_and_remove<[](const char* path) { return ::mkfifo(path, 0600); }>},
    {"socket", bind_socket},
    {"character device",
     make_and_remove<[](const char* path) { return ::mknod(path, S_IFCHR | 0600, 0x103); }>},
    {"block device",
     make_and_remove<[](const char* path) { return ::mknod(path, S_IFBLK | 0600, 0x800); }>},
    // An overlay's whiteout: unprivileged on new kernels, and of no use to a job.
    {"whiteout", make_and_remove<[](const char* path) { return ::mknod(path, S_IFCHR, 0); }>,
     Reading::kEither},
    {"hard link to /etc/passwd",
     make_and_remove<[](const char* path) { return ::link("/etc/passwd", path); }>},
    {"setuid file", make_setuid},
    {"sparse file", make_sparse, Reading::kEither},  // some filesystems have a smaller limit
    {"eight megabytes without a name", fill_unnamed},
    {"future times",
     [](const std::string& place) -> long {
       constexpr timespec kTimes[2] = {{1L << 33, 0}, {1L << 33, 0}};
       return ::utimensat(AT_FDCWD, place.c_str(), kTimes, 0);
     }},
};

/// A mount point is busy; what is below one may go.
constexpr PlaceCall kRemovals[] = {
    {"rmdir", [](const std::string& place) -> long { return ::rmdir(place.c_str()); }},
    {"rename",
     [](const std::string& place) -> long {
       return ::rename(place.c_str(), (place + ".moved").c_str());
     }},
    {"exchange with /tmp",
     [](const std::string& place) -> long {
       return ::renameat2(AT_FDCWD, place.c_str(), AT_FDCWD, "/tmp", RENAME_EXCHANGE);
     }},
};

/// The directory that a variable names is gone, and something else is in its place.
long replace(const std::string& place, int (*make)(const char*)) {
  const bool away = ::rmdir(place.c_str()) == 0 || ::unlink(place.c_str()) == 0;
  return away ? make(place.c_str()) : -1;
}

constexpr PlaceCall kReplacements[] = {
    {"replaced by a link",
     [](const std::string& place) {
       return replace(place, [](const char* path) { return ::symlink("/nowhere", path); });
     }},
    {"replaced by a FIFO",
     [](const std::string& place) {
       return replace(place, [](const char* path) { return ::mkfifo(path, 0); });
     }},
    {"replaced by a file",
     [](const std::string& place) {
       return replace(place, [](const char* path) { return ::creat(path, 0) < 0 ? -1 : 0; });
     }},
};

long write_kept() {
  const auto opened = static_cast<int>(make_file("/artifacts/kept"));
  return ::write(opened, "kept\n", 5);
}

/// What a collector of artifacts meets.
constexpr Call kLeft[] = {
    {"left: an artifact", write_kept},
    {"left: a FIFO", []() -> long { return ::mkfifo("/artifacts/fifo", 0600); }},
    {"left: a link to the host",
     []() -> long { return ::symlink("/etc/passwd", "/artifacts/out"); }},
    {"left: a link to memory", []() -> long { return ::symlink("/proc/1/mem", "/artifacts/mem"); }},
    {"left: a circle", []() -> long { return ::symlink(".", "/artifacts/circle"); }},
    {"left: a file without modes", []() -> long { return ::creat("/artifacts/closed", 0); }},
    {"left: a name of two lines",
     []() -> long { return ::creat("/artifacts/kept\n../../x", 0600); }},
    {"left: a closed directory", []() -> long { return ::mkdir("/artifacts/directory", 0); }},
    {"left: /artifacts closed", []() -> long { return ::chmod("/artifacts", 0); }},
    {"left: /tmp/flashpods closed", []() -> long { return ::chmod("/tmp/flashpods", 0); }},
};

Attempts at(const std::string& name, const std::string& place, std::span<const PlaceCall> calls) {
  Attempts made;
  for (const auto& call : calls) {
    made.push_back({std::string(call.name) + " in " + name,
                    [run = call.run, place] { return outcome_of(run(place)); }, call.reading});
  }
  return made;
}

std::string value_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "/unset" : value;
}

}  // namespace

Attempts files() {
  Attempts made;
  for (const char* place : kPlaces) {
    append(made, at(place, place, kCalls));
    append(made, at(place, place, kRemovals));
  }
  for (const char* variable : kVariables) {
    const auto place = value_of(variable);
    append(made, at(variable, place, kCalls));
    append(made, at(variable, place, kReplacements));
  }
  append(made, attempts_of(kLeft, Reading::kRefusal));
  return made;
}

}  // namespace hostile
