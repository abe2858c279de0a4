"""A host that hangs: all who serve a job are stopped at once, and go on later."""

import concurrent.futures
import contextlib
import time

import psutil
import pytest

from flashpods_test import jobs, leftovers, podman, processes
from flashpods_test.leftovers import wait_until_settled
from flashpods_test.waiting import wait_until

# Counts on both streams until the test lets go; what is said last is also an artifact.
STEADY = (
    "echo ran >>/artifacts/ran; n=0; while [ ! -e /artifacts/.go ]; do n=$((n + 1)); echo $n;"
    " echo $n >&2; [ $((n % 50)) != 0 ] || sleep 0.05; done; rm /artifacts/.go;"
    " echo $n >/artifacts/last; exit 7"
)


@pytest.fixture(scope="module")
def length(everything):
    """Seconds of the stop."""
    return 30 if everything else 3


def servants(daemon, *job_ids):
    """The daemon, its shims, and the conmons of these jobs."""
    shims = processes.shims_of(daemon.state_dir)
    conmons = [psutil.Process(podman.inspect(each)["State"]["ConmonPid"]) for each in job_ids]
    assert len(shims) >= len(job_ids)
    assert {each.name() for each in conmons} == {"conmon"}
    return [psutil.Process(daemon.process.pid), *shims, *conmons]


@contextlib.contextmanager
def frozen(victims):
    """The block runs while they are stopped."""
    try:
        for each in victims:
            each.suspend()
        yield
        assert {each.status() for each in victims} == {psutil.STATUS_STOPPED}
    finally:
        for each in victims:
            each.resume()


def check_whole(daemon, job_id):
    """Each line once and in order, up to the last one that it said."""
    job = jobs.wait_for(daemon, job_id)
    assert (job["status"], job["error"], job["exit_code"]) == ("failed", "exit", 7), job
    kept = {
        name: daemon.api.get(f"/jobs/{job_id}/artifacts/{name}").body for name in ("ran", "last")
    }
    assert kept["ran"] == b"ran\n"
    said = "".join(f"{n}\n" for n in range(1, int(kept["last"]) + 1))
    for stream in ("stdout", "stderr"):
        reply = daemon.api.get(f"/jobs/{job_id}/output?raw=1&tail=1000000&stream={stream}")
        assert reply.body.decode() == said, stream
    return int(kept["last"])


def test_all_who_serve_a_job_are_stopped_for_a_while(fresh_daemon, length):
    """One job goes on, one ends meanwhile; a third is asked for, and gets its answer later."""
    daemon = fresh_daemon
    goes_on, ends = ids = [jobs.create(daemon, jobs.worker(STEADY)) for _ in range(2)]
    for job_id in ids:
        jobs.wait_for_output(daemon, job_id, "\n100\n")
        jobs.wait_for(daemon, job_id, {"running"})
    init = podman.inspect(ends)["State"]["Pid"]
    asked = jobs.worker("echo once; exit 3")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        with frozen(servants(daemon, *ids)):
            answers = [
                pool.submit(daemon.api.get, f"/jobs/{goes_on}"),
                pool.submit(daemon.api.post, "/jobs", asked),
            ]
            jobs.let_go(daemon, ends)
            wait_until(lambda: processes.is_dead(init), what="the end of a job")
            time.sleep(length)
            assert not any(each.done() for each in answers)
        status, created = (each.result() for each in answers)
    assert (status.status, status.json()["status"]) == (200, "running")
    assert created.status == 201
    at_the_thaw = len(jobs.output(daemon, goes_on, stream="stdout").split())
    again = daemon.api.post("/jobs", asked)
    assert (again.status, again.json()["job_id"]) == (200, created.json()["job_id"])

    check_whole(daemon, ends)
    jobs.wait_for_output(daemon, goes_on, f"\n{at_the_thaw + 1000}\n")  # it still runs
    jobs.let_go(daemon, goes_on)
    assert check_whole(daemon, goes_on) > at_the_thaw
    third = jobs.wait_for(daemon, created.json()["job_id"])
    assert (third["exit_code"], jobs.output(daemon, third["id"])) == (3, "once\n")
    assert len(leftovers.rows(daemon, "SELECT id FROM jobs")) == 3
    wait_until_settled(daemon)
