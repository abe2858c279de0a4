"""Which files an agent may send and where it may save: never more than its user would allow."""

import os
import stat
import subprocess

import pytest
from mcp import types

from flashpods_test.agent import agent_of, fenced_part
from flashpods_test.podman import BUSYBOX

pytestmark = pytest.mark.anyio


@pytest.fixture
def project(tmp_path):
    """The directory in which the server starts; beside it lies what it must not touch."""
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "private.txt").write_text("private\n")
    return root


@pytest.fixture
async def agent(daemon, project):
    async with agent_of(daemon, project) as connected:
        yield connected


async def spawn(agent, local_path, command="true", **arguments):
    files = {"local_path": str(local_path)} | arguments.pop("files", {})
    return await agent.call("spawn_worker", command=command, image=BUSYBOX, files=files,
                            **arguments)


async def refusal(agent, local_path, **arguments):
    return await agent.refusal("spawn_worker", command="true", image=BUSYBOX,
                               files={"local_path": str(local_path)}, **arguments)


async def listing(agent, local_path, **arguments):
    """The paths that a job finds in /work."""
    ended = await agent.run(
        command="cd /work && find . -mindepth 1 | sort", image=BUSYBOX,
        files={"local_path": str(local_path)} | arguments.pop("files", {}), **arguments,
    )
    output = await agent.data("get_job_output", job_id=ended["job_id"], tail=1000)
    return output["output"].splitlines()


# Sending

async def test_a_directory_that_is_missing(agent):
    text = await refusal(agent, "no-such-directory")
    assert "path_not_found" in text and "no-such-directory" in text and "directory" in text


async def test_a_file_instead_of_a_directory(agent, project):
    (project / "main.c").write_text("int main;\n")
    text = await refusal(agent, project / "main.c")
    assert "not_a_directory" in text and "name the directory" in text


async def test_a_directory_outside_the_roots(agent, project):
    for path in (project.parent / "elsewhere", "../elsewhere", project.parent):
        text = await refusal(agent, path)
        assert "path_not_allowed" in text
        assert str(project) in text and "allowed_paths" in text


async def test_a_link_that_leads_outside(agent, project):
    (project / "link").symlink_to(project.parent / "elsewhere")
    assert "path_not_allowed" in await refusal(agent, "link")


async def test_a_directory_that_cannot_be_read(agent, project):
    (project / "closed").mkdir(mode=0)
    try:
        assert "unreadable" in await refusal(agent, "closed")
        assert "closed" in await refusal(agent, ".")
    finally:
        (project / "closed").chmod(0o700)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_never_the_whole_machine_nor_home_whatever_the_roots(daemon, tmp_path, mode):
    home = tmp_path / "home"
    for name in (".ssh", "work/app"):
        (home / name).mkdir(parents=True)

    async def everything(_context):
        return types.ListRootsResult(roots=[types.Root(uri="file:///")])

    async with agent_of(daemon, home, {"HOME": str(home)}, mode=mode,
                        list_roots_callback=everything) as agent:
        for path in ("/", home, "~", home / ".ssh", "~/.ssh", tmp_path, home / "work" / ".."):
            assert "path_not_allowed" in await refusal(agent, path), path
        spawned = await spawn(agent, "~/work/app")
        assert not spawned.is_error


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_clients_roots_replace_the_start_directory(daemon, project, mode):
    root = project.parent / "a root with spaces"
    (root / "app").mkdir(parents=True)
    (root / "app" / "here.txt").write_text("here\n")

    async def roots(_context):
        return types.ListRootsResult(roots=[types.Root(uri=root.as_uri())])

    async with agent_of(daemon, project, mode=mode, list_roots_callback=roots) as agent:
        assert await listing(agent, "app") == ["./here.txt"]
        assert "path_not_allowed" in await refusal(agent, project)


async def test_allowed_paths_of_the_users_configuration(daemon, project, tmp_path):
    config = tmp_path / "config" / "flashpods"
    config.mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    (config / "config.toml").write_text(f'allowed_paths = ["{elsewhere}"]\n')
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    async with agent_of(daemon, project, environment) as agent:
        assert await listing(agent, elsewhere) == ["./private.txt"]


async def test_default_excludes_and_those_asked_for(agent, project):
    for name in (".git", "node_modules", "target", "__pycache__", ".venv", "src", "docs"):
        (project / name).mkdir()
        (project / name / "file").write_text(name)
    assert await listing(agent, ".") == ["./docs", "./docs/file", "./src", "./src/file"]
    files = {"exclude": [".git", "docs", "/target", "node_modules"]}
    found = await listing(agent, ".", files=files)
    assert "./src/file" in found and "./.venv/file" in found
    assert not [path for path in found if path.startswith(("./docs", "./.git", "./target"))]


async def test_what_git_ignores_stays_at_home(agent, project):
    for name in ("build", "src"):
        (project / name).mkdir()
        (project / name / "a.o").write_text(name)
        (project / name / "a.c").write_text(name)
    (project / ".gitignore").write_text("/build/\n*.o\n")
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    assert await listing(agent, ".", gitignore=True) == ["./.gitignore", "./src", "./src/a.c"]
    assert "./build/a.o" in await listing(agent, ".")


async def test_gitignore_without_git_says_so(agent, project):
    (project / "a.c").write_text("x")
    assert "not_a_git_tree" in await refusal(agent, ".", gitignore=True)


async def test_likely_secrets_that_go_along_are_named(agent, project):
    for name in (".env", ".npmrc", "deploy.pem", ".env.example", "main.c"):
        (project / name).write_text("x")
    (project / "keys").mkdir()
    (project / "keys" / "id_ed25519").write_text("x")
    spawned = await spawn(agent, ".")
    assert len(spawned.structured_content["warnings"]) == 1
    named = spawned.structured_content["likely_secrets"]
    assert sorted(named) == [".env", ".npmrc", "deploy.pem", "keys/id_ed25519"]
    assert "deploy.pem" in fenced_part(spawned.content[0].text)[0]


async def test_above_the_quota_nothing_is_sent_and_the_largest_are_named(make_daemon, project):
    daemon = make_daemon("[uploads]\nmax_upload_mb = 2\n")
    (project / "data").mkdir()
    (project / "data" / "huge.bin").write_bytes(b"\0" * 3_000_000)
    (project / "main.c").write_text("int main;\n")
    async with agent_of(daemon, project) as agent:
        text = await refusal(agent, ".")
        assert "upload_too_large" in text and "Nothing was sent" in text
        assert "data/" in text and "exclude" in text
        # What it proposes works.
        assert await listing(agent, ".", files={"exclude": ["/data/"]}) == ["./main.c"]


# Saving

@pytest.fixture
async def job(agent):
    """A job that left a program and a text behind."""
    ended = await agent.run(
        command="cp /bin/busybox /artifacts/prog; echo text >/artifacts/notes.txt", image=BUSYBOX
    )
    assert ended["artifact_count"] == 2
    return ended["job_id"]


async def save(agent, job, **arguments):
    return await agent.data("download_artifact", job_id=job, artifact_name="notes.txt",
                            **arguments)


async def not_saved(agent, job, **arguments):
    return await agent.refusal("download_artifact", job_id=job, artifact_name="notes.txt",
                               **arguments)


async def test_without_save_to_it_goes_to_a_directory_of_the_job(agent, job, project):
    saved = await agent.data("download_artifact", job_id=job, artifact_name="prog")
    path = project / ".flashpods" / job / "prog"
    assert saved["path"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) & 0o7111 == 0
    listed = await agent.data("get_job_artifacts", job_id=job)
    [promised] = [each for each in listed["artifacts"] if each["name"] == "prog"]
    assert (saved["sha256"], saved["size_bytes"]) == (promised["sha256"], promised["size_bytes"])


async def test_save_to_a_file_a_directory_and_a_new_directory(agent, job, project):
    (project / "out").mkdir()
    assert (await save(agent, job, save_to="copy.txt"))["path"] == str(project / "copy.txt")
    assert (await save(agent, job, save_to="out"))["path"] == str(project / "out" / "notes.txt")
    deep = project / "new" / "deep" / "notes.txt"
    assert (await save(agent, job, save_to=f"{deep.parent}/"))["path"] == str(deep)
    assert deep.read_text() == "text\n"


async def test_it_never_overwrites_unless_told(agent, job, project):
    (project / "mine.txt").write_text("mine\n")
    text = await not_saved(agent, job, save_to="mine.txt")
    assert "file_exists" in text and "overwrite" in text
    assert (project / "mine.txt").read_text() == "mine\n"
    await save(agent, job, save_to="mine.txt", overwrite=True)
    assert (project / "mine.txt").read_text() == "text\n"


async def test_it_saves_inside_the_roots_only(agent, job, project):
    outside = project.parent / "elsewhere"
    for path in (outside / "x", "../elsewhere/x", "/tmp/x", "/etc/x", "~/x", "~/.ssh/x", "/"):
        text = await not_saved(agent, job, save_to=str(path))
        assert "path_not_allowed" in text or "invalid_path" in text, path
    assert sorted(os.listdir(outside)) == ["private.txt"]


async def test_it_follows_no_link(agent, job, project):
    outside = project.parent / "elsewhere"
    (project / "directory").symlink_to(outside)
    (project / "file").symlink_to(outside / "private.txt")
    (project / "dangling").symlink_to(outside / "made-by-us")
    for target in ("directory/x", "directory/", "file", "dangling", "dangling/x"):
        await not_saved(agent, job, save_to=target)
    await save(agent, job, save_to="file", overwrite=True)
    assert (project / "file").read_text() == "text\n" and not (project / "file").is_symlink()
    assert sorted(os.listdir(outside)) == ["private.txt"]
    assert (outside / "private.txt").read_text() == "private\n"


async def test_it_saves_nothing_that_programs_obey(agent, project):
    (project / ".git").mkdir()
    (project / "innocent").symlink_to(".git")
    ended = await agent.run(
        command="cd /artifacts; echo x >notes.txt; echo x >.envrc; echo x >CLAUDE.md", image=BUSYBOX
    )
    job = ended["job_id"]
    for target in (".git/config", ".GIT/hooks/post-checkout", "innocent/config", ".mcp.json",
                   "src/.vscode/tasks.json", ".claude/", "AGENTS.md", ".github/workflows/ci.yml"):
        assert "path_not_allowed" in await not_saved(agent, job, save_to=target, overwrite=True)
    for name in (".envrc", "CLAUDE.md"):
        arguments = {"job_id": job, "artifact_name": name}
        assert "path_not_allowed" in await agent.refusal("download_artifact", **arguments)
        await agent.data("download_artifact", save_to=f"plain{name}", **arguments)
    assert not any((project / ".git").iterdir())
    assert not (project / ".flashpods").exists()


async def test_a_directory_in_the_way_stays(agent, job, project):
    (project / ".flashpods" / job / "notes.txt").mkdir(parents=True)
    assert "file_exists" in await not_saved(agent, job)


async def test_an_artifact_that_is_not_there(agent, job):
    text = await agent.refusal("download_artifact", job_id=job, artifact_name="nope")
    assert "artifact_not_found" in text and "notes.txt" in text and "prog" in text
    for name in ("../notes.txt", "/etc/passwd", "..", ""):
        await agent.refusal("download_artifact", job_id=job, artifact_name=name)
