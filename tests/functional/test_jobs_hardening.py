"""What is applied to a container: its OCI configuration, and what a job can and cannot do in it."""

import json
import pathlib
import re

import pytest

from flashpods_test import golden, jobs, podman

GATED = [
    "socket", "socketpair", "clone", "unshare", "clone3", "setns", "mount", "umount2", "pivot_root",
    "fsopen", "fsconfig", "fsmount", "fspick", "move_mount", "open_tree", "mount_setattr", "add_key",
    "keyctl", "request_key", "bpf", "perf_event_open", "userfaultfd", "fanotify_init", "io_uring_setup",
    "io_uring_enter", "io_uring_register", "io_setup", "mbind", "get_mempolicy", "set_mempolicy",
    "migrate_pages", "move_pages", "syslog", "reboot", "kexec_load", "init_module", "finit_module", "delete_module",
    "open_by_handle_at", "quotactl", "acct", "swapon", "iopl", "ioperm", "settimeofday", "clock_settime",
    "ptrace", "chroot",
]


def configuration(job_id):
    """The config.json that the OCI runtime was given for a running job; its directory is closed to
    all but the container's root."""
    path = podman.inspect(job_id)["OCIConfigPath"]
    return json.loads(podman.podman("unshare", "cat", path).stdout)


# What varies with the host is left out or replaced: ids, paths, podman's list of system calls.


def condition(each):
    operator = each["op"].removeprefix("SCMP_CMP_")
    value = f"{each['value']:#x}"
    return f"argument {each['index']} {operator} {value}" + (
        f" {each['valueTwo']:#x}" if "valueTwo" in each else ""
    )


def rule_text(rule):
    action = rule["action"].removeprefix("SCMP_ACT_")
    action += f" {rule['errnoRet']}" if "errnoRet" in rule else ""
    return " and ".join([condition(each) for each in rule.get("args") or []] or ["always"]) + f": {action}"


def gates(profile):
    return {
        "defaultAction": profile["defaultAction"],
        "architectures": profile["architectures"],
        "calls": {
            call: [rule_text(rule) for rule in profile["syscalls"] if call in rule["names"]]
            for call in GATED
        },
    }


def own_oom_score():
    return int(pathlib.Path("/proc/self/oom_score_adj").read_text())


def rlimits(process):
    """Those that we set; RLIMIT_NOFILE is the host's."""
    return {
        each["type"]: [each["soft"], each["hard"]]
        for each in sorted(process["rlimits"], key=lambda limit: limit["type"])
        if each["type"] != "RLIMIT_NOFILE"
    }


def without_path(option):
    return re.sub("dir=.*", "dir=PATH", option)  # lowerdir, upperdir, workdir


def mounts(config):
    return {
        each["destination"]: [each["type"], *sorted(map(without_path, each.get("options", [])))]
        for each in sorted(config["mounts"], key=lambda mount: mount["destination"])
        if each["destination"] != "/sys/fs/cgroup"  # differs between cgroup versions
    }


def hooks(config):
    return {
        stage: [[pathlib.Path(hook["path"]).name, *hook["args"]] for hook in each]
        for stage, each in config["hooks"].items()
    }


def summary(config):
    process, linux = config["process"], config["linux"]
    return {
        "args": process["args"][:2],
        "capabilities": process["capabilities"],
        "noNewPrivileges": process["noNewPrivileges"],
        "oomScoreAdj above the daemon's": process["oomScoreAdj"] - own_oom_score(),
        "rlimits": rlimits(process),
        "mounts": mounts(config),
        "hooks": hooks(config),
        "namespaces": [each["type"] for each in linux["namespaces"] if each["type"] != "cgroup"],
        "maskedPaths": sorted(path for path in linux["maskedPaths"] if "thermal" not in path),
        "readonlyPaths": sorted(linux["readonlyPaths"]),
        "seccomp": gates(linux["seccomp"]),
    }


def difference(one, other):
    """Members of `one` that are not the same in `other`; null where `one` has none."""
    return {
        name: one.get(name) for name in sorted({*one, *other}) if one.get(name) != other.get(name)
    }


def test_the_configuration_of_a_container_is_what_was_agreed_upon(daemon):
    """A change of it is seen in review: FLASHPODS_TEST_ACCEPT=1 rewrites the golden files."""
    with jobs.held(daemon, jobs.worker(jobs.HOLD, network="internet")) as job_id:
        seen = summary(configuration(job_id))
    with jobs.held(daemon, jobs.worker(jobs.HOLD, network="none", workspace="scratch")) as job_id:
        other = summary(configuration(job_id))
    golden.compare("container", seen)
    golden.compare("container_without_network", {
        "mounts": difference(other.pop("mounts"), seen.pop("mounts")), **difference(other, seen)
    })


def run_script(daemon, image, script, **fields):
    """Output of a job that runs a Python script."""
    job = jobs.run(daemon, 'exec python3 -c "$SCRIPT"', image=image, env={"SCRIPT": script}, **fields)
    seen = jobs.output(daemon, job["id"])
    assert job["status"] == "completed", seen
    return seen


NAMESPACES = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)

def limit(name):
    return int(open(f"/proc/sys/user/max_{name}").read())

def made(flag):
    child = os.fork()
    if child == 0:
        os._exit(0 if libc.unshare(flag) == 0 else ctypes.get_errno())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

kinds = ("user", "mnt", "net", "pid", "ipc", "uts", "cgroup", "time")
print([limit(f"{kind}_namespaces") for kind in kinds])
for share in ("instances", "watches"):
    host = int(open(f"/proc/sys/fs/inotify/max_user_{share}").read())
    print(share, host // 16 == limit(f"inotify_{share}"))
try:
    open("/proc/sys/user/max_user_namespaces", "w").write("9")
except OSError as error:
    print("not writable")
flags = (0x10000000, 0x20000, 0x40000000, 0x20000000, 0x8000000, 0x4000000, 0x2000000, 0x80)
print({made(flag) for flag in flags} | {made(0x10000000 | flag) for flag in flags})
"""


@pytest.mark.parametrize("network", ["internet", "none"])
def test_a_job_makes_no_namespaces(daemon, worker_image, network):
    """Neither by the filter nor by the limits, which hold where a filter had a hole."""
    assert run_script(daemon, worker_image, NAMESPACES, network=network) == (
        "[0, 16, 16, 16, 16, 16, 16, 16]\ninstances True\nwatches True\nnot writable\n{1}\n"
    )


FAMILIES = """
import errno, socket
def answer(family, kind, protocol=0):
    try:
        socket.socket(family, kind, protocol).close()
        return "open"
    except OSError as error:
        return errno.errorcode[error.errno]
kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET)
print([family for family in range(64) if "open" in {answer(family, kind) for kind in kinds}])
print({answer(family, kind) for family in range(17, 64) for kind in kinds})
print([each for each in range(32) if answer(socket.AF_NETLINK, socket.SOCK_RAW, each) == "open"])
"""


@pytest.mark.parametrize("network", ["internet", "none"])
def test_a_job_has_four_families_of_sockets(daemon, worker_image, network):
    """AF_VSOCK, which shares the host's ports in any network namespace, is none of them."""
    assert run_script(daemon, worker_image, FAMILIES, network=network) == (
        "[1, 2, 10, 16]\n{'EAFNOSUPPORT'}\n[0]\n"
    )


STANDING = """
import os, resource
print(os.getpriority(os.PRIO_PROCESS, 0), resource.getrlimit(resource.RLIMIT_CORE))
print(open("/proc/self/oom_score_adj").read())
try:
    os.setpriority(os.PRIO_PROCESS, 0, 0)
except OSError:
    print("stays")
"""


def test_a_job_comes_after_the_daemon(daemon, worker_image):
    nice, oom = daemon_standing(daemon)
    assert run_script(daemon, worker_image, STANDING) == (
        f"{nice + 5} (0, 0)\n{min(oom + 500, 1000)}\n\nstays\n"
    )


def daemon_standing(daemon):
    proc = pathlib.Path("/proc") / str(daemon.process.pid)
    nice = int((proc / "stat").read_text().rpartition(")")[2].split()[16])
    return nice, int((proc / "oom_score_adj").read_text())


BUILD = """
set -e
cd "$TMPDIR"
git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first
cat >threads.c <<'C'
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
extern char **environ;
static void *body(void *given) { return given; }
int main(void) {
  pthread_t thread;
  void *result = 0;
  char *words[] = {"true", 0};
  pid_t child;
  int status = 1;
  if (pthread_create(&thread, 0, body, words) || pthread_join(thread, &result)) return 1;
  if (posix_spawnp(&child, "true", 0, 0, words, environ)) return 2;
  if (waitpid(child, &status, 0) != child || status) return 3;
  puts(result == words ? "threads" : "none");
}
C
printf 'threads: threads.c\\n\\tgcc -O1 -pthread -o $@ $<\\n' >Makefile
make -s -j4
./threads
python3 -c "
import asyncio, concurrent.futures as futures, multiprocessing, subprocess
async def echo():
    return await (await asyncio.create_subprocess_exec('true')).wait()
if __name__ == '__main__':
    assert asyncio.run(echo()) == 0
    with futures.ThreadPoolExecutor() as pool:
        assert list(pool.map(abs, [-1])) == [1]
    with multiprocessing.get_context('fork').Pool(2) as pool:
        assert pool.map(abs, [-2]) == [2]
    print('python')
"
"""


def test_builds_work_under_the_gates(daemon, worker_image):
    """glibc goes from clone3(2) to clone(2); git, make, compilers and Python need nothing gated."""
    job = jobs.run(daemon, BUILD, image=worker_image)
    assert jobs.output(daemon, job["id"]) == "threads\npython\n"


RUST = "localhost/flashpods/rust:latest"


def test_cargo_works_under_the_gates(daemon):
    if not podman.have_image(RUST):
        pytest.skip(f"the image {RUST} is not built (deploy/images/build.sh rust)")
    command = 'cd "$TMPDIR" && cargo init -q --name one . && cargo run -q --offline'
    job = jobs.run(daemon, command, image=RUST)
    assert jobs.output(daemon, job["id"]) == "Hello, world!\n"
