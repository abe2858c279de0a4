"""Looking at uploads: what was sent, what arrived, what is left."""

import hashlib
import io
import os
import pathlib
import stat
import tarfile

from . import jobs
from .waiting import wait_until


def described(root):
    """What an upload must keep, by path: kind and mode, time, target or digest."""
    found = {}
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("directory", stat.S_IMODE(info.st_mode), int(info.st_mtime))
        else:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[name] = ("file", stat.S_IMODE(info.st_mode), int(info.st_mtime), digest)
    return found


def described_in_tar(data):
    """The same of a tar archive."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if name in ("", "."):
                continue
            if member.issym():
                found[name] = ("link", member.linkname)
            elif member.isdir():
                found[name] = ("directory", member.mode, member.mtime)
            else:
                digest = hashlib.sha256(archive.extractfile(member).read()).hexdigest()
                found[name] = ("file", member.mode, member.mtime, digest)
    return found


def as_seen_by_a_job(daemon, upload_id):
    """described() of /work in a job that takes this upload."""
    job = jobs.run(daemon, "tar -C /work -cf /artifacts/work.tar .", files_id=upload_id)
    assert job["status"] == "completed", job
    return described_in_tar(daemon.api.get(f"/jobs/{job['id']}/artifacts/work.tar").body)


def wait_until_complete(daemon, upload_id):
    """rsync's client ends a moment before the daemon has seen the end of its own rsync."""
    wait_until(
        lambda: daemon.api.get(f"/uploads/{upload_id}").json()["complete"], what="a whole upload"
    )


def sent_to_its_end(daemon, source):
    """The id of an upload that nothing cut off, though it has more files than it may: the daemon
    counts them only now and then."""

    for _ in range(20):
        upload_id = jobs.new_upload_id()
        done = jobs.rsync(daemon, source, upload_id, check=False)
        if done.returncode == 0:
            return upload_id
    raise AssertionError(f"each was cut off, the last with: {done.stderr}")


def refused(daemon, source, upload_id, *options):
    """What rsync says when it is refused."""
    done = jobs.rsync(daemon, source, upload_id, *options, check=False)
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr


def state(daemon, upload_id):
    """The upload's state, or None where there is no such upload."""
    return daemon.api.get(f"/uploads/{upload_id}").json().get("state")


def on_disk(daemon, upload_id):
    """Directories that still hold something of it. Others may go while we look, which stops a
    rglob()."""
    walk = os.walk(daemon.state_dir)
    return [pathlib.Path(top, upload_id) for top, names, _ in walk if upload_id in names]
