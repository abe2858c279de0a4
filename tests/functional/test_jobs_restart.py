"""Jobs live on when the daemon does not."""

import contextlib
import datetime

import pytest

from flashpods_test import jobs, podman, processes
from flashpods_test.daemon import Daemon
from flashpods_test.waiting import wait_until

CONFIG = """
[capacity]
cpus = 64
memory_gb = 256
[jobs]
grace_seconds = 1
"""


@pytest.fixture
def daemon(images):
    with contextlib.closing(Daemon(CONFIG)) as instance:
        yield instance.start()


def outcome(job):
    return job["status"], job["error"], job["exit_code"]


def utc_now():
    """As the API tells a time: to the second."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def artifact(daemon, job_id, name):
    return daemon.api.get(f"/jobs/{job_id}/artifacts/{name}").body


def test_a_crash_touches_no_job(daemon, tree):
    """One job goes on over the crash, one ends while the daemon is down."""
    ending = "seq 1001 2000; echo late >&2; cat hello.txt >/artifacts/out; exit 7"
    command = f"seq 1 1000; {jobs.HOLD}; {ending}"
    ids = [
        jobs.create(daemon, jobs.worker(command, files_id=jobs.upload(daemon, tree)))
        for _ in range(2)
    ]
    goes_on, ends = ids
    for job_id in ids:
        jobs.wait_for_output(daemon, job_id, "1000\n")
        jobs.wait_for(daemon, job_id, {"running"})
    containers = {job_id: podman.inspect(job_id)["Id"] for job_id in ids}

    daemon.kill()
    jobs.let_go(daemon, ends)
    jobs.wait_until_removed(ends)
    gone = utc_now()
    wait_until(lambda: utc_now() > gone, what="a second that the job did not run")
    daemon.start()

    assert podman.inspect(goes_on)["Id"] == containers[goes_on]
    assert jobs.wait_for(daemon, goes_on, jobs.TERMINAL | {"running"})["status"] == "running"
    jobs.let_go(daemon, goes_on)
    whole = "".join(f"{i}\n" for i in range(1, 2001))
    for job_id in ids:
        job = jobs.wait_for(daemon, job_id)
        assert outcome(job) == ("failed", "exit", 7)
        assert (job["completed_at"] <= gone) == (job_id == ends), job
        assert jobs.output(daemon, job_id, stream="stdout") == whole
        assert jobs.output(daemon, job_id, stream="stderr") == "late\n"
        assert artifact(daemon, job_id, "out") == b"hello\n"
        jobs.wait_until_removed(job_id)


def test_a_key_survives_a_crash(daemon):
    body = jobs.worker(f"echo once; {jobs.HOLD}")
    job_id = jobs.create(daemon, body)
    jobs.wait_for_output(daemon, job_id, "once")
    daemon.kill()
    daemon.start()
    again = daemon.api.post("/jobs", body)
    assert (again.status, again.json()["job_id"]) == (200, job_id)
    assert len(podman.containers(flashpods_job_id=job_id)) == 1
    jobs.let_go(daemon, job_id)
    jobs.wait_for(daemon, job_id)
    assert jobs.output(daemon, job_id) == "once\n"


def test_a_crash_right_after_the_reply_loses_no_job(daemon):
    ids = [
        jobs.create(daemon, jobs.worker(f"echo ran {n}; echo {n} >/artifacts/n; exit {n}"))
        for n in range(6)
    ]
    daemon.kill()
    daemon.start()
    for number, job_id in enumerate(ids):
        job = jobs.wait_for(daemon, job_id)
        assert job["exit_code"] == number, job
        assert jobs.output(daemon, job_id) == f"ran {number}\n"
        assert artifact(daemon, job_id, "n") == f"{number}\n".encode()
    for job_id in ids:
        jobs.wait_until_removed(job_id)


def test_a_cancellation_holds_over_a_crash(daemon):
    job_id = jobs.create(
        daemon, jobs.worker("trap '' TERM; echo deaf; while :; do sleep 0.2; done")
    )
    jobs.wait_for_output(daemon, job_id, "deaf")
    assert daemon.api.delete(f"/jobs/{job_id}").status == 200
    daemon.kill()
    jobs.wait_until_removed(job_id)  # the shim keeps to it without the daemon
    daemon.start()
    assert outcome(jobs.wait_for(daemon, job_id)) == ("cancelled", "cancelled", 137)


def test_an_orderly_stop_leaves_jobs_running(daemon):
    job_id = jobs.create(daemon, jobs.worker(f"echo before; {jobs.HOLD}; echo after"))
    jobs.wait_for(daemon, job_id, {"running"})
    assert daemon.stop() == 0
    assert [each["State"] for each in podman.containers(flashpods_job_id=job_id)] == ["running"]
    daemon.start()
    assert jobs.status(daemon, job_id)["status"] == "running"
    jobs.let_go(daemon, job_id)
    assert jobs.wait_for(daemon, job_id)["status"] == "completed"
    assert jobs.output(daemon, job_id) == "before\nafter\n"


def test_a_dead_shim_costs_neither_the_job_nor_its_output(daemon):
    job_id = jobs.create(daemon, jobs.worker(f"echo before; {jobs.HOLD}; echo after; exit 5"))
    jobs.wait_for_output(daemon, job_id, "before")
    jobs.wait_for(daemon, job_id, {"running"})
    kill_shims(daemon)
    jobs.let_go(daemon, job_id)
    job = jobs.wait_for(daemon, job_id)
    assert outcome(job) == ("failed", "exit", 5)
    assert jobs.output(daemon, job_id) == "before\nafter\n"


def kill_shims(daemon):
    for shim in processes.shims_of(daemon.state_dir):
        shim.kill()


def test_output_waits_for_whoever_comes_back(daemon):
    """The container ends while neither daemon nor shim lives to read what it said."""
    said = "".join(f"{i}\n" for i in range(1, 5001))
    job_id = jobs.create(
        daemon, jobs.worker(f"echo before; {jobs.HOLD}; seq 1 5000; seq 1 5000 >&2; exit 5")
    )
    jobs.wait_for_output(daemon, job_id, "before")
    jobs.wait_for(daemon, job_id, {"running"})
    init = podman.inspect(job_id)["State"]["Pid"]
    daemon.kill()
    kill_shims(daemon)
    jobs.let_go(daemon, job_id)
    wait_until(lambda: processes.is_dead(init), what="the container's end")
    daemon.start()
    assert outcome(jobs.wait_for(daemon, job_id)) == ("failed", "exit", 5)
    assert jobs.output(daemon, job_id, stream="stdout") == f"before\n{said}"
    assert jobs.output(daemon, job_id, stream="stderr") == said
    jobs.wait_until_removed(job_id)
    wait_until(lambda: not shims_and_their_kin(daemon), what="the end of all helpers")


def shims_and_their_kin(daemon):
    found = processes.belonging_to(daemon.state_dir)
    return [process.info["cmdline"] for process in found if process.pid != daemon.process.pid]


def test_a_container_that_somebody_removes_is_lost_and_said_so(daemon):
    job_id = jobs.create(daemon, jobs.worker(f"echo before; echo x >/artifacts/x; {jobs.HOLD}"))
    jobs.wait_for_output(daemon, job_id, "before")
    jobs.wait_for(daemon, job_id, {"running"})
    podman.podman("rm", "--force", "--time=0", job_id)
    job = jobs.wait_for(daemon, job_id)
    assert job["status"] == "failed"
    assert job["error"] in ("container_lost_on_recovery", "signal", "exit")
    assert job["exit_code"] in (None, 137)
    assert jobs.output(daemon, job_id) == "before\n"
    assert artifact(daemon, job_id, "x") == b"x\n"


def test_an_orphan_of_ours_is_removed_and_others_are_not(daemon):
    instance = daemon.api.get("/health").json()["instance"]
    labels = ["--label=flashpods-job=true", "--label=flashpods-job-type=worker"]
    ours = "job_" + "o" * 16
    theirs = "job_" + "p" * 16
    daemon.stop()
    for name, owner in ((ours, instance), (theirs, "another")):
        podman.podman(
            "run",
            "-d",
            "--network=none",
            f"--name={name}",
            *labels,
            f"--label=flashpods-job-id={name}",
            f"--label=flashpods-instance={owner}",
            podman.BUSYBOX,
            "sleep",
            "600",
        )
    try:
        daemon.start()
        jobs.wait_until_removed(ours)
        assert podman.containers(flashpods_job_id=theirs)
    finally:
        podman.podman("rm", "--force", "--time=0", "--ignore", ours, theirs)


def test_uploads_and_results_survive(daemon, tree):
    upload_id = jobs.upload(daemon, tree)
    done = jobs.run(daemon, "echo kept; echo x >/artifacts/x")
    daemon.kill()
    daemon.start()
    assert jobs.output(daemon, done["id"]) == "kept\n"
    assert artifact(daemon, done["id"], "x") == b"x\n"
    assert jobs.status(daemon, done["id"]) == done
    job = jobs.run(daemon, "cat hello.txt", files_id=upload_id)
    assert jobs.output(daemon, job["id"]) == "hello\n"
    assert job["status"] == "completed"
