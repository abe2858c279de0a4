"""Single measurements; each returns seconds."""

import json
import subprocess
import time

from flashpods_test import jobs
from flashpods_test.podman import BUSYBOX
from flashpods_test.programs import program

COMMAND = "echo ready"


def first_byte_of_job(daemon):
    """POST /jobs until a byte comes from GET /jobs/ID/output?follow=1, on one kept connection.

    It waits without polling, as the reader of podman's pipe does: a poller would take the processor
    from both.
    """
    api, connection = daemon.api, daemon.api.connect()
    body = jobs.worker(COMMAND)
    began = time.monotonic()
    job = api.post("/jobs", body, connection=connection).json()["job_id"]
    connection.request("GET", f"/jobs/{job}/output?follow=1&offset=0",
                       headers={"Authorization": f"Bearer {api.token}"})
    stream = connection.getresponse()
    while not stream.readline().startswith(b"data: "):
        pass
    seconds = time.monotonic() - began
    connection.close()
    jobs.wait_for(daemon, job)
    return seconds


def first_byte_of_podman():
    """A plain `podman run` with the flags that a job gets."""
    began = time.monotonic()
    with subprocess.Popen(
        ["podman", "run", "--rm", "--init", "--cpus=1", "--memory=1g", "--userns=keep-id",
         "--network=slirp4netns", "--security-opt=no-new-privileges", "--cap-drop=ALL",
         BUSYBOX, "/bin/sh", "-c", COMMAND],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout.read(1)
        return time.monotonic() - began


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "bench", "version": "0"},
    },
}


def mcp_start(daemon):
    """Start of `flashpods mcp` until its reply to initialize."""
    began = time.monotonic()
    with subprocess.Popen(
        [program("flashpods"), "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=daemon.client_environment(),
    ) as process:
        process.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
        process.stdin.flush()
        reply = json.loads(process.stdout.readline())
        seconds = time.monotonic() - began
        process.stdin.close()
    assert "result" in reply, reply
    return seconds
