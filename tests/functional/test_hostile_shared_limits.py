"""Attack 12: what all processes of one user share, used up by one job. The next job starts."""

import os
import pathlib
import resource

import psutil
import pytest

from flashpods_test import jobs, podman, processes
from flashpods_test.waiting import wait_until

# Each takes as much as it gets, says how much that was and how much the kernel's limit allows, and
# keeps it until it is let go.
PRELUDE = """
import ctypes, errno, fcntl, os, platform, resource, signal, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
kept = []

def take_all(take, most):
    taken = 0
    while taken < most:
        try:
            kept.append(take())
        except OSError:
            break
        taken += 1
    return taken

def kernel(name):
    with open("/proc/sys/" + name) as file:
        return int(file.read())

def descriptors():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

def hold(taken, limit=0):
    print(f"took {taken} of {limit}", flush=True)
    while not os.path.exists("/artifacts/.go"):
        time.sleep(0.05)
    os.remove("/artifacts/.go")
"""

# A session keyring each: what runc makes for a container as well (keyctl(2)).
KEYRINGS = """
number = {"x86_64": 250, "aarch64": 219}[platform.machine()]
reading, writing = os.pipe()
for i in range(300):
    if os.fork() == 0:
        joined = libc.syscall(number, 1, b"hostile-%d" % i) > 0
        forbidden = not joined and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS)
        os.write(writing, b"n" if forbidden else b"y")
        signal.pause()
answers = b""
while len(answers) < 300:
    answers += os.read(reading, 300)
hold(answers.count(b"y"), 200)
os.kill(0, signal.SIGKILL)
"""

# A job has a sixteenth of the host's (namespace_limits.h).
INOTIFY = """
def instance():
    made = libc.inotify_init1(0)
    if made < 0:
        raise OSError
    return made
limit = kernel("fs/inotify/max_user_instances")
hold(take_all(instance, limit + 1), limit // 16)
"""

# Real-time signals that stay queued (sigqueue(3)): what POSIX timers are made of as well.
SIGNALS = """
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
def queued():
    if libc.sigqueue(os.getpid(), signal.SIGRTMIN, None) != 0:
        raise OSError
hold(take_all(queued, 20000), resource.getrlimit(resource.RLIMIT_SIGPENDING)[1])
"""

# POSIX message queues of the default size (mq_overview(7)).
MESSAGES = """
O_CREAT_RDWR = 0o102
def queue():
    made = libc.mq_open(b"/hostile-%d" % len(kept), O_CREAT_RDWR, 0o600, None)
    if made < 0:
        raise OSError
    return made
hold(take_all(queue, 200))
"""

PIPE_PAGES = """
def pipe():
    ends = os.pipe()
    fcntl.fcntl(ends[1], 1031, 1 << 20)  # F_SETPIPE_SZ
    return ends
limit = kernel("fs/pipe-user-pages-soft") * resource.getpagesize() >> 20
hold(take_all(pipe, limit + 1), limit)
"""

# Descriptors on their way, each message with as many as may be (unix(7), SCM_RIGHTS).
IN_FLIGHT = """
null = os.open("/dev/null", os.O_RDONLY)
def pair():
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    held.append(ends)
    ends[0].setblocking(False)
    try:
        while True:
            socket.send_fds(ends[0], [b"x"], [null] * 253)
            sent[0] += 253
    except BlockingIOError:
        return ends
sent, held = [0], []
take_all(pair, 20000)
hold(sent[0], descriptors())
"""

TERMINALS = """
limit = kernel("kernel/pty/max") - kernel("kernel/pty/reserve")
hold(take_all(os.openpty, limit + 1), limit)
"""

# Watches outlive the number of their descriptor while the file is open: few descriptors hold many.
# A process that is not dumpable (prctl(2)) closes its /proc/PID/fd to others of its user.
EPOLL_WATCHES = """
import select
PR_SET_DUMPABLE = 4
libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
reading, _ = os.pipe()
def thousand():
    instance = select.epoll()
    for number in range(200, 1200):
        os.dup2(reading, number)
        instance.register(number)
        os.close(number)
    return instance
if os.fork() == 0:
    os.setsid()
    hold(take_all(thousand, MOST))
os.wait()
"""

PROCESSES = """
def process():
    child = os.fork()
    if child == 0:
        signal.pause()
    return child
hold(take_all(process, 3000))
os.kill(0, signal.SIGKILL)
"""


@pytest.fixture
def greedy(daemon, worker_image):
    """greedy(script) runs it as a job until it has taken what it can; how much, and the limit."""
    running = []

    def run(script):
        # An argument of python, not a heredoc: the command is one string.
        command = 'exec python3 -c "$SCRIPT"'
        job = jobs.create(
            daemon, jobs.worker(command, image=worker_image, env={"SCRIPT": PRELUDE + script})
        )
        running.append(job)
        text = jobs.wait_for_output(daemon, job, "took ")
        taken, limit = text.split("took ")[1].split(" of ")
        return int(taken), int(limit)

    yield run
    for job in running:
        jobs.let_go(daemon, job)
        jobs.wait_for(daemon, job)


def assert_the_next_job_runs(daemon):
    job = jobs.run(daemon, "echo fine; wc -c </dev/null", network="internet")
    assert job["status"] == "completed", job["message"]
    assert jobs.output(daemon, job["id"]) == "fine\n0\n"


@pytest.mark.parametrize(
    "script",
    [PIPE_PAGES, IN_FLIGHT],
    ids=["pipe_pages", "descriptors_in_flight"],
)
def test_12_what_a_user_shares_is_used_up_and_the_next_job_starts(daemon, greedy, script):
    """What is missing to the limit is others' of this user."""
    taken, limit = greedy(script)
    if limit == 0:
        pytest.skip("this kernel is told not to limit it")
    assert taken >= limit * 3 // 4
    assert_the_next_job_runs(daemon)


def limits_of_descriptors(process):
    """The soft and the hard limit of a process, as /proc/PID/limits has them."""
    lines = pathlib.Path(f"/proc/{process}/limits").read_text().splitlines()
    line = next(each for each in lines if each.startswith("Max open files"))
    return [int(number) for number in line.split()[3:5]]


def test_12_a_job_may_have_fewer_descriptors_in_flight_than_what_starts_the_next_one(daemon):
    """A sender's own limit bounds what the whole user has in flight (unix(7), ETOOMANYREFS)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with jobs.held(daemon, jobs.worker(jobs.HOLD)) as job:
        state = podman.inspect(job)["State"]
        ours = min(16384, hard // 2)
        assert limits_of_descriptors(state["Pid"]) == [ours, ours]
        assert limits_of_descriptors(state["ConmonPid"]) == [hard, hard]


@pytest.mark.parametrize(
    ("script", "most"), [(SIGNALS, 1024), (MESSAGES, 2), (INOTIFY, None), (TERMINALS, 64)],
    ids=["pending_signals", "message_queues", "inotify", "terminals"],
)
def test_12_a_job_takes_its_share_and_leaves_another_the_same(daemon, greedy, script, most):
    taken, limit = greedy(script)
    assert 0 < taken <= (most or limit)
    assert greedy(script)[0] == taken


def epoll_watches(thousands, image):
    script = PRELUDE + EPOLL_WATCHES.replace("MOST", str(thousands))
    return jobs.worker('exec python3 -c "$SCRIPT"', image=image, env={"SCRIPT": script})


def test_12_who_takes_the_users_epoll_watches_is_stopped(daemon, worker_image):
    """A million, of the user's some millions; a job may have 131072, on small hosts fewer."""
    with jobs.held(daemon, jobs.worker(jobs.HOLD)) as other:
        greedy = jobs.wait_for(daemon, jobs.create(daemon, epoll_watches(1000, worker_image)))
        assert (greedy["status"], greedy["error"]) == ("failed", "kernel_limit"), greedy
        assert "fs.epoll.max_user_watches" in greedy["message"]
        assert jobs.status(daemon, other)["status"] == "running"
        assert_the_next_job_runs(daemon)


# A child has a table of its own.
DESCRIPTORS = """
opened = take_all(lambda: os.dup(1), descriptors())
for _ in range(131072 // opened + 1):
    if os.fork() == 0:
        signal.pause()
hold(opened)
"""


def test_12_who_opens_descriptors_beyond_counting_is_stopped(daemon, worker_image):
    script = PRELUDE + DESCRIPTORS
    body = jobs.worker('exec python3 -c "$SCRIPT"', image=worker_image, env={"SCRIPT": script})
    ended = jobs.wait_for(daemon, jobs.create(daemon, body))
    assert (ended["status"], ended["error"]) == ("failed", "kernel_limit"), ended
    assert "more than 131072 descriptors open" in ended["message"]


def counters(daemon):
    """The processes that count the epoll watches of running jobs (epoll_counter.h)."""
    children = [each for shim in processes.shims_of(daemon.state_dir) for each in shim.children()]
    return [each for each in children if "--count-epoll" in each.cmdline()]


def await_a_count(daemon):
    """It sleeps after each one: between two sleeps lies a whole count."""
    [counter] = wait_until(lambda: counters(daemon), what="a counter")
    before = counter.num_ctx_switches().voluntary
    wait_until(
        lambda: not counter.is_running() or counter.status() == psutil.STATUS_ZOMBIE
        or counter.num_ctx_switches().voluntary >= before + 2, what="a count")


def test_12_a_job_that_uses_epoll_as_programs_do_is_left_alone(daemon, worker_image):
    with jobs.held(daemon, epoll_watches(2, worker_image)) as job:
        jobs.wait_for_output(daemon, job, "took ")
        await_a_count(daemon)
    assert jobs.wait_for(daemon, job)["status"] == "completed"


def test_12_a_job_makes_no_keyring(daemon, greedy):
    """A user may have 200 of them, those of all containers included."""
    assert greedy(KEYRINGS)[0] == 0
    assert_the_next_job_runs(daemon)


def test_12_a_fork_bomb_is_bounded(daemon, greedy):
    """Without cgroups too: threads and processes are counted in the job's own user namespace."""
    assert 1000 < greedy(PROCESSES)[0] < 2048
    assert_the_next_job_runs(daemon)


THREADS = """
import threading
threading.stack_size(65536)
kept_up = threading.Event()
def thread():
    made = threading.Thread(target=kept_up.wait, daemon=True)
    try:
        made.start()
    except RuntimeError:
        raise OSError
    return made
hold(take_all(thread, 3000))
kept_up.set()
"""


def test_12_threads_are_counted_as_processes_are(daemon, greedy):
    assert 1000 < greedy(THREADS)[0] < 2048


def test_12_each_job_has_a_limit_of_its_own(daemon, greedy):
    """Two that take all they get, side by side, get the same."""
    assert greedy(PROCESSES)[0] > 1000
    assert greedy(PROCESSES)[0] > 1000


FILL_SHARED_MEMORY = """
mount -o remount,size=1g /dev/shm 2>/dev/null && echo remounted
dd if=/dev/zero bs=64k of=/dev/shm/all 2>/dev/null
echo took $(stat -c %s /dev/shm/all)
"""


def test_12_shared_memory_is_bounded_and_each_job_has_its_own(daemon):
    """/dev/shm is memory, which no disk budget counts: --shm-size is all that bounds it."""
    took = f"took {64 << 20}\n"
    with jobs.held(daemon, jobs.worker(FILL_SHARED_MEMORY + jobs.HOLD)) as job:
        assert jobs.wait_for_output(daemon, job, "took ") == took
        assert not os.path.exists("/dev/shm/all")
        other = jobs.run(daemon, "ls -A /dev/shm" + FILL_SHARED_MEMORY)
        assert jobs.output(daemon, other["id"]) == took
        assert_the_next_job_runs(daemon)
