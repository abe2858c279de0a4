"""Many jobs with long texts, and those who list and follow them, each kind in a process of its own."""

import contextlib
import http.client
import json
import multiprocessing
import os
import selectors
import socket
import sqlite3
import threading
import time

KIB = 1 << 10
# As much as a request may have: one string of command or env has at most 96 KiB.
TEXTS = {"command": "true " + "c" * (95 * KIB), "env": {"A": "a" * (96 * KIB), "B": "b" * (62 * KIB)}}


def config(registry):
    """A daemon that admits all, whose first job pulls for ever while the others wait for it."""
    return (
        "[capacity]\ncpus = 1000\nmemory_gb = 1000\n"
        "[jobs]\nconcurrent_starts = 1\nstart_slot_seconds = 86400\n"
        f'private_registries = ["{registry}"]\n'
    )


@contextlib.contextmanager
def silent_registry():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def create_fat_jobs(daemon, registry, count):
    body = {"type": "worker", "image": f"{registry}/image", "cpus": 1, "memory_gb": 1} | TEXTS
    made = []
    for _ in range(count):
        reply = daemon.api.post("/jobs", body)
        assert reply.status == 201, reply.body[:500]
        made.append(reply.json()["job_id"])
    return made


def request(daemon):
    return {"headers": {"Authorization": f"Bearer {daemon.token}"}}


def list_all(daemon, stop):
    """Eight clients, each of which reads page after page."""

    def go_on():
        connection, cursor = daemon.api.connect(), ""
        while not stop.is_set():
            connection.request("GET", f"/jobs?limit=200{cursor}", **request(daemon))
            reply = connection.getresponse()
            text = reply.read()
            assert reply.status == 200, text[:500]
            next_cursor = text.rpartition(b'"next_cursor":"')[2].partition(b'"')[0].decode()
            cursor = f"&cursor={next_cursor}" if b'"next_cursor":"' in text else ""

    threads = [threading.Thread(target=go_on) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def follow_all(daemon, job_ids, count, ready, stop):
    """So many followers, spread over the jobs; what comes is thrown away."""
    with selectors.DefaultSelector() as selector:
        peers = [follower(daemon, job_ids[number % len(job_ids)]) for number in range(count)]
        for peer in peers:
            selector.register(peer, selectors.EVENT_READ)
        ready.set()
        while not stop.is_set():
            for key, _ in selector.select(0.2):
                if not key.fileobj.recv(1 << 16):
                    selector.unregister(key.fileobj)


def follower(daemon, job_id):
    peer = socket.create_connection(("127.0.0.1", daemon.port))
    head = f"GET /jobs/{job_id}/output?follow=1 HTTP/1.1\r\nHost: x\r\n"
    peer.sendall(f"{head}Authorization: Bearer {daemon.token}\r\n\r\n".encode())
    assert peer.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
    return peer


@contextlib.contextmanager
def beside(target, *arguments):
    """Runs target(*arguments, stop) in a process, as long as the block lasts."""
    stop = multiprocessing.Event()
    process = multiprocessing.Process(target=target, args=(*arguments, stop))
    process.start()
    try:
        yield process
        assert process.is_alive(), "the load has ended by itself"
    finally:
        stop.set()
        process.join()


@contextlib.contextmanager
def followers(daemon, job_ids, count):
    ready = multiprocessing.Event()
    with beside(follow_all, daemon, job_ids, count, ready):
        assert ready.wait(120), "not all can follow"
        yield


def health_times(daemon, rounds):
    """Each on one kept connection, with a pause, as a monitor asks."""
    connection, times = http.client.HTTPConnection("127.0.0.1", daemon.port), []
    for _ in range(rounds):
        began = time.monotonic()
        connection.request("GET", "/health", **request(daemon))
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 200
        times.append(time.monotonic() - began)
        time.sleep(0.01)
    connection.close()
    return times


def cpu_seconds(pid):
    """utime and stime of proc(5), /proc/PID/stat."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def grow_to_what_schema_1_allowed(daemon):
    """Gives each job the 0.9 MB of env that a request could have before there was a limit."""
    daemon.stop()
    env = json.dumps({f"V{number}": "v" * (90 * KIB) for number in range(10)})
    with contextlib.closing(sqlite3.connect(daemon.state_dir / "db" / "flashpods.db")) as database:
        database.execute("UPDATE job_texts SET env = ?", (env,))
        database.commit()
    daemon.start()
