"""Another local user. One of our subordinate ids is as foreign to the daemon as anybody."""

import contextlib
import subprocess

AS_ANOTHER_USER = ("podman", "unshare",
                   "setpriv", "--reuid=1", "--regid=1", "--clear-groups", "--")


def as_another_user(*command, **options):
    return subprocess.run(
        [*AS_ANOTHER_USER, *command],
        capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **options,
    )


FLOOD = (
    "import socket,sys,threading\n"
    "goes_on = True\n"
    "def flood():\n"
    "    count = 0\n"
    "    while goes_on:\n"
    "        try:\n"
    "            socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=30).close()\n"
    "        except OSError:\n"
    "            continue\n"
    "        count += 1\n"
    "        if count % 1000 == 0: print('more', flush=True)\n"
    "threading.Thread(target=flood, daemon=True).start()\n"
    "sys.stdin.read()\n"
)


@contextlib.contextmanager
def flood_by_another_user(port):
    """Connections by another user, one after the other, for as long as the block lasts."""
    with subprocess.Popen(
        [*AS_ANOTHER_USER, "/usr/bin/python3", "-c", FLOOD, str(port)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as flood:
        assert flood.stdout.readline() == "more\n"  # the first thousand
        yield flood
        assert flood.poll() is None
        flood.stdin.close()
