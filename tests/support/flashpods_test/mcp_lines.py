"""`flashpods mcp` spoken to line by line, to see exactly what is on the wire."""

import json
import subprocess

from .programs import program


class McpLines:
    """One server process. Every line that comes must be JSON: anything else fails the test.

    errors is where its standard error goes.
    """

    def __init__(self, environment, directory, errors=subprocess.DEVNULL):
        self.process = subprocess.Popen(
            [program("flashpods"), "mcp"], env=environment, cwd=directory,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        )
        self.next_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def send_bytes(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message):
        self.send_bytes(json.dumps(message).encode() + b"\n")

    def receive(self):
        line = self.process.stdout.readline()
        assert line, "the server closed its output"
        return json.loads(line)

    def request(self, method, params=None):
        """Sends a request and returns its reply; what comes before it is passed over."""
        self.next_id += 1
        message = {"jsonrpc": "2.0", "id": self.next_id, "method": method}
        self.send(message | ({} if params is None else {"params": params}))
        while (reply := self.receive()).get("id") != self.next_id:
            pass
        return reply

    def begin(self, tool, **arguments):
        """Calls a tool and does not wait for its answer."""
        self.next_id += 1
        self.send({"jsonrpc": "2.0", "id": self.next_id, "method": "tools/call",
                   "params": {"name": tool, "arguments": arguments}})

    def notify(self, method, params=None):
        self.send({"jsonrpc": "2.0", "method": method, "params": params or {}})

    def initialize(self, revision="2025-06-18", capabilities=None):
        """The handshake; returns the result of initialize."""
        reply = self.request("initialize", {
            "protocolVersion": revision,
            "capabilities": capabilities or {},
            "clientInfo": {"name": "test", "version": "1"},
        })
        self.notify("notifications/initialized")
        return reply["result"]

    def call(self, tool, **arguments):
        return self.request("tools/call", {"name": tool, "arguments": arguments})["result"]

    def close_input(self):
        self.process.stdin.close()
        self.process.stdin = None  # communicate() would flush it

    def stop(self, timeout=30):
        """SIGTERM; returns its exit code."""
        self.process.terminate()
        return self.process.wait(timeout)

    def end(self, timeout=30):
        """Closes its input; returns what it still wrote and its exit code."""
        rest, _ = self.process.communicate(timeout=timeout)
        return rest.splitlines(), self.process.returncode
