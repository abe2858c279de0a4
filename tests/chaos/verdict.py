"""What was lost, doubled or left lying, and the table that says so."""

import math
import os
import re

import hostile
from flashpods_test import jobs, leftovers
from flashpods_test.steady import SteadyClient
from load import ORDER, PORTIONS, TIME_LIMIT_MINUTES, digest

# The specification's recovery table: the daemon died between its promise and the start.
NOT_STARTED = "container_not_found_on_recovery"
# Nobody was left who could know; allowed only where conmon or podman was killed.
UNKNOWABLE = "container_lost_on_recovery"
FAILED_START = "container_start_failed"
CUT_LOG = "log may be incomplete"  # part of a hint
IN_TURN = re.compile(r"x (out|err) (\d+)\n")  # hostile.DEEDS["output in turn"]


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
        self.never_ended = self.not_started = self.unknowable = self.failed_starts = 0
        self.cut_logs = 0
        self.log = ""  # the daemon's
        self.left = left
        self.complaints = [f"left over: {each}" for each in left]
        self.complaints += [f"not recovered: {each}" for each in nemesis.unrecovered]
        for record in records:
            self.judge(record)
        self.look_for_strangers(daemon)

    def complain(self, record, what):
        story = "".join(f"\n    {text}" for text in self.nemesis.story_of(record.job_id))
        kind = f"{record.kind}, {record.deed}" if record.deed else record.kind
        self.complaints.append(f"{record.job_id} ({kind}, {record.key}): {what}{story}")

    def judge(self, record):
        reply = self.client.request("GET", f"/jobs/{record.job_id}")
        if reply.status != 200:
            self.lost_jobs += 1
            return self.complain(record, f"lost: {reply.body}")
        job = reply.json()
        if job["status"] not in jobs.TERMINAL:
            self.never_ended += 1
            return self.complain(record, f"never ended: {job}")
        self.judge_states(record, job)
        output = self.client.output(record.job_id)
        kept = self.client.artifacts(record.job_id)
        self.judge_end(record, job, ran="ran" in kept)
        self.judge_once(record, output, kept)
        self.judge_heard(record, output)
        whole = record.kind == "exits" and job["error"] in (None, "exit")
        whole = whole and not record.may_lose(hostile.END)
        cut = self.log_may_be_cut(record, job)
        own_words = self.without_turns(record, output, whole and not cut)
        if not record.may_lose(hostile.OUTPUT):
            self.judge_output(record, own_words, kept, whole, cut)
        if not record.may_lose(hostile.ARTIFACTS):
            self.judge_artifacts(record, own_words, kept, whole)
        return None

    def judge_states(self, record, job):
        ranks = [ORDER.index(state) if state in ORDER else len(ORDER) for state in record.seen]
        if ranks != sorted(ranks) or (record.last and record.last["outcome"] != job["outcome"]):
            self.untrue += 1
            self.complain(record, f"went backwards: {record.seen}, then {job['status']}")

    def judge_end(self, record, job, ran):
        """Every end must be the true one, or say that nobody can know it."""
        end = job["error"]
        if self.is_true_end(record, job):
            return
        if end == NOT_STARTED and job["started_at"] is None and not ran:
            self.not_started += 1
        elif end == UNKNOWABLE and self.code_was_lost(record) and job["exit_code"] is None:
            self.unknowable += 1
        elif end == FAILED_START and self.maker_was_killed(record, job) and not ran:
            self.failed_starts += 1
        else:
            self.untrue += 1
            self.complain(record, f"expected code {record.code}, ran: {ran}, got {job}")

    def is_true_end(self, record, job):
        """As its kind; of a hostile job also by its own hand, or at its time limit."""
        end = job["error"]
        own = end in (None, "exit") and job["exit_code"] is not None
        if own and (record.may_lose(hostile.END) or record.kind == "exits"):
            return record.may_lose(hostile.END) or job["exit_code"] == record.code
        if record.deed and end == "timed_out":
            return (job["actual_runtime_seconds"] or 0) >= TIME_LIMIT_MINUTES * 60 - 1  # rounded
        return end == record.kind.replace(" ", "_") and record.kind != "exits"

    def code_was_lost(self, record):
        """Who could know the exit code was killed: conmon, podman, or, where conmon was stopped for
        good, the shim, to which the container falls."""
        victims = self.nemesis.victims
        frozen = victims["conmon frozen"] & victims["flashpods-shim"]
        return record.job_id in victims["conmon"] | victims["podman"] | frozen

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

    def log_may_be_cut(self, record, job):
        """Says so; it may where what keeps the output was killed, perhaps with shim and daemon."""
        if CUT_LOG not in (job["hint"] or ""):
            return False
        self.cut_logs += 1
        keeper_lived = record.job_id not in self.nemesis.victims["output keeper"]
        if keeper_lived and job["error"] != UNKNOWABLE:
            self.untrue += 1
            self.complain(record, "says that its log is incomplete, and what keeps it lived")
        return True

    def without_turns(self, record, output, whole):
        """What may be compared of the output: without the lines that a job wrote to stdout and
        stderr in turn, which may stand anywhere but are numbered; nothing if it destroys it."""
        if record.may_lose(hostile.OUTPUT):
            return ""
        if record.deed != "output in turn":
            return output
        for stream in ("out", "err"):
            seen = [int(number) for name, number in IN_TURN.findall(output) if name == stream]
            least = hostile.LINES_IN_TURN if whole else 0
            if seen != list(range(max(least, len(seen)))):
                self.lost_bytes += 1
                self.complain(record, f"lines to std{stream}: {len(seen)}, the last {seen[-3:]}")
        return IN_TURN.sub("", output)

    def judge_output(self, record, output, kept, whole, cut):
        """All of it after an exit; otherwise from the beginning to what is noted as being out.

        Before it is noted who ran, nothing else was said. A log that says it may be cut only has to
        be a beginning.
        """
        noted = self.lines_noted(record, output, kept, "ran")
        who = "".join(f"{line}\n" for line in noted)
        expected = who + record.output()
        progress = len(self.lines_noted(record, output, kept, "progress"))
        least = expected if whole else who + (record.output(progress) if progress else "")
        least = "" if cut else least
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

    def lines_noted(self, record, output, kept, name):
        """Lines of an artifact; where the job destroys its artifacts, who ran by its own output."""
        if not record.may_lose(hostile.ARTIFACTS):
            return self.lines(record, kept, name)
        return re.findall(r"\Aran \S+(?=\n)", output) if name == "ran" else []

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

    def figures(self):
        """Names of the table's rows, with their values."""
        nemesis = self.nemesis
        return {
            "cycles": nemesis.cycles,
            "kills and stops": ", ".join(f"{n} {kind}" for kind, n in sorted(nemesis.deeds.items())),
            "jobs": len(self.records),
            "hostile among them": sum(bool(record.deed) for record in self.records),
            "lost jobs": self.lost_jobs,
            "duplicated jobs": self.duplicated,
            "untrue ends": self.untrue,
            "never ended": self.never_ended,
            "recoveries that did not come": len(nemesis.unrecovered),
            "orphans": len(self.left),
            "lost log bytes": self.lost_bytes,
            "lost artifacts": self.lost_artifacts,
            "not started, and said so": self.not_started,
            "honestly lost exit codes": self.unknowable,
            "starts that failed, and said so": self.failed_starts,
            "logs that may be cut, and said so": self.cut_logs,
            "recovery p50": f"{percentile(nemesis.recoveries, 0.5):.2f} s",
            "recovery p99": f"{percentile(nemesis.recoveries, 0.99):.2f} s",
        }

    def table(self):
        rows = self.figures()
        width = max(map(len, rows))
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())
