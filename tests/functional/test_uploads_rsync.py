"""Uploads with the plain rsync of the specification, without a Flashpods client."""

import contextlib
import os
import subprocess

import pytest

from flashpods_test import jobs, uploads
from flashpods_test.http import refusal
from flashpods_test.uploads import as_seen_by_a_job, described, on_disk, refused
from flashpods_test.waiting import wait_until

MEGABYTE = 1024 * 1024


def set_time(path, seconds=1_000_000_000):
    os.utime(path, (seconds, seconds), follow_symlinks=False)


@pytest.fixture
def rich_tree(tree):
    """tree with all that makes file trees difficult."""
    (tree / "src" / "zero").touch()
    (tree / "read-only").write_text("r")
    (tree / "read-only").chmod(0o400)
    (tree / "private").mkdir()
    (tree / "private" / "key").write_text("k")
    (tree / "private" / "key").chmod(0o600)
    (tree / "dangling").symlink_to("nothing/here")
    (tree / "absolute").symlink_to("/etc/hostname")
    (tree / "up").symlink_to("../../..")
    (tree / "src" / "directory link").symlink_to("../empty")
    for name in (
        "with space",
        "-dash",
        "ünïcode",
        "new\nline",
        "back\\slash",
        "a'b\"c",
        "%2e%2e",
        "*",
    ):
        (tree / name).write_text(name)
    (tree / "deep").joinpath(*["d"] * 30).mkdir(parents=True)
    (tree / "binary").write_bytes(os.urandom(200_000))
    for path in sorted(tree.rglob("*"), reverse=True):
        set_time(path)
    (tree / "private").chmod(0o700)
    (tree / "empty").chmod(0o555)
    return tree


def test_everything_arrives_unchanged(daemon, rich_tree):
    upload_id = jobs.upload(daemon, rich_tree)
    assert as_seen_by_a_job(daemon, upload_id) == described(rich_tree)
    wait_until(
        lambda: not any((daemon.state_dir / "jobs").iterdir()), what="the snapshot's removal"
    )


def test_a_repeated_transfer_brings_changes_and_deletions(daemon, tree):
    upload_id = jobs.new_upload_id()
    jobs.rsync(daemon, tree, upload_id)
    (tree / "hello.txt").write_text("hello again\n")
    (tree / "src" / "build.sh").chmod(0o644)
    (tree / "link").unlink()
    (tree / "link").write_text("a file now")
    (tree / "empty").rmdir()
    (tree / "new").mkdir()
    jobs.rsync(daemon, tree, upload_id)
    assert daemon.api.post(f"/uploads/{upload_id}/finalize").status == 200
    assert as_seen_by_a_job(daemon, upload_id) == described(tree)


def test_setuid_setgid_and_sticky_bits_fall_off(daemon, tree):
    (tree / "hello.txt").chmod(0o6755)
    (tree / "empty").chmod(0o3777)
    seen = as_seen_by_a_job(daemon, jobs.upload(daemon, tree))
    assert seen["hello.txt"][1] == 0o755
    assert seen["empty"][1] == 0o777


def test_finalize_says_size_and_count(daemon, tree):
    (tree / "large").write_bytes(b"x" * 100_000)
    upload_id = jobs.new_upload_id()
    jobs.rsync(daemon, tree, upload_id)
    before = daemon.api.get(f"/uploads/{upload_id}").json()
    assert before["state"] == "uploading"
    assert before["size_bytes"] is before["file_count"] is before["finalized_at"] is None
    done = daemon.api.post(f"/uploads/{upload_id}/finalize").json()
    assert done["state"] == "finalized"
    assert done["size_bytes"] == sum(f.stat().st_size for f in tree.rglob("*") if is_plain(f))
    assert done["file_count"] == 4  # hello.txt, src/build.sh, large, and the link
    assert daemon.api.get(f"/uploads/{upload_id}").json() == done


def is_plain(path):
    return path.is_file() and not path.is_symlink()


def test_an_empty_directory_is_an_upload_too(daemon, tmp_path):
    (tmp_path / "nothing").mkdir()
    upload_id = jobs.upload(daemon, tmp_path / "nothing")
    assert as_seen_by_a_job(daemon, upload_id) == {}


# Two at a time


@contextlib.contextmanager
def slow_transfer(daemon, source, upload_id):
    """An rsync that is under way for as long as the block lasts."""
    environment = daemon.client_environment()
    process = subprocess.Popen(
        ["rsync", "-a", "--bwlimit=100", f"{source}/", f"{daemon.rsync_url}/{upload_id}/"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(
            lambda: uploads.state(daemon, upload_id) == "uploading", what="the transfer's begin"
        )
        yield process
    finally:
        process.kill()
        process.wait()


def test_an_upload_under_way_is_nobody_elses(daemon, tree):
    (tree / "large").write_bytes(os.urandom(20 * MEGABYTE))  # for longer than both refusals take
    upload_id = jobs.new_upload_id()
    with slow_transfer(daemon, tree, upload_id):
        refusal(daemon.api.post(f"/uploads/{upload_id}/finalize"), 409, "upload_in_progress")
        assert "Another rsync" in refused(daemon, tree, upload_id)
    jobs.rsync(daemon, tree, upload_id)  # an interrupted upload goes on
    reply = daemon.api.post(f"/uploads/{upload_id}/finalize")
    assert reply.status == 200, reply.body
    assert as_seen_by_a_job(daemon, upload_id) == described(tree)


def finalize_once_ended(daemon, upload_id):
    """The reply of finalize once no transfer is under way any more."""
    replies = []

    def answered():
        replies.append(daemon.api.post(f"/uploads/{upload_id}/finalize"))
        return replies[-1].json().get("error") != "upload_in_progress"

    wait_until(answered, what="the end of the transfer")
    return replies[-1]


def test_what_a_killed_client_sent_is_incomplete(daemon, tree):
    (tree / "large").write_bytes(os.urandom(5 * MEGABYTE))
    upload_id = jobs.new_upload_id()
    with slow_transfer(daemon, tree, upload_id):
        wait_until(lambda: is_receiving(daemon), what="the first file's begin")
    refusal(finalize_once_ended(daemon, upload_id), 409, "upload_incomplete")
    assert daemon.api.get(f"/uploads/{upload_id}").json()["complete"] is False
    jobs.rsync(daemon, tree, upload_id)
    uploads.wait_until_complete(daemon, upload_id)
    assert daemon.api.post(f"/uploads/{upload_id}/finalize").status == 200


def test_a_file_that_was_not_sent_makes_it_incomplete(daemon, tree):
    upload_id = jobs.new_upload_id()
    environment = daemon.client_environment()
    target = f"{environment['FLASHPODS_RSYNC_URL']}/{upload_id}/"
    (tree / "closed").write_text("x")
    (tree / "closed").chmod(0)
    done = subprocess.run(["rsync", "-a", f"{tree}/", target], env=environment, capture_output=True)
    assert done.returncode == 23, done
    refusal(daemon.api.post(f"/uploads/{upload_id}/finalize"), 409, "upload_incomplete")


def is_receiving(daemon):
    return any(daemon.state_dir.glob("transfers/*/module/.receiving/*"))


@pytest.mark.parametrize("whole", [False, True])
def test_how_a_transfer_ended_is_known_to_the_next_daemon(make_daemon, tree, whole):
    """The daemon is killed while rsync runs; rsync outlives it and ends under the next one."""
    daemon = make_daemon()
    (tree / "large").write_bytes(os.urandom(MEGABYTE))
    upload_id = jobs.new_upload_id()
    with slow_transfer(daemon, tree, upload_id) as client:
        wait_until(lambda: is_receiving(daemon), what="the first file's begin")
        daemon.kill()
        daemon.start()
        if not whole:
            client.kill()
        assert (client.wait(60) == 0) == whole
    reply = finalize_once_ended(daemon, upload_id)
    assert reply.status == (200 if whole else 409), reply.body


def test_deleting_ends_the_transfer(daemon, tree):
    (tree / "large").write_bytes(os.urandom(5 * MEGABYTE))
    upload_id = jobs.new_upload_id()
    with slow_transfer(daemon, tree, upload_id) as transfer:
        assert daemon.api.delete(f"/uploads/{upload_id}").status == 200
        assert transfer.wait(60) != 0
    wait_until(lambda: not on_disk(daemon, upload_id), what="the files' removal")


def test_uploads_side_by_side(daemon, tree):
    ids = [jobs.new_upload_id() for _ in range(6)]
    environment = daemon.client_environment()
    transfers = [
        subprocess.Popen(
            ["rsync", "-avz", "--delete", f"{tree}/", f"{daemon.rsync_url}/{each}/"],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        for each in ids
    ]
    assert [transfer.wait(60) for transfer in transfers] == [0] * len(ids)
    replies = [daemon.api.post(f"/uploads/{each}/finalize").json() for each in ids]
    assert len({(reply["size_bytes"], reply["file_count"]) for reply in replies}) == 1


def test_raw_curl_and_raw_rsync_are_enough(daemon, tree):
    """The specification's own lines, in a shell."""
    script = """
        set -eu
        ID=upload_$(cat /proc/sys/kernel/random/uuid)
        AUTH="Authorization: Bearer $FLASHPODS_API_TOKEN"
        rsync -avz --delete "$1/" "$FLASHPODS_RSYNC_URL/$ID/" >/dev/null
        curl -sSf -X POST -H "$AUTH" "$FLASHPODS_URL/uploads/$ID/finalize" >/dev/null
        curl -sSf -H "$AUTH" -H 'Content-Type: application/json' "$FLASHPODS_URL/jobs" \
          -d '{"type":"worker","command":"sh src/build.sh","image":"'"$2"'","files_id":"'"$ID"'",
               "cpus":1,"memory_gb":1}' | sed 's/.*"job_id":"\\([^"]*\\)".*/\\1/'
    """
    done = subprocess.run(
        ["sh", "-c", script, "sh", str(tree), "localhost/flashpods/busybox:latest"],
        env=daemon.client_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    job_id = done.stdout.strip()
    assert jobs.wait_for(daemon, job_id)["status"] == "completed"
    assert daemon.api.get(f"/jobs/{job_id}/artifacts/result.txt").body == b"built\n"
