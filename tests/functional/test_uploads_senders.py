"""Who may send, where to, and by which options."""

import os
import pathlib
import subprocess

import pytest

from flashpods_test import jobs
from flashpods_test.http import refusal
from flashpods_test.uploads import refused


def raw_rsync(source, target, password, *options):
    return subprocess.run(
        ["rsync", "-avz", "--delete", *options, f"{source}/", target],
        env={"PATH": os.environ["PATH"], "RSYNC_PASSWORD": password},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_wrong_password_gets_nowhere(daemon, tree, password):
    upload_id = jobs.new_upload_id()
    done = raw_rsync(tree, f"{daemon.rsync_url}/{upload_id}/", password)
    assert done.returncode != 0
    assert "auth failed" in done.stderr
    refusal(daemon.api.get(f"/uploads/{upload_id}"), 404, "upload_not_found")


def test_another_user_name_gets_nowhere(daemon, tree):
    url = daemon.rsync_url.replace("flashpods@", "root@")
    done = raw_rsync(tree, f"{url}/{jobs.new_upload_id()}/", daemon.rsync_secret)
    assert "auth failed" in done.stderr


BAD_TARGETS = [
    "",
    ".",
    "..",
    "x",
    "upload_",
    "upload_" + "a" * 65,
    "upload_é",
    "upload_a_b",
    "upload_a/../upload_b",
    "../uploads/upload_a",
    "../../tmp",
    "/tmp",
    "upload_a/../../../tmp/evil",
    "upload_a b",
    "upload_*",
]


@pytest.mark.parametrize("target", BAD_TARGETS)
def test_only_an_upload_is_a_destination(daemon, tree, target):
    before = sorted(os.listdir("/tmp"))
    done = raw_rsync(tree, f"{daemon.rsync_url}/{target}/", daemon.rsync_secret)
    assert done.returncode != 0, done.stdout
    for name in ("hello.txt", "evil"):
        assert not pathlib.Path("/tmp", name).exists(), before
    assert not list((daemon.state_dir / "uploads").rglob("build.sh")) or target == ""


@pytest.mark.parametrize(
    "path", ["..", "..%2f..%2fetc", "upload_..%2fx", "upload_%00", "upload_" + "a" * 65, "%2e%2e"]
)
def test_the_api_takes_only_upload_ids(daemon, path):
    for reply in (
        daemon.api.get(f"/uploads/{path}"),
        daemon.api.delete(f"/uploads/{path}"),
        daemon.api.post(f"/uploads/{path}/finalize"),
    ):
        assert reply.status in (400, 404), reply.body


def test_uploads_cannot_be_read_back(daemon, tree, tmp_path):
    upload_id = jobs.new_upload_id()
    jobs.rsync(daemon, tree, upload_id)
    for source in (f"{daemon.rsync_url}/{upload_id}", f"{daemon.rsync_url}"):
        done = raw_rsync(source, str(tmp_path / "back"), daemon.rsync_secret)
        assert done.returncode != 0
    assert not list((tmp_path / "back").rglob("*"))


def test_the_module_is_not_listed(daemon):
    listing = subprocess.run(
        ["rsync", daemon.rsync_url.removesuffix("uploads")],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "RSYNC_PASSWORD": daemon.rsync_secret},
    )
    assert "uploads" not in listing.stdout


@pytest.mark.parametrize(
    "option",
    [
        "--inplace",
        "--append",
        "--temp-dir=/tmp",
        "--link-dest=/etc",
        "--backup",
        "--keep-dirlinks",
        "--write-devices",
    ],
)
def test_options_that_reach_around_are_refused(daemon, tree, option):
    assert refused(daemon, tree, jobs.new_upload_id(), option)


def test_a_link_sent_first_leads_nothing_out(daemon, tree, tmp_path):
    """A directory that was sent as a link before must not make rsync write through the link."""
    outside = tmp_path / "outside"
    outside.mkdir()
    upload_id = jobs.new_upload_id()
    (tree / "out").symlink_to(outside)
    jobs.rsync(daemon, tree, upload_id)
    (tree / "out").unlink()
    (tree / "out").mkdir()
    (tree / "out" / "evil").write_text("x")
    jobs.rsync(daemon, tree, upload_id, check=False)
    jobs.rsync(daemon, tree / "out", f"{upload_id}/out", check=False)
    assert not list(outside.iterdir())
