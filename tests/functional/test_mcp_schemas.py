"""The tools are the specification's: names, descriptions, schemas."""

import pytest

from flashpods_test.agent import agent_of

pytestmark = pytest.mark.anyio

# spec/02-mvp-specification.md, "MCP Tools", word for word.
TEXT = {"type": "string"}
JOB_ID = {"type": "object", "properties": {"job_id": TEXT}, "required": ["job_id"]}
EXCLUDES = [".git", "node_modules", "target", "__pycache__", ".venv"]

SCHEMAS = {
    "spawn_worker": {
        "type": "object",
        "properties": {
            "command": {"type": "string", "description": "Shell command to execute"},
            "files": {
                "type": "object",
                "properties": {
                    "local_path": {
                        "type": "string",
                        "description": "Local directory to upload (e.g., /Users/me/myapp)",
                    },
                    "exclude": {"type": "array", "items": TEXT, "default": EXCLUDES},
                },
                "required": ["local_path"],
            },
            "image": {"type": "string", "default": "ubuntu:22.04"},
            "cpus": {"type": "integer", "default": 2, "maximum": 8},
            "memory_gb": {"type": "integer", "default": 4, "maximum": 16},
            "timeout_minutes": {"type": "integer", "default": 30, "maximum": 120},
        },
        "required": ["command"],
    },
    "spawn_sub_agent": {
        "type": "object",
        "properties": {
            "task": {
                "type": "string", "description": "Clear description of what to accomplish",
            },
            "context": {
                "type": "string", "description": "Relevant context, code snippets, requirements",
            },
            "files": {
                "type": "object",
                "properties": {"local_path": TEXT, "exclude": {"type": "array", "items": TEXT}},
                "required": ["local_path"],
            },
            "git_branch": {
                "type": "string",
                "description": "Branch for sub-agent to work on (required)",
            },
            "timeout_minutes": {"type": "integer", "default": 60, "maximum": 120},
        },
        "required": ["task", "git_branch"],
    },
    "get_job_status": JOB_ID,
    "get_job_output": {
        "type": "object",
        "properties": {
            "job_id": TEXT,
            "tail": {
                "type": "integer", "default": 100, "description": "Number of lines from end",
            },
        },
        "required": ["job_id"],
    },
    "get_job_artifacts": JOB_ID,
    "download_artifact": {
        "type": "object",
        "properties": {
            "job_id": TEXT,
            "artifact_name": TEXT,
            "save_to": {"type": "string", "description": "Local path to save file"},
        },
        "required": ["job_id", "artifact_name"],
    },
    "list_jobs": {
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["all", "running", "completed", "failed"]},
            "limit": {"type": "integer", "default": 20},
        },
    },
    "kill_job": JOB_ID,
}

DESCRIPTIONS = {
    "spawn_worker": """Spawn a container to run a command (build, test, script).
Returns immediately with job ID. Job runs asynchronously.
Use get_job_status to check progress, get_job_output for logs.

Container gets:
- Your files at /work (read-only)
- /artifacts for outputs (write here)
- GitHub token for git operations

Examples: "cargo build --release", "npm test", "pytest -x\"""",
    "spawn_sub_agent": """Spawn another Claude instance to work on a task autonomously.
Returns job ID. Sub-agent works independently in its own container.

Sub-agent will:
1. Receive your files at /work (read-write)
2. Work on the specified git branch
3. Complete the task autonomously
4. Push changes to remote
5. Write summary to /artifacts

Sub-agents CANNOT spawn other agents or workers (enforced by firewall).
Use for: refactoring, implementing features, fixing bugs, writing tests.""",
    "get_job_status": "Check job status. Returns: status, elapsed time, exit code if complete.",
    "get_job_output": "Get stdout/stderr from a job. Works while running or after completion.",
    "get_job_artifacts": "List artifacts from a completed job.",
    "download_artifact": "Download an artifact to local filesystem.",
    "list_jobs": "List jobs, optionally filtered by status.",
    "kill_job": "Terminate a running job immediately.",
}

FURTHER = {"workspace", "network", "env", "keep_minutes", "client_job_id"}


@pytest.fixture
async def agent(daemon, tmp_path):
    async with agent_of(daemon, tmp_path) as connected:
        yield connected


def assert_covers(offered, wanted, where):
    """offered says all that wanted says; beyond it only optional properties may stand."""
    for key, value in wanted.items():
        assert key in offered, f"{where}: no {key}"
        if key == "properties":
            for name, schema in value.items():
                assert name in offered[key], f"{where}: no property {name}"
                assert_covers(offered[key][name], schema, f"{where}.{name}")
        else:
            assert offered[key] == value, f"{where}.{key}"
    assert sorted(offered.get("required", [])) == sorted(wanted.get("required", [])), where


async def test_there_are_the_eight_tools_and_wait_for_job(agent):
    assert sorted(agent.tools) == sorted([*SCHEMAS, "wait_for_job"])
    assert len((await agent.client.list_tools()).tools) == 9


@pytest.mark.parametrize("name", SCHEMAS)
async def test_input_schemas_are_the_specifications(agent, name):
    assert_covers(agent.tools[name].input_schema, SCHEMAS[name], name)


@pytest.mark.parametrize("name", DESCRIPTIONS)
async def test_descriptions_hold_the_specifications(agent, name):
    assert agent.tools[name].description.startswith(DESCRIPTIONS[name])


async def test_wait_for_job_takes_a_job_id(agent):
    assert_covers(agent.tools["wait_for_job"].input_schema, JOB_ID, "wait_for_job")
    assert "45" in agent.tools["wait_for_job"].description


@pytest.mark.parametrize("name", ["spawn_worker", "spawn_sub_agent"])
async def test_spawning_takes_further_optional_properties(agent, name):
    schema = agent.tools[name].input_schema
    assert FURTHER <= set(schema["properties"])
    assert not FURTHER & set(schema["required"])


async def test_each_tool_describes_its_output_and_its_effect(agent):
    for tool in agent.tools.values():
        assert tool.output_schema["type"] == "object"
        assert tool.output_schema["required"]
        assert tool.title
        assert tool.annotations is not None
    assert agent.tools["get_job_output"].annotations.read_only_hint
    assert agent.tools["kill_job"].annotations.destructive_hint
