"""Attack 12: many jobs held at once. What one costs is printed (pytest -s)."""

import concurrent.futures
import contextlib

import psutil
import pytest

from flashpods_test import jobs, podman, processes
from flashpods_test.waiting import wait_until

CROWD = """
[capacity]
cpus = 2000
memory_gb = 2000
[jobs]
concurrent_starts = 4
grace_seconds = 1
"""


def report_memory(daemon, count):
    """What held jobs cost outside their containers: resident memory, by program."""
    by_name = {}
    for process in processes.belonging_to(daemon.state_dir):
        with contextlib.suppress(psutil.Error):
            rss = process.memory_info().rss
            by_name.setdefault(processes.program_of(process), []).append(rss)
    for name, sizes in sorted(by_name.items()):
        print(f"{name}: {len(sizes)} processes, {sum(sizes) // len(sizes) // 1024} kB each")
    print(f"{count} jobs")


def hold_at_once(daemon, count):
    """As many running jobs; their ids."""
    body = [jobs.worker("echo up; exec sleep 3600") for _ in range(count)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda each: jobs.create(daemon, each), body))
    for job_id in ids:
        assert jobs.wait_for(daemon, job_id, timeout=600, states=jobs.TERMINAL | {"running"})[
            "status"
        ] == "running", jobs.status(daemon, job_id)
    return ids


def stop_all(daemon, ids):
    for job_id in ids:
        assert daemon.api.delete(f"/jobs/{job_id}").status == 200
    for job_id in ids:
        assert jobs.wait_for(daemon, job_id, timeout=600)["status"] == "cancelled"
    # Asking podman all the time would be the crowd's brake.
    wait_until(lambda: not processes.shims_of(daemon.state_dir), 1200, "no shim is left", interval=1)
    assert not podman.containers_of(daemon.state_dir)


def crowd(daemon, count):
    ids = hold_at_once(daemon, count)
    report_memory(daemon, count)
    # One more, from start to end, beside them all.
    job = jobs.run(daemon, "echo beside")
    assert (job["status"], jobs.output(daemon, job["id"])) == ("completed", "beside\n"), job
    listed = daemon.api.get("/jobs?status=running&limit=100").json()["jobs"]
    assert len(listed) == min(count, 100)
    stop_all(daemon, ids)


def test_12_ten_jobs_held_at_once(make_daemon):
    crowd(make_daemon(CROWD), 10)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_12_250_jobs_held_at_once(make_daemon):
    crowd(make_daemon(CROWD), 250)
