"""Attack 12: what all processes of one user share, used up by one job. The next job starts."""

import pytest

from flashpods_test import jobs

# Each takes as much as it gets, says how much that was, and keeps it until it is let go.
PRELUDE = """
import ctypes, errno, fcntl, os, platform, signal, socket, sys, time
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

def hold(what):
    print("took", what, flush=True)
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
        os.write(writing, b"y" if joined else b"n")
        signal.pause()
answers = b""
while len(answers) < 300:
    answers += os.read(reading, 300)
hold(answers.count(b"y"))
os.kill(0, signal.SIGKILL)
"""

INOTIFY = """
def instance():
    made = libc.inotify_init1(0)
    if made < 0:
        raise OSError
    return made
hold(take_all(instance, 5000))
"""

PIPE_PAGES = """
def pipe():
    ends = os.pipe()
    fcntl.fcntl(ends[1], 1031, 1 << 20)  # F_SETPIPE_SZ
    return ends
hold(take_all(pipe, 5000))
"""

# Descriptors on their way, each message with as many as may be (unix(7), SCM_RIGHTS).
IN_FLIGHT = """
null = os.open("/dev/null", os.O_RDONLY)
def pair():
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ends[0].setblocking(False)
    try:
        while True:
            socket.send_fds(ends[0], [b"x"], [null] * 253)
            sent[0] += 253
    except BlockingIOError:
        return ends
sent = [0]
take_all(pair, 20000)
hold(sent[0])
"""

TERMINALS = """
hold(take_all(os.openpty, 5000))
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
    """greedy(script) runs it as a job until it has taken what it can; returns how much."""
    running = []

    def run(script):
        # An argument of python, not a heredoc: the command is one string.
        command = 'exec python3 -c "$SCRIPT"'
        job = jobs.create(
            daemon, jobs.worker(command, image=worker_image, env={"SCRIPT": PRELUDE + script})
        )
        running.append(job)
        text = jobs.wait_for_output(daemon, job, "took ")
        return int(text.split("took ")[1].split()[0])

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
    [KEYRINGS, INOTIFY, PIPE_PAGES, IN_FLIGHT, TERMINALS, PROCESSES],
    ids=["keyrings", "inotify", "pipe_pages", "descriptors_in_flight", "terminals", "processes"],
)
def test_12_what_a_user_shares_is_used_up_and_the_next_job_starts(daemon, greedy, script):
    print("taken:", greedy(script))
    assert_the_next_job_runs(daemon)


def test_12_a_job_makes_no_keyring(daemon, greedy):
    """A user may have 200 of them, those of all containers included."""
    assert greedy(KEYRINGS) == 0


def test_12_a_fork_bomb_is_bounded(daemon, greedy):
    """Without cgroups too: threads and processes are counted in the job's own user namespace."""
    assert 1000 < greedy(PROCESSES) < 2048
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
    assert 1000 < greedy(THREADS) < 2048


def test_12_each_job_has_a_limit_of_its_own(daemon, greedy):
    """Two that take all they get, side by side, get the same."""
    assert greedy(PROCESSES) > 1000
    assert greedy(PROCESSES) > 1000
