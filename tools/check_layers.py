#!/usr/bin/env python3
"""Checks what a compiler does not about src/: who may include whom, and a few house rules.

Prints "file:line: message" for each finding and ends with 1 if there is any.
Usage: tools/check_layers.py [--self-test] [SOURCE_DIRECTORY]
"""

import re
import sys
import tempfile
from pathlib import Path

# What each folder may include besides itself. Lowest first, as in src/CMakeLists.txt.
LAYERS = {
    "base": [],
    "telemetry": ["base"],
    "async": ["base", "telemetry"],
    "process": ["base", "telemetry", "async"],
    "http": ["base", "telemetry", "async", "process"],
    "store": ["base", "telemetry", "async", "process", "http"],
}
SERVICES = [*LAYERS]
LAYERS |= {name: SERVICES for name in ("logs", "uploads", "artifacts")}
for upper in ("jobs", "executors", "api", "daemon"):
    LAYERS[upper] = [name for name in LAYERS]
LAYERS["client"] = ["base", "async", "process", "http"]
LAYERS |= {name: [*LAYERS["client"], "client"] for name in ("cli", "mcp")}

# Slow to compile, and nobody's business outside one .cpp file. Only tests see *test_support.h.
HEAVY = re.compile(
    r"boost/beast|boost/asio\.hpp|boost/asio/ssl|SQLiteCpp/|CLI/|toml\+\+/|archive(_entry)?\.h$"
    r"|openssl/|nlohmann/(?!json_fwd\.hpp$)"
)
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
MAX_COLUMNS = 100


def check_include(folder, must_be_light, quote, path):
    """What is wrong with one #include, or nothing."""
    if must_be_light and HEAVY.match(path):
        return f"<{path}> is too heavy for a header: include it in the .cpp file"
    top = path.split("/")[0]
    if quote == "<":
        ours = top in LAYERS and "/" in path
        return f'a header of ours is included in quotes: "{path}"' if ours else None
    if "/" not in path or ".." in path.split("/"):
        return f'"{path}" must be named from src/, as "{folder}/{path}"'
    if top not in LAYERS:
        return f"no folder of src/ is called {top}; a library's header is <{path}>"
    if top != folder and top not in LAYERS[folder]:
        allowed = ", ".join([*LAYERS[folder], folder])
        return f"{folder} must not include {top} (it may include: {allowed})"
    return None


def check_line(folder, must_be_light, line):
    include = INCLUDE.match(line)
    if include and (wrong := check_include(folder, must_be_light, *include.groups())):
        yield wrong
    if len(line) > MAX_COLUMNS:
        yield f"{len(line)} columns; at most {MAX_COLUMNS}"
    if unfinished := UNFINISHED.search(line):
        yield f"{unfinished[0]}: finish it, or write an issue"


def check_file(path, folder):
    is_header = path.suffix == ".h"
    must_be_light = is_header and not path.name.endswith("test_support.h")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if is_header and "#pragma once" not in lines:
        yield 1, "a header needs #pragma once"
    for number, line in enumerate(lines, 1):
        for message in check_line(folder, must_be_light, line):
            yield number, message


def check_tree(source):
    """Every finding beneath the source directory, as (path, line, message)."""
    for path in sorted(source.rglob("*")):
        if path.suffix not in (".h", ".cpp") or not path.is_file():
            continue
        folder = path.relative_to(source).parts[0]
        if folder not in LAYERS:
            yield path, 1, f"'{folder}' has no place in the layers of tools/check_layers.py"
            continue
        for number, message in check_file(path, folder):
            yield path, number, message


SELF_TEST = [
    ("base/good.h", '#pragma once\n#include <nlohmann/json_fwd.hpp>\n', None),
    ("base/good.cpp", '#include "base/error.h"\n', None),
    ("jobs/good.cpp", '#include "store/database.h"\n#include <SQLiteCpp/SQLiteCpp.h>\n', None),
    ("client/good.h", "#pragma once\n#include <boost/asio/awaitable.hpp>\n", None),
    ("base/template.cpp", 'auto name = "new-XXXXXX";  // ' + "é" * 60 + "\n", None),
    ("base/up.cpp", '#include "jobs/job.h"\n', "base must not include jobs"),
    ("logs/beside.cpp", '#include "uploads/upload.h"\n', "logs must not include uploads"),
    ("client/store.cpp", '#include "store/database.h"\n', "client must not include store"),
    ("mcp/cli.cpp", '#include "cli/verb.h"\n', "mcp must not include cli"),
    ("base/near.cpp", '#include "error.h"\n', "must be named from src/"),
    ("jobs/out.cpp", '#include "jobs/../api/x.h"\n', "must be named from src/"),
    ("jobs/angle.cpp", "#include <base/error.h>\n", "is included in quotes"),
    ("jobs/library.cpp", '#include "rapidcheck/gtest.h"\n', "a library's header"),
    ("store/heavy.h", "#pragma once\n#include <SQLiteCpp/SQLiteCpp.h>\n", "too heavy"),
    ("base/json.h", "#pragma once\n#include <nlohmann/json.hpp>\n", "too heavy"),
    ("mcp/test_support.h", "#pragma once\n#include <nlohmann/json.hpp>\n", None),
    ("http/beast.h", "#pragma once\n#  include <boost/beast/http.hpp>\n", "too heavy"),
    ("uploads/tar.h", "#pragma once\n#include <archive.h>\n", "too heavy"),
    ("base/twice.h", "int x;\n", "#pragma once"),
    ("base/long.cpp", "x" * 101 + "\n", "101 columns"),
    ("base/later.cpp", "// " + "TO" + "DO: later\n", "finish it"),
    ("helpers/x.cpp", "\n", "has no place"),
]


def self_test():
    """Each case alone must give exactly the finding it names; returns the number that do not."""
    failures = 0
    for name, text, expected in SELF_TEST:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, name)
            path.parent.mkdir(parents=True)
            path.write_text(text, encoding="utf-8")
            found = [message for _, _, message in check_tree(Path(directory))]
        if len(found) != (expected is not None) or (expected and expected not in found[0]):
            print(f"self-test {name}: expected {expected!r}, found {found}")
            failures += 1
    return failures


def main(arguments):
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    source = Path(arguments[0] if arguments else Path(__file__).parents[1] / "src")
    if not source.is_dir():
        print(f"{source} is not a directory", file=sys.stderr)
        return 2
    findings = list(check_tree(source))
    for path, number, message in findings:
        print(f"{path}:{number}: {message}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
