-- The schema, version 1 (PRAGMA user_version). Tables and columns of the specification first, ours
-- after them. Times are RFC 3339 UTC with milliseconds, so they sort as text.

CREATE TABLE jobs (
    id TEXT PRIMARY KEY,                       -- job_ and 16 characters of [a-z2-7]
    user_id TEXT NOT NULL DEFAULT 'default',
    job_type TEXT NOT NULL CHECK (job_type IN ('worker', 'agent')),
    status TEXT NOT NULL CHECK (status IN ('pending', 'starting', 'running', 'completed', 'failed',
                                           'timed_out', 'cancelled', 'cleaning', 'cleaned')),
    command TEXT,                              -- worker
    task TEXT,                                 -- agent
    context TEXT,
    git_branch TEXT,
    files_id TEXT,                             -- the upload that is its /work
    image TEXT NOT NULL,
    cpus INTEGER NOT NULL DEFAULT 2,
    memory_gb INTEGER NOT NULL DEFAULT 4,
    timeout_minutes INTEGER NOT NULL DEFAULT 30,
    container_id TEXT,
    exit_code INTEGER,                         -- the command's own; null if a signal ended it
    error TEXT,                                -- cause word: exit, signal, oom_killed, timed_out, …
    created_at TEXT NOT NULL,
    started_at TEXT,
    completed_at TEXT,

    outcome TEXT,                              -- terminal state, kept when status is cleaned
    message TEXT,                              -- for a person: podman's words, what to do
    hint TEXT,                                 -- our advice; never quotes the job
    signal INTEGER,                            -- what killed the command, if a signal did
    image_digest TEXT,                         -- what really ran
    network TEXT NOT NULL DEFAULT 'internet',
    workspace TEXT NOT NULL DEFAULT 'ro',      -- ro | scratch | rw (agents)
    env TEXT NOT NULL DEFAULT '{}',            -- JSON object; non-secret by contract
    name TEXT,
    labels TEXT NOT NULL DEFAULT '{}',         -- JSON object, the client's own
    keep_minutes INTEGER NOT NULL DEFAULT 60,  -- artifacts
    client_job_id TEXT,
    request TEXT NOT NULL DEFAULT '{}',        -- the request as accepted, for `differs`
    adjusted TEXT NOT NULL DEFAULT '{}',       -- what was granted below the request
    limits TEXT NOT NULL DEFAULT 'enforced',   -- enforced | unenforced
    traceparent TEXT,
    stop_requested_at TEXT,                    -- DELETE was asked: the intent, before any signal
    log_bytes INTEGER NOT NULL DEFAULT 0,      -- when it ended
    log_truncated INTEGER NOT NULL DEFAULT 0,
    log_deleted_at TEXT,
    log_expires_at TEXT,
    artifacts_deleted_at TEXT,
    artifacts_expires_at TEXT,
    rejected TEXT NOT NULL DEFAULT '[]',       -- artifacts that were not kept: [{name, reason}]
    released_at TEXT                           -- container confirmed gone: cpus and memory are free
) STRICT;

CREATE INDEX idx_jobs_user_id ON jobs(user_id);
CREATE INDEX idx_jobs_status ON jobs(status);
CREATE INDEX idx_jobs_created_at ON jobs(created_at, id);
CREATE INDEX idx_jobs_holding ON jobs(id) WHERE released_at IS NULL;
-- What the sweep of each minute looks at: not all the jobs that there ever were.
CREATE INDEX idx_jobs_kept ON jobs(completed_at, id) WHERE status <> 'cleaned';

-- A key may be used again once its job is cleaned, so it is unique among active rows only.
CREATE TABLE idempotency_keys (
    client_job_id TEXT NOT NULL,
    job_id TEXT NOT NULL REFERENCES jobs(id),
    active INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE UNIQUE INDEX idx_idempotency_active ON idempotency_keys(client_job_id) WHERE active = 1;
CREATE INDEX idx_idempotency_job ON idempotency_keys(job_id);

CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL DEFAULT 'default',
    state TEXT NOT NULL CHECK (state IN ('uploading', 'finalized', 'consumed', 'expired')),
    size_bytes INTEGER,
    file_count INTEGER,
    created_at TEXT NOT NULL,
    finalized_at TEXT,
    consumed_at TEXT,
    expires_at TEXT,
    job_id TEXT REFERENCES jobs(id),           -- the job that reserved or consumed it

    owner TEXT NOT NULL DEFAULT '',            -- the address that began it: no one else goes on
    deleted INTEGER NOT NULL DEFAULT 0,        -- expired by DELETE, not by its TTL
    disk_gone INTEGER NOT NULL DEFAULT 0       -- its directory is removed (or moved to its job)
) STRICT;

CREATE INDEX idx_uploads_state ON uploads(state);
CREATE INDEX idx_uploads_expires_at ON uploads(expires_at);

CREATE TABLE artifacts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL REFERENCES jobs(id),
    name TEXT NOT NULL,
    path TEXT NOT NULL,                        -- file name within the job's artifact directory
    size_bytes INTEGER NOT NULL,
    created_at TEXT NOT NULL,

    sha256 TEXT NOT NULL,
    UNIQUE (job_id, name)
) STRICT;

CREATE INDEX idx_artifacts_job_id ON artifacts(job_id);

-- One row a change, written in the same transaction as the change.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT,
    upload_id TEXT,
    kind TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;

CREATE INDEX idx_events_job ON events(job_id);

-- Facts about this state directory: instance (its id, the container label flashpods-instance).
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
