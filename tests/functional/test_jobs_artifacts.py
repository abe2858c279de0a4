"""What comes out of /artifacts, and what does not."""

import contextlib
import datetime
import hashlib
import io
import tarfile

import pytest

from flashpods_test import jobs, processes
from flashpods_test.daemon import Daemon

CONFIG = """
[capacity]
cpus = 64
memory_gb = 256
[jobs]
grace_seconds = 1
[artifacts]
max_file_mb = 400
max_total_mb = 401
max_count = 20
"""

MIXED = r"""
cd /artifacts
echo hello >plain.txt
: >empty
head -c 300000 /dev/urandom >random.bin
sha256sum random.bin
chmod 0 plain.txt
mkdir -p dir/sub dir/none; echo deep >dir/sub/file; chmod 755 dir/sub/file; ln -s sub/file dir/link
ln -s /etc/passwd dir/outside
ln -s random.bin inside
ln -s /artifacts/dir/sub/file inside-absolute
ln -s /etc/passwd outside
ln -s ../../../../etc/hostname climbing
ln -s nothing dangling
ln -s loop loop
mkfifo pipe
touch ' leading' 'trailing ' 'a..b' "$(printf 'new\nline')" 'back\slash' "$(printf 'bad\377utf')"
echo x >'naïve file.txt'
touch -- -dash '"quote".txt'
"""


@pytest.fixture(scope="module")
def daemon(images):
    with contextlib.closing(Daemon(CONFIG)) as instance:
        yield instance.start()


@pytest.fixture(scope="module")
def mixed(daemon):
    """A job that left everything there is."""
    job = jobs.run(daemon, MIXED)
    assert job["status"] == "completed", job
    return job


def listing(daemon, job_id):
    return daemon.api.get(f"/jobs/{job_id}/artifacts").json()


def get(daemon, job, name, **headers):
    return daemon.api.get(f"/jobs/{job['id']}/artifacts/{name}", headers=headers)


def test_what_passes(daemon, mixed):
    names = [each["name"] for each in listing(daemon, mixed["id"])["artifacts"]]
    assert names == sorted(names, key=str.encode)
    assert set(names) == {
        "plain.txt",
        "empty",
        "random.bin",
        "dir.tar.gz",
        "inside",
        "inside-absolute",
        "naïve file.txt",
        "-dash",
        '"quote".txt',
    }


@pytest.mark.parametrize(
    "name, reason",
    [
        ("outside", "symbolic link to nothing inside"),
        ("climbing", "symbolic link to nothing inside"),
        ("dangling", "symbolic link to nothing inside"),
        ("loop", "symbolic link"),
        ("pipe", "FIFO"),
        (" leading", "white space"),
        ("trailing ", "white space"),
        ("a..b", "'..'"),
        ("back\\slash", "path separator"),
    ],
)
def test_what_is_rejected_and_why(daemon, mixed, name, reason):
    reasons = {each["name"]: each["reason"] for each in listing(daemon, mixed["id"])["rejected"]}
    assert reason in reasons[name]


def test_every_rejection_is_listed(daemon, mixed):
    rejected = listing(daemon, mixed["id"])["rejected"]
    assert mixed["artifacts"]["rejected"] == len(rejected)
    assert any("line" in each["name"] and "\n" not in each["name"] for each in rejected)
    assert any("UTF-8" in each["reason"] for each in rejected)
    assert any("outside" in each["name"] and "dir" in each["name"] for each in rejected)


def test_totals(daemon, mixed):
    seen = listing(daemon, mixed["id"])
    assert seen["total_size_bytes"] == sum(each["size_bytes"] for each in seen["artifacts"])
    assert mixed["artifacts"]["count"] == len(seen["artifacts"])
    assert mixed["artifacts"]["total_size_bytes"] == seen["total_size_bytes"]


def test_each_download_is_what_the_listing_says(daemon, mixed):
    for each in listing(daemon, mixed["id"])["artifacts"]:
        name = each["name"].encode().hex()
        reply = get(daemon, mixed, "".join(f"%{name[i : i + 2]}" for i in range(0, len(name), 2)))
        assert reply.status == 200
        assert len(reply.body) == each["size_bytes"]
        assert hashlib.sha256(reply.body).hexdigest() == each["sha256"]
        assert reply.headers["etag"] == f'"{each["sha256"]}"'
        assert reply.headers["content-type"] == "application/octet-stream"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["content-disposition"].startswith("attachment; filename=")


def test_the_digest_is_what_the_job_saw(daemon, mixed):
    digest = hashlib.sha256(get(daemon, mixed, "random.bin").body).hexdigest()
    assert jobs.output(daemon, mixed["id"]).startswith(digest)
    assert get(daemon, mixed, "inside").body == get(daemon, mixed, "random.bin").body


def test_a_directory_becomes_one_archive(daemon, mixed):
    data = get(daemon, mixed, "dir.tar.gz").body
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        names = {member.name.rstrip("/") for member in archive}
        assert {"dir/sub/file", "dir/none", "dir/link"} <= names
        assert "dir/outside" not in names
        assert archive.extractfile("dir/sub/file").read() == b"deep\n"
        assert archive.getmember("dir/sub/file").mode == 0o755
        assert archive.getmember("dir/link").linkname == "sub/file"


def test_names_in_the_header_are_quoted(daemon, mixed):
    reply = get(daemon, mixed, "na%C3%AFve%20file.txt")
    assert "filename*=UTF-8''na%C3%AFve%20file.txt" in reply.headers["content-disposition"]
    assert '"_quote_.txt"' in get(daemon, mixed, "%22quote%22.txt").headers["content-disposition"]


@pytest.mark.parametrize(
    "asked, first, last",
    [
        ("bytes=0-0", 0, 0),
        ("bytes=5-9", 5, 9),
        ("bytes=299990-", 299990, 299999),
        ("bytes=-7", 299993, 299999),
        ("bytes=100-999999999", 100, 299999),
    ],
)
def test_ranges(daemon, mixed, asked, first, last):
    whole = get(daemon, mixed, "random.bin").body
    reply = get(daemon, mixed, "random.bin", Range=asked)
    assert reply.status == 206
    assert reply.headers["content-range"] == f"bytes {first}-{last}/300000"
    assert reply.headers["content-length"] == str(last - first + 1)
    assert reply.body == whole[first : last + 1]


def test_a_range_that_is_not_there(daemon, mixed):
    reply = get(daemon, mixed, "random.bin", Range="bytes=300000-")
    assert (reply.status, reply.headers["content-range"]) == (416, "bytes */300000")


@pytest.mark.parametrize("asked", ["bytes=5-1", "bytes=x-", "lines=1-2", "bytes=--1"])
def test_a_range_that_is_none_is_ignored(daemon, mixed, asked):
    assert get(daemon, mixed, "random.bin", Range=asked).status == 200


def test_an_interrupted_download_goes_on_only_with_the_same_file(daemon, mixed):
    etag = get(daemon, mixed, "random.bin").headers["etag"]
    resumed = {"Range": "bytes=10-", "If-Range": etag}
    assert get(daemon, mixed, "random.bin", **resumed).status == 206
    assert get(daemon, mixed, "random.bin", **(resumed | {"If-Range": '"other"'})).status == 200


def test_what_the_client_has_is_not_sent_again(daemon, mixed):
    etag = get(daemon, mixed, "random.bin").headers["etag"]
    for header in (etag, f'"other", {etag}', "*", f"W/{etag}"):
        reply = get(daemon, mixed, "random.bin", **{"If-None-Match": header})
        assert (reply.status, reply.body) == (304, b"")
        assert reply.headers["etag"] == etag
    assert get(daemon, mixed, "random.bin", **{"If-None-Match": '"other"'}).status == 200


def test_head(daemon, mixed):
    reply = daemon.api.request("HEAD", f"/jobs/{mixed['id']}/artifacts/random.bin")
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "300000")


@pytest.mark.parametrize(
    "name",
    [
        "nothing",
        "outside",
        "pipe",
        "dir",
        "..%2f..%2ftoken",
        "%2e%2e",
        ".",
        "%00",
        "plain.txt%00",
        "..%2fplain.txt",
        "%2fetc%2fpasswd",
    ],
)
def test_what_is_no_artifact_is_not_found(daemon, mixed, name):
    reply = get(daemon, mixed, name)
    assert reply.status in (400, 404), reply.body
    assert b"root:" not in reply.body


def test_a_directory_and_its_archive_are_a_conflict(daemon):
    job = jobs.run(
        daemon, "cd /artifacts; mkdir out; echo 1 >out/f; echo 2 >out.tar.gz; echo 3 >other"
    )
    assert (job["status"], job["error"]) == ("failed", "artifact_name_conflict")
    assert job["message"] == "Artifact 'out.tar.gz' already exists"
    assert job["exit_code"] == 0
    names = [each["name"] for each in listing(daemon, job["id"])["artifacts"]]
    assert names == ["other", "out.tar.gz"]


@pytest.mark.parametrize(
    "command, status",
    [("echo x >/artifacts/x; exit 3", "failed"), ("echo x >/artifacts/x; kill -9 $$", "failed")],
)
def test_collected_however_the_job_ends(daemon, command, status):
    job = jobs.run(daemon, command)
    assert job["status"] == status
    assert get(daemon, job, "x").body == b"x\n"


def test_collected_when_the_job_is_cancelled(daemon):
    job_id = jobs.create(daemon, jobs.worker("echo x >/artifacts/x; echo up; exec sleep 600"))
    jobs.wait_for_output(daemon, job_id, "up")
    daemon.api.delete(f"/jobs/{job_id}")
    job = jobs.wait_for(daemon, job_id)
    assert job["status"] == "cancelled"
    assert get(daemon, job, "x").body == b"x\n"


def test_while_the_job_runs_there_are_none_yet(daemon):
    job_id = jobs.create(daemon, jobs.worker(f"echo x >/artifacts/x; echo up; {jobs.HOLD}"))
    jobs.wait_for_output(daemon, job_id, "up")
    assert listing(daemon, job_id) == {
        "artifacts": [],
        "rejected": [],
        "total_size_bytes": 0,
        "expires_at": None,
    }
    assert daemon.api.get(f"/jobs/{job_id}/artifacts/x").status == 404
    jobs.let_go(daemon, job_id)
    jobs.wait_for(daemon, job_id)
    assert [each["name"] for each in listing(daemon, job_id)["artifacts"]] == ["x"]


def test_quotas_reject_without_losing_the_rest(daemon):
    job = jobs.run(
        daemon,
        "cd /artifacts; truncate -s 401M a-large; truncate -s 2M b-small;"
        "for i in $(seq 30); do echo $i >c$i; done",
    )
    assert job["status"] == "completed"
    seen = listing(daemon, job["id"])
    names = [each["name"] for each in seen["artifacts"]]
    assert "b-small" in names and "a-large" not in names
    assert len(names) == 20
    reasons = [each["reason"] for each in seen["rejected"]]
    assert len(reasons) == 12
    assert any("is larger than" in reason for reason in reasons), reasons
    assert any("more than 20 artifacts" in reason for reason in reasons), reasons


def test_they_are_kept_as_long_as_asked(daemon):
    job = jobs.run(daemon, "echo x >/artifacts/x", keep_minutes=7)
    lasts = time_of(job["artifacts"]["expires_at"]) - time_of(job["completed_at"])
    assert abs(lasts - datetime.timedelta(minutes=7)) < datetime.timedelta(seconds=10)
    assert listing(daemon, job["id"])["expires_at"] == job["artifacts"]["expires_at"]
    log_lasts = time_of(job["log"]["expires_at"]) - time_of(job["completed_at"])
    assert abs(log_lasts - datetime.timedelta(hours=24)) < datetime.timedelta(seconds=10)


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_a_large_artifact_costs_no_memory(daemon):
    """300 MB arrive whole, and the daemon does not grow by more than 10 MB for it."""
    job = jobs.run(daemon, "head -c 314572800 /dev/urandom | tee /artifacts/big | sha256sum")
    assert job["status"] == "completed", job
    get(daemon, job, "big", Range="bytes=0-1000000")  # what a first download allocates for good
    before = processes.rss_bytes(daemon.process.pid)
    digest, peak = hashlib.sha256(), before
    connection = daemon.api.connect()
    connection.request(
        "GET",
        f"/jobs/{job['id']}/artifacts/big",
        headers={"Authorization": f"Bearer {daemon.token}"},
    )
    reply = connection.getresponse()
    while piece := reply.read(8 * 1024 * 1024):
        digest.update(piece)
        peak = max(peak, processes.rss_bytes(daemon.process.pid))
    connection.close()
    assert digest.hexdigest() in jobs.output(daemon, job["id"])
    assert peak - before < 10_000_000
