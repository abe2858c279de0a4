"""Golden files: what a reply looked like when somebody last agreed to it.

compare("get_job", reply) masks what differs from run to run and compares with
tests/golden/get_job.json. With FLASHPODS_TEST_ACCEPT=1 the file is written instead and the test
is reported as skipped, so that an accepting run never looks like a passing one.
"""

import json
import os
import pathlib
import re

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "golden"

PATTERNS = [
    (re.compile(r"\bjob_[0-9A-Za-z-]{6,}"), "job_ID"),
    (re.compile(r"\bupload_[0-9A-Za-z-]{6,}"), "upload_ID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "SHA256"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST:PORT"),
]

VARYING = {"elapsed_seconds", "actual_runtime_seconds", "duration", "uptime_seconds", "request_id"}


def mask_text(text):
    for pattern, word in PATTERNS:
        text = pattern.sub(word, text)
    return text


def mask(value, varying=frozenset()):
    """value with ids, times and the named fields replaced by words."""
    hidden = VARYING | set(varying)
    if isinstance(value, dict):
        return {
            key: key.upper() if key in hidden and item is not None else mask(item, varying)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [mask(item, varying) for item in value]
    return mask_text(value) if isinstance(value, str) else value


accepted = []  # names written during the current test; conftest.py turns them into a skip


def accept(name, text):
    out = pathlib.Path(os.environ.get("FLASHPODS_GOLDEN_OUT", GOLDEN))
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(text)
    accepted.append(f"{name}.json")


def compare(name, value, varying=frozenset()):
    """Fails where value isn't what tests/golden/NAME.json says; varying names more fields."""
    text = json.dumps(mask(value, varying), indent=2, ensure_ascii=False) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("FLASHPODS_TEST_ACCEPT") == "1":
        return accept(name, text)
    assert path.exists(), f"no golden file {path.name}: run with FLASHPODS_TEST_ACCEPT=1\n{text}"
    assert text == path.read_text(), f"differs from tests/golden/{path.name}"
