#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lwsd against dnsmasq, Kea and ISC dhcpd: bring-up, renewal, restart, flap, renumbering, conflict, release.

Usage: test-dhcp-servers.py PATH-OF-LWSD [SCENARIO...]
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dhcp_lab import DECLINE, RELEASE, REQUEST, SERVER, Lab, run_all, sh  # noqa: E402

os.environ["PATH"] += ":/usr/sbin:/sbin"
SCENARIOS = {}


def dnsmasq(lab, low, high):
    return ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=", "--port=0",
            "--interface=srv", "--bind-interfaces", "--no-ping", "--dhcp-authoritative", "--dhcp-rapid-commit",
            f"--dhcp-range={low},{high},120", f"--dhcp-leasefile={lab.dir}/leases"]


def kea(lab, low, high):
    config = {"Dhcp4": {
        "interfaces-config": {"interfaces": ["srv"], "dhcp-socket-type": "raw"},
        "lease-database": {"type": "memfile", "persist": True, "name": f"{lab.dir}/kea.csv", "lfc-interval": 0},
        "valid-lifetime": 120, "authoritative": True,
        "subnet4": [{"subnet": "10.77.0.0/24", "pools": [{"pool": f"{low} - {high}"}],
                     "option-data": [{"name": "routers", "data": SERVER}]}],
        "loggers": [{"name": "kea-dhcp4", "output_options": [{"output": "stdout"}], "severity": "INFO"}]}}
    with open(f"{lab.dir}/kea.json", "w") as f:
        json.dump(config, f)
    os.environ.update(KEA_PIDFILE_DIR=lab.dir, KEA_LOCKFILE_DIR=lab.dir, KEA_LOGGER_DESTINATION="stdout")
    return ["kea-dhcp4", "-c", f"{lab.dir}/kea.json"]


def dhcpd(lab, low, high):
    with open(f"{lab.dir}/dhcpd.conf", "w") as f:
        f.write(f"""authoritative; default-lease-time 120; dhcp-cache-threshold 0; max-lease-time 120; ping-check false;
subnet 10.77.0.0 netmask 255.255.255.0 {{ range {low} {high}; option routers {SERVER}; }}\n""")
    open(f"{lab.dir}/dhcpd.leases", "a").close()
    return ["dhcpd", "-4", "-f", "-d", "--no-pid", "-user", "root", "-group", "root", "-cf", f"{lab.dir}/dhcpd.conf",
            "-lf", f"{lab.dir}/dhcpd.leases", "srv"]


class Real:
    """One of them, running in the namespace that the test stands in."""

    def __init__(self, lab, command):
        lab.sink.close()
        self.lab, self.command, self.process = lab, command, None

    def start(self, low="10.77.0.10", high="10.77.0.20"):
        with open(f"{self.lab.dir}/server.log", "a") as log:
            self.process = subprocess.Popen(self.command(self.lab, low, high), stdout=log, stderr=log)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


def settle(lab):
    """Forgets what was sent so far."""
    while lab.next_frame(0.05):
        pass
    lab.early.clear()


def leased(lab):
    return [a for a in lab.addresses() if a.startswith("10.77.0.")]


def whole_life(lab, command):
    with Real(lab, command) as server:
        lab.wait(lambda: leased(lab), 20, "no lease")
        first = leased(lab)[0]
        lab.wait(lambda: any(r["dst"] == "default" for r in lab.routes()))
        assert lab.addresses()[first]["valid_life_time"] > 100
        # renewal by unicast
        settle(lab)
        time.sleep(3.2)
        lab.call("Link", "Renew")
        renew = lab.expect(REQUEST)
        assert renew.destination == SERVER and renew.ciaddr == first
        lab.wait(lambda: lab.addresses()[first]["valid_life_time"] > 117, why="not renewed")
        # restart, killed
        lab.stop(signal.SIGKILL)
        lab.start()
        again = lab.expect(REQUEST)
        assert again.address(50) == first
        lab.silence(1)
        # flap
        lab.carrier(False)
        time.sleep(0.5)
        lab.carrier(True)
        assert lab.expect(REQUEST).address(50) == first
        lab.silence(1.5)
        assert lab.removed() == [] and leased(lab) == [first]
        # another host takes the address
        lab.send_arp(2, first, "0.0.0.0")
        lab.send_arp(2, first, "0.0.0.0")
        lab.expect(DECLINE)
        lab.wait(lambda: leased(lab) and first not in leased(lab), 25, "not replaced")
        second = leased(lab)[0]
        settle(lab)
        # the server away for a while, and back
        server.stop()
        lab.call("Link", "Renew")
        lab.expect(REQUEST)
        server.start()
        lab.call("Link", "Release")
        release = lab.expect(RELEASE)
        assert release.ciaddr == second
        lab.wait(lambda: not leased(lab))


def renumbered(lab, command):
    with Real(lab, command) as server:
        lab.wait(lambda: leased(lab), 20, "no lease")
        first = leased(lab)[0]
        server.stop()
        for name in ("leases", "kea.csv", "dhcpd.leases"):
            if os.path.exists(f"{lab.dir}/{name}"):
                os.unlink(f"{lab.dir}/{name}")
        lab.carrier(False)
        settle(lab)
        lab.carrier(True)
        server.start("10.77.0.100", "10.77.0.110")
        lab.wait(lambda: leased(lab) and first not in leased(lab), 20, "not renumbered")
        assert lab.early[0].type == REQUEST and lab.early[0].address(50) == first


for name, command in (("dnsmasq", dnsmasq), ("kea-dhcp4", kea), ("dhcpd", dhcpd)):
    if shutil.which(name):
        for function in (whole_life, renumbered):
            SCENARIOS[f"{name}_{function.__name__}"] = (
                lambda lab, f=function, c=command: f(lab, c), "RapidCommit=no", "")
    else:
        print(f"skipped: {name} is not there", file=sys.stderr)

if __name__ == "__main__":
    run_all(Lab, SCENARIOS)
