"""The whole host goes down, as podman sees it: every process at once, and what lay in /run."""

import contextlib

import pytest

from flashpods_test import jobs, podman, uploads
from flashpods_test.daemon import Daemon
from flashpods_test.waiting import wait_until

CONFIG = "[capacity]\ncpus = 64\nmemory_gb = 256\n"


@pytest.fixture
def daemon(own_podman):
    with contextlib.closing(Daemon(CONFIG)) as instance:
        yield instance.start()


def lose_power(daemon, own_podman):
    own_podman.lose_power(daemon.state_dir)
    daemon.process.wait()


def test_running_jobs_are_lost_and_keep_what_they_made(daemon, own_podman, tree):
    running, over = (
        jobs.create(daemon, jobs.worker(f"seq 1 1000; echo kept >/artifacts/kept; {rest}"))
        for rest in ("sleep 600", f"{jobs.HOLD}; exit 7")
    )
    for job_id in (running, over):
        jobs.wait_for_output(daemon, job_id, "1000\n")
        jobs.wait_for(daemon, job_id, {"running"})
    upload_id = jobs.upload(daemon, tree)

    daemon.kill()
    jobs.let_go(daemon, over)  # it ends while nobody looks
    jobs.wait_until_removed(over)
    lose_power(daemon, own_podman)
    daemon.start()

    lost = jobs.wait_for(daemon, running)
    assert (lost["status"], lost["error"], lost["exit_code"]) == (
        "failed", "container_lost_on_recovery", None)
    ended = jobs.wait_for(daemon, over)
    assert (ended["status"], ended["error"], ended["exit_code"]) == ("failed", "exit", 7)
    for job_id in (running, over):
        assert jobs.output(daemon, job_id) == "".join(f"{i}\n" for i in range(1, 1001))
        assert daemon.api.get(f"/jobs/{job_id}/artifacts/kept").body == b"kept\n"
    wait_until(lambda: not podman.containers(flashpods_job="true"), what="the containers' removal")
    assert uploads.state(daemon, upload_id) == "finalized"
    again = jobs.run(daemon, "cat hello.txt", files_id=upload_id)
    assert again["status"] == "completed", again


def test_what_was_asked_for_before_holds_after(daemon, own_podman):
    cancelled = jobs.create(
        daemon, jobs.worker("trap '' TERM; echo deaf; while :; do sleep 0.2; done"))
    jobs.wait_for_output(daemon, cancelled, "deaf")
    body = jobs.worker("sleep 600")
    keyed = jobs.create(daemon, body)
    jobs.wait_for(daemon, keyed, {"running"})
    assert daemon.api.delete(f"/jobs/{cancelled}").status == 200

    lose_power(daemon, own_podman)
    daemon.start()

    assert jobs.wait_for(daemon, cancelled)["status"] == "cancelled"
    assert jobs.wait_for(daemon, keyed)["error"] == "container_lost_on_recovery"
    reply = daemon.api.post("/jobs", body)
    assert (reply.status, reply.json()["job_id"]) == (200, keyed)  # one key, one container


NOISY = """#!/bin/sh
for word; do
  case $word in --log=*) log=${word#--log=} ;; esac
done
echo "cgroups in hybrid mode not supported, drop all controllers from cgroupv2" >&2
echo '{"level":"error","msg":"drop all controllers from cgroupv2","time":""}' >"$log"
exit 1
"""


def test_a_runtime_that_cannot_work_here_leaves_no_words(own_podman, daemon):
    """Another one is tried then; what the first said is not the job's output."""
    own_podman.use_runtime("noisy", NOISY)
    job = jobs.run(daemon, "echo output")
    assert job["status"] == "completed", job
    assert jobs.output(daemon, job["id"]) == "output\n"
