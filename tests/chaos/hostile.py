"""What a hostile job does in the middle of its work, and what it may lose of its own by that.

Each deed is a piece of its shell command. Whatever is not named in `loses` must be kept as for any
other job: what a job destroys of its own is its own loss, and nothing else is lost.
"""

import dataclasses
import pathlib

from flashpods_test import programs

OUTPUT, ARTIFACTS, END = "output", "artifacts", "end"
NAMES = 10_000
LINES_IN_TURN = 500
PROGRAM = "hostile"  # tests/hostile, sent along where a shell cannot do the deed


@dataclasses.dataclass(frozen=True)
class Deed:
    """weight: how often, beside the others. needs_program: the upload carries PROGRAM."""

    text: str
    loses: frozenset = frozenset()
    weight: int = 2
    needs_program: bool = False


def deed(text, *loses, **more):
    return Deed(text, frozenset(loses), **more)


# A job whose artifacts directory is damaged cannot write there: what its shell says of that is no
# output that anybody expects.
QUIETLY = "exec 2>/dev/null;"

DEEDS = {
    # Directories that the job owns, and that whoever serves it might open again.
    "scratch closed": deed("chmod 0 /tmp/flashpods;", weight=6),
    "scratch emptied": deed("rm -rf /tmp/flashpods/*;", weight=4),
    "home replaced by a file": deed('rm -rf "$HOME"; : >"$HOME";', weight=6),
    "home replaced by a link": deed('rm -rf "$HOME"; ln -s /nowhere "$HOME";', weight=4),
    "tmpdir replaced by a fifo": deed('rm -rf "$TMPDIR"; mkfifo "$TMPDIR";', weight=4),
    "cache replaced by a link": deed(
        'rm -rf "$CARGO_TARGET_DIR"; ln -s / "$CARGO_TARGET_DIR";', weight=4
    ),
    "scratch filled": deed("dd if=/dev/zero of=/tmp/flashpods/zero bs=1M count=64 2>/dev/null;"),
    "artifacts closed": deed(f"{QUIETLY} chmod 0 /artifacts;", ARTIFACTS),
    "artifacts deleted": deed(f"{QUIETLY} rm -rf /artifacts/*;", ARTIFACTS),
    "artifacts unreadable": deed(f"{QUIETLY} chmod 0 /artifacts/*;", ARTIFACTS),
    "artifacts of all kinds": deed(
        "mkfifo /artifacts/fifo; ln -s /etc/passwd /artifacts/outside; ln -s . /artifacts/circle;"
        " ln -s /proc/1/mem /artifacts/memory; mkdir /artifacts/closed; chmod 0 /artifacts/closed;",
    ),
    "artifacts without number": deed(
        f"n=0; while [ $n -lt {NAMES} ]; do : >/artifacts/name$n; n=$((n + 1)); done;",
        ARTIFACTS,
        weight=1,
    ),
    # Descriptors that the job shares with whoever reads its output.
    "output closed to its owner": deed(
        "chmod 0 /proc/self/fd/1 2>/dev/null; chmod 0 /proc/self/fd/2 2>/dev/null;", weight=6
    ),
    "output without waiting": deed(
        f"./{PROGRAM} --only descriptors/O_NONBLOCK;", OUTPUT, needs_program=True
    ),
    "output read by itself": deed("cat /proc/self/fd/1 >/dev/null & cat /proc/self/fd/2 &", OUTPUT),
    "output held open": deed("(trap '' TERM HUP INT; exec sleep 300) & (exec sleep 300 >&2) &"),
    "output in turn": deed(
        f"n=0; while [ $n -lt {LINES_IN_TURN} ]; do echo x out $n; echo x err $n >&2;"
        " n=$((n + 1)); done;",
    ),
    # Processes.
    "daemons": deed(
        "for n in 1 2 3; do"
        " (setsid sh -c '(trap \"\" TERM HUP INT; while :; do sleep 0.2; done) &' &); done;"
    ),
    "deaf": deed("trap '' TERM HUP INT QUIT USR1 USR2;"),
    "a storm of forks": deed("for n in $(seq 150); do sleep 300 & done;"),
    "kills all others": deed("kill -9 -1 2>/dev/null;"),
    "kills itself": deed("(kill -9 -1);", END),
    "kills its init": deed("for n in $(seq 64); do kill -$n 1 2>/dev/null; done;", END),
    "stops itself": deed("kill -STOP $$;", END, weight=1),
    "stops all others": deed("(kill -STOP -1);", END, weight=1),
}


def chosen(dice):
    """The name of one deed."""
    return dice.choices(list(DEEDS), [each.weight for each in DEEDS.values()])[0]


def put_program(directory):
    """Puts the program that some deeds need into what will be uploaded."""
    target = pathlib.Path(directory) / PROGRAM
    target.write_bytes(pathlib.Path(programs.program(PROGRAM)).read_bytes())
    target.chmod(0o755)
