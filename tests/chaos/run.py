"""Real crashes under load: a daemon, clients that don't give up, and a nemesis. Prints a table.

Ends with 1 unless nothing was lost, doubled or left lying. Needs the programs in FLASHPODS_BIN_DIR
and the busybox test image; ./dev chaos sees to both.
"""

import argparse
import contextlib
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from flashpods_test.daemon import Daemon  # noqa: E402
from flashpods_test.leftovers import wait_until_settled  # noqa: E402
from flashpods_test.steady import SteadyClient  # noqa: E402
from load import LoadingClient  # noqa: E402
from nemesis import Nemesis  # noqa: E402
from verdict import Verdict  # noqa: E402

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


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None, help="of everything that is chosen")
    parser.add_argument("--clients", type=int, default=3)
    return parser.parse_args()


def in_parallel(tasks):
    """Runs each in a thread; the first exception of any is raised here, after all have ended."""
    failures = []

    def guarded(task):
        try:
            task()
        except BaseException as failure:  # noqa: BLE001: reported below
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def torment(daemon, arguments, seed):
    """Load and crashes until the time is up, then peace until every job has ended."""
    until = time.monotonic() + arguments.minutes * 60
    nemesis = Nemesis(daemon, random.Random(f"{seed}/nemesis"), until)
    clients = [
        LoadingClient(SteadyClient(daemon), random.Random(f"{seed}/client {number}"), until)
        for number in range(arguments.clients)
    ]
    in_parallel([nemesis.run, *(client.run for client in clients)])
    return nemesis, [record for client in clients for record in client.records]


def leftovers_after(daemon):
    """What is left when nothing more changes: nothing, if all is well."""
    try:
        wait_until_settled(daemon, SETTLING_SECONDS)
    except AssertionError as left:
        return [str(left)]
    return []


def main():
    arguments = parse_arguments()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().getrandbits(32)
    print(f"seed {seed}, {arguments.minutes:g} minutes, {arguments.clients} clients", flush=True)
    with contextlib.closing(Daemon(CONFIG)) as daemon:
        daemon.start()
        nemesis, records = torment(daemon, arguments, seed)
        verdict = Verdict(daemon, nemesis, records, leftovers_after(daemon))
        print(verdict.table(), flush=True)
        for complaint in verdict.complaints:
            print(f"WRONG: {complaint}")
        if verdict.complaints:
            print(daemon.log[-20000:], file=sys.stderr)
    sys.exit(1 if verdict.complaints else 0)


main()
