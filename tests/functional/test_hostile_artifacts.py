"""Attacks 6, 7, 11 and 12 on what comes out of a job: /artifacts and its output."""

import io
import json
import re
import tarfile

import psutil
import pytest

from flashpods_test import jobs, processes
from flashpods_test.daemon import Daemon
from flashpods_test.waiting import wait_until

ROOM = "[capacity]\ncpus = 64\nmemory_gb = 256\n"
MEGABYTE = 1024 * 1024


def listing(daemon, job):
    return daemon.api.get(f"/jobs/{job['id']}/artifacts").json()


def names(daemon, job):
    return [each["name"] for each in listing(daemon, job)["artifacts"]]


def reasons(daemon, job):
    return {each["name"]: each["reason"] for each in listing(daemon, job)["rejected"]}


def fetch(daemon, job, name):
    return daemon.api.get(f"/jobs/{job['id']}/artifacts/{name}")


# Kinds of files


@pytest.mark.parametrize(
    "command, reason",
    [
        ("mkfifo x", "FIFO"),
        ("mknod x c 0 0", "device"),
        ("ln -s /dev/zero x", "symbolic link"),
        ("ln -s /proc/self/environ x", "symbolic link"),
        ("ln -s /artifacts/../etc/passwd x", "symbolic link"),
        ("mkfifo f; ln -s f x", "FIFO"),
        ("mkdir d; ln -s d x", "directory"),
        ("ln -s ../jobs x", "symbolic link"),
    ],
)
def test_06_an_artifact_that_is_no_file(daemon, command, reason):
    """A FIFO, a device, a link out: named with the reason, and the rest is kept."""
    job = jobs.run(daemon, f"cd /artifacts; {command}; echo kept >other")
    assert reason in reasons(daemon, job)["x"]
    assert fetch(daemon, job, "other").body == b"kept\n"
    assert fetch(daemon, job, "x").status == 404


def test_06_an_artifact_socket(daemon, worker_image):
    command = "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"/artifacts/x\")'"
    job = jobs.run(daemon, command, image=worker_image)
    assert "socket" in reasons(daemon, job)["x"]


def test_06_an_artifact_of_8_tebibytes(daemon):
    """Sparse, and so free of charge for the job: the size that counts is the one to be sent."""
    size = 2**43  # ext4 has no larger ones
    job = jobs.run(
        daemon, f"cd /artifacts; mkdir d; truncate -s {size} x && truncate -s {size} d/x; echo k >k"
    )
    assert "larger than" in reasons(daemon, job)["x"]
    assert any("is too large: the directories" in reason for reason in reasons(daemon, job).values())
    assert names(daemon, job) == ["k"]


def test_06_directories_of_links_to_one_large_file(daemon):
    """A few megabytes on the disk, a thousand gigabytes a directory: refused unread."""
    double = "for i in $(seq 10); do cp -al d t && mv t d/$i; done"
    grow = f"{double}; for i in $(seq 20); do cp -al d d$i; done"
    job = jobs.run(daemon, f"cd /artifacts; mkdir d; truncate -s 900M d/f; {grow}; echo k >k")
    assert names(daemon, job) == ["k"]
    told = reasons(daemon, job)
    assert len(told) == 21 and all("too large" in reason for reason in told.values()), told


def test_06_artifacts_that_take_long_keep_nobody_waiting(make_daemon):
    """More jobs than the pool has threads leave what takes a minute each to pack."""
    daemon = make_daemon(ROOM)
    command = "mkdir /artifacts/d; truncate -s 8G /artifacts/d/x; echo over"
    hostile = [jobs.create(daemon, jobs.worker(command)) for _ in range(6)]
    for job_id in hostile:
        jobs.wait_for_output(daemon, job_id, "over")
    job = jobs.run(daemon, "echo mine >/artifacts/mine; echo words")
    assert jobs.output(daemon, job["id"]) == "words\n"
    assert names(daemon, job) == ["mine"]
    assert any(jobs.status(daemon, each)["status"] == "running" for each in hostile)
    daemon.stop()


def test_06_artifacts_that_are_hard_links(daemon, tree):
    """To each other: copies. To the snapshot or the private directory: other mounts, no link."""
    job = jobs.run(
        daemon,
        "cd /artifacts; echo 1 >a; ln a b; ln /work/hello.txt w; ln /etc/passwd p; ln $HOME/x h; ls",
        files_id=jobs.upload(daemon, tree),
    )
    assert names(daemon, job) == ["a", "b"]
    kept = daemon.state_dir / "artifacts" / job["id"]
    assert {each.stat().st_nlink for each in kept.iterdir()} == {1}


def test_06_a_directory_swapped_all_the_time(daemon):
    """What is taken was examined: never /etc/passwd (src/artifacts/collector_test.cpp has each step)."""
    job = jobs.run(
        daemon,
        """cd /artifacts; mkdir a; echo inside >a/passwd
        (while :; do mv a b; ln -s /etc a; rm a; mv b a; done) 2>/dev/null &
        (while :; do ln -sf /etc/passwd s; rm s; echo plain >s; done) 2>/dev/null &
        sleep 1""",
    )
    for each in listing(daemon, job)["artifacts"]:
        assert b"root:" not in fetch(daemon, job, each["name"]).body
    for name in {"a.tar.gz", "b.tar.gz"} & set(names(daemon, job)):
        with tarfile.open(fileobj=io.BytesIO(fetch(daemon, job, name).body)) as archive:
            for member in archive:
                assert not member.isreg() or archive.extractfile(member).read() == b"inside\n"


def test_06_nothing_of_a_job_writes_on_after_its_end(daemon):
    """A process that left the session is gone before artifacts are taken."""
    job = jobs.run(
        daemon,
        "setsid sh -c 'while :; do date >>/artifacts/grows; done' >/dev/null 2>&1 &"
        " until [ -s /artifacts/grows ]; do sleep 0.05; done; sleep 0.2",
    )
    before = fetch(daemon, job, "grows").body
    jobs.wait_until_removed(job["id"])
    assert before and fetch(daemon, job, "grows").body == before


def test_07_an_archive_that_its_reader_can_trust(daemon):
    """No member leads out, above or twice; no setuid, no owner, no device (7)."""
    job = jobs.run(
        daemon,
        """mkdir /artifacts/d; cd /artifacts/d; echo x >plain; cp plain suid; chmod 7755 suid
        mkfifo fifo; mknod device c 0 0; ln -s /etc/passwd out; ln -s ../../../etc up; ln -s plain in
        ln plain hard; mkdir sub; ln -s ../.. sub/up; touch "$(printf 'a\\nb')" "$(printf '\\033[2J')" ./-rf
        touch "$(printf 'bad\\377')"; mkdir sticky; chmod 7777 sticky""",
    )
    with tarfile.open(fileobj=io.BytesIO(fetch(daemon, job, "d.tar.gz").body)) as archive:
        members = archive.getmembers()
    seen = [member.name for member in members]
    assert len(seen) == len(set(seen))
    for member in members:
        assert member.name.split("/")[0] == "d" and ".." not in member.name.split("/")
        assert member.isreg() or member.isdir() or member.issym(), member.name
        assert member.mode & 0o7000 == 0 and (member.uid, member.gid) == (0, 0)
        assert not member.uname and not member.gname
        if member.issym():
            assert member.linkname == "plain"
    assert {"d/plain", "d/hard", "d/in", "d/suid", "d/-rf", "d/a\nb"} <= set(seen)


def test_12_more_artifacts_than_can_be_named(daemon):
    """Inodes by the thousand: the first ones are kept, the rest is a number."""
    job = jobs.run(daemon, "cd /artifacts; seq 20000 | xargs touch")
    seen = listing(daemon, job)
    assert 0 < len(seen["artifacts"]) <= 200
    assert len(seen["rejected"]) < 2000
    assert "more entries" in seen["rejected"][-1]["reason"]
    wait_until(lambda: not (daemon.state_dir / "jobs" / job["id"]).exists(), what="its removal")


# Output


def flood(daemon, command, expected_bytes):
    """Runs a job that floods its output; the daemon answers meanwhile, the shim stays small."""
    job_id = jobs.create(daemon, jobs.worker(f"{command}; {jobs.HOLD}; exit 3"))
    jobs.wait_for(daemon, job_id, {"running"})
    (shim,) = processes.shims_of(daemon.state_dir / "jobs" / job_id)
    wait_until(lambda: jobs.status(daemon, job_id)["status"] == "running"
               and daemon.api.get(f"/jobs/{job_id}/output?offset=0&limit=4").json()["total_bytes"]
               >= expected_bytes, 240, "the flood in the log")
    assert shim.memory_info().rss < 150 * MEGABYTE
    assert jobs.output(daemon, jobs.run(daemon, "echo beside")["id"]) == "beside\n"
    jobs.let_go(daemon, job_id)
    job = jobs.wait_for(daemon, job_id, timeout=240)
    assert (job["status"], job["exit_code"]) == ("failed", 3)
    return job


@pytest.fixture(scope="module")
def small_logs(images):
    instance = Daemon(ROOM + "[logs]\nmax_job_mb = 5\n")
    try:
        yield instance.start()
    finally:
        instance.close()


FLOODS = {
    "lines": "yes | head -c 200000000",
    "one line": "head -c 200000000 /dev/zero | tr '\\0' x",
    "noise": "head -c 50000000 /dev/urandom",
    "single bytes": "i=0; while [ $i -lt 3000 ]; do printf x; printf y >&2; i=$((i+1)); done;"
                    "head -c 6000000 /dev/zero",
}


@pytest.mark.parametrize("command", FLOODS.values(), ids=FLOODS.keys())
def test_11_a_flood_of_output_is_kept_to_its_limit(small_logs, command):
    daemon = small_logs
    before = processes.rss_bytes(daemon.process.pid)
    job = flood(daemon, command, 5 * MEGABYTE)
    log = daemon.state_dir / "logs" / f"{job['id']}.log"
    assert log.stat().st_size <= 5 * MEGABYTE
    on_disk = sum(each.stat().st_size for each in log.parent.glob(f"{job['id']}*"))
    assert on_disk < 12 * MEGABYTE
    assert job["log"]["truncated"] is True
    reply = daemon.api.get(f"/jobs/{job['id']}/output?tail=1")
    assert reply.status == 200 and len(reply.body) < 8 * MEGABYTE
    assert processes.rss_bytes(daemon.process.pid) - before < 200 * MEGABYTE


@pytest.mark.long
@pytest.mark.timeout(900)
def test_11_a_line_of_one_gigabyte(make_daemon):
    """All of it kept, as the configuration says; read piece by piece, and from its end."""
    daemon = make_daemon(ROOM + "[logs]\nmax_job_mb = 1100\nmax_total_mb = 2000\n")
    job = flood(daemon, "head -c 1000000000 /dev/zero | tr '\\0' x", 1_000_000_000)
    assert job["log"]["truncated"] is False
    for query in ("tail=1", "tail=1000000", "offset=999999990", "offset=0&limit=1000000"):
        reply = daemon.api.get(f"/jobs/{job['id']}/output?{query}")
        assert reply.status == 200 and len(reply.body) < 2 * MEGABYTE, query
    assert processes.rss_bytes(daemon.process.pid) < 700 * MEGABYTE


@pytest.mark.parametrize("log_mb, total_mb", [
    pytest.param(4, 10, id="10 MB"),
    pytest.param(1000, 10240, id="10 GB", marks=[pytest.mark.long, pytest.mark.timeout(900)]),
])
def test_11_logs_beyond_the_hosts_limit_go_oldest_first(make_daemon, log_mb, total_mb):
    daemon = make_daemon(ROOM + f"[logs]\nmax_job_mb = {log_mb}\nmax_total_mb = {total_mb}\n")
    count = total_mb // log_mb + 2
    command = f"dd if=/dev/zero bs=1M count={log_mb} 2>/dev/null"
    ids = [jobs.run(daemon, command)["id"] for _ in range(count)]
    daemon.restart()  # a start sweeps at once, otherwise each minute does

    def answer(job):
        return daemon.api.get(f"/jobs/{job}/output?offset=0&limit=10").status

    wait_until(lambda: answer(ids[1]) == 410, what="the end of the second log", timeout=120)
    assert [answer(job) for job in ids] == [410] * 2 + [200] * (count - 2)
    left = sum(each.stat().st_size for each in (daemon.state_dir / "logs").glob("*.log"))
    assert left <= total_mb * MEGABYTE


LIES = r"""
echo '{"exit_code": 0, "status": "completed"}'
echo '"}],"status":"completed","x":"'
printf 'data: {"status":"completed"}\n\nevent: end\ndata: {"status":"completed","exit_code":0}\n\n'
printf 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
printf '\033]0;x\007\033[2J\r\b\0\377\302\n\xe2\x80\xae'
echo 'Error: flashpods: container_lost' >&2
exit 7
"""


def test_11_output_that_pretends_to_be_ours(daemon):
    """Whatever is printed, the exit code, the events and the JSON are ours."""
    job = jobs.run(daemon, LIES)
    assert (job["status"], job["error"], job["exit_code"]) == ("failed", "exit", 7)
    reply = daemon.api.get(f"/jobs/{job['id']}/output?tail=1000")
    assert reply.json()["status"] == "failed"
    events = list(daemon.api.events(f"/jobs/{job['id']}/output?follow=1"))
    ends = [data for event, data in events if event not in ("message", "output")]
    assert len(ends) == 1 and ends[0].get("status") == "failed", events
    raw = daemon.api.get(f"/jobs/{job['id']}/output?raw=1&tail=1000")
    assert raw.headers["content-type"] == "application/octet-stream"


def test_11_a_job_writes_nothing_into_our_log(daemon):
    """Names, labels and files with line breaks, quotes and escapes: each log line stays one object."""
    body = jobs.worker(
        r"""printf x >"$(printf '/artifacts/"}\n{"level":"error"\033[2J')"; exit 1""",
        name='"}{"level":"error', labels={"a\"b": '\u202e","x":"'},
    )
    job = jobs.wait_for(daemon, jobs.create(daemon, body))
    for path in ("/%22%7D%0A%7B", f"/jobs/{job['id']}/artifacts/%0a%1b%5b2J", "/jobs?status=%22%0a"):
        daemon.api.get(path)
    for line in daemon.log.splitlines():
        assert isinstance(json.loads(line), dict)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", daemon.log)
    assert psutil.pid_exists(daemon.process.pid)
