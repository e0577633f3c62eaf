# SPDX-License-Identifier: MIT
"""A network of a test's own: namespaces that end with it, and one link, wan0, that has a default route."""

import os
import subprocess
import sys

import no_clock

SKIPPED = 77


def enter():
    """Starts the script again in there; to be called first, for what came before is done twice."""
    if os.environ.get("LWSD_TEST_INSIDE"):
        return
    flags = ["--net", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    if subprocess.run(["unshare", *flags, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("no namespaces here: skipped")
        sys.exit(SKIPPED)
    os.environ["LWSD_TEST_INSIDE"] = "1"
    no_clock.drop()
    os.execvp("unshare", ["unshare", *flags, sys.executable, *sys.argv])


def set_up(*more):
    """The link as 192.0.2.2/24, behind it 192.0.2.1; `more` are arguments of ip."""
    for line in ("link set lo up", "link add wan0 type veth peer name wan1", "link set wan1 up",
                 "addr add 192.0.2.2/24 dev wan0", "link set wan0 up", "route add default via 192.0.2.1 dev wan0", *more):
        subprocess.run(["ip", *line.split()], check=True)
