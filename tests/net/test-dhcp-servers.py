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

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import private_network  # noqa: E402
from dhcp_lab import ACK, DECLINE, NAK, PATIENCE, RELEASE, REQUEST, SERVER, Lab, run_all, sh  # noqa: E402

os.environ["PATH"] += ":/usr/sbin:/sbin"
SCENARIOS = {}


def dnsmasq(lab, net):
    return ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=", "--port=0",
            "--interface=srv", "--bind-interfaces", "--no-ping", "--dhcp-authoritative", "--dhcp-rapid-commit",
            f"--dhcp-range={net}.10,{net}.20,120", f"--dhcp-leasefile={lab.dir}/leases"]


def kea(lab, net):
    config = {"Dhcp4": {
        "interfaces-config": {"interfaces": ["srv"], "dhcp-socket-type": "raw"},
        "lease-database": {"type": "memfile", "persist": True, "name": f"{lab.dir}/kea.csv", "lfc-interval": 0},
        "valid-lifetime": 120, "authoritative": True,
        "subnet4": [{"subnet": f"{net}.0/24", "pools": [{"pool": f"{net}.10 - {net}.20"}],
                     "option-data": [{"name": "routers", "data": f"{net}.1"}]}],
        "loggers": [{"name": "kea-dhcp4", "output_options": [{"output": "stdout"}], "severity": "INFO"}]}}
    with open(f"{lab.dir}/kea.json", "w") as f:
        json.dump(config, f)
    os.environ.update(KEA_PIDFILE_DIR=lab.dir, KEA_LOCKFILE_DIR=lab.dir, KEA_LOGGER_DESTINATION="stdout")
    return ["kea-dhcp4", "-c", f"{lab.dir}/kea.json"]


def dhcpd(lab, net):
    with open(f"{lab.dir}/dhcpd.conf", "w") as f:
        f.write(f"""authoritative; default-lease-time 120; dhcp-cache-threshold 0; max-lease-time 120; ping-check false;
subnet {net}.0 netmask 255.255.255.0 {{ range {net}.10 {net}.20; option routers {net}.1; }}\n""")
    open(f"{lab.dir}/dhcpd.leases", "a").close()
    return ["dhcpd", "-4", "-f", "-d", "--no-pid", "-user", "root", "-group", "root", "-cf", f"{lab.dir}/dhcpd.conf",
            "-lf", f"{lab.dir}/dhcpd.leases", "srv"]


class Real:
    """One of them, running in the namespace that the test stands in."""

    def __init__(self, lab, command, ready):
        lab.sink.close()
        self.lab, self.command, self.ready, self.process = lab, command, ready, None

    def log(self):
        with open(f"{self.lab.dir}/server.log", errors="replace") as log:
            return log.read()

    def start(self, net="10.77.0"):
        # Kea looks once, as it starts, whether the interface runs, and never again
        self.lab.wait(self.lab.running, why="no carrier")
        with open(f"{self.lab.dir}/server.log", "w") as log:
            self.process = subprocess.Popen(self.command(self.lab, net), stdout=log, stderr=log)
        self.lab.wait(lambda: self.ready in self.log(), why=f"{self.process.args[0]} did not start")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()


def leased(lab):
    return [a for a in lab.addresses() if a.startswith("10.7")]


def wait_for_lease(lab, other_than=None):
    lab.wait(lambda: leased(lab) and other_than not in leased(lab), why=f"no lease, or still {other_than}")
    # what the server says from here on is about what comes next
    lab.wait(lambda: lab.bound() and any(a.type == ACK and a.yiaddr in leased(lab) for a in lab.answers))
    lab.forget()
    return leased(lab)[0]


def confirmed(lab, address):
    """The server is asked for this address alone, however often, and agrees."""
    lab.wait(lambda: any(a.type == ACK for a in lab.answers), why="not confirmed")
    lab.wait(lab.bound)
    assert lab.early and {(m.type, m.address(50)) for m in lab.early} == {(REQUEST, address)}
    lab.forget()


def taken(lab, address):
    """Another host uses the address until the client gives it up."""
    def declined():
        lab.send_arp(2, address, "0.0.0.0")
        return any(m.type == DECLINE for m in lab.early)
    lab.wait(declined, why="not declined")


def whole_life(lab, server):
    with server:
        first = wait_for_lease(lab)
        lab.wait(lambda: any(r["dst"] == "default" for r in lab.routes()))
        before = lab.addresses()[first]["valid_life_time"]
        assert before > 60
        # renewal by unicast
        lab.wait(lambda: lab.addresses()[first]["valid_life_time"] <= before - 3)
        left = lab.addresses()[first]["valid_life_time"]
        lab.call("Link", "Renew")
        renew = lab.expect(REQUEST)
        assert renew.destination == SERVER and renew.ciaddr == first
        lab.wait(lambda: lab.addresses()[first]["valid_life_time"] > left, why="not renewed")
        # restart, killed
        lab.wait(lambda: any(a.type == ACK for a in lab.answers))
        lab.wait(lab.stored)
        lab.stop(signal.SIGKILL)
        lab.forget()
        lab.start()
        confirmed(lab, first)
        # flap
        lab.carrier(False)
        lab.wait(lambda: not lab.running())
        lab.carrier(True)
        confirmed(lab, first)
        assert lab.removed() == [] and leased(lab) == [first]
        taken(lab, first)
        lab.forget()
        second = wait_for_lease(lab, first)
        # the server away for a while, and back
        server.stop()
        lab.call("Link", "Renew")
        lab.expect(REQUEST)
        server.start()
        lab.call("Link", "Release")
        lab.wait(lambda: any(m.type == RELEASE and m.ciaddr == second for m in lab.early))
        lab.wait(lambda: not leased(lab))


def renumbered(lab, server):
    with server:
        first = wait_for_lease(lab)
        server.stop()
        for name in ("leases", "kea.csv", "dhcpd.leases"):
            if os.path.exists(f"{lab.dir}/{name}"):
                os.unlink(f"{lab.dir}/{name}")
        sh(f"ip -n {lab.server} address add 10.78.0.1/24 dev srv; ip -n {lab.server} address del {SERVER}/24 dev srv")
        server.start("10.78.0")
        lab.carrier(False)
        lab.wait(lambda: not lab.running())
        lab.forget()
        lab.carrier(True)
        lab.wait(lambda: [a[:7] for a in leased(lab)] == ["10.78.0"], why="not renumbered")
        assert lab.expect(REQUEST).address(50) == first
        lab.wait(lambda: NAK in [a.type for a in lab.answers])


SERVERS = ((("dnsmasq", dnsmasq, "DHCP, IP range"), ("kea-dhcp4", kea, "DHCP4_STARTED"),
            ("dhcpd", dhcpd, "Server starting service")))
for name, command, ready in SERVERS:
    if shutil.which(name):
        for function in (whole_life, renumbered):
            SCENARIOS[f"{name}_{function.__name__}"] = (
                lambda lab, f=function, c=command, r=ready: f(lab, Real(lab, c, r)), "RapidCommit=no", "")
    else:
        print(f"skipped: {name} is not there", file=sys.stderr)

if __name__ == "__main__":
    private_network.enter_several()
    run_all(Lab, SCENARIOS)
