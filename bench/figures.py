"""Numbers and how they are shown."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Figure:
    """One line of the report; wanted is the goal, where there is one."""

    name: str
    value: str
    wanted: str = ""


def percentile(values, share):
    """The nearest-rank percentile: a value that was really measured."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


def milliseconds(seconds):
    return f"{seconds * 1000:.0f} ms"


def table(figures):
    """The figures as a Markdown table that also reads well on a terminal."""
    rows = [("what", "measured", "goal")]
    rows += [(figure.name, figure.value, figure.wanted) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
             for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"
