"""A client that does not give up, as ours: what got no answer is asked again, with the same key."""

import http.client
import time

from . import jobs
from .waiting import NotInTime, wait_until


class SteadyClient:
    """Requests to a daemon that may be killed at any time.

    when_silent is called after each request that got no answer. patience is in seconds, for one
    request; it only ends a broken test.
    """

    def __init__(self, daemon, when_silent=lambda: None, patience=120):
        self.daemon, self.when_silent, self.patience = daemon, when_silent, patience

    def request(self, method, path, body=None):
        deadline = time.monotonic() + self.patience
        while True:
            try:
                return self.daemon.api.request(method, path, body=body)
            except (OSError, http.client.HTTPException) as silence:
                if time.monotonic() > deadline:
                    raise NotInTime(f"{method} {path}: no answer: {silence!r}") from silence
            self.when_silent()
            time.sleep(0.05)

    def upload(self, source):
        """Sends and finalizes a directory; returns the upload's id."""
        upload_id = jobs.new_upload_id()
        wait_until(lambda: self._uploaded(source, upload_id), self.patience, "an upload", 0.1)
        return upload_id

    def _uploaded(self, source, upload_id):
        """Both steps again where the daemon could not see how rsync ended."""
        wait_until(lambda: self._sent(source, upload_id), self.patience, "a whole rsync", 0.1)
        return self._finalized(upload_id)

    def _sent(self, source, upload_id):
        if jobs.rsync(self.daemon, source, upload_id, check=False).returncode == 0:
            return True
        self.when_silent()
        return False

    def _finalized(self, upload_id):
        """A reply that was lost shows as already_finalized at the next try."""
        reply = self.request("POST", f"/uploads/{upload_id}/finalize")
        if reply.status == 200:
            return True
        assert reply.status == 409, reply.body
        code = reply.json()["error"]
        assert code in ("already_finalized", "upload_in_progress", "upload_incomplete"), reply.body
        return code == "already_finalized"

    def create(self, body):
        """POST /jobs; the id. The body has a key, so that asking twice makes one job."""
        assert body["client_job_id"]
        reply = self.request("POST", "/jobs", body)
        assert reply.status in (200, 201), reply.body
        return reply.json()["job_id"]

    def status(self, job_id):
        reply = self.request("GET", f"/jobs/{job_id}")
        assert reply.status == 200, reply.body
        return reply.json()

    def wait_for(self, job_id, states=jobs.TERMINAL, timeout=120):
        """The job's status, once it is in one of the states."""

        def reached():
            seen = self.status(job_id)
            return seen if seen["status"] in states else None

        return wait_until(reached, timeout, f"{job_id} in {sorted(states)}", 0.1)

    def output(self, job_id):
        reply = self.request("GET", f"/jobs/{job_id}/output?tail=100000")
        assert reply.status == 200, reply.body
        return reply.json()["output"]

    def artifacts(self, job_id):
        """What is listed: {name: sha256}."""
        reply = self.request("GET", f"/jobs/{job_id}/artifacts")
        assert reply.status == 200, reply.body
        return {each["name"]: each["sha256"] for each in reply.json()["artifacts"]}

    def artifact(self, job_id, name):
        reply = self.request("GET", f"/jobs/{job_id}/artifacts/{name}")
        assert reply.status == 200, reply.body
        return reply.body
