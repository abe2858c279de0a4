"""Sums up steps, GoogleTest programs and pytest: `N passed, N failed, N skipped`.

Failures and skips are listed with their reasons first. What should have left a report and didn't
(a crashed program, a pytest that never ran) counts as one failure.
"""

import argparse
import dataclasses
import pathlib
import sys
import xml.etree.ElementTree as xml


@dataclasses.dataclass(frozen=True)
class Case:
    """One counted result; outcome is passed, failed or skipped."""

    name: str
    outcome: str
    reason: str = ""


def summary(text):
    """The place, the reason, and what was compared: the first lines of GoogleTest's or pytest's."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return " ".join(lines[:8])[:600]


def read_steps(path):
    for line in path.read_text().splitlines():
        outcome, name, reason = line.split("\t")
        yield Case(name, outcome, reason)


def junit_case(element, prefix=""):
    """A <testcase> of JUnit's format, as pytest, ctest and GoogleTest write it."""
    name = prefix + ".".join(filter(None, [element.get("classname"), element.get("name")]))
    for tag, outcome in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        found = element.find(tag)
        if found is not None:
            return Case(name, outcome, summary(found.get("message") or found.text))
    return Case(name, "passed")


def read_junit(path, prefix=""):
    try:
        root = xml.parse(path).getroot()
    except (OSError, xml.ParseError) as error:
        return [Case(f"{prefix}{path.name}", "failed", f"no usable report: {error}")]
    return [junit_case(element, prefix) for element in root.iter("testcase")]


def read_program(program, directory):
    """The cases of one GoogleTest program; without its report, the program is the one case."""
    name = program.name.removeprefix("ctest.")
    report = directory / f"{name}_test.xml"
    if not report.exists():
        return [Case(name, "failed", program.reason or "it left no report: did it crash?")]
    cases = read_junit(report, f"{name}: ")
    if program.outcome == "failed" and not any(case.outcome == "failed" for case in cases):
        cases.append(Case(name, "failed", program.reason or "failed after its last test"))
    return cases


def read_units(directory):
    """A directory with ctest.xml and the GoogleTest programs' reports."""
    report = directory / "ctest.xml"
    if not report.exists():
        return [Case(f"unit tests ({directory.name})", "failed", "ctest left no report")]
    cases = []
    for element in xml.parse(report).getroot().iter("testcase"):
        program = dataclasses.replace(junit_case(element), name=element.get("name"))
        cases += read_program(program, directory)
    return cases


def collect(arguments):
    cases = list(read_steps(arguments.steps))
    for directory in arguments.unit:
        cases += read_units(directory)
    for report in arguments.report:
        cases += read_junit(report)
    return cases


def print_listed(cases, outcome):
    for case in cases:
        if case.outcome == outcome:
            print(f"{outcome}: {case.name}{': ' if case.reason else ''}{case.reason}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=pathlib.Path, required=True)
    parser.add_argument("--unit", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--report", type=pathlib.Path, action="append", default=[])
    return parser.parse_args()


def main():
    cases = collect(parse_arguments())
    print_listed(cases, "skipped")
    print_listed(cases, "failed")
    count = {
        outcome: sum(case.outcome == outcome for case in cases)
        for outcome in ("passed", "failed", "skipped")
    }
    print(", ".join(f"{number} {outcome}" for outcome, number in count.items()))
    sys.exit(1 if count["failed"] or not count["passed"] else 0)


main()
