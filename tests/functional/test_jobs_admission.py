"""Admission without overcommit, and jobs side by side."""

import concurrent.futures
import contextlib
import threading

import pytest

from flashpods_test import jobs, podman
from flashpods_test.daemon import Daemon
from flashpods_test.waiting import wait_until


@pytest.fixture(scope="module")
def daemon(images):
    with contextlib.closing(Daemon("[capacity]\ncpus = 4\nmemory_gb = 6\n")) as instance:
        yield instance.start()


@pytest.fixture
def idle(daemon):
    """The daemon, with nothing left of the test before."""
    wait_until(lambda: health(daemon)["running_jobs"] == 0, timeout=60, what="an idle daemon")
    return daemon


def health(daemon):
    return daemon.api.get("/health").json()


def hold(daemon, **fields):
    return jobs.create(daemon, jobs.worker(jobs.HOLD, **fields))


def finish(daemon, *ids):
    for job_id in ids:
        jobs.wait_for(daemon, job_id, jobs.TERMINAL | {"running"})
        jobs.let_go(daemon, job_id)
    return [jobs.wait_for(daemon, job_id) for job_id in ids]


def test_what_does_not_fit_is_refused_with_the_figures(idle):
    first = hold(idle, cpus=2, memory_gb=2)
    second = hold(idle, cpus=1, memory_gb=1)
    reply = idle.api.post("/jobs", jobs.worker("true", cpus=2, memory_gb=2))
    assert reply.status == 429
    assert int(reply.headers["retry-after"]) > 0
    assert reply.json() == reply.json() | {
        "error": "insufficient_resources",
        "requested": {"cpus": 2, "memory_gb": 2},
        "available": {"cpus": 1, "memory_gb": 3},
        "host_capacity": {"cpus": 4, "memory_gb": 6},
        "running_jobs": 2,
        "never_fits": False,
    }
    seen = health(idle)
    assert (seen["capacity"], seen["available"]) == (
        {"cpus": 4, "memory_gb": 6},
        {"cpus": 1, "memory_gb": 3},
    )
    finish(idle, first, second)


def test_memory_counts_too(idle):
    first = hold(idle, cpus=1, memory_gb=4)
    reply = idle.api.post("/jobs", jobs.worker("true", cpus=1, memory_gb=3))
    assert (reply.status, reply.json()["available"]) == (429, {"cpus": 3, "memory_gb": 2})
    finish(idle, first)


@pytest.mark.parametrize("wish", [{"cpus": 5}, {"memory_gb": 7}])
def test_what_never_fits_is_told_so(idle, wish):
    reply = idle.api.post("/jobs", jobs.worker("true", **wish))
    assert reply.status == 429
    assert reply.json()["never_fits"] is True
    assert "retry-after" not in reply.headers


def test_room_is_free_again_when_the_container_is_gone(idle):
    first = hold(idle, cpus=4)
    body = jobs.worker("echo now", cpus=4)
    assert idle.api.post("/jobs", body).status == 429
    finish(idle, first)

    def admitted():
        reply = idle.api.post("/jobs", body)
        if reply.status == 201:
            assert not podman.containers(flashpods_job_id=first)
            return reply
        assert reply.status == 429
        return None

    second = wait_until(admitted, timeout=60, what="room", interval=0.05)
    assert jobs.wait_for(idle, second.json()["job_id"])["status"] == "completed"


def test_a_refusal_keeps_the_upload(idle, tree):
    first = hold(idle, cpus=4)
    body = jobs.worker("cat hello.txt", cpus=4, files_id=jobs.upload(idle, tree))
    assert idle.api.post("/jobs", body).status == 429
    assert idle.api.get(f"/uploads/{body['files_id']}").json()["state"] == "finalized"
    finish(idle, first)
    wait_until(
        lambda: idle.api.post("/jobs", body).status in (200, 201),
        timeout=60,
        what="room",
        interval=0.2,
    )
    job = jobs.wait_for(idle, body["client_job_id"])
    assert jobs.output(idle, job["id"]) == "hello\n"


def test_an_existing_job_is_given_though_the_host_is_full(idle):
    body = jobs.worker(jobs.HOLD, cpus=4)
    job_id = jobs.create(idle, body)
    reply = idle.api.post("/jobs", body)
    assert (reply.status, reply.json()["job_id"]) == (200, job_id)
    finish(idle, job_id)


def test_a_crowd_gets_no_more_than_there_is(idle):
    bodies = [jobs.worker(jobs.HOLD, cpus=1) for _ in range(16)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda body: idle.api.post("/jobs", body), bodies))
    admitted = [reply.json()["job_id"] for reply in replies if reply.status == 201]
    assert len(admitted) == 4
    assert {reply.status for reply in replies} == {201, 429}
    assert [job["status"] for job in finish(idle, *admitted)] == ["completed"] * 4


def test_two_hundred_at_once_never_get_more_than_there_is(idle):
    """At no instant: what waits to start and what is being removed counts, too."""
    bodies = [jobs.worker("true", cpus=1 + n % 3, memory_gb=1 + n % 3) for n in range(200)]
    seen, over = [], threading.Event()

    def watch():
        while not over.is_set():
            seen.append(idle.api.get("/health").json()["available"])

    def ask(body):
        return idle.api.post("/jobs", body)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with concurrent.futures.ThreadPoolExecutor(200) as pool:
            replies = list(pool.map(ask, bodies))
        admitted = [reply.json()["job_id"] for reply in replies if reply.status == 201]
        ends = [jobs.wait_for(idle, job)["status"] for job in admitted]
    finally:
        over.set()
        watcher.join()
    assert {reply.status for reply in replies} == {201, 429}
    assert all("retry-after" in reply.headers for reply in replies if reply.status == 429)
    assert ends == ["completed"] * len(admitted)
    assert min(free["cpus"] for free in seen) >= 0
    assert min(free["memory_gb"] for free in seen) >= 0
    assert min(free["cpus"] for free in seen) < 4, "it was never busy: the test saw nothing"


def test_caps_are_granted_and_told(make_daemon):
    daemon = make_daemon("[capacity]\ncpus = 64\nmemory_gb = 256\n")
    reply = daemon.api.post(
        "/jobs", jobs.worker("true", cpus=32, memory_gb=64, timeout_minutes=999)
    )
    assert reply.status == 201
    assert reply.json()["adjusted"] == {
        "cpus": {"requested": 32, "granted": 8},
        "memory_gb": {"requested": 64, "granted": 16},
        "timeout_minutes": {"requested": 999, "granted": 120},
    }
    job = jobs.wait_for(daemon, reply.json()["job_id"])
    assert (job["cpus"], job["memory_gb"], job["timeout_minutes"]) == (8, 16, 120)
    body = {"type": "agent", "task": "x", "git_branch": "main", "cpus": 8, "memory_gb": 16}
    reply = daemon.api.post("/jobs", body)
    granted = {field: change["granted"] for field, change in reply.json()["adjusted"].items()}
    assert granted == {"cpus": 4, "memory_gb": 8}


def test_the_specifications_defaults(make_daemon):
    daemon = make_daemon("[capacity]\ncpus = 64\nmemory_gb = 256\n")
    worker = daemon.api.post(
        "/jobs", {"type": "worker", "command": "true", "image": podman.BUSYBOX}
    ).json()
    agent = daemon.api.post("/jobs", {"type": "agent", "task": "x", "git_branch": "main"}).json()
    for job_id, minutes in ((worker["job_id"], 30), (agent["job_id"], 60)):
        job = jobs.status(daemon, job_id)
        assert (job["cpus"], job["memory_gb"], job["timeout_minutes"]) == (2, 4, minutes)
        assert (job["network"], job["keep_minutes"], job["env"], job["labels"]) == (
            "internet",
            60,
            {},
            {},
        )
        daemon.api.delete(f"/jobs/{job_id}")


def test_pattern_3_two_images_in_parallel(idle, tree):
    """One set of sources, tested in two images at a time: one passes, one fails."""
    script = (
        "if [ -e /entrypoint.sh ]; then code=1; echo 'Error: X is not defined in Node 20' >&2;"
        f"else code=0; fi; {jobs.HOLD}; exit $code"
    )
    ids = [
        jobs.create(idle, jobs.worker(script, image=image, files_id=jobs.upload(idle, tree)))
        for image in (podman.BUSYBOX, podman.AGENT)
    ]
    for job_id in ids:
        jobs.wait_for(idle, job_id, {"running"})
    assert [jobs.status(idle, job_id)["status"] for job_id in ids] == ["running", "running"]
    passed, failed = finish(idle, *ids)
    assert (passed["status"], passed["exit_code"]) == ("completed", 0)
    assert (failed["status"], failed["exit_code"]) == ("failed", 1)
    assert "X is not defined in Node 20" in jobs.output(idle, failed["id"], tail=20)


MAKEFILE = """app: main.c
\tcc -O2 -o $(CARGO_TARGET_DIR)/app main.c && cp $(CARGO_TARGET_DIR)/app /artifacts/
"""


def test_pattern_1_a_build_on_read_only_sources(idle, worker_image, tmp_path):
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\nint main(void) { puts("built"); return 0; }\n'
    )
    (tmp_path / "Makefile").write_text(MAKEFILE)
    job = jobs.run(
        idle, "make && /artifacts/app", image=worker_image, files_id=jobs.upload(idle, tmp_path)
    )
    assert job["status"] == "completed", jobs.output(idle, job["id"])
    assert jobs.output(idle, job["id"]).endswith("built\n")
    names = [
        each["name"] for each in idle.api.get(f"/jobs/{job['id']}/artifacts").json()["artifacts"]
    ]
    assert names == ["app"]
