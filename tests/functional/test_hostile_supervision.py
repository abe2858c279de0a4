"""A job damages what it owns while the processes that supervise it are killed or stopped.

Every job must still end, with its true exit code and its whole log, and leave nothing behind.
"""

import contextlib
import subprocess
import threading
import time

import psutil
import pytest

from flashpods_test import failpoints, jobs, leftovers, podman, processes
from flashpods_test.leftovers import wait_until_settled
from flashpods_test.waiting import wait_until

DEEDS = {
    "closes its private directory": "chmod 0 /tmp/flashpods",
    "removes its private directories": "rm -rf /tmp/flashpods/* /tmp/flashpods/.[!.]*",
    "puts a file in the place of its home": "rm -rf $HOME; touch $HOME",
    "puts a FIFO in the place of its home": "rm -rf $HOME; mkfifo $HOME",
    "links its build directory away": "rm -rf $CARGO_TARGET_DIR; ln -s /opt/x $CARGO_TARGET_DIR",
    "closes its output": "chmod 0 /proc/self/fd/1 /proc/self/fd/2",
    "closes its artifacts": "chmod 0 /artifacts",
    "closes every descriptor": "exec 3>&1; exec 4>&2; exec >&- 2>&-; exec 1>&3 2>&4",
}
DEAF = "trap '' TERM; {deed} 2>/dev/null; echo done; while :; do sleep 1; done"


def kill_shims(daemon):
    for shim in processes.shims_of(daemon.state_dir):
        shim.kill()


def conmons(ids):
    return [psutil.Process(podman.inspect(each)["State"]["ConmonPid"]) for each in ids]


def kill_conmons(ids):
    for each in conmons(ids):
        each.kill()


def running(daemon, command):
    """A job that has said `up` and whose row says that it runs."""
    job_id = jobs.create(daemon, jobs.worker(command))
    jobs.wait_for_output(daemon, job_id, "up")
    jobs.wait_for(daemon, job_id, {"running"})
    return job_id


@pytest.mark.parametrize("victims", ["shims", "shims and daemon", "shims and conmons"])
def test_every_job_can_be_ended_whatever_it_did_to_its_things(fresh_daemon, victims):
    daemon = fresh_daemon
    ids = [jobs.create(daemon, jobs.worker(DEAF.format(deed=deed))) for deed in DEEDS.values()]
    for job_id in ids:
        jobs.wait_for_output(daemon, job_id, "done")
        jobs.wait_for(daemon, job_id, {"running"})
    if "daemon" in victims:
        daemon.kill()
    if "conmons" in victims:
        kill_conmons(ids)
    kill_shims(daemon)
    if "daemon" in victims:
        daemon.start()
    for job_id in ids:
        assert daemon.api.delete(f"/jobs/{job_id}").status == 200
    for name, job_id in zip(DEEDS, ids, strict=True):
        job = jobs.wait_for(daemon, job_id)
        assert (job["status"], job["exit_code"]) == ("cancelled", 137), (name, job)
        assert jobs.output(daemon, job_id) == "done\n", name
    wait_until_settled(daemon)


def test_a_job_cannot_change_the_fifos_of_its_output(daemon):
    command = "chmod 0 /proc/self/fd/1; touch -d @0 /proc/self/fd/1; readlink /proc/self/fd/1"
    job = jobs.run(daemon, f"{command}; echo again >/dev/stdout")
    said = jobs.output(daemon, job["id"])
    assert said.count("Read-only file system") == 2, said
    assert f"/{job['id']}/stdout.fifo\nagain\n" in said
    assert str(daemon.state_dir) not in said


@contextlib.contextmanager
def kept_stopped(process):
    """Stops the process again as often as somebody lets it continue."""
    over = threading.Event()

    def hold():
        with contextlib.suppress(psutil.NoSuchProcess):
            while not over.wait(0.02):
                process.suspend()

    thread = threading.Thread(target=hold)
    process.suspend()
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("hold", ["once", pytest.param("always", marks=pytest.mark.long)])
def test_a_stopped_conmon_keeps_no_job_from_its_end(fresh_daemon, hold):
    daemon = fresh_daemon
    job_id = running(daemon, f"echo up; {jobs.HOLD}; echo down; exit 7")
    (conmon,) = conmons([job_id])
    init = podman.inspect(job_id)["State"]["Pid"]
    with kept_stopped(conmon) if hold == "always" else contextlib.nullcontext(conmon.suspend()):
        jobs.let_go(daemon, job_id)
        wait_until(lambda: processes.is_dead(init), what="the end of the command")
        time.sleep(0.1)  # the end comes before the stop that follows, by more than a clock's tick
        assert daemon.api.delete(f"/jobs/{job_id}").status == 200
        job = jobs.wait_for(daemon, job_id)
    assert (job["status"], job["error"], job["exit_code"]) == ("failed", "exit", 7), job
    assert jobs.output(daemon, job_id) == "up\ndown\n"
    wait_until_settled(daemon)


def test_a_stop_that_comes_after_the_end_changes_nothing(fresh_daemon):
    """The shim hears of both together."""
    daemon = fresh_daemon
    job_id = running(daemon, f"echo up; {jobs.HOLD}; exit 7")
    init = podman.inspect(job_id)["State"]["Pid"]
    (shim,) = processes.shims_of(daemon.state_dir)
    shim.suspend()
    jobs.let_go(daemon, job_id)
    wait_until(lambda: processes.is_dead(init), what="the end of the command")
    time.sleep(0.1)
    assert daemon.api.delete(f"/jobs/{job_id}").status == 200
    shim.resume()
    job = jobs.wait_for(daemon, job_id)
    assert (job["status"], job["error"], job["exit_code"]) == ("failed", "exit", 7), job


def keepers(daemon):
    found = processes.belonging_to(daemon.state_dir)
    return [each for each in found if processes.program_of(each) == "flashpods-output-keeper"]


def test_a_log_that_may_lack_something_says_so(fresh_daemon):
    """Everybody who holds the job's output dies before the job ends."""
    daemon = fresh_daemon
    job_id = running(daemon, f"echo up; {jobs.HOLD}; seq 1 200; exit 7")
    init = podman.inspect(job_id)["State"]["Pid"]
    daemon.kill()
    kill_shims(daemon)
    for keeper in keepers(daemon):
        keeper.kill()
    jobs.let_go(daemon, job_id)
    wait_until(lambda: processes.is_dead(init), what="the end of the command")
    daemon.start()
    job = jobs.wait_for(daemon, job_id)
    assert (job["error"], job["exit_code"]) == ("exit", 7), job
    assert "log may be incomplete" in job["hint"], job


def test_a_dead_keeper_is_replaced_by_the_next_shim(fresh_daemon):
    daemon = fresh_daemon
    job_id = running(daemon, f"echo up; {jobs.HOLD}; seq 1 200; exit 7")
    init = podman.inspect(job_id)["State"]["Pid"]
    for keeper in keepers(daemon):
        keeper.kill()
    kill_shims(daemon)
    wait_until(lambda: keepers(daemon), what="a new keeper")
    wait_until(lambda: processes.shims_of(daemon.state_dir), what="a new shim")
    daemon.kill()
    kill_shims(daemon)
    jobs.let_go(daemon, job_id)
    wait_until(lambda: processes.is_dead(init), what="the end of the command")
    daemon.start()
    job = jobs.wait_for(daemon, job_id)
    assert (job["error"], job["exit_code"], job["hint"]) == ("exit", 7, None), job
    assert jobs.output(daemon, job_id) == "up\n" + "".join(f"{n}\n" for n in range(1, 201))


def test_the_keeper_lives_until_the_end_is_noted(make_daemon, tmp_path):
    """The shim is killed when it has ended all of the job's processes, and has noted nothing."""
    mark = tmp_path / "mark"
    daemon = make_daemon(environment=failpoints.wish("shim.exiting", mark, "stop"))
    job_id = running(daemon, f"echo up; {jobs.HOLD}; echo down; exit 7")
    init = podman.inspect(job_id)["State"]["Pid"]
    daemon.kill()
    kill_shims(daemon)
    jobs.let_go(daemon, job_id)
    wait_until(lambda: processes.is_dead(init), what="the end of the command")
    daemon.start()
    wait_until(mark.exists, what="a shim that is about to note the end")
    assert keepers(daemon)
    daemon.kill()
    kill_shims(daemon)
    daemon.start()
    job = jobs.wait_for(daemon, job_id)
    assert (job["error"], job["exit_code"], job["hint"]) == ("exit", 7, None), job
    assert jobs.output(daemon, job_id) == "up\ndown\n"
    wait_until_settled(daemon)


def test_processes_of_a_job_that_is_over_are_ended(fresh_daemon):
    """A start that was cut off may leave processes that podman does not know."""
    daemon = fresh_daemon
    job = jobs.run(daemon, "true")
    wait_until_settled(daemon)
    name = str(daemon.state_dir / "jobs" / job["id"] / "conmon")
    left = subprocess.Popen([name, "600"], executable="/bin/sleep")
    try:
        assert leftovers.orphans(daemon)
        daemon.restart()
        assert wait_until(lambda: left.poll() is not None, what="the end of what was left")
    finally:
        left.kill()
        left.wait()
