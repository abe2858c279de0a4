"""What a daemon left behind that no row of its database accounts for."""

import contextlib
import json
import sqlite3

from . import processes
from .podman import podman
from .waiting import wait_until


def database(daemon):
    """The daemon's database, readable and writable; closes with the `with` statement."""
    connection = sqlite3.connect(daemon.state_dir / "db" / "flashpods.db", timeout=30)
    connection.row_factory = sqlite3.Row
    return contextlib.closing(connection)


def rows(daemon, statement, *values):
    with database(daemon) as connection:
        return connection.execute(statement, values).fetchall()


def entries(directory):
    return {path.name for path in directory.iterdir()} if directory.is_dir() else set()


def orphans(daemon):
    """Containers, processes and directories, as text; a job under way has none of its own."""
    every = rows(daemon, "SELECT * FROM jobs")
    uploads = rows(daemon, "SELECT id FROM uploads WHERE disk_gone = 0")
    state, held = daemon.state_dir, {row["id"] for row in every if not row["released_at"]}
    with_artifacts = {row["id"] for row in every if not row["artifacts_deleted_at"]}
    with_log = {row["id"] for row in every if not row["log_deleted_at"]}
    with_files = {row["id"] for row in uploads}
    log_names = {f"{job}.log{end}" for job in with_log for end in ("", ".idx")}
    return [
        *(f"container {name}" for name in job_containers() & {row["id"] for row in every} - held),
        *(f"process {words}" for words in processes_besides(daemon, held)),
        *(f"init {pid} of {job}" for pid, job in inits_of({row["id"] for row in every} - held)),
        *(f"jobs/{name}" for name in entries(state / "jobs") - held),
        *(f"artifacts/{name}" for name in entries(state / "artifacts") - with_artifacts),
        *(f"logs/{name}" for name in entries(state / "logs") - log_names),
        *(f"uploads/{name}" for name in entries(state / "uploads") - with_files),
        *(f"sealed/{name}" for name in entries(state / "sealed") - with_files),
        *(f"transfers/{name}" for name in entries(state / "transfers")),
    ]


def job_containers():
    """Names, also of what podman has only in its storage: an interrupted `podman run`."""
    listed = json.loads(wait_until(listed_containers, what="an answer of podman ps"))
    return {name for each in listed for name in each["Names"] or []}


def listed_containers():
    """What podman says, or nothing where a container went while it was looked at: podman 4 and 5
    end with an error then (issue 23492 of containers/podman)."""
    done = podman("ps", "--all", "--external", "--format=json", check=False)
    passing = ("container not known", "no such container")
    assert done.returncode == 0 or any(why in done.stderr for why in passing), done.stderr
    return (done.stdout.strip() or "[]") if done.returncode == 0 else None


def processes_besides(daemon, held):
    """Command lines that name the state directory and no job under way, the daemon's left out."""
    for process in processes.belonging_to(daemon.state_dir):
        words = " ".join(process.info["cmdline"])
        if process.pid != daemon.process.pid and not any(job in words for job in held):
            yield words


def inits_of(job_ids):
    """First processes of these jobs' containers, known by what they have mounted."""
    for pid, places in processes.first_of_containers():
        yield from ((pid, job) for job in job_ids if f"/{job}/" in places)


def wait_until_settled(daemon, timeout=120):
    """Waits until every job is released and nothing is left of any; says what is in the way."""

    def unsettled():
        under_way = rows(daemon, "SELECT id, status FROM jobs WHERE released_at IS NULL")
        return [f"{row['id']} {row['status']}" for row in under_way] + orphans(daemon)

    seen = []

    def settled():
        seen[:] = unsettled()
        return not seen

    try:
        wait_until(settled, timeout, interval=0.2)
    except AssertionError as late:
        raise AssertionError(f"not settled: {seen}") from late
