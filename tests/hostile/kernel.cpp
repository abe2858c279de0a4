#include <fcntl.h>
#include <grp.h>
#include <linux/aio_abi.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/fanotify.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/quota.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "families.h"

namespace hostile {

namespace {

constexpr unsigned kKeyring = static_cast<unsigned>(KEY_SPEC_SESSION_KEYRING);

long count_instructions(pid_t process, int cpu) {
  perf_event_attr event{};
  event.size = sizeof event;
  event.type = PERF_TYPE_SOFTWARE;
  event.config = PERF_COUNT_SW_CPU_CLOCK;
  return ::syscall(SYS_perf_event_open, &event, process, cpu, -1, 0);
}

long make_map() {
  bpf_attr map{};
  map.map_type = BPF_MAP_TYPE_ARRAY;
  map.key_size = map.value_size = 4;
  map.max_entries = 1;
  return ::syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof map);
}

long make_ring() {
  io_uring_params parameters{};
  return ::syscall(SYS_io_uring_setup, 1, &parameters);
}

long make_aio_context() {
  aio_context_t context = 0;
  return ::syscall(SYS_io_setup, 1, &context);
}

/// The clock is set to what it is; without the capability the kernel says so before it compares.
long set_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return ::clock_settime(CLOCK_REALTIME, &now);
}

long adjust_clock() {
  timex nothing{};
  nothing.modes = ADJ_NANO;
  return ::adjtimex(&nothing);
}

long take_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct all[2] = {{~0U, ~0U, ~0U}, {~0U, ~0U, ~0U}};
  return ::syscall(SYS_capset, &header, all);
}

long set_mount_attributes() {
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  return ::syscall(SYS_mount_setattr, AT_FDCWD, "/work", 0, &read_only, sizeof read_only);
}

long open_by_handle() {
  struct {
    file_handle head;
    unsigned char bytes[8];
  } handle{};
  handle.head.handle_bytes = sizeof handle.bytes;
  handle.head.handle_type = 1;
  handle.bytes[0] = 2;
  return ::open_by_handle_at(AT_FDCWD, &handle.head, O_RDONLY);
}

long listen_to_itself() {
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, nullptr);
}

/// setfsuid(2) tells of no error: what counts is whose files may be written then.
long write_as_root() {
  ::setfsuid(0);
  return ::open("/etc/passwd", O_WRONLY | O_CLOEXEC);
}

long real_time(int policy) {
  const sched_param priority{.sched_priority = 1};
  return ::sched_setscheduler(0, policy, &priority);
}

constexpr Call kProgramming[] = {
    {"bpf", make_map},
    {"perf_event_open of itself", [] { return count_instructions(0, -1); }},
    {"perf_event_open of the CPU", [] { return count_instructions(-1, 0); }},
    {"userfaultfd", [] { return ::syscall(SYS_userfaultfd, O_CLOEXEC); }},
    {"io_uring_setup", make_ring},
    {"io_setup", make_aio_context},
    {"seccomp listener", listen_to_itself},
    {"fanotify_init", [] { return ::syscall(SYS_fanotify_init, FAN_CLASS_CONTENT, O_RDONLY); }},
    {"kexec_load", [] { return ::syscall(SYS_kexec_load, 0, 0, nullptr, 0); }},
    {"kexec_file_load", [] { return ::syscall(SYS_kexec_file_load, -1, -1, 0, "", 0); }},
    {"init_module", [] { return ::syscall(SYS_init_module, nullptr, 0, ""); }},
    {"finit_module", [] { return ::syscall(SYS_finit_module, -1, "", 0); }},
    {"delete_module", [] { return ::syscall(SYS_delete_module, "nothing_of_this_name", 0); }},
    {"add_key", [] { return ::syscall(SYS_add_key, "user", "x", "x", 1, kKeyring); }},
    {"request_key", [] { return ::syscall(SYS_request_key, "user", "x", nullptr, 0); }},
    {"keyctl", [] { return ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "hostile"); }},
};

// Hides a job's memory from the kernel's own maps; an option of the kernel's decides.
constexpr Call kOwnMemory[] = {
    {"memfd_secret", [] { return ::syscall(SYS_memfd_secret, 0); }},
};

constexpr Call kMachine[] = {
    {"reboot", []() -> long { return ::reboot(RB_DISABLE_CAD); }},
    {"swapon", []() -> long { return ::swapon("/tmp/nothing", 0); }},
    {"swapoff", []() -> long { return ::swapoff("/tmp/nothing"); }},
    {"syslog", []() -> long { return ::klogctl(3, nullptr, 0); }},
    {"settimeofday", [] { return ::syscall(SYS_settimeofday, nullptr, nullptr); }},
    {"clock_settime", set_clock},
    {"adjtimex", adjust_clock},
    {"sethostname", []() -> long { return ::sethostname("x", 1); }},
    {"setdomainname", []() -> long { return ::setdomainname("x", 1); }},
    {"acct", []() -> long { return ::acct(nullptr); }},
    {"quotactl", []() -> long { return ::quotactl(QCMD(Q_SYNC, USRQUOTA), nullptr, 0, nullptr); }},
    {"vhangup", [] { return ::syscall(SYS_vhangup); }},
#ifdef SYS_iopl
    {"iopl", [] { return ::syscall(SYS_iopl, 3); }},
    {"ioperm", [] { return ::syscall(SYS_ioperm, 0x80, 1, 1); }},
#endif
};

constexpr Call kMounts[] = {
    {"mount tmpfs", []() -> long { return ::mount("x", "/tmp", "tmpfs", 0, nullptr); }},
    {"mount proc", []() -> long { return ::mount("x", "/tmp", "proc", 0, nullptr); }},
    {"bind mount", []() -> long { return ::mount("/bin", "/tmp", nullptr, MS_BIND, nullptr); }},
    {"remount /work",
     []() -> long { return ::mount("", "/work", nullptr, MS_REMOUNT | MS_BIND, nullptr); }},
    {"make / shared",
     []() -> long { return ::mount("", "/", nullptr, MS_REC | MS_SHARED, nullptr); }},
    {"move /artifacts",
     []() -> long { return ::mount("/artifacts", "/tmp", nullptr, MS_MOVE, nullptr); }},
    {"unmount /artifacts", []() -> long { return ::umount2("/artifacts", MNT_DETACH); }},
    {"unmount /proc/kcore", []() -> long { return ::umount2("/proc/kcore", MNT_DETACH); }},
    {"pivot_root", [] { return ::syscall(SYS_pivot_root, "/work", "/work"); }},
    {"chroot", []() -> long { return ::chroot("/work"); }},
    {"fsopen", [] { return ::syscall(SYS_fsopen, "tmpfs", 0); }},
    {"fspick", [] { return ::syscall(SYS_fspick, AT_FDCWD, "/work", 0); }},
    {"open_tree", [] { return ::syscall(SYS_open_tree, AT_FDCWD, "/work", 1); }},
    {"move_mount", [] { return ::syscall(SYS_move_mount, -1, "", AT_FDCWD, "/tmp", 4); }},
    {"mount_setattr", set_mount_attributes},
    {"open_by_handle_at", open_by_handle},
    {"mknod of a disk", []() -> long { return ::mknod("/tmp/disk", S_IFBLK | 0600, 0x800); }},
    {"mknod of memory", []() -> long { return ::mknod("/tmp/mem", S_IFCHR | 0600, 0x101); }},
};

constexpr Call kIdentity[] = {
    {"setuid", []() -> long { return ::setuid(0); }},
    {"setgid", []() -> long { return ::setgid(0); }},
    {"setfsuid", write_as_root},
    {"setgroups",
     []() -> long {
       const gid_t root = 0;
       return ::setgroups(1, &root);
     }},
    {"capset", take_capabilities},
    {"ambient capability",
     []() -> long { return ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0); }},
    {"drop of the bounding set", []() -> long { return ::prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN); }},
    {"no_new_privs unset", []() -> long { return ::prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0); }},
    {"personality", [] { return ::syscall(SYS_personality, 0x0400000); }},
    {"priority", []() -> long { return ::setpriority(PRIO_PROCESS, 0, -20); }},
    {"SCHED_FIFO", [] { return real_time(SCHED_FIFO); }},
    {"SCHED_RR", [] { return real_time(SCHED_RR); }},
    {"I/O priority", [] { return ::syscall(SYS_ioprio_set, 1, 0, 1 << 13); }},
    {"mbind", [] { return ::syscall(SYS_mbind, nullptr, 0, 0, nullptr, 0, 0); }},
    {"set_mempolicy", [] { return ::syscall(SYS_set_mempolicy, 0, nullptr, 0); }},
    {"move_pages", [] { return ::syscall(SYS_move_pages, 0, 0, nullptr, nullptr, nullptr, 0); }},
};

}  // namespace

Attempts kernel() {
  Attempts made;
  append(made, attempts_of(kProgramming, Reading::kRefusal));
  append(made, attempts_of(kOwnMemory, Reading::kEither));
  append(made, attempts_of(kMachine, Reading::kRefusal));
  append(made, attempts_of(kMounts, Reading::kRefusal));
  append(made, attempts_of(kIdentity, Reading::kRefusal));
  return made;
}

}  // namespace hostile
