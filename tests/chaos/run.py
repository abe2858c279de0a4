"""Real crashes under load: a daemon, clients that don't give up, and a nemesis. Prints a table.

Ends with 1 unless nothing was lost, doubled or left lying. Needs the programs in FLASHPODS_BIN_DIR
and the busybox test image; ./dev chaos sees to both.
"""

import argparse
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from series import Series  # noqa: E402
from torment import Torment  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None, help="of everything that is chosen")
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument(
        "--hostile", type=float, default=1 / 3, metavar="SHARE", help="of all jobs, from 0 to 1"
    )
    parser.add_argument(
        "--runs", type=int, default=1, help="so many, with consecutive seeds, up to a complaint"
    )
    parser.add_argument(
        "--busy", type=int, default=0, metavar="LOOPS", help="processes that only use a CPU"
    )
    arguments = parser.parse_args()
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().getrandbits(32)
    return arguments


def main():
    arguments = parse_arguments()
    print(
        f"seed {arguments.seed}, {arguments.minutes:g} minutes, {arguments.clients} clients,"
        f" {arguments.hostile:.0%} hostile, {arguments.runs} runs,"
        f" {arguments.busy} busy loops beside them",
        flush=True,
    )
    torments = (
        Torment(arguments.seed + number, arguments.minutes, arguments.clients, arguments.hostile)
        for number in range(arguments.runs)
    )
    sys.exit(0 if Series(torments, show_each=arguments.runs == 1).run(arguments.busy) else 1)


main()
