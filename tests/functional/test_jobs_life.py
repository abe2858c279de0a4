"""How jobs end, how they are stopped, and that one key makes one job."""

import concurrent.futures
import contextlib

import pytest

from flashpods_test import golden, jobs, podman
from flashpods_test.daemon import Daemon

CONFIG = """
[capacity]
cpus = 64
memory_gb = 256
[jobs]
grace_seconds = {grace}
"""


@pytest.fixture(scope="module")
def daemon(images):
    """Gives each job time to hear what it is told, however busy the host is."""
    with contextlib.closing(Daemon(CONFIG.format(grace=60))) as instance:
        yield instance.start()


@pytest.fixture(scope="module")
def impatient(images):
    """A daemon for those that listen to nothing."""
    with contextlib.closing(Daemon(CONFIG.format(grace=1))) as instance:
        yield instance.start()


@pytest.fixture(scope="module", autouse=True)
def slow_job(daemon):
    """Runs into its time limit, whose least is a minute, while the other tests run."""
    job_id = jobs.create(
        daemon,
        jobs.worker(
            "trap 'echo told; echo partial >/artifacts/partial; exit 0' TERM;"
            "echo begun; while :; do sleep 0.1; done",
            timeout_minutes=1,
        ),
    )
    jobs.wait_for(daemon, job_id, {"running"})
    return job_id


# Endings

EXIT_CODES = [1, 2, 125, 126, 127, 137, 143, 255]


@pytest.fixture(scope="module")
def endings(daemon):
    """Jobs that ended, by what they did; all at once, for their starts overlap."""
    commands = {code: f"echo out; exit {code}" for code in [0, *EXIT_CODES]}
    commands |= {
        "KILL": "kill -9 $$",
        "TERM": "kill -15 $$",
        "missing": "no-such-program",
        "not executable": "/etc/passwd",
        "syntax": "if",
        "podman": "echo 'Error: no such image' >&2; exit 125",
    }
    ids = {key: jobs.create(daemon, jobs.worker(command)) for key, command in commands.items()}
    return {key: jobs.wait_for(daemon, job_id) for key, job_id in ids.items()}


def test_success(daemon, endings):
    job = endings[0]
    assert (job["status"], job["outcome"], job["exit_code"]) == ("completed", "completed", 0)
    assert job["error"] is job["message"] is job["signal"] is job["hint"] is None
    assert job["started_at"] <= job["completed_at"]
    assert job["image_digest"]
    assert jobs.output(daemon, job["id"]) == "out\n"


@pytest.mark.parametrize("code", EXIT_CODES)
def test_the_commands_own_exit_code(endings, code):
    """Also those that podman and the kernel use: 125 to 127, 137."""
    job = endings[code]
    assert (job["status"], job["error"], job["exit_code"]) == ("failed", "exit", code)
    assert str(code) in job["message"]
    assert job["started_at"]


@pytest.mark.parametrize(
    "ending, code",
    [("KILL", 137), ("TERM", 143), ("missing", 127), ("not executable", 126), ("podman", 125)],
)
def test_what_the_shell_reports(endings, ending, code):
    job = endings[ending]
    assert (job["status"], job["exit_code"]) == ("failed", code)
    assert job["error"] in ("exit", "signal")


def test_a_syntax_error_is_the_jobs_own(daemon, endings):
    assert endings["syntax"]["status"] == "failed"
    assert "syntax error" in jobs.output(daemon, endings["syntax"]["id"])


def test_hints_where_they_help(endings):
    assert "image may lack" in endings["missing"]["hint"]
    assert "memory_gb" in endings[137]["hint"]
    assert endings[1]["hint"] is None


def test_no_container_stays(daemon, endings):
    for job in endings.values():
        jobs.wait_until_removed(job["id"])


@pytest.mark.parametrize(
    "image", ["localhost/nothing:1", "localhost/flashpods/busybox:no-such-tag"]
)
def test_an_image_that_is_not_there(daemon, image):
    job = jobs.run(daemon, "true", image=image)
    assert (job["status"], job["error"], job["exit_code"]) == ("failed", "image_not_found", None)
    assert image in job["message"]
    assert job["started_at"] is None
    assert jobs.output(daemon, job["id"]) == ""
    assert daemon.api.get(f"/jobs/{job['id']}/artifacts").json()["artifacts"] == []


def test_an_image_without_a_shell(daemon):
    name = podman.derive_image("localhost/flashpods/test-no-shell:latest", {"/bin/sh": "\x7fELF"})
    try:
        job = jobs.run(daemon, "true", image=name)
    finally:
        podman.podman("rmi", "--force", name, check=False)
    assert job["status"] == "failed"
    assert job["message"]


@pytest.mark.parametrize(
    "image", ["10.0.0.1/x:1", "127.0.0.1:5000/x", "registry.local/x", "[::1]/x"]
)
def test_registries_on_private_networks_are_not_asked(daemon, image):
    assert daemon.api.post("/jobs", jobs.worker("true", image=image)).status == 400


def test_a_label_finds_the_job_again(daemon):
    for number in range(3):
        jobs.run(daemon, "true", name="release build", labels={"round": str(number), "kind": "x"})
    named = daemon.api.get("/jobs?name=release%20build").json()["jobs"]
    assert [job["labels"]["round"] for job in named] == ["2", "1", "0"]
    one = daemon.api.get("/jobs?label=round=1").json()["jobs"]
    assert [job["labels"]["round"] for job in one] == ["1"]


def test_pages_of_jobs(daemon, endings):
    seen, cursor = [], ""
    while cursor is not None:
        page = daemon.api.get(f"/jobs?limit=4&status=failed{cursor and '&cursor=' + cursor}").json()
        assert 0 < len(page["jobs"]) <= 4
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen))
    assert {job["id"] for job in endings.values() if job["status"] == "failed"} <= set(seen)
    assert endings[0]["id"] not in seen


# Stopping


def stopped(daemon, command, when):
    """A job that was cancelled when its output had these words."""
    job_id = jobs.create(daemon, jobs.worker(command))
    jobs.wait_for_output(daemon, job_id, when)
    reply = daemon.api.delete(f"/jobs/{job_id}")
    assert reply.status == 200, reply.body
    assert reply.json()["job_id"] == job_id
    return jobs.wait_for(daemon, job_id)


def test_a_polite_job_is_told_and_ends_itself(daemon):
    job = stopped(
        daemon,
        "trap 'echo bye; echo kept >/artifacts/kept; exit 3' TERM; echo up;"
        "while :; do sleep 0.1; done",
        "up\n",
    )
    assert (job["status"], job["error"], job["outcome"]) == ("cancelled", "cancelled", "cancelled")
    assert job["exit_code"] == 3
    assert jobs.output(daemon, job["id"]) == "up\nbye\n"
    assert daemon.api.get(f"/jobs/{job['id']}/artifacts/kept").body == b"kept\n"


def test_a_stubborn_job_is_killed(impatient):
    job = stopped(impatient, "trap '' TERM; echo deaf; while :; do sleep 1; done", "deaf")
    assert (job["status"], job["exit_code"]) == ("cancelled", 137)
    jobs.wait_until_removed(job["id"])


def test_sleep_as_the_whole_command_ends_at_once(daemon):
    """A process that handles no signal isn't PID 1: TERM is enough."""
    job = stopped(daemon, "echo up; exec sleep 600", "up")
    assert (job["status"], job["exit_code"]) == ("cancelled", 143)


def test_a_job_that_ends_well_after_it_was_cancelled_is_cancelled(daemon):
    job = stopped(daemon, "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done", "up")
    assert (job["status"], job["exit_code"]) == ("cancelled", 0)


def test_children_do_not_outlive_the_job(daemon):
    job = jobs.run(daemon, "(trap '' TERM; sleep 600) & sleep 0.1; echo parent is done")
    assert job["status"] == "completed"
    jobs.wait_until_removed(job["id"])


def test_cancelling_twice_and_afterwards_changes_nothing(daemon):
    # It ends when it is let go, for all the grace that it has.
    job_id = jobs.create(daemon, jobs.worker(f"trap '' TERM; echo deaf; {jobs.HOLD}"))
    jobs.wait_for_output(daemon, job_id, "deaf")
    jobs.wait_for(daemon, job_id, {"running"})  # what it prints may be seen before that
    first, second = (daemon.api.delete(f"/jobs/{job_id}") for _ in range(2))
    assert (first.status, first.body) == (second.status, second.body)
    jobs.let_go(daemon, job_id)
    over = jobs.wait_for(daemon, job_id)
    third = daemon.api.delete(f"/jobs/{job_id}")
    assert (third.status, third.json()["status"]) == (200, "cancelled")
    assert daemon.api.get(f"/jobs/{job_id}").json() == over


def test_cancelling_what_is_over_changes_nothing(daemon, endings):
    for job in (endings[0], endings[1]):
        reply = daemon.api.delete(f"/jobs/{job['id']}")
        assert (reply.status, reply.json()["status"]) == (200, job["status"])
        assert daemon.api.get(f"/jobs/{job['id']}").json() == job


def test_cancelling_while_it_starts(daemon):
    ids = [jobs.create(daemon, jobs.worker("echo ran; exec sleep 600")) for _ in range(8)]
    for job_id in ids:
        assert daemon.api.delete(f"/jobs/{job_id}").status == 200
    for job_id in ids:
        assert jobs.wait_for(daemon, job_id)["status"] == "cancelled"
        jobs.wait_until_removed(job_id)


# One key, one job


def test_one_key_makes_one_job(daemon):
    body = jobs.worker(f"echo once; {jobs.HOLD}; exit 7")
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(lambda _: daemon.api.post("/jobs", body), range(50)))
    assert sorted(reply.status for reply in replies) == [200] * 49 + [201]
    assert [reply.json()["created"] for reply in replies].count(True) == 1
    (job_id,) = {reply.json()["job_id"] for reply in replies}
    jobs.wait_for_output(daemon, job_id, "once\n")
    assert len(podman.containers(flashpods_job_id=job_id)) == 1

    jobs.let_go(daemon, job_id)
    assert jobs.wait_for(daemon, job_id)["exit_code"] == 7
    again = daemon.api.post("/jobs", body)
    assert (again.status, again.json()["job_id"], again.json()["status"]) == (200, job_id, "failed")
    assert jobs.output(daemon, job_id) == "once\n"


def test_a_key_with_another_request_says_what_differs(daemon):
    body = jobs.worker("true", cpus=1, env={"A": "1"})
    job_id = jobs.create(daemon, body)
    changed = body | {
        "command": "false",
        "env": {"A": "2"},
        "timeout_minutes": 7,
        "files_id": "upload_of-the-retry",
    }
    reply = daemon.api.post("/jobs", changed)
    assert reply.status == 200
    assert reply.json()["job_id"] == job_id
    assert sorted(reply.json()["differs"]) == ["command", "env", "timeout_minutes"]
    jobs.wait_for(daemon, job_id)


def test_jobs_without_a_key_are_all_new(daemon):
    body = jobs.worker("true") | {"client_job_id": None}
    ids = {jobs.create(daemon, body) for _ in range(2)}
    assert len(ids) == 2


def test_the_key_names_the_job_everywhere(daemon):
    body = jobs.worker("echo hello; echo x >/artifacts/x")
    job = jobs.wait_for(daemon, jobs.create(daemon, body))
    key = body["client_job_id"]
    assert daemon.api.get(f"/jobs/{key}").json()["id"] == job["id"]
    assert jobs.output(daemon, key) == "hello\n"
    assert daemon.api.get(f"/jobs/{key}/artifacts").json()["artifacts"][0]["name"] == "x"
    assert daemon.api.get(f"/jobs/{key}/artifacts/x").body == b"x\n"
    assert daemon.api.delete(f"/jobs/{key}").json()["job_id"] == job["id"]


def test_a_refused_request_uses_up_no_key(daemon):
    body = jobs.worker("true", files_id=jobs.new_upload_id())
    assert daemon.api.post("/jobs", body).status == 404
    del body["files_id"]
    assert daemon.api.post("/jobs", body).status == 201


# Last, for it takes a minute: the time limit


def test_the_time_limit(daemon, slow_job):
    job = jobs.wait_for(daemon, slow_job)
    assert (job["status"], job["error"], job["outcome"]) == ("timed_out", "timed_out", "timed_out")
    assert job["message"] == "Job exceeded timeout limit"
    assert 60 <= job["actual_runtime_seconds"] < 120
    assert jobs.output(daemon, slow_job) == "begun\ntold\n"
    assert daemon.api.get(f"/jobs/{slow_job}/artifacts/partial").body == b"partial\n"
    assert slow_job in [
        each["id"] for each in daemon.api.get("/jobs?status=failed&limit=200").json()["jobs"]
    ]
    golden.compare("job_timed_out", job, {"limits", "instance"})
