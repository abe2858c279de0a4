"""Attacks 1, 6, 9 and 12 on uploads: trees, options and peers that no honest rsync would send."""

import os
import pathlib
import shutil
import socket
import stat
import subprocess
import tempfile

import pytest

from flashpods_test import jobs, processes, uploads
from flashpods_test.http import refusal
from flashpods_test.waiting import wait_until

ROOM = "[capacity]\ncpus = 64\nmemory_gb = 256\n"
MEGABYTE = 1024 * 1024


def raw_rsync(daemon, *arguments, **options):
    """rsync with exactly these arguments; {} stands for the module's URL."""
    environment = daemon.client_environment()
    words = [word.replace("{}", environment["FLASHPODS_RSYNC_URL"]) for word in arguments]
    return subprocess.run(
        ["rsync", *words], env=environment, capture_output=True, timeout=120,
        stdin=subprocess.DEVNULL, **options,
    )


def send(daemon, source, upload_id, *options):
    return raw_rsync(daemon, "-a", *options, f"{source}/", f"{{}}/{upload_id}/")


def finalize(daemon, upload_id):
    reply = daemon.api.post(f"/uploads/{upload_id}/finalize")
    assert reply.status == 200, reply.body
    return reply.json()


def arrived(daemon, upload_id):
    """Where a finalized upload lies."""
    return daemon.state_dir / "sealed" / upload_id


def assert_still_takes_uploads(daemon, tree):
    upload_id = jobs.upload(daemon, tree)
    job = jobs.run(daemon, "cat hello.txt", files_id=upload_id)
    assert jobs.output(daemon, job["id"]) == "hello\n"


# Options: what reaches the server is what matters, so most go there past the client (-M)


@pytest.fixture
def outside():
    """A directory that the daemon's user may write, beside everything of the daemon's."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="fp-outside-", dir="/tmp"))
    yield directory
    shutil.rmtree(directory)


REACHING_OUT = [
    "-M--backup -M--backup-dir=OUTSIDE",
    "-b --backup-dir=OUTSIDE",
    "-M--temp-dir=OUTSIDE",
    "-M-T -MOUTSIDE",
    "--temp-dir=/etc",
    "-M--partial-dir=OUTSIDE",
    "-M--log-file=OUTSIDE/log",
    "-M--log-file-format=x",
    "-M--compare-dest=OUTSIDE",
    "-M--copy-dest=OUTSIDE",
    "-M--link-dest=OUTSIDE",
    "-M--write-batch=OUTSIDE/batch",
    "-M--only-write-batch=OUTSIDE/batch",
    "-M--read-batch=OUTSIDE/batch",
    "-M--files-from=/etc/passwd",
    "-M--exclude-from=/etc/passwd",
    "-M--include-from=/etc/passwd",
    "-M--filter=merge_/etc/passwd",
    "-M--password-file=/etc/passwd",
    "-M--write-devices",
    "-M--copy-devices",
    "-M--inplace",
    "-M--append",
    "-M--append-verify",
    "-M--keep-dirlinks",
    "-MK",
    "-M-K",
    "-M--copy-unsafe-links",
    "-M--no-munge-links",
    "-M--munge-links",
    "-M--super",
    "-M--fake-super",
    "-M--chmod=u+s",
    "-M--chown=root:root",
    "-M--usermap=*:root",
    "-M--iconv=utf8,latin1",
    "-M--rsh=sh",
    "-M--rsync-path=/bin/sh",
    "-M--config=OUTSIDE/conf",
    "-M--daemon",
    "-M--dparam=path=/",
    "-M--no-detach",
    "-M--server -M--sender",
    "-M--sender",
    "-M--remote-option=--sender",
    "-M--preallocate",
    "-M--fuzzy",
    "-M--mkpath",
    "-M--suffix=/../../x",
    "-M--stop-after=1",
    "-M--xattrs",
    "-M--acls",
    "-M--hard-links=x",
]


@pytest.mark.parametrize("protect", [(), ("-s",)], ids=["plain", "secluded"])
@pytest.mark.parametrize("words", REACHING_OUT)
def test_09_options_reach_nothing_outside(daemon, tree, outside, words, protect):
    """Refused, whether the options come at once or after the first ones (-s)."""
    options = [word.replace("OUTSIDE", str(outside)).replace("_", " ") for word in words.split()]
    upload_id = jobs.new_upload_id()
    done = send(daemon, tree, upload_id, *protect, *options)
    assert done.returncode != 0, done
    assert not list(outside.iterdir())
    assert not list((daemon.state_dir / "uploads").rglob("hello.txt"))


def test_09_these_tests_would_see_an_option_that_is_let_through(daemon, tree):
    """The control: the same call with options that are allowed arrives."""
    upload_id = jobs.new_upload_id()
    assert send(daemon, tree, upload_id, "-s", "-M--stats").returncode == 0
    there = daemon.state_dir / "uploads" / upload_id / "hello.txt"
    wait_until(there.exists, what="the upload's return from its transfer")


@pytest.mark.parametrize(
    "rule",
    ["merge,- ../../../../token", ":- ../../../../token", "dir-merge,- /../../token",
     ": ../../../../rsync.secret", ":C"],
)
def test_09_filter_files_tell_nothing_of_ours(daemon, tree, rule):
    """A rule may name a file to be read on the server's side: never one of the daemon's."""
    upload_id = jobs.new_upload_id()
    jobs.rsync(daemon, tree, upload_id)
    done = send(daemon, tree, upload_id, "--delete", f"--filter={rule}")
    told = (done.stdout + done.stderr).decode(errors="replace")
    assert daemon.token not in told and daemon.rsync_secret not in told


@pytest.mark.parametrize("option", ["-L", "-k", "-H", "-S", "-O", "-J", "-E", "--no-o", "-D"])
def test_09_options_of_the_sender_alone_do_no_harm(daemon, tree, option):
    upload_id = jobs.new_upload_id()
    done = send(daemon, tree, upload_id, option)
    assert done.returncode == 0 or b"not allowed" in done.stderr + done.stdout, done
    assert_still_takes_uploads(daemon, tree)


@pytest.mark.parametrize(
    "target",
    ["upload_x/../upload_y", "upload_x/..", "upload_x//..//..", "upload_x/./../../y",
     "upload_x%2f..", "upload_x\n/../y", "upload_\x1b[31m", "~/x", "~root/x",
     "upload_x/$(touch OUTSIDE)", "upload_{a,b}"],
)
def test_01_paths_that_climb_are_refused(daemon, tree, outside, target):
    path = target.replace("OUTSIDE", str(outside / "made"))
    done = raw_rsync(daemon, "-a", f"{tree}/", f"{{}}/{path}/")
    assert done.returncode != 0, done
    assert not list(outside.iterdir())
    assert not list(daemon.state_dir.glob("*/upload_y"))


def test_02_the_hook_takes_hostile_arguments_as_data(daemon, tree, outside):
    """What a client sends is in the hook's environment and question, never in a command."""
    for word in ("$(touch OUTSIDE/a)", "`touch OUTSIDE/b`", "';touch OUTSIDE/c;'", "%n%s", "\n{}"):
        option = "-M--" + word.replace("OUTSIDE", str(outside))
        assert send(daemon, tree, jobs.new_upload_id(), option).returncode != 0
    assert not list(outside.iterdir())
    assert_still_takes_uploads(daemon, tree)


# Trees


def test_06_fifos_sockets_and_devices_block_nothing(daemon, tree):
    """They arrive as what they are, devices not at all; nothing of ours opens them."""
    os.mkfifo(tree / "fifo")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tree / "socket"))
    os.mknod(tree / "device", stat.S_IFCHR | 0o600, 0)  # 0:0, which everybody may make
    upload_id = jobs.new_upload_id()
    send(daemon, tree, upload_id, "-D")
    finalize(daemon, upload_id)
    kinds = {each.name: stat.S_IFMT(each.lstat().st_mode)
             for each in arrived(daemon, upload_id).iterdir()}
    assert "device" not in kinds
    assert kinds.get("fifo", stat.S_IFIFO) == stat.S_IFIFO
    job = jobs.run(daemon, "cat hello.txt; find . -type c -o -type b", files_id=upload_id)
    assert jobs.output(daemon, job["id"]) == "hello\n"
    assert job["status"] == "completed"


def test_06_hard_links_stay_inside_and_count_once(daemon, tmp_path):
    source = tmp_path / "linked"
    source.mkdir()
    (source / "one").write_bytes(os.urandom(MEGABYTE))
    for number in range(50):
        os.link(source / "one", source / f"again-{number}")
    upload_id = jobs.new_upload_id()
    assert send(daemon, source, upload_id, "-H").returncode == 0
    finalize(daemon, upload_id)
    inodes = {each.stat().st_ino for each in arrived(daemon, upload_id).iterdir()}
    assert len(inodes) == 1
    assert next(arrived(daemon, upload_id).iterdir()).stat().st_nlink == 51


def test_06_a_hard_link_to_a_file_of_ours_is_not_made(daemon, tree):
    """The client names the files to be linked by their place in its list: only what it sent."""
    upload_id = jobs.new_upload_id()
    os.symlink(daemon.state_dir / "token", tree / "token")
    assert send(daemon, tree, upload_id, "-H").returncode == 0
    finalize(daemon, upload_id)
    assert (daemon.state_dir / "token").stat().st_nlink == 1
    assert (arrived(daemon, upload_id) / "token").is_symlink()


def test_06_links_are_no_way_in_for_the_daemon(daemon, tree):
    """Sealing, measuring, moving and removing never follow what was uploaded."""
    victim = pathlib.Path(tempfile.mkdtemp(prefix="fp-victim-", dir="/tmp"))
    (victim / "kept").write_text("kept")
    before = (victim.stat().st_mode, (victim / "kept").stat().st_mtime_ns)
    os.symlink(victim, tree / "directory")
    os.symlink(victim / "kept", tree / "file")
    os.symlink("/proc/self/root", tree / "root")
    os.symlink("../" * 40 + "etc", tree / "up")
    os.symlink("loop", tree / "loop")
    try:
        upload_id = jobs.upload(daemon, tree)
        job = jobs.run(daemon, "ls -l", files_id=upload_id, workspace="scratch")
        assert job["status"] == "completed"
        wait_until(lambda: not uploads.on_disk(daemon, upload_id), what="the files' removal")
        other = jobs.upload(daemon, tree)
        assert daemon.api.delete(f"/uploads/{other}").status == 200
        assert (victim / "kept").read_text() == "kept"
        assert (victim.stat().st_mode, (victim / "kept").stat().st_mtime_ns) == before
    finally:
        shutil.rmtree(victim)


HOSTILE_NAMES = [
    b"new\nline", b"tab\tand\rreturn", b"\x1b[2J\x1b]0;owned\x07", b"\xff\xfe\x80", b"x" * 255,
    b" ", b"-rf", b"--help", b"$(reboot)", b"`reboot`", b"a'b\"c", b"*", b"\\", b"~",
    "\u202eexe.txt".encode(), b"con", b"...", b".link-upload_x", b".~tmp~", b"%n%s%d", b"#",
]


def test_06_names_arrive_byte_for_byte(daemon, tmp_path):
    source = tmp_path / "names"
    source.mkdir()
    for name in HOSTILE_NAMES:
        (pathlib.Path(os.fsdecode(os.fsencode(source) + b"/" + name))).write_bytes(name)
    upload_id = jobs.upload(daemon, source)
    assert sorted(os.listdir(os.fsencode(arrived(daemon, upload_id)))) == sorted(HOSTILE_NAMES)
    # Each file holds its own name, also as a job sees it.
    job = jobs.run(
        daemon, r"""set -- * .[!.]* ...; for f do [ -e "$f" ] || continue;
        printf %s "$f" | cmp -s - "./$f" && n=$((n+1)); done; echo $n""", files_id=upload_id,
    )
    assert jobs.output(daemon, job["id"]).split()[-1] == str(len(HOSTILE_NAMES)), job
    daemon.api.get("/health")
    assert "\x1b" not in daemon.log


def make_deep(root, depth):
    """A chain of directories, deeper than a path can name, with a file in the last."""
    root.mkdir()
    at = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d" * 20, dir_fd=at)
        inner = os.open("d" * 20, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)


def finalized(daemon, upload_id):
    """The reply, or None while the transfer has not come to its end."""
    reply = daemon.api.post(f"/uploads/{upload_id}/finalize")
    return None if reply.status == 409 else reply


@pytest.mark.parametrize("depth", [150, 400])
def test_06_deep_trees_are_taken_or_refused_and_removed(daemon, tree, tmp_path, depth):
    """150 levels fit in a path; 400 do not."""
    make_deep(tmp_path / "deep", depth)
    upload_id = jobs.new_upload_id()
    done = send(daemon, tmp_path / "deep", upload_id)
    assert (done.returncode == 0) == (depth == 150), done.stderr
    reply = wait_until(lambda: finalized(daemon, upload_id), what="the end of the transfer")
    if depth == 150:
        assert reply.status == 200, reply.body
    else:  # what came before rsync gave up has paths that no job could name
        refusal(reply, 400, "path_too_long")
    assert daemon.api.delete(f"/uploads/{upload_id}").status == 200
    wait_until(lambda: not uploads.on_disk(daemon, upload_id), what="its removal")
    assert_still_takes_uploads(daemon, tree)
    subprocess.run(["rm", "-rf", tmp_path / "deep"], check=True)


def make_long_path(root):
    """4070 bytes: rsync can name it from within the upload, nobody from above."""
    root.mkdir()
    at = os.open(root, os.O_RDONLY)
    for name in ["d" * 20] * 190 + ["e" * 80]:
        os.mkdir(name, dir_fd=at)
        inner = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)


def test_06_a_path_too_long_for_a_job_is_its_own_uploads_problem(daemon, tree, tmp_path):
    make_long_path(tmp_path / "long")
    upload_id = jobs.new_upload_id()
    send(daemon, tmp_path / "long", upload_id)
    there = daemon.state_dir / "uploads" / upload_id
    wait_until(there.exists, what="the upload's return")
    assert_still_takes_uploads(daemon, tree)
    reply = daemon.api.post(f"/uploads/{upload_id}/finalize")
    assert (reply.status, reply.json()["error"]) == (400, "path_too_long"), reply.body
    assert daemon.api.delete(f"/uploads/{upload_id}").status == 200
    wait_until(lambda: not there.exists(), what="its removal")
    subprocess.run(["rm", "-rf", tmp_path / "long"], check=True)


# Sizes


@pytest.fixture
def giant():
    """8 EiB less one byte, which costs its sender nothing."""
    source = pathlib.Path(tempfile.mkdtemp(prefix="fp-sparse-", dir="/dev/shm"))
    with open(source / "giant", "wb") as file:
        file.truncate(2**63 - 1)
    yield source
    shutil.rmtree(source)


@pytest.mark.parametrize(
    "options", [(), pytest.param(("-S",), marks=pytest.mark.long),
                pytest.param(("-z",), marks=pytest.mark.long)], ids=["plain", "sparse", "packed"],
)
def test_06_a_sparse_giant_is_cut_at_the_limit(make_daemon, tree, giant, options):
    """rsync throws away what it may not write, and would do so without end."""
    daemon = make_daemon(ROOM + "[uploads]\nmax_upload_mb = 4\n")
    upload_id = jobs.new_upload_id()
    sender = subprocess.Popen(
        ["rsync", "-a", *options, f"{giant}/", f"{daemon.rsync_url}/{upload_id}/"],
        env=daemon.client_environment(), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )
    try:
        ends = ("File too large", "transfer_over_quota")  # what rsync says of it, or we
        wait_until(lambda: any(each in daemon.log for each in ends), 120, "the cut")
        assert_still_takes_uploads(daemon, tree)
        assert sender.wait(120) != 0
        wait_until(lambda: not transfers(daemon), what="the transfer's end")
    finally:
        sender.kill()
        sender.wait()


def test_06_a_sparse_giant_is_not_taken_packed(daemon, giant):
    """Nothing would ever be written, and next to nothing read."""
    done = send(daemon, giant, jobs.new_upload_id(), "-zS")
    assert done.returncode != 0 and b"Leave out -S or -z" in done.stdout + done.stderr, done


def test_06_a_sparse_giant_can_be_deleted(make_daemon, tree, giant):
    daemon = make_daemon(ROOM)
    upload_id = jobs.new_upload_id()
    sender = subprocess.Popen(
        ["rsync", "-aS", f"{giant}/", f"{daemon.rsync_url}/{upload_id}/"],
        env=daemon.client_environment(), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: uploads.state(daemon, upload_id) == "uploading", what="its begin")
        assert daemon.api.delete(f"/uploads/{upload_id}").status == 200
        assert sender.wait(120) != 0
    finally:
        sender.kill()
        sender.wait()


def transfers(daemon):
    """rsync processes of the daemon."""
    return processes.children_named(daemon.process.pid, "rsync")


def many_files(daemon, tree, tmp_path, most, sent):
    """More files than allowed: what is kept meanwhile is bounded, and goes away."""
    source = tmp_path / "many"
    for directory in range(sent // 1000):
        (source / str(directory)).mkdir(parents=True)
        for number in range(1000):
            (source / str(directory) / str(number)).touch()
    upload_id = jobs.new_upload_id()
    done = send(daemon, source, upload_id)
    reply = daemon.api.post(f"/uploads/{upload_id}/finalize")
    assert reply.status == 507, (done, reply.body)
    assert daemon.api.delete(f"/uploads/{upload_id}").status == 200
    wait_until(lambda: not uploads.on_disk(daemon, upload_id), 120, "the files' removal")
    assert_still_takes_uploads(daemon, tree)


def test_06_more_files_than_allowed(make_daemon, tree, tmp_path):
    daemon = make_daemon(ROOM + "[uploads]\nmax_files = 500\n")
    many_files(daemon, tree, tmp_path, 500, 3000)


def test_06_more_directories_than_allowed(make_daemon, tree, tmp_path):
    daemon = make_daemon(ROOM + "[uploads]\nmax_files = 500\n")
    source = tmp_path / "hollow"
    for number in range(3000):
        (source / str(number)).mkdir(parents=True)
    upload_id = jobs.new_upload_id()
    send(daemon, source, upload_id)
    reply = wait_until(lambda: finalized(daemon, upload_id), what="the end of the transfer")
    assert reply.status == 507, reply.body
    again = send(daemon, tree, upload_id)
    assert b"files and directories already" in again.stdout + again.stderr, again
    assert daemon.api.delete(f"/uploads/{upload_id}").status == 200
    assert_still_takes_uploads(daemon, tree)


@pytest.mark.long
def test_06_a_hundred_thousand_empty_files(make_daemon, tree, tmp_path):
    daemon = make_daemon(ROOM + "[uploads]\nmax_files = 20000\n")
    many_files(daemon, tree, tmp_path, 20_000, 100_000)


# Peers that only look like rsync

GREETING = b"@RSYNCD: 31.0 sha512 sha256 sha1 md5 md4\n"
RUBBISH = {
    "nothing": b"",
    "zeros": b"\0" * 70_000,
    "noise": bytes(range(256)) * 300,
    "no newline": b"@RSYNCD: 31.0" + b"9" * 70_000,
    "a future version": b"@RSYNCD: 99999999999999999999.9\n",
    "a negative version": b"@RSYNCD: -1.-1\n",
    "an old version": b"@RSYNCD: 20\nuploads\n",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "another module": GREETING + b"../etc\n",
    "a module that is a path": GREETING + b"uploads/../../../etc\n",
    "a long module": GREETING + b"u" * 70_000 + b"\n",
    "a list": GREETING + b"#list\n",
    "an unknown command": GREETING + b"#shutdown\n",
    "early input": GREETING + b"#early_input=4000\n" + b"x" * 4000 + b"uploads\n",
    "too much early input": GREETING + b"#early_input=999999999\n" + b"x" * 4000,
    "negative early input": GREETING + b"#early_input=-1\nuploads\n",
    "rubbish for an answer": GREETING + b"uploads\n\xff\xff\xff\xff\n" + b"\0" * 1000,
    "a wrong answer": GREETING + b"uploads\nflashpods AAAAAAAAAAAAAAAAAAAAAA\n--server\0.\0\0",
    "no user": GREETING + b"uploads\n\n\n",
    "arguments instead": GREETING + b"--server\n--daemon\n.\n",
}


def talk(daemon, data):
    """Everything that comes back; a peer that is cut off hears less, and that is all."""
    with socket.create_connection(("127.0.0.1", daemon.rsync_port), timeout=60) as peer:
        try:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: peer.recv(65536), b""))
        except (ConnectionResetError, BrokenPipeError):
            return b""


@pytest.mark.parametrize("data", RUBBISH.values(), ids=RUBBISH.keys())
def test_09_peers_that_speak_no_rsync_are_let_go(daemon, tree, data):
    told = talk(daemon, data)
    assert daemon.rsync_secret.encode() not in told
    assert b"uploads\t" not in told
    wait_until(lambda: not transfers(daemon), what="the end of its process")
    assert not list((daemon.state_dir / "uploads").glob("*/evil"))


def test_09_after_all_of_them_uploads_go_on(daemon, tree):
    for data in RUBBISH.values():
        talk(daemon, data)
    assert_still_takes_uploads(daemon, tree)


def test_12_half_open_peers_are_ten_at_most_and_leave_no_trace(daemon, tree):
    """Ten hold all places; the next is told so, and served when they leave."""
    begun = [b"", b"@RSYNCD: 31.0", GREETING, GREETING + b"uploads\n"]
    peers = [socket.create_connection(("127.0.0.1", daemon.rsync_port)) for _ in range(10)]
    for number, peer in enumerate(peers):
        peer.sendall(begun[number % len(begun)])
    wait_until(lambda: len(transfers(daemon)) == 10, what="ten processes")
    done = send(daemon, tree, jobs.new_upload_id())
    assert b"There are 10 transfers already" in done.stdout + done.stderr
    assert daemon.api.get("/jobs").status == 200
    for peer in peers:
        peer.close()
    wait_until(lambda: not transfers(daemon), what="the end of their processes")
    assert_still_takes_uploads(daemon, tree)
    assert not list((daemon.state_dir / "transfers").iterdir())


@pytest.mark.long
def test_12_who_does_not_log_in_is_cut_after_a_minute(daemon, tree):
    """A byte now and then is not logging in."""
    with socket.create_connection(("127.0.0.1", daemon.rsync_port), timeout=60) as peer:
        wait_until(lambda: transfers(daemon), what="its process")
        def drip():
            try:
                peer.send(b"@")
            except OSError:
                pass
            return not transfers(daemon)
        wait_until(drip, timeout=150, what="its end", interval=1)
    assert_still_takes_uploads(daemon, tree)
