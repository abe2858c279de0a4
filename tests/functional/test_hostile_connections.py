"""Attack 12 on the API: peers that hold connections, and a well-behaved client beside them."""

import concurrent.futures
import contextlib
import os
import resource
import socket
import threading

import psutil
import pytest

from flashpods_test import jobs, processes
from flashpods_test.http import Api, parse_events
from flashpods_test.waiting import wait_until

ROOM = "[capacity]\ncpus = 64\nmemory_gb = 256\n"
FEW = ROOM + "[api]\nmax_connections = 20\n"
# Longer than anything here takes, shorter than the server lets an idle connection be.
PATIENCE = 40


@contextlib.contextmanager
def held_connections(daemon, count, send=b"", **options):
    """So many connections, each with the beginning of a request, as long as the block lasts."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(opened(daemon, send, **options)) for _ in range(count)]


def opened(daemon, send, receive_buffer=None):
    peer = socket.socket()
    if receive_buffer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    peer.settimeout(PATIENCE)
    peer.connect(("127.0.0.1", daemon.port))
    peer.sendall(send)
    return peer


def good_client(daemon):
    return Api("127.0.0.1", daemon.port, daemon.token, timeout=PATIENCE)


def assert_well_served(daemon):
    """A client that does nothing wrong: twice on new connections, twice on one."""
    api = good_client(daemon)
    assert api.get("/health").status == 200
    assert api.get("/jobs").status == 200
    connection = api.connect()
    for _ in range(2):
        assert api.get("/jobs", connection=connection).status == 200
    connection.close()


BEGUN = {
    "idle": b"",
    "one byte": b"G",
    "half a header": b"GET /jobs HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    "half a body": b"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
}


@pytest.mark.parametrize("send", BEGUN.values(), ids=BEGUN.keys())
def test_12_those_who_hold_connections_keep_nobody_out(make_daemon, send):
    """More than may be served at a time, none of which asks for anything."""
    daemon = make_daemon(FEW)
    with held_connections(daemon, 60, send):
        assert_well_served(daemon)
    assert_well_served(daemon)


@pytest.mark.parametrize("path", ["/health", "/jobs"])
def test_12_those_who_read_no_replies_keep_nobody_out(make_daemon, path):
    """Strangers who ask on and on: with what anybody may ask, and with what they may not."""
    daemon = make_daemon(FEW)
    requests = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 1000
    with held_connections(daemon, 30, requests, receive_buffer=4096):
        assert_well_served(daemon)
    assert_well_served(daemon)


def test_12_replies_under_way_are_no_idle_connections(make_daemon):
    """Whoever is served stays served while others press in."""
    daemon = make_daemon(FEW)
    job = jobs.create(daemon, jobs.worker(f"echo begun; {jobs.HOLD}; echo ended"))
    jobs.wait_for_output(daemon, job, "begun")
    followers = [Follower(daemon, job) for _ in range(5)]
    for follower in followers:
        follower.wait_for("begun")
    with held_connections(daemon, 60):
        assert_well_served(daemon)
        jobs.let_go(daemon, job)
        for follower in followers:
            assert follower.rest() == ("begun\nended\n", "completed")


class Follower(threading.Thread):
    """Reads a job's output as it comes, to its end."""

    def __init__(self, daemon, job_id):
        super().__init__(daemon=True)
        self.connection = Api("127.0.0.1", daemon.port, timeout=300).connect()
        self.headers = {"Authorization": f"Bearer {daemon.token}"}
        self.path, self.text = f"/jobs/{job_id}/output?follow=1", ""
        self.start()

    def run(self):
        self.connection.request("GET", self.path, headers=self.headers)
        reply = self.connection.getresponse()
        while piece := reply.read1(65536):
            self.text += piece.decode()

    def wait_for(self, word):
        wait_until(lambda: word in self.text, 120, f"{word!r} at a follower")

    def rest(self):
        """The whole output and how the job ended. In how many pieces it came says nothing."""
        self.join(120)
        assert not self.is_alive()
        *pieces, (last, end) = parse_events(self.text)
        assert last == "end"
        return "".join(piece["output"] for _, piece in pieces), end["status"]


def follow_with(daemon, readers):
    job = jobs.create(daemon, jobs.worker(f"echo begun; {jobs.HOLD}; seq 2000; echo ended"))
    jobs.wait_for_output(daemon, job, "begun")
    followers = [Follower(daemon, job) for _ in range(readers)]
    for follower in followers:
        follower.wait_for("begun")
    assert_well_served(daemon)
    jobs.let_go(daemon, job)
    lines = ["begun", *map(str, range(1, 2001)), "ended", ""]
    assert {follower.rest() for follower in followers} == {("\n".join(lines), "completed")}


def test_12_many_follow_one_log(daemon):
    follow_with(daemon, 50)


@pytest.mark.long
def test_12_a_thousand_follow_one_log(make_daemon):
    """With the limit on connections at its default: nobody else gets in, and nobody is cut."""
    raise_own_limit()
    follow_with(make_daemon(ROOM + "[api]\nmax_connections = 2000\n"), 1000)


def raise_own_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@pytest.mark.long
def test_12_ten_thousand_idle_connections(make_daemon):
    if raise_own_limit() < 12_000:
        pytest.skip("this user may not have 12,000 open files (ulimit -Hn)")
    daemon = make_daemon(ROOM)
    with held_connections(daemon, 10_000):
        assert_well_served(daemon)
        job = jobs.run(daemon, "echo served")
        assert jobs.output(daemon, job["id"]) == "served\n"
    assert_well_served(daemon)


@pytest.fixture
def small_quarantine(monkeypatch):
    """What a sanitizer keeps of freed memory would hide what the daemon holds."""
    options = [os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1"]
    monkeypatch.setenv("ASAN_OPTIONS", ":".join(filter(None, options)))


def follow(daemon, job_id):
    """A follower of the whole log that reads nothing."""
    head = f"GET /jobs/{job_id}/output?follow=1&offset=0 HTTP/1.1\r\nHost: x\r\n"
    return f"{head}Authorization: Bearer {daemon.token}\r\n\r\n".encode()


@pytest.mark.usefixtures("small_quarantine")
def test_12_followers_that_read_nothing_cost_little_and_half_of_the_places(make_daemon):
    """Each is at a piece of text, which becomes six times as long in JSON."""
    config = ROOM + "[api]\nmax_connections = 200\n"
    daemon = make_daemon(config)
    flood = f"head -c 20000000 /dev/zero | tr '\\0' '\\1'; echo end; {jobs.HOLD}"
    job_id = jobs.create(daemon, jobs.worker(flood))
    log = daemon.state_dir / "logs" / f"{job_id}.log"
    wait_until(lambda: log.exists() and log.stat().st_size > 20_000_000, what="the whole log")
    with held_connections(daemon, 20, follow(daemon, job_id), receive_buffer=4096) as peers:
        assert all(peer.recv(30) for peer in peers)
    before = processes.rss_bytes(daemon.process.pid)
    with held_connections(daemon, 150, follow(daemon, job_id), receive_buffer=4096) as peers:
        replies = [peer.recv(30) for peer in peers]
        assert [reply[9:12] for reply in replies].count(b"200") == 100
        assert [reply[9:12] for reply in replies].count(b"429") == 50
        assert_well_served(daemon)
        grown = processes.rss_bytes(daemon.process.pid) - before
        assert grown < 100 * 600_000, f"{grown / 100:.0f} bytes for each stream"
    jobs.let_go(daemon, job_id)
    assert jobs.wait_for(daemon, job_id)["status"] == "completed"


def test_12_a_daemon_takes_all_descriptors_it_may_have(make_daemon):
    """The usual soft limit of 1024 is less than its connections and jobs need."""
    ours = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (ours[1] - 1, ours[1]))
    try:
        daemon = make_daemon()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, ours)
    assert psutil.Process(daemon.process.pid).rlimit(psutil.RLIMIT_NOFILE) == (ours[1], ours[1])


@contextlib.contextmanager
def few_descriptors(daemon, count):
    """The daemon may have so many open. How many it has is nobody's business."""
    process = psutil.Process(daemon.process.pid)
    before = process.rlimit(psutil.RLIMIT_NOFILE)
    process.rlimit(psutil.RLIMIT_NOFILE, (count, before[1]))
    try:
        yield
    finally:
        process.rlimit(psutil.RLIMIT_NOFILE, before)


def test_12_without_a_free_descriptor_it_waits_and_recovers(fresh_daemon):
    daemon = fresh_daemon
    job = jobs.create(daemon, jobs.worker(f"{jobs.HOLD}; echo untouched"))
    jobs.wait_for(daemon, job, {"running"})
    with few_descriptors(daemon, 60), held_connections(daemon, 100):
        wait_until(lambda: "cannot accept" in daemon.log, what="the daemon's complaint")
        assert daemon.log.count("cannot accept") < 10
        assert good_client(daemon).get("/health").status == 200
    assert_well_served(daemon)
    jobs.let_go(daemon, job)
    assert jobs.wait_for(daemon, job)["status"] == "completed"
    assert jobs.output(daemon, job) == "untouched\n"


def test_12_a_crowd_of_good_clients_is_served(make_daemon):
    """More at a time than there may be connections: each waits for its turn, none is lost."""
    daemon = make_daemon(FEW)
    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        statuses = list(pool.map(lambda _: insisting(daemon).status, range(300)))
    assert statuses == [200] * 300


def insisting(daemon):
    """Who is not scheduled for a second, before it asks, makes room for others: it comes again."""
    for _ in range(3):
        with contextlib.suppress(ConnectionResetError):  # http.client's RemoteDisconnected is one
            return good_client(daemon).get("/jobs")
    return good_client(daemon).get("/jobs")
