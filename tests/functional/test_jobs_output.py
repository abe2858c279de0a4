"""A job's output: both streams, exact and in order, while it runs and afterwards."""

import contextlib
import itertools
import re

import pytest

from flashpods_test import jobs
from flashpods_test.daemon import Daemon

CONFIG = """
[capacity]
cpus = 64
memory_gb = 256
[logs]
max_job_mb = 1
"""
MEGABYTE = 1024 * 1024
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture(scope="module")
def daemon(images):
    with contextlib.closing(Daemon(CONFIG)) as instance:
        yield instance.start()


@pytest.fixture(scope="module")
def talker(daemon):
    """A job that wrote numbered lines to both streams, and its whole output."""
    job = jobs.run(daemon, "for i in $(seq 1 300); do echo out $i; echo err $i >&2; done; echo end")
    assert job["status"] == "completed"
    return job["id"]


def page(daemon, job_id, query=""):
    reply = daemon.api.get(f"/jobs/{job_id}/output?{query}")
    assert reply.status == 200, reply.body
    return reply.json()


def raw(daemon, job_id, query=""):
    return daemon.api.get(f"/jobs/{job_id}/output?raw=1&tail=1000000&{query}")


OUT = "".join(f"out {i}\n" for i in range(1, 301)) + "end\n"
ERR = "".join(f"err {i}\n" for i in range(1, 301))


def test_each_stream_is_exact_and_in_order(daemon, talker):
    assert page(daemon, talker, "tail=1000&stream=stdout")["output"] == OUT
    assert page(daemon, talker, "tail=1000&stream=stderr")["output"] == ERR


def test_both_streams_together_lose_nothing(daemon, talker):
    whole = page(daemon, talker, "tail=1000")
    assert whole["total_bytes"] == len(OUT) + len(ERR)
    assert len(whole["output"]) == whole["total_bytes"]
    assert whole["lines"] == 601
    assert not whole["truncated"]
    lines = whole["output"].splitlines()
    assert [line for line in lines if line.startswith("err")] == ERR.splitlines()


def test_the_tail(daemon, talker):
    assert page(daemon, talker, "tail=3&stream=stdout")["output"] == "out 299\nout 300\nend\n"
    assert page(daemon, talker, "tail=2&stream=stderr")["output"] == "err 299\nerr 300\n"
    assert page(daemon, talker, "stream=stdout")["lines"] == 100
    nothing = page(daemon, talker, "tail=0")
    assert (nothing["output"], nothing["lines"]) == ("", 0)


@pytest.mark.parametrize("limit", [4, 7, 1000])
def test_pages_from_an_offset_make_the_whole(daemon, talker, limit):
    pieces, offset = [], 0
    total = page(daemon, talker)["total_bytes"]
    while offset < total:
        piece = page(daemon, talker, f"offset={offset}&limit={limit}")
        assert piece["offset"] == offset
        assert 0 < len(piece["output"]) <= limit
        assert piece["next_offset"] > offset
        pieces.append(piece["output"])
        offset = piece["next_offset"]
    assert "".join(pieces) == page(daemon, talker, "tail=1000")["output"]


def test_beyond_the_end_is_nothing(daemon, talker):
    piece = page(daemon, talker, "offset=999999999")
    assert piece["output"] == ""


def test_raw_bytes(daemon, talker):
    reply = raw(daemon, talker, "stream=stdout")
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.body == OUT.encode()
    assert reply.headers["x-flashpods-total-bytes"] == str(len(OUT) + len(ERR))


def test_timestamps(daemon, talker):
    lines = page(daemon, talker, "tail=50&timestamps=1&stream=stdout")["output"].splitlines()
    assert all(re.match(f"{TIME} (out \\d+|end)$", line) for line in lines), lines
    assert lines == sorted(lines, key=lambda line: line[:24])


def test_bytes_that_are_no_text(daemon):
    job = jobs.run(daemon, r"printf 'a\377b\000c\033[31m\r\n\303'; printf '\251\n'")
    assert raw(daemon, job["id"]).body == b"a\xffb\x00c\x1b[31m\r\n\xc3\xa9\n"
    assert jobs.output(daemon, job["id"]) == "a\ufffdb\x00c\x1b[31m\r\né\n"


def test_a_character_is_never_torn(daemon):
    job = jobs.run(daemon, "printf 'ééééé€€€'")
    pieces, offset = [], 0
    for _ in range(20):
        piece = page(daemon, job["id"], f"offset={offset}&limit=5")
        pieces.append(piece["output"])
        offset = piece["next_offset"]
    assert "".join(pieces) == "ééééé€€€"


def test_no_output_is_an_empty_one(daemon):
    job = jobs.run(daemon, "true")
    empty = page(daemon, job["id"])
    assert (empty["output"], empty["lines"], empty["total_bytes"]) == ("", 0, 0)


# While it runs


def test_output_is_seen_while_the_job_runs(daemon):
    job_id = jobs.create(daemon, jobs.worker(f"printf 'no newline yet'; {jobs.HOLD}; echo , now"))
    jobs.wait_for_output(daemon, job_id, "no newline yet")
    seen = page(daemon, job_id)
    assert seen["status"] in ("starting", "running")
    assert jobs.status(daemon, job_id)["log"]["total_bytes"] == len("no newline yet")
    jobs.let_go(daemon, job_id)
    jobs.wait_for(daemon, job_id)
    assert jobs.output(daemon, job_id) == "no newline yet, now\n"


def test_following_until_the_end(daemon):
    command = "for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done; echo oh >&2; exit 9"
    job_id = jobs.create(daemon, jobs.worker(command))
    *pieces, (last, end) = daemon.api.events(f"/jobs/{job_id}/output?follow=1&offset=0")
    assert (last, end) == ("end", {"status": "failed", "exit_code": 9})
    assert {kind for kind, _ in pieces} == {"message"}
    assert "".join(piece["output"] for _, piece in pieces) == jobs.output(daemon, job_id)
    for (_, before), (_, after) in itertools.pairwise(pieces):
        assert before["next_offset"] == after["offset"]


def test_following_what_is_over(daemon, talker):
    *pieces, (last, end) = daemon.api.events(
        f"/jobs/{talker}/output?follow=1&offset=0&stream=stderr"
    )
    assert "".join(piece["output"] for _, piece in pieces) == ERR
    assert (last, end["status"]) == ("end", "completed")


def test_following_from_the_tail(daemon, talker):
    *pieces, _ = daemon.api.events(f"/jobs/{talker}/output?follow=1&tail=1&stream=stderr")
    assert "".join(piece["output"] for _, piece in pieces) == "err 300\n"


# The limit


def test_beyond_the_limit_output_is_dropped_and_the_job_goes_on(daemon):
    job = jobs.run(
        daemon, "yes 0123456 | head -c 3000000; echo late >&2; echo done >/artifacts/done; exit 4"
    )
    assert (job["status"], job["exit_code"]) == ("failed", 4)
    assert job["log"]["truncated"]
    assert daemon.api.get(f"/jobs/{job['id']}/artifacts/done").body == b"done\n"
    seen = page(daemon, job["id"], "tail=1")
    assert seen["truncated"]
    assert seen["total_bytes"] == job["log"]["total_bytes"] == MEGABYTE
    kept = raw(daemon, job["id"])
    assert kept.body == b"0123456\n" * (MEGABYTE // 8)


def test_exactly_the_limit_is_not_truncated(daemon):
    job = jobs.run(daemon, f"yes 0123456 | head -c {MEGABYTE}")
    assert job["status"] == "completed"
    assert job["log"] | {"expires_at": None} == {
        "total_bytes": MEGABYTE,
        "truncated": False,
        "expires_at": None,
    }


def test_the_log_is_a_file_of_the_spec(daemon, talker):
    """The whole bytes in logs/JOB.log, for a person with a shell."""
    (log,) = [path for path in (daemon.state_dir / "logs").rglob(f"{talker}*.log")]
    assert log.stat().st_size == len(OUT) + len(ERR)
    assert log.stat().st_mode & 0o077 == 0
