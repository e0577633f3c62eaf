# SPDX-License-Identifier: MIT
"""Networks of a test's own, in namespaces that end with it."""

import ctypes
import os
import signal
import subprocess
import sys

import no_clock

SKIPPED = 77
PR_SET_PDEATHSIG = 1


def skip(why):
    print(f"skipped: {why}", file=sys.stderr)
    sys.exit(SKIPPED)


def die_with_parent():
    """For a child process: it ends when we do, however we end."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run_forked(command):
    """What `unshare --fork` starts, which passes no signal on: whoever ends us ends that too."""
    child = subprocess.Popen(command, preexec_fn=die_with_parent)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: child.kill())
    status = child.wait()
    return status if status >= 0 else 128 - status


def restart(*flags):
    """The script again, in namespaces; to be called first, for what came before is done twice."""
    if os.environ.get("LWSD_TEST_INSIDE"):
        return
    if subprocess.run(["unshare", *flags, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        skip("no namespaces here")
    os.environ["LWSD_TEST_INSIDE"] = "1"
    no_clock.drop()
    command = ["unshare", *flags, sys.executable, *sys.argv]
    if "--fork" in flags:
        sys.exit(run_forked(command))
    os.execvp("unshare", command)


def enter():
    """One network."""
    restart("--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]))


def enter_several():
    """Whatever is made with `ip netns` from here on, and every process, ends with the first, however that ends."""
    if os.geteuid() != 0:
        skip("network namespaces need root")
    restart("--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    os.makedirs("/run/netns", exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/netns"], check=True)


def set_up(*more):
    """One link, wan0, with 192.0.2.2/24 and a default route by 192.0.2.1; `more` are arguments of ip."""
    for line in ("link set lo up", "link add wan0 type veth peer name wan1", "link set wan1 up",
                 "addr add 192.0.2.2/24 dev wan0", "link set wan0 up", "route add default via 192.0.2.1 dev wan0", *more):
        subprocess.run(["ip", *line.split()], check=True)
