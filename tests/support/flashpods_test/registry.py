"""A container registry on the loopback that serves one image of one layer, to whoever asks."""

import contextlib
import gzip
import hashlib
import http.server
import json
import tarfile
import threading

IMAGE = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MEGABYTE = 1 << 20


def zeros_layer(megabytes):
    """A layer with one file of so many zeros: a thousandth of that is sent. What it would be when
    unpacked is not hashed, since nobody is to get that far."""
    piece = gzip.compress(bytes(64 * MEGABYTE))
    member = tarfile.TarInfo("zeros")
    member.size = megabytes // 64 * 64 * MEGABYTE
    head = gzip.compress(member.tobuf(tarfile.GNU_FORMAT))
    return head + piece * (megabytes // 64) + gzip.compress(bytes(1024))


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def described(media_type, content):
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


@contextlib.contextmanager
def serving(layer):
    """HOST:PORT, where any name is the image."""
    root = {"type": "layers", "diff_ids": ["sha256:" + 64 * "0"]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": root}).encode()
    manifest = json.dumps({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": described(CONFIG, config),
        "layers": [described(LAYER, layer)],
    }).encode()
    blobs = {digest(each): each for each in (config, layer)}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            last = self.path.rsplit("/", 1)[-1]
            if "/manifests/" in self.path:
                self.reply(manifest, IMAGE)
            elif self.path == "/v2/" or last in blobs:
                self.reply(blobs.get(last, b"{}"), "application/octet-stream")
            else:
                self.send_error(404)

        do_HEAD = do_GET

        def reply(self, content, media_type):
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
