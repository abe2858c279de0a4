"""What clients want of a daemon under torment, and what must have become of it."""

import dataclasses
import hashlib
import pathlib
import tempfile
import time

from flashpods_test import jobs
from flashpods_test.waiting import wait_until

OPEN_AT_A_TIME = 3
PORTIONS = 4
SETTLED = jobs.TERMINAL
ORDER = ["pending", "starting", "running"]
LISTEN_EVERY = 4  # looks at a job


@dataclasses.dataclass
class Record:
    """One job that was asked for."""

    key: str
    kind: str  # exits, cancelled or timed out
    code: int
    portion: int  # lines of output between two notes of progress
    said: str = ""  # what the upload says
    job_id: str = ""
    cancel_at: float = 0.0
    seen: list = dataclasses.field(default_factory=list)  # states, in the order of their coming
    last: dict = None
    looks: int = 0
    logged: int = 0  # bytes of its log: the most that were ever told
    heard: list = dataclasses.field(default_factory=list)  # its output as read: (length, digest)

    def output(self, portions=PORTIONS):
        """What it says after the first line, which tells who ran."""
        return self.said + numbers(1, portions * self.portion)

    def note(self, job):
        """What a reply says of it."""
        self.last = job
        state = job.get("status", "unknown")
        if self.seen[-1:] != [state]:
            self.seen.append(state)
        self.logged = max(self.logged, (job.get("log") or {}).get("total_bytes") or 0)
        return state

    def hear(self, output):
        self.heard.append((len(output), digest(output)))

    @property
    def numbers(self):
        """The artifact of this name."""
        return numbers(1, self.portion).encode()


def digest(text):
    return hashlib.sha256(text.encode()).digest()


def numbers(first, last):
    return "".join(f"{i}\n" for i in range(first, last + 1))


class LoadingClient:
    """Creates jobs of all kinds until the time is up, and follows each to its end."""

    def __init__(self, client, dice, until):
        self.client, self.dice, self.until = client, dice, until
        self.records = []

    def run(self):
        following = []
        while following or time.monotonic() < self.until:
            if len(following) < OPEN_AT_A_TIME and time.monotonic() < self.until:
                following.append(self.create())
            following = [record for record in following if not self.is_over(record)]
            time.sleep(0.05)

    def create(self):
        kind = self.dice.choices(["exits", "cancelled", "timed out"], [78, 18, 4])[0]
        code = self.dice.choice([0, 0, 0, 1, 7, 125, 137])
        portion = self.dice.choice([1, 50, 700, 3000])
        pause = self.dice.choice(["0", "0", "0.2", "0.6"])
        body = jobs.worker(command(kind, code, portion, pause), network="none")
        body["client_job_id"] = f"{self.dice.getrandbits(128):032x}"
        record = Record(body["client_job_id"], kind, code, portion)
        if kind == "timed out":
            body["timeout_minutes"] = 1
        if self.dice.random() < 0.3:
            record.said = self.dice.choice(["one\n", "two\n" * 5000])
            body["files_id"] = self.upload(record.said)
        record.job_id = wait_until(
            lambda: self.admitted(body), self.client.patience, "room for a job", 0.2
        )
        record.cancel_at = time.monotonic() + self.dice.uniform(0, 3)
        self.records.append(record)
        return record

    def upload(self, text):
        with tempfile.TemporaryDirectory() as directory:
            (pathlib.Path(directory) / "said").write_text(text)
            return self.client.upload(directory)

    def admitted(self, body):
        """The job's id, or None while the host is full."""
        reply = self.client.request("POST", "/jobs", body)
        assert reply.status in (200, 201, 429), reply.body
        return reply.json().get("job_id")

    def is_over(self, record):
        if record.kind == "cancelled" and time.monotonic() > record.cancel_at:
            assert self.client.request("DELETE", f"/jobs/{record.job_id}").status == 200
            record.cancel_at = float("inf")
        state = record.note(self.client.request("GET", f"/jobs/{record.job_id}").json())
        if state == "unknown":
            return True
        record.looks += 1
        if state in SETTLED or record.looks % LISTEN_EVERY == 0:
            record.hear(self.client.output(record.job_id))
        return state in SETTLED


def command(kind, code, portion, pause):
    """Says who it is, counts in portions and notes each one that is out, then does as its kind.

    tee makes the artifact, says the line, then writes it there: Verdict.missing() counts on that.
    """
    end = f"exit {code}" if kind == "exits" else "trap '' TERM; while :; do sleep 0.2; done"
    return (
        "echo ran $(cat /proc/sys/kernel/random/uuid) | tee -a /artifacts/ran;"
        "cat said 2>/dev/null;"
        f"for p in $(seq 0 {PORTIONS - 1}); do"
        f" seq $((p * {portion} + 1)) $(((p + 1) * {portion})); echo $p >>/artifacts/progress;"
        f" sleep {pause}; done; seq 1 {portion} >/artifacts/numbers; {end}"
    )
