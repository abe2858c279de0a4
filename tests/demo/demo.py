"""A coding agent's morning: hand a real C project to Flashpods and get the binary back.

Drives `flashpods mcp` with the official Python MCP client, as an agent's host would.
"""

import argparse
import asyncio
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import textwrap
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from flashpods_test.mcp_client import connect, text_of  # noqa: E402
from flashpods_test.podman import WORKER, remove_containers_of, remove_tree  # noqa: E402
from flashpods_test.programs import clean_environment, program  # noqa: E402

# What to run for each package: the sources are read-only in the container, so the build goes to
# a copy in its private temporary directory, and only /artifacts comes out.
BUILDS = {
    "lua5.4": (
        "set -e; cp -r /work \"$TMPDIR/lua\"; cd \"$TMPDIR/lua\"; make -j2 linux; "
        "strip src/lua; cp src/lua /artifacts/",
        "lua",
        ["-e", "print(_VERSION .. ' built in a container: ' .. (6 * 7))"],
    ),
    "zstd": (
        "set -e; cp -r /work \"$TMPDIR/zstd\"; cd \"$TMPDIR/zstd\"; make -j2 -C programs zstd; "
        "cp programs/zstd /artifacts/",
        "zstd",
        ["--version"],
    ),
}


def shortened(line, width=100):
    """One line of the screen: both ends of a compiler's command say more than its middle."""
    if len(line) <= width:
        return line
    return f"{line[: width // 2]} … {line[3 - width // 2 :]}"


class Screen:
    """Steps with times, in colour on a terminal."""

    def __init__(self):
        self.began = time.monotonic()
        self.colour = sys.stdout.isatty()

    def _paint(self, code, text):
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def step(self, text):
        seconds = time.monotonic() - self.began
        print(f"\n{self._paint('2', f'{seconds:7.2f} s')}  {self._paint('1;36', text)}")

    def show(self, text, limit=12):
        lines = text.rstrip().splitlines()
        for line in lines[:limit]:
            print(f"           {shortened(line)}")
        if len(lines) > limit:
            print(self._paint("2", f"           … {len(lines) - limit} more lines"))

    def good(self, text):
        print(f"           {self._paint('32', text)}")


class Failed(Exception):
    """The demo can't go on; the message is for the person who watches."""


def read_env_file(path):
    """NAME=value lines as `flashpods up` writes them for a shell, quotes and export included."""
    out = subprocess.run(
        ["sh", "-c", 'set -a; . "$1"; env -0', "sh", str(path)],
        env={}, check=True, capture_output=True,
    ).stdout
    pairs = (item.split("=", 1) for item in out.decode().split("\0") if item)
    return {name: value for name, value in pairs if name not in ("PWD", "SHLVL", "_")}


class LocalMode:
    """`flashpods up` in a state directory of its own, and `flashpods down` at the end."""

    def __init__(self):
        self.state_dir = pathlib.Path(tempfile.mkdtemp(prefix="fp-demo-", dir="/tmp"))

    def __enter__(self):
        self._flashpods("up", "--state-dir", self.state_dir, "--port", 0, "--rsync-port", 0)
        return read_env_file(self.state_dir / "env")

    def __exit__(self, *_):
        try:
            self._flashpods("down", "--state-dir", self.state_dir, "--kill-jobs")
        finally:
            remove_containers_of(self.state_dir)
            remove_tree(self.state_dir)

    @staticmethod
    def _flashpods(*arguments):
        done = subprocess.run(
            [program("flashpods"), *map(str, arguments)],
            env=clean_environment(), capture_output=True, text=True,
        )
        if done.returncode != 0:
            raise Failed(f"flashpods {arguments[0]} failed:\n{done.stdout}{done.stderr}")


class Demo:
    """The walk through the tools, one method a step."""

    def __init__(self, client, screen, project, package):
        self.client, self.screen, self.project = client, screen, project
        self.command, self.artifact, self.check = BUILDS[package]

    async def call(self, tool, **arguments):
        result = await self.client.call_tool(tool, arguments)
        if result.is_error:
            raise Failed(f"{tool}: {text_of(result)}")
        return result

    async def show_tools(self):
        tools = (await self.client.list_tools()).tools
        self.screen.step("The agent's tools")
        names = ", ".join(tool.name for tool in tools)
        self.screen.show("\n".join(textwrap.wrap(names, 90)))

    async def spawn(self):
        self.screen.step(f"spawn_worker: upload {self.project.name} and build it")
        self.screen.show(self.command)
        result = await self.call(
            "spawn_worker", command=self.command, files={"local_path": str(self.project)},
            image=WORKER, cpus=2, memory_gb=2, timeout_minutes=10,
        )
        self.screen.show(text_of(result), limit=6)
        reply = result.structured_content
        return reply["job_id"] or reply["client_job_id"]

    async def watch(self, job):
        """Shows how the log grows until the job has ended; returns the last status."""
        self.screen.step("get_job_status, and get_job_output while it runs")
        shown = None
        while True:
            status = (await self.call("get_job_status", job_id=job)).structured_content
            if status["job_id"] and (line := await self.last_line(job)) != shown:
                shown = line
                self.screen.show(f"{status['status']:<10} {line}")
            if status["is_over"]:
                return status
            await asyncio.sleep(0.4)

    async def last_line(self, job):
        output = (await self.call("get_job_output", job_id=job, tail=1)).structured_content
        line = (output["output"].strip().splitlines() or ["(no output yet)"])[-1]
        return f"{output['total_bytes']:>7} bytes  {line}"

    async def fetch(self, job):
        self.screen.step("get_job_artifacts, download_artifact")
        self.screen.show(text_of(await self.call("get_job_artifacts", job_id=job)))
        result = await self.call("download_artifact", job_id=job, artifact_name=self.artifact)
        self.screen.show(text_of(result))
        return pathlib.Path(result.structured_content["path"])

    def run_binary(self, binary):
        """The download sets no exec bit: that is the person's decision, here ours."""
        self.screen.step(f"Run what came back: {self.artifact} {' '.join(self.check)}")
        binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
        done = subprocess.run([binary, *self.check], capture_output=True, text=True, check=True)
        self.screen.good((done.stdout + done.stderr).strip())

    async def run(self):
        await self.show_tools()
        job = await self.spawn()
        status = await self.watch(job)
        if status["status"] != "completed":
            output = text_of(await self.call("get_job_output", job_id=job, tail=30))
            raise Failed(f"the build {status['status']} ({status['cause']})\n{output}")
        self.screen.good(f"{status['status']} in {status['duration']}")
        self.run_binary(await self.fetch(job))


async def drive(screen, environment, project, package):
    screen.step("The MCP client starts `flashpods mcp`")
    async with connect(environment, project) as client:
        await Demo(client, screen, project, package).run()


def copy_of(source, scratch):
    """The project as the agent's user has it: writable, in a directory of its own."""
    project = scratch / source.name
    shutil.copytree(source, project, symlinks=True)
    return project


def run(arguments):
    screen = Screen()
    with tempfile.TemporaryDirectory(prefix="fp-project-") as scratch:
        project = copy_of(arguments.source, pathlib.Path(scratch))
        screen.step("flashpods up: a daemon for this user, on the loopback, without root")
        with LocalMode() as environment:
            screen.show(f"API on {environment['FLASHPODS_URL']}, uid {os.getuid()}")
            asyncio.run(drive(screen, environment, project, arguments.package))
            screen.step("flashpods down: everything is gone again")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--package", choices=sorted(BUILDS), required=True)
    return parser.parse_args()


def main():
    try:
        run(parse_arguments())
    except Failed as failure:
        sys.exit(f"demo: {failure}")


main()
