"""What no row names is gone after a start, and what a row names stays."""

import contextlib
import os

import pytest

from flashpods_test import jobs, leftovers, podman, processes, uploads
from flashpods_test.leftovers import wait_until_settled
from flashpods_test.waiting import NotInTime, wait_until

# The last ones of all: once they are gone, nothing more is going to be removed.
UNKNOWN, ITS_INDEX_ONLY = "job_" + "z" * 15 + "y", "job_" + "z" * 16
UNKNOWN_UPLOAD = "upload_" + "z" * 32


def fill(directory, name="file"):
    directory.mkdir(parents=True)
    (directory / name).write_text("stray\n")
    return directory


def put_strays(state, released):
    """One of each kind: paths that no row accounts for."""
    closed = fill(state / "jobs" / UNKNOWN / "artifacts", "made")
    fill(state / "jobs" / UNKNOWN / "work")
    closed.chmod(0)
    transfer = fill(state / "transfers" / "0123456789abcdef" / "module" / UNKNOWN_UPLOAD).parents[1]
    (transfer / "lock").touch()
    (transfer / "pid").write_text(str(os.getpid()))  # somebody else has that number by now
    logs = [state / "logs" / f"{UNKNOWN}.log{end}" for end in ("", ".idx")]
    logs.append(state / "logs" / f"{ITS_INDEX_ONLY}.log.idx")
    for path in logs:
        path.write_bytes(b"stray\n" * 100)
    return [
        closed.parent,
        fill(state / "jobs" / released / "work").parent,
        fill(state / "artifacts" / UNKNOWN),
        *logs,
        transfer,
        fill(state / "uploads" / UNKNOWN_UPLOAD),
        fill(state / "sealed" / UNKNOWN_UPLOAD),
    ]


def wait_until_gone(left):
    """left() lists what is in the way; the last list is the message of a failure."""
    with contextlib.suppress(NotInTime):
        wait_until(lambda: not left(), interval=0.2)
    assert left() == []


def kept(state, *names):
    """All that is left of these jobs and uploads, by path."""
    places = [state / place for place in ("logs", "artifacts", "uploads", "sealed")]
    return {
        path: found
        for place in places
        for path, found in uploads.described(place).items()
        if any(name in path for name in names)
    }


def test_strays_go_and_what_rows_name_stays(fresh_daemon, tree):
    daemon, state = fresh_daemon, fresh_daemon.state_dir
    done = jobs.run(daemon, "echo said; echo result >/artifacts/result")["id"]
    wait_until_settled(daemon)
    sealed, under_way = jobs.upload(daemon, tree), jobs.new_upload_id()
    jobs.rsync(daemon, tree, under_way)
    wait_until((state / "uploads" / under_way).is_dir, what="the end of its transfer")
    before = kept(state, done, sealed, under_way)
    assert len({path.split("/")[0] for path in before}) == 5  # a log, its index, three directories
    with jobs.held(daemon, jobs.worker(f"echo before; {jobs.HOLD}; echo after")) as running:
        daemon.stop()
        strays = put_strays(state, released=done)
        assert all(path.exists() for path in strays)
        daemon.start()
        wait_until_gone(lambda: [str(path) for path in strays if path.exists()])
        assert kept(state, done, sealed, under_way) == before
    assert jobs.status(daemon, running)["status"] == "completed"
    assert jobs.output(daemon, running) == "before\nafter\n"
    assert jobs.output(daemon, done) == "said\n"
    assert daemon.api.get(f"/jobs/{done}/artifacts/result").body == b"result\n"
    assert daemon.api.post(f"/uploads/{under_way}/finalize").status == 200
    for upload_id in (sealed, under_way):
        job = jobs.run(daemon, "cat hello.txt", files_id=upload_id)
        assert jobs.output(daemon, job["id"]) == "hello\n"
    wait_until_settled(daemon)


def forget(daemon, job_id):
    """As a damaged journal does (test_hostile_state): the commits that spoke of it are gone."""
    with leftovers.database(daemon) as database, database:
        for table in ("artifacts", "idempotency_keys", "uploads", "events"):
            database.execute(f"DELETE FROM {table} WHERE job_id = ?", (job_id,))
        assert database.execute("DELETE FROM jobs WHERE id = ?", (job_id,)).rowcount == 1


def traces(state, job_id):
    """Whatever is left of a job: containers, processes, directories, files."""
    return [
        *(f"container {name}" for name in leftovers.job_containers() if name == job_id),
        *(each.info["cmdline"] for each in processes.belonging_to(state / "jobs" / job_id)),
        *(
            f"{place}/{name}"
            for place in ("jobs", "artifacts", "logs")
            for name in leftovers.entries(state / place)
            if job_id in name
        ),
    ]


@pytest.mark.parametrize("shim", ["alive", "killed"])
def test_a_running_job_that_no_row_names_goes_with_all_it_has(fresh_daemon, tree, shim):
    daemon, state = fresh_daemon, fresh_daemon.state_dir
    deaf = "trap '' TERM; echo up; while :; do date; echo x >>/artifacts/x; sleep 0.1; done"
    job_id = jobs.create(daemon, jobs.worker(deaf, files_id=jobs.upload(daemon, tree)))
    jobs.wait_for_output(daemon, job_id, "up")
    jobs.wait_for(daemon, job_id, {"running"})
    with jobs.held(daemon, jobs.worker(f"echo before; {jobs.HOLD}; echo after")) as beside:
        daemon.stop()
        forget(daemon, job_id)
        if shim == "killed":
            for each in processes.shims_of(state / "jobs" / job_id):
                each.kill()
        try:
            daemon.start()
            wait_until_gone(lambda: traces(state, job_id))
        finally:
            podman.podman("rm", "--force", "--time=0", "--ignore", job_id)
    assert daemon.api.get(f"/jobs/{job_id}").status == 404
    assert jobs.status(daemon, beside)["status"] == "completed"
    assert jobs.output(daemon, beside) == "before\nafter\n"
    wait_until_settled(daemon)
