"""Attacks 4 and 8: what an image can bring along."""

import contextlib
import io
import os
import tarfile
import tempfile
import uuid

import pytest

from flashpods_test import jobs, podman
from flashpods_test.daemon import Daemon

ROOM = "[capacity]\ncpus = 64\nmemory_gb = 256\n"


@pytest.fixture(scope="module")
def made(images):
    """Names of the images made here. They go after the daemon: a job may still be using one."""
    names = []
    yield names
    if names:
        podman.podman("rmi", "--force", *names, check=False)


@pytest.fixture(scope="module")
def daemon(made):
    with contextlib.closing(Daemon(ROOM)) as instance:
        yield instance.start()


@pytest.fixture(scope="module")
def impatient(made):
    """A daemon for images with which no start comes to its end."""
    with contextlib.closing(Daemon(ROOM + "[jobs]\nstart_limit_seconds = 20\n")) as instance:
        yield instance.start()


@pytest.fixture(scope="module")
def busybox_tar(images):
    """The root filesystem of the test image."""
    container = podman.podman("create", podman.BUSYBOX, "true").stdout.strip()
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "root.tar")
        podman.podman("export", "--output", path, container)
        podman.podman("rm", container)
        with open(path, "rb") as file:
            yield file.read()


@pytest.fixture
def make_image(busybox_tar, made):
    """make_image(members, changes): the test image with these tar members in the place of its own."""

    def make(members=(), changes=(), options=()):
        name = f"localhost/flashpods/test-hostile-{uuid.uuid4().hex[:12]}:latest"
        with tempfile.NamedTemporaryFile(suffix=".tar") as file:
            rewrite(busybox_tar, members, file)
            file.flush()
            words = [f"--change={line}" for line in changes]
            podman.podman("import", "--quiet", *options, *words, file.name, name)
        made.append(name)
        return name

    return make


def rewrite(original, members, file):
    replaced = {member.name for member, _ in members}
    with tarfile.open(fileobj=io.BytesIO(original)) as source, \
         tarfile.open(fileobj=file, mode="w") as target:
        for member in source:
            if member.name.strip("./") not in replaced:
                target.addfile(member, source.extractfile(member) if member.isreg() else None)
        for member, content in members:
            target.addfile(member, io.BytesIO(content))


def member(name, kind=tarfile.REGTYPE, link="", content=b"", mode=0o755):
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode, made.size = kind, link, mode, len(content)
    return made, content


def link(name, target):
    return member(name, tarfile.SYMTYPE, target)


SAY = "echo ran as $(id -u) in $(pwd)"

# Dockerfile lines that would change who runs, what runs, where, or what is mounted.
CHANGES = {
    "user root": ["USER root"],
    "user 0": ["USER 0:0"],
    "unknown user": ["USER nobody-at-all"],
    "workdir of a descriptor": ["WORKDIR /proc/self/fd/7"],
    "workdir that climbs": ["WORKDIR /../../../../proc/self/fd/8/../../.."],
    "volume proc": ["VOLUME /proc"],
    "volume work": ["VOLUME /work"],
    "volume artifacts": ["VOLUME /artifacts"],
    "volume root": ["VOLUME /"],
    "volume that climbs": ["VOLUME /../../../../tmp/evil"],
    "entrypoint": ['ENTRYPOINT ["/bin/false"]'],
    "command": ['CMD ["/bin/false"]'],
    "preload": ["ENV LD_PRELOAD=/evil.so", "ENV LD_LIBRARY_PATH=/evil", "ENV BASH_ENV=/evil"],
    "container tools": ["ENV CONTAINER_HOST=tcp://1.2.3.4:5", "ENV PODMAN_USERNS=host",
                        "ENV CONTAINERS_CONF=/evil", "ENV NOTIFY_SOCKET=/evil"],
    "path": ["ENV PATH=/bin:/proc/self/cwd"],
    "stop signal": ["STOPSIGNAL SIGSTOP"],
    "ports": ["EXPOSE 8080"],
    "labels": ["LABEL flashpods-job=true", "LABEL flashpods-job-id=job_aaaaaaaaaaaaaaaa",
               "LABEL flashpods-instance=another", "LABEL io.podman.annotations.privileged=TRUE"],
    "huge labels": [f"LABEL huge{number}=" + "x" * 100_000 for number in range(15)],
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
def test_04_an_images_configuration_changes_nothing(daemon, make_image, changes):
    job = jobs.run(daemon, SAY, image=make_image(changes=changes))
    assert job["status"] == "completed", job
    assert jobs.output(daemon, job["id"]) == f"ran as {os.getuid()} in /work\n"


def test_04_an_images_health_check_never_runs(daemon, make_image, tmp_path):
    image = make_image()
    recipe = f"FROM {image}\nHEALTHCHECK --interval=1s CMD touch /artifacts/checked\n"
    podman.podman("build", "--quiet", "--format=docker", f"--tag={image}", "-", input=recipe)
    assert "checked" in podman.podman("image", "inspect", image).stdout
    job = jobs.create(daemon, jobs.worker(jobs.HOLD, image=image))
    jobs.wait_for(daemon, job, {"running"})
    assert "checked" not in str(podman.inspect(job)["Config"].get("Healthcheck"))
    jobs.let_go(daemon, job)
    assert jobs.wait_for(daemon, job)["artifacts"]["count"] == 0


def test_04_labels_of_an_image_do_not_make_a_job(daemon, make_image):
    """The labels of the container are ours, whatever the image says."""
    job = jobs.create(daemon, jobs.worker(jobs.HOLD, image=make_image(changes=CHANGES["labels"])))
    jobs.wait_for(daemon, job, {"running"})
    labels = podman.inspect(job)["Config"]["Labels"]
    assert labels["flashpods-job-id"] == job
    assert labels["flashpods-instance"] == daemon.api.get("/health").json()["instance"]
    jobs.let_go(daemon, job)
    jobs.wait_for(daemon, job)


# Links in the place of what podman and we mount onto or read
MOUNT_POINTS = {
    "work to proc": [link("work", "/proc/self")],
    "work to the host": [link("work", "../../../../../../tmp")],
    "artifacts to etc": [link("artifacts", "/etc")],
    "artifacts to the host": [link("artifacts", "../../../../../../../../tmp")],
    "artifacts to work": [link("artifacts", "/work")],
    "private directory": [link("tmp/flashpods", "/../../../tmp")],
    "tmp": [link("tmp", "/proc/1/root/tmp")],
    "hosts": [link("etc/hosts", "/proc/self/environ")],
    "resolv.conf": [link("etc/resolv.conf", "../../../../../../etc/shadow")],
    "init": [link("dev/init", "/proc/self/exe")],
    "run": [link("run", "/proc/self/root")],
}


# Where these links would lead on the host
OUTSIDE = ("/", "/etc", "/tmp", "/run", "/root", "/var/tmp", os.path.expanduser("~"))


def names_in(directories):
    """All that we may list there."""
    readable = [directory for directory in directories if os.access(directory, os.R_OK)]
    return [f"{directory}/{name}" for directory in readable for name in os.listdir(directory)]


@pytest.mark.parametrize("members", MOUNT_POINTS.values(), ids=MOUNT_POINTS.keys())
def test_04_links_in_the_way_lead_nothing_out(daemon, make_image, members):
    """It runs in its own files, or does not run: nothing on the host changes."""
    marker = f"fp-evil-{uuid.uuid4().hex}"
    command = f"{SAY}; touch /artifacts/{marker} /tmp/{marker} /work/{marker}"
    job = jobs.run(daemon, command, image=make_image(members))
    assert not [name for name in names_in(OUTSIDE) if marker in name]
    if job["error"] != "container_start_failed":
        assert f"ran as {os.getuid()} in /work\n" in jobs.output(daemon, job["id"])


SYSTEM_FILES = {
    "passwd is a FIFO": [member("etc/passwd", tarfile.FIFOTYPE)],
    "passwd leads to a FIFO": [link("etc/passwd", "/fifo"), member("fifo", tarfile.FIFOTYPE)],
    "passwd leads to the host": [link("etc/passwd", "../../../../../../../../etc/shadow")],
    "passwd is a directory": [member("etc/passwd", tarfile.DIRTYPE)],
    "passwd is noise": [member("etc/passwd", content=b"\0\xff:\n" * 1000)],
    "group is a FIFO": [member("etc/group", tarfile.FIFOTYPE)],
    "group leads to zero": [link("etc/group", "/dev/zero")],
    "passwd leads to zero": [link("etc/passwd", "/dev/zero")],
}


@pytest.mark.parametrize("members", SYSTEM_FILES.values(), ids=SYSTEM_FILES.keys())
def test_08_system_files_that_hang_a_reader_hang_one_start_at_most(impatient, make_image, members):
    """It ends within the limit for starting, and others start meanwhile."""
    daemon = impatient
    hostile = jobs.create(daemon, jobs.worker(SAY, image=make_image(members)))
    other = jobs.run(daemon, "echo beside")
    assert jobs.output(daemon, other["id"]) == "beside\n"
    job = jobs.wait_for(daemon, hostile)
    if job["status"] == "completed":
        assert f"ran as {os.getuid()} in /work\n" in jobs.output(daemon, hostile)
    else:
        assert job["error"] == "container_start_failed", job
        assert jobs.output(daemon, hostile) == ""
    jobs.wait_until_removed(hostile)


SHELLS = {
    "is missing": [member("bin/sh", tarfile.DIRTYPE)],
    "is noise": [member("bin/sh", content=b"\x7fELF" + b"\xff" * 100)],
    "is of another machine": [
        member("bin/sh", content=b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x02\0\xf3\0" + b"\0" * 44)
    ],
    "is our own program": [link("bin/sh", "/proc/self/exe")],
    "is a FIFO": [member("bin/sh", tarfile.FIFOTYPE)],
    "asks for itself": [member("bin/sh", content=b"#!/bin/sh\n")],
}


@pytest.mark.parametrize("members", SHELLS.values(), ids=SHELLS.keys())
def test_04_an_image_whose_shell(daemon, make_image, members):
    """…cannot run: the job fails and says so, and the next one runs."""
    job = jobs.run(daemon, "echo never", image=make_image(members))
    assert job["status"] == "failed", job
    assert "never" not in jobs.output(daemon, job["id"])
    assert jobs.run(daemon, "true")["status"] == "completed"


def test_04_an_image_of_another_architecture(daemon, make_image):
    """What it says of itself is no reason to trust or refuse it: its programs decide."""
    job = jobs.run(daemon, SAY, image=make_image(options=["--arch=s390x", "--os=plan9"]))
    assert job["status"] in ("completed", "failed"), job
    assert jobs.run(daemon, "true")["status"] == "completed"


def test_12_a_setuid_program_gives_nothing(daemon, make_image, busybox_tar):
    """no-new-privileges, no capabilities, and the container's root is nobody here."""
    with tarfile.open(fileobj=io.BytesIO(busybox_tar)) as root:
        busybox = root.extractfile("bin/busybox").read()
    image = make_image([member("bin/busybox-setuid", content=busybox, mode=0o6755)])
    command = "[ -u /bin/busybox-setuid ] && echo setuid; /bin/busybox-setuid id -u"
    job = jobs.run(daemon, command, image=image)
    assert jobs.output(daemon, job["id"]) == f"setuid\n{os.getuid()}\n"
