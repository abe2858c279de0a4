"""What a job finds in its container, and what it must not find."""

import contextlib
import json
import os
import uuid

import psutil
import pytest

from flashpods_test import jobs, podman, processes
from flashpods_test.daemon import Daemon
from flashpods_test.waiting import wait_until

WITH_ENTRYPOINT = "localhost/flashpods/test-with-entrypoint:latest"

ROOM = "[capacity]\ncpus = 64\nmemory_gb = 256\n"
LONGEST = 96 * 1024


@pytest.fixture(scope="module")
def with_entrypoint(images):
    podman.derive_image(
        WITH_ENTRYPOINT,
        {"/in-the-way": "#!/bin/sh\necho in the way\nexit 9\n"},
        [
            'ENTRYPOINT ["/in-the-way"]',
            "WORKDIR /tmp",
            "ENV FROM_IMAGE=yes",
            "VOLUME /volume",
        ],
    )
    yield
    podman.podman("rmi", "--force", WITH_ENTRYPOINT, check=False)


@pytest.fixture(scope="module")
def daemon(scripted_agent, with_entrypoint):
    config = f'{ROOM}[agent]\nimage = "{scripted_agent}"\n'
    with contextlib.closing(Daemon(config)) as instance:
        yield instance.start()


@pytest.fixture(scope="module")
def example(images):
    """A daemon with the example agent image, which prints what it was given."""
    config = f'{ROOM}[agent]\nimage = "{podman.AGENT}"\n'
    with contextlib.closing(Daemon(config)) as instance:
        yield instance.start()


def artifact(daemon, job, name):
    reply = daemon.api.get(f"/jobs/{job['id']}/artifacts/{name}")
    assert reply.status == 200, (job, reply.body)
    return reply.body


def agent(daemon, task, **fields):
    return jobs.wait_for(daemon, jobs.create(daemon, jobs.agent(task, **fields)))


# The command line of spec/03-container-mounts.md, flag for flag


def options_of(words):
    """podman's words after `run` as {option: [values]}."""
    found, words = {}, list(words[words.index("run") + 1 :])
    while words:
        word = words.pop(0)
        if word == "--" or not word.startswith("-"):
            return found, ([word] if word != "--" else []) + words
        name, joined, value = word.partition("=")
        if not joined and words and not words[0].startswith("-") and name not in ("-d", "--init"):
            value = words.pop(0)
        found.setdefault(name, []).append(value)
    return found, words


def mounts(options):
    return {volume.split(":")[1]: volume.split(":")[2] for volume in options["-v"]}


def test_a_workers_container(daemon):
    body = jobs.worker(jobs.HOLD, cpus=3, memory_gb=5, name="release", labels={"mine": "yes"})
    with jobs.held(daemon, body) as job_id:
        record = podman.inspect(job_id)
        options, (image, *command) = options_of(record["Config"]["CreateCommand"])
    assert record["Name"] == job_id
    instance = daemon.api.get("/health").json()["instance"]
    ours = {
        name: value
        for name, value in record["Config"]["Labels"].items()
        if "flashpods-job" in name or "instance" in name or "mine" in name or "release" in value
    }
    assert ours == {
        "flashpods-job": "true",
        "flashpods-job-id": job_id,
        "flashpods-job-type": "worker",
        "flashpods-instance": instance,
    }
    assert options["--name"] == [job_id]
    assert options["--cpus"] == ["3"] and options["--memory"] == ["5g"]
    assert "--rm" not in options and "--privileged" not in options
    assert options["--userns"] == ["keep-id"] and options["--network"] == ["slirp4netns"]
    assert "no-new-privileges" in options["--security-opt"] and options["--cap-drop"] == ["ALL"]
    assert "--init" in options and options["--workdir"] == ["/work"]
    assert int(options["--pids-limit"][0]) > 0
    assert mounts(options)["/work"] == "ro" and mounts(options)["/artifacts"] == "rw"
    assert command == ["/bin/sh", "-c", jobs.HOLD]
    assert image == podman.BUSYBOX or image == record["Image"]


def test_an_agents_container(daemon):
    with jobs.held(daemon, jobs.agent(jobs.HOLD, context="why")) as job_id:
        record = podman.inspect(job_id)
        options, (_, *command) = options_of(record["Config"]["CreateCommand"])
    assert record["Config"]["Labels"]["flashpods-job-type"] == "agent"
    assert command == ["/entrypoint.sh"]
    assert mounts(options) == {"/work": "O", "/artifacts": "rw", "/etc/hosts": "ro"}
    assert not {"-e", "--env", "--env-file", "--env-host"} & set(options)


def test_values_of_the_environment_are_in_no_argument(daemon):
    secret = uuid.uuid4().hex
    body = jobs.agent(f"{jobs.HOLD} # {secret}", context=secret, env={"MINE": secret})
    with jobs.held(daemon, body) as job_id:
        record = podman.inspect(job_id)
        arguments = json.dumps([record["Config"]["CreateCommand"], record["Path"], record["Args"]])
        assert secret not in arguments
        seen = [line for process in psutil.process_iter() for line in arguments_of(process)]
        assert any(job_id in line for line in seen)
        assert not [line for line in seen if secret in line]
    assert secret not in daemon.log


def arguments_of(process):
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def test_no_shim_process_shows_values_in_its_environment(daemon):
    secret = uuid.uuid4().hex
    with jobs.held(daemon, jobs.worker(jobs.HOLD, env={"MINE": secret})):
        for process in processes.belonging_to(daemon.state_dir):
            with contextlib.suppress(psutil.Error):
                assert secret not in process.environ().values()


# From inside

LOOK = """
id -u; id -g
sed -En 's/^(CapEff|CapBnd|NoNewPrivs|Seccomp):\\t//p' /proc/self/status
pwd
tr '\\0' ' ' </proc/1/cmdline
"""


def test_it_is_nobody_special(daemon):
    job = jobs.run(daemon, LOOK)
    lines = jobs.output(daemon, job["id"]).splitlines()
    assert lines[:7] == [str(os.getuid()), str(os.getgid()), "0" * 16, "0" * 16, "1", "2", "/work"]
    assert "init" in lines[7] or "catatonit" in lines[7]


def test_nothing_is_open_but_the_three(daemon):
    job = jobs.run(
        daemon,
        "cd /proc/self/fd; for f in *; do [ -e $f ] && readlink $f; done; echo; ls /proc/1/fd",
        network="none",
    )
    own, _, _ = jobs.output(daemon, job["id"]).partition("\n\n")
    kinds = {line for line in own.splitlines() if not line.startswith("/proc")}
    assert all(
        line == "/dev/null"
        or line.startswith("pipe:")
        or "fifo" in line
        or "out" in line
        or "err" in line
        for line in kinds
    ), kinds


def test_a_private_writable_home(daemon):
    command = """
        for v in HOME TMPDIR CARGO_HOME CARGO_TARGET_DIR npm_config_cache PIP_CACHE_DIR \\
                 GOCACHE GOPATH GOMODCACHE PYTHONPYCACHEPREFIX; do
          eval "d=\\$$v"; [ -n "$d" ] && echo x >"$d/probe" && echo $v $d; done"""
    job = jobs.run(daemon, command)
    lines = jobs.output(daemon, job["id"]).splitlines()
    assert len(lines) == 10, lines
    overridden = jobs.run(daemon, "echo $HOME", env={"HOME": "/artifacts"})
    assert jobs.output(daemon, overridden["id"]) == "/artifacts\n"


def test_the_environment_of_the_request_arrives(daemon):
    env = {
        "PLAIN": "yes",
        "EMPTY": "",
        "ODD": "a b\n\"c\" 'd' $(e) `f` \\ é € 🚀 \x01\x1b[31m\t=",
        "lower_1": "x" * 10_000,
    }
    job = jobs.run(
        daemon,
        'for v in PLAIN EMPTY ODD lower_1; do eval "printf %s \\"\\$$v\\"" >/artifacts/$v; done',
        env=env,
    )
    assert job["status"] == "completed"
    for name, value in env.items():
        assert artifact(daemon, job, name) == value.encode()
    assert job["env"] == env


def test_nothing_of_the_hosts_environment_arrives(make_daemon):
    daemon = make_daemon(
        ROOM,
        environment={
            "SECRET_OF_THE_HOST": "s",
            "http_proxy": "http://x:1",
            "FLASHPODS_API_TOKEN": "t",
            "RSYNC_PASSWORD": "p",
        },
    )
    job = jobs.run(daemon, "env; echo; cat /proc/1/environ | tr '\\0' '\\n'")
    seen = jobs.output(daemon, job["id"])
    for name in (
        "SECRET_OF_THE_HOST",
        "http_proxy",
        "FLASHPODS",
        "RSYNC_PASSWORD",
        "XDG_RUNTIME_DIR",
    ):
        assert name not in seen, seen


def test_an_images_entrypoint_and_volumes_are_not_used(daemon):
    job = jobs.run(
        daemon,
        "pwd; echo $FROM_IMAGE; grep -c /volume /proc/mounts; ls /artifacts",
        image=WITH_ENTRYPOINT,
    )
    assert jobs.output(daemon, job["id"]) == "/work\nyes\n0\n"


# /work


def test_a_workers_work_is_read_only_and_it_is_told_so(daemon, tree):
    job = jobs.run(daemon, "cat hello.txt && echo x >/work/new", files_id=jobs.upload(daemon, tree))
    assert (job["status"], job["workspace"]) == ("failed", "ro")
    # Two pipes: what the shell says on stderr may come first.
    assert "hello\n" in jobs.output(daemon, job["id"])
    assert "scratch" in job["hint"] and "/artifacts" in job["hint"]


def test_without_files_work_is_an_empty_directory(daemon):
    job = jobs.run(daemon, "ls -A /work | wc -l; touch /work/x")
    assert "0\n" in jobs.output(daemon, job["id"])
    assert job["status"] == "failed"


CHANGE_WORK = "echo changed >hello.txt && rm src/build.sh && mkdir new && echo done"


@pytest.mark.parametrize("kind", ["scratch", "agent"])
def test_a_writable_work_leaves_the_snapshot_as_it_is(daemon, tree, kind):
    command = f"cd /work && {CHANGE_WORK}; {jobs.HOLD}; cat hello.txt"
    make = jobs.agent if kind == "agent" else jobs.worker
    fields = {} if kind == "agent" else {"workspace": "scratch"}
    job_id = jobs.create(daemon, make(command, files_id=jobs.upload(daemon, tree), **fields))
    jobs.wait_for_output(daemon, job_id, "done\n")
    snapshot = daemon.state_dir / "jobs" / job_id / "work"
    assert (snapshot / "hello.txt").read_text() == "hello\n"
    assert sorted(os.listdir(snapshot)) == sorted(os.listdir(tree))
    assert (snapshot / "src" / "build.sh").exists()
    jobs.let_go(daemon, job_id)
    job = jobs.wait_for(daemon, job_id)
    assert (job["status"], job["workspace"]) == (
        "completed",
        "rw" if kind == "agent" else "scratch",
    )
    assert jobs.output(daemon, job_id) == "done\nchanged\n"
    wait_until(lambda: not snapshot.parent.exists(), what="the workspace's removal")


# Agents


def test_the_example_agent_sees_its_task(example, tree):
    task = 'Refactor the auth module\nto use JWT: "quoted" $HOME `id` é 🚀\x07'
    job = agent(example, task, context="Sessions\ntoday", files_id=jobs.upload(example, tree))
    assert job["status"] == "completed", job
    lines = artifact(example, job, "environment.txt").decode().splitlines()
    for line in (
        "FLASHPODS_TASK=Refactor the auth module",
        "FLASHPODS_CONTEXT=Sessions",
        "today",
        'to use JWT: "quoted" $HOME `id` é 🚀\x07',
        "FLASHPODS_GIT_BRANCH=feature/jwt-auth",
        f"FLASHPODS_JOB_ID={job['id']}",
    ):
        assert line in lines
    assert artifact(example, job, "summary.md") == b"changed by the agent\n"
    assert "hello.txt" in jobs.output(example, job["id"])


def test_an_agents_failure_is_its_own(example):
    job = agent(example, "x", env={"AGENT_TEST_EXIT": "42"})
    assert (job["status"], job["error"], job["exit_code"]) == ("failed", "exit", 42)


WRITE_IT = """printf %s "$FLASHPODS_CONTEXT" >/artifacts/context
printf %s "$FLASHPODS_TASK" >/artifacts/task"""


def test_the_longest_texts_arrive_whole(daemon):
    task = f"{WRITE_IT} #".ljust(LONGEST, "é")[: LONGEST // 2]
    task += "x" * (LONGEST - len(task.encode()))
    context = "\n" * 100 + "c" * (LONGEST - 100)
    job = agent(daemon, task, context=context)
    assert job["status"] == "completed", job["message"]
    assert artifact(daemon, job, "task").decode() == task
    assert artifact(daemon, job, "context").decode() == context
    assert (job["task"], job["context"]) == (task, context)


def test_the_longest_command_runs(daemon):
    command = "echo ran #".ljust(LONGEST, "x")
    job = jobs.run(daemon, command)
    assert job["status"] == "completed", job["message"]
    assert jobs.output(daemon, job["id"]) == "ran\n"


# The network


def test_without_a_network_there_is_only_the_loopback(daemon):
    job = jobs.run(daemon, "ls /sys/class/net; ip route 2>/dev/null", network="none")
    assert jobs.output(daemon, job["id"]) == "lo\n"


def test_with_the_internet_there_is_a_way_out(daemon):
    job = jobs.run(daemon, "ls /sys/class/net; ip route")
    lines = jobs.output(daemon, job["id"]).splitlines()
    assert "tap0" in lines and any(line.startswith("default") for line in lines)


def addresses_of_the_host():
    found = {
        "127.0.0.1",
        "127.0.0.2",
        "localhost",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "10.0.2.2",
        "10.0.2.3",
        "fd00::2",
        "169.254.1.2",
        "host.containers.internal",
    }
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            if entry.family.name in ("AF_INET", "AF_INET6"):
                found.add(entry.address.partition("%")[0])
    return sorted(found)


# Connects to each address and port at once; says which answered. The last line is the control: a
# listener in the container itself, so that a broken probe is no success.
PROBE = """
probe() {{ if nc -w 3 "$1" "$2" </dev/null >/dev/null 2>&1; then echo "open $1 $2"; fi; }}
for address in {addresses}; do for port in {ports}; do probe $address $port & done; done
for address in {addresses}; do wget -q -T 3 -O - "http://$address:{api}/health" 2>/dev/null & done
wait
nc -l -p 7778 </dev/null >/dev/null 2>&1 &
for try in $(seq 50); do
  nc -w 3 127.0.0.1 7778 </dev/null >/dev/null 2>&1 && echo probed && break
  sleep 0.1
done
"""


@pytest.mark.parametrize("kind", ["worker", "agent", "none"])
def test_there_is_no_way_to_the_api_or_rsync(daemon, kind):
    script = PROBE.format(
        addresses=" ".join(addresses_of_the_host()),
        api=daemon.port,
        ports=f"{daemon.port} {daemon.rsync_port}",
    )
    if kind == "agent":
        job = agent(daemon, script)
    else:
        job = jobs.run(daemon, script, network="none" if kind == "none" else "internet")
    assert jobs.output(daemon, job["id"]) == "probed\n"


def test_no_socket_of_ours_is_in_the_container(daemon):
    job = jobs.run(
        daemon, "find / -xdev -type s 2>/dev/null; cat /proc/net/unix | grep -c @; ls /run; true"
    )
    seen = jobs.output(daemon, job["id"])
    for word in (".sock", "flashpods", "control", "docker"):
        assert word not in seen, seen


def test_other_jobs_are_out_of_sight(daemon):
    secret = uuid.uuid4().hex
    with jobs.held(daemon, jobs.worker(f"echo {secret} >/artifacts/x; {jobs.HOLD}")):
        job = jobs.run(
            daemon,
            f"ps; grep -r {secret} / 2>/dev/null --exclude-dir=proc --exclude-dir=sys; mount",
        )
    assert secret not in jobs.output(daemon, job["id"]).replace(f"grep -r {secret}", "")
