# SPDX-License-Identifier: MIT
"""Networks of a test's own, in namespaces that end with it."""

import os
import subprocess
import sys

import no_clock

SKIPPED = 77


def skip(why):
    print(f"skipped: {why}", file=sys.stderr)
    sys.exit(SKIPPED)


def restart(*flags):
    """The script again, in namespaces; to be called first, for what came before is done twice."""
    if os.environ.get("LWSD_TEST_INSIDE"):
        return
    if subprocess.run(["unshare", *flags, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        skip("no namespaces here")
    os.environ["LWSD_TEST_INSIDE"] = "1"
    no_clock.drop()
    os.execvp("unshare", ["unshare", *flags, sys.executable, *sys.argv])


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
