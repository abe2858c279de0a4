"""What a job sees of the host: its names, its resolvers, its boot. And a root that it cannot change."""

import contextlib
import pathlib
import socket

import pytest

from flashpods_test import jobs
from flashpods_test.daemon import Daemon

ROOM = "[capacity]\ncpus = 64\nmemory_gb = 256\n"


@pytest.fixture(scope="module")
def daemon(images):
    with contextlib.closing(Daemon(ROOM)) as instance:
        yield instance.start()


def lines_of(path):
    """Words of a host's file, without comments."""
    text = pathlib.Path(path).read_text()
    return [line.split("#")[0].split() for line in text.splitlines() if line.split("#")[0].split()]


LOOK = """
for file in /etc/hosts /etc/resolv.conf /etc/hostname /proc/cmdline /proc/interrupts; do
  cp $file /artifacts/$(basename $file) 2>/dev/null || cat $file >/artifacts/$(basename $file)
done
hostname >/artifacts/name
env >/artifacts/env
nc -l -p 7778 </dev/null >/dev/null 2>&1 &
for try in $(seq 50); do
  nc -w 3 localhost 7778 </dev/null >/dev/null 2>&1 && echo reached && break
  sleep 0.1
done
"""


@pytest.fixture(scope="module")
def view(daemon):
    """{file: text} of what a job with the internet saw."""
    job = jobs.run(daemon, LOOK)
    assert jobs.output(daemon, job["id"]) == "reached\n", job
    names = ("hosts", "resolv.conf", "hostname", "cmdline", "interrupts", "name", "env")
    return {"id": job["id"]} | {name: artifact(daemon, job, name) for name in names}


def artifact(daemon, job, name):
    reply = daemon.api.get(f"/jobs/{job['id']}/artifacts/{name}")
    assert reply.status == 200, (job, reply.body)
    return reply.body.decode()


def test_its_hosts_are_its_own(view):
    name = view["id"].replace("_", "-")
    assert view["hosts"] == f"127.0.0.1 localhost\n127.0.0.1 {name}\n"
    assert view["name"].strip() == view["hostname"].strip() == name


def test_it_gets_neither_resolvers_nor_search_domains_of_the_host(view):
    assert view["resolv.conf"].split() == ["nameserver", "10.0.2.3"]


def test_it_does_not_see_how_the_host_was_booted(view):
    assert view["cmdline"] == view["interrupts"] == ""


def test_nothing_it_sees_names_the_host(view):
    names = {socket.gethostname(), *(name for _, *names in lines_of("/etc/hosts") for name in names)}
    seen = [word for name in ("hosts", "resolv.conf", "hostname", "name", "env")
            for word in view[name].replace("=", " ").split()]
    assert not (names - {"localhost"}) & set(seen)


def test_without_a_network_it_has_the_same_hosts(daemon):
    job = jobs.run(daemon, "cat /etc/hosts; cat /etc/resolv.conf 2>/dev/null", network="none")
    name = job["id"].replace("_", "-")
    assert jobs.output(daemon, job["id"]) == f"127.0.0.1 localhost\n127.0.0.1 {name}\n"


def test_an_operator_names_the_resolvers(make_daemon):
    daemon = make_daemon(f'{ROOM}[egress]\ndns = ["192.0.2.53", "192.0.2.54"]\n')
    job = jobs.run(daemon, "cat /etc/resolv.conf")
    words = jobs.output(daemon, job["id"]).split()
    assert words == ["nameserver", "192.0.2.53", "nameserver", "192.0.2.54"]


# read_only_root

CHANGE = """
for place in / /etc /usr /var; do touch $place/probe 2>/dev/null && echo "$place was changed"; done
for place in /tmp /var/tmp /run /artifacts "$HOME" "$TMPDIR" /dev/shm; do
  touch "$place/probe" || echo "$place is read-only"
done
"""


@pytest.mark.parametrize("make", [jobs.worker, jobs.agent])
def test_a_read_only_root(make, daemon, scripted_agent, make_daemon):
    if make is jobs.agent:
        daemon = make_daemon(f'{ROOM}[agent]\nimage = "{scripted_agent}"\n')
    command = CHANGE if make is jobs.worker else CHANGE.replace('"$HOME" "$TMPDIR"', "/work")
    body = make(f"{command}{jobs.HOLD}", read_only_root=True)
    with jobs.held(daemon, body) as job_id:
        scratch = daemon.state_dir / "jobs" / job_id / "scratch"
        written = {path.parent.name for path in scratch.glob("root-*/probe")}
        job = daemon.api.get(f"/jobs/{job_id}").json()
    assert job["read_only_root"] is True
    assert written == {"root-tmp", "root-var-tmp", "root-run"}, "the disk budget counts these"
    assert jobs.output(daemon, job_id) == ""


def test_a_root_is_writable_unless_asked_otherwise(daemon):
    job = jobs.run(daemon, "grep -c ' / overlay ro' /proc/mounts; true")
    assert (job["read_only_root"], jobs.output(daemon, job["id"])) == (False, "0\n")
