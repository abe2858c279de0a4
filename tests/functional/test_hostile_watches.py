"""Attack 12: the service's user has no epoll watch left (fs.epoll.max_user_watches).

A job can use them up, for it runs under the same uid. Each registration with the daemon's event
loop then fails with ENOSPC (base/failpoint.h: FLASHPODS_NO_WATCHES).
"""

import contextlib
import subprocess

import psutil
import pytest

from flashpods_test import jobs, processes
from flashpods_test.waiting import wait_until


class Watches:
    """The watches that a daemon can have; as many as it wants at first."""

    def __init__(self, file):
        self.file = file
        self.environment = {"FLASHPODS_NO_WATCHES": str(file)}

    @contextlib.contextmanager
    def only(self, count=0):
        """From now on only its first `count` registrations succeed."""
        self.file.write_text(str(count))
        try:
            yield
        finally:
            self.file.unlink()


@pytest.fixture
def watches(tmp_path):
    return Watches(tmp_path / "no-watches")


def end_of_start(daemon):
    """Its exit status, or nothing once it is ready."""
    published = daemon.state_dir / "run" / "endpoints.json"
    published.unlink(missing_ok=True)
    daemon.start(wait=False)
    wait_until(
        lambda: not daemon.running() or published.exists(), timeout=60, what="an end of the start"
    )
    return daemon.process.poll()


def said(daemon):
    """What it says on standard error as plain text, as a person reads it."""
    return [line for line in daemon.log.splitlines() if line.startswith("flashpodsd: ")]


def test_12_a_start_without_watches_says_so_and_ends(make_daemon, watches):
    """Whichever of its registrations is the first to fail."""
    daemon = make_daemon(start=False, environment=watches.environment)
    for count in range(20):
        with watches.only(count):
            status = end_of_start(daemon)
            if status is None:
                assert daemon.stop() == 0
                break
        assert status == 1, daemon.log
        assert len(said(daemon)) == count + 1, daemon.log
        assert "fs.epoll.max_user_watches" in said(daemon)[-1]
    assert count > 6, "fewer registrations failed than a start makes"
    daemon.start()


def test_12_a_signal_ends_a_start_that_takes_long(make_daemon, tmp_path):
    """Here podman answers nothing."""
    podman = tmp_path / "podman"
    podman.write_text("#!/bin/sh\nexec sleep 600\n")
    podman.chmod(0o755)
    path = f"{tmp_path}:/usr/local/bin:/usr/bin:/bin"
    daemon = make_daemon(start=False, environment={"PATH": path})
    daemon.start(wait=False)
    asked = lambda: processes.children_named(daemon.process.pid, "sleep")
    wait_until(asked, what="the question to podman")
    assert daemon.stop(timeout=20) == 0
    assert "started" not in daemon.log


def zombies_of(daemon):
    children = psutil.Process(daemon.process.pid).children()
    return [each for each in children if each.status() == psutil.STATUS_ZOMBIE]


def test_12_jobs_outlast_a_time_without_watches(make_daemon, watches):
    """Their shims end meanwhile, and one of them is asked to stop; nothing of it gets lost."""
    daemon = make_daemon(environment=watches.environment)
    ids = [jobs.create(daemon, jobs.worker(f"{jobs.HOLD}; echo {n}; exit {n}")) for n in (3, 4)]
    for job_id in ids:
        jobs.wait_for(daemon, job_id, {"running"})
    with watches.only(0):
        for shim in processes.shims_of(daemon.state_dir):
            shim.kill()
        wait_until(lambda: daemon.log.count("shim_not_started") > 5, what="failing attempts")
        for job_id in ids:
            jobs.let_go(daemon, job_id)
        health = subprocess.Popen(
            ["curl", "-s", f"{daemon.url}/health"], stdout=subprocess.PIPE
        )
        wait_until(lambda: "cannot accept" in daemon.log, what="the daemon's complaint")
        wait_until(lambda: not zombies_of(daemon), what="every child to be reaped")
    assert b'"status":"ok"' in health.communicate(timeout=30)[0]
    for job_id, code in zip(ids, (3, 4)):
        assert jobs.wait_for(daemon, job_id)["exit_code"] == code
        assert jobs.output(daemon, job_id) == f"{code}\n"
    free = lambda: daemon.api.get("/health").json()["available"]
    wait_until(lambda: free() == daemon.api.get("/health").json()["capacity"], what="a free host")
    assert daemon.log.count("cannot accept") < 5
    assert "task_failed" not in daemon.log
