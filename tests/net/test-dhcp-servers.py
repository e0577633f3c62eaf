#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lwsd against dnsmasq, Kea and ISC dhcpd: bring-up, renewal, restart, flap, renumbering, conflict, release.

Usage: test-dhcp-servers.py PATH-OF-LWSD [SCENARIO...]
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import dhcp_servers  # noqa: E402
import private_network  # noqa: E402
from dhcp_lab import ACK, DECLINE, NAK, RELEASE, REQUEST, SERVER, Lab, Scenarios, run_all, sh  # noqa: E402

NET = "10.77.0"


def dnsmasq(lab, net):
    return [*dhcp_servers.DNSMASQ, "--no-ping", "--dhcp-rapid-commit", f"--dhcp-range={net}.10,{net}.20,120",
            f"--dhcp-leasefile={lab.dir}/leases"]


def kea(lab, net):
    return dhcp_servers.kea(lab, "dhcp4", {
        "interfaces-config": {"interfaces": ["srv"], "dhcp-socket-type": "raw"},
        "lease-database": {"type": "memfile", "persist": True, "name": f"{lab.dir}/kea.csv", "lfc-interval": 0},
        "valid-lifetime": 120, "authoritative": True,
        "subnet4": [{"subnet": f"{net}.0/24", "pools": [{"pool": f"{net}.10 - {net}.20"}],
                     "option-data": [{"name": "routers", "data": f"{net}.1"}]}]})


def dhcpd(lab, net):
    return dhcp_servers.dhcpd(lab, 4, f"""authoritative; ping-check false;
default-lease-time 120; dhcp-cache-threshold 0; max-lease-time 120;
subnet {net}.0 netmask 255.255.255.0 {{ range {net}.10 {net}.20; option routers {net}.1; }}\n""")


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
    server.start(NET)
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
    lab.wait(lambda: any(a.type == ACK for a in lab.answers))
    dhcp_servers.survive(lab, lab.stored, lambda: confirmed(lab, first))
    assert lab.removed() == [] and leased(lab) == [first]
    taken(lab, first)
    lab.forget()
    second = wait_for_lease(lab, first)
    # the server away for a while, and back
    server.stop()
    lab.call("Link", "Renew")
    lab.expect(REQUEST)
    server.start(NET)
    lab.call("Link", "Release")
    lab.wait(lambda: any(m.type == RELEASE and m.ciaddr == second for m in lab.early))
    lab.wait(lambda: not leased(lab))


def renumbered(lab, server):
    server.start(NET)
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


SERVERS = (("dnsmasq", dnsmasq, "DHCP, IP range"), ("kea-dhcp4", kea, "DHCP4_STARTED"),
           ("dhcpd", dhcpd, "Server starting service"))

if __name__ == "__main__":
    scenarios = Scenarios()
    dhcp_servers.add_scenarios(scenarios, SERVERS, (whole_life, renumbered))
    private_network.enter_several()
    run_all(Lab, scenarios)
