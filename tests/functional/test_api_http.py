"""HTTP manners on the wire: sizes, framing, connections, request ids, the graceful stop."""

import hashlib
import json
import re
import socket

import pytest

from flashpods_test import jobs, podman
from flashpods_test.http import Api, refusal
from flashpods_test.waiting import wait_until

MEGABYTE = 1024 * 1024


def post(daemon, body):
    return daemon.api.post("/jobs", body, headers={"Content-Type": "application/json"})


# Sizes


def padded(size):
    return b"{" + b" " * (size - 2) + b"}"


def test_a_body_of_one_megabyte_is_read_and_one_more_byte_is_not(daemon):
    refusal(post(daemon, padded(MEGABYTE)), 400, "missing_field")
    refusal(post(daemon, padded(MEGABYTE + 1)), 413, "body_too_large")


def test_a_body_announced_too_large_is_refused_unseen(daemon):
    answer = daemon.api.raw(
        f"POST /jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {daemon.token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 999999999999\r\n\r\n".encode()
    )
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"body_too_large"' in answer


def test_a_chunked_body_has_the_same_limit(daemon):
    chunks = b"".join(b"10000\r\n" + b" " * 65536 + b"\r\n" for _ in range(17))
    head = (
        f"POST /jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {daemon.token}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    answer = daemon.api.raw(head.encode() + chunks + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("size, status", [(15_000, 200), (17_000, 431)])
def test_the_header_has_16_kilobytes(daemon, size, status):
    reply = daemon.api.get("/health", headers={"X-Long": "x" * size})
    assert reply.status == status
    if status == 431:
        refusal(reply, 431, "header_too_large")


def test_a_header_of_many_lines_has_the_same_limit(daemon):
    lines = "".join(f"X-{number}: y\r\n" for number in range(2000))
    answer = daemon.api.raw(f"GET /health HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 431 ")


# Framing and connections


def test_a_chunked_body_is_a_body(daemon):
    text = json.dumps(jobs.worker("true", cpu=2)).encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in slices(text, 7))
    answer = daemon.api.raw(
        f"POST /jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {daemon.token}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
        "\r\n".encode()
        + chunks
        + b"0\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"'cpu'" in answer


def slices(text, size):
    return [text[i : i + size] for i in range(0, len(text), size)]


def test_one_connection_serves_many_requests(daemon):
    connection = daemon.api.connect()
    connection.connect()
    ours = connection.sock
    statuses = [
        daemon.api.get("/health", connection=connection).status,
        daemon.api.post(
            "/jobs", b"{", headers={"Content-Type": "application/json"}, connection=connection
        ).status,
        daemon.api.request("HEAD", "/jobs", connection=connection).status,
        daemon.api.get("/nothing", connection=connection).status,
        daemon.api.request("PUT", "/jobs", connection=connection).status,
        daemon.api.get("/jobs", connection=connection).status,
    ]
    assert statuses == [200, 400, 200, 404, 405, 200]
    assert connection.sock is ours
    connection.close()


def test_requests_sent_ahead_are_answered_in_order(daemon):
    token = f"Authorization: Bearer {daemon.token}\r\n".encode()
    answer = daemon.api.raw(
        b"GET /health HTTP/1.1\r\nHost: x\r\n" + token + b"X-Request-Id: first\r\n\r\n"
        b"GET /nothing HTTP/1.1\r\nHost: x\r\n" + token + b"X-Request-Id: second\r\n\r\n"
        b"GET /health HTTP/1.1\r\nHost: x\r\nX-Request-Id: third\r\nConnection: close\r\n\r\n"
    )
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"404", b"200"]
    assert re.findall(rb"X-Request-Id: (\w+)", answer) == [b"first", b"second", b"third"]


@pytest.mark.parametrize(("path", "status"), [(b"/jobs", b"401"), (b"/health", b"200")])
def test_a_stranger_has_one_question_a_connection(daemon, path, status):
    answer = daemon.api.raw(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [status]
    assert b"Connection: close" in answer


SMUGGLED = {
    "both lengths": "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    "two lengths": "Content-Length: 4\r\nContent-Length: 5\r\n",
    "the same length twice": "Content-Length: 4\r\nContent-Length: 4\r\n",
    "a signed length": "Content-Length: +4\r\n",
    "a negative length": "Content-Length: -4\r\n",
    "a list of lengths": "Content-Length: 4, 4\r\n",
    "another coding": "Transfer-Encoding: gzip, chunked\r\n",
    "a space before the colon": "Content-Length : 4\r\n",
    "a folded line": "X-A: b\r\n c\r\n",
    "no colon": "Content-Length 4\r\n",
    "a control byte": "X-A: b\x01\r\n",
    "another expectation": "Expect: miracles\r\n",
    "two tokens": "Authorization: Bearer x\r\nAuthorization: Bearer y\r\n",
}


@pytest.mark.parametrize("lines", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_what_could_be_read_two_ways_is_refused_and_the_connection_closed(daemon, lines):
    request = f"POST /jobs HTTP/1.1\r\nHost: x\r\n{lines}\r\n0\r\n\r\n"
    hidden = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = daemon.api.raw(f"{request}{hidden}".encode())
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"400"]
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    "line",
    [
        "GET /health HTTP/2.0",
        "GET /health",
        "GET  /health HTTP/1.1",
        "GET /hea lth HTTP/1.1",
        "G\x01T /health HTTP/1.1",
        "\x16\x03\x01",
    ],
)
def test_broken_request_lines(daemon, line):
    answer = daemon.api.raw(f"{line}\r\nHost: x\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_http_1_1_asks_for_a_host(daemon):
    assert daemon.api.raw(b"GET /health HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_http_1_0_is_answered_and_closed(daemon):
    head, _, body = daemon.api.raw(b"GET /health HTTP/1.0\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert json.loads(body)["status"] == "ok"


def test_whoever_waits_for_100_continue_gets_it(daemon):
    with socket.create_connection((daemon.api.host, daemon.api.port), timeout=30) as peer:
        peer.sendall(
            f"POST /jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {daemon.token}\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        assert peer.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        peer.sendall(b"{}")
        assert peer.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_goes_away_harms_nobody(daemon):
    for part in (b"", b"GET", b"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"):
        with socket.create_connection((daemon.api.host, daemon.api.port), timeout=30) as peer:
            peer.sendall(part)
    assert daemon.api.get("/health").status == 200


# Request ids


def test_a_request_id_is_echoed_and_logged(daemon):
    reply = daemon.api.get("/jobs", headers={"X-Request-Id": "trace-me.42_A"})
    assert reply.headers["x-request-id"] == "trace-me.42_A"
    wait_until(lambda: '"trace-me.42_A"' in daemon.log, what="the access log line")


@pytest.mark.parametrize(
    "offered", ["", "x" * 65, "a b", "a\u00e9".encode().decode("latin-1"), 'a"b']
)
def test_a_request_id_of_another_form_is_replaced(daemon, offered):
    reply = daemon.api.get("/nothing", token=None, headers={"X-Request-Id": offered})
    assert re.fullmatch(r"[0-9a-f]{16}", reply.headers["x-request-id"])


def test_request_ids_differ(daemon):
    seen = {daemon.api.get("/health").headers["x-request-id"] for _ in range(5)}
    assert len(seen) == 5


def test_log_lines_are_json(daemon):
    daemon.api.get("/nothing%0a%1b[31m")
    for line in daemon.log.splitlines():
        assert isinstance(json.loads(line), dict)


# The graceful stop


def test_a_stop_finishes_the_reply_under_way_and_leaves_the_job_running(fresh_daemon):
    daemon = fresh_daemon
    big = jobs.run(
        daemon, "head -c 33554432 /dev/urandom >/artifacts/big; sha256sum /artifacts/big"
    )
    held = jobs.create(daemon, jobs.worker(f"{jobs.HOLD}; echo went on"))
    jobs.wait_for(daemon, held, {"running"})
    idle = daemon.api.connect()
    daemon.api.get("/health", connection=idle)
    download = daemon.api.connect()
    download.request(
        "GET",
        f"/jobs/{big['id']}/artifacts/big",
        headers={"Authorization": f"Bearer {daemon.token}"},
    )
    reply = download.getresponse()
    first = reply.read(1000)

    daemon.process.terminate()
    wait_until(lambda: not listening(daemon), what="no new connections")
    assert idle.sock.recv(1) == b""
    digest = hashlib.sha256(first + reply.read()).hexdigest()
    assert daemon.process.wait(30) == 0

    assert [c["State"] for c in podman.containers(flashpods_job_id=held)] == ["running"]
    daemon.start()
    assert digest in jobs.output(daemon, big["id"])
    jobs.let_go(daemon, held)
    assert jobs.wait_for(daemon, held)["status"] == "completed"
    assert jobs.output(daemon, held) == "went on\n"


def listening(daemon):
    try:
        socket.create_connection((daemon.api.host, daemon.port), timeout=5).close()
        return True
    except (ConnectionRefusedError, ConnectionResetError):
        return False


def test_a_stop_ends_followers(fresh_daemon):
    daemon = fresh_daemon
    job = jobs.create(daemon, jobs.worker(f"echo begun; {jobs.HOLD}"))
    jobs.wait_for_output(daemon, job, "begun")
    connection = Api("127.0.0.1", daemon.port, timeout=30).connect()
    connection.request(
        "GET", f"/jobs/{job}/output?follow=1", headers={"Authorization": f"Bearer {daemon.token}"}
    )
    reply = connection.getresponse()
    assert reply.read1(10)
    assert daemon.stop() == 0
    connection.close()
