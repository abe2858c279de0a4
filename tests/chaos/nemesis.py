"""What goes wrong: processes are killed and stopped, at times and places that the dice choose."""

import collections
import contextlib
import datetime
import os
import re
import signal
import time

import psutil

from flashpods_test import leftovers, processes
from flashpods_test.waiting import NotInTime, wait_until

# What to do, how often, and the least time between two (the long stops are rare).
DEEDS = {
    "kill_daemon": 24,
    "kill_daemon_and_shims": 8,
    "kill_shim": 20,
    "kill_podman": 12,
    "kill_conmon": 8,
    "stop_daemon": 8,
    "stop_shim": 8,
    "stop_conmon": 6,
    "stop_podman": 6,
    "freeze_conmon": 4,
    "kill_keeper": 3,
    "kill_all_readers": 4,
    "stop_daemon_long": 1,
    "stop_shim_long": 1,
}
LONG_STOP_SECONDS = 30
JOB = re.compile(r"job_[a-z2-7]{16}")


class Nemesis:
    """Torments one daemon until the time is up; afterwards it runs, and nothing is stopped but the
    conmons that were frozen."""

    def __init__(self, daemon, dice, until):
        self.daemon, self.dice, self.until = daemon, dice, until
        self.cycles = 0
        self.deeds = collections.Counter()
        self.recoveries = []  # seconds from the start of a process to a reconciled daemon
        self.unrecovered = []  # what a restarted daemon had not taken up in time
        self.victims = collections.defaultdict(set)  # by kind of process: ids of the jobs it served
        self.history = []  # what was done when, to whom: (text, ids of jobs)

    def run(self):
        while time.monotonic() < self.until:
            time.sleep(self.dice.expovariate(1 / 1.2))
            deed = self.dice.choices(list(DEEDS), DEEDS.values())[0]
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                getattr(self, deed)()
        if not self.daemon.running():
            self.restart()

    def note(self, kind, words):
        at = datetime.datetime.now(datetime.UTC).strftime("%H:%M:%S.%f")[:-3]
        self.deeds[kind] += 1
        self.history.append((f"{at} {kind}: {words[:200]}", set(JOB.findall(words))))

    def story_of(self, job_id):
        """What was done to one job and to the daemon."""
        return [text for text, ids in self.history if not ids or job_id in ids]

    # The daemon

    def crash(self):
        self.daemon.kill()
        self.note("flashpodsd", "killed")

    def kill_daemon(self):
        self.crash()
        time.sleep(self.dice.choice([0, 0, 0.3, 1.5]))
        self.restart()

    def kill_daemon_and_shims(self):
        shims = self.shims()
        self.crash()
        for shim in shims:
            with contextlib.suppress(psutil.NoSuchProcess):
                self.kill(shim, "flashpods-shim")
        self.restart()

    def restart(self):
        """Sometimes it does not live long enough to recover."""
        self.daemon.start(wait=False)
        self.cycles += 1
        while self.dice.random() < 0.15:
            time.sleep(self.dice.uniform(0, 1))
            self.crash()
            self.daemon.start(wait=False)
            self.cycles += 1
        begun = time.monotonic()
        inherited = unfinished(self.daemon)
        wait_until(self.daemon.healthy, 120, "a healthy daemon", 0.01)
        try:
            wait_until(lambda: self.reconciled(inherited), 60, "every job in good hands", 0.01)
        except NotInTime as late:
            self.unrecovered.append(f"{late}; {sorted(self.orphaned(inherited))}")
            self.note("recovery", "did not come")
        self.recoveries.append(time.monotonic() - begun)

    def reconciled(self, inherited):
        """Each job is over, waits for its turn, or has a shim."""
        return not self.orphaned(inherited)

    def orphaned(self, inherited):
        """Ids of those that are under way and have no shim."""
        waiting = {row["id"] for row in unfinished(self.daemon) if row["status"] != "pending"}
        held = locked_files()
        ids = waiting & {row["id"] for row in inherited}
        return {job_id for job_id in ids if not has_shim(self.daemon, job_id, held)}

    # The others

    def kill_shim(self):
        self.kill(self.chosen(self.shims()), "flashpods-shim")

    def kill_podman(self):
        self.kill(self.chosen(self.podmans()), "podman")

    def kill_conmon(self):
        self.kill(self.chosen(self.conmons()), "conmon")

    def freeze_conmon(self):
        """Stopped for good while its command runs, ends by itself or is deleted: who waits for it
        must not wait for ever."""
        running = {row["id"] for row in unfinished(self.daemon) if row["status"] == "running"}
        conmon = self.chosen(each for each in self.conmons() if jobs_of(each) & running)
        if conmon is None:
            return
        conmon.send_signal(signal.SIGSTOP)
        self.note("conmon frozen", " ".join(conmon.info["cmdline"]))
        self.victims["conmon frozen"] |= jobs_of(conmon)

    def kill_keeper(self):
        self.kill(self.chosen(self.keepers()), "output keeper")

    def kill_all_readers(self):
        """Whoever has the output of running jobs open beside the jobs: the log may be cut then, and
        has to say so."""
        readers = [(each, "flashpods-shim") for each in self.shims()]
        readers += [(each, "output keeper") for each in self.keepers()]
        self.crash()
        for process, kind in readers:
            with contextlib.suppress(psutil.NoSuchProcess):
                self.kill(process, kind)
        time.sleep(self.dice.choice([0, 0.5, 2]))
        self.restart()

    def stop_daemon(self):
        self.hold(psutil.Process(self.daemon.process.pid), self.dice.uniform(0.5, 4), "flashpodsd")

    def stop_shim(self):
        self.hold(self.chosen(self.shims()), self.dice.uniform(0.5, 4), "flashpods-shim")

    def stop_conmon(self):
        self.hold(self.chosen(self.conmons()), self.dice.uniform(0.5, 4), "conmon")

    def stop_podman(self):
        self.hold(self.chosen(self.podmans()), self.dice.uniform(0.5, 4), "podman")

    def stop_daemon_long(self):
        self.hold(psutil.Process(self.daemon.process.pid), LONG_STOP_SECONDS, "flashpodsd")

    def stop_shim_long(self):
        self.hold(self.chosen(self.shims()), LONG_STOP_SECONDS, "flashpods-shim")

    def kill(self, process, kind):
        if process is None:
            return
        words = " ".join(process.cmdline())
        if not words:  # it has ended, or is about to be something else
            return
        process.send_signal(signal.SIGKILL)
        self.note(kind, words)
        self.victims[kind] |= set(JOB.findall(words))

    def hold(self, process, seconds, kind):
        """Stopped for a while, or until the end of the torment. A long while is its own kind."""
        if process is None:
            return
        seconds = max(0, min(seconds, self.until - time.monotonic()))
        how = f"stopped for {LONG_STOP_SECONDS} s" if seconds == LONG_STOP_SECONDS else "stopped"
        words = " ".join(process.cmdline())
        process.send_signal(signal.SIGSTOP)
        self.note(f"{kind} {how}", f"{seconds:.1f} s, {words}")
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def chosen(self, candidates):
        ordered = sorted(candidates, key=lambda process: process.pid)
        return self.dice.choice(ordered) if ordered else None

    def shims(self):
        return self.ours("flashpods-shim")

    def conmons(self):
        """Without those that are frozen: they stay as they are."""
        return [
            each
            for each in self.ours("conmon")
            if program_of(each) == "conmon" and not is_stopped(each)
        ]

    def keepers(self):
        """Our program beside conmon, which keeps the output open. It has conmon's arguments, as the
        step before conmon has: only its name tells them apart."""
        return [each for each in self.ours("conmon") if is_named(each, "output-keeper")]

    def podmans(self):
        """Those that the daemon and its shims have called."""
        found = []
        for parent in (self.daemon.process.pid, *(shim.pid for shim in self.shims())):
            with contextlib.suppress(psutil.NoSuchProcess):
                found += processes.children_named(parent, "podman")
        return found

    def ours(self, program):
        """Processes of this daemon's jobs, by the program that they call themselves."""
        return [
            process
            for process in processes.belonging_to(self.daemon.state_dir)
            if processes.program_of(process) == program
        ]


def jobs_of(process):
    """Ids of the jobs that its arguments name."""
    return set(JOB.findall(" ".join(process.info["cmdline"])))


def program_of(process):
    """What really runs: before conmon and beside it, our own program goes by the same name."""
    with contextlib.suppress(psutil.Error):
        return os.path.basename(process.exe())
    return ""


def is_named(process, name):
    with contextlib.suppress(psutil.Error):
        return process.name() == name
    return False


def is_stopped(process):
    with contextlib.suppress(psutil.Error):
        return process.status() == psutil.STATUS_STOPPED
    return False


def unfinished(daemon):
    return leftovers.rows(
        daemon,
        "SELECT id, status FROM jobs WHERE status IN ('pending', 'starting', 'running')",
    )


def has_shim(daemon, job_id, held):
    """Whether somebody holds the job's lock; looked at from outside, never by taking it."""
    try:
        return os.stat(daemon.state_dir / "jobs" / job_id / "shim.lock").st_ino in held
    except FileNotFoundError:
        return False


def locked_files():
    """Inode numbers of all flocked files."""
    with open("/proc/locks") as table:
        held = [line.split() for line in table if "FLOCK" in line and "->" not in line]
    return {int(words[5].split(":")[2]) for words in held}
