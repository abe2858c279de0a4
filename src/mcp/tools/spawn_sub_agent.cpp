#include "mcp/tools/run_spawn.h"
#include "mcp/tools/tools.h"

namespace flashpods::mcp {

namespace {

constexpr std::string_view kDescription =
    R"text(Spawn another Claude instance to work on a task autonomously.
Returns job ID. Sub-agent works independently in its own container.

Sub-agent will:
1. Receive your files at /work (read-write)
2. Work on the specified git branch
3. Complete the task autonomously
4. Push changes to remote
5. Write summary to /artifacts

Sub-agents CANNOT spawn other agents or workers (enforced by firewall).
Use for: refactoring, implementing features, fixing bugs, writing tests.

Without files.exclude, node_modules, target, __pycache__ and .venv are not sent; .git is.)text";

constexpr std::string_view kInput = R"json({
  "type": "object",
  "properties": {
    "task": {
      "type": "string",
      "description": "Clear description of what to accomplish"
    },
    "context": {
      "type": "string",
      "description": "Relevant context, code snippets, requirements"
    },
    "files": {
      "type": "object",
      "properties": {
        "local_path": {"type": "string"},
        "exclude": {"type": "array", "items": {"type": "string"}}
      },
      "required": ["local_path"]
    },
    "git_branch": {
      "type": "string",
      "description": "Branch for sub-agent to work on (required)"
    },
    "timeout_minutes": {"type": "integer", "default": 60, "maximum": 120},
    "workspace": {
      "type": "string",
      "enum": ["ro", "scratch"],
      "description": "An agent's /work is always a writable copy; scratch says so"
    },
    "network": {
      "type": "string",
      "enum": ["internet", "none"],
      "default": "internet"
    },
    "read_only_root": {
      "type": "boolean",
      "default": false,
      "description": "The image's files cannot be changed; /tmp, /var/tmp and /run stay writable"
    },
    "env": {
      "type": "object",
      "additionalProperties": {"type": "string"},
      "description": "Environment variables of the job. Never put secrets here"
    },
    "gitignore": {
      "type": "boolean",
      "default": false,
      "description": "Also leave out what git ignores"
    },
    "keep_minutes": {
      "type": "integer",
      "default": 60,
      "description": "How long artifacts are kept after the job's end"
    },
    "name": {"type": "string", "description": "A name to find the job by"},
    "labels": {
      "type": "object",
      "additionalProperties": {"type": "string"}
    },
    "client_job_id": {
      "type": "string",
      "description": "Idempotency key: never makes two jobs; resumes an interrupted upload"
    },
    "files_id": {
      "type": "string",
      "description": "An upload that is on the server already, instead of files"
    }
  },
  "required": ["task", "git_branch"]
})json";

Awaitable<Result<ToolReply>> handle(Call& call) { return run_spawn(call, JobType::kAgent); }

}  // namespace

Tool spawn_sub_agent_tool() {
  return {"spawn_sub_agent",
          "Delegate a task to another agent",
          kDescription,
          kInput,
          kSpawnReplySchema,
          {.read_only = false, .destructive = false, .idempotent = false},
          true,
          handle};
}

}  // namespace flashpods::mcp
