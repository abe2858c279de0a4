#include <array>
#include <cerrno>
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <linux/kcmp.h>
#include <memory>
#include <sched.h>
#include <sstream>
#include <string_view>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "families.h"

namespace hostile {

namespace {

constexpr pid_t kInit = 1;

// Opened for writing, and left as they are.
constexpr const char* kToWrite[] = {
    "/proc/sysrq-trigger",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/sysrq",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/domainname",
    "/proc/sys/kernel/shmmax",
    "/proc/sys/kernel/msgmax",
    "/proc/sys/kernel/sem",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/kernel/pid_max",
    "/proc/sys/kernel/panic",
    "/proc/sys/kernel/randomize_va_space",
    "/proc/sys/vm/drop_caches",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/panic_on_oom",
    "/proc/sys/fs/file-max",
    "/proc/sys/fs/suid_dumpable",
    "/proc/sys/fs/inotify/max_user_instances",
    "/proc/sys/fs/mqueue/queues_max",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/net/ipv4/ping_group_range",
    "/proc/sys/net/ipv4/ip_unprivileged_port_start",
    "/proc/sys/net/ipv6/conf/all/disable_ipv6",
    "/proc/sys/net/core/somaxconn",
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/user/max_inotify_instances",
    "/proc/irq/0/smp_affinity",
    "/proc/mtrr",
    "/proc/acpi/wakeup",
    "/proc/scsi/scsi",
    "/proc/bus/pci/00/00.0",
    "/proc/fs/nfsd",
    "/proc/timer_stats",
    "/proc/self/uid_map",
    "/proc/self/gid_map",
    "/proc/self/loginuid",
    "/proc/self/attr/exec",
    "/proc/self/environ",
    "/proc/1/mem",
    "/proc/1/uid_map",
    "/proc/1/oom_score_adj",
    "/proc/1/timerslack_ns",
    "/proc/1/clear_refs",
    "/proc/1/attr/current",
    "/proc/1/exe",
    "/dev/init",
    "/run/podman-init",
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/release_agent",
    "/sys/fs/cgroup/devices/devices.allow",
    "/sys/kernel/uevent_helper",
    "/sys/kernel/profiling",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/module/overlay/parameters/metacopy",
    "/sys/power/state",
    "/sys/class/net/tap0/mtu",
    "/sys/class/net/lo/mtu",
    "/dev/mem",
    "/dev/kmem",
    "/dev/port",
    "/dev/kmsg",
    "/dev/mqueue",
    "/dev/fuse",
    "/dev/net/tun",
    "/dev/kvm",
    "/dev/vsock",
    "/dev/vhost-vsock",
    "/dev/vhost-net",
    "/dev/userfaultfd",
    "/dev/loop-control",
    "/dev/loop0",
    "/dev/mapper/control",
    "/dev/vda",
    "/dev/sda",
    "/dev/console",
    "/dev/tty",
    "/dev/tty0",
    "/dev/hpet",
    "/dev/rtc",
    "/dev/uinput",
    "/dev/snapshot",
    "/etc/passwd",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/run/.containerenv",
    "/bin/busybox",
};

// Files and directories that tell something of the host, or of other tenants.
constexpr const char* kToRead[] = {
    "/proc/kcore",          "/proc/keys",
    "/proc/key-users",      "/proc/timer_list",
    "/proc/latency_stats",  "/proc/sched_debug",
    "/proc/interrupts",     "/proc/kpagecount",
    "/proc/kpageflags",     "/proc/vmallocinfo",
    "/proc/slabinfo",       "/proc/iomem",
    "/proc/acpi",           "/proc/asound",
    "/proc/scsi",           "/proc/kmsg",
    "/proc/1/environ",      "/proc/1/root",
    "/proc/1/cwd",          "/proc/1/map_files",
    "/proc/1/stack",        "/proc/1/pagemap",
    "/sys/firmware",        "/sys/devices/virtual/powercap",
    "/sys/kernel/debug",    "/sys/kernel/tracing",
    "/sys/kernel/security", "/sys/kernel/slab",
    "/sys/fs/bpf",          "/sys/fs/selinux",
    "/sys/dev/block",       "/root",
    "/run/secrets",         "/var/run/docker.sock",
    "/run/podman",          "/run/user",
};

std::string open_for_writing(const char* path) {
  return outcome_of(::open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
}

bool has_entries(const char* path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path), ::closedir);
  const dirent* entry = directory ? ::readdir(directory.get()) : nullptr;
  while (entry != nullptr && entry->d_name[0] == '.') entry = ::readdir(directory.get());
  return entry != nullptr;
}

/// "done" if there is a byte or an entry; a file that is not there, or empty, tells as little as
/// one that is hidden.
std::string read_something(const char* path) {
  if (has_entries(path)) return "done";
  const int opened = ::open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  char byte = 0;
  return ::read(opened, &byte, 1) == 1 ? "done" : "refused";
}

std::string text_of(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// The name of a job's directory on the host is "job_" and sixteen characters.
std::string names_the_host(const char* path) {
  return text_of(path).find("/jobs/job_") == std::string::npos ? "no path of the host"
                                                               : "a path of the host";
}

std::string write_to(const char* path, std::string_view text) {
  const int opened = ::open(path, O_WRONLY | O_CLOEXEC);
  return outcome_of(::write(opened, text.data(), text.size()));
}

/// The container's init has to live on: the lines after this one say whether it does.
std::string send_every_signal() {
  for (int signal = 0; signal <= SIGRTMAX; ++signal) {
    if (::kill(kInit, signal) != 0 && errno != EINVAL) return outcome_of(-1);
  }
  return "done";
}

long queue_signal() { return ::sigqueue(kInit, SIGRTMIN, {.sival_int = 1}); }

long kill_by_pidfd() {
  const auto opened = ::syscall(SYS_pidfd_open, kInit, 0);
  return ::syscall(SYS_pidfd_send_signal, opened, SIGKILL, nullptr, 0);
}

long take_descriptor() {
  const auto opened = ::syscall(SYS_pidfd_open, kInit, 0);
  return opened < 0 ? -1 : ::syscall(SYS_pidfd_getfd, opened, 0, 0);
}

/// Detached at once: a traced init would not pass our end on.
long trace() {
  if (::ptrace(PTRACE_SEIZE, kInit, nullptr, nullptr) != 0) return -1;
  ::ptrace(PTRACE_INTERRUPT, kInit, nullptr, nullptr);
  ::waitpid(kInit, nullptr, __WALL);
  return ::ptrace(PTRACE_DETACH, kInit, nullptr, nullptr);
}

long read_memory() {
  char byte = 0;
  iovec here{&byte, 1};
  iovec there{reinterpret_cast<void*>(0x400000), 1};
  return ::process_vm_readv(kInit, &here, 1, &there, 1, 0);
}

long lower_limit() {
  rlimit limit{};
  if (::prlimit(kInit, RLIMIT_NOFILE, nullptr, &limit) != 0) return -1;
  return ::prlimit(kInit, RLIMIT_NOFILE, &limit, nullptr);
}

constexpr Call kOnInit[] = {
    {"real-time signal to PID 1", queue_signal},
    {"SIGKILL to PID 1 by pidfd", kill_by_pidfd},
    {"limits of PID 1", lower_limit},
    {"priority of PID 1", []() -> long { return ::setpriority(PRIO_PROCESS, kInit, 19); }},
    {"kill of all, signal 0", []() -> long { return ::kill(-1, 0); }},
};

// An own process's matter, and the host's settings decide (kernel.yama.ptrace_scope).
constexpr Call kTracing[] = {
    {"ptrace of PID 1", trace},
    {"memory of PID 1", read_memory},
    {"descriptor of PID 1", take_descriptor},
    {"kcmp with PID 1", [] { return ::syscall(SYS_kcmp, ::getpid(), kInit, KCMP_FILE, 0, 0); }},
};

Attempts oom_scores() {
  return {
      {"oom_score_adj -1000", [] { return write_to("/proc/self/oom_score_adj", "-1000"); }},
      {"oom_score_adj 1000", [] { return write_to("/proc/self/oom_score_adj", "1000"); }},
      {"uid_map", [] { return write_to("/proc/self/uid_map", "0 0 4294967295"); }},
      {"gid_map", [] { return write_to("/proc/self/gid_map", "0 0 4294967295"); }},
      {"setgroups", [] { return write_to("/proc/self/setgroups", "allow"); }},
  };
}

}  // namespace

Attempts proc() {
  Attempts made;
  for (const char* path : kToWrite) {
    made.push_back({std::string("write ") + path, [path] { return open_for_writing(path); }});
  }
  for (const char* path : kToRead) {
    made.push_back({std::string("read ") + path, [path] { return read_something(path); }});
  }
  for (const char* path : {"/proc/self/mountinfo", "/proc/1/mountinfo", "/proc/self/cgroup",
                           "/proc/1/cmdline", "/proc/1/environ", "/proc/mounts"}) {
    made.push_back({std::string("names in ") + path, [path] { return names_the_host(path); }});
  }
  append(made, oom_scores());
  append(made, attempts_of(kTracing, Reading::kEither));
  append(made, attempts_of(kOnInit, Reading::kRefusal));
  made.push_back({"every signal to PID 1", send_every_signal});
  return made;
}

}  // namespace hostile
