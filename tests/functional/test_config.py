"""flashpodsd's command line and its configuration file."""

import re
import subprocess
import sys

import pytest

from flashpods_test.daemon import Daemon
from flashpods_test.programs import clean_environment, program
from flashpods_test.waiting import wait_until


def flashpodsd(*arguments):
    return subprocess.run(
        [program("flashpodsd"), *map(str, arguments)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def check(path, text):
    path.write_text(text)
    return flashpodsd("--check-config", "--config", path)


@pytest.fixture
def toml(tmp_path):
    return tmp_path / "flashpodsd.toml"


def printed_defaults():
    done = flashpodsd("--print-config")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_what_is_printed_is_valid_input(toml):
    done = check(toml, printed_defaults())
    assert (done.returncode, done.stderr) == (0, "")


def test_the_defaults_it_names_are_valid_values(toml):
    text, changed = re.subn(r"(?m)^#(\w+ = )", r"\1", printed_defaults())
    assert changed > 30
    done = check(toml, text)
    assert (done.returncode, done.stderr) == (0, "")


# The numbers of the specification, where --print-config says them.
SPEC_DEFAULTS = """
worker.default_cpus = 2
worker.max_cpus = 8
worker.default_memory_gb = 4
worker.max_memory_gb = 16
worker.default_timeout_minutes = 30
worker.max_timeout_minutes = 120
agent.default_cpus = 2
agent.max_cpus = 4
agent.default_memory_gb = 4
agent.max_memory_gb = 8
agent.default_timeout_minutes = 60
agent.max_timeout_minutes = 120
agent.image = "flashpods/agent:latest"
jobs.grace_seconds = 10
uploads.max_upload_mb = 2048
uploads.max_total_mb = 10240
uploads.uploading_ttl_seconds = 1800
uploads.finalized_ttl_seconds = 3600
logs.max_job_mb = 50
logs.max_total_mb = 10240
logs.keep_hours = 24
artifacts.max_file_mb = 1024
artifacts.max_total_mb = 2048
artifacts.max_stored_mb = 20480
artifacts.max_count = 200
artifacts.keep_minutes = 60
rsync.max_connections = 10
api.port = 8080
"""


def settings(text):
    """{"table.key": "value"} of the commented defaults."""
    found, table = {}, ""
    for line in text.splitlines():
        if header := re.fullmatch(r"\[(.+)\]", line):
            table = header[1] + "."
        elif setting := re.fullmatch(r"#(\w+) = (.*)", line):
            found[table + setting[1]] = setting[2]
    return found


def test_the_defaults_are_the_specifications():
    found = settings(printed_defaults())
    for line in SPEC_DEFAULTS.split("\n"):
        name, _, value = line.partition(" = ")
        assert not name or found.get(name) == value, name


def test_each_setting_is_explained():
    lines = printed_defaults().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"#\w+ = ", line):
            assert lines[number - 1].startswith("# ") and lines[number - 2].startswith("# "), line


@pytest.mark.parametrize(
    "text, line, words",
    [
        ("[api]\n\nprot = 80\n", 3, "'api.prot' is not a known setting"),
        ("# first\n[apo]\n", 2, "'apo' is not a known setting"),
        ("[api]\nport = 'x'\n", 2, "whole number from 0 to 65535"),
        ("[api]\nport = 65536\n", 2, "whole number from 0 to 65535"),
        ("[jobs]\ngrace_seconds = 1.5\n", 2, "(seconds)"),
        ("[log]\nlevel = 'loud'\n", 2, '"debug", "info"'),
        ("[api]\nport = \n", 2, ""),
        ("[api]\nport = 1\nport = 2\n", 3, ""),
    ],
)
def test_a_mistake_is_shown_with_its_line(toml, text, line, words):
    done = check(toml, text)
    assert done.returncode == 1
    assert f"{toml}:{line}:" in done.stderr
    assert words in done.stderr


def test_all_mistakes_at_once(toml):
    done = check(toml, "[api]\nprot = 1\naddres = 2\n")
    assert f"{toml}:2:" in done.stderr and f"{toml}:3:" in done.stderr


def test_a_file_that_is_not_there(tmp_path):
    done = flashpodsd("--check-config", "--config", tmp_path / "nothing.toml")
    assert done.returncode == 1
    assert "nothing.toml" in done.stderr


def test_checking_makes_nothing(toml, tmp_path):
    state = tmp_path / "state"
    done = flashpodsd("--check-config", f"--state-dir={state}")
    assert done.returncode == 0
    assert not state.exists()


def test_help():
    done = flashpodsd("--help")
    assert done.returncode == 0
    for option in (
        "--config",
        "--state-dir",
        "--port",
        "--rsync-port",
        "--check-config",
        "--print-config",
        "--version",
    ):
        assert option in done.stdout


def test_version(daemon):
    done = flashpodsd("--version")
    assert done.returncode == 0
    assert done.stdout.strip() == daemon.api.get("/health").json()["version"]


@pytest.mark.parametrize("argument", ["--nothing", "extra", "--port=x", "--port=70000", "--port"])
def test_a_wrong_command_line(argument):
    done = flashpodsd(argument)
    assert done.returncode == 2
    assert done.stdout + done.stderr


# Starting


def refused_start(daemon):
    """Starts it, expecting it to end; gives what it said."""
    daemon.start(wait=False)
    assert daemon.process.wait(60) == 1
    return daemon.log


def test_a_token_that_others_may_read_is_refused(fresh_daemon):
    fresh_daemon.stop()
    (fresh_daemon.state_dir / "token").chmod(0o644)
    assert "chmod 600" in refused_start(fresh_daemon)


def test_secrets_and_directories_are_private(daemon):
    for name in ("", "db", "uploads", "sealed", "jobs", "artifacts", "logs", "run"):
        assert (daemon.state_dir / name).stat().st_mode & 0o077 == 0, name
    for name in ("token", "rsync.secret"):
        assert (daemon.state_dir / name).stat().st_mode & 0o077 == 0, name
    assert len(daemon.token) >= 32
    assert daemon.token != daemon.rsync_secret


# Holds a file as a daemon does, says so, and is gone after a moment.
LINGERING = """
import fcntl, sys, time
lock = open(sys.argv[1], "r+")
fcntl.lockf(lock, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(0.5)
"""


def test_a_killed_daemon_that_is_not_gone_yet_is_waited_for(make_daemon):
    daemon = make_daemon()
    daemon.stop()
    lock = daemon.state_dir / "run" / "daemon.lock"
    holder = subprocess.Popen([sys.executable, "-c", LINGERING, lock], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    daemon.start()
    assert holder.wait() == 0


def test_a_port_in_use_is_named(daemon, make_daemon):
    second = make_daemon(start=False)
    second.port = daemon.port
    assert str(daemon.port) in refused_start(second)


def test_a_wrong_configuration_keeps_it_from_starting(make_daemon):
    assert "flashpodsd.toml:1:" in refused_start(make_daemon("nonsense = 1\n", start=False))


def test_one_state_directory_serves_one_daemon(daemon):
    second = subprocess.run(
        [program("flashpodsd"), f"--state-dir={daemon.state_dir}", "--port=0", "--rsync-port=0"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 1
    assert "another flashpodsd uses" in second.stderr and str(daemon.state_dir) in second.stderr
    assert daemon.api.get("/health").status == 200


def test_two_daemons_live_side_by_side(daemon, make_daemon):
    other = make_daemon()
    assert isinstance(other, Daemon)
    ours, theirs = (each.api.get("/health").json()["instance"] for each in (daemon, other))
    assert ours != theirs
    assert other.api.get("/jobs", token=daemon.token).status == 401


def test_only_allowed_sources_may_connect(make_daemon):
    daemon = make_daemon('[api]\nallowed_sources = ["127.0.0.9"]\n', start=False)
    daemon.start(wait=False)
    try:
        from_ours = subprocess.run(
            [
                "curl",
                "-s",
                "--retry",
                "60",
                "--retry-delay",
                "1",
                "--retry-connrefused",
                "--interface",
                "127.0.0.9",
                endpoint(daemon),
            ],
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert '"ok"' in from_ours.stdout
        refused = subprocess.run(["curl", "-s", endpoint(daemon)], capture_output=True, timeout=30)
        assert refused.returncode != 0 and not refused.stdout
    finally:
        daemon.stop()


def endpoint(daemon):
    wait_until(daemon._read_ports, timeout=60, what="endpoints.json")
    return f"{daemon.url}/health"
