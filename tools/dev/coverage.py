"""Reads `llvm-cov export -summary-only`, prints lines run by folder, fails below the share wanted."""

import json
import pathlib
import sys

WANTED = 95.0
TESTS = ("_test.cpp", "test_main.cpp", "fakes.h", "test_support.h")


def share(covered, count):
    return 100 * covered / count if count else 100.0


def main():
    source, folders = pathlib.Path(sys.argv[1]), sys.argv[2:]
    files = json.load(sys.stdin)["data"][0]["files"]
    short = False
    for folder in folders:
        rows = []
        for file in files:
            path = pathlib.Path(file["filename"])
            if path.parent == source / folder and not path.name.endswith(TESTS):
                lines = file["summary"]["lines"]
                rows.append((share(lines["covered"], lines["count"]), path.name, lines))
        covered = sum(lines["covered"] for _, _, lines in rows)
        count = sum(lines["count"] for _, _, lines in rows)
        short = short or share(covered, count) < WANTED
        print(f"src/{folder}: {share(covered, count):.1f} % of {count} lines")
        for percent, name, lines in sorted(rows):
            if percent < WANTED:
                print(f"    {name}: {percent:.1f} %, {lines['count'] - lines['covered']} lines not run")
    if short:
        print(f"wanted: {WANTED} % of each folder")
    return 1 if short else 0


sys.exit(main())
