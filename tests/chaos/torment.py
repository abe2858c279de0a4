"""One run: a daemon under load and crashes, then peace until all jobs have ended, then a verdict."""

import contextlib
import dataclasses
import getpass
import os
import pathlib
import random
import threading
import time
import traceback

import psutil

from flashpods_test.daemon import Daemon
from flashpods_test.leftovers import wait_until_settled
from flashpods_test.steady import SteadyClient
from flashpods_test.waiting import NotInTime, wait_until
from load import LoadingClient
from nemesis import Nemesis
from verdict import Verdict

# Admission refuses now and then, and starts queue up.
CONFIG = """
[capacity]
cpus = 8
memory_gb = 64
[jobs]
grace_seconds = 1
concurrent_starts = 3
"""
SETTLING_SECONDS = 300
SWEEP_SECONDS = 90  # the daemon looks for what was left behind each minute
# What belongs to a container, whether or not anything names its job yet or still.
OF_CONTAINERS = {"conmon", "runc", "crun", "slirp4netns", "flashpods-shim", "output-keeper"}


@dataclasses.dataclass(frozen=True)
class Torment:
    """minutes: of load and crashes. hostile_share: of all jobs, from 0 to 1."""

    seed: int
    minutes: float
    clients: int
    hostile_share: float

    def run(self):
        """The verdict. A client or nemesis that gave up is one of its complaints."""
        began, daemon, failures = time.time(), Daemon(CONFIG), []
        try:
            daemon.start()
            nemesis, clients = self.actors(daemon)
            failures += in_parallel([nemesis.run, *(client.run for client in clients)])
            records = [record for client in clients for record in client.records]
            patience = SETTLING_SECONDS if all(each.ended for each in records) else 30
            left = leftovers_after(daemon, began, patience)
            verdict = Verdict(daemon, nemesis, records, left)
            verdict.log = daemon.log
        finally:
            failures += failures_of(daemon.close)
        verdict.complaints += failures
        return verdict

    def actors(self, daemon):
        until = time.monotonic() + self.minutes * 60
        dice = [random.Random(f"{self.seed}/client {number}") for number in range(self.clients)]
        clients = [
            LoadingClient(SteadyClient(daemon), each, until, self.hostile_share) for each in dice
        ]
        return Nemesis(daemon, random.Random(f"{self.seed}/nemesis"), until), clients


def failures_of(task):
    """What it raised, as text, if anything."""
    try:
        task()
    except Exception:  # noqa: BLE001: becomes a complaint
        return [traceback.format_exc()]
    return []


def in_parallel(tasks):
    """Runs each in a thread; what any has raised, as text, after all have ended."""
    failures = []
    threads = [
        threading.Thread(target=lambda task=task: failures.extend(failures_of(task)))
        for task in tasks
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def leftovers_after(daemon, began, patience):
    """What is left when nothing more changes, or after so many seconds: nothing, if all is well."""
    try:
        wait_until_settled(daemon, patience)
    except AssertionError as left:
        return [str(left), *strangers(daemon, began)]
    with contextlib.suppress(NotInTime):
        wait_until(lambda: not strangers(daemon, began), SWEEP_SECONDS, "their end", 1)
    return strangers(daemon, began)


def strangers(daemon, began):
    """Processes of containers that were started since then and belong to nobody any more: also those
    in which nothing names a job, as an init whose start was cut off. Those that name another daemon
    are left out."""
    found = []
    for process in psutil.process_iter(["ppid", "uids", "create_time", "name", "cmdline"]):
        with contextlib.suppress(psutil.Error):
            info, words = process.info, " ".join(process.info["cmdline"] or [])
            foreign = "/jobs/job_" in words and str(daemon.state_dir) not in words
            late = info["create_time"] >= began and not foreign and is_ours(info["uids"].real)
            if late and is_of_containers(info["name"]) and is_adopted(info["ppid"]):
                found.append(f"process {process.pid} of {info['ppid']}: {info['name']} {words}")
    return found


def is_of_containers(name):
    """runc's own processes go by names such as runc:[2:INIT]."""
    return name.partition(":")[0] in OF_CONTAINERS


def is_adopted(parent):
    """Whether the process has outlived whoever started it."""
    return parent == 1 or psutil.Process(parent).name() == "systemd"


def is_ours(uid):
    """Our user's, or one of its subordinate ids (subuid(5)), which containers have."""
    names = (getpass.getuser(), str(os.getuid()))
    ranges = [line.split(":") for line in pathlib.Path("/etc/subuid").read_text().splitlines()]
    own = [(int(first), int(count)) for name, first, count in ranges if name in names]
    return uid == os.getuid() or any(first <= uid < first + count for first, count in own)
