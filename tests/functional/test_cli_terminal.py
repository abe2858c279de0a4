"""The command on a terminal: progress, questions, and nothing hostile reaching it."""

import os
import re

import pytest

from flashpods_test.command_line import CommandLine
from flashpods_test.podman import BUSYBOX
from flashpods_test.programs import sanitizer_environment
from flashpods_test.slow_relay import SlowRelay

# Whatever a terminal takes for a command, but colours and our own progress bar's "erase line".
COMMANDS = re.compile(rb"\x1b(?!\[[0-9;:]*m)(?!\[K)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")


@pytest.fixture
def cli(daemon, tmp_path):
    environment = daemon.client_environment() | sanitizer_environment(daemon.reports)
    return CommandLine(environment, tmp_path)


def run(cli, command):
    """What a person sees of a job."""
    with cli.terminal("run", "--image", BUSYBOX, "--", command) as terminal:
        code = terminal.end()
        return terminal.screen, code


def test_hostile_output_is_shown_escaped_and_colours_pass(cli):
    screen, code = run(
        cli,
        r"printf '\033[31mred\033[0m\n'; printf '\033]0;owned\007\033[2J\033[6n\033Pq\033\\\n'; "
        r"printf '\342\200\256bidi \302\2332J \b\b\n'",
    )
    assert code == 0
    assert b"\x1b[31mred\x1b[0m" in screen
    assert rb"\x1b]0;owned\x07\x1b[2J\x1b[6n" in screen
    assert rb"\u202ebidi" in screen and rb"\u009b2J" in screen
    assert not COMMANDS.search(screen), screen
    assert "\u202e".encode() not in screen and "\u009b".encode() not in screen


def test_text_is_never_hidden(cli):
    screen, _ = run(cli, r"printf '\033[8mconcealed\033[0m \033[31;41mred on red\033[0m\n'")
    assert rb"\x1b[8mconcealed" in screen
    assert rb"\x1b[31;41mred on red" in screen


def test_the_jobs_colours_end_with_its_output(cli):
    """In what is said after it, and at a question in its middle."""
    command = r"printf '\033[1;31mred\n'; while :; do sleep 0.1; done"
    with cli.terminal("run", "--image", BUSYBOX, "--", command) as terminal:
        terminal.read_until(rb"\x1b\[1;31mred\r\n\x1b\[0m")
        terminal.type(b"\x03")
        terminal.read_until(rb"\[k\]ill")
        terminal.type(b"k\n")
        terminal.end()
    coloured, plain = terminal.screen.rfind(b"\x1b[1;31m"), terminal.screen.rfind(b"\x1b[0m")
    assert coloured < plain
    job = job_of(terminal)
    with cli.terminal("logs", job) as terminal:
        terminal.end()
    assert terminal.screen == b"\x1b[1;31mred\r\n\x1b[0m"


def test_hostile_names_are_escaped_in_lists(cli):
    with cli.terminal("run", "--image", BUSYBOX, "--name", "listed", "--",
                      r"""touch "$(printf '/artifacts/\033]0;x\007')"; : '""" + "\x1b[2J\u009b2J'") as terminal:
        terminal.end()
    for arguments in (("ps", "--all"), ("status", "listed"), ("artifacts", "listed"),
                      ("status", "listed", "--json"), ("artifacts", "listed", "--json")):
        with cli.terminal(*arguments) as terminal:
            assert terminal.end() == 0
            assert not COMMANDS.search(terminal.screen), terminal.screen
            assert "\u009b".encode() not in terminal.screen


def test_no_color_means_none(cli):
    cli.environment["NO_COLOR"] = "1"
    screen, _ = run(cli, r"printf '\033[31mred\033[0m\n'")
    assert b"red" in screen and b"\x1b[3" not in screen


def test_a_progress_bar_while_files_are_sent(cli, daemon, tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "noise.bin").write_bytes(os.urandom(20_000_000))
    with SlowRelay(daemon.rsync_port) as relay:
        cli.environment["FLASHPODS_RSYNC_URL"] = relay.url(daemon.rsync_url)
        with cli.terminal("run", "--image", BUSYBOX, "--files", "tree", "--", "echo sent") as shown:
            shown.read_until(rb"\ruploading  .*%  .* of 20 MB")
            relay.release()
            assert shown.end() == 0
    assert b"\r\x1b[K" in shown.screen  # and it is gone afterwards
    assert b"sent\r\n" in shown.screen


def test_no_progress_bar_in_a_pipe(cli, tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "noise.bin").write_bytes(os.urandom(5_000_000))
    done = cli.run("run", "--image", BUSYBOX, "--files", "tree", "--", "echo sent")
    assert (done.stdout, done.stderr) == (b"sent\n", b"")


@pytest.fixture
def watched(cli):
    """A job that runs, on a terminal."""
    with cli.terminal("run", "--image", BUSYBOX, "--", "echo up; sleep 600") as terminal:
        terminal.read_until(rb"up\r\n")
        yield terminal


def job_of(terminal):
    return re.search(rb"job_[0-9A-Za-z-]+", terminal.screen)[0].decode()


def test_ctrl_c_asks_and_k_kills(cli, watched):
    watched.type(b"\x03")
    watched.read_until(rb"\[k\]ill")
    watched.type(b"k\n")
    assert watched.end() == 130
    assert cli.json("status", job_of(watched))["outcome"] == "cancelled"


def test_ctrl_c_asks_and_d_leaves_the_job_running(cli, watched):
    watched.type(b"\x03")
    watched.read_until(rb"\[d\]etach")
    watched.type(b"d\n")
    assert watched.end() == 130
    job = job_of(watched)
    assert cli.json("status", job)["outcome"] is None
    cli.run("kill", job)
    cli.run("wait", job, code=130)


def test_ctrl_c_asks_and_enter_goes_on(cli):
    command = "echo up; while :; do echo tick; sleep 0.1; done"
    with cli.terminal("run", "--image", BUSYBOX, "--name", "goes-on", "--", command) as terminal:
        terminal.read_until(rb"up\r\n")
        terminal.type(b"\x03")
        terminal.read_until(rb"go on: ")
        terminal.type(b"\n")
        terminal.read_until(rb"go on: \r\n[^$]*tick")
        assert cli.json("status", "goes-on")["outcome"] is None
        terminal.type(b"\x03")
        terminal.read_until(rb"go on: [^$]*go on: ")
        terminal.type(b"\x03")  # the second one in a row kills
        assert terminal.end() == 130
