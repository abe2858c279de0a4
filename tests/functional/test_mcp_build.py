"""An agent's main job: hand over a source tree, read along, get the binary back."""

import stat
import subprocess

import pytest

from flashpods_test.agent import agent_of, fenced_part
from flashpods_test.jobs import HOLD, let_go
from flashpods_test.podman import BUSYBOX

pytestmark = pytest.mark.anyio

MAKEFILE = """\
# Builds beside its sources, as most do.
CFLAGS = -O2
myapp: main.o answer.o
\t$(CC) -static -o $@ $^
"""
MAIN = '#include <stdio.h>\nint answer(void);\nint main(void) { printf("%d\\n", answer()); }\n'

# /work is read-only: out of it into the job's own temporary directory, and build there. The second
# half waits for a file, so that the test decides when the job goes on.
BUILD = f"""set -e
cp -r /work "$TMPDIR/src"; cd "$TMPDIR/src"
make
echo "built, now waiting"
{HOLD}
cp myapp /artifacts/
echo done >/artifacts/build.log"""


@pytest.fixture
def project(tmp_path):
    """A small C project, as it lies on a developer's disk."""
    root = tmp_path / "myapp"
    root.mkdir()
    (root / "Makefile").write_text(MAKEFILE)
    (root / "main.c").write_text(MAIN)
    (root / "answer.c").write_text("int answer(void) { return 6 * 7; }\n")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("not for the container\n")
    return root


@pytest.fixture
async def agent(daemon, tmp_path):
    async with agent_of(daemon, tmp_path) as connected:
        yield connected


async def seen_running(agent, job, word):
    """The output as get_job_output shows it while the job runs and has printed word."""
    while True:
        output = await agent.data("get_job_output", job_id=job)
        if word in output["output"]:
            return output
        status = await agent.data("get_job_status", job_id=job)
        assert not status["is_over"], f"over before it printed {word}: {status}"


async def test_a_c_project_is_built_and_comes_back(
    daemon, agent, project, tmp_path, worker_image
):
    spawned = await agent.data(
        "spawn_worker", command=BUILD, files={"local_path": str(project)}, image=worker_image,
        cpus=2, memory_gb=2, timeout_minutes=10,
    )
    job = spawned["job_id"]
    assert spawned["created"] is True
    assert spawned["upload"]["file_count"] == 3  # not .git

    running = await seen_running(agent, job, "built, now waiting")
    assert running["status"] == "running"
    status = await agent.data("get_job_status", job_id=job)
    assert (status["is_over"], status["exit_code"], status["outcome"]) == (False, None, None)
    assert "no artifacts" in await agent.text("get_job_artifacts", job_id=job)

    let_go(daemon, job)
    ended = await agent.wait(job)
    assert (ended["status"], ended["exit_code"], ended["cause"]) == ("completed", 0, None)
    assert ended["duration"].endswith("s")
    assert ended["artifact_count"] == 2
    assert (await agent.data("get_job_status", job_id=job)) == ended

    listing, _ = fenced_part(await agent.text("get_job_artifacts", job_id=job))
    lines = listing.splitlines()
    assert "build.log (5 B)" in lines
    assert any(line.startswith("myapp (") and line.endswith(" kB)") for line in lines)

    saved = await agent.data("download_artifact", job_id=job, artifact_name="myapp")
    binary = tmp_path / ".flashpods" / job / "myapp"
    assert saved["path"] == str(binary)
    assert saved["size_bytes"] == binary.stat().st_size
    assert stat.S_IMODE(binary.stat().st_mode) & 0o111 == 0
    binary.chmod(0o755)
    assert subprocess.run([binary], capture_output=True, check=True).stdout == b"42\n"

    listed = await agent.data("list_jobs", status="completed", limit=100)
    assert job in [each["job_id"] for each in listed["jobs"]]


async def test_a_build_beside_its_sources_works_in_a_scratch_workspace(
    agent, project, worker_image
):
    ended = await agent.run(
        command="make && cp myapp /artifacts/", workspace="scratch", image=worker_image,
        files={"local_path": str(project)},
    )
    assert (ended["status"], ended["artifact_count"]) == ("completed", 1)
    assert not (project / "myapp").exists()


async def test_a_build_beside_its_sources_fails_read_only_with_a_hint(
    agent, project, worker_image
):
    ended = await agent.run(command="make", image=worker_image, files={"local_path": str(project)})
    assert (ended["status"], ended["cause"], ended["exit_code"]) == ("failed", "exit", 2)
    assert "scratch" in ended["hint"]
    assert "Read-only file system" in ended["job_data"]["last_lines"]


async def test_list_jobs_filters_pages_and_limits(agent):
    ids = [
        (await agent.run(command=command, image=BUSYBOX, cpus=1, memory_gb=1))["job_id"]
        for command in ("true", "false", "echo third")
    ]
    failed = await agent.data("list_jobs", status="failed", limit=100)
    assert ids[1] in [job["job_id"] for job in failed["jobs"]]
    assert ids[0] not in [job["job_id"] for job in failed["jobs"]]
    newest = await agent.data("list_jobs", limit=1)
    assert [job["job_id"] for job in newest["jobs"]] == [ids[2]]
    assert newest["jobs"][0]["command"] == "echo third"
    older = await agent.data("list_jobs", limit=1, cursor=newest["next_cursor"])
    assert [job["job_id"] for job in older["jobs"]] == [ids[1]]


async def test_kill_job_ends_it_and_says_so_again(agent):
    spawned = await agent.data("spawn_worker", command="echo up; sleep 600", image=BUSYBOX)
    job = spawned["job_id"]
    await seen_running(agent, job, "up")
    first = await agent.data("kill_job", job_id=job)
    assert first["job_id"] == job
    ended = await agent.wait(job)
    assert (ended["status"], ended["cause"]) == ("cancelled", "cancelled")
    assert (await agent.data("kill_job", job_id=job))["status"] == "cancelled"


async def test_a_client_job_id_stands_for_its_job_everywhere(agent):
    key = "build-of-2026-01-21"
    spawned = await agent.data(
        "spawn_worker", command="echo hello; cp /etc/passwd /artifacts/users", image=BUSYBOX,
        client_job_id=key,
    )
    assert spawned["client_job_id"] == key
    ended = await agent.wait(key)
    assert ended["job_id"] == spawned["job_id"]
    assert (await agent.data("get_job_status", job_id=key))["job_id"] == spawned["job_id"]
    assert "hello" in (await agent.data("get_job_output", job_id=key))["output"]
    names = (await agent.data("get_job_artifacts", job_id=key))["artifacts"]
    assert [each["name"] for each in names] == ["users"]
    await agent.data("download_artifact", job_id=key, artifact_name="users")
    assert (await agent.data("kill_job", job_id=key))["status"] == "completed"


async def test_the_same_key_never_makes_two_jobs(daemon, agent, tmp_path):
    arguments = {"command": "true", "image": BUSYBOX, "client_job_id": "only-once"}
    first = await agent.data("spawn_worker", **arguments)
    again = await agent.data("spawn_worker", **arguments | {"command": "false"})
    assert again["job_id"] == first["job_id"]
    assert (again["created"], again["differs"]) == (False, ["command"])
    async with agent_of(daemon, tmp_path) as other:
        later = await other.data("spawn_worker", **arguments)
    assert (later["job_id"], later["created"]) == (first["job_id"], False)


async def test_a_job_nobody_knows(agent):
    for tool in ("get_job_status", "get_job_output", "get_job_artifacts", "kill_job"):
        assert "job_not_found" in await agent.refusal(tool, job_id="job_nowhere")


async def test_what_a_job_is_given(agent):
    ended = await agent.run(
        command='echo "$GREETING"; ls /sys/class/net', image=BUSYBOX, network="none",
        env={"GREETING": "hello there"}, name="greeter", labels={"suite": "mcp"}, keep_minutes=5,
    )
    output = (await agent.data("get_job_output", job_id=ended["job_id"]))["output"]
    assert output.splitlines() == ["hello there", "lo"]
    assert ended["name"] == "greeter"


async def test_a_request_above_the_caps_is_granted_them_and_says_so(agent):
    spawned = await agent.data(
        "spawn_worker", command="true", image=BUSYBOX, cpus=100, timeout_minutes=500
    )
    assert spawned["adjusted"]["cpus"] == {"requested": 100, "granted": 8}
    assert spawned["adjusted"]["timeout_minutes"] == {"requested": 500, "granted": 120}


async def test_an_image_that_is_not_there(agent):
    ended = await agent.run(command="true", image="localhost/flashpods/no-such-image:latest")
    assert (ended["status"], ended["cause"]) == ("failed", "image_not_found")
    assert ended["exit_code"] is None
    assert "no-such-image" in ended["message"]


async def test_an_agent_reads_a_waiting_job_to_its_end(agent):
    """wait_for_job answers at the job's end, not at its own limit."""
    spawned = await agent.data("spawn_worker", command="sleep 1; exit 3", image=BUSYBOX)
    report = await agent.data("wait_for_job", job_id=spawned["job_id"])
    assert (report["is_over"], report["exit_code"]) == (True, 3)
