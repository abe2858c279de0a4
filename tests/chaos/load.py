"""What clients want of a daemon under torment, and what must have become of it."""

import dataclasses
import hashlib
import pathlib
import tempfile
import time

import hostile
from flashpods_test import jobs
from flashpods_test.waiting import NotInTime, wait_until

OPEN_AT_A_TIME = 3
PORTIONS = 4
SETTLED = jobs.TERMINAL
ORDER = ["pending", "starting", "running"]
LISTEN_EVERY = 4  # looks at a job
TIME_LIMIT_MINUTES = 1  # of jobs that may not end by themselves
# After the torment, or a job's creation, every job has ended by then: its time limit, its grace,
# and what a busy host may need.
END_SECONDS = TIME_LIMIT_MINUTES * 60 + 120


@dataclasses.dataclass
class Record:
    """One job that was asked for."""

    key: str
    kind: str  # exits, cancelled or timed out: what ends it if it is not hostile
    code: int
    portion: int  # lines of output between two notes of progress
    said: str = ""  # what the upload says
    deed: str = ""  # what a hostile job does (hostile.DEEDS)
    job_id: str = ""
    cancel_at: float = 0.0
    end_by: float = 0.0  # it is called one that never ends after that
    seen: list = dataclasses.field(default_factory=list)  # states, in the order of their coming
    last: dict = None
    looks: int = 0
    logged: int = 0  # bytes of its log: the most that were ever told
    heard: list = dataclasses.field(default_factory=list)  # its output as read: (length, digest)

    @property
    def ended(self):
        """Whether it was ever seen to be over."""
        return bool(self.seen) and self.seen[-1] in SETTLED

    def may_lose(self, what):
        """Whether it destroys this of its own."""
        return bool(self.deed) and what in hostile.DEEDS[self.deed].loses

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
    """Creates jobs of all kinds until the time is up, and follows each to its end.

    hostile_share: of all jobs, from 0 to 1.
    """

    def __init__(self, client, dice, until, hostile_share=0.0):
        self.client, self.dice, self.until = client, dice, until
        self.hostile_share = hostile_share
        self.records = []

    def run(self):
        following = []
        while following or time.monotonic() < self.until:
            if len(following) < OPEN_AT_A_TIME and time.monotonic() < self.until:
                following += self.create()
            following = [record for record in following if not self.is_over(record)]
            time.sleep(0.05)

    def create(self):
        """One job; none if there is no room for it until the time is up."""
        record, pause = self.plan()
        body = self.body_of(record, pause)
        try:
            room = max(0, self.until - time.monotonic())
            record.job_id = wait_until(lambda: self.admitted(body), room, "room for a job", 0.2)
        except NotInTime:
            return []
        record.cancel_at = time.monotonic() + self.dice.uniform(0, 3)
        record.end_by = max(time.monotonic(), self.until) + END_SECONDS
        self.records.append(record)
        return [record]

    def plan(self):
        """What a job is to do, and its pause between portions in seconds, as text."""
        kind = self.dice.choices(["exits", "cancelled", "timed out"], [78, 18, 4])[0]
        code = self.dice.choice([0, 0, 0, 1, 7, 125, 137])
        portion = self.dice.choice([1, 50, 700, 3000])
        record = Record(f"{self.dice.getrandbits(128):032x}", kind, code, portion)
        pauses = ["0", "0", "0.2", "0.6"]
        if self.dice.random() < self.hostile_share:
            record.deed = hostile.chosen(self.dice)
            pauses = ["0", "0.6", "1", "2"]  # so that something happens to it after its deed
        return record, self.dice.choice(pauses)

    def body_of(self, record, pause):
        early = self.dice.random() < 0.7
        body = jobs.worker(command(record, pause, early), network="none")
        body["client_job_id"] = record.key
        if record.kind == "timed out" or record.deed:
            body["timeout_minutes"] = TIME_LIMIT_MINUTES
        needs_program = bool(record.deed) and hostile.DEEDS[record.deed].needs_program
        if self.dice.random() < 0.3 or needs_program:
            record.said = self.dice.choice(["one\n", "two\n" * 5000])
            body["files_id"] = self.upload(record.said, needs_program)
        return body

    def upload(self, text, with_program):
        with tempfile.TemporaryDirectory() as directory:
            (pathlib.Path(directory) / "said").write_text(text)
            if with_program:
                hostile.put_program(directory)
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
        return state in SETTLED or time.monotonic() > record.end_by


def command(record, pause, early):
    """Says who it is, counts in portions and notes each one that is out, then does as its kind.

    A hostile job does its deed early, before it counts, or late, after all else. tee makes the
    artifact, says the line, then writes it there: Verdict.missing() counts on that.
    """
    portion = record.portion
    deed = hostile.DEEDS[record.deed].text if record.deed else ""
    deaf = "trap '' TERM; while :; do sleep 0.2; done"
    return (
        "echo ran $(cat /proc/sys/kernel/random/uuid) | tee -a /artifacts/ran;"
        f"{deed if early else ''}"
        "cat said 2>/dev/null;"
        f"for p in $(seq 0 {PORTIONS - 1}); do"
        f" seq $((p * {portion} + 1)) $(((p + 1) * {portion})); echo $p >>/artifacts/progress;"
        f" sleep {pause}; done; seq 1 {portion} >/artifacts/numbers;"
        f"{'' if early else deed}"
        f"{f'exit {record.code}' if record.kind == 'exits' else deaf}"
    )
