"""What was lost, doubled or left lying, and the table that says so."""

import math
import os
import re

from flashpods_test import jobs, leftovers
from flashpods_test.steady import SteadyClient
from load import ORDER, PORTIONS, digest

# The specification's recovery table: the daemon died between its promise and the start.
NOT_STARTED = "container_not_found_on_recovery"
# Nobody was left who could know; allowed only where conmon or podman was killed.
UNKNOWABLE = "container_lost_on_recovery"
FAILED_START = "container_start_failed"


def percentile(values, share):
    """The nearest-rank percentile, or nan."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


class Verdict:
    """Looks at every job that was asked for. complaints has what must not be, as text."""

    def __init__(self, daemon, nemesis, records, left):
        self.client = SteadyClient(daemon)
        self.nemesis, self.records = nemesis, records
        self.lost_jobs = self.duplicated = self.lost_bytes = self.lost_artifacts = self.untrue = 0
        self.not_started = self.unknowable = self.failed_starts = 0
        self.left = left
        self.complaints = [f"left over: {each}" for each in left]
        for record in records:
            self.judge(record)
        self.look_for_strangers(daemon)

    def complain(self, record, what):
        story = "".join(f"\n    {text}" for text in self.nemesis.story_of(record.job_id))
        self.complaints.append(f"{record.job_id} ({record.kind}, {record.key}): {what}{story}")

    def judge(self, record):
        reply = self.client.request("GET", f"/jobs/{record.job_id}")
        if reply.status != 200 or reply.json()["status"] not in jobs.TERMINAL:
            self.lost_jobs += 1
            return self.complain(record, f"lost: {reply.body}")
        job = reply.json()
        self.judge_states(record, job)
        output = self.client.output(record.job_id)
        kept = self.client.artifacts(record.job_id)
        self.judge_end(record, job, ran="ran" in kept)
        self.judge_once(record, output, kept)
        whole = record.kind == "exits" and job["error"] in (None, "exit")
        self.judge_output(record, output, kept, whole)
        self.judge_heard(record, output)
        self.judge_artifacts(record, output, kept, whole)
        return None

    def judge_states(self, record, job):
        ranks = [ORDER.index(state) if state in ORDER else len(ORDER) for state in record.seen]
        if ranks != sorted(ranks) or (record.last and record.last["outcome"] != job["outcome"]):
            self.untrue += 1
            self.complain(record, f"went backwards: {record.seen}, then {job['status']}")

    def judge_end(self, record, job, ran):
        """Every end must be the true one, or say that nobody can know it."""
        end = job["error"]
        own = end in (None, "exit") and record.kind != "timed out"
        if own and record.kind == "exits" and job["exit_code"] == record.code:
            return
        if end == record.kind.replace(" ", "_") and record.kind != "exits":
            return
        served = self.nemesis.victims["conmon"] | self.nemesis.victims["podman"]
        if end == NOT_STARTED and job["started_at"] is None and not ran:
            self.not_started += 1
        elif end == UNKNOWABLE and record.job_id in served and job["exit_code"] is None:
            self.unknowable += 1
        elif end == FAILED_START and self.maker_was_killed(record, job) and not ran:
            self.failed_starts += 1
        else:
            self.untrue += 1
            self.complain(record, f"expected code {record.code}, ran: {ran}, got {job}")

    def maker_was_killed(self, record, job):
        """podman, or the conmon of a container that does not exist yet."""
        victims = self.nemesis.victims
        too_early = record.job_id in victims["conmon"] and job["started_at"] is None
        return too_early or record.job_id in victims["podman"]

    def judge_once(self, record, output, kept):
        """One container at most: it says who it is in the output and in an artifact."""
        said = [line for line in output.splitlines() if line.startswith("ran ")]
        noted = self.lines(record, kept, "ran")
        if len(said) > 1 or len(noted) > 1:
            self.duplicated += 1
            self.complain(record, f"ran more than once: {said}, {noted}")

    def judge_output(self, record, output, kept, whole):
        """All of it after an exit; otherwise from the beginning to what is noted as being out.

        Before it is noted who ran, nothing else was said.
        """
        noted = self.lines(record, kept, "ran")
        who = "".join(f"{line}\n" for line in noted)
        expected = who + record.output()
        progress = len(self.lines(record, kept, "progress"))
        least = expected if whole else who + (record.output(progress) if progress else "")
        possible = expected.startswith(output) if noted else re.fullmatch(r"(ran \S+\n)?", output)
        if output.startswith(least) and possible:
            return
        self.lost_bytes += max(1, len(least) - len(output))
        same = len(os.path.commonprefix([output, expected]))
        self.complain(
            record,
            f"output of {len(output)} characters, expected {len(least)}; at {same}:"
            f" {output[same : same + 40]!r} instead of {expected[same : same + 40]!r}",
        )

    def judge_heard(self, record, output):
        """No byte that a client was ever shown, or told of, is gone."""
        other = [length for length, heard in record.heard if digest(output[:length]) != heard]
        if not other and record.logged <= len(output):
            return
        self.lost_bytes += max(1, record.logged - len(output))
        self.complain(
            record,
            f"output of {len(output)} characters, told of {record.logged}; what was shown when it"
            f" had {other} is not its beginning",
        )

    def judge_artifacts(self, record, output, kept, whole):
        """All of them after an exit; otherwise each that came before something that is there."""
        missing = self.missing(record, output, kept)
        content = self.content(record, "numbers") if "numbers" in kept else b""
        possible = content == record.numbers if whole else record.numbers.startswith(content)
        if possible and not missing:
            return
        self.lost_artifacts += 1
        self.complain(record, f"artifacts: {kept}, missing: {missing}, numbers: {content[-20:]}")

    def missing(self, record, output, kept):
        """The job may be killed between any two steps of its command, but takes them in order."""
        noted, progress = (self.lines(record, kept, name) for name in ("ran", "progress"))
        said = len(output.partition("\n")[2])  # beyond the first line
        out = sum(said > len(record.output(portions)) for portions in range(1, PORTIONS))
        least = PORTIONS if "numbers" in kept else max(out, len(progress))
        wrong = {
            "ran": output and "ran" not in kept,
            "who ran": (said or kept.keys() - {"ran"}) and not noted,
            "progress": progress != [str(portion) for portion in range(least)],
        }
        return [name for name, is_wrong in wrong.items() if is_wrong]

    def lines(self, record, kept, name):
        return self.content(record, name).decode().splitlines() if name in kept else []

    def content(self, record, name):
        return self.client.artifact(record.job_id, name)

    def look_for_strangers(self, daemon):
        """Jobs that nobody asked for, or twice under one key."""
        known = {record.job_id for record in self.records}
        for row in leftovers.rows(daemon, "SELECT id, client_job_id FROM jobs"):
            if row["id"] not in known:
                self.duplicated += 1
                self.complaints.append(f"{row['id']}: a job of nobody's, key {row['client_job_id']}")

    def table(self):
        nemesis = self.nemesis
        rows = {
            "cycles": nemesis.cycles,
            "kills and stops": ", ".join(f"{n} {kind}" for kind, n in sorted(nemesis.deeds.items())),
            "jobs": len(self.records),
            "lost jobs": self.lost_jobs,
            "duplicated jobs": self.duplicated,
            "untrue ends": self.untrue,
            "orphans": len(self.left),
            "lost log bytes": self.lost_bytes,
            "lost artifacts": self.lost_artifacts,
            "not started, and said so": self.not_started,
            "honestly lost exit codes": self.unknowable,
            "starts that failed, and said so": self.failed_starts,
            "recovery p50": f"{percentile(nemesis.recoveries, 0.5):.2f} s",
            "recovery p99": f"{percentile(nemesis.recoveries, 0.99):.2f} s",
        }
        width = max(map(len, rows))
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())
