"""Many runs, one line each, beside processes that keep the CPUs busy."""

import contextlib
import subprocess
import sys
import time

# Ends by itself if this process is killed.
BUSY_LOOP = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass\n"

# Heads of the columns, and the rows of a verdict's figures that they show.
COLUMNS = {
    "cycles": "cycles",
    "jobs": "jobs",
    "hostile": "hostile among them",
    "lost": "lost jobs",
    "doubled": "duplicated jobs",
    "untrue": "untrue ends",
    "endless": "never ended",
    "unrecovered": "recoveries that did not come",
    "orphans": "orphans",
    "bytes": "lost log bytes",
    "artifacts": "lost artifacts",
    "unknown": "honestly lost exit codes",
    "cut": "logs that may be cut, and said so",
}


@contextlib.contextmanager
def busy_loops(count):
    """So many processes that only use a CPU, for as long as the block lasts."""
    loops = [subprocess.Popen([sys.executable, "-c", BUSY_LOOP]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


class Series:
    """torments are run one after the other, up to the first that finds something. show_each prints
    the whole table of a run; otherwise it is one line, and the whole only of the last one if it has
    complaints."""

    def __init__(self, torments, show_each):
        self.torments, self.show_each = torments, show_each
        self.totals = dict.fromkeys(COLUMNS, 0)
        self.runs = 0

    def run(self, busy=0):
        """Whether nothing was wrong in any."""
        if not self.show_each:
            say(["run", "seed", *COLUMNS, "seconds", "verdict"])
        with busy_loops(busy):
            clean = all(self.is_clean(torment) for torment in self.torments)
        if not self.show_each:
            say([self.runs, "total", *self.totals.values(), "", "clean" if clean else "WRONG"])
        return clean

    def is_clean(self, torment):
        began = time.monotonic()
        verdict = torment.run()
        self.runs += 1
        figures = verdict.figures()
        row = [figures[name] for name in COLUMNS.values()]
        self.totals = {name: self.totals[name] + value for name, value in zip(COLUMNS, row)}
        clean = not verdict.complaints
        if not self.show_each:
            seconds = round(time.monotonic() - began)
            say([self.runs, torment.seed, *row, seconds, "clean" if clean else "WRONG"])
        if self.show_each or not clean:
            report(torment, verdict)
        return clean


def report(torment, verdict):
    print(verdict.table(), flush=True)
    for complaint in verdict.complaints:
        print(f"WRONG: {complaint}")
    if verdict.complaints:
        print(f"again: ./dev chaos --minutes {torment.minutes:g} --seed {torment.seed}", flush=True)
        print(verdict.log[-20000:], file=sys.stderr)


def say(cells):
    """One line of the table."""
    widths = [3, 10, *(max(6, len(name)) for name in COLUMNS), 7, 7]
    print("  ".join(f"{cell!s:>{width}}" for cell, width in zip(cells, widths)), flush=True)
