"""kill -9 of the daemon or a shim at every failpoint: no job is lost, doubled or left lying."""

import collections
import concurrent.futures
import contextlib
import hashlib
import os
import re
import signal
import threading

import pytest

from flashpods_test import failpoints, jobs, leftovers, processes
from flashpods_test.daemon import Daemon
from flashpods_test.leftovers import wait_until_settled
from flashpods_test.steady import SteadyClient
from flashpods_test.waiting import wait_until

CONFIG = """
[capacity]
cpus = 64
memory_gb = 256
[jobs]
grace_seconds = 1
concurrent_starts = 1
start_slot_seconds = 3600
private_registries = ["{registry}"]
"""

PENDING = ["job.becoming_starting", "job.starting"]
STOPPING = ["job.stopping", "job.stop_noted", "job.stop_passed_on", "shim.stop_kept"]
CLEANING = [
    "job.cleaning", "job.artifacts_removed", "job.artifacts_noted", "job.log_removed",
    "job.log_noted", "job.cleaned",
]  # fmt: skip
EXPIRING = ["upload.expired", "upload.cleared"]
LIVING = [
    name for name in failpoints.names() if name not in {*PENDING, *STOPPING, *CLEANING, *EXPIRING}
]

NUMBERS = "".join(f"{i}\n" for i in range(1, 3001))
ENDING = "seq 1 3000; seq 1 3000 >/artifacts/numbers; exit 7"
# Tells one container from another: what it says is in the output and in an artifact.
SAYS_WHO = "echo ran $(cat /proc/sys/kernel/random/uuid) | tee -a /artifacts/ran; cat hello.txt"

Crash = collections.namedtuple("Crash", "daemon client mark")


@pytest.fixture
def crash(images, silent_registry, tmp_path):
    """crash(name) arms a daemon; it is started again, unarmed, once it is found dead."""
    one_at_a_time = threading.Lock()
    with contextlib.ExitStack() as made:

        def arm(name, state=None, action="kill"):
            daemon = state or made.enter_context(contextlib.closing(Daemon()))
            daemon.config.write_text(CONFIG.format(registry=silent_registry))
            mark = tmp_path / "mark"
            daemon.environment = failpoints.wish(name, mark, action)
            daemon.start(wait=False)

            def revive():
                with one_at_a_time:
                    if daemon.running():
                        return
                    assert daemon.process.returncode == -signal.SIGKILL, daemon.log
                    assert mark.exists(), daemon.log
                    daemon.environment = {}
                    daemon.start()

            if name not in {*CLEANING, *EXPIRING}:
                wait_until(daemon.healthy, timeout=60, what="a healthy daemon")
            return Crash(daemon, SteadyClient(daemon, when_silent=revive), mark)

        yield arm


def check_hit(crashed, name):
    """Who was killed there is dead, and a killed daemon is up again."""
    wait_until(crashed.mark.exists, what=f"somebody at {name}")
    victim = int(wait_until(crashed.mark.read_text, what="its number in the mark"))
    wait_until(lambda: processes.is_dead(victim), what="its death")
    assert crashed.client.request("GET", "/health").status == 200


def check_ran_once(client, job_id):
    """One container's words in the output, and the same ones in the artifact."""
    said = re.match(r"ran \S+\n", client.output(job_id)).group()
    assert client.output(job_id) == f"{said}hello\n{NUMBERS}"
    assert client.artifact(job_id, "ran").decode() == said
    whole = NUMBERS.encode()
    assert client.artifact(job_id, "numbers") == whole
    assert client.artifacts(job_id)["numbers"] == hashlib.sha256(whole).hexdigest()


def check_true_end(client, job_id):
    job = client.wait_for(job_id)
    assert (job["status"], job["error"], job["exit_code"]) == ("failed", "exit", 7), job
    check_ran_once(client, job_id)


def check_key_and_leftovers(crashed, body, job_id):
    wait_until_settled(crashed.daemon)
    reply = crashed.client.request("POST", "/jobs", body)
    assert (reply.status, reply.json()["job_id"]) == (200, job_id)
    rows = leftovers.rows(crashed.daemon, "SELECT id FROM jobs")
    assert len([row for row in rows if row["id"] == job_id]) == 1
    return rows


def test_every_failpoint_is_tried():
    """A build without failpoints would pass everything below by having nothing to try."""
    assert len(LIVING) > 20
    assert {*PENDING, *STOPPING, *CLEANING, *EXPIRING} <= set(failpoints.names())


def test_a_misspelt_failpoint_is_refused(make_daemon):
    for wish in ("job.craeted=kill", "job.created", "job.created=explode", "job.created=kill:0"):
        daemon = make_daemon(start=False, environment={"FLASHPODS_FAILPOINT": wish})
        daemon.start(wait=False)
        assert daemon.process.wait(30) == 1
        assert wish in daemon.log


@pytest.mark.parametrize("name", LIVING)
def test_a_crash_in_the_life_of_a_job(crash, tree, name):
    crashed = crash(name)
    client = crashed.client
    body = jobs.worker(f"{SAYS_WHO}; {ENDING}")
    body["files_id"] = client.upload(tree)
    job_id = client.create(body)
    check_true_end(client, job_id)
    check_hit(crashed, name)
    assert len(check_key_and_leftovers(crashed, body, job_id)) == 1


def test_one_key_makes_one_job_over_a_crash(crash):
    """The first request is durable, but its reply and all the others are lost."""
    crashed = crash("job.created")
    body = jobs.worker("echo ran")
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        ids = set(pool.map(lambda _: crashed.client.create(body), range(50)))
    check_hit(crashed, "job.created")
    (job_id,) = ids
    assert crashed.client.wait_for(job_id)["status"] == "completed"
    assert crashed.client.output(job_id) == "ran\n"
    assert len(check_key_and_leftovers(crashed, body, job_id)) == 1


@pytest.mark.parametrize("name", PENDING)
def test_a_crash_of_a_job_that_waits_for_its_turn(crash, silent_registry, tree, name):
    crashed = crash(name)
    client = crashed.client
    first = client.create(jobs.worker("true", image=f"{silent_registry}/never:1"))
    body = jobs.worker(f"{SAYS_WHO}; {ENDING}", files_id=client.upload(tree))
    job_id = client.create(body)
    assert client.status(job_id)["status"] == "pending"
    client.request("DELETE", f"/jobs/{first}")
    check_true_end(client, job_id)
    check_hit(crashed, name)
    assert client.wait_for(first)["status"] == "cancelled"
    check_key_and_leftovers(crashed, body, job_id)


@pytest.mark.parametrize("name", STOPPING)
def test_a_crash_while_a_job_is_cancelled(crash, name):
    crashed = crash(name)
    client = crashed.client
    body = jobs.worker("trap '' TERM; echo x >/artifacts/x; echo deaf; while :; do sleep 0.2; done")
    job_id = client.create(body)
    client.wait_for(job_id, {"running"})
    wait_until(lambda: "deaf" in client.output(job_id), what="its words", interval=0.1)
    with contextlib.suppress(OSError):
        crashed.daemon.api.delete(f"/jobs/{job_id}")
    check_hit(crashed, name)
    if name == "job.stopping":  # nothing was promised
        assert client.status(job_id)["status"] == "running"
        assert client.request("DELETE", f"/jobs/{job_id}").status == 200
    job = client.wait_for(job_id)
    assert (job["status"], job["error"], job["exit_code"]) == ("cancelled", "cancelled", 137)
    assert client.output(job_id) == "deaf\n"
    assert client.artifact(job_id, "x") == b"x\n"
    check_key_and_leftovers(crashed, body, job_id)


@pytest.mark.parametrize("name", CLEANING)
def test_a_crash_while_a_job_is_cleaned(crash, make_daemon, name):
    daemon = make_daemon()
    body = jobs.worker("echo said; echo x >/artifacts/x")
    job_id = jobs.wait_for(daemon, jobs.create(daemon, body))["id"]
    wait_until_settled(daemon)
    daemon.stop()
    past = "2001-01-01T00:00:00.000Z"
    with leftovers.database(daemon) as database, database:
        database.execute("UPDATE jobs SET log_expires_at = ?1, artifacts_expires_at = ?1", (past,))

    crashed = crash(name, daemon)
    client = crashed.client
    job = client.wait_for(job_id, {"cleaned"})
    check_hit(crashed, name)
    assert (job["outcome"], job["exit_code"]) == ("completed", 0)
    assert client.request("GET", f"/jobs/{job_id}/output").status == 410
    assert client.request("GET", f"/jobs/{job_id}/artifacts/x").status == 410
    wait_until_settled(daemon)
    assert not leftovers.entries(daemon.state_dir / "logs")
    assert not leftovers.entries(daemon.state_dir / "artifacts")
    again = client.request("POST", "/jobs", body)
    assert again.status == 201
    assert again.json()["job_id"] != job_id
    client.wait_for(again.json()["job_id"])


@pytest.mark.parametrize("name", EXPIRING)
def test_a_crash_while_an_upload_expires(crash, make_daemon, tree, name):
    daemon = make_daemon()
    upload_id = jobs.upload(daemon, tree)
    daemon.stop()
    with leftovers.database(daemon) as database, database:
        database.execute("UPDATE uploads SET expires_at = '2001-01-01T00:00:00.000Z'")

    crashed = crash(name, daemon)

    def gone():
        (row,) = leftovers.rows(daemon, "SELECT state, disk_gone FROM uploads")
        return tuple(row) == ("expired", 1)

    check_hit(crashed, name)
    wait_until(gone, what="the end of the upload")
    assert crashed.client.request("GET", f"/uploads/{upload_id}").json()["state"] == "expired"
    wait_until_settled(daemon)
    assert not leftovers.entries(daemon.state_dir / "sealed")


def test_a_shim_that_wakes_up_too_late_ends(crash):
    """The next daemon has removed the container and the job's directory in its place."""
    crashed = crash("shim.container_gone", action="stop")
    daemon, client = crashed.daemon, crashed.client
    job_id = client.create(jobs.worker("exit 3"))
    assert client.wait_for(job_id)["exit_code"] == 3
    wait_until(crashed.mark.exists, what="the shim's stop")
    daemon.kill()
    daemon.start()
    released = "SELECT id FROM jobs WHERE released_at IS NOT NULL"
    wait_until(lambda: leftovers.rows(daemon, released), what="the release")
    os.kill(int(crashed.mark.read_text()), signal.SIGCONT)
    wait_until_settled(daemon, timeout=30)
