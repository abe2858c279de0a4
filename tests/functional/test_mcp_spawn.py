"""Uploads on their way: progress, cancellation, resumption; a host that is full."""

import contextlib
import os
import pathlib

import anyio
import psutil
import pytest

from flashpods_test import jobs
from flashpods_test.agent import agent_of
from flashpods_test.mcp_lines import McpLines
from flashpods_test.podman import BUSYBOX
from flashpods_test.slow_relay import SlowRelay
from flashpods_test.waiting import wait_until

pytestmark = pytest.mark.anyio

MB = 1_000_000


@pytest.fixture
def project(tmp_path):
    """Something that takes a while to send: it can't be compressed."""
    root = tmp_path / "project"
    root.mkdir()
    for number in range(20):
        (root / f"noise-{number}.bin").write_bytes(os.urandom(MB))
    return root


@contextlib.asynccontextmanager
async def slow_agent(daemon, project, **options):
    """An Agent whose uploads crawl until relay.release()."""
    with SlowRelay(daemon.rsync_port) as relay:
        environment = {"FLASHPODS_RSYNC_URL": relay.url(daemon.rsync_url)}
        async with agent_of(daemon, project, environment, **options) as agent:
            yield agent, relay


def transfers(word):
    """Our rsync processes that have word in an argument."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        arguments = process.info["cmdline"] or []
        if process.info["name"] == "rsync" and any(word in each for each in arguments):
            found.append(process)
    return found


def all_command_lines():
    """The arguments of all processes that we may look at, as the kernel shows them to anybody."""
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_bytes()


class Upload:
    """A spawn_worker in the background, with what was reported of it."""

    def __init__(self, agent, key):
        self.agent, self.key, self.reports, self.result = agent, key, [], None
        self.begun, self.scope = anyio.Event(), anyio.CancelScope()

    async def run(self):
        with self.scope:
            self.result = await self.agent.call(
                "spawn_worker", progress=self._on_progress, command="ls -l /work",
                image=BUSYBOX, files={"local_path": "."}, client_job_id=self.key,
            )

    async def _on_progress(self, done, total, message):
        self.reports.append((done, total, message))
        if message.startswith("uploading") and done > 0:
            self.begun.set()


async def test_progress_is_reported_and_jobs_can_be_asked_for_by_their_key(daemon, project):
    async with slow_agent(daemon, project) as (agent, relay), anyio.create_task_group() as tasks:
        upload = Upload(agent, "slow-but-steady")
        tasks.start_soon(upload.run)
        await upload.begun.wait()
        status = await agent.data("get_job_status", job_id=upload.key)
        assert (status["status"], status["is_over"], status["job_id"]) == ("uploading", False, None)
        assert status["upload"]["total_bytes"] == 20 * MB
        for tool in ("get_job_output", "get_job_artifacts"):
            assert "job_not_started" in await agent.refusal(tool, job_id=upload.key)
        relay.release()
    assert upload.result.structured_content["job_id"]
    done = [report[0] for report in upload.reports]
    assert done == sorted(set(done)), "progress must grow"
    assert {report[1] for report in upload.reports} <= {20 * MB, None}


async def test_no_secret_is_in_any_processs_arguments(daemon, project):
    async with slow_agent(daemon, project) as (agent, relay), anyio.create_task_group() as tasks:
        upload = Upload(agent, "watched")
        tasks.start_soon(upload.run)
        await upload.begun.wait()
        seen = list(all_command_lines())
        relay.release()
    assert [line for line in seen if line.startswith(b"rsync\0") and b"rsync://" in line]
    assert [line for line in seen if b"flashpods\0mcp" in line]
    for secret in (daemon.token, daemon.rsync_secret):
        assert not [line for line in seen if secret.encode() in line]


async def test_a_cancelled_spawn_stops_its_upload_and_the_next_goes_on(daemon, project):
    async with slow_agent(daemon, project) as (agent, relay), anyio.create_task_group() as tasks:
        upload = Upload(agent, "taken-up-again")
        tasks.start_soon(upload.run)
        await upload.begun.wait()
        own_url = relay.url(daemon.rsync_url)
        assert transfers(own_url)
        upload.scope.cancel()
        await anyio.to_thread.run_sync(
            lambda: wait_until(lambda: not transfers(own_url), what="the end of rsync")
        )
        assert upload.result is None
        assert daemon.api.get("/jobs/taken-up-again").status == 404
        status = await agent.wait(upload.key)
        assert (status["status"], status["is_over"]) == ("cancelled", True)
        relay.release()
        again = await agent.data("spawn_worker", command="ls -l /work", image=BUSYBOX,
                                 files={"local_path": "."}, client_job_id=upload.key)
    assert again["created"] is True
    assert jobs.wait_for(daemon, again["job_id"])["status"] == "completed"
    assert jobs.output(daemon, again["job_id"]).count(f" {MB} ") == 20


async def test_an_interrupted_upload_goes_on_in_a_new_process_under_its_id(daemon, project):
    def kept():
        return {entry.name for entry in (daemon.state_dir / "uploads").iterdir()}

    before = kept()
    async with slow_agent(daemon, project) as (agent, relay), anyio.create_task_group() as tasks:
        upload = Upload(agent, "two-processes")
        tasks.start_soon(upload.run)
        await anyio.to_thread.run_sync(
            lambda: wait_until(lambda: relay.sent > 2 * MB, what="the first files")
        )
        upload.scope.cancel()
    wait_until(lambda: kept() - before, what="the part that was sent")
    [begun] = kept() - before
    async with slow_agent(daemon, project) as (agent, relay):
        relay.release()
        spawned = await agent.data("spawn_worker", command="true", image=BUSYBOX,
                                   files={"local_path": "."}, client_job_id="two-processes")
    assert spawned["files_id"] == begun
    assert MB < relay.sent < 20 * MB, "what had arrived was sent again"


async def test_kill_job_stops_an_upload_under_way(daemon, project):
    async with slow_agent(daemon, project) as (agent, relay), anyio.create_task_group() as tasks:
        upload = Upload(agent, "not-wanted-any-more")
        tasks.start_soon(upload.run)
        await upload.begun.wait()
        killed = await agent.data("kill_job", job_id=upload.key)
        assert (killed["job_id"], killed["status"]) == (upload.key, "cancelled")
        assert not transfers(relay.url(daemon.rsync_url))
    assert daemon.api.get(f"/jobs/{upload.key}").status == 404


def test_the_end_of_input_ends_uploads_under_way(daemon, project):
    with SlowRelay(daemon.rsync_port) as relay:
        url = relay.url(daemon.rsync_url)
        environment = daemon.client_environment() | {"FLASHPODS_RSYNC_URL": url}
        with McpLines(environment, project) as server:
            server.initialize()
            arguments = {"command": "true", "files": {"local_path": "."}}
            server.send({"jsonrpc": "2.0", "id": "cut off", "method": "tools/call",
                         "params": {"name": "spawn_worker", "arguments": arguments}})
            wait_until(lambda: transfers(url), what="rsync")
            server.end()
            assert not transfers(url)


@contextlib.contextmanager
def upload_and_wait_under_way(daemon, project, errors):
    """`flashpods mcp` that sends files slowly, and waits for a job meanwhile; its rsync's word."""
    with contextlib.ExitStack() as stack:
        job = stack.enter_context(jobs.held(daemon, jobs.worker(jobs.HOLD)))
        relay = stack.enter_context(SlowRelay(daemon.rsync_port))
        url = relay.url(daemon.rsync_url)
        environment = daemon.client_environment() | {"FLASHPODS_RSYNC_URL": url}
        stderr = stack.enter_context(errors.open("wb"))
        server = stack.enter_context(McpLines(environment, project, stderr))
        server.initialize()
        server.begin("wait_for_job", job_id=job)
        server.begin("spawn_worker", command="true", image=BUSYBOX,
                     files={"local_path": "."}, client_job_id="stopped")
        wait_until(lambda: transfers(url), what="rsync")
        yield server, url


def test_sigterm_leaves_nothing_running(fresh_daemon, project, tmp_path):
    errors = tmp_path / "errors"
    with upload_and_wait_under_way(fresh_daemon, project, errors) as (server, url):
        assert server.stop() == 0
        assert not transfers(url)
    assert errors.read_text() == ""
    assert fresh_daemon.api.get("/jobs/stopped").status == 404


def test_sigterm_after_the_end_of_input_leaves_nothing_running(fresh_daemon, project, tmp_path):
    """How MCP clients end a server: they close its input and soon send the signal."""
    errors = tmp_path / "errors"
    with upload_and_wait_under_way(fresh_daemon, project, errors) as (server, url):
        server.close_input()
        assert server.stop() == 0
        assert not transfers(url)
    assert errors.read_text() == ""
    assert fresh_daemon.api.get("/jobs/stopped").status == 404


@pytest.mark.long
async def test_a_long_upload_answers_with_its_key(daemon, project):
    (project / "more.bin").write_bytes(os.urandom(100 * MB))
    async with slow_agent(daemon, project) as (agent, relay):
        spawned = await agent.data("spawn_worker", command="true", image=BUSYBOX,
                                   files={"local_path": "."}, client_job_id="patience")
        assert (spawned["job_id"], spawned["client_job_id"]) == (None, "patience")
        assert spawned["status"] == "uploading"
        relay.release()
        assert (await agent.wait("patience"))["status"] == "completed"


async def test_a_full_host_says_what_runs_and_the_files_need_not_be_sent_again(
    make_daemon, tmp_path
):
    daemon = make_daemon("[capacity]\ncpus = 2\nmemory_gb = 4\n")
    (tmp_path / "sent.txt").write_text("sent once\n")
    waits = []

    async def on_progress(_done, _total, message):
        waits.append(message)

    async with agent_of(daemon, tmp_path) as agent:
        first = await agent.data("spawn_worker", command="sleep 600", image=BUSYBOX, cpus=2)
        result = await agent.call(
            "spawn_worker", progress=on_progress, command="cat /work/sent.txt", image=BUSYBOX,
            cpus=1, memory_gb=1, files={"local_path": "."},
        )
        text = result.content[0].text
        assert result.is_error and "insufficient_resources" in text
        assert "asked 1 cpus and 1 GB" in text
        assert "free 0 cpus" in text and "of 2 cpus and 4 GB" in text
        assert "running jobs: 1" in text and "list_jobs" in text

        files_id = text.split('files_id "')[1].split('"')[0]
        assert daemon.api.get(f"/uploads/{files_id}").json()["state"] == "finalized"
        await agent.data("kill_job", job_id=first["job_id"])
        await agent.wait(first["job_id"])
        ended = await agent.run(command="cat /work/sent.txt", image=BUSYBOX, cpus=1, memory_gb=1,
                                files_id=files_id)
        output = await agent.data("get_job_output", job_id=ended["job_id"])
        assert output["output"] == "sent once\n"


async def test_what_can_never_fit_is_not_waited_for(make_daemon, tmp_path):
    daemon = make_daemon("[capacity]\ncpus = 2\nmemory_gb = 4\n")
    async with agent_of(daemon, tmp_path) as agent:
        text = await agent.refusal("spawn_worker", command="true", image=BUSYBOX, cpus=4)
    assert "insufficient_resources" in text
    assert "can never fit" in text and "asked 4 cpus" in text


async def test_files_and_files_id_exclude_each_other(daemon, tmp_path):
    async with agent_of(daemon, tmp_path) as agent:
        text = await agent.refusal("spawn_worker", command="true", files={"local_path": "."},
                                   files_id="upload_x")
        assert "not both" in text
        unknown = await agent.refusal("spawn_worker", command="true", image=BUSYBOX,
                                      files_id="upload_never-sent")
        assert "upload_not_found" in unknown
