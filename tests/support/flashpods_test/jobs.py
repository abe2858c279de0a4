"""Uploads and jobs over the plain API, as a client without our programs would do it."""

import contextlib
import subprocess
import uuid

from .podman import BUSYBOX, containers
from .waiting import wait_until

TERMINAL = {"completed", "failed", "timed_out", "cancelled", "cleaning", "cleaned"}


def new_upload_id():
    return f"upload_{uuid.uuid4().hex}"


def rsync(daemon, source, upload_id, *options, check=True):
    """The spec's rsync command: rsync -avz --delete SRC/ rsync://…/uploads/ID/."""
    environment = daemon.client_environment()
    target = f"{environment['FLASHPODS_RSYNC_URL']}/{upload_id}/"
    done = subprocess.run(
        ["rsync", "-avz", "--delete", *options, f"{source}/", target],
        env=environment, capture_output=True, text=True,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def upload(daemon, source):
    """Sends a directory and finalizes it; returns the upload's id."""
    upload_id = new_upload_id()
    rsync(daemon, source, upload_id)
    reply = daemon.api.post(f"/uploads/{upload_id}/finalize")
    assert reply.status == 200, reply.body
    return upload_id


def worker(command, **fields):
    """The body of POST /jobs for a small worker."""
    return {
        "client_job_id": str(uuid.uuid4()),
        "type": "worker",
        "command": command,
        "image": BUSYBOX,
        "cpus": 1,
        "memory_gb": 1,
    } | fields


def agent(task, **fields):
    """The body of POST /jobs for an agent."""
    return {
        "client_job_id": str(uuid.uuid4()),
        "type": "agent",
        "task": task,
        "git_branch": "feature/jwt-auth",
        "cpus": 1,
        "memory_gb": 1,
    } | fields


# A command that waits here until the test calls let_go(): no guess about how long things take.
HOLD = "while [ ! -e /artifacts/.go ]; do sleep 0.05; done; rm /artifacts/.go"


def let_go(daemon, job_id):
    (daemon.state_dir / "jobs" / job_id / "artifacts" / ".go").touch()


@contextlib.contextmanager
def held(daemon, body):
    """A running job, whose command ends with HOLD, for as long as the block lasts."""
    job_id = create(daemon, body)
    try:
        wait_for(daemon, job_id, {"running"})
        yield job_id
    finally:
        let_go(daemon, job_id)
        wait_for(daemon, job_id)


def create(daemon, body):
    reply = daemon.api.post("/jobs", body)
    assert reply.status in (200, 201), reply.body
    return reply.json()["job_id"]


def status(daemon, job_id):
    reply = daemon.api.get(f"/jobs/{job_id}")
    assert reply.status == 200, reply.body
    return reply.json()


def wait_for(daemon, job_id, states=TERMINAL, timeout=120):
    """The job's status, once it is in one of the states."""

    def reached():
        seen = status(daemon, job_id)
        return seen if seen["status"] in states else None

    return wait_until(reached, timeout, what=f"{job_id} in {sorted(states)}", interval=0.1)


def wait_for_output(daemon, job_id, text, timeout=120):
    """The output, once it has this text in it."""

    def seen():
        found = output(daemon, job_id)
        return found if text in found else None

    return wait_until(seen, timeout, what=f"{text!r} in the output of {job_id}", interval=0.1)


def wait_until_removed(job_id):
    """Waits until podman has no container of this job any more."""
    wait_until(lambda: not containers(flashpods_job_id=job_id), what=f"the removal of {job_id}")


def run(daemon, command, **fields):
    """Creates a worker and returns its status at the end."""
    return wait_for(daemon, create(daemon, worker(command, **fields)))


def output(daemon, job_id, **query):
    """The job's output as the API gives it, the whole of it unless tail is named."""
    parameters = "&".join(f"{name}={value}" for name, value in ({"tail": 100000} | query).items())
    reply = daemon.api.get(f"/jobs/{job_id}/output?{parameters}")
    assert reply.status == 200, reply.body
    return reply.json()["output"]
