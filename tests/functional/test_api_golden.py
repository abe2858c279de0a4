"""Every reply of the API as it was last agreed to, and the specification's own examples.

The replies are in tests/golden, with what differs from run to run masked. After a change that is
meant, run with FLASHPODS_TEST_ACCEPT=1 and read the difference.
"""

import contextlib
import re

import pytest

from flashpods_test import golden, jobs, uploads
from flashpods_test.daemon import Daemon
from flashpods_test.waiting import wait_until

CONFIG = """
[capacity]
cpus = 64
memory_gb = 256
[jobs]
grace_seconds = 10
[uploads]
max_files = 5
[agent]
image = "localhost/flashpods/agent-test:latest"
"""

SHOWN_HEADERS = [
    "content-type",
    "location",
    "www-authenticate",
    "allow",
    "retry-after",
    "content-disposition",
    "content-range",
    "accept-ranges",
    "cache-control",
    "x-content-type-options",
]
HOST_FACTS = {"limits", "lan_isolation", "version", "instance", "rsync_port", "free_bytes"}


@pytest.fixture(scope="module")
def daemon(images):
    with contextlib.closing(Daemon(CONFIG)) as instance:
        yield instance.start()


@pytest.fixture(scope="module")
def hasty(images):
    """A daemon that gives finalized uploads one second."""
    with contextlib.closing(Daemon("[uploads]\nfinalized_ttl_seconds = 1\n")) as instance:
        yield instance.start()


def agreed(name, reply, varying=frozenset(), body=True):
    """Compares a whole reply; gives its body."""
    headers = {name: reply.headers[name] for name in SHOWN_HEADERS if name in reply.headers}
    shown = {"http_status": reply.status, "headers": headers}
    if body:
        shown["body"] = reply.json() if reply.body else None
    golden.compare(name, shown, HOST_FACTS | set(varying))
    return reply.json() if body and reply.body else None


def same_kind(example, actual, where="reply"):
    """Fails unless actual has every member of the example, of the same type and form."""
    if isinstance(example, dict):
        for name, value in example.items():
            assert name in actual, f"{where} lacks {name}"
            same_kind(value, actual[name], f"{where}.{name}")
    elif isinstance(example, list):
        for item in actual:
            same_kind(example[0], item, f"{where}[]")
        assert actual, f"{where} is empty"
    else:
        assert type(actual) is type(example), f"{where}: {actual!r} for {example!r}"
        if isinstance(example, str) and re.fullmatch(TIME, example):
            assert re.fullmatch(TIME, actual), f"{where}: {actual!r} is no time"


TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"

# The examples of the specification, as they stand there.
SPEC = {
    "finalize": {
        "upload_id": "upload_abc123",
        "state": "finalized",
        "size_bytes": 15728640,
        "file_count": 847,
        "finalized_at": "2026-01-21T10:30:00Z",
        "expires_at": "2026-01-21T11:00:00Z",
    },
    "create": {"job_id": "job_xyz789", "status": "starting", "created": True},
    "create again": {
        "job_id": "job_xyz789",
        "status": "running",
        "created": False,
        "message": "Existing job returned (idempotent)",
    },
    "job": {
        "id": "job_xyz789",
        "type": "worker",
        "status": "running",
        "command": "cargo build --release",
        "image": "rust:latest",
        "created_at": "2026-01-18T10:30:00Z",
        "started_at": "2026-01-18T10:30:02Z",
        "elapsed_seconds": 145,
    },
    "output": {
        "output": "Compiling myapp v0.1.0\n...",
        "lines": 100,
        "truncated": True,
        "total_bytes": 52428800,
    },
    "artifacts": {
        "artifacts": [
            {"name": "myapp", "size_bytes": 4404224, "created_at": "2026-01-21T10:35:00Z"},
            {"name": "build.log", "size_bytes": 131072, "created_at": "2026-01-21T10:35:00Z"},
        ],
        "total_size_bytes": 4535296,
        "expires_at": "2026-01-21T11:35:00Z",
    },
    "too busy": {
        "error": "insufficient_resources",
        "message": "Not enough resources to start job",
        "requested": {"cpus": 4, "memory_gb": 8},
        "available": {"cpus": 2, "memory_gb": 6},
        "host_capacity": {"cpus": 8, "memory_gb": 16},
        "running_jobs": 3,
    },
}


@pytest.fixture(scope="module")
def building(daemon):
    """The specification's POST /jobs with an image of ours, held while it runs, and its replies."""
    job = jobs.worker(
        f"echo Compiling myapp v0.1.0; {jobs.HOLD}",
        cpus=4,
        memory_gb=8,
        timeout_minutes=30,
        client_job_id="550e8400-e29b-41d4-a716-446655440000",
    )
    created = daemon.api.post("/jobs", job)
    job_id = created.json()["job_id"]
    jobs.wait_for_output(daemon, job_id, "v0.1.0\n")
    jobs.wait_for(daemon, job_id, {"running"})
    yield job, created, job_id
    jobs.let_go(daemon, job_id)
    jobs.wait_for(daemon, job_id)


# The good ways


def test_health(daemon):
    agreed("health", daemon.api.get("/health", token=None))


def test_upload_until_it_is_consumed(daemon, tree):
    upload_id = jobs.new_upload_id()
    jobs.rsync(daemon, tree, upload_id)
    uploads.wait_until_complete(daemon, upload_id)
    agreed("upload_uploading", daemon.api.get(f"/uploads/{upload_id}"))
    body = agreed("upload_finalize", daemon.api.post(f"/uploads/{upload_id}/finalize"))
    same_kind(SPEC["finalize"], body)
    agreed("upload_finalized", daemon.api.get(f"/uploads/{upload_id}"))
    job_id = jobs.create(daemon, jobs.worker("true", files_id=upload_id))
    agreed(
        "upload_reserve_twice", daemon.api.post("/jobs", jobs.worker("true", files_id=upload_id))
    )
    jobs.wait_for(daemon, job_id)
    agreed("upload_consumed", daemon.api.get(f"/uploads/{upload_id}"))
    agreed("upload_finalize_consumed", daemon.api.post(f"/uploads/{upload_id}/finalize"))
    agreed("upload_delete_consumed", daemon.api.delete(f"/uploads/{upload_id}"))
    agreed(
        "job_create_upload_consumed",
        daemon.api.post("/jobs", jobs.worker("true", files_id=upload_id)),
    )


def test_create(building):
    body = agreed("job_create", building[1], varying={"status"})
    same_kind(SPEC["create"], body)
    assert body["status"] in ("pending", "starting")


def test_create_again(daemon, building):
    job, created, job_id = building
    body = agreed("job_create_again", daemon.api.post("/jobs", job))
    same_kind(SPEC["create again"], body)
    assert body["message"] == SPEC["create again"]["message"]
    different = daemon.api.post("/jobs", job | {"command": "true", "cpus": 2})
    agreed("job_create_differs", different)


def test_create_with_caps(daemon, building):
    wish = jobs.agent("x", cpus=99, memory_gb=99, timeout_minutes=500)
    reply = daemon.api.post("/jobs", wish)
    agreed("job_create_adjusted", reply, varying={"status"})
    jobs.wait_for(daemon, reply.json()["job_id"])


def test_get_running(daemon, building):
    same_kind(SPEC["job"], agreed("job_running", daemon.api.get(f"/jobs/{building[2]}")))


def test_artifacts_of_a_running_job(daemon, building):
    agreed("artifacts_running", daemon.api.get(f"/jobs/{building[2]}/artifacts"))
    agreed("artifact_running", daemon.api.get(f"/jobs/{building[2]}/artifacts/myapp"))


def test_output_of_a_running_job(daemon, building):
    body = agreed("output_running", daemon.api.get(f"/jobs/{building[2]}/output?tail=100"))
    same_kind(SPEC["output"], body)


def test_a_job_that_completed(daemon, tree):
    job_id = jobs.create(
        daemon,
        jobs.worker(
            "seq 1 200; cat hello.txt >/artifacts/myapp; mkdir /artifacts/docs;"
            "echo built >/artifacts/build.log; mkfifo /artifacts/pipe",
            files_id=jobs.upload(daemon, tree),
            name="nightly",
            labels={"suite": "golden"},
            env={"MODE": "release"},
            keep_minutes=5,
            workspace="scratch",
            network="none",
        ),
    )
    jobs.wait_for(daemon, job_id)
    completed = daemon.api.get(f"/jobs/{job_id}")
    same_kind(SPEC["job"], agreed("job_completed", completed, {"total_size_bytes"}))
    body = agreed("output_tail", daemon.api.get(f"/jobs/{job_id}/output?tail=3&stream=stdout"))
    same_kind(SPEC["output"], body)
    agreed("output_window", daemon.api.get(f"/jobs/{job_id}/output?offset=2&limit=6&stream=stdout"))
    # A gzip's size depends on the library that made it.
    listing = daemon.api.get(f"/jobs/{job_id}/artifacts")
    assert listing.json()["total_size_bytes"] == sum(
        each["size_bytes"] for each in listing.json()["artifacts"]
    )
    same_kind(SPEC["artifacts"], agreed("artifacts", listing, {"size_bytes", "total_size_bytes"}))
    path = f"/jobs/{job_id}/artifacts"
    agreed("artifact_download", daemon.api.get(f"{path}/myapp"), body=False)
    agreed(
        "artifact_range",
        daemon.api.get(f"{path}/myapp", headers={"Range": "bytes=1-3"}),
        body=False,
    )
    agreed(
        "artifact_range_wrong",
        daemon.api.get(f"{path}/myapp", headers={"Range": "bytes=99-"}),
        body=False,
    )
    agreed("artifact_unknown", daemon.api.get(f"{path}/nothing"))
    agreed("job_delete_over", daemon.api.delete(f"/jobs/{job_id}"))
    agreed(
        "job_list",
        daemon.api.get("/jobs?label=suite=golden&limit=1&status=completed"),
        {"total_size_bytes"},
    )
    agreed("job_list_empty", daemon.api.get("/jobs?name=nobody"))


ENDS = {
    "job_failed": {"command": "echo 'no such file' >&2; exit 3"},
    "job_failed_127": {"command": "exit 127"},
    "job_failed_read_only": {"command": "touch /work/x"},
    "job_failed_conflict": {"command": "mkdir /artifacts/out; touch /artifacts/out.tar.gz"},
}


def test_jobs_that_failed(daemon):
    ids = {name: jobs.create(daemon, jobs.worker(**fields)) for name, fields in ENDS.items()}
    for name, job_id in ids.items():
        jobs.wait_for(daemon, job_id)
        # busybox says "Read-only file system" in as many bytes each time
        agreed(name, daemon.api.get(f"/jobs/{job_id}"))


def test_the_specifications_name_conflict(daemon):
    """Its error and message are the job's."""
    job = jobs.run(daemon, "mkdir /artifacts/output; touch /artifacts/output.tar.gz")
    assert job["status"] == "failed"
    assert job["error"] == "artifact_name_conflict"
    assert job["message"] == "Artifact 'output.tar.gz' already exists"


def test_a_job_without_its_image(daemon):
    job = jobs.run(daemon, "true", image="localhost/nothing:1")
    assert "localhost/nothing:1" in job["message"]
    agreed("job_image_not_found", daemon.api.get(f"/jobs/{job['id']}"), varying={"message"})


def test_an_agent(daemon):
    job_id = jobs.create(daemon, jobs.agent("Refactor auth", context="Sessions today"))
    jobs.wait_for(daemon, job_id)
    agreed(
        "job_agent", daemon.api.get(f"/jobs/{job_id}"), varying={"total_bytes", "total_size_bytes"}
    )


def test_a_job_that_is_cancelled(daemon):
    job_id = jobs.create(daemon, jobs.worker("trap '' TERM; echo deaf; while :; do sleep 1; done"))
    jobs.wait_for_output(daemon, job_id, "deaf")
    jobs.wait_for(daemon, job_id, {"running"})
    agreed("job_delete", daemon.api.delete(f"/jobs/{job_id}"))
    agreed("job_delete", daemon.api.delete(f"/jobs/{job_id}"))
    assert daemon.api.get(f"/jobs/{job_id}").json()["stop_requested"]
    jobs.wait_for(daemon, job_id)
    agreed("job_cancelled", daemon.api.get(f"/jobs/{job_id}"))


# The other ways


def test_too_busy(make_daemon):
    daemon = make_daemon("[capacity]\ncpus = 8\nmemory_gb = 16\n")
    for cpus, memory_gb in ((4, 6), (1, 2), (1, 2)):
        jobs.create(daemon, jobs.worker(jobs.HOLD, cpus=cpus, memory_gb=memory_gb))
    reply = daemon.api.post("/jobs", jobs.worker("true", cpus=4, memory_gb=8))
    body = agreed("job_create_too_busy", reply)
    same_kind(SPEC["too busy"], body)
    figures = {name: body[name] for name in SPEC["too busy"] if name not in ("error", "message")}
    assert figures == {name: SPEC["too busy"][name] for name in figures}
    never = daemon.api.post("/jobs", jobs.worker("true", cpus=8, memory_gb=17))
    agreed("job_create_never_fits", never)


def test_upload_errors(daemon, tree):
    unknown = "/uploads/upload_00000000-0000-4000-8000-000000000000"
    agreed("upload_unknown", daemon.api.get(unknown))
    agreed("upload_finalize_unknown", daemon.api.post(f"{unknown}/finalize"))
    agreed("upload_bad_id", daemon.api.get("/uploads/x"))
    upload_id = jobs.upload(daemon, tree)
    agreed("upload_finalize_twice", daemon.api.post(f"/uploads/{upload_id}/finalize"))
    agreed("upload_delete", daemon.api.delete(f"/uploads/{upload_id}"))
    agreed("upload_deleted", daemon.api.get(f"/uploads/{upload_id}"))
    agreed("upload_delete_twice", daemon.api.delete(f"/uploads/{upload_id}"))
    agreed("upload_finalize_deleted", daemon.api.post(f"/uploads/{upload_id}/finalize"))
    agreed(
        "job_create_upload_deleted",
        daemon.api.post("/jobs", jobs.worker("true", files_id=upload_id)),
    )


def test_uploads_that_are_not_ready(daemon, tree):
    for number in range(5):
        (tree / str(number)).touch()
    upload_id = uploads.sent_to_its_end(daemon, tree)
    agreed("upload_finalize_quota", daemon.api.post(f"/uploads/{upload_id}/finalize"))
    agreed(
        "job_create_upload_uploading",
        daemon.api.post("/jobs", jobs.worker("true", files_id=upload_id)),
    )
    unknown = "upload_00000000-0000-4000-8000-000000000000"
    agreed(
        "job_create_upload_unknown", daemon.api.post("/jobs", jobs.worker("true", files_id=unknown))
    )


def test_uploads_that_expired(hasty, tree):
    upload_id = jobs.upload(hasty, tree)
    path = f"/uploads/{upload_id}"
    wait_until(lambda: hasty.api.get(path).json()["state"] == "expired", what="the expiry")
    agreed("upload_expired", hasty.api.get(path))
    agreed("upload_finalize_expired", hasty.api.post(f"{path}/finalize"))


JSON = {"Content-Type": "application/json"}
REFUSED = {
    "error_no_token": ("GET", "/jobs", {"token": None}),
    "error_wrong_token": ("GET", "/jobs", {"token": "wrong"}),
    "error_path": ("GET", "/nothing", {}),
    "error_method": ("PUT", "/jobs", {}),
    "error_media_type": ("POST", "/jobs", {"body": b"x"}),
    "error_json": ("POST", "/jobs", {"body": b'{"type":', "headers": JSON}),
    "error_json_twice": ("POST", "/jobs", {"body": b'{"a":1,"a":2}', "headers": JSON}),
    "error_json_no_object": ("POST", "/jobs", {"body": b"[]", "headers": JSON}),
    "error_body_size": ("POST", "/jobs", {"body": b" " * (1024 * 1024 + 1), "headers": JSON}),
    "error_header_size": ("GET", "/jobs", {"headers": {"X-Long": "x" * 17_000}}),
    "error_missing_field": ("POST", "/jobs", {"body": {"type": "worker"}}),
    "error_unknown_field": (
        "POST",
        "/jobs",
        {"body": {"type": "worker", "command": "x", "cpu": 1}},
    ),
    "error_wrong_field": (
        "POST",
        "/jobs",
        {"body": {"type": "worker", "command": "x", "cpus": 1.5}},
    ),
    "error_too_long": ("POST", "/jobs", {"body": {"type": "worker", "command": "x" * 98_305}}),
    "error_reserved_env": (
        "POST",
        "/jobs",
        {"body": {"type": "worker", "command": "x", "env": {"LD_PRELOAD": "x"}}},
    ),
    "error_query": ("GET", "/jobs?limits=1", {}),
    "error_query_value": ("GET", "/jobs?limit=0", {}),
    "error_status_filter": ("GET", "/jobs?status=gone", {}),
    "error_cursor": ("GET", "/jobs?cursor=x", {}),
    "error_job_unknown": ("GET", "/jobs/job_x", {}),
    "error_output_unknown": ("GET", "/jobs/job_x/output", {}),
    "error_delete_unknown": ("DELETE", "/jobs/job_x", {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_errors(daemon, name):
    method, path, options = REFUSED[name]
    agreed(name, daemon.api.request(method, path, **options))
