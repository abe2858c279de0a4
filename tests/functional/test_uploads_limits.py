"""How much an upload may be, and how long it lasts."""

import contextlib
import os

import pytest

from flashpods_test import jobs, uploads
from flashpods_test.daemon import Daemon
from flashpods_test.http import refusal
from flashpods_test.uploads import on_disk, refused
from flashpods_test.waiting import wait_until

ROOM = "[capacity]\ncpus = 64\nmemory_gb = 256\n"
MEGABYTE = 1024 * 1024


def test_what_is_too_large_is_stopped_in_the_middle(make_daemon, tmp_path):
    daemon = make_daemon(ROOM + "[uploads]\nmax_upload_mb = 2\nmax_files = 10\n")
    source = tmp_path / "large"
    source.mkdir()
    (source / "file").write_bytes(os.urandom(5 * MEGABYTE))
    upload_id = jobs.new_upload_id()
    assert "File too large" in refused(daemon, source, upload_id)
    assert (
        sum(f.stat().st_size for f in (daemon.state_dir / "uploads").rglob("file")) <= 2 * MEGABYTE
    )

    (source / "file").unlink()
    for number in range(11):
        (source / str(number)).touch()
    many = uploads.sent_to_its_end(daemon, source)
    error = refusal(daemon.api.post(f"/uploads/{many}/finalize"), 507, "upload_quota_exceeded")
    assert "11" in error["message"] and "10" in error["message"]
    assert daemon.api.delete(f"/uploads/{many}").status == 200
    (source / "0").unlink()
    jobs.upload(daemon, source)


def test_many_files_are_too_large_together(make_daemon, tmp_path):
    daemon = make_daemon(ROOM + "[uploads]\nmax_upload_mb = 2\n")
    source = tmp_path / "many"
    source.mkdir()
    for number in range(20):
        (source / str(number)).write_bytes(os.urandom(MEGABYTE // 2))
    upload_id = jobs.new_upload_id()
    done = jobs.rsync(daemon, source, upload_id, check=False)
    reply = daemon.api.post(f"/uploads/{upload_id}/finalize")
    assert reply.status in ((409, 507) if done.returncode else (507,)), reply.body
    assert reply.json()["error"] in ("upload_incomplete", "upload_quota_exceeded")


def test_all_uploads_together_have_a_limit(make_daemon, tmp_path):
    daemon = make_daemon(ROOM + "[uploads]\nmax_upload_mb = 4\nmax_total_mb = 4\n")
    source = tmp_path / "large"
    source.mkdir()
    (source / "file").write_bytes(os.urandom(4 * MEGABYTE - 262144))
    first = jobs.upload(daemon, source)
    assert "File too large" in refused(daemon, source, jobs.new_upload_id())
    assert daemon.api.delete(f"/uploads/{first}").status == 200
    wait_until(lambda: not on_disk(daemon, first), what="the files' removal")
    jobs.upload(daemon, source)


@pytest.fixture(scope="module")
def hasty(images):
    """A daemon that gives finalized uploads one second."""
    with contextlib.closing(Daemon(ROOM + "[uploads]\nfinalized_ttl_seconds = 1\n")) as instance:
        yield instance.start()


def test_a_finalized_upload_that_nobody_takes_expires(hasty, tree):
    upload_id = jobs.upload(hasty, tree)
    wait_until(lambda: uploads.state(hasty, upload_id) == "expired", what="the expiry")
    refusal(hasty.api.post("/jobs", jobs.worker("true", files_id=upload_id)), 410, "upload_expired")
    refusal(hasty.api.post(f"/uploads/{upload_id}/finalize"), 410, "upload_expired")
    assert "has expired" in refused(hasty, tree, upload_id)
    hasty.restart()  # it sweeps at its start, and each minute
    wait_until(lambda: not on_disk(hasty, upload_id), what="the sweep")
    assert uploads.state(hasty, upload_id) == "expired"


def test_a_transfer_that_is_never_finalized_expires(make_daemon, tree):
    daemon = make_daemon(ROOM + "[uploads]\nuploading_ttl_seconds = 1\n")
    upload_id = jobs.new_upload_id()
    jobs.rsync(daemon, tree, upload_id)
    wait_until(lambda: uploads.state(daemon, upload_id) == "expired", what="the expiry")
    refusal(daemon.api.post(f"/uploads/{upload_id}/finalize"), 410, "upload_expired")
    assert "has expired" in refused(daemon, tree, upload_id)
