"""Plain HTTP, so that tests see exactly what is on the wire."""

import dataclasses
import http.client
import json
import socket


@dataclasses.dataclass(frozen=True)
class Reply:
    """One HTTP reply. Header names are lower case."""

    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)


def refusal(reply, status, code):
    """The error object of a reply, after the checks that hold for each of them."""
    assert reply.status == status, reply.body
    assert reply.headers["content-type"] == "application/json"
    error = reply.json()
    assert error["error"] == code
    assert error["message"]
    return error


def parse_events(text):
    """Of a stream of server-sent events, as (event, data)."""
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "data" in fields:
            yield fields.get("event", "message"), json.loads(fields["data"])


class Api:
    """Requests to one daemon. Each opens a connection of its own unless one is passed."""

    def __init__(self, host, port, token=None, timeout=60):
        self.host, self.port, self.token, self.timeout = host, port, token, timeout

    def connect(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)

    def request(self, method, path, body=None, headers=None, token=..., connection=None):
        """body: bytes as they are, anything else as JSON. token: None sends none."""
        sent = dict(headers or {})
        token = self.token if token is ... else token
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        return self._exchange(connection or self.connect(), method, path, body, sent, not connection)

    @staticmethod
    def _exchange(connection, method, path, body, headers, close):
        try:
            connection.request(method, path, body=body, headers=headers)
            reply = connection.getresponse()
            names = {name.lower(): value for name, value in reply.getheaders()}
            return Reply(reply.status, names, reply.read())
        finally:
            if close:
                connection.close()

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.request("POST", path, body=body, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    def events(self, path):
        """Server-sent events of a stream, as (event, data), until it ends."""
        connection = self.connect()
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
            reply = connection.getresponse()
            assert reply.status == 200, reply.read()
            assert reply.getheader("Content-Type") == "text/event-stream"
            yield from parse_events(reply.read().decode())
        finally:
            connection.close()

    def raw(self, data, timeout=30):
        """Sends bytes as they are and returns all that comes back until the peer closes."""
        with socket.create_connection((self.host, self.port), timeout=timeout) as peer:
            peer.sendall(data)
            return b"".join(iter(lambda: peer.recv(65536), b""))
