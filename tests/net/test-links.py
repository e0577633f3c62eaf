#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lwsd on a machine with many links that come and go faster than anyone can read (REQ_DHCP 42, 43).

Usage: test-links.py PATH-OF-LWSD [SCENARIO...]      each scenario in a process and a network of its own, side by side
"""

import json
import os
import resource
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import private_network  # noqa: E402
from dhcp_lab import ACK, REQUEST, Lab, Scenarios, run_all, sh  # noqa: E402

scenario = Scenarios()
ADDRESS = "10.77.0.50"
MANY = 500
GROUP = 77


def bus(lab, words):
    """An answer of lwsd, which comes however much else it has to do."""
    return json.loads(sh(f"busctl --json=short --timeout=30 --address=unix:path={lab.dir}/run/private {words}"))["data"]


def links(lab):
    """Names of the links that lwsd knows."""
    found = bus(lab, "call org.lwsd1 /org/lwsd1 org.lwsd1.Manager ListLinks")
    return {name for _, name, _ in found[0]}


def state_of(lab, name, what):
    found = bus(lab, f"call org.lwsd1 /org/lwsd1 org.lwsd1.Manager GetLinkByName s {name}")
    return bus(lab, f"get-property org.lwsd1 {found[1]} org.lwsd1.Link {what}")


def batch(lab, lines):
    subprocess.run(["ip", "-n", lab.client, "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)


def plug_many(lab):
    """Pairs of links, each the other end of the next."""
    batch(lab, [line for i in range(0, MANY, 2) for line in (
        f"link add dum{i} group {GROUP} type veth peer name dum{i + 1} group {GROUP}",
        f"link set dum{i} up", f"link set dum{i + 1} up",
        f"address add 10.{100 + i // 250}.{i % 250}.1/24 dev dum{i + 1}")])


def unplug_all(lab):
    sh(f"ip -n {lab.client} link del group {GROUP}")


def drops(lab):
    """Messages that the kernel could not give to lwsd's rtnetlink socket."""
    rows = [row.split() for row in sh(f"ip netns exec {lab.client} cat /proc/net/netlink").splitlines()[1:]]
    return sum(int(row[8]) for row in rows if row[1] == "0" and row[2] != str(lab.monitor.pid))


@scenario("[Link dum*]\nDHCP=ipv4")
def many_links_come_and_go(lab):
    lab.bind()
    plug_many(lab)
    everyone = {f"dum{i}" for i in range(MANY)} | {"lo", "eth0"}
    lab.wait(lambda: links(lab) == everyone)
    last = f"dum{MANY - 1}"
    lab.wait(lambda: state_of(lab, last, "DhcpState") == "selecting")
    lab.wait(lambda: state_of(lab, last, "Managed") and state_of(lab, last, "Carrier"))
    lab.wait(lambda: [a[2] for a in state_of(lab, last, "Addresses")] == [24])
    # the one that matters goes on as ever
    lab.call("Link", "Renew")
    lab.reply(lab.expect(REQUEST), ACK, lease=7200)
    lab.wait(lambda: lab.addresses()[ADDRESS]["valid_life_time"] > 3600)
    unplug_all(lab)
    lab.wait(lambda: links(lab) == {"lo", "eth0"})
    assert not [line for line in lab.removed() if ADDRESS in line] and lab.bound()


@scenario()
def what_was_overrun_is_read_again(lab):
    lab.bind()
    lab.wait(lab.bound)
    everyone = {f"dum{i}" for i in range(MANY)} | {"lo", "eth0"}
    lab.daemon.send_signal(signal.SIGSTOP)
    plug_many(lab)
    for mtu in range(1400, 1420):
        sh(f"ip -n {lab.client} link set group {GROUP} mtu {mtu}")
        if drops(lab):
            break
    assert drops(lab), "no overrun"
    lab.daemon.send_signal(signal.SIGCONT)
    lab.wait(lambda: links(lab) == everyone)
    lab.wait(lambda: state_of(lab, f"dum{MANY - 1}", "Carrier"))
    # and the other way round: what went is gone, and the leased address comes back when the server agrees
    before = drops(lab)
    lab.daemon.send_signal(signal.SIGSTOP)
    for mtu in range(1400, 1440):
        sh(f"ip -n {lab.client} link set group {GROUP} mtu {mtu}")
    unplug_all(lab)
    sh(f"ip -n {lab.client} address flush dev eth0")
    assert drops(lab) > before, "no overrun"
    lab.daemon.send_signal(signal.SIGCONT)
    lab.wait(lambda: links(lab) == {"lo", "eth0"})
    lab.arps.clear()
    request = lab.expect(REQUEST)
    assert request.address(50) == ADDRESS and ADDRESS not in lab.addresses()
    lab.reply(request, ACK)
    lab.wait(lambda: ADDRESS in lab.addresses())
    lab.wait(lambda: lab.probes(ADDRESS)[0], why="no new probe")
    assert "kernel refuses" not in lab.log()


if __name__ == "__main__":
    private_network.enter_several()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    run_all(Lab, scenario)
