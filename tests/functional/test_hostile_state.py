"""Attack 20: a state directory that was damaged while no daemon ran."""

import os

import pytest

from flashpods_test import jobs

PAGE = 4096


@pytest.fixture
def stopped(make_daemon):
    """A daemon that has ended, and the job that it ran."""
    daemon = make_daemon()
    job = jobs.run(daemon, "echo log; echo kept >/artifacts/kept")
    assert daemon.stop() == 0
    daemon.job = job["id"]
    return daemon


def database(daemon):
    return daemon.state_dir / "db" / "flashpods.db"


def files_below(daemon, *places):
    return sorted(path for place in places for path in (daemon.state_dir / place).rglob("*"))


def complaint(daemon):
    [line] = [each for each in daemon.log.splitlines() if each.startswith("flashpodsd: ")]
    return line


def ends_saying(daemon, words):
    """It does not start, says why, and has touched nothing."""
    bytes_before, files = database(daemon).read_bytes(), files_below(daemon, "logs", "artifacts")
    assert files
    daemon.start(wait=False)
    assert daemon.process.wait(30) == 1
    assert words in complaint(daemon)
    assert database(daemon).read_bytes() == bytes_before
    assert files_below(daemon, "logs", "artifacts") == files


def overwrite(path, offset, data):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def test_20_a_file_that_is_no_database(stopped):
    overwrite(database(stopped), 0, bytes(100))
    ends_saying(stopped, "flashpods.db")


@pytest.mark.parametrize("page", range(1, 4))
def test_20_pages_of_noise(stopped, page):
    overwrite(database(stopped), page * PAGE, os.urandom(PAGE))
    ends_saying(stopped, "restore a backup")


def test_20_half_a_database(stopped):
    os.truncate(database(stopped), database(stopped).stat().st_size // 2 // PAGE * PAGE)
    ends_saying(stopped, "restore a backup")


@pytest.mark.parametrize("damage", ["cut", "noise"])
def test_20_a_damaged_journal_costs_its_end_only(make_daemon, damage):
    """What was committed last is gone: the daemon goes on from before, and knows it for certain."""
    daemon = make_daemon()
    first = jobs.run(daemon, "echo first")["id"]
    daemon.kill()
    journal = database(daemon).with_name("flashpods.db-wal")
    size = journal.stat().st_size
    assert size > 2 * PAGE
    if damage == "cut":
        os.truncate(journal, size - 1000)
    else:
        overwrite(journal, size - 1000, os.urandom(1000))
    daemon.start()
    assert daemon.api.get(f"/jobs/{first}").status in (200, 404)
    assert jobs.run(daemon, "echo second")["status"] == "completed"


def test_20_a_directory_that_cannot_be_written(stopped):
    places = [stopped.state_dir, *(each for each in stopped.state_dir.iterdir() if each.is_dir())]
    modes = {place: place.stat().st_mode for place in places}
    database(stopped).chmod(0o400)
    for place in places:
        place.chmod(0o500)
    try:
        stopped.start(wait=False)
        assert stopped.process.wait(30) == 1
        assert str(stopped.state_dir) in complaint(stopped)
    finally:
        database(stopped).chmod(0o600)
        for place, mode in modes.items():
            place.chmod(mode)
    stopped.start()
    assert jobs.output(stopped, stopped.job) == "log\n"
    assert stopped.api.get(f"/jobs/{stopped.job}/artifacts/kept").body == b"kept\n"
