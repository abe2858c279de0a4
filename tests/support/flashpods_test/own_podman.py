"""A podman world of a test's own: another home, another runtime directory, nobody else's containers."""

import contextlib
import pathlib
import subprocess
import tempfile

import psutil

from . import podman, processes

AS_ROOT_OF_OURS = ("unshare", "--user", "--map-root-user", "--map-auto")


class OwnPodman:
    """environment makes podman, and a daemon, live in it. close() removes it with all in it."""

    def __init__(self, directory="/tmp"):
        """Its home, where images and containers are, is in `directory`."""
        self.home, self.runtime = (
            pathlib.Path(tempfile.mkdtemp(prefix="fp-", dir=each)) for each in (directory, "/tmp")
        )
        self.environment = {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.runtime)}

    def live_in(self, monkeypatch):
        """From now on this process and what it starts; busybox comes along."""
        busybox = subprocess.run(["podman", "save", podman.BUSYBOX], check=True, capture_output=True)
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        subprocess.run(["podman", "load"], check=True, capture_output=True, input=busybox.stdout)

    def use_runtime(self, name, script):
        """Makes a script the OCI runtime that podman takes by default."""
        program = self.home / name
        program.write_text(script)
        program.chmod(0o755)
        self.configure(
            "containers.conf",
            f'[engine]\nruntime = "{name}"\n[engine.runtimes]\n{name} = ["{program}"]\n')

    def use_overlay(self):
        self.configure("storage.conf", '[storage]\ndriver = "overlay"\n')

    def trust(self, registry):
        """Speaks HTTP with it."""
        self.configure("registries.conf", f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')

    def configure(self, name, text):
        path = self.home / ".config" / "containers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def lose_power(self, state_dir):
        """Ends the world and a daemon at once, and empties the runtime directory as a boot does."""
        kill_all(self.runtime, state_dir)
        remove(*self.runtime.iterdir())

    def close(self):
        kill_all(self.runtime)
        remove(self.home, self.runtime)


def remove(*paths):
    """Without podman, which would make its directories again."""
    subprocess.run([*AS_ROOT_OF_OURS, "rm", "-rf", "--", *map(str, paths)], check=True)


def kill_all(*directories):
    """Whoever names one of them, and all below. First they are stopped: nobody sees another's end."""
    while left := processes_of([str(each) for each in directories]):
        for act in (psutil.Process.suspend, psutil.Process.kill):
            for process in left:
                with contextlib.suppress(psutil.Error):
                    act(process)
        psutil.wait_procs(left, timeout=10)


def processes_of(directories):
    named = [each for each in psutil.process_iter() if names_any(each, directories)]
    found = dict.fromkeys(named)
    for process in named:
        with contextlib.suppress(psutil.Error):
            found |= dict.fromkeys(process.children(recursive=True))
    return list(found)


def names_any(process, directories):
    if process.pid == processes.own_pid():
        return False
    words = []
    with contextlib.suppress(psutil.Error):
        words += process.cmdline()
        words.append(process.environ().get("XDG_RUNTIME_DIR", ""))  # not of those who hide theirs
    return any(directory in word for directory in directories for word in words)
