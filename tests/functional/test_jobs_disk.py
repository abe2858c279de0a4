"""What a job may have on disk, and what it may leave the host: disk_quota."""

import contextlib
import functools
import hashlib
import io
import os
import pathlib
import re
import tarfile
import time

import pytest

from flashpods_test import jobs, podman, registry
from flashpods_test.http import refusal
from flashpods_test.own_podman import OwnPodman
from flashpods_test.waiting import wait_until

ROOM = "[capacity]\ncpus = 64\nmemory_gb = 256\n"
GIGABYTE = 1 << 30
# Slow enough that a shim on a busy machine sees it in time; and a host survives that none does.
FLOOD = (
    "for i in $(seq 60); do dd if=/dev/zero bs=1M count=64 2>/dev/null; sleep 0.05; done;"
    " while :; do sleep 0.1; done"
)
# Where less than a gigabyte is left, it lasts for a dozen looks at the disk.
SLOW_FLOOD = "for i in $(seq 60); do dd if=/dev/zero bs=1M count=16; sleep 0.2; done 2>/dev/null"


@pytest.fixture(scope="module")
def small_budget(scripted_agent):
    from flashpods_test.daemon import Daemon

    config = f'{ROOM}[jobs]\nmax_job_disk_gb = 1\n[agent]\nimage = "{scripted_agent}"\n'
    instance = Daemon(config)
    try:
        yield instance.start()
    finally:
        instance.close()


def wait_until_gone(daemon, job_id):
    """What it leaves the disk would be taken for room that the next one has not used up."""
    jobs.wait_until_removed(job_id)
    wait_until(lambda: not (daemon.state_dir / "jobs" / job_id).exists(), what="the clean-up")


@pytest.mark.parametrize("command", [
    pytest.param(f"echo kept >/artifacts/small; ({FLOOD}) >/artifacts/large", id="artifacts"),
    pytest.param(f"echo kept >/artifacts/small; ({FLOOD}) >$TMPDIR/large", id="scratch"),
    pytest.param(f"echo kept >/artifacts/small; ({FLOOD}) >/tmp/large", id="root"),
    pytest.param(
        f"echo kept >/artifacts/small; exec 3>/tmp/large; rm /tmp/large; ({FLOOD}) >&3",
        id="a file without a name",
    ),
    pytest.param(
        "echo kept >/artifacts/small; mkdir $TMPDIR/d; exec 3>$TMPDIR/d/large; chmod 0 $TMPDIR/d;"
        f" ({FLOOD}) >&3",
        id="a directory that is closed",
    ),
    pytest.param(
        f"trap '' TERM; echo kept >/artifacts/small; (trap '' TERM; {FLOOD}) >$TMPDIR/large",
        id="deaf to SIGTERM",
    ),
])
def test_who_fills_the_disk_is_stopped(small_budget, command):
    job_id = jobs.create(small_budget, jobs.worker(command))
    status = jobs.wait_for(small_budget, job_id)
    assert (status["status"], status["error"]) == ("failed", "disk_quota")
    assert "it may have 1.0 GB" in status["message"] and "max_job_disk_gb" in status["message"]
    kept = small_budget.api.get(f"/jobs/{job_id}/artifacts/small")
    assert kept.status == 200 and kept.body == b"kept\n"
    wait_until_gone(small_budget, job_id)


@pytest.mark.parametrize("make", [
    pytest.param(functools.partial(jobs.worker, workspace="scratch"), id="worker"),
    pytest.param(jobs.agent, id="agent"),
])
def test_a_writable_copy_of_the_workspace_counts(small_budget, tree, make):
    body = make(f"({FLOOD}) >/work/large", files_id=jobs.upload(small_budget, tree))
    job_id = jobs.create(small_budget, body)
    status = jobs.wait_for(small_budget, job_id)
    assert (status["status"], status["error"]) == ("failed", "disk_quota")
    wait_until_gone(small_budget, job_id)


def test_all_places_together_have_one_budget(small_budget):
    """Any two of them would stay below. Where others free as much, the count comes in two minutes."""
    write = "dd if=/dev/zero bs=1M count=400 of=$place/large"
    body = jobs.worker(
        f"for place in /artifacts $TMPDIR /tmp; do {write} || exit; done;"
        " while :; do sleep 0.1; done")
    status = jobs.wait_for(small_budget, jobs.create(small_budget, body), timeout=200)
    assert (status["status"], status["error"]) == ("failed", "disk_quota")


def test_what_stays_below_is_left_alone(small_budget):
    status = jobs.run(small_budget, "dd if=/dev/zero bs=1M count=500 of=$TMPDIR/half; sleep 1")
    assert status["status"] == "completed"


def test_what_was_deleted_again_does_not_count(small_budget):
    command = (
        "for i in 1 2 3 4; do dd if=/dev/zero bs=1M count=400 of=$TMPDIR/x; rm $TMPDIR/x; sleep 0.3; done"
    )
    assert jobs.run(small_budget, command)["status"] == "completed"


def free(directory):
    stat = os.statvfs(directory)
    return stat.f_bavail * stat.f_frsize


def fill(directory, leave):
    """Takes what is free there, but `leave` bytes."""
    path = pathlib.Path(directory) / "ballast"
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free(directory) - leave)
    return path


def fill_truly(directory):
    """Takes what is free there to the last block."""
    path = fill(directory, leave=8 << 20)
    with path.open("ab", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))
    return path


def test_below_the_floor_only_the_one_that_goes_on_ends(small_disk, make_daemon):
    daemon = make_daemon(ROOM + "[jobs]\nmin_free_disk_gb = 1\n", directory=small_disk)
    quiet = jobs.create(daemon, jobs.worker(f"echo ready; {jobs.HOLD}; echo result >/artifacts/r"))
    greedy = jobs.create(daemon, jobs.worker(
        f"echo kept >/artifacts/small; echo ready; {jobs.HOLD}; ({SLOW_FLOOD}; sleep 600)"
        " >$TMPDIR/large"))
    for job in (quiet, greedy):
        jobs.wait_for_output(daemon, job, "ready")
        jobs.wait_for(daemon, job, {"running"})
    ballast = fill(small_disk, leave=GIGABYTE - (100 << 20))

    error = refusal(daemon.api.post("/jobs", jobs.worker("true")), 507, "host_disk_low")
    assert "nearly full" in error["message"]
    source = small_disk / "source"
    source.mkdir()
    (source / "file").write_text("text\n")
    done = jobs.rsync(daemon, source, jobs.new_upload_id(), check=False)
    assert done.returncode != 0 and "nearly full" in done.stdout + done.stderr

    jobs.let_go(daemon, greedy)
    status = jobs.wait_for(daemon, greedy)
    assert (status["status"], status["error"]) == ("failed", "disk_quota")
    assert "min_free_disk_gb" in status["message"]
    assert daemon.api.get(f"/jobs/{greedy}/artifacts/small").body == b"kept\n"
    assert free(small_disk) > 0
    assert jobs.status(daemon, quiet)["status"] == "running"
    ballast.unlink()
    jobs.let_go(daemon, quiet)
    assert jobs.wait_for(daemon, quiet)["status"] == "completed"
    assert jobs.run(daemon, "true")["status"] == "completed"


def test_files_without_content_are_no_way_round(small_disk, make_daemon):
    """Each is an inode, of which a filesystem has only so many: here 196,608."""
    daemon = make_daemon(ROOM + "[jobs]\nmin_free_disk_gb = 2\n", directory=small_disk)
    job = jobs.create(daemon, jobs.worker(
        "echo kept >/artifacts/small; mkdir $TMPDIR/d; cd $TMPDIR/d;"
        " seq 100000000 | xargs -n 1000 sh -c 'touch \"$@\"; sleep 0.1' sh"))
    status = jobs.wait_for(daemon, job)
    assert (status["status"], status["error"]) == ("failed", "disk_quota")
    assert "min_free_disk_gb" in status["message"]
    assert os.statvfs(small_disk).f_favail > 0
    assert daemon.api.get(f"/jobs/{job}/artifacts/small").body == b"kept\n"
    assert jobs.run(daemon, "true")["status"] == "completed"


def test_who_fills_the_disk_to_the_last_byte_is_in_nobodys_way(small_disk, make_daemon):
    """Nobody else makes room for its end to be noted: its own scratch files do, which go first."""
    daemon = make_daemon(ROOM + "[jobs]\nmin_free_disk_gb = 0\n", directory=small_disk)
    job = jobs.create(daemon, jobs.worker(
        f"echo kept >/artifacts/kept; echo ready; {jobs.HOLD};"
        " for i in 1 2 3 4; do dd if=/dev/zero bs=4k; done 2>/dev/null >>$TMPDIR/large;"
        " echo last words; exit 3"))
    jobs.wait_for_output(daemon, job, "ready")
    jobs.wait_for(daemon, job, {"running"})
    fill(small_disk, leave=64 << 20)
    jobs.let_go(daemon, job)
    status = jobs.wait_for(daemon, job)
    assert (status["status"], status["exit_code"]) == ("failed", 3)
    assert jobs.output(daemon, job) == "ready\nlast words\n"
    assert daemon.api.get(f"/jobs/{job}/artifacts/kept").body == b"kept\n"
    assert jobs.run(daemon, "true")["status"] == "completed"


def test_a_truly_full_disk_loses_nothing(small_disk, make_daemon):
    """Every byte is taken: answers are clear, jobs wait, and all goes on once there is room."""
    daemon = make_daemon(ROOM + "[jobs]\nmin_free_disk_gb = 0\n", directory=small_disk)
    lines = 20_000
    job = jobs.create(daemon, jobs.worker(
        f"echo kept >/artifacts/kept; echo ready; {jobs.HOLD}; seq {lines}; exit 3"))
    jobs.wait_for_output(daemon, job, "ready")
    jobs.wait_for(daemon, job, {"running"})
    ballast = fill_truly(small_disk)

    reply = daemon.api.post("/jobs", jobs.worker("true"))
    refusal(reply, 507, "disk_full")
    assert jobs.status(daemon, job)["status"] == "running"
    assert daemon.api.get("/health").status == 200
    jobs.let_go(daemon, job)
    wait_until(lambda: not (daemon.state_dir / "jobs" / job / "artifacts" / ".go").exists())
    time.sleep(1)  # it prints more than pipes hold, and nobody can take it
    assert str(lines) not in jobs.output(daemon, job)
    daemon.kill()  # it comes back on a full disk, too, or says why not
    said_before = len(daemon.log)
    daemon.start(wait=False)
    wait_until(daemon.start_is_over, timeout=60, what="a healthy daemon, or its end")
    if daemon.running():
        assert jobs.status(daemon, job)["status"] == "running"
    else:
        last_words = daemon.log[said_before:]
        why = re.search("^flashpodsd: .*(No space left|disk is full)", last_words, re.M)
        assert why and daemon.process.returncode == 1, last_words

    ballast.unlink()
    if not daemon.running():
        daemon.start()
    wait_until(daemon.healthy, timeout=60, what="a healthy daemon")
    status = jobs.wait_for(daemon, job)
    assert (status["status"], status["exit_code"]) == ("failed", 3)
    output = jobs.output(daemon, job, tail=lines + 10)
    assert output.split() == ["ready", *map(str, range(1, lines + 1))]
    assert daemon.api.get(f"/jobs/{job}/artifacts/kept").body == b"kept\n"
    assert jobs.run(daemon, "true")["status"] == "completed"


def stopped_by(daemon, job):
    """DELETE while the disk is full: accepted, or refused because of it."""
    reply = daemon.api.delete(f"/jobs/{job}")
    if reply.status == 507:
        refusal(reply, 507, "disk_full")
    else:
        assert reply.status == 200, reply.body
    return reply.status == 200


def test_a_daemon_recovers_by_itself_from_a_full_disk(small_disk, make_daemon, tmp_path):
    """Jobs end, are stopped and go on printing meanwhile: each gets its true end afterwards."""
    daemon = make_daemon(ROOM + "[jobs]\nmin_free_disk_gb = 0\n", directory=small_disk)
    leave = "cd /artifacts; mkdir tree; head -c 300000 /dev/urandom | tee plain >tree/x"
    lines = 20_000
    ending, printing, stopped = (jobs.create(daemon, jobs.worker(command)) for command in (
        f"{leave}; sha256sum <plain; echo ready; {jobs.HOLD}; echo last words; exit 4",
        f"echo kept >/artifacts/kept; echo ready; {jobs.HOLD}; seq {lines}",
        f"echo kept >/artifacts/kept; trap 'exit 5' TERM; echo ready; {jobs.HOLD}",
    ))
    for job in (ending, printing, stopped):
        jobs.wait_for_output(daemon, job, "ready")
        jobs.wait_for(daemon, job, {"running"})
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_bytes(os.urandom(100_000))
    ballast = fill_truly(small_disk)

    for job in (ending, printing):
        jobs.let_go(daemon, job)
    wait_until(lambda: not podman.inspect(ending)["State"]["Running"], what="the command's end")
    done = jobs.rsync(daemon, source, jobs.new_upload_id(), check=False)
    words = done.stdout + done.stderr
    # Where a block has become free again, the transfer is let in, and limited to that.
    refusals = "No space left|disk is (nearly )?full|File too large"
    assert done.returncode != 0 and re.search(refusals, words), words
    refusal(daemon.api.post("/jobs", jobs.worker("true")), 507, "disk_full")
    was_stopped = stopped_by(daemon, stopped)
    assert daemon.api.get("/health").status == 200
    assert {jobs.status(daemon, job)["status"] for job in (ending, printing)} == {"running"}

    ballast.unlink()
    if not was_stopped:
        assert stopped_by(daemon, stopped)
    ends = {job: jobs.wait_for(daemon, job) for job in (ending, printing, stopped)}
    assert daemon.running()
    assert [(each["status"], each["exit_code"]) for each in ends.values()] == [
        ("failed", 4), ("completed", 0), ("cancelled", 5)]
    noise = daemon.api.get(f"/jobs/{ending}/artifacts/plain").body
    said = jobs.output(daemon, ending).split()
    assert said == [hashlib.sha256(noise).hexdigest(), "-", "ready", "last", "words"]
    with tarfile.open(fileobj=io.BytesIO(
            daemon.api.get(f"/jobs/{ending}/artifacts/tree.tar.gz").body)) as packed:
        assert packed.extractfile("tree/x").read() == noise
    output = jobs.output(daemon, printing, tail=lines + 10)
    assert output.split() == ["ready", *map(str, range(1, lines + 1))]
    for job in (printing, stopped):
        assert daemon.api.get(f"/jobs/{job}/artifacts/kept").body == b"kept\n"
    body = jobs.worker("cat /work/file | wc -c", files_id=jobs.upload(daemon, source))
    job = jobs.wait_for(daemon, jobs.create(daemon, body))
    assert (job["status"], jobs.output(daemon, job["id"])) == ("completed", "100000\n")


def test_an_artifact_that_finds_no_room_waits_for_it(small_disk, make_daemon):
    """A directory is packed beside itself: what fails for want of room is made later, not lost."""
    daemon = make_daemon(ROOM + "[jobs]\nmin_free_disk_gb = 0\n", directory=small_disk)
    job = jobs.create(daemon, jobs.worker(
        "mkdir /artifacts/tree; head -c 8000000 /dev/urandom >/artifacts/tree/x;"
        f" sha256sum </artifacts/tree/x; {jobs.HOLD}"))
    jobs.wait_for_output(daemon, job, "-")
    jobs.wait_for(daemon, job, {"running"})
    ballast = fill(small_disk, leave=2 << 20)
    jobs.let_go(daemon, job)
    wait_until(lambda: "artifacts_not_collected" in daemon.log, timeout=60, what="a try")
    assert jobs.status(daemon, job)["status"] == "running"
    ballast.unlink()
    assert jobs.wait_for(daemon, job)["status"] == "completed"
    archive = daemon.api.get(f"/jobs/{job}/artifacts/tree.tar.gz").body
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        content = packed.extractfile("tree/x").read()
    assert hashlib.sha256(content).hexdigest() == jobs.output(daemon, job).split()[0]


@pytest.fixture
def small_podman(small_disk, images, monkeypatch):
    """A podman world whose images lie on the small disk, with busybox in it; so does this process."""
    with contextlib.closing(OwnPodman(small_disk)) as world:
        world.use_overlay()
        world.live_in(monkeypatch)
        yield world


def test_an_image_that_would_fill_the_disk_is_not_fetched(small_podman, small_disk, make_daemon):
    """A few megabytes that are sent would be 4 GB there."""
    with registry.serving(registry.zeros_layer(4096)) as host:
        small_podman.trust(host)
        daemon = make_daemon(
            f'{ROOM}[jobs]\nmin_free_disk_gb = 2\nprivate_registries = ["{host}"]\n')
        assert jobs.run(daemon, "true")["status"] == "completed"
        before = free(small_disk)
        status = jobs.run(daemon, "true", image=f"{host}/bomb:1")
        assert (status["status"], status["error"]) == ("failed", "disk_quota")
        assert "min_free_disk_gb" in status["message"]
    assert jobs.run(daemon, "true")["status"] == "completed"
    assert free(small_disk) > before - (64 << 20), "what had been fetched is still there"
