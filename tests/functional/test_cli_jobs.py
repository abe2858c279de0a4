"""The verbs that run jobs and look at them, as scripts use them."""

import json
import os
import signal

import pytest

from flashpods_test import jobs
from flashpods_test.command_line import CommandLine
from flashpods_test.daemon import Daemon
from flashpods_test.podman import AGENT, BUSYBOX
from flashpods_test.programs import sanitizer_environment
from flashpods_test.waiting import wait_until

CONFIG = f"""\
[capacity]
cpus = 64
memory_gb = 256
[worker]
image = "{BUSYBOX}"
default_cpus = 1
default_memory_gb = 1
[agent]
image = "{AGENT}"
"""


@pytest.fixture(scope="module")
def daemon(images):
    """One whose jobs need not name an image."""
    instance = Daemon(CONFIG)
    try:
        yield instance.start()
    finally:
        instance.close()


@pytest.fixture
def cli(daemon, tmp_path):
    environment = daemon.client_environment() | sanitizer_environment(daemon.reports)
    return CommandLine(environment | {"XDG_STATE_HOME": str(tmp_path / "client")}, tmp_path)


def detach(cli, *command, options=()):
    return cli.out("run", "--detach", *options, "--", *command).strip()


def ended(cli, *command, options=()):
    """The id of a job that is over, however it ended."""
    job = detach(cli, *command, options=options)
    cli.run("wait", job, code=None)
    return job


# run

def test_run_streams_both_outputs_and_exits_with_the_jobs_code(cli):
    done = cli.run("run", "--", "echo out; echo err >&2; exit 7", code=7)
    assert done.stdout == b"out\n"
    assert done.stderr == b"err\n"


def test_run_shows_output_while_the_job_runs(cli):
    process = cli.start("run", "--", "echo first; until [ -e /tmp/go ]; do sleep 0.1; done")
    assert process.stdout.readline() == b"first\n"
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    process.communicate()


def test_bytes_through_a_pipe_are_the_jobs_own(cli):
    done = cli.run("run", "--", r"printf '\033[31m\377\000\r\n\033]0;t\007'")
    assert done.stdout == b"\x1b[31m\xff\x00\r\n\x1b]0;t\x07"


def test_several_words_are_run_as_they_are(cli):
    words = ["two words", "$HOME", "'", '"', "*", "--json", "a\\b", ""]
    done = cli.run("run", "--", "printf", "<%s>", *words)
    assert done.stdout.decode() == "".join(f"<{word}>" for word in words)


@pytest.mark.parametrize("command, code", [
    ("true", 0), ("exit 255", 255), ("kill -KILL $$", 137), ("kill -SEGV $$", 139),
    ("exit 125", 125), ("no-such-program", 127),
])
def test_exit_codes_are_the_jobs(cli, command, code):
    cli.run("run", "--", command, code=code)


def test_files_go_along_and_artifacts_come_back(cli, tree, tmp_path):
    done = cli.run("run", "--json", "--files", tree, "--", "cat /work/hello.txt; /work/src/build.sh")
    job = json.loads(done.stdout)
    assert job["status"] == "completed" and job["artifacts"]["count"] == 1
    assert done.stderr == b"hello\n"  # with --json the output goes beside it
    cli.run("get", job["id"], "result.txt", "-o", tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "built\n"


def test_options_reach_the_job(cli, tree):
    job = cli.json(
        "run", "--files", tree, "--workspace", "scratch", "--cpus", "2", "--memory", "3",
        "--timeout", "4", "--network", "none", "-e", "COLOUR=blue green", "--name", "optional",
        "--label", "suite=cli", "--keep-minutes", "9", "--client-job-id", "all-options",
        "--", 'echo "$COLOUR" >/work/new; cat /work/new; ls /sys/class/net',
    )
    wanted = {
        "workspace": "scratch", "cpus": 2, "memory_gb": 3, "timeout_minutes": 4, "network": "none",
        "env": {"COLOUR": "blue green"}, "name": "optional", "labels": {"suite": "cli"},
        "keep_minutes": 9, "client_job_id": "all-options",
    }
    assert {name: job[name] for name in wanted} == wanted
    assert cli.out("logs", "optional") == "blue green\nlo\n"
    assert not (tree / "new").exists()


def test_excludes_and_what_goes_along_anyway(cli, tree):
    for name in (".env", "docs", "target"):
        (tree / name).mkdir() if name != ".env" else (tree / name).write_text("x")
    (tree / "target" / "big.o").write_text("x")
    done = cli.run("run", "--files", tree, "--exclude", "docs", "--", "ls -A /work")
    assert done.stdout.decode().split() == [".env", "empty", "hello.txt", "link", "src"]
    assert ".env" in done.stderr.decode() and "secret" in done.stderr.decode()
    assert "target" in cli.out("run", "--files", tree, "--all-files", "--", "ls /work").split()


def test_the_same_client_job_id_runs_once(cli):
    first = cli.json("run", "--client-job-id", "cli-once", "--", "echo $$; exit 4", code=4)
    again = cli.run("run", "--client-job-id", "cli-once", "--json", "--", "true", code=4)
    assert json.loads(again.stdout)["id"] == first["id"]
    assert "existed already, with another command:" in again.stderr.decode()
    same = cli.run("run", "--client-job-id", "cli-once", "--", "echo $$; exit 4", code=4)
    assert "existed already\n" in same.stderr.decode()


def test_detach_prints_the_id_only(cli, daemon):
    out = cli.out("run", "--detach", "--", "echo later")
    job = out.strip()
    assert out == f"{job}\n"
    assert jobs.wait_for(daemon, job)["status"] == "completed"
    assert cli.json("run", "--detach", "--", "true")["created"] is True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_without_a_terminal_kills_the_job(cli, daemon, number):
    process = cli.start("run", "--name", f"victim-{number}", "--", "echo up; sleep 600")
    assert process.stdout.readline() == b"up\n"
    process.send_signal(number)
    assert process.wait(60) == 130
    process.communicate()
    assert cli.json("status", f"victim-{number}")["outcome"] == "cancelled"


def test_an_image_that_is_not_there_is_our_failure(cli):
    words = cli.err("run", "--image", "localhost/flashpods/none:latest", "--", "true", code=125)
    assert "image_not_found" in words


def test_a_read_only_workspace_gets_a_hint(cli, tree):
    words = cli.err("run", "--files", tree, "--", "touch /work/x", code=1)
    assert "hint: " in words and "scratch" in words


def test_agent_runs_its_task(cli, tree):
    (tree / ".git").mkdir()
    done = cli.run("agent", "--branch", "fix/login", "--context", "in src/", "--files", tree,
                   "find", "the", "bug")
    text = done.stdout.decode()
    assert "find the bug" in text and "fix/login" in text and "in src/" in text
    assert "changed by the agent" in text
    assert " .git\n" in text, "it works on a branch"
    assert not (tree / "agent-was-here").exists()
    [newest] = cli.json("ps", "--all", "--limit", "1")
    assert (newest["type"], newest["task"]) == ("agent", "find the bug")


def test_an_agents_task_from_a_file(cli, tmp_path):
    (tmp_path / "task.md").write_text("a task of\nseveral lines")
    job = cli.json("agent", "--branch", "b", "--task-file", "task.md", "--detach")["job_id"]
    assert cli.json("status", job)["task"] == "a task of\nseveral lines"
    cli.run("wait", job)
    assert "give the task" in cli.err("agent", "--branch", "b", code=125)


# Looking

def test_ps_lists_what_runs_and_with_all_what_has_ended(cli):
    over = ended(cli, "true", options=("--name", "over"))
    running = detach(cli, "sleep 600", options=("--name", "going"))
    listed = {job["id"] for job in cli.json("ps")}
    assert running in listed and over not in listed
    assert {running, over} <= {job["id"] for job in cli.json("ps", "--all")}
    table = cli.out("ps", "--all", "--name", "over").splitlines()
    assert table[0].split()[:3] == ["JOB", "NAME", "TYPE"]
    assert over in table[1] and "completed" in table[1] and len(table) == 2
    cli.run("kill", running)
    cli.run("wait", running, code=130)


def test_ps_lists_a_job_once_in_each_state(cli):
    job, seen = detach(cli, "true"), set()
    while listed := [each for each in cli.json("ps") if each["id"] == job]:
        assert len(listed) == 1
        seen.add(listed[0]["status"])
    assert seen <= {"pending", "starting", "running"}


def test_status_by_id_prefix_name_and_client_job_id(cli):
    job = ended(cli, "exit 3", options=("--name", "by-name", "--client-job-id", "by-key"))
    for word in (job, job[:-1], "by-name", "by-key"):
        assert cli.json("status", word)["id"] == job
    text = cli.out("status", job)
    assert "failed (exit code 3)" in text and "exit 3" in text


def test_an_unknown_job_and_an_ambiguous_one(cli):
    assert "job_not_found" in cli.json("status", "nowhere", code=1)["error"]
    assert "flashpods ps" in cli.err("status", "nowhere", code=1)
    ended(cli, "true"), ended(cli, "true")
    assert cli.json("status", "job_", code=1)["error"] == "ambiguous_job"


def test_logs_of_streams_tails_and_times(cli):
    job = ended(cli, "seq 1 5; sleep 0.3; echo oops >&2")
    assert cli.out("logs", job) == "1\n2\n3\n4\n5\noops\n"
    assert cli.out("logs", "--tail", "2", job) == "5\noops\n"
    assert cli.out("logs", "--stream", "stderr", job) == "oops\n"
    assert cli.out("logs", "--follow", job) == "1\n2\n3\n4\n5\noops\n"
    stamped = cli.out("logs", "--timestamps", "--tail", "1", job)
    assert stamped.startswith("20") and stamped.endswith(" oops\n")
    assert cli.json("logs", job)["output"].endswith("oops\n")


def test_logs_follow_a_running_job_to_its_end(cli):
    job = detach(cli, "echo one; sleep 1; echo two; exit 3")
    assert cli.out("logs", "--follow", job) == "one\ntwo\n"


def test_wait_for_one_for_all_and_for_any(cli):
    good, bad = detach(cli, "true"), detach(cli, "exit 6")
    line = cli.out("wait", bad, code=6)
    assert bad in line and "exit code 6" in line and line.count("\n") == 1
    assert [job["id"] for job in cli.json("wait", good, bad, code=6)] == [good, bad]
    endless = detach(cli, "sleep 600")
    assert good in cli.out("wait", "--any", endless, good)
    cli.run("kill", endless)
    cli.run("wait", endless, code=130)


def test_what_was_left_out_is_said(cli):
    done = cli.run("run", "--", "ln -s / /artifacts/up; ln -s / /artifacts/down")
    assert "2 artifacts were rejected; see `flashpods status job_" in done.stderr.decode()
    job = ended(cli, "ln -s / /artifacts/up")
    assert "1 artifact was rejected" in cli.out("wait", job)


def test_kill_several_also_those_that_are_over(cli):
    endless, over = detach(cli, "sleep 600"), ended(cli, "true")
    cli.run("kill", endless, over)
    assert cli.json("wait", endless, over, code=130)[0]["status"] == "cancelled"
    assert "job_not_found" in cli.json("kill", "nowhere", code=1)["error"]


# Results

def test_artifacts_get_and_what_is_in_the_way(cli, tmp_path):
    job = ended(cli, "echo text >/artifacts/notes.txt; mkdir /artifacts/tree; ln -s / /artifacts/up")
    listed = cli.json("artifacts", job)
    assert {each["name"] for each in listed["artifacts"]} == {"notes.txt", "tree.tar.gz"}
    assert [each["name"] for each in listed["rejected"]] == ["up"]
    assert "notes.txt" in cli.out("artifacts", job)

    saved = cli.json("get", job, "notes.txt", "-o", "sub/")
    assert saved["path"] == str(tmp_path / "sub" / "notes.txt") and saved["size_bytes"] == 5
    assert "--force" in cli.err("get", job, "notes.txt", "-o", "sub/", code=1)
    (tmp_path / "sub" / "notes.txt").write_text("mine")
    cli.run("get", job, "notes.txt", "-o", "sub/", "--force")
    assert (tmp_path / "sub" / "notes.txt").read_text() == "text\n"
    assert "there are: " in cli.err("get", job, "nothing", code=1)


def test_pull_fetches_what_was_not_fetched_yet(cli, tmp_path):
    name = ("--name", "pulled")
    one = ended(cli, "echo 1 >/artifacts/a", options=name)
    first = cli.json("pull", "--name", "pulled", "-o", "results")
    assert [each["path"] for each in first] == [str(tmp_path / "results" / one / "a")]
    assert cli.json("pull", "--name", "pulled", "-o", "results") == []
    two = ended(cli, "echo 2 >/artifacts/b", options=name)
    second = cli.json("pull", "--name", "pulled", "-o", "results")
    assert [each["job_id"] for each in second] == [two]
    assert (tmp_path / "results" / two / "b").read_text() == "2\n"


def test_a_job_chooses_no_name_that_programs_obey(cli, tmp_path):
    name = ("--name", "obeyed")
    job = ended(cli, "cd /artifacts; echo x >.envrc; echo x >AGENTS.md; echo x >a", options=name)
    said = cli.err("pull", "--name", "obeyed", "-o", "results", code=1)
    assert ".envrc" in said and "AGENTS.md" in said
    assert os.listdir(tmp_path / "results" / job) == ["a"]
    cli.err("get", job, ".envrc", code=1)
    cli.run("get", job, ".envrc", "-o", "envrc.txt")
    assert (tmp_path / "envrc.txt").read_text() == "x\n"


# Errors

def test_mistakes_are_answered_with_what_to_do(cli):
    assert "did you mean `flashpods status`" in cli.err("staus", code=2)
    assert "flashpods run --help" in cli.err("run", "--nonsense", code=125)
    assert "after `--`" in cli.err("run", code=125)
    assert "flashpods ps --help" in cli.err("ps", "--limit", "many", code=2)
    assert "not_found" in cli.json("run", "--files", "nowhere", "--", "true", code=125)["error"]


def test_servers_that_do_not_answer_or_do_not_let_us_in(daemon, cli):
    gone = CommandLine(cli.environment | {"FLASHPODS_URL": "http://127.0.0.1:1"}, cli.directory)
    assert "127.0.0.1:1" in gone.err("ps", code=1)
    wrong = CommandLine(cli.environment | {"FLASHPODS_API_TOKEN": "guessed"}, cli.directory)
    assert wrong.json("ps", code=1)["error"] == "unauthorized"
    assert daemon.token not in wrong.err("ps", code=1)


def test_what_needs_no_server(cli, tmp_path):
    bare = CommandLine({"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, tmp_path)
    assert "flashpods up" in bare.err("ps", code=1)
    assert "flashpods up" in bare.err("run", "--", "true", code=125)
    assert bare.out("--version") == bare.out("version")
    for verb in ("run", "up", "mcp", "doctor"):
        assert verb in bare.out("--help")
        assert "Usage: " in bare.out(verb, "--help")
    assert "complete" in bare.out("completion", "bash")


def test_image_list_shows_what_a_job_can_name(cli):
    assert BUSYBOX in [image["name"] for image in cli.json("image", "list")]
    assert BUSYBOX in cli.out("image", "list")


def test_no_job_is_left_behind(cli):
    """The tests above have ended what they began."""
    wait_until(lambda: cli.json("ps") == [], what="the end of all jobs")
