#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "families.h"

namespace hostile {

namespace {

constexpr std::pair<__rlimit_resource, const char*> kLimits[] = {
    {RLIMIT_AS, "AS"},           {RLIMIT_CORE, "CORE"},         {RLIMIT_CPU, "CPU"},
    {RLIMIT_DATA, "DATA"},       {RLIMIT_FSIZE, "FSIZE"},       {RLIMIT_LOCKS, "LOCKS"},
    {RLIMIT_MEMLOCK, "MEMLOCK"}, {RLIMIT_MSGQUEUE, "MSGQUEUE"}, {RLIMIT_NICE, "NICE"},
    {RLIMIT_NOFILE, "NOFILE"},   {RLIMIT_NPROC, "NPROC"},       {RLIMIT_RSS, "RSS"},
    {RLIMIT_RTPRIO, "RTPRIO"},   {RLIMIT_RTTIME, "RTTIME"},     {RLIMIT_SIGPENDING, "SIGPENDING"},
    {RLIMIT_STACK, "STACK"}};

/// "unlimited" where there is nothing to raise.
std::string raise_limit(__rlimit_resource resource) {
  rlimit limit{};
  ::getrlimit(resource, &limit);
  if (limit.rlim_max == RLIM_INFINITY) return "unlimited";
  limit.rlim_max += 1;
  limit.rlim_cur = limit.rlim_max;
  return outcome_of(::setrlimit(resource, &limit));
}

/// Takes until `bound` are held or the kernel says no; the end of this process gives all back.
std::string take(std::size_t bound, bool (*one)()) {
  std::size_t taken = 0;
  while (taken < bound && one()) ++taken;
  return held_below(bound, taken);
}

/// A child that lives until its process group is killed. Namespaces of its own: `flags`.
bool keep_child(int flags) {
  int ends[2];
  if (::pipe(ends) != 0) return false;
  const auto child = ::fork();
  if (child == 0) {
    const char ready = flags == 0 || ::unshare(flags) == 0 ? 'y' : 'n';
    [[maybe_unused]] const auto told = ::write(ends[1], &ready, 1);
    while (ready == 'y') ::pause();
    ::_exit(0);
  }
  char ready = 'n';
  ::close(ends[1]);
  const bool kept = child > 0 && ::read(ends[0], &ready, 1) == 1 && ready == 'y';
  ::close(ends[0]);
  return kept;
}

bool keep_process() {
  const auto child = ::fork();
  if (child == 0) {
    while (true) ::pause();
  }
  return child > 0;
}

void* wait_for_ever(void*) {
  while (true) ::pause();
}

bool keep_thread() {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, 65536);
  pthread_t thread{};
  return ::pthread_create(&thread, &attributes, wait_for_ever, nullptr) == 0;
}

bool keep_signal() {
  static const bool kBlocked = [] {
    ::signal(SIGRTMIN, SIG_DFL);  // an ignored signal is not queued
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGRTMIN);
    return ::sigprocmask(SIG_BLOCK, &signals, nullptr) == 0;
  }();
  return kBlocked && ::sigqueue(::getpid(), SIGRTMIN, {.sival_int = 0}) == 0;
}

bool keep_message_queue() {
  static int number = 0;
  const auto name = "/hostile" + std::to_string(++number);
  const auto opened = ::mq_open(name.c_str(), O_RDWR | O_CREAT, 0600, nullptr);
  ::mq_unlink(name.c_str());
  return opened >= 0;
}

bool keep_large_pipe() {
  int ends[2];
  return ::pipe(ends) == 0 && ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) > 0;
}

bool keep_memory_file() {
  const int opened = ::memfd_create("hostile", MFD_CLOEXEC);
  return opened >= 0 && ::ftruncate(opened, 1 << 20) == 0;
}

bool keep_watch() {
  static const int kInstance = ::inotify_init1(IN_CLOEXEC);
  static int number = 0;
  const auto path = "/dev/shm/watched" + std::to_string(++number);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ::close(file);
  const bool watched = ::inotify_add_watch(kInstance, path.c_str(), IN_MODIFY) >= 0;
  ::unlink(path.c_str());
  return watched;
}

bool lock_memory() {
  auto* memory =
      ::mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory != MAP_FAILED && ::mlock(memory, 1 << 20) == 0;
}

/// 64 MB are a job's (--shm-size). The name goes at once, the megabytes with this process.
bool fill_shared_memory() {
  static const int kFile = [] {
    const int opened = ::open("/dev/shm/full", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ::unlink("/dev/shm/full");
    return opened;
  }();
  static const std::array<char, 1 << 20> kMegabyte{};
  return ::write(kFile, kMegabyte.data(), kMegabyte.size()) ==
         static_cast<ssize_t>(kMegabyte.size());
}

bool keep_in_flight() {
  int ends[2];
  return ::socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0;
}

struct Resource {
  const char* name;
  std::size_t bound;
  bool (*one)();
  Reading reading = Reading::kRefusal;
};

// Bounds: a little above what a job is to have, or what a job may well have. Where the host's own
// settings or other jobs of the user decide, both outcomes are right.
constexpr Resource kResources[] = {
    {"processes", 3000, keep_process},
    {"threads", 3000, keep_thread},
    {"user namespaces", 64, [] { return keep_child(CLONE_NEWUSER); }},
    {"network namespaces", 16, [] { return keep_child(CLONE_NEWUSER | CLONE_NEWNET); }},
    {"mount namespaces", 64, [] { return keep_child(CLONE_NEWUSER | CLONE_NEWNS); }},
    {"IPC namespaces", 64, [] { return keep_child(CLONE_NEWUSER | CLONE_NEWIPC); }},
    {"pending signals", 20'000, keep_signal},
    {"POSIX message queues", 64, keep_message_queue},
    {"System V message queues", 64,
     [] { return ::syscall(SYS_msgget, IPC_PRIVATE, 0600 | IPC_CREAT) >= 0; }},
    {"System V segments", 64, [] { return ::shmget(IPC_PRIVATE, 4096, 0600 | IPC_CREAT) >= 0; }},
    {"System V semaphores", 64, [] { return ::semget(IPC_PRIVATE, 1, 0600 | IPC_CREAT) >= 0; }},
    {"pipes of a megabyte", 80, keep_large_pipe, Reading::kEither},
    {"memory files", 64, keep_memory_file},
    {"event descriptors", 1000, [] { return ::eventfd(0, EFD_CLOEXEC) >= 0; }},
    {"pseudo terminals", 100, [] { return ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC) >= 0; }},
    {"inotify instances", 256, [] { return ::inotify_init1(IN_CLOEXEC) >= 0; }, Reading::kEither},
    {"inotify watches", 1000, keep_watch, Reading::kEither},
    {"locked memory", 64, lock_memory, Reading::kEither},
    {"/dev/shm", 80, fill_shared_memory},
    {"open files", 4000, [] { return ::open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0; },
     Reading::kEither},
    {"socket pairs", 400, keep_in_flight},
};

}  // namespace

Attempts limits() {
  Attempts made;
  for (const auto& [resource, name] : kLimits) {
    made.push_back({std::string("RLIMIT_") + name, [resource] { return raise_limit(resource); },
                    Reading::kExact});
  }
  for (const auto& resource : kResources) {
    made.push_back({resource.name,
                    [bound = resource.bound, one = resource.one] { return take(bound, one); },
                    resource.reading});
  }
  return made;
}

}  // namespace hostile
