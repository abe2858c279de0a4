"""Attack 25: one job tries all that a job can try (tests/hostile), and then leaves a mess."""

import contextlib
import shutil
import socket
import socketserver
import threading

import pytest

from flashpods_test import golden, jobs, programs
from flashpods_test.leftovers import wait_until_settled

EXIT_CODE = 7
LAST_TRY = "chmod 0 of 2"


class EchoTcp(socketserver.BaseRequestHandler):
    """A connection counts, whether or not anything comes over it."""

    def handle(self):
        self.server.heard.append("a TCP connection")
        self.request.sendall(self.request.recv(64))


class EchoUdp(socketserver.BaseRequestHandler):
    def handle(self):
        data, reply = self.request
        self.server.heard.append(data.decode(errors="replace"))
        reply.sendto(data, self.client_address)


def pair_of_servers(heard):
    """TCP and UDP on one port of the host's loopback."""
    while True:
        tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), EchoTcp)
        try:
            udp = socketserver.ThreadingUDPServer(tcp.server_address, EchoUdp)
        except OSError:  # somebody has this port for UDP
            tcp.server_close()
            continue
        tcp.heard = udp.heard = heard
        return tcp, udp


@contextlib.contextmanager
def echo_on_the_hosts_loopback():
    """Its port, and what has come there: the names of tries by UDP, connections by TCP."""
    heard = []
    servers = pair_of_servers(heard)
    threads = [threading.Thread(target=each.serve_forever) for each in servers]
    for thread in threads:
        thread.start()
    try:
        yield servers[0].server_address[1], heard
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()


def by_family(output):
    """{family: {try: outcome}}, of lines `family/try: outcome`."""
    found = {}
    for line in output.splitlines():
        family, _, rest = line.partition("/")
        name, _, outcome = rest.rpartition(": ")
        found.setdefault(family, {})[name] = outcome
    return found


def what_was_taken(daemon, job):
    """{name: why it was rejected, or that it was kept}"""
    reply = daemon.api.get(f"/jobs/{job['id']}/artifacts")
    assert reply.status == 200, reply.body
    kept = {each["name"]: "kept" for each in reply.json()["artifacts"]}
    return kept | {each["name"]: each["reason"] for each in reply.json()["rejected"]}


@pytest.fixture
def hostile_files(tmp_path):
    """What the job is sent: the one program."""
    directory = tmp_path / "files"
    directory.mkdir()
    shutil.copy2(programs.program("hostile"), directory / "hostile")
    return directory


def test_25_all_that_a_job_can_try(daemon, hostile_files):
    """What each try comes to is golden; the job ends, and is kept and cleared away as any other."""
    with echo_on_the_hosts_loopback() as (port, heard):
        with socket.create_connection(("127.0.0.1", port)) as ours:  # it does answer
            ours.sendall(b"ours")
            assert ours.recv(4) == b"ours" and heard.pop()
        body = jobs.worker(f"exec ./hostile {port}", files_id=jobs.upload(daemon, hostile_files))
        job_id = jobs.create(daemon, body | {"network": "internet"})
        job = jobs.wait_for(daemon, job_id, timeout=240)
    assert (job["status"], job["error"], job["exit_code"]) == ("failed", "exit", EXIT_CODE), job
    assert not heard, "a job has reached the host's loopback"
    seen = by_family(jobs.output(daemon, job["id"])) | {"artifacts": what_was_taken(daemon, job)}
    assert list(seen["descriptors"])[-1] == LAST_TRY, "its log is cut"
    assert daemon.api.get(f"/jobs/{job['id']}/artifacts/kept").body == b"kept\n"
    wait_until_settled(daemon)
    assert not (daemon.state_dir / "jobs" / job["id"]).exists()
    innocent = jobs.run(daemon, "echo fine; touch $TMPDIR/x && ls $TMPDIR")
    assert (innocent["status"], jobs.output(daemon, innocent["id"])) == ("completed", "fine\nx\n")
    golden.compare("hostile_job", seen)
