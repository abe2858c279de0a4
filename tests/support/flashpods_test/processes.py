"""Processes that belong to one daemon."""

import contextlib
import signal

import psutil


def belonging_to(state_dir):
    """Processes of ours that name the state directory in their arguments: daemon and shims."""
    found = []
    for process in psutil.process_iter(["cmdline", "uids"]):
        arguments = process.info["cmdline"] or []
        if any(str(state_dir) in argument for argument in arguments) and process.pid != own_pid():
            found.append(process)
    return found


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
