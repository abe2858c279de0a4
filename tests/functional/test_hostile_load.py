"""Attack L1: jobs with as long texts as may be, and those who list and follow them.

How long and how much: `./dev bench crowd`.
"""

import contextlib

import pytest

from flashpods_test import jobs
from flashpods_test.http import refusal

KIB = 1 << 10
ROOM = "[capacity]\ncpus = 64\nmemory_gb = 256\n"
# 256 KiB together; one string has at most 96 KiB.
COMMAND = "true " + "c" * (96 * KIB - 5)
ENV = {"A": "a" * (96 * KIB), "B": "b" * (64 * KIB - 2)}


@pytest.fixture
def crowded(make_daemon, silent_registry):
    """A daemon whose first job pulls for ever: the others wait, and hold what they hold."""
    return make_daemon(
        f'{ROOM}[jobs]\nconcurrent_starts = 1\nstart_slot_seconds = 3600\n'
        f'private_registries = ["{silent_registry}"]\n'
    )


def fat(registry, **fields):
    return jobs.worker(COMMAND, env=ENV, image=f"{registry}/image", **fields)


def test_l1_texts_together_are_bounded(crowded, silent_registry):
    body = fat(silent_registry)
    body["env"] = ENV | {"C": ""}
    error = refusal(crowded.api.post("/jobs", body), 400, "request_too_long")
    assert f"{256 * KIB + 1} bytes together" in error["message"]


def test_l1_lists_carry_excerpts_and_one_job_all(crowded, silent_registry):
    made = [jobs.create(crowded, fat(silent_registry)) for _ in range(12)]
    reply = crowded.api.get("/jobs?limit=200")
    assert len(reply.body) < 12 * 4096
    listed = reply.json()["jobs"]
    assert [job["id"] for job in listed] == made[::-1]
    assert {job["command"] for job in listed} == {COMMAND[:200]}
    assert {job["env"] for job in listed} == {None}
    whole = jobs.status(crowded, made[0])
    assert (whole["command"], whole["env"]) == (COMMAND, ENV)


def test_l1_a_retry_with_long_texts_is_told_what_differs(crowded, silent_registry):
    body = fat(silent_registry)
    first = crowded.api.post("/jobs", body).json()
    again = crowded.api.post("/jobs", body).json()
    assert (again["job_id"], again["created"], again["differs"]) == (first["job_id"], False, [])
    changed = crowded.api.post("/jobs", body | {"command": COMMAND[:-1] + "d"}).json()
    assert changed["differs"] == ["command"]


def test_l1_followers_hear_of_the_end(crowded, silent_registry):
    """Of a job that waits and one that starts; none of them asks for the row on and on."""
    made = [jobs.create(crowded, fat(silent_registry)) for _ in range(2)]
    with contextlib.ExitStack() as stack:
        streams = []
        for number in range(40):
            connection = stack.enter_context(contextlib.closing(crowded.api.connect()))
            connection.request("GET", f"/jobs/{made[number % 2]}/output?follow=1",
                               headers={"Authorization": f"Bearer {crowded.token}"})
            streams.append(connection.getresponse())
        for job in made:
            assert crowded.api.delete(f"/jobs/{job}").status == 200
        for stream in streams:
            assert '"status":"cancelled"' in stream.read().decode()
