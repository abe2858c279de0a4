"""Attacks 10, 14, 17, 18, 19 and 22: the host around a job, and others on it."""

import contextlib
import os
import re
import shutil
import socket
import stat
import subprocess
import threading
import uuid

import psutil
import pytest

from flashpods_test import jobs, podman, processes
from flashpods_test.agent import agent_of
from flashpods_test.http import refusal
from flashpods_test.other_user import AS_ANOTHER_USER, as_another_user, flood_by_another_user
from flashpods_test.podman import BUSYBOX
from flashpods_test.waiting import wait_until


# 17: another local user


@pytest.fixture(scope="module")
def other_user():
    """The uid that the other user has outside."""
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv (util-linux) is needed to become another user")
    seen = as_another_user("cat", "/proc/self/uid_map", "/proc/self/status")
    if seen.returncode != 0:
        pytest.skip(f"this user has no subordinate ids: {seen.stderr.strip()}")
    # The second line of the map: ids from 1 on.
    first, outside, _ = seen.stdout.splitlines()[1].split()
    assert first == "1" and int(outside) != os.getuid()
    return int(outside)


def test_17_another_user_reads_and_changes_nothing(daemon, other_user, tree):
    with jobs.held(daemon, jobs.worker(jobs.HOLD, files_id=jobs.upload(daemon, tree))) as job_id:
        assert as_another_user("ls", daemon.state_dir).returncode != 0
        for path in (*daemon.state_dir.iterdir(), daemon.state_dir / "jobs" / job_id / "work"):
            for attack in (["cat", path], ["ls", f"{path}/"], ["touch", path], ["rm", "-rf", path]):
                assert as_another_user(*attack).returncode != 0, attack
        for process in processes.belonging_to(daemon.state_dir):
            assert as_another_user("kill", "-0", str(process.pid)).returncode != 0
            for name in ("environ", "mem", "fd/0", "cwd/", "root/"):
                path = f"/proc/{process.pid}/{name}"
                assert as_another_user("head", "-c", "1", path).returncode != 0, path


def test_17_sockets_of_ours_are_for_us(daemon, other_user):
    """Each unix socket lies in a directory that nobody else may enter, and has no abstract name."""
    with jobs.held(daemon, jobs.worker(jobs.HOLD)) as job_id:
        # Of jobs this one alone: those before it go while we look.
        places = [each for each in daemon.state_dir.iterdir() if each.name != "jobs"]
        places.append(daemon.state_dir / "jobs" / job_id)
        found = [path for each in places for path in each.rglob("*") if path.is_socket()]
        assert found
        for path in found:
            for parent in path.parents:
                if parent == daemon.state_dir.parent:
                    break
                assert stat.S_IMODE(parent.stat().st_mode) & 0o077 == 0, parent
        ours = {process.pid for process in processes.belonging_to(daemon.state_dir)}
        abstract = [each for each in psutil.net_connections("unix")
                    if each.pid in ours and str(each.laddr).startswith("@")]
        assert not abstract


CONNECT = (
    "import socket,sys\n"
    "peer = socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=30)\n"
    "peer.sendall(sys.argv[2].encode().decode('unicode_escape').encode())\n"
    "peer.shutdown(socket.SHUT_WR)\n"
    "data = b''\n"
    "while piece := peer.recv(65536): data += piece\n"
    "print(data.decode())\n"
)


def test_17_another_users_connections(daemon, other_user, tmp_path):
    """Without the token a 401; to rsync not even a greeting that could be answered."""
    told = as_another_user(
        "/usr/bin/python3", "-c", CONNECT, str(daemon.port),
        r"GET /jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    assert "HTTP/1.1 401" in told.stdout, told
    told = as_another_user("/usr/bin/python3", "-c", CONNECT, str(daemon.rsync_port), "")
    assert "Only the user who started this daemon" in told.stdout, told


MANY = (
    "import socket,sys,time\n"
    "peers = []\n"
    "for _ in range(int(sys.argv[2])):\n"
    "    peers.append(socket.create_connection(('127.0.0.1', int(sys.argv[1]))))\n"
    "print('held', flush=True)\n"
    "sys.stdin.read()\n"
)


def test_17_another_users_crowd_at_the_rsync_port(daemon, other_user, tree):
    """Its connections take none of our places, and none of our time."""
    crowd = subprocess.Popen(
        [*AS_ANOTHER_USER, "/usr/bin/python3", "-c", MANY, str(daemon.rsync_port), "300"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    try:
        assert crowd.stdout.readline() == "held\n"
        assert daemon.api.get("/jobs").status == 200
        upload_id = jobs.upload(daemon, tree)
        assert daemon.api.delete(f"/uploads/{upload_id}").status == 200
    finally:
        crowd.communicate()


def test_17_another_users_flood_at_the_rsync_port(daemon, other_user, tree):
    """Thousands of connections, closed at once: what is left of them fills the kernel's tables."""
    with flood_by_another_user(daemon.rsync_port) as flood:
        upload_id = jobs.upload(daemon, tree)
        assert flood.stdout.readline() == "more\n"
    assert daemon.api.delete(f"/uploads/{upload_id}").status == 200


# 14: tokens


def test_14_what_exists_is_told_to_nobody_without_the_token(daemon):
    """The same bytes for a job that is there and one that isn't, but for the request's id."""
    job = jobs.run(daemon, "echo x >/artifacts/x")["id"]
    unknown = "job_" + "a" * 16
    answers = set()
    for token in (None, "wrong", daemon.token[:-1], daemon.token + "0", daemon.token.swapcase()):
        for path in (f"/jobs/{job}", f"/jobs/{unknown}", f"/jobs/{job}/artifacts/x", "/nowhere"):
            reply = daemon.api.get(path, token=token)
            error = refusal(reply, 401, "unauthorized")
            error.pop("request_id", None)
            answers.add((token is None, str(sorted(error.items()))))
    assert len(answers) == 2, answers  # no token, wrong token


def test_14_the_token_of_another_daemon_opens_nothing(daemon, make_daemon):
    other = make_daemon()
    job = jobs.run(other, "true")["id"]
    refusal(other.api.get(f"/jobs/{job}", token=daemon.token), 401, "unauthorized")
    assert daemon.api.get(f"/jobs/{job}").status == 404


# 18: secrets


def test_18_values_of_a_jobs_environment_are_nowhere_on_the_host_but_in_its_own_files(daemon):
    """No argv, no environment of ours, no log; the files that hold them lie where we alone may look."""
    secret = uuid.uuid4().hex
    with jobs.held(daemon, jobs.worker(f"{jobs.HOLD}", env={"SECRET": secret})) as job_id:
        record = podman.inspect(job_id)
        # Podman shows its own user the bundle's environment; what it stores has no value.
        assert secret not in str(record["Config"]["CreateCommand"])
        assert secret not in podman.podman("ps", "--all", "--format=json").stdout
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                assert secret not in " ".join(process.cmdline()), process
                inside = process.uids().real != os.getuid() or in_a_container(process)
                assert inside or secret not in process.environ().values(), process
        assert daemon.state_dir.stat().st_mode & 0o077 == 0
    assert secret not in daemon.log


def in_a_container(process):
    try:
        return os.readlink(f"/proc/{process.pid}/ns/pid") != os.readlink("/proc/self/ns/pid")
    except PermissionError:
        return True  # nor can anybody read its environment
    except (FileNotFoundError, ProcessLookupError):
        return True  # it has ended


def test_18_a_shim_shows_its_memory_to_nobody(daemon):
    """Not dumpable: neither /proc nor a core file has what it holds (prctl(2))."""
    with jobs.held(daemon, jobs.worker(jobs.HOLD)) as job_id:
        shims = processes.shims_of(daemon.state_dir / "jobs" / job_id)
        assert shims
        for shim in shims:
            for name in ("environ", "mem", "maps", "auxv"):
                with pytest.raises(PermissionError):
                    open(f"/proc/{shim.pid}/{name}", "rb").read(1)


def test_18_the_daemon_shows_its_memory_to_nobody(daemon):
    for name in ("environ", "mem", "maps"):
        with pytest.raises(PermissionError):
            open(f"/proc/{daemon.process.pid}/{name}", "rb").read(1)


def test_18_no_secret_of_the_daemon_is_in_a_job_or_beside_it(daemon):
    """Neither in the container's files nor in any argument on the host."""
    job = jobs.run(daemon, "env; cat /proc/*/environ /proc/*/cmdline /proc/mounts 2>/dev/null")
    seen = jobs.output(daemon, job["id"])
    for secret in (daemon.token, daemon.rsync_secret):
        assert secret not in seen
        for process in psutil.process_iter(["cmdline"]):
            assert secret not in " ".join(process.info["cmdline"] or [])


# 19: networks


def test_19_what_is_private_is_unreachable_from_a_job(daemon):
    """The metadata address, private networks, and the host's own loopback through slirp."""
    places = ["169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1"]
    command = "; ".join(
        f"ip route get {place} 2>&1; nc -w 2 {place} 80 </dev/null && echo open {place}"
        for place in places
    )
    job = jobs.run(daemon, command)
    seen = jobs.output(daemon, job["id"])
    assert "open" not in seen, seen
    # busybox's ip names what the kernel says; a way through tap0 would be a line with it.
    for place in places:
        assert not re.search(rf"^{re.escape(place)}.*\btap0\b", seen, re.M), seen


def is_private(address):
    return re.match(r"(127|10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\.", address)


def test_19_a_listener_of_the_host_is_unreachable(daemon):
    """On the loopback and all private addresses. Public ones are not closed yet: docs/security.md."""
    addresses = {"127.0.0.1", "10.0.2.2"}
    for entries in psutil.net_if_addrs().values():
        addresses |= {each.address for each in entries if each.family == socket.AF_INET}
    with socket.create_server(("0.0.0.0", 0)) as listener:
        threading.Thread(target=hang_up, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        assert socket.create_connection(("127.0.0.1", port), timeout=30).recv(1) == b""
        command = " ".join(
            f"(nc -w 2 {each} {port} </dev/null && echo open {each}) &"
            for each in filter(is_private, addresses)
        )
        # The control: a listener in the container itself is found.
        job = jobs.run(daemon, f"""{command} wait
            nc -l -p 7778 </dev/null &
            until nc -w 2 127.0.0.1 7778 </dev/null 2>/dev/null; do sleep 0.1; done; echo probed""")
        assert [line for line in jobs.output(daemon, job["id"]).splitlines()
                if not line.startswith("nc:")] == ["probed"]


def hang_up(listener):
    """Takes every connection and ends it, so that whoever made it knows."""
    with contextlib.suppress(OSError):
        while True:
            listener.accept()[0].close()


def test_19_abstract_sockets_of_the_host_are_out_of_sight(daemon, worker_image):
    name = f"hostile-{uuid.uuid4().hex}"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"\0{name}")
    listener.listen()
    script = (
        "import socket\n"
        "peer = socket.socket(socket.AF_UNIX)\n"
        f"try: peer.connect(chr(0) + '{name}'); print('open')\n"
        "except OSError as error: print('closed', error.errno)\n"
    )
    for network in ("internet", "none"):
        job = jobs.run(daemon, f"python3 -c \"{script}\"", image=worker_image, network=network)
        assert jobs.output(daemon, job["id"]).startswith("closed"), network
    listener.close()


def test_19_no_container_socket_is_in_a_job(daemon):
    """podman.sock of this user exists or not: there is no way to it."""
    job = jobs.run(
        daemon, "find / -xdev -type s 2>/dev/null; ls /run/podman /run/user /var/run/docker.sock; true"
    )
    seen = jobs.output(daemon, job["id"])
    assert ".sock\n" not in seen.replace("ls: /var/run/docker.sock: No such file or directory\n", "")


@pytest.mark.parametrize("host", ["evil.example.com", "169.254.169.254", "localhost.evil.com:80"])
def test_19_a_name_that_was_rebound_to_us_gets_nothing(daemon, host):
    """A page in a browser has no token, and no reply lets it read one (no CORS)."""
    for origin in ("http://evil.example.com", "null"):
        headers = {"Host": host, "Origin": origin}
        reply = daemon.api.get("/jobs", token=None, headers=headers)
        refusal(reply, 401, "unauthorized")
        for each in (reply, daemon.api.get("/health", token=None, headers=headers)):
            assert not [name for name in each.headers if name.startswith("access-control-")]
        preflight = daemon.api.request("OPTIONS", "/jobs", token=None, headers=headers)
        assert preflight.status in (401, 405)


# 22: containers behind our back


FOREIGN = ("run", "-d", "--network=none")


def test_22_a_container_removed_and_made_again_by_somebody_else(fresh_daemon):
    """The name alone makes no job: the other one is neither taken for it nor removed."""
    daemon = fresh_daemon
    job_id = jobs.create(daemon, jobs.worker(f"echo ours; {jobs.HOLD}"))
    jobs.wait_for_output(daemon, job_id, "ours")
    jobs.wait_for(daemon, job_id, {"running"})
    daemon.stop()
    shims = processes.shims_of(daemon.state_dir)
    for shim in shims:
        shim.suspend()  # it learns of both at once
    try:
        podman.podman("rm", "--force", "--time=0", job_id)
        podman.podman(*FOREIGN, f"--name={job_id}", BUSYBOX, "sleep", "600")
        for shim in shims:
            shim.resume()
        daemon.start()
        job = jobs.wait_for(daemon, job_id)
        assert job["status"] == "failed" and job["exit_code"] in (None, 137), job
        assert jobs.output(daemon, job_id) == "ours\n"
        jobs.wait_for(daemon, job_id)
        assert daemon.api.delete(f"/jobs/{job_id}").status in (200, 409)
        daemon.restart()
        assert podman.inspect(job_id)["State"]["Running"], "somebody else's container was ended"
    finally:
        podman.podman("rm", "--force", "--time=0", "--ignore", job_id)


def test_22_their_process_ids_are_somebody_elses_by_now(fresh_daemon):
    """Container and conmon ended unseen: whoever has their numbers is not waited for, nor killed."""
    daemon = fresh_daemon
    job_id = jobs.create(daemon, jobs.worker(f"echo up; {jobs.HOLD}; exit 5"))
    jobs.wait_for_output(daemon, job_id, "up")
    jobs.wait_for(daemon, job_id, {"running"})
    state = podman.inspect(job_id)["State"]
    daemon.kill()
    for each in processes.shims_of(daemon.state_dir):
        each.kill()
    jobs.let_go(daemon, job_id)
    gone = [state["Pid"], state["ConmonPid"]]
    wait_until(lambda: all(map(processes.is_dead, gone)), what="the end of both")
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            for name in ("conmon.pid", "container.pid"):
                (daemon.state_dir / "jobs" / job_id / name).write_text(str(stranger.pid))
            daemon.start()
            job = jobs.wait_for(daemon, job_id)
            assert (job["status"], job["error"], job["exit_code"]) == ("failed", "exit", 5), job
            jobs.wait_until_removed(job_id)
            assert stranger.poll() is None
        finally:
            stranger.kill()


SQUATTER = """#!/bin/sh
# Takes the name of each job's container before the job's own podman comes.
case " $* " in
  *" run -d --name job_"*)
    name=$(echo "$*" | sed 's/.* --name \\(job_[a-z0-9]*\\) .*/\\1/')
    {podman} run -d --network=none --name "$name" {image} sleep 600 >/dev/null 2>&1 ;;
esac
exec {podman} "$@"
"""


def test_22_a_name_that_is_taken_already(make_daemon, tmp_path):
    """The start fails and says so; whoever has the name keeps it."""
    wrapper = tmp_path / "podman"
    wrapper.write_text(SQUATTER.format(podman=shutil.which("podman"), image=BUSYBOX))
    wrapper.chmod(0o755)
    daemon = make_daemon(environment={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    job_id = jobs.create(daemon, jobs.worker("echo never"))
    try:
        job = jobs.wait_for(daemon, job_id)
        assert (job["status"], job["error"]) == ("failed", "container_start_failed"), job
        daemon.restart()  # it sweeps at its start
        assert podman.inspect(job_id)["State"]["Running"], "somebody else's container was ended"
    finally:
        podman.podman("rm", "--force", "--time=0", "--ignore", job_id)


# 10: a working copy that attacks whoever sends it


HOSTILE_GIT = """[core]
\tfsmonitor = touch {marker}
\thooksPath = {hooks}
\tsshCommand = touch {marker}
\tpager = touch {marker}
\teditor = touch {marker}
\tuntrackedCache = true
[alias]
\tls-files = !touch {marker}
[filter "evil"]
\tclean = touch {marker}
\tsmudge = touch {marker}
\tprocess = touch {marker}
[diff "evil"]
\ttextconv = touch {marker}
\tcommand = touch {marker}
[include]
\tpath = /etc/passwd
"""


@pytest.mark.anyio
@pytest.mark.parametrize("gitignore", [False, True])
async def test_10_a_hostile_git_directory_runs_nothing(daemon, tmp_path, gitignore):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    project = tmp_path / "project"
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    marker, hooks = tmp_path / "ran", project / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "post-checkout", "post-index-change", "fsmonitor-watchman"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (hooks / name).chmod(0o755)
    config = HOSTILE_GIT.format(marker=marker, hooks=hooks)
    if gitignore:
        config = config.replace("[include]\n\tpath = /etc/passwd\n", "")
    with open(project / ".git" / "config", "a") as file:
        file.write(config)
    (project / ".gitattributes").write_text("* filter=evil diff=evil\n")
    (project / "file.txt").write_text("sent\n")
    async with agent_of(daemon, project) as agent:
        ended = await agent.run(
            command="cat file.txt; ls -A /work", image=BUSYBOX,
            files={"local_path": "."}, gitignore=gitignore,
        )
        seen = await agent.data("get_job_output", job_id=ended["job_id"])
    assert "sent" in seen["output"] and ".git\n" not in seen["output"] + "\n"
    assert not marker.exists()
