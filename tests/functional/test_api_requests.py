"""Requests that are refused before anything is done, each with an answer of its own."""

import re

import pytest

from flashpods_test import jobs, podman
from flashpods_test.http import refusal


# Authorisation (spec, "Authentication")


@pytest.mark.parametrize(
    "path", ["/", "/jobs", "/jobs/job_x/output", "/uploads/upload_x", "/nothing"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "BREW"])
def test_without_a_token_a_stranger_learns_nothing(daemon, method, path):
    reply = daemon.api.request(method, path, token=None)
    refusal(reply, 401, "unauthorized")
    assert reply.headers["www-authenticate"].startswith("Bearer")


def credentials(token):
    return [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {token[:-1]}",
        f"Bearer {token}x",
        f"Bearer {token} ",
        f"Basic {token}",
        token,
        f"Bearer  {token}",
        f"Bearer {token.upper()}x",
    ]


def test_a_wrong_token_is_no_token(daemon):
    for header in credentials(daemon.token):
        if header.strip() == f"Bearer {daemon.token}":
            continue  # white space at the end is no part of a header's value
        reply = daemon.api.get("/jobs", token=None, headers={"Authorization": header})
        refusal(reply, 401, "unauthorized")


def test_the_scheme_is_case_insensitive(daemon):
    header = {"Authorization": f"bearer {daemon.token}"}
    assert daemon.api.get("/jobs", token=None, headers=header).status == 200


def test_health_needs_no_token(daemon):
    assert daemon.api.get("/health", token=None).status == 200
    assert daemon.api.get("/health", token="wrong").status == 200


def test_the_token_is_in_no_log_line(daemon):
    daemon.api.get("/jobs")
    assert daemon.token not in daemon.log
    assert daemon.rsync_secret not in daemon.log


# Paths and methods


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/jobs/", "/jobs/a/b", "/jobs//output", "/health/x"]
)
def test_unknown_paths(daemon, path):
    refusal(daemon.api.get(path), 404, "not_found")


@pytest.mark.parametrize(
    "path", ["/jobs/job_x", "/jobs/..%2f..%2fetc%2fpasswd", "/jobs/%00", "/jobs/" + "x" * 3000]
)
def test_unknown_jobs(daemon, path):
    refusal(daemon.api.get(path), 404, "job_not_found")


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("PUT", "/jobs", {"GET", "POST"}),
        ("PATCH", "/jobs/job_x", {"GET", "DELETE"}),
        ("POST", "/jobs/job_x/output", {"GET"}),
        ("DELETE", "/jobs/job_x/artifacts/x", {"GET"}),
        ("GET", "/uploads/upload_x/finalize", {"POST"}),
        ("POST", "/uploads/upload_x", {"GET", "DELETE"}),
        ("POST", "/health", {"GET"}),
        ("BREW", "/jobs", {"GET", "POST"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(daemon, method, path, allowed):
    reply = daemon.api.request(method, path)
    refusal(reply, 405, "method_not_allowed")
    assert {word.strip() for word in reply.headers["allow"].split(",")} - {"HEAD"} == allowed


def test_head_is_get_without_the_body(daemon):
    request = (
        f"{{}} /jobs?limit=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {daemon.token}\r\n"
        "Connection: close\r\n\r\n"
    )
    head, _, nothing = daemon.api.raw(request.format("HEAD").encode()).partition(b"\r\n\r\n")
    whole, _, body = daemon.api.raw(request.format("GET").encode()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert nothing == b""
    assert body
    assert content_length(head) == content_length(whole) == len(body)


def content_length(head):
    return int(re.search(rb"(?i)content-length: (\d+)", head)[1])


@pytest.mark.parametrize(
    "path",
    [
        "/jobs?limits=1",
        "/jobs?limit=0",
        "/jobs?limit=201",
        "/jobs?limit=x",
        "/jobs?limit=1e1",
        "/jobs?status=gone",
        "/jobs?cursor=x",
        "/jobs?label=x",
        "/jobs/job_x/output?tails=1",
        "/jobs/job_x/output?tail=-1",
        "/jobs/job_x/output?tail=1&offset=1",
        "/jobs/job_x/output?stream=stdin",
        "/jobs/job_x/output?follow=yes",
    ],
)
def test_wrong_query_parameters(daemon, path):
    reply = daemon.api.get(path)
    assert reply.status == 400, reply.body
    assert reply.json()["error"] in (
        "unknown_parameter",
        "invalid_parameter",
        "invalid_field",
        "invalid_cursor",
    )


# Bodies


def post(daemon, body, content_type="application/json"):
    headers = {"Content-Type": content_type} if content_type else {}
    return daemon.api.post("/jobs", body, headers=headers)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "multipart/form-data",
    ],
)
def test_only_json_is_taken(daemon, content_type):
    refusal(post(daemon, b"{}", content_type), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
def test_json_by_its_names(daemon, content_type):
    refusal(post(daemon, b"{}", content_type), 400, "missing_field")


BROKEN = [
    b"",
    b" ",
    b"{",
    b"[1",
    b'{"type":}',
    b'{"type":"worker"} x',
    b"{'type':'worker'}",
    b"nul",
    b'{"type":"\xff"}',
    b'{"type":"\x01"}',
    b'{"cpus":NaN}',
    b'{"cpus":01}',
    b'{"type":"worker",}',
    b'{"type":"\\ud800"}',
    b"[]",
    b'"worker"',
    b"1",
    b"null",
]


@pytest.mark.parametrize("body", BROKEN, ids=repr)
def test_broken_json(daemon, body):
    refusal(post(daemon, body), 400, "invalid_json")


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"labels":' * 50_000, b'{"a":' * 65 + b"1" + b"}" * 65],
    ids=["arrays", "unclosed", "closed"],
)
def test_deep_json_is_refused_before_it_hurts(daemon, body):
    assert "deep" in refusal(post(daemon, body), 400, "invalid_json")["message"]


def test_a_member_given_twice_is_no_choice(daemon):
    error = refusal(post(daemon, b'{"type":"worker","type":"agent"}'), 400, "invalid_json")
    assert "'type'" in error["message"]


def test_an_unknown_field_is_named(daemon):
    error = refusal(daemon.api.post("/jobs", jobs.worker("true", cpu=2)), 400, "unknown_field")
    assert "'cpu'" in error["message"]


def test_hostile_names_come_back_harmless(daemon):
    name = "\x1b[31m\u202e\n" + "x" * 5000
    error = refusal(
        daemon.api.post("/jobs", jobs.worker("true", **{name: 1})), 400, "unknown_field"
    )
    assert not re.search(r"[\x00-\x1f\u202e]", error["message"])
    assert len(error["message"]) < 1000


# What the loader, Flashpods and the container tools listen to, and no job's business.
RESERVED = [
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "FLASHPODS_TASK",
    "PODMAN_USERNS",
    "CONTAINER_HOST",
    "CONTAINERS_CONF",
    "CONMON_LOG",
    "_CONTAINERS_USERNS_CONFIGURED",
    "NOTIFY_SOCKET",
]
NUMBERS = [0, -1, 1.5, 2.0, "2", True, [], 1e300, 2**63, 10**30, 10**9]
WRONG_WORKER = {
    "client_job_id": [1, "", "a b", "a/b", "x" * 129, "job_" + "a" * 16, "é"],
    "type": [1, "", "vm", "Worker"],
    "command": [1, ["true"], "", "a\0b", {}],
    "files_id": [1, "", "x", "upload_", "upload_../x", "upload_" + "a" * 65],
    "image": [1, "", "-v", "docker://x", "a b", "../x", "x" * 600, "oci-archive:/etc/passwd:x"],
    "cpus": NUMBERS,
    "memory_gb": NUMBERS,
    "timeout_minutes": NUMBERS,
    "network": [1, "", "host", "None"],
    "workspace": [1, "", "rw"],
    "env": [
        [],
        "A=1",
        {"A": 1},
        {"": "x"},
        {"1A": "x"},
        {"A=B": "x"},
        {"A": "x\0"},
        *({name: "x"} for name in RESERVED),
        {str(i) * 2: "" for i in range(101)},
    ],
    "name": [1, "", "a\nb", "x" * 101],
    "labels": [[], {"a": 1}, {"": "x"}, {"a": "\x07"}, {f"k{i}": "x" for i in range(21)}],
    "keep_minutes": [0, -1, 1.5, "60", 7 * 24 * 60 + 1],
    "task": ["for agents only"],
    "context": ["for agents only"],
    "git_branch": ["main"],
}
WRONG_AGENT = {
    "task": [None, 1, "", "a\0b"],
    "context": [1, "a\0b"],
    "git_branch": [
        None,
        1,
        "",
        "-x",
        "a..b",
        "HEAD",
        "a b",
        "x" * 251,
        "a/",
        "/a",
        "a.lock",
        "a\nb",
    ],
    "command": ["true"],
    "image": [podman.BUSYBOX],
    "workspace": ["ro"],
}


def pairs(table):
    cases = [(field, value) for field, values in table.items() for value in values]
    return pytest.mark.parametrize("field, value", cases, ids=lambda x: ascii(x)[:40])


@pairs(WRONG_WORKER)
def test_wrong_fields_of_a_worker(daemon, field, value):
    reply = daemon.api.post("/jobs", jobs.worker("true") | {field: value})
    code = "invalid_image" if reply.json()["error"] == "invalid_image" else "invalid_field"
    error = refusal(reply, 400, code)
    assert field in error["message"].lower()


@pairs(WRONG_AGENT)
def test_wrong_fields_of_an_agent(daemon, field, value):
    error = refusal(
        daemon.api.post("/jobs", jobs.agent("x") | {field: value}), 400, "invalid_field"
    )
    assert field in error["message"]


@pytest.mark.parametrize("field", ["type", "command"])
def test_required_fields(daemon, field):
    body = jobs.worker("true")
    del body[field]
    reply = daemon.api.post("/jobs", body)
    assert reply.status == 400
    assert field in reply.json()["message"]


@pytest.mark.parametrize("field", ["command", "task", "context"])
def test_text_beyond_96_kib_is_told_its_length(daemon, field):
    text = "é" * 49_152 + "x"  # 98,305 bytes
    body = jobs.worker(text) if field == "command" else jobs.agent("x") | {field: text}
    error = refusal(daemon.api.post("/jobs", body), 413, "too_long")
    assert "98305" in error["message"] and "98304" in error["message"]
