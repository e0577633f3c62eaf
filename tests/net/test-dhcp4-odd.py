#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lwsd against DHCPv4 servers, neighbours and links that do what is rare (REQ_DHCP rows in names).

Usage: test-dhcp4-odd.py PATH-OF-LWSD [SCENARIO...]  each scenario in a process and a network of its own, side by side
"""

import json
import os
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import private_network  # noqa: E402
from dhcp_lab import (ACK, DECLINE, DISCOVER, NAK, OFFER, RELEASE, REQUEST, SERVER, Lab, Scenarios, ip,  # noqa: E402
                      near, option, run_all, sh)

scenario = Scenarios()
ADDRESS = "10.77.0.50"


def answer_arp(lab, address=SERVER, mac=None):
    """Says who has the address to whoever asked for it; the kernel of our end is made to keep silent first."""
    mac = mac or lab.mac
    for _, frame in lab.arps:
        if frame[20:22] == b"\0\1" and frame[38:42] == ip(address):
            lab.raw.send(frame[6:12] + mac + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4, 2) + mac +
                         ip(address) + frame[22:28] + frame[28:32])
    lab.arps.clear()


def mute_arp(lab):
    """Our kernel answers no ARP from here on."""
    sh(f"ip netns exec {lab.server} sysctl -qw net.ipv4.conf.srv.arp_ignore=8")


def default_gateways(lab):
    return [r.get("gateway") for r in lab.routes() if r["dst"] == "default"]


@scenario()
def r8_a_release_waits_for_the_hardware_address(lab):
    mute_arp(lab)
    lab.bind()
    lab.silence(0.5)
    lab.arps.clear()
    sh(f"ip -n {lab.client} neigh flush dev eth0")
    lab.call("Link", "Release")
    lab.wait(lambda: any(f[38:42] == ip(SERVER) and f[20:22] == b"\0\1" for _, f in lab.arps), why="no ARP request")
    time.sleep(0.05)  # a wire of some length
    answer_arp(lab)
    release = lab.expect(RELEASE, 5)
    assert (release.source, release.destination) == (ADDRESS, SERVER)
    lab.wait(lambda: lab.addresses() == {}, 5)


@scenario()
def r30_a_release_to_a_dead_server_takes_the_address_too(lab):
    mute_arp(lab)
    lab.bind()
    sh(f"ip -n {lab.client} neigh flush dev eth0")
    lab.call("Link", "Release")
    lab.wait(lambda: lab.addresses() == {})


@scenario()
def r14_odd_addresses_and_servers(lab):
    discover = lab.expect(DISCOVER)
    for how in (dict(address="10.77.0.255"), dict(address=SERVER), dict(address="10.77.0.0"), dict(address="240.0.0.5"),
                dict(server="127.0.0.1"), dict(server="224.0.0.1"), dict(server="255.255.255.255")):
        lab.reply(discover, OFFER, **how)
    lab.reply(discover, OFFER)
    request = lab.expect(REQUEST)
    assert request.address(50) == ADDRESS and request.address(54) == SERVER, str(request)
    for address in ("10.77.0.255", "10.77.0.0"):
        lab.reply(request, ACK, address=address)
    lab.reply(request, ACK)
    lab.wait(lambda: list(lab.addresses()) == [ADDRESS])


@scenario()
def r10_frames_for_others_and_broken_headers(lab):
    discover = lab.expect(DISCOVER)
    lab.reply(discover, OFFER, address="10.77.0.66", to_mac=b"\2\0\0\0\0\x77")
    frames = []
    really = lab.raw.send
    lab.raw = Tapped(lab.raw, frames)
    lab.reply(discover, OFFER, address="10.77.0.66")
    frame = frames.pop()
    for broken in (frame[:24] + b"\1\1" + frame[26:],       # IP header sum
                   frame[:14] + b"\x44" + frame[15:],       # header length below 20
                   frame[:14] + b"\x65" + frame[15:],       # IPv6 in an IPv4 frame
                   frame[:16] + b"\x40\x00" + frame[18:],   # total length beyond the frame
                   frame[:38] + b"\x40\x00" + frame[40:],   # UDP length beyond the packet
                   frame[:38] + b"\0\7" + frame[40:],       # UDP length below its header
                   frame[:23] + b"\6" + frame[24:],         # TCP
                   frame[:12] + b"\x81\0\0\5" + frame[12:]):  # of a VLAN that is not there
        really(broken)
    lab.raw = lab.raw.socket
    lab.reply(discover, OFFER)
    assert lab.expect(REQUEST).address(50) == ADDRESS


class Tapped:
    """A socket that keeps what is sent by it."""

    def __init__(self, s, frames):
        self.socket, self.frames = s, frames

    def send(self, frame):
        self.frames.append(frame)


@scenario()
def r10_good_replies_in_odd_dress(lab):
    discover = lab.expect(DISCOVER)
    frames = []
    real, lab.raw = lab.raw, Tapped(lab.raw, frames)
    lab.reply(discover, OFFER, change=lambda p: p + b"\x03\x04\x01\x02\x03\x04" + bytes(200))
    lab.raw = real
    real.send(frames.pop() + b"trailer of the link")
    request = lab.expect(REQUEST)
    # no UDP checksum, and options in the IP header
    lab.raw = Tapped(real, frames)
    lab.reply(request, ACK)
    lab.raw = real
    frame = frames.pop()
    head = b"\x46" + frame[15:16] + struct.pack("!H", len(frame) - 14 + 4) + frame[18:24] + b"\0\0" + frame[26:34]
    head += b"\1\1\1\0"
    total = sum(struct.unpack("!12H", head))
    total = (total & 0xFFFF) + (total >> 16)
    head = head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:]
    real.send(frame[:14] + head + frame[34:40] + b"\0\0" + frame[42:])
    lab.wait(lambda: ADDRESS in lab.addresses())
    assert default_gateways(lab) == [SERVER]


@scenario()
def r10_a_priority_tag_is_no_vlan(lab):
    frames, real = [], lab.raw
    for kind, answers in ((OFFER, DISCOVER), (ACK, REQUEST)):
        message = lab.expect(answers)
        lab.raw = Tapped(real, frames)
        lab.reply(message, kind)
        lab.raw = real
        frame = frames.pop()
        real.send(frame[:12] + b"\x81\0\xe0\0" + frame[12:])
    lab.wait(lambda: ADDRESS in lab.addresses())


@scenario()
def r10_a_renewal_in_fragments_is_put_together(lab):
    lab.bind()
    lab.call("Link", "Renew")
    renew = lab.expect(REQUEST)
    frames = []
    real, lab.raw = lab.raw, Tapped(lab.raw, frames)
    lab.reply(renew, ACK, lease=7200, to_mac=renew.from_mac, destination=ADDRESS, extra=option(200, bytes(100)))
    lab.raw = real
    frame = frames.pop()
    head, body = frame[14:34], frame[34:]
    for at, part, more in ((0, body[:160], 0x2000), (20, body[160:], 0)):
        h = head[:2] + struct.pack("!HHH", 20 + len(part), 77, more | at) + head[8:10] + b"\0\0" + head[12:]
        total = sum(struct.unpack("!10H", h))
        total = (total & 0xFFFF) + (total >> 16)
        real.send(frame[:14] + h[:10] + struct.pack("!H", ~total & 0xFFFF) + h[12:] + part)
    lab.wait(lambda: lab.addresses()[ADDRESS]["valid_life_time"] > 3600)
    assert lab.removed() == []


@scenario()
def r13_a_refusal_without_a_server_counts_nowhere(lab):
    def nameless(p):
        return p.replace(option(54, ip(SERVER)), b"\0" * 6)
    lab.reply(lab.expect(DISCOVER), OFFER)
    request = lab.expect(REQUEST)
    lab.reply(request, NAK, change=nameless)
    lab.reply(request, ACK)
    lab.wait(lambda: ADDRESS in lab.addresses())
    lab.call("Link", "Renew")
    renew = lab.expect(REQUEST)
    lab.reply(renew, NAK, change=nameless)
    lab.reply(renew, ACK, lease=7200)
    lab.wait(lambda: lab.addresses()[ADDRESS]["valid_life_time"] > 3600)
    assert lab.removed() == []


@scenario()
def r14_a_lease_of_a_second_is_no_storm(lab):
    begun, last = time.time(), None
    count = 0
    while time.time() - begun < 5:
        if not lab.early:
            lab.next_frame(0.1)
            continue
        m = lab.early.pop(0)
        count += 1
        if m.type in (DISCOVER, REQUEST):
            lab.reply(m, OFFER if m.type == DISCOVER else ACK, lease=1)
    assert count < 40, count


@scenario()
def r26_another_mask_for_the_same_address(lab):
    lab.bind()
    lab.call("Link", "Renew")
    lab.reply(lab.expect(REQUEST), ACK, standard=False, extra=option(1, ip("255.255.0.0")) + option(3, ip(SERVER)))
    lab.wait(lambda: lab.addresses().get(ADDRESS, {}).get("prefixlen") == 16 and default_gateways(lab) == [SERVER])
    told = lab.removed()
    assert all("10.77.0.50/24" in line for line in told), told
    time.sleep(0.3)
    assert default_gateways(lab) == [SERVER]


@scenario()
def r17_a_router_that_is_ourselves_means_on_the_link(lab):
    lab.bind(standard=False, extra=option(1, ip("255.255.255.0")) + option(3, ip(ADDRESS)))
    lab.wait(lambda: default_gateways(lab) == [None])


@scenario()
def r16_a_hundred_routes(lab):
    routes = b"".join(bytes([24, 172, 16, i]) + ip(SERVER) for i in range(100))
    parts = [routes[i:i + 255] for i in range(0, len(routes), 255)]
    lab.bind(extra=b"".join(option(121, part) for part in parts))
    lab.wait(lambda: sum(r["dst"].startswith("172.16.") for r in lab.routes()) == 100)
    assert default_gateways(lab) == []
    lab.wait(lab.stored)
    lab.stop(signal.SIGKILL)
    lab.start()
    request = lab.expect(REQUEST)
    assert request.address(50) == ADDRESS and 54 not in request.options


@scenario()
def r18_long_and_split_lists(lab):
    servers = b"".join(ip(f"10.77.0.{i}") for i in range(200, 205))
    lab.bind(standard=False, extra=option(1, ip("255.255.255.0")) + option(6, servers[:6]) + option(6, servers[6:]) +
             option(42, ip("10.77.0.9") + ip("0.0.0.0") + ip("10.77.0.8")) + option(15, b"first.example\0") +
             option(119, b"\6second\7exa") + option(119, b"mple\0"))
    lab.wait(lambda: len(lab.get("Dns")) == 5)
    assert lab.get("Domains") == ["first.example", "second.example"], lab.get("Domains")
    assert lab.get("Ntp") == [[2, list(ip("10.77.0.9"))], [2, list(ip("10.77.0.8"))]], lab.get("Ntp")


def name_servers(lab):
    servers = json.loads(sh(f"busctl --json=short --address=unix:path={lab.dir}/run/private get-property org.lwsd1 "
                            "/org/lwsd1 org.lwsd1.Resolver Servers"))["data"]
    return [(".".join(map(str, address)), name, protocol) for _, _, address, name, protocol in servers]


# RFC 9463: priority, name, addresses, DNS over TLS
RESOLVER = b"\0\1\x0a\3dns\4test\0\4" + ip("10.77.0.9") + b"\0\1\0\4\3dot"


@scenario("[DNS]\nDNSOverTLS=opportunistic")
def resolvers_that_are_named_come_first_and_by_tls(lab):
    request = lab.bind(extra=option(162, struct.pack(">H", len(RESOLVER)) + RESOLVER))
    assert 162 in request.options[55]
    lab.wait(lambda: len(name_servers(lab)) == 2)
    assert name_servers(lab) == [("10.77.0.9", "dns.test", "dot"), (SERVER, "", "dot")], name_servers(lab)
    lab.wait(lab.stored)
    assert "10.77.0.9" not in lab.resolv_conf()


@scenario()
def resolvers_that_are_named_are_left_without_tls(lab):
    lab.bind(extra=option(162, struct.pack(">H", len(RESOLVER)) + RESOLVER))
    lab.wait(lambda: name_servers(lab) == [(SERVER, "", "udp")])


@scenario("UseDNS=no\nUseNTP=no\nUseRoutes=no\nUseMTU=no\nUseDomains=no")
def use_nothing_but_the_address(lab):
    lab.bind(extra=option(26, b"\x05\x78") + option(42, ip(SERVER)) + option(15, b"lan.example"))
    lab.wait(lab.bound)
    assert lab.get("Dns") == [] and lab.get("Ntp") == [] and lab.get("Domains") == []
    assert default_gateways(lab) == [] and "10.77.0.1" not in lab.resolv_conf()
    assert json.loads(sh(f"ip -n {lab.client} -j link show eth0"))[0]["mtu"] == 1500


@scenario()
def the_lease_on_the_bus_and_in_the_kernel(lab):
    lab.bind(extra=option(42, ip(SERVER)) + option(15, b"lan.example"))
    lab.wait(lambda: default_gateways(lab) and lab.bound())
    assert lab.get("LeaseServer") == SERVER and lab.get("Managed") and lab.get("Carrier")
    assert lab.get("Addresses") == [[2, list(ip(ADDRESS)), 24]], lab.get("Addresses")
    assert lab.get("Gateways") == [[2, list(ip(SERVER))]], lab.get("Gateways")
    assert lab.get("Dns") == [[2, list(ip(SERVER))]] and lab.get("Domains") == ["lan.example"]
    assert lab.get("LeaseExpiresUSec") > 0
    a = lab.addresses()[ADDRESS]
    assert a["valid_life_time"] == a["preferred_life_time"] and a["broadcast"] == "10.77.0.255", a
    lab.call("Link", "Release")
    lab.expect(RELEASE)
    lab.wait(lambda: lab.get("LeaseServer") == "" and lab.get("Dns") == [] and lab.get("Addresses") == [])


@scenario()
def r28_a_refusal_at_the_start_is_remembered(lab):
    lab.bind()
    lab.wait(lab.stored)
    lab.stop(signal.SIGKILL)
    sh(f"ip -n {lab.client} address flush dev eth0")
    lab.start()
    lab.reply(lab.expect(REQUEST), NAK)
    assert 50 not in lab.expect(DISCOVER).options
    lab.wait(lambda: not lab.stored())
    lab.stop(signal.SIGKILL)
    lab.forget()
    lab.start()
    assert 50 not in lab.expect(DISCOVER).options


@scenario("ConflictDetection=strict")
def r32_a_declined_address_is_not_asked_for_after_a_restart(lab):
    lab.bind()
    lab.wait(lab.stored)
    lab.stop(signal.SIGKILL)
    sh(f"ip -n {lab.client} address flush dev eth0")
    lab.forget()
    lab.arps.clear()
    lab.start()
    lab.reply(lab.expect(REQUEST), ACK)
    lab.wait(lambda: lab.probes(ADDRESS)[0], why="no probe")
    lab.send_arp(2, ADDRESS, "0.0.0.0")
    lab.expect(DECLINE)
    lab.wait(lambda: not lab.stored())


def knows_gateway(lab):
    if not lab.stored():
        return False
    with open(f"{lab.dir}/state/dhcp4-eth0.lease") as f:
        return f"gateway-mac={lab.mac.hex(':')}" in f.read()


def asked_gateway(lab):
    return [f for _, f in lab.arps if f[20:22] == b"\0\1" and f[38:42] == ip(SERVER)]


def flap(lab):
    lab.carrier(False)
    time.sleep(0.5)
    lab.forget()
    lab.arps.clear()
    lab.carrier(True)


@scenario()
def r28_another_gateway_is_another_network(lab):
    lab.bind()
    lab.wait(lambda: knows_gateway(lab))
    mute_arp(lab)
    flap(lab)
    lab.expect(REQUEST)
    lab.wait(lambda: asked_gateway(lab))
    answer_arp(lab, mac=b"\2\0\0\0\0\x55")
    lab.expect(REQUEST)
    discover = lab.expect(DISCOVER)
    assert discover.address(50) == ADDRESS
    lab.wait(lambda: lab.addresses() == {})
    lab.reply(discover, OFFER)
    lab.reply(lab.expect(REQUEST), ACK)
    lab.wait(lambda: asked_gateway(lab), why="the new gateway is not asked for")


@scenario()
def r28_the_gateway_is_learned_anew_where_it_did_not_confirm(lab):
    lab.bind()
    lab.wait(lambda: knows_gateway(lab))
    mute_arp(lab)
    flap(lab)
    lab.reply(lab.expect(REQUEST), ACK)
    new = b"\2\0\0\0\0\x55"

    def learned():
        answer_arp(lab, mac=new)
        with open(f"{lab.dir}/state/dhcp4-eth0.lease") as f:
            return f"gateway-mac={new.hex(':')}" in f.read()
    lab.wait(learned, why="the gateway's new hardware address is not in the file")
    assert lab.removed() == []


@scenario()
def r28_the_gateway_confirms_where_the_server_is_silent(lab):
    lab.bind()
    lab.wait(lambda: knows_gateway(lab))
    flap(lab)
    lab.expect(REQUEST)
    lab.wait(lab.bound)
    lab.wait(lambda: sum(m.type == REQUEST for m in lab.early) >= 1)
    lab.early.clear()
    lab.silence(3)
    assert lab.removed() == [] and ADDRESS in lab.addresses()


@scenario()
def r28_after_a_boot_the_gateway_is_enough(lab):
    lab.bind()
    lab.wait(lambda: knows_gateway(lab))
    lab.stop(signal.SIGKILL)
    sh(f"ip -n {lab.client} address flush dev eth0")
    lab.start()
    asked = lab.expect(REQUEST)
    lab.wait(lambda: ADDRESS in lab.addresses())
    near(time.time() - asked.at, 0, 0.3, "use")


@scenario()
def r44_an_address_that_somebody_removed_is_asked_for_and_probed(lab):
    lab.bind()
    lab.wait(lambda: len(lab.probes(ADDRESS)[1]) == 2)
    lab.arps.clear()
    sh(f"ip -n {lab.client} address del {ADDRESS}/24 dev eth0")
    request = lab.expect(REQUEST)
    assert request.address(50) == ADDRESS and 54 not in request.options and request.ciaddr == "0.0.0.0"
    assert lab.addresses() == {}
    lab.reply(request, ACK)
    lab.wait(lambda: ADDRESS in lab.addresses() and default_gateways(lab) == [SERVER])
    lab.wait(lambda: len(lab.probes(ADDRESS)[0]) == 3, why="no new probes")


@scenario("[Link wan*]\nDHCP=ipv4\nCarrierLossSec=60")
def r43_a_renamed_link_keeps_its_lease(lab):
    lab.bind()
    lab.wait(lab.stored)
    sh(f"ip -n {lab.client} link set eth0 down; ip -n {lab.client} link set eth0 name wan7; "
       f"ip -n {lab.client} link set wan7 up")
    request = lab.expect(REQUEST)
    assert request.address(50) == ADDRESS and 54 not in request.options
    lab.reply(request, ACK)
    lab.wait(lab.bound)
    lab.wait(lambda: os.listdir(f"{lab.dir}/state").count("dhcp4-wan7.lease") == 1)
    assert not lab.stored()
    lab.stop(signal.SIGKILL)
    lab.start()
    again = lab.expect(REQUEST)
    assert again.address(50) == ADDRESS and 54 not in again.options
    assert again.options[61] == request.options[61]


@scenario("[Link wan*]\nDHCP=ipv4\nCarrierLossSec=60")
def r43_renamed_while_it_is_up(lab):
    lab.bind()
    lab.wait(lab.stored)
    sh(f"ip -n {lab.client} link set eth0 name wan7", check=False)
    if "wan7" not in sh(f"ip -n {lab.client} link show"):
        return  # before Linux 6.2
    lab.wait(lambda: os.listdir(f"{lab.dir}/state").count("dhcp4-wan7.lease") == 1)
    lab.silence(0.5)
    lab.call("Link", "Renew")
    renew = lab.expect(REQUEST)
    assert renew.ciaddr == ADDRESS and renew.destination == SERVER
    lab.reply(renew, ACK, lease=7200)
    lab.wait(lambda: f"{ADDRESS}/24" in sh(f"ip -n {lab.client} address show dev wan7"))
    assert lab.removed() == [] and not lab.stored()


@scenario()
def r43_unplugged_in_the_middle_and_another_in_its_place(lab):
    lab.reply(lab.expect(DISCOVER), OFFER)
    lab.expect(REQUEST)
    sh(f"ip -n {lab.server} link del srv")
    lab.raw.close()
    sh(f"ip link add eth0 netns {lab.client} type veth peer name srv netns {lab.server}")
    sh(f"ip -n {lab.server} address add {SERVER}/24 dev srv; ip -n {lab.server} link set srv up")
    lab.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    lab.raw.setsockopt(socket.SOL_SOCKET, 35, 1)
    lab.raw.bind(("srv", 0))
    lab.mac = lab.raw.getsockname()[4]
    lab.forget()
    lab.bind()


@scenario("ConflictDetection=strict")
def r43_carrier_lost_in_the_middle(lab):
    lab.expect(DISCOVER)
    flap(lab)
    lab.reply(lab.expect(DISCOVER), OFFER)
    lab.expect(REQUEST)
    flap(lab)
    lab.reply(lab.expect(DISCOVER), OFFER)
    lab.reply(lab.expect(REQUEST), ACK)
    lab.wait(lambda: lab.probes(ADDRESS)[0], why="no probe")
    flap(lab)
    m = lab.expect(DISCOVER)
    lab.reply(m, OFFER)
    lab.reply(lab.expect(REQUEST), ACK)
    lab.wait(lambda: ADDRESS in lab.addresses())


@scenario()
def r43_dormant_is_no_carrier(lab):
    lab.expect(DISCOVER)
    lab.carrier(False)
    sh(f"ip -n {lab.client} link set eth0 mode dormant")
    time.sleep(0.3)
    lab.forget()
    lab.carrier(True)
    lab.silence(1.5)
    sh(f"ip -n {lab.client} link set eth0 state up")
    lab.bind()


@scenario()
def a_flood_of_answers_changes_nothing(lab):
    request = lab.bind()
    lab.wait(lab.bound)
    for i in range(3000):
        lab.reply(request, (ACK, NAK, OFFER)[i % 3], address="10.77.0.66")
    lab.call("Link", "Renew")
    lab.reply(lab.expect(REQUEST), ACK, lease=7200)
    lab.wait(lambda: lab.addresses()[ADDRESS]["valid_life_time"] > 3600)
    assert lab.removed() == []


@scenario()
def r4_r31_the_host_name_is_the_same_everywhere(lab):
    name = socket.gethostname().split(".")[0].encode()
    messages = [lab.expect(DISCOVER)]
    lab.reply(messages[0], OFFER)
    messages.append(lab.expect(REQUEST))
    lab.reply(messages[1], ACK)
    lab.wait(lambda: ADDRESS in lab.addresses())
    lab.call("Link", "Renew")
    messages.append(lab.expect(REQUEST))
    lab.reply(messages[2], ACK)
    assert {m.options.get(12) for m in messages} == {name}, [m.options.get(12) for m in messages]
    assert len({m.options[55] for m in messages}) == 1 and len({m.options[61] for m in messages}) == 1


@scenario()
def r12_the_chosen_server_may_give_another_address_than_it_offered(lab):
    lab.reply(lab.expect(DISCOVER), OFFER)
    lab.reply(lab.expect(REQUEST), ACK, address="10.77.0.61")
    lab.wait(lambda: list(lab.addresses()) == ["10.77.0.61"])
    lab.call("Link", "Renew")
    assert lab.expect(REQUEST).ciaddr == "10.77.0.61"


@scenario()
def r16_options_in_sname_alone(lab):
    inner = (option(3, ip("10.77.0.9")) + option(15, b"lan.example") + b"\xff").ljust(64, b"\0")
    lab.bind(standard=False, extra=option(1, ip("255.255.255.0")) + option(52, b"\2"),
             change=lambda p: p[:44] + inner + option(3, ip("10.77.0.8")).ljust(128, b"\0") + p[236:])
    lab.wait(lambda: default_gateways(lab) == ["10.77.0.9"])
    assert lab.get("Domains") == ["lan.example"]


@scenario()
def r16_an_option_in_as_many_parts_as_it_has_octets(lab):
    routes = bytes([24, 192, 0, 2]) + ip("10.77.0.9") + bytes([0]) + ip("10.77.0.8")
    parts = b"".join(option(121, routes[i:i + 1]) for i in range(len(routes)))
    name = b"".join(option(15, b"lan.example"[i:i + 3]) + b"\0" + option(121, b"") for i in range(0, 11, 3))
    lab.bind(extra=parts + name)
    lab.wait(lambda: {r["dst"]: r.get("gateway") for r in lab.routes()} ==
             {"192.0.2.0/24": "10.77.0.9", "default": "10.77.0.8", "10.77.0.0/24": None})
    assert lab.get("Domains") == ["lan.example"]


@scenario()
def r17_what_121_says_makes_3_and_33_void(lab):
    lab.bind(extra=option(121, bytes([25, 192, 0, 2, 255]) + ip("10.77.0.9")) +
             option(33, ip("198.51.100.0") + ip("10.77.0.3")) + option(249, bytes([0]) + ip("10.77.0.4")))
    lab.wait(lambda: {r["dst"]: r.get("gateway") for r in lab.routes()} ==
             {"192.0.2.128/25": "10.77.0.9", "10.77.0.0/24": None})


@scenario()
def r17_routes_that_no_kernel_takes_spoil_no_others(lab):
    lab.bind(extra=option(121, bytes([8, 127]) + ip("10.77.0.9") + bytes([24, 192, 0, 2]) + ip("224.0.0.1") +
                          bytes([24, 192, 0, 3]) + ip("255.255.255.255") + bytes([32]) + ip(ADDRESS) + ip("10.77.0.9") +
                          bytes([0]) + ip("10.77.0.8")))
    lab.wait(lambda: default_gateways(lab) == ["10.77.0.8"])
    lab.wait(lab.bound)


@scenario()
def r3021_a_network_of_two(lab):
    lab.bind(standard=False, extra=option(1, ip("255.255.255.254")) + option(3, ip("10.77.0.51")))
    lab.wait(lambda: default_gateways(lab) == ["10.77.0.51"])
    assert lab.addresses()[ADDRESS]["prefixlen"] == 31 and "broadcast" not in lab.addresses()[ADDRESS]


@scenario()
def r24_a_lease_of_four_seconds(lab):
    lab.reply(lab.expect(DISCOVER), OFFER, lease=4)
    request = lab.expect(REQUEST)
    lab.reply(request, ACK, lease=4)
    renew = lab.expect(REQUEST)
    near(renew.at - request.at, 1.9, 2.1, "T1")
    assert renew.ciaddr == ADDRESS and renew.destination == SERVER
    rebind = lab.expect(REQUEST)
    near(rebind.at - request.at, 3.4, 3.6, "T2")
    assert rebind.ciaddr == ADDRESS and rebind.destination == "255.255.255.255"
    discover = lab.expect(DISCOVER)
    near(discover.at - request.at, 3.9, 4.1, "end")
    lab.wait(lambda: lab.addresses() == {})


@scenario()
def r25_a_refusal_while_rebinding(lab):
    times = option(58, b"\0\0\0\2") + option(59, b"\0\0\0\4")
    lab.reply(lab.expect(DISCOVER), OFFER, lease=30, extra=times)
    lab.reply(lab.expect(REQUEST), ACK, lease=30, extra=times)
    lab.expect(REQUEST)
    rebind = lab.expect(REQUEST)
    assert rebind.destination == "255.255.255.255"
    lab.reply(rebind, NAK, server="10.77.0.2")
    assert 50 not in lab.expect(DISCOVER).options
    lab.wait(lambda: lab.addresses() == {} and default_gateways(lab) == [])


@scenario()
def r25_a_refusal_that_a_relay_sends_to_the_address(lab):
    lab.bind()
    lab.call("Link", "Renew")
    renew = lab.expect(REQUEST)
    lab.reply(renew, NAK, to_mac=renew.from_mac, destination=ADDRESS,
              change=lambda p: p[:10] + b"\x80\0" + p[12:24] + ip("10.77.0.1") + p[28:])
    assert 50 not in lab.expect(DISCOVER).options
    lab.wait(lambda: lab.addresses() == {})


@scenario()
def r26_what_a_renewal_does_not_say_any_more_goes(lab):
    lab.bind(extra=option(42, ip(SERVER)) + option(15, b"lan.example") + option(26, b"\x05\x78"))
    lab.wait(lambda: default_gateways(lab) == [SERVER] and lab.bound())
    lab.call("Link", "Renew")
    lab.reply(lab.expect(REQUEST), ACK, standard=False, extra=option(1, ip("255.255.255.0")))
    lab.wait(lambda: default_gateways(lab) == [] and lab.get("Dns") == [] and lab.get("Ntp") == [] and
             lab.get("Domains") == [])
    lab.wait(lambda: json.loads(sh(f"ip -n {lab.client} -j link show eth0"))[0]["mtu"] == 1500)
    assert lab.removed() == []


@scenario()
def r28_a_lease_file_of_garbage_is_no_lease(lab):
    lab.bind()
    lab.wait(lab.stored)
    with open(f"{lab.dir}/state/dhcp4-eth0.lease", "rb") as f:
        good = f.read()
    for bad in (b"", b"\0" * 5000, good[:len(good) // 3], good.replace(b"=", b":"), os.urandom(800),
                good.replace(b"address=10.77.0.50", b"address=127.0.0.1"), good + b"route=0.0.0.0/99 1.2.3.4\n"):
        lab.stop(signal.SIGKILL)
        sh(f"ip -n {lab.client} address flush dev eth0")
        lab.forget()
        with open(f"{lab.dir}/state/dhcp4-eth0.lease", "wb") as f:
            f.write(bad)
        lab.start()
        lab.expect(DISCOVER)
    lab.forget()
    lab.answered.clear()
    lab.bind()


@scenario()
def r33_defends_again_after_ten_seconds(lab):
    lab.bind()
    lab.wait(lambda: len(lab.probes(ADDRESS)[1]) == 2)
    for n in (3, 4):
        lab.send_arp(1, ADDRESS, "10.77.0.9")
        lab.wait(lambda: len(lab.probes(ADDRESS)[1]) == n, why="no defence")
        lab.silence(10.5)
    assert ADDRESS in lab.addresses()


@scenario()
def r32_a_conflict_after_use_is_declined_and_waited_out(lab):
    lab.bind()
    lab.wait(lambda: len(lab.probes(ADDRESS)[1]) == 2)
    for _ in range(2):
        lab.send_arp(2, ADDRESS, ADDRESS)
    decline = lab.expect(DECLINE)
    assert decline.address(50) == ADDRESS and decline.source == "0.0.0.0"
    lab.wait(lambda: lab.addresses() == {} and default_gateways(lab) == [])
    discover = lab.expect(DISCOVER)
    assert discover.at - decline.at >= 9.9 and 50 not in discover.options


@scenario()
def r2_a_reply_as_long_as_the_link_takes(lab):
    lab.bind(extra=b"".join(option(224 + i, bytes(200)) for i in range(4)) + option(42, ip(SERVER)))
    lab.wait(lambda: lab.get("Ntp") == [[2, list(ip(SERVER))]])


@scenario("DHCP=yes")
def r29_a_host_that_may_not_configure_itself_waits(lab):
    discover = lab.expect(DISCOVER)
    lab.reply(discover, OFFER, address="0.0.0.0", extra=option(116, b"\0"))
    lab.answered.clear()  # the same exchange goes on
    assert lab.expect(DISCOVER).xid == discover.xid
    assert lab.addresses() == {}


if __name__ == "__main__":
    private_network.enter_several()
    run_all(Lab, scenario)
