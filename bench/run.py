"""What Flashpods costs, measured beside plain Podman in the same run.

Needs the release programs in FLASHPODS_BIN_DIR and the busybox test image; ./dev bench sees to
both. Prints a table, which is Markdown, and leaves it in --out.
"""

import argparse
import hashlib
import pathlib
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from flashpods_test import jobs  # noqa: E402
from flashpods_test.daemon import Daemon  # noqa: E402
from flashpods_test.other_user import flood_by_another_user  # noqa: E402
from flashpods_test.processes import rss_bytes  # noqa: E402
import crowd  # noqa: E402
from figures import Figure, milliseconds, percentile, table  # noqa: E402
from probes import first_byte_of_job, first_byte_of_podman, mcp_start  # noqa: E402

CONFIG = "[capacity]\ncpus = 64\nmemory_gb = 256\n"
MIB = 1 << 20


def bench_idle_memory(daemon, _):
    rss = rss_bytes(daemon.process.pid) / MIB
    yield Figure("flashpodsd, idle: resident memory", f"{rss:.1f} MiB", "under 25 MB")


def bench_first_byte(daemon, rounds):
    """Job and plain container take turns, so that both see the same machine."""
    ours, plain = [], []
    for turn in range(rounds + 1):
        pair = first_byte_of_job(daemon), first_byte_of_podman()
        if turn:  # the first warms the caches
            ours.append(pair[0])
            plain.append(pair[1])
    for share in (50, 99):
        job, peer = percentile(ours, share), percentile(plain, share)
        yield Figure(f"POST /jobs → first output byte, p{share}", milliseconds(job))
        yield Figure(f"podman run → first output byte, p{share}", milliseconds(peer))
        yield Figure(f"ratio, p{share}", f"{job / peer:.2f}", "at most 1.3")


def bench_line_latency(daemon, rounds):
    """A worker prints the boot clock ten times a second; how old is a line when it is seen?"""
    command = f"for i in $(seq {rounds}); do cut -d' ' -f1 /proc/uptime; sleep 0.1; done"
    job = jobs.create(daemon, jobs.worker(command))
    ages, seen = [], 0
    while len(ages) < rounds:
        lines = jobs.output(daemon, job).splitlines()
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        ages += [now - float(line) for line in lines[seen:]]
        seen = len(lines)
        if jobs.status(daemon, job)["status"] in jobs.TERMINAL and not lines[seen:]:
            break
        time.sleep(0.005)
    for share in (50, 99):
        yield Figure(
            f"a printed line until GET …/output shows it, p{share} (clock: 10 ms)",
            milliseconds(percentile(ages, share)), "within 1 s",
        )


def bench_mcp_start(daemon, rounds):
    times = [mcp_start(daemon) for _ in range(rounds)]
    yield Figure("flashpods mcp: start → initialize reply, p50", milliseconds(percentile(times, 50)),
                 "within 50 ms")
    yield Figure("flashpods mcp: start → initialize reply, p99", milliseconds(percentile(times, 99)))


class PeakMemory(threading.Thread):
    """Samples a process's resident memory until stopped."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self._stop_asked = pid, rss_bytes(pid), threading.Event()

    def run(self):
        while not self._stop_asked.wait(0.01):
            self.peak = max(self.peak, rss_bytes(self.pid))

    def stop(self):
        self._stop_asked.set()
        self.join()
        return self.peak


def download(daemon, path):
    """The sha256 of what comes, and the ETag without its quotes."""
    connection = daemon.api.connect()
    connection.request("GET", path, headers={"Authorization": f"Bearer {daemon.token}"})
    reply, digest = connection.getresponse(), hashlib.sha256()
    while block := reply.read(MIB):
        digest.update(block)
    connection.close()
    return digest.hexdigest(), (reply.getheader("ETag") or "").strip('"')


def bench_large_artifact(daemon, _):
    job = jobs.create(daemon, jobs.worker("head -c 300000000 /dev/urandom >/artifacts/big.bin"))
    before = rss_bytes(daemon.process.pid)
    memory = PeakMemory(daemon.process.pid)
    memory.start()
    status = jobs.wait_for(daemon, job, timeout=300)
    assert status["status"] == "completed", status
    began = time.monotonic()
    got, promised = download(daemon, f"/jobs/{job}/artifacts/big.bin")
    seconds, growth = time.monotonic() - began, (memory.stop() - before) / MIB
    assert got == promised, f"sha256 {got} is not the promised {promised}"
    yield Figure("300 MB artifact: sha256", "right")
    yield Figure("300 MB artifact: growth of flashpodsd's memory", f"{growth:.1f} MiB",
                 "at most 10 MB")
    yield Figure("300 MB artifact: download", f"{300 / seconds:.0f} MB/s")


def bench_crowd(_, rounds):
    """Its own daemon: 240 jobs with as long texts as a request may have, all waiting to start."""
    with crowd.silent_registry() as registry:
        daemon = Daemon(crowd.config(registry)).start()
        try:
            job_ids = crowd.create_fat_jobs(daemon, registry, 240)
            yield from crowd_figures(daemon, job_ids, rounds, "240 jobs of 256 KB")
            crowd.grow_to_what_schema_1_allowed(daemon)
            yield from crowd_figures(daemon, job_ids, rounds, "240 older jobs of 0.9 MB")
        finally:
            daemon.close()


def crowd_figures(daemon, job_ids, rounds, jobs_are):
    pid = daemon.process.pid
    time.sleep(2)
    yield Figure(f"{jobs_are}, idle: resident memory", f"{rss_bytes(pid) / MIB:.1f} MiB",
                 "at most 100 MB")
    memory = PeakMemory(pid)
    memory.start()
    with crowd.beside(crowd.list_all, daemon):
        yield from health_figures(daemon, rounds, f"{jobs_are}, eight listings")
    yield Figure(f"{jobs_are}, eight listings: resident memory", f"{memory.stop() / MIB:.1f} MiB",
                 "at most 300 MB")
    for followed, name in ((job_ids[:1], "one job"), (job_ids, "all jobs")):
        with crowd.followers(daemon, followed, 300):
            yield from health_figures(daemon, rounds, f"{jobs_are}, 300 followers of {name}")
    time.sleep(2)
    yield Figure(f"{jobs_are}, afterwards: resident memory", f"{rss_bytes(pid) / MIB:.1f} MiB",
                 "at most 100 MB")
    before = crowd.cpu_seconds(pid)
    time.sleep(65)
    yield Figure(f"{jobs_are}, idle: processor time in 65 s",
                 milliseconds(crowd.cpu_seconds(pid) - before))


def health_figures(daemon, rounds, beside):
    times = crowd.health_times(daemon, 10 * rounds)
    yield Figure(f"{beside}: GET /health, p50", milliseconds(percentile(times, 50)))
    yield Figure(f"{beside}: GET /health, p99", milliseconds(percentile(times, 99)),
                 "within 50 ms")


def bench_flood(daemon, rounds):
    """Uploads alone and beside another user's connections to the rsync port, in turns of ten."""
    with tempfile.TemporaryDirectory() as directory:
        (pathlib.Path(directory) / "hello.c").write_text("int main(void) { return 0; }\n")
        upload_seconds(daemon, directory)  # the first warms the caches
        alone, beside = [], []
        for _ in range(max(1, rounds // 10)):
            alone += [upload_seconds(daemon, directory) for _ in range(10)]
            with flood_by_another_user(daemon.rsync_port):
                beside += [upload_seconds(daemon, directory) for _ in range(10)]
    yield Figure("an upload, p50", milliseconds(percentile(alone, 50)))
    yield Figure("an upload beside another user's flood, p50", milliseconds(percentile(beside, 50)))
    yield Figure("an upload beside another user's flood, the slowest", milliseconds(max(beside)))
    yield Figure("the longest delay by the flood (the slowest less p50 of those alone)",
                 milliseconds(max(beside) - percentile(alone, 50)), "at most 1000 ms")


def upload_seconds(daemon, directory):
    began = time.monotonic()
    jobs.upload(daemon, directory)
    return time.monotonic() - began


BENCHES = {
    "idle": bench_idle_memory,
    "first-byte": bench_first_byte,
    "line": bench_line_latency,
    "mcp": bench_mcp_start,
    "artifact": bench_large_artifact,
    "flood": bench_flood,
    "crowd": bench_crowd,
}


def run(names, rounds):
    daemon = Daemon(CONFIG).start()
    try:
        for name in names:
            print(f"bench: {name} …", file=sys.stderr)
            yield from BENCHES[name](daemon, rounds)
    finally:
        daemon.close()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("bench", nargs="*", metavar="NAME", help="of: " + " ".join(BENCHES))
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    text = table(run(arguments.bench or list(BENCHES), arguments.rounds))
    print(text)
    if arguments.out:
        arguments.out.write_text(text)


main()
