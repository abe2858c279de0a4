"""`flashpods up` and `down`: a server of one's own, and what a shell finds in D/env."""

import json
import os
import stat
import subprocess

import psutil
import pytest

from flashpods_test import podman, processes
from flashpods_test.command_line import CommandLine
from flashpods_test.podman import BUSYBOX
from flashpods_test.programs import clean_environment, sanitizer_environment
from flashpods_test.waiting import wait_until


class LocalMode:
    """A state directory for `flashpods up`, and all that came of it removed at the end."""

    def __init__(self, root):
        self.root, self.state = root, root / "state"
        (root / "san").mkdir()
        self.environment = clean_environment(
            **sanitizer_environment(root / "san"), HOME=os.environ["HOME"]
        )
        self.cli = CommandLine(self.environment, root)

    def up(self, *more):
        return self.cli.json("up", "--state-dir", self.state, "--port", 0, "--rsync-port", 0, *more)

    def down(self, *more):
        return self.cli.json("down", "--state-dir", self.state, *more)

    def sourced(self):
        """The environment of a shell that has read D/env."""
        done = subprocess.run(
            ["sh", "-c", 'set -a; . "$1"; env -0', "sh", str(self.state / "env")],
            env=self.environment, check=True, capture_output=True,
        )
        return dict(item.split("=", 1) for item in done.stdout.decode().split("\0") if item)

    def client(self):
        return CommandLine(self.sourced(), self.root)

    def close(self):
        processes.end_all(self.state)
        podman.remove_containers_of(self.state)
        reports = [path.read_text() for path in (self.root / "san").iterdir()]
        podman.remove_tree(self.root)
        assert not reports, "\n".join(reports)


@pytest.fixture
def local(images, short_path):
    mode = LocalMode(short_path)
    yield mode
    mode.close()


@pytest.fixture
def short_path(tmp_path_factory):
    """Sockets are in the state directory: its path must stay short."""
    path = tmp_path_factory.getbasetemp().parent / f"fp-up-{os.getpid()}"
    podman.remove_tree(path)
    path.mkdir()
    return path


def runs(pid):
    """Whether it does: what nobody has reaped yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_up_starts_a_healthy_server_and_down_stops_it(local):
    started = local.up()
    assert started["already_running"] is False
    assert psutil.Process(started["pid"]).name() == "flashpodsd"
    assert started["url"].startswith("http://127.0.0.1:")
    assert stat.S_IMODE(local.state.stat().st_mode) == 0o700
    assert stat.S_IMODE((local.state / "env").stat().st_mode) == 0o600
    assert local.client().json("ps") == []

    stopped = local.down()
    assert stopped["was_running"] is True
    assert not runs(started["pid"])
    assert not (local.state / "env").exists()


def test_up_twice_leaves_the_first_alone(local):
    first = local.up()
    second = local.up()
    assert second["already_running"] is True
    assert (second["pid"], second["url"]) == (first["pid"], first["url"])
    words = local.cli.out("up", "--state-dir", local.state)
    assert "runs already" in words and first["url"] in words


def test_the_servers_log_does_not_grow_without_bound(local):
    local.state.mkdir(mode=0o700)
    log = local.state / "flashpodsd.log"
    log.write_bytes(b"old\n" * (3 << 20))
    local.up()
    assert log.stat().st_size < 1 << 20
    assert log.with_name("flashpodsd.log.1").stat().st_size >= 12 << 20


def test_two_at_once_start_one(local):
    both = [
        local.cli.start("up", "--json", "--state-dir", local.state, "--port", 0, "--rsync-port", 0)
        for _ in range(2)
    ]
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    assert answers[0]["pid"] == answers[1]["pid"]
    assert sorted(answer["already_running"] for answer in answers) == [False, True]


def test_down_without_a_server_says_so(local):
    assert local.down()["was_running"] is False
    assert "no server runs" in local.cli.out("down", "--state-dir", local.state)


def test_the_environment_serves_rsync_and_curl(local, tree):
    local.up()
    script = """
        set -eu
        . "$1/env"
        call() { curl -fsS -H "Authorization: Bearer $FLASHPODS_API_TOKEN" "$@"; }
        rsync -avz --delete "$2/" "$FLASHPODS_RSYNC_URL/upload_by-hand/" >&2
        call -X POST "$FLASHPODS_URL/uploads/upload_by-hand/finalize" >&2
        call -H 'Content-Type: application/json' "$FLASHPODS_URL/jobs" -d '{
          "client_job_id": "by-hand", "type": "worker", "files_id": "upload_by-hand",
          "command": "cat /work/hello.txt; /work/src/build.sh", "image": "'"$3"'"}' >&2
        until call "$FLASHPODS_URL/jobs/by-hand" | grep -q '"outcome": *"completed"'; do
          sleep 0.2
        done
        call "$FLASHPODS_URL/jobs/by-hand/output?tail=10&raw=1"
        call "$FLASHPODS_URL/jobs/by-hand/artifacts/result.txt"
    """
    done = subprocess.run(
        ["sh", "-c", script, "sh", local.state, tree, BUSYBOX],
        env=local.environment, capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stderr
    output, artifact = done.stdout.split()
    assert (output, artifact) == ("hello", "built")


def container_runs(job):
    found = podman.podman("ps", "--format", "{{.Names}}", check=False).stdout.split()
    return job in found


def detached(local, *command):
    return local.client().json("run", "--detach", "--image", BUSYBOX, "--cpus", "1",
                               "--memory", "1", "--", *command)["job_id"]


def test_down_leaves_jobs_running_and_the_next_up_finds_them(local):
    local.up()
    job = detached(local, "echo before; until [ -e /tmp/go ]; do sleep 0.1; done; exit 5")
    wait_until(lambda: "before" in local.client().out("logs", job), what="the job's first line")
    wait_until(lambda: local.client().json("status", job)["status"] == "running", what="running")
    local.down()
    assert container_runs(job)
    local.up()
    assert local.client().json("status", job)["status"] == "running"
    podman.podman("exec", job, "touch", "/tmp/go")
    [ended] = local.client().json("wait", job, code=5)
    assert (ended["status"], ended["exit_code"]) == ("failed", 5)


def test_a_job_that_ends_while_the_server_is_down_is_not_lost(local):
    local.up()
    job = detached(local, "until [ -e /tmp/go ]; do sleep 0.1; done; echo kept >/artifacts/x")
    wait_until(lambda: local.client().json("status", job)["status"] == "running", what="running")
    local.down()
    podman.podman("exec", job, "touch", "/tmp/go")
    wait_until(lambda: not container_runs(job), what="the container's end")
    local.up()
    local.client().run("wait", job)
    local.client().run("get", job, "x", "-o", local.root / "x")
    assert (local.root / "x").read_text() == "kept\n"


def test_down_kill_jobs_ends_them(local):
    local.up()
    job = detached(local, "sleep 600")
    wait_until(lambda: container_runs(job), what="the container")
    assert local.down("--kill-jobs")["jobs_killed"] == 1
    assert not container_runs(job)
    local.up()
    assert local.client().json("status", job)["status"] == "cancelled"


def test_the_default_server_is_found_without_an_environment(local):
    environment = local.environment | {"XDG_STATE_HOME": str(local.root)}
    cli = CommandLine(environment, local.root)
    local.state = local.root / "flashpods"
    assert "flashpods up" in cli.err("ps", code=1)
    cli.run("up", "--port", "0", "--rsync-port", "0")
    assert cli.json("ps", "--all") == []
    cli.run("down")
    assert "flashpods up" in cli.err("ps", code=1)


def test_up_says_why_the_server_did_not_start(local):
    (local.state).mkdir(mode=0o700)
    (local.state / "db").write_text("this is no database")
    (local.state / "run").mkdir()
    (local.state / "run").chmod(0o500)
    try:
        words = local.cli.err("up", "--state-dir", local.state, "--port", "0", code=1)
        assert str(local.state) in words
    finally:
        (local.state / "run").chmod(0o700)


def test_a_secret_file_that_others_may_read_is_refused(local):
    local.up()
    (local.state / "env").chmod(0o644)
    cli = CommandLine(local.environment | {"XDG_STATE_HOME": str(local.root)}, local.root)
    (local.root / "flashpods").symlink_to(local.state)
    assert "chmod" in cli.err("ps", code=1) or "0600" in cli.err("ps", code=1)


def test_doctor_names_each_check_and_its_fix(local):
    local.up()
    done = local.client().run("doctor", "--json", code=None)
    checks = json.loads(done.stdout)
    health = {check["id"]: check["health"] for check in checks}
    assert set(health.values()) <= {"ok", "warn", "fail", "unknown"}
    failing = [check for check in checks if check["health"] == "fail"]
    assert done.returncode == (1 if failing else 0)
    assert all(check["fix"] for check in failing)
    assert not failing, failing
    shown = local.client().run("doctor", code=None).stdout.decode().lower()
    assert "podman" in shown and "rsync" in shown
    client_only = json.loads(local.client().run("doctor", "--json", "--client").stdout)
    assert len(client_only) < len(checks)
