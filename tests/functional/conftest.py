"""Fixtures of the functional tests: daemons, images, a small source tree."""

import contextlib
import os
import pathlib
import shutil
import socket
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from flashpods_test import golden, podman, programs  # noqa: E402
from flashpods_test.daemon import Daemon  # noqa: E402
from flashpods_test.own_podman import OwnPodman  # noqa: E402

# More than any machine has: admission is tested by those tests that lower it.
GENEROUS = "[capacity]\ncpus = 64\nmemory_gb = 256\n"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Shows the daemon's log beside a failure."""
    report = (yield).get_result()
    if not report.failed:
        return
    for name in ("daemon", "fresh_daemon"):
        daemon = getattr(item, "funcargs", {}).get(name)
        if daemon is not None:
            report.sections.append((f"log of {name}", daemon.log[-20000:]))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call():
    """A test that accepted golden files has compared nothing: it counts as skipped."""
    golden.accepted.clear()
    outcome = yield
    if golden.accepted:
        pytest.skip(f"rewritten, look at the difference: {', '.join(golden.accepted)}")
    return outcome


@pytest.fixture(scope="session")
def images():
    """The images that ./dev test has built; a test can't run without them."""
    missing = [name for name in (podman.BUSYBOX, podman.AGENT) if not podman.have_image(name)]
    assert not missing, f"missing images: {missing}; ./dev test builds them"


@pytest.fixture(scope="session")
def scripted_agent(images):
    """An agent's image whose task is a shell script: a test can say what it does."""
    name = "localhost/flashpods/test-scripted-agent:latest"
    yield podman.derive_image(name, {"/entrypoint.sh": '#!/bin/sh\neval "$FLASHPODS_TASK"\n'})
    podman.podman("rmi", "--force", name, check=False)


@pytest.fixture(scope="session")
def worker_image():
    """Debian with compilers: large, and so optional where tests are run by hand."""
    if not podman.have_image(podman.WORKER):
        pytest.skip("the image localhost/flashpods/worker is not built (deploy/images/build.sh worker)")
    return podman.WORKER


@pytest.fixture(scope="module")
def daemon(images):
    """A daemon with room for everything, shared by the tests of one file."""
    instance = Daemon(GENEROUS)
    try:
        yield instance.start()
    finally:
        instance.close()


@pytest.fixture
def make_daemon(images):
    """make_daemon(config) starts a daemon for this test alone; all are closed after it."""
    made = []

    def make(config=GENEROUS, start=True, **options):
        made.append(Daemon(config, **options))
        return made[-1].start() if start else made[-1]

    yield make
    for instance in made:
        instance.close()


@pytest.fixture
def fresh_daemon(make_daemon):
    """A daemon for this test alone, to be killed and restarted at will."""
    return make_daemon()


@pytest.fixture
def own_podman(images, monkeypatch):
    """A podman world for this test alone, with busybox in it; this process lives in it too."""
    with contextlib.closing(OwnPodman()) as world:
        world.live_in(monkeypatch)
        yield world


@pytest.fixture(scope="module")
def silent_registry():
    """HOST:PORT of a registry that never answers: whoever pulls from it is busy with that."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def small_disk():
    """A directory on a filesystem of 3 GB that nobody else uses; empty before and after."""
    if not (given := os.environ.get("FLASHPODS_SMALL_DISK")):
        pytest.skip("no small filesystem: ./dev test, as root, mounts one")
    directory = pathlib.Path(given)
    yield directory
    for entry in directory.iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


@pytest.fixture
def tree(tmp_path):
    """A small source tree with what an upload must keep: modes, links, empty directories."""
    root = tmp_path / "tree"
    (root / "empty").mkdir(parents=True)
    (root / "src").mkdir()
    (root / "hello.txt").write_text("hello\n")
    (root / "src" / "build.sh").write_text("#!/bin/sh\necho built >/artifacts/result.txt\n")
    (root / "src" / "build.sh").chmod(0o755)
    (root / "link").symlink_to("hello.txt")
    return root


@pytest.fixture(scope="session")
def anyio_backend():
    """What `async def` tests run on."""
    return "asyncio"


@pytest.fixture(scope="session")
def everything():
    """Whether the long forms are wanted (./dev test --all)."""
    return os.environ.get("FLASHPODS_TEST_ALL") == "1"


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes its time; runs with ./dev test --all only")


def pytest_collection_modifyitems(config, items):
    """Leaves the long forms out unless all is wanted: left out isn't skipped for want of something."""
    if os.environ.get("FLASHPODS_TEST_ALL") == "1":
        return
    long = [item for item in items if item.get_closest_marker("long")]
    items[:] = [item for item in items if item not in long]
    config.hook.pytest_deselected(items=long)


def pytest_sessionstart(session):
    programs.bin_dir()  # says at once what is missing
