"""Processes that belong to one daemon."""

import contextlib
import pathlib
import re
import signal

import psutil


def belonging_to(state_dir):
    """Processes of ours that name the state directory in their arguments: daemon and shims.

    What is known of each lies in its `info`: it may have ended, or be something else, by now.
    """
    found = []
    for process in psutil.process_iter(["cmdline", "ppid"]):
        arguments = process.info["cmdline"] or []
        if any(str(state_dir) in argument for argument in arguments) and process.pid != own_pid():
            found.append(process)
    return found


def program_of(process):
    """The name of a program that belonging_to() has found, as its arguments say it."""
    return process.info["cmdline"][0].rpartition("/")[2]


def shims_of(state_dir):
    """Shims of the jobs below it. A child of one that has not called exec(2) yet shows the same
    arguments, and is none."""
    named = [each for each in belonging_to(state_dir) if program_of(each) == "flashpods-shim"]
    pids = {each.pid for each in named}
    return [each for each in named if each.info["ppid"] not in pids]


def first_of_containers():
    """Pairs of a process that is PID 1 of a container of ours, also of one that podman has forgotten,
    and the text of its mounts' places (fourth field of proc_pid_mountinfo(5))."""
    for process in psutil.process_iter():
        proc = pathlib.Path("/proc") / str(process.pid)
        with contextlib.suppress(OSError):
            if not re.search(r"^NSpid:.*\t1$", (proc / "status").read_text(), re.MULTILINE):
                continue
            mounts = (proc / "mountinfo").read_text().splitlines()
            yield process.pid, "\n".join(mount.split()[3] for mount in mounts)


def children_named(pid, name):
    """One may end while we look."""
    found = []
    for child in psutil.Process(pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.name() == name:
                found.append(child)
    return found


def own_pid():
    return psutil.Process().pid


def is_dead(pid):
    """Whether it is gone, or only waits for its parent to notice."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end_all(state_dir):
    """Kills what a test left running, and waits for it to be gone."""
    left = belonging_to(state_dir)
    for process in left:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            pass
    psutil.wait_procs(left, timeout=10)


def rss_bytes(pid):
    return psutil.Process(pid).memory_info().rss
