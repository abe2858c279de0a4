"""Looking at the user's Podman, and removing what a test left behind."""

import json
import pathlib
import subprocess
import tempfile

BUSYBOX = "localhost/flashpods/busybox:latest"
AGENT = "localhost/flashpods/agent-test:latest"
WORKER = "localhost/flashpods/worker:latest"


def podman(*arguments, check=True, **options):
    return subprocess.run(
        ["podman", *arguments], check=check, capture_output=True, text=True, **options
    )


def have_image(name):
    return podman("image", "exists", name, check=False).returncode == 0


def containers(**labels):
    """All containers with these labels (underscores stand for dashes), running or not."""
    filters = [
        f"--filter=label={name.replace('_', '-')}={value}" for name, value in labels.items()
    ]
    return json.loads(podman("ps", "--all", "--format=json", *filters).stdout or "[]")


def inspect(container):
    return json.loads(podman("container", "inspect", container).stdout)[0]


def derive_image(name, files, changes=(), base=BUSYBOX):
    """Makes an image: the base with {path: text} added, each executable, and Dockerfile lines."""
    container = podman("create", base, "true").stdout.strip()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            for number, (path, text) in enumerate(files.items()):
                file = pathlib.Path(scratch) / str(number)
                file.write_text(text)
                file.chmod(0o755)
                podman("cp", str(file), f"{container}:{path}")
        podman("commit", "--quiet", *(f"--change={line}" for line in changes), container, name)
    finally:
        podman("rm", "--force", container, check=False)
    return name


def containers_of(state_dir):
    """Ids of the containers that mount something from this state directory, or that its database
    names: of one whose removal was interrupted podman knows no mounts any more."""
    noted = b"".join(path.read_bytes() for path in state_dir.glob("db/flashpods.db*"))
    return [
        each["Id"]
        for each in containers(flashpods_job="true")
        if each["Labels"]["flashpods-job-id"].encode() in noted
        or mounts_from(each["Id"], state_dir)
    ]


def mounts_from(container, directory):
    """One at a time: another test's container may vanish meanwhile, and podman then says nothing."""
    described = json.loads(podman("container", "inspect", container, check=False).stdout or "[]")
    return any(f"{directory}/" in json.dumps(each["Mounts"]) for each in described)


def remove_containers_of(state_dir):
    left = containers_of(state_dir)
    if left:
        podman("rm", "--force", "--time=0", *left, check=False)


def remove_tree(path):
    """Removes a directory in which containers may have left files of other (sub)uids."""
    subprocess.run(["rm", "-rf", "--", str(path)], check=False, capture_output=True)
    if path.exists():
        podman("unshare", "rm", "-rf", "--", str(path), check=False)
