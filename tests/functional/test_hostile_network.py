"""Attack 19: addresses of the host and its network, from a socket that chooses its own way out.

SO_BINDTODEVICE needs no privilege. A socket bound to tap0 sends even 127.0.0.1 to slirp4netns, which
connects on the host; IP_PKTINFO and IP_UNICAST_IF do the same for a datagram.
"""

import contextlib
import errno
import select
import socket
import threading

import pytest

from flashpods_test import jobs
from flashpods_test.waiting import wait_until

# What is never global (RFC 6890) and multicast: only an IPsec policy keeps a chosen device off these.
NEVER_GLOBAL = [
    "127.0.0.1", "127.7.7.7", "0.1.2.3", "169.254.169.254", "192.0.0.1", "192.0.2.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "224.0.0.251", "239.255.255.250", "240.0.0.1",
    "255.255.255.255",
]
# slirp4netns' own network, and private ones: nobody answers an ARP request there.
NOT_ANSWERED = [
    "0.0.0.0", "10.0.2.2", "10.0.2.3", "10.0.2.4", "10.0.2.255", "10.0.0.1", "172.16.0.1", "192.168.0.1",
    "100.64.0.1",
]
SIX = ["::1", "::ffff:127.0.0.1", "::ffff:10.0.2.2", "fd00::2", "fd00::3", "fe80::2%tap0", "ff02::1%tap0"]

# Prints "datagram ADDRESS WAY" for each that the kernel took, "open ADDRESS WAY" for each connection.
PROBE = """
import os, selectors, socket, struct
port = int(os.environ["PORT"])
device = socket.if_nametoindex("tap0")

def option(level, name, value):
    return lambda peer: peer.setsockopt(level, name, value)

WAYS = {
    "plain": lambda peer: None,
    "SO_BINDTODEVICE": option(socket.SOL_SOCKET, 25, b"tap0"),
    "SO_BINDTOIFINDEX": option(socket.SOL_SOCKET, 62, device),
    "IP_UNICAST_IF": option(socket.IPPROTO_IP, 50, struct.pack("!I", device)),
    "IP_MULTICAST_IF": option(socket.IPPROTO_IP, 32, struct.pack("=4s4si", b"", b"", device)),
    "IP_PKTINFO": lambda peer: None,
    "SO_DONTROUTE": lambda peer: (WAYS["SO_BINDTODEVICE"](peer), option(1, 5, 1)(peer)),
    "bind": lambda peer: peer.bind(("10.0.2.100", 0)),
}
PKTINFO = [(socket.IPPROTO_IP, 8, struct.pack("=I8s", device, b""))]

def send(family, address, way):
    with socket.socket(family, socket.SOCK_DGRAM) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        WAYS[way](peer)
        extra = PKTINFO if way == "IP_PKTINFO" else []
        peer.sendmsg([f"{address} {way}".encode()], extra, 0, (address, port))
    print("datagram", address, way)

waiting = selectors.DefaultSelector()
def connect(family, address, way):
    peer = socket.socket(family, socket.SOCK_STREAM)
    peer.setblocking(False)
    WAYS[way](peer)
    if peer.connect_ex((address, port)) in (0, 115):
        waiting.register(peer, selectors.EVENT_WRITE, (address, way))

for address in os.environ["ADDRESSES"].split():
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for way in WAYS:
        for attempt in (send, connect):
            try:
                attempt(family, address, way)
            except OSError:
                pass
# Each is refused, or nobody answers an ARP request; half a minute of silence is a way out, too.
while waiting.get_map() and (ready := waiting.select(30)):
    for key, _ in ready:
        waiting.unregister(key.fileobj)
        if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            print("open", *key.data)
for key in waiting.get_map().values():
    print("open", *key.data)
"""


class Listener:
    """TCP and UDP on one port of all addresses of the host; notes who comes, and what comes."""

    def __init__(self):
        self.seen = []
        self.stream = socket.create_server(("0.0.0.0", 0))
        self.port = self.stream.getsockname()[1]
        self.datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagram.bind(("0.0.0.0", self.port))
        self.sockets = [self.stream, self.datagram]
        with contextlib.suppress(OSError):  # a host without IPv6
            self.sockets.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        with contextlib.suppress(OSError, ValueError):
            while True:
                for ready in select.select(self.sockets, [], [])[0]:
                    if ready is self.datagram:
                        self.seen.append(ready.recvfrom(100)[0].decode())
                    else:
                        peer, address = ready.accept()
                        self.seen.append(f"connection from {address}")
                        peer.close()

    def settle(self):
        """What came before this call."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            control.sendto(b"control", ("127.0.0.1", self.port))
        wait_until(lambda: "control" in self.seen, what="the control datagram")
        return [each for each in self.seen if each != "control"]

    def close(self):
        for each in self.sockets:
            each.close()


@pytest.fixture
def listener():
    with contextlib.closing(Listener()) as made:
        yield made


def probe(daemon, image, port, addresses):
    """Lines of a job that tries all these addresses."""
    environment = {"SCRIPT": PROBE, "PORT": str(port), "ADDRESSES": " ".join(addresses)}
    job = jobs.run(
        daemon, 'exec python3 -c "$SCRIPT"', image=image, network="internet", env=environment
    )
    assert job["status"] == "completed", jobs.output(daemon, job["id"])
    return jobs.output(daemon, job["id"]).splitlines()


def test_19_no_way_out_leads_to_the_hosts_own_addresses(daemon, worker_image, listener):
    """Each family, TCP and UDP, with and without a device: the host's listener sees nothing."""
    lines = probe(daemon, worker_image, listener.port, NEVER_GLOBAL + NOT_ANSWERED + SIX)
    assert listener.settle() == []
    assert [line for line in lines if line.startswith("open")] == []
    # The control: the job's own loopback takes datagrams, and so does the link that has the resolver.
    assert {"datagram 127.0.0.1 plain", "datagram 10.0.2.3 SO_BINDTODEVICE"} <= set(lines)


def kernel_has_policies():
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6).close()  # NETLINK_XFRM
    except OSError as error:
        return error.errno != errno.EPROTONOSUPPORT
    return True


def test_19_multicast_and_broadcast_stay_in_the_job(daemon, worker_image, listener):
    """They need no ARP and no route: discovery of what is on the host's network would work."""
    if not kernel_has_policies():
        pytest.skip("this kernel has no IPsec policies (CONFIG_XFRM_USER)")
    for line in probe(daemon, worker_image, listener.port, NEVER_GLOBAL):
        _, address, way = line.split()
        own = address.startswith("127.") and way in ("plain", "bind", "IP_MULTICAST_IF")
        assert own, line


def test_19_the_jobs_own_loopback_works(daemon, worker_image):
    script = (
        "import socket\n"
        "for family, address in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET, '127.7.7.7')):\n"
        "    server = socket.create_server((address, 0), family=family)\n"
        "    socket.create_connection(server.getsockname()[:2], 60).close()\n"
        "print('connected')\n"
    )
    for network in ("internet", "none"):
        job = jobs.run(
            daemon, 'python3 -c "$SCRIPT"', image=worker_image, network=network, env={"SCRIPT": script}
        )
        assert jobs.output(daemon, job["id"]) == "connected\n", network
