"""What strangers can write into the daemon's log: a little each second, however much they send."""

import concurrent.futures
import json
import socket
import time

import pytest

from flashpods_test.http import Api
from flashpods_test.waiting import wait_until

MIB = 1 << 20
LONG = "/" + "x" * 8000


def send_refused(daemon, count):
    """So many requests for a long path, all without the token: half say so, half guess one."""

    def some(numbers):
        for number in numbers:
            token = "Authorization: Bearer guessed\r\n" if number % 2 else ""
            with socket.create_connection(("127.0.0.1", daemon.port), timeout=60) as peer:
                peer.sendall(f"GET {LONG} HTTP/1.1\r\nHost: x\r\n{token}\r\n".encode())
                assert peer.recv(65536).startswith(b"HTTP/1.1 401 ")

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(some, [range(start, count, 4) for start in range(4)]))


def told(daemon, event):
    """How many times the log tells of an event, and its last line."""
    lines = [json.loads(line) for line in daemon.log.splitlines()]
    found = [line for line in lines if line["event"] == event]
    return sum(line.get("times", 1) for line in found), found[-1] if found else None


@pytest.mark.timeout(1800)  # the long form, on a slow host
def test_s3_refused_requests_are_counted_and_not_a_line_each(fresh_daemon, everything):
    """100,000 of them (--all) cost at most one megabyte of log."""
    count = 100_000 if everything else 500
    before, began = fresh_daemon.log_path.stat().st_size, time.monotonic()
    send_refused(fresh_daemon, count)
    event = "request_without_token"
    wait_until(lambda: told(fresh_daemon, event)[0] >= count, what="all of them counted")
    grown = fresh_daemon.log_path.stat().st_size - before
    assert grown <= 1000 * (time.monotonic() - began + 3), grown  # a line or two a second
    assert not everything or grown <= MIB, grown
    last = told(fresh_daemon, event)[1]
    assert last["status"] == 401 and last["from"] == "127.0.0.1"
    assert last["path"].startswith("/xxx") and len(last["path"]) <= 210


def test_s3_what_anybody_may_ask_is_counted_too(fresh_daemon):
    """/health needs no token, and broken requests have none."""
    before, began = fresh_daemon.log_path.stat().st_size, time.monotonic()
    stranger = Api("127.0.0.1", fresh_daemon.port)
    for _ in range(100):
        assert stranger.get(f"/health?{LONG}").status == 200
        assert b" 400 " in fresh_daemon.api.raw(b"no request\r\n\r\n")
    wait_until(lambda: told(fresh_daemon, "request_without_token")[0] >= 200, what="the count")
    grown = fresh_daemon.log_path.stat().st_size - before
    assert grown <= 1000 * (time.monotonic() - began + 3), grown


def test_a_log_file_is_put_aside_when_it_is_long(make_daemon):
    daemon = make_daemon(start=False)
    log = daemon.state_dir / "own.log"
    daemon.config.write_text(f'[log]\nfile = "{log}"\nmax_mb = 1\n')
    log.write_text("old\n" * (MIB // 4))
    daemon.start()
    assert log.with_name("own.log.1").read_text().startswith("old\n")
    assert json.loads(log.read_text().splitlines()[0])["event"]
    assert daemon.log == ""
