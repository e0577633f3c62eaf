#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lwsd against Kea, ISC dhcpd and dnsmasq for DHCPv6: bring-up, renewal, restart, flap, conflict, release, information.

Usage: test-dhcp6-servers.py PATH-OF-LWSD [SCENARIO...]
"""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import private_network  # noqa: E402
from dhcp6_lab import (CONFIRM, DECLINE, INFORMATION_REQUEST, MANAGED, OTHER, RELEASE, RENEW, REQUEST,  # noqa: E402
                       SOLICIT, Lab6, ip6)
from dhcp_lab import PATIENCE, run_all, sh  # noqa: E402

os.environ["PATH"] += ":/usr/sbin:/sbin"
SCENARIOS = {}
NET, DNS = "2001:db8:77:", "2001:db8:77::53"


def dnsmasq(lab):
    return ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=", "--port=0",
            "--interface=srv", "--bind-interfaces", f"--dhcp-range={NET}:10,{NET}:20,64,600",
            f"--dhcp-option=option6:dns-server,[{DNS}]", "--dhcp-authoritative", f"--dhcp-leasefile={lab.dir}/leases"]


def kea(lab):
    config = {"Dhcp6": {
        "interfaces-config": {"interfaces": ["srv"]}, "server-id": {"type": "LL", "persist": False},
        "lease-database": {"type": "memfile", "persist": False},
        "preferred-lifetime": 400, "valid-lifetime": 600, "renew-timer": 200, "rebind-timer": 300,
        "option-data": [{"name": "dns-servers", "data": DNS}],
        "subnet6": [{"subnet": f"{NET}:/64", "interface": "srv", "pools": [{"pool": f"{NET}:10 - {NET}:20"}]}],
        "loggers": [{"name": "kea-dhcp6", "output_options": [{"output": "stdout"}], "severity": "INFO"}]}}
    with open(f"{lab.dir}/kea.json", "w") as f:
        json.dump(config, f)
    os.environ.update(KEA_PIDFILE_DIR=lab.dir, KEA_LOCKFILE_DIR=lab.dir, KEA_LOGGER_DESTINATION="stdout")
    return ["kea-dhcp6", "-c", f"{lab.dir}/kea.json"]


def dhcpd(lab):
    with open(f"{lab.dir}/dhcpd.conf", "w") as f:
        f.write(f"default-lease-time 600; preferred-lifetime 400; dhcp-cache-threshold 0;\n"
                f"option dhcp6.name-servers {DNS};\nsubnet6 {NET}:/64 {{ range6 {NET}:10 {NET}:20; }}\n")
    open(f"{lab.dir}/dhcpd.leases", "a").close()
    return ["dhcpd", "-6", "-f", "-d", "--no-pid", "-user", "root", "-group", "root", "-cf", f"{lab.dir}/dhcpd.conf",
            "-lf", f"{lab.dir}/dhcpd.leases", "srv"]


def log(lab):
    with open(f"{lab.dir}/server.log", errors="replace") as f:
        return f.read()


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


def whole_life(lab):
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
    # restart, killed
    lab.wait(lambda: lab.stored("dhcp6"))
    lab.stop(signal.SIGKILL)
    lab.forget()
    lab.start()
    confirmed(lab, first)
    # flap
    lab.carrier(False)
    lab.wait(lambda: not lab.running())
    lab.carrier(True)
    confirmed(lab, first)
    assert leased(lab) == [first]
    lab.call("Link", "Release")
    lab.wait(lambda: said(lab, RELEASE) and not leased(lab), why="not released")


def conflict(lab):
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


def information(lab):
    def asked():
        lab.advertise_router(OTHER)
        return said(lab, INFORMATION_REQUEST) and DNS in lab.resolv_conf()
    lab.wait(asked, why="the DNS server is not used")
    assert not leased(lab) and not said(lab, SOLICIT)


def against(command, ready, function):
    def scenario(lab):
        lab.sink.close()
        sh(f"ip -n {lab.server} address add {NET}:1/64 dev srv nodad")
        lab.wait(lambda: lab.running() and "tentative" not in sh(f"ip -n {lab.server} -6 address show dev srv"))
        with open(f"{lab.dir}/server.log", "w") as f:
            server = subprocess.Popen(command(lab), stdout=f, stderr=f)
        try:
            lab.wait(lambda: ready in log(lab), why=f"{server.args[0]} did not start")
            function(lab)
        finally:
            server.terminate()
            server.wait(PATIENCE)
    return scenario


for name, command, ready in (("dnsmasq", dnsmasq, "DHCPv6, IP range"), ("kea-dhcp6", kea, "DHCP6_STARTED"),
                             ("dhcpd", dhcpd, "Server starting service")):
    if shutil.which(name):
        for function in (whole_life, conflict, information):
            SCENARIOS[f"{name}_{function.__name__}"] = (against(command, ready, function), "RapidCommit=no", "")
    else:
        print(f"skipped: {name} is not there", file=sys.stderr)

if __name__ == "__main__":
    private_network.enter_several()
    run_all(Lab6, SCENARIOS)
