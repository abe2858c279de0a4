#include "mcp/tools/run_spawn.h"
#include "mcp/tools/tools.h"

namespace flashpods::mcp {

namespace {

constexpr std::string_view kDescription =
    R"text(Spawn a container to run a command (build, test, script).
Returns immediately with job ID. Job runs asynchronously.
Use get_job_status to check progress, get_job_output for logs.

Container gets:
- Your files at /work (read-only)
- /artifacts for outputs (write here)
- GitHub token for git operations

Examples: "cargo build --release", "npm test", "pytest -x"

A command that writes beside its sources (make, npm install) needs workspace "scratch": a writable
copy of /work that is thrown away. Copy what you want to keep to /artifacts.)text";

constexpr std::string_view kInput = R"json({
  "type": "object",
  "properties": {
    "command": {
      "type": "string",
      "description": "Shell command to execute"
    },
    "files": {
      "type": "object",
      "properties": {
        "local_path": {
          "type": "string",
          "description": "Local directory to upload (e.g., /Users/me/myapp)"
        },
        "exclude": {
          "type": "array",
          "items": {"type": "string"},
          "default": [".git", "node_modules", "target", "__pycache__", ".venv"]
        }
      },
      "required": ["local_path"]
    },
    "image": {"type": "string", "default": "ubuntu:22.04"},
    "cpus": {"type": "integer", "default": 2, "maximum": 8},
    "memory_gb": {"type": "integer", "default": 4, "maximum": 16},
    "timeout_minutes": {"type": "integer", "default": 30, "maximum": 120},
    "workspace": {
      "type": "string",
      "enum": ["ro", "scratch"],
      "default": "ro",
      "description": "scratch: /work is a writable copy that is thrown away at the end"
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
  "required": ["command"]
})json";

Awaitable<Result<ToolReply>> handle(Call& call) { return run_spawn(call, JobType::kWorker); }

}  // namespace

Tool spawn_worker_tool() {
  return {"spawn_worker",
          "Run a command in a container",
          kDescription,
          kInput,
          kSpawnReplySchema,
          {.read_only = false, .destructive = false, .idempotent = false},
          true,
          handle};
}

}  // namespace flashpods::mcp
