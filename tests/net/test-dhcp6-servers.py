#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lwsd against Kea, ISC dhcpd and dnsmasq for DHCPv6: bring-up, renewal, restart, flap, conflict, release, information.

Usage: test-dhcp6-servers.py PATH-OF-LWSD [SCENARIO...]
"""

import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import dhcp_servers  # noqa: E402
import private_network  # noqa: E402
from dhcp6_lab import (CONFIRM, DECLINE, INFORMATION_REQUEST, MANAGED, OTHER, RELEASE, RENEW, REQUEST,  # noqa: E402
                       SOLICIT, Lab6, ip6)
from dhcp_lab import Scenarios, run_all, sh  # noqa: E402

NET, DNS = "2001:db8:77:", "2001:db8:77::53"


def dnsmasq(lab):
    return [*dhcp_servers.DNSMASQ, f"--dhcp-range={NET}:10,{NET}:20,64,600",
            f"--dhcp-option=option6:dns-server,[{DNS}]", f"--dhcp-leasefile={lab.dir}/leases"]


def kea(lab):
    return dhcp_servers.kea(lab, "dhcp6", {
        "interfaces-config": {"interfaces": ["srv"]}, "server-id": {"type": "LL", "persist": False},
        "lease-database": {"type": "memfile", "persist": False},
        "preferred-lifetime": 400, "valid-lifetime": 600, "renew-timer": 200, "rebind-timer": 300,
        "option-data": [{"name": "dns-servers", "data": DNS}],
        "subnet6": [{"subnet": f"{NET}:/64", "interface": "srv", "pools": [{"pool": f"{NET}:10 - {NET}:20"}]}]})


def dhcpd(lab):
    return dhcp_servers.dhcpd(lab, 6, f"""default-lease-time 600; preferred-lifetime 400; dhcp-cache-threshold 0;
option dhcp6.name-servers {DNS};\nsubnet6 {NET}:/64 {{ range6 {NET}:10 {NET}:20; }}\n""")


def start(lab, server):
    sh(f"ip -n {lab.server} address add {NET}:1/64 dev srv nodad")
    lab.wait(lambda: lab.running() and "tentative" not in sh(f"ip -n {lab.server} -6 address show dev srv"))
    server.start()


def leased(lab):
    return [a for a in lab.addresses6() if a.startswith(NET)]


def said(lab, kind):
    return [m for m in lab.early if m.type == kind]


def wait_for_lease(lab, flags=MANAGED):
    def has():
        lab.advertise_router(flags)
        return leased(lab) and lab.bound()
    lab.wait(has, why="no lease")
    return leased(lab)[0]


def confirmed(lab, address):
    """A CONFIRM is answered: the client says it no more, and the address stays."""
    def confirms():
        lab.advertise_router()
        return said(lab, CONFIRM) and lab.bound()
    lab.wait(confirms, why="not confirmed")
    assert said(lab, CONFIRM)[0].addresses == [address] and not said(lab, SOLICIT)
    lab.forget()


def taken(lab, address):
    """Another host uses the address until the client gives it up."""
    advertisement = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + ip6(address) + b"\2\1\2\0\0\0\0\x99"

    def declined():
        lab.send6(58, advertisement, "ff02::1", source=address)
        return said(lab, DECLINE)
    lab.wait(declined, why="not declined")


def whole_life(lab, server):
    start(lab, server)
    first = wait_for_lease(lab)
    lab.wait(lambda: said(lab, SOLICIT) and said(lab, REQUEST))
    lab.wait(lambda: DNS in lab.resolv_conf(), why="the DNS server is not used")
    before = lab.addresses6()[first]["valid_life_time"]
    lab.wait(lambda: lab.addresses6()[first]["valid_life_time"] <= before - 5)
    left = lab.addresses6()[first]["valid_life_time"]
    lab.call("Link", "Renew")
    lab.wait(lambda: lab.addresses6()[first]["valid_life_time"] > left, why="not renewed")
    lab.wait(lambda: said(lab, RENEW))
    assert said(lab, RENEW)[0].addresses == [first]
    dhcp_servers.survive(lab, lambda: lab.stored("dhcp6"), lambda: confirmed(lab, first))
    assert leased(lab) == [first]
    lab.call("Link", "Release")
    lab.wait(lambda: said(lab, RELEASE) and not leased(lab), why="not released")


def conflict(lab, server):
    start(lab, server)
    first = wait_for_lease(lab)
    lab.call("Link", "Release")
    lab.wait(lambda: said(lab, RELEASE) and not leased(lab))
    # the server may give the same address again, which by then is another's
    lab.forget()
    lab.call("Link", "Renew")
    lab.wait(lambda: said(lab, REQUEST), why="not asked for again")
    taken(lab, said(lab, REQUEST)[-1].addresses[0] if said(lab, REQUEST)[-1].addresses else first)
    declined = said(lab, DECLINE)[0].addresses[0]
    assert wait_for_lease(lab) != declined


def information(lab, server):
    start(lab, server)
    def asked():
        lab.advertise_router(OTHER)
        return said(lab, INFORMATION_REQUEST) and DNS in lab.resolv_conf()
    lab.wait(asked, why="the DNS server is not used")
    assert not leased(lab) and not said(lab, SOLICIT)


SERVERS = (("dnsmasq", dnsmasq, "DHCPv6, IP range"), ("kea-dhcp6", kea, "DHCP6_STARTED"),
           ("dhcpd", dhcpd, "Server starting service"))

if __name__ == "__main__":
    scenarios = Scenarios()
    dhcp_servers.add_scenarios(scenarios, SERVERS, (whole_life, conflict, information))
    private_network.enter_several()
    run_all(Lab6, scenarios)
