"""One flashpodsd with a state directory of its own."""

import json
import pathlib
import signal
import subprocess
import tempfile
import urllib.parse

from . import podman, processes
from .http import Api
from .programs import clean_environment, program, sanitizer_environment
from .waiting import wait_until


class Daemon:
    """Starts, stops, kills and restarts a daemon; the state directory lasts until close().

    config is the text of flashpodsd.toml. The directory's path is short, because sockets are
    in it. Everything it makes is gone after close(): processes, containers, files.
    """

    def __init__(self, config="", environment=None, directory="/tmp"):
        self.state_dir = pathlib.Path(tempfile.mkdtemp(prefix="fp-", dir=directory))
        self.reports = pathlib.Path(tempfile.mkdtemp(prefix="fp-san-", dir="/tmp"))
        self.port = self.rsync_port = 0  # any at the first start, the same ones afterwards
        self.config = self.state_dir / "flashpodsd.toml"
        self.config.write_text(config)
        self.log_path = self.reports / "daemon.log"
        self.environment = environment or {}
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self):
        return (self.state_dir / "token").read_text().strip()

    @property
    def rsync_secret(self):
        return (self.state_dir / "rsync.secret").read_text().strip().rpartition(":")[2]

    @property
    def api(self):
        return Api("127.0.0.1", self.port, self.token)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def command(self):
        return [
            program("flashpodsd"),
            f"--state-dir={self.state_dir}",
            f"--port={self.port}",
            f"--rsync-port={self.rsync_port}",
            f"--config={self.config}",
        ]

    def start(self, wait=True):
        environment = clean_environment(**sanitizer_environment(self.reports), **self.environment)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        if wait:
            wait_until(self.healthy, timeout=60, what="a healthy daemon")
        return self

    def healthy(self):
        """Whether it says where it listens and /health answers; fails if the daemon has ended."""
        assert self.process.poll() is None, f"flashpodsd ended: {self.log}"
        return self._read_ports() and self._answers()

    def start_is_over(self):
        """Whether it is healthy, or has ended."""
        return not self.running() or (self._read_ports() and self._answers())

    def _read_ports(self):
        """From run/endpoints.json, once this process has written it."""
        try:
            endpoints = json.loads((self.state_dir / "run" / "endpoints.json").read_text())
        except FileNotFoundError:
            return False
        if endpoints["pid"] != self.process.pid:
            return False
        self.port = urllib.parse.urlsplit(endpoints["url"]).port
        self.rsync_url = endpoints["rsync_url"]
        self.rsync_port = urllib.parse.urlsplit(self.rsync_url).port
        return True

    def _answers(self):
        try:
            return Api("127.0.0.1", self.port, timeout=5).get("/health").status == 200
        except OSError:
            return False

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout=30):
        """SIGTERM, as an orderly stop; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self):
        """SIGKILL, as a crash."""
        self.process.kill()
        self.process.wait()

    def restart(self, **options):
        """Starts it again on the same state and ports, after an orderly stop if it still runs."""
        if self.running():
            self.stop()
        return self.start(**options)

    def client_environment(self):
        """What the CLI, the MCP server and a plain rsync need to reach this daemon."""
        return clean_environment(
            FLASHPODS_URL=self.url,
            FLASHPODS_API_TOKEN=self.token,
            FLASHPODS_RSYNC_URL=self.rsync_url,
            RSYNC_PASSWORD=self.rsync_secret,
        )

    def sanitizer_reports(self):
        return [path.read_text(errors="replace") for path in self.reports.glob("sanitizer.*")]

    def close(self):
        """Ends everything and fails if a sanitizer had something to say."""
        try:
            if self.running():
                self.stop()
        finally:
            processes.end_all(self.state_dir)  # first: a shim may be about to start a container
            podman.remove_containers_of(self.state_dir)
            found = self.sanitizer_reports()
            for path in (self.state_dir, self.reports):
                podman.remove_tree(path)
        assert not found, "sanitizer report:\n" + "\n".join(found)
