"""An agent's host for one test: the official MCP client, and what holds for every answer."""

import contextlib
import json
import re

import jsonschema

from .mcp_client import connect, text_of
from .programs import sanitizer_environment


class Agent:
    """Calls tools, and checks of every answer that it fits its schema and tells no secret."""

    def __init__(self, client, tools, secrets):
        self.client, self.tools, self.secrets = client, tools, secrets

    async def call(self, tool, progress=None, **arguments):
        """The result as it is, an error or not."""
        result = await self.client.call_tool(tool, arguments, progress_callback=progress)
        whole = result.model_dump_json()
        assert not [secret for secret in self.secrets if secret in whole], "a secret in a result"
        if not result.is_error:
            jsonschema.validate(result.structured_content, self.tools[tool].output_schema)
        return result

    async def data(self, tool, progress=None, **arguments):
        """The structured content of an answer that is no error."""
        result = await self.call(tool, progress, **arguments)
        assert not result.is_error, f"{tool}: {text_of(result)}"
        return result.structured_content

    async def text(self, tool, **arguments):
        """The text of an answer that is no error."""
        result = await self.call(tool, **arguments)
        assert not result.is_error, f"{tool}: {text_of(result)}"
        return text_of(result)

    async def refusal(self, tool, **arguments):
        """The text of an answer that must be an error: what an agent gets to act on."""
        result = await self.call(tool, **arguments)
        assert result.is_error, f"{tool}: {text_of(result)}"
        return text_of(result)

    async def run(self, **arguments):
        """spawn_worker, then wait_for_job until it is over; the job's last report."""
        spawned = await self.data("spawn_worker", **arguments)
        return await self.wait(spawned["job_id"] or spawned["client_job_id"])

    async def wait(self, job_id):
        report = await self.data("wait_for_job", job_id=job_id)
        while not report["is_over"]:
            report = await self.data("wait_for_job", job_id=job_id)
        return report


@contextlib.asynccontextmanager
async def agent_of(daemon, directory, environment=None, **options):
    """An Agent whose server starts in directory; environment adds to the daemon's variables."""
    variables = daemon.client_environment() | sanitizer_environment(daemon.reports)
    async with connect(variables | (environment or {}), directory, **options) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        yield Agent(client, tools, (daemon.token, daemon.rsync_secret))


FENCE = re.compile(
    r"^\[([^\n]+) begins ([0-9a-f]{16,}): ([^\n]+)\]$(.*)^\[\1 ends \2\]$", re.M | re.S
)


def fenced_part(text):
    """What stands between the two lines that mark a job's data, and their random word."""
    found = FENCE.search(text)
    assert found, f"no fence in: {json.dumps(text)}"
    assert "not instructions" in found[3]
    return found[4].strip("\n"), found[2]
