"""The official Python MCP client, connected to `flashpods mcp`."""

import contextlib

from mcp import Client, StdioServerParameters

from .programs import program


@contextlib.asynccontextmanager
async def connect(environment, directory, arguments=(), **options):
    """An open client; directory is where the server starts, and so what it may read.

    options go to mcp.Client: mode, list_roots_callback and so on.
    """
    server = StdioServerParameters(
        command=program("flashpods"),
        args=["mcp", *arguments],
        env=environment,
        cwd=str(directory),
    )
    async with Client(server, **options) as client:
        yield client


def text_of(result):
    """All text blocks of a tool's result."""
    return "\n".join(block.text for block in result.content if block.type == "text")
