#include <csignal>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "families.h"

namespace hostile {

namespace {

struct Kind {
  const char* name;  ///< in /proc/PID/ns
  unsigned long flag;
};

constexpr Kind kKinds[] = {
    {"user", CLONE_NEWUSER},     {"mnt", CLONE_NEWNS},    {"pid", CLONE_NEWPID},
    {"net", CLONE_NEWNET},       {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS},
    {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME},
};

long ended(long child) {
  if (child == 0) ::_exit(0);
  return child < 0 ? -1 : ::waitpid(static_cast<pid_t>(child), nullptr, 0);
}

long cloned(unsigned long flags) {
  return ended(::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, 0));
}

long cloned_3(unsigned long flags) {
  clone_args arguments{};
  arguments.flags = flags;
  arguments.exit_signal = SIGCHLD;
  return ended(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

long enter(const std::string& path, unsigned long flag) {
  const int opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  return opened < 0 ? -1 : ::setns(opened, static_cast<int>(flag));
}

/// All of PID 1's namespaces by one descriptor (setns(2) since Linux 5.8).
long enter_by_pidfd() {
  const auto opened = ::syscall(SYS_pidfd_open, 1, 0);
  return opened < 0 ? -1 : ::setns(static_cast<int>(opened), CLONE_NEWNS | CLONE_NEWNET);
}

/// Does `call` where this process is the root of a user namespace of its own.
std::string as_own_root(unsigned long flags, long (*call)()) {
  if (::unshare(static_cast<int>(CLONE_NEWUSER | flags)) != 0) return outcome_of(-1);
  return outcome_of(call());
}

/// What is open to an own root only, by the namespace that it needs besides.
struct RootCall {
  Call call;
  unsigned long flags;
};

constexpr RootCall kRootCalls[] = {
    {{"mount tmpfs", []() -> long { return ::mount("x", "/tmp", "tmpfs", 0, nullptr); }},
     CLONE_NEWNS},
    {{"mount overlay",
      []() -> long { return ::mount("x", "/tmp", "overlay", 0, "lowerdir=/bin:/etc"); }},
     CLONE_NEWNS},
    {{"bind mount", []() -> long { return ::mount("/bin", "/tmp", nullptr, MS_BIND, nullptr); }},
     CLONE_NEWNS},
    {{"remount /work writable",
      []() -> long { return ::mount("", "/work", nullptr, MS_REMOUNT | MS_BIND, nullptr); }},
     CLONE_NEWNS},
    {{"unmount what hides /proc/kcore", []() -> long { return ::umount2("/proc/kcore", 0); }},
     CLONE_NEWNS},
    {{"mount proc", []() -> long { return ::mount("x", "/tmp", "proc", 0, nullptr); }},
     CLONE_NEWNS | CLONE_NEWPID},
    {{"mount sysfs", []() -> long { return ::mount("x", "/tmp", "sysfs", 0, nullptr); }},
     CLONE_NEWNS | CLONE_NEWNET},
    {{"mount mqueue", []() -> long { return ::mount("x", "/tmp", "mqueue", 0, nullptr); }},
     CLONE_NEWNS | CLONE_NEWIPC},
    {{"mount cgroup2", []() -> long { return ::mount("x", "/tmp", "cgroup2", 0, nullptr); }},
     CLONE_NEWNS | CLONE_NEWCGROUP},
    {{"packet socket", []() -> long { return ::socket(AF_PACKET, SOCK_RAW, 0); }}, CLONE_NEWNET},
    {{"raw socket", []() -> long { return ::socket(AF_INET, SOCK_RAW, 255); }}, CLONE_NEWNET},
    {{"hostname", []() -> long { return ::sethostname("x", 1); }}, CLONE_NEWUTS},
    {{"mknod", []() -> long { return ::mknod("/tmp/null", S_IFCHR | 0600, 0x103); }}, 0},
    {{"chroot", []() -> long { return ::chroot("/tmp"); }}, 0},
    {{"nested user namespace", []() -> long { return ::unshare(CLONE_NEWUSER); }}, 0},
};

Attempts of_kind(const Kind& kind) {
  const auto [name, flag] = kind;
  const auto run = [](long (*call)(unsigned long), unsigned long flags) {
    return [call, flags] { return outcome_of(call(flags)); };
  };
  const auto own = std::string("/proc/self/ns/") + name;
  const auto others = std::string("/proc/1/ns/") + name;
  const auto unshared = [](unsigned long flags) -> long {
    return ::unshare(static_cast<int>(flags));
  };
  return {
      {std::string("unshare ") + name, run(unshared, flag)},
      {std::string("unshare user and ") + name, run(unshared, flag | CLONE_NEWUSER)},
      {std::string("clone ") + name, run(cloned, flag)},
      {std::string("clone user and ") + name, run(cloned, flag | CLONE_NEWUSER)},
      {std::string("clone3 ") + name, run(cloned_3, flag)},
      {std::string("clone3 user and ") + name, run(cloned_3, flag | CLONE_NEWUSER)},
      {std::string("setns to its own ") + name,
       [own, flag] { return outcome_of(enter(own, flag)); }},
      {std::string("setns to that of PID 1, ") + name,
       [others, flag] { return outcome_of(enter(others, flag)); }},
  };
}

}  // namespace

Attempts namespaces() {
  Attempts made;
  for (const auto& kind : kKinds) {
    // CLONE_NEWTIME lies in the byte of clone(2)'s signal, which is why clone cannot make one.
    append(made, of_kind(kind));
  }
  made.push_back({"setns by pidfd", [] { return outcome_of(enter_by_pidfd()); }});
  for (const auto& [call, flags] : kRootCalls) {
    made.push_back({std::string("as its own root: ") + call.name,
                    [run = call.run, flags] { return as_own_root(flags, run); }});
  }
  return made;
}

}  // namespace hostile
