"""A TCP relay on the loopback that makes uploads last as long as a test needs."""

import contextlib
import socket
import threading
import urllib.parse

CHUNK = 64 * 1024
HELD_BYTES = 4_000_000
LONGEST_SILENCE = 40  # seconds; less than rsync's --timeout


class SlowRelay:
    """Passes bytes on to the real server, and at once back. Towards it slowly, and after a few
    megabytes hardly at all, until release(): no test has to be done before the files are sent."""

    def __init__(self, port, bytes_per_second=2_000_000):
        self.port, self.pause = port, CHUNK / bytes_per_second
        self.released, self.sent = threading.Event(), 0  # bytes towards the server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()
        self.listener.close()

    def release(self):
        """From now on at full speed."""
        self.released.set()

    def url(self, rsync_url):
        """The same rsync URL, through the relay."""
        parts = urllib.parse.urlsplit(rsync_url)
        own = f"{parts.username}@127.0.0.1:{self.listener.getsockname()[1]}"
        return parts._replace(netloc=own).geturl()

    def _accept(self):
        try:
            while True:
                self._join(self.listener.accept()[0])
        except OSError:
            return  # closed

    def _join(self, client):
        server = socket.create_connection(("127.0.0.1", self.port))
        for source, target, slow in ((client, server, True), (server, client, False)):
            threading.Thread(target=self._pump, args=(source, target, slow), daemon=True).start()

    def _pump(self, source, target, slow):
        try:
            while data := source.recv(CHUNK):
                if slow:
                    held = self.sent >= HELD_BYTES
                    self.released.wait(LONGEST_SILENCE if held else self.pause)
                    self.sent += len(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            for each in (source, target):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)  # close() alone waits for the other pump's recv()
                each.close()
