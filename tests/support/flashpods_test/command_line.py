"""The `flashpods` command: run to its end, or in the background, or on a terminal."""

import json
import os
import pty
import re
import select
import subprocess
import time

from .programs import program


class CommandLine:
    """Runs verbs with one environment, in one directory."""

    def __init__(self, environment, directory):
        self.environment, self.directory = environment, str(directory)

    def run(self, *arguments, code=0, **options):
        """A verb to its end; fails unless it exits with code (None: with any)."""
        done = subprocess.run(
            self.command(arguments), env=self.environment, cwd=self.directory,
            capture_output=True, stdin=subprocess.DEVNULL, timeout=120, **options,
        )
        assert code is None or done.returncode == code, (
            f"{arguments}: exit {done.returncode}\n{done.stdout!r}\n{done.stderr!r}"
        )
        return done

    def out(self, *arguments, **options):
        return self.run(*arguments, **options).stdout.decode()

    def err(self, *arguments, **options):
        return self.run(*arguments, **options).stderr.decode()

    def json(self, *arguments, **options):
        """What --json prints: one value and nothing else."""
        return json.loads(self.out(*arguments[:1], "--json", *arguments[1:], **options))

    def start(self, *arguments):
        """A verb in the background, in a session of its own: nobody can be asked."""
        return subprocess.Popen(
            self.command(arguments), env=self.environment, cwd=self.directory,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def terminal(self, *arguments):
        return Terminal(self.command(arguments), self.environment | {"TERM": "xterm"},
                        self.directory)

    @staticmethod
    def command(arguments):
        return [program("flashpods"), *map(str, arguments)]


class Terminal:
    """A program on a pseudo-terminal; screen is all that it has written there."""

    def __init__(self, command, environment, directory):
        self.screen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execve(command[0], command, environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def type(self, keys):
        os.write(self.fd, keys)

    def read_until(self, pattern, timeout=60):
        """Reads until the screen matches the pattern (bytes); returns the match."""
        deadline = time.monotonic() + timeout
        while not (found := re.search(pattern, self.screen)):
            assert self._read(deadline), f"{pattern!r} never came: {self.screen!r}"
        return found

    def end(self, timeout=60):
        """Reads to the end; returns the exit code."""
        deadline = time.monotonic() + timeout
        while self._read(deadline):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self, deadline):
        if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
            raise AssertionError(f"nothing more came: {self.screen!r}")
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # Linux: the other side is closed
            data = b""
        self.screen += data
        return data
