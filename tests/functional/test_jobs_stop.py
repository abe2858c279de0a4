"""Cancel and time limit in every state a job can be in, and with every way to resist."""

import contextlib

import pytest

from flashpods_test import jobs, podman, uploads
from flashpods_test.daemon import Daemon
from flashpods_test.leftovers import wait_until_settled
from flashpods_test.waiting import wait_until

CONFIG = """
[capacity]
cpus = 64
memory_gb = 256
[jobs]
grace_seconds = 1
start_limit_seconds = {limit}
concurrent_starts = 1
start_slot_seconds = 3600
private_registries = ["{registry}"]
"""

DEAF = "trap '' TERM; echo up; while :; do sleep 0.2; done"
# A grandchild in a session of its own; the job itself waits for it.
ESCAPING = f"trap '' TERM; setsid sh -c \"{DEAF}\" & wait; wait; while :; do sleep 0.2; done"


@contextlib.contextmanager
def started(registry, limit=600, **options):
    config = CONFIG.format(registry=registry, limit=limit)
    with contextlib.closing(Daemon(config, **options)) as instance:
        yield instance.start()


@pytest.fixture(scope="module")
def daemon(images, silent_registry):
    with started(silent_registry) as instance:
        yield instance


@pytest.fixture(scope="module", autouse=True)
def overdue(daemon, images, silent_registry):
    """Jobs that resist their time limit, whose least is a minute, and one whose daemon is dead."""
    with started(silent_registry) as other:
        left = jobs.create(other, jobs.worker(DEAF, timeout_minutes=1))
        here = [
            jobs.create(daemon, jobs.worker(command, timeout_minutes=1))
            for command in (DEAF, ESCAPING)
        ]
        for job_id in here:
            jobs.wait_for_output(daemon, job_id, "up")
        jobs.wait_for_output(other, left, "up")
        jobs.wait_for(other, left, {"running"})
        other.kill()
        yield {"deaf": here[0], "escaping": here[1], "alone": (other, left)}


def pulling(daemon, registry):
    """A job that is busy pulling an image, and so has the only start slot."""
    job_id = jobs.create(daemon, jobs.worker("true", image=f"{registry}/never:1"))
    jobs.wait_for(daemon, job_id, {"starting"})
    return job_id


def cancelled(daemon, job_id):
    assert daemon.api.delete(f"/jobs/{job_id}").status == 200
    job = jobs.wait_for(daemon, job_id)
    assert (job["status"], job["error"]) == ("cancelled", "cancelled")
    return job


def test_what_forks_into_another_session_goes_too(daemon):
    job_id = jobs.create(daemon, jobs.worker(ESCAPING))
    jobs.wait_for_output(daemon, job_id, "up")
    assert cancelled(daemon, job_id)["exit_code"] == 137
    jobs.wait_until_removed(job_id)


def test_cancelling_while_the_image_is_pulled(daemon, silent_registry):
    job_id = pulling(daemon, silent_registry)
    job = cancelled(daemon, job_id)
    assert (job["exit_code"], job["started_at"]) == (None, None)
    assert jobs.run(daemon, "exit 4")["exit_code"] == 4  # the slot is free


def test_cancelling_what_waits_for_its_turn(daemon, silent_registry, tree):
    in_the_way = pulling(daemon, silent_registry)
    upload_id = jobs.upload(daemon, tree)
    body = jobs.worker("echo ran; echo x >/artifacts/x", files_id=upload_id)
    job_id = jobs.create(daemon, body)
    assert jobs.status(daemon, job_id)["status"] == "pending"
    reply = daemon.api.delete(f"/jobs/{job_id}")
    assert (reply.status, reply.json()["status"]) == (200, "cancelled")  # at once: it is nowhere
    assert uploads.state(daemon, upload_id) == "expired"
    cancelled(daemon, in_the_way)
    assert jobs.run(daemon, "true")["status"] == "completed"
    assert jobs.status(daemon, job_id)["started_at"] is None
    assert jobs.output(daemon, job_id) == ""
    assert not podman.containers(flashpods_job_id=job_id)


def test_a_pull_without_end_is_given_up(images, silent_registry, tmp_path):
    with started(silent_registry, limit=20, environment={"TMPDIR": str(tmp_path)}) as impatient:
        job = jobs.run(impatient, "true", image=f"{silent_registry}/never:1")
        assert (job["status"], job["error"]) == ("failed", "image_pull_failed")
        wait_until_settled(impatient)
    assert not list(tmp_path.iterdir()), "podman's temporary files are still there"


# Last, for they take a minute: the time limits


@pytest.mark.parametrize("how", ["deaf", "escaping"])
def test_the_time_limit_ends_the_stubborn(daemon, overdue, how):
    job = jobs.wait_for(daemon, overdue[how])
    assert (job["status"], job["error"], job["exit_code"]) == ("timed_out", "timed_out", 137)
    assert jobs.output(daemon, overdue[how]) == "up\n"


def test_the_time_limit_holds_without_a_daemon(overdue):
    daemon, job_id = overdue["alone"]
    assert not daemon.running()
    wait_until(
        lambda: not podman.containers(flashpods_job_id=job_id), 120, "its end", interval=0.5
    )
    daemon.start()
    job = jobs.wait_for(daemon, job_id)
    assert (job["status"], job["error"], job["exit_code"]) == ("timed_out", "timed_out", 137)
    assert 60 <= job["actual_runtime_seconds"] < 120
    assert jobs.output(daemon, job_id) == "up\n"
    wait_until_settled(daemon)


def test_nothing_is_left(daemon):
    wait_until_settled(daemon)
