#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lwsd against DHCPv4 servers good and hostile, judged by its packets and by the kernel (REQ_DHCP rows in names).

Usage: test-dhcp4.py PATH-OF-LWSD [SCENARIO...]      each scenario in a process and a network of its own, side by side
"""

import os
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import private_network  # noqa: E402
from dhcp_lab import (ACK, DECLINE, DISCOVER, NAK, OFFER, RELEASE, REQUEST, Lab, Scenarios, ip, near,  # noqa: E402
                      option, run_all)

scenario = Scenarios()
ADDRESS = "10.77.0.50"


@scenario("ClientIdentifier=mac\nSendHostname=no")
def r1_to_r6_packets_of_a_first_lease(lab):
    discover = lab.expect(DISCOVER)
    lab.reply(discover, OFFER)
    request = lab.expect(REQUEST)
    lab.reply(request, ACK)
    for m in (discover, request):
        assert (m.op, m.htype, m.hlen, m.hops, m.flags) == (1, 1, 6, 0, 0)
        assert (m.source, m.destination, m.to_mac) == ("0.0.0.0", "255.255.255.255", b"\xff" * 6)
        assert (m.ciaddr, m.yiaddr, m.siaddr, m.giaddr) == ("0.0.0.0",) * 4
        assert m.whole and m.ended and m.order[0] == 53 and len(m.payload) >= 300
        assert m.chaddr == m.from_mac + bytes(10)
        assert m.options[61] == b"\x01" + m.from_mac and 12 not in m.options
        assert struct.unpack("!H", m.options[57])[0] >= 576 and m.tos == 0xC0 and m.ttl == 64
        wanted = m.options[55]
        assert wanted.index(121) < wanted.index(3) and wanted.index(121) < wanted.index(33)
    assert discover.options[55] == request.options[55] and discover.xid == request.xid
    assert discover.secs == 0 and request.secs == discover.secs
    assert request.address(50) == ADDRESS and request.address(54) == "10.77.0.1"
    lab.wait(lambda: ADDRESS in lab.addresses())
    a = lab.addresses()[ADDRESS]
    assert a["prefixlen"] == 24 and 3590 <= a["valid_life_time"] <= 3600, a
    lab.wait(lambda: any(r["dst"] == "default" for r in lab.routes()))
    default = [r for r in lab.routes() if r["dst"] == "default"]
    assert len(default) == 1 and default[0]["gateway"] == "10.77.0.1" and default[0]["protocol"] == "dhcp", default
    lab.wait(lambda: len(lab.probes(ADDRESS)[1]) == 2, why="no announcements")
    probes, announcements = lab.probes(ADDRESS)
    assert len(probes) == 3
    near(probes[0] - request.at, 0, 1.1, "first probe")
    near(probes[1] - probes[0], 0.9, 2.1, "second probe")
    near(probes[2] - probes[1], 0.9, 2.1, "third probe")
    near(announcements[1] - announcements[0], 1.9, 2.2, "announcements")


@scenario()
def r3_the_client_identifier_is_a_duid(lab):
    first = lab.expect(DISCOVER).options[61]
    assert first[0] == 255 and len(first) >= 5 + 2
    lab.stop()
    lab.start()
    again = lab.expect(DISCOVER)
    assert again.options[61] == first


@scenario()
def r20_a_fresh_link_is_eager(lab):
    messages = [lab.expect(DISCOVER) for _ in range(5)]
    near(messages[1].at - messages[0].at, 0.4, 0.6, "first repeat")
    for a, b in zip(messages[1:], messages[2:]):
        near(b.at - a.at, 0.85, 1.15, "repeat")
        assert a.xid == b.xid
    lab.reply(messages[-1], OFFER)
    requests = [lab.expect(REQUEST) for _ in range(3)]
    near(requests[1].at - requests[0].at, 0.4, 0.6, "first repeat of the request")
    assert {r.secs for r in requests} == {messages[-1].secs}


HOSTILE = {
    "op": dict(change=lambda p: b"\x01" + p[1:]),
    "hlen": dict(change=lambda p: p[:2] + b"\x05" + p[3:]),
    "xid": dict(change=lambda p: p[:4] + bytes([p[4] ^ 1]) + p[5:]),
    "chaddr": dict(change=lambda p: p[:28] + bytes([p[28] ^ 4]) + p[29:]),
    "cookie": dict(change=lambda p: p[:236] + b"\x63\x82\x53\x64" + p[240:]),
    "no type": dict(change=lambda p: p[:240] + bytes(3) + p[243:]),
    "long type": dict(change=lambda p: p[:241] + b"\x02" + p[242:243] + bytes(1) + p[243:]),
    "cut": dict(change=lambda p: p[:230]),
    "checksum": dict(bad_checksum=True),
    "fragment": dict(fragment=0x2000),
    "second fragment": dict(fragment=100),
    "port": dict(ports=(67, 69)),
    "no lease time": dict(change=lambda p: p.replace(b"\x33\x04\0\0\x0e\x10", b"\0" * 6)),
    "lease time 0": dict(lease=0),
    "address 0": dict(address="0.0.0.0"),
    "broadcast": dict(address="255.255.255.255"),
    "multicast": dict(address="224.0.0.5"),
    "loopback": dict(address="127.0.0.5"),
    "no server": dict(change=lambda p: p.replace(option(54, ip("10.77.0.1")), b"\0" * 6)),
    "server 0": dict(server="0.0.0.0"),
    "client identifier": dict(extra=option(61, b"\x01\x02\x03\x04\x05\x06\x07")),
}


@scenario()
def r10_to_r15_hostile_replies_are_dropped(lab):
    discover = lab.expect(DISCOVER)
    for name, how in HOSTILE.items():
        how = dict(how)
        how.setdefault("address", "10.77.0.66")
        lab.reply(discover, OFFER, **how)
    for kind in (ACK, NAK, DISCOVER, RELEASE):
        lab.reply(discover, kind, address="10.77.0.66")
    lab.reply(discover, OFFER)
    request = lab.expect(REQUEST)
    assert request.address(50) == ADDRESS, request.address(50)
    for name, how in HOSTILE.items():
        how = dict(how)
        how.setdefault("address", "10.77.0.66")
        lab.reply(request, ACK, **how)
    for kind in (OFFER, ACK, NAK):
        lab.reply(request, kind, address="10.77.0.66", server="10.77.0.66")
    lab.reply(request, ACK)
    lab.wait(lambda: ADDRESS in lab.addresses())
    # and in BOUND nothing counts
    lab.reply(request, ACK, address="10.77.0.66")
    lab.reply(request, NAK)
    lab.silence(0.5)
    assert list(lab.addresses()) == [ADDRESS]


@scenario()
def r7_r9_r22_r26_renews_by_unicast(lab):
    discover = lab.expect(DISCOVER)
    lab.reply(discover, OFFER, lease=16)
    request = lab.expect(REQUEST)
    lab.reply(request, ACK, lease=16)
    renew = lab.expect(REQUEST)
    near(renew.at - request.at, 7.6, 8.3, "T1")
    assert (renew.source, renew.destination, renew.to_mac) == (ADDRESS, "10.77.0.1", lab.mac)
    assert renew.ciaddr == ADDRESS and 50 not in renew.options and 54 not in renew.options
    assert renew.xid != request.xid and renew.options[55] == request.options[55]
    assert renew.options[61] == request.options[61] and renew.tos == 0xC0
    lab.reply(renew, ACK, lease=60, to_mac=renew.from_mac, destination=ADDRESS)
    lab.wait(lambda: lab.addresses()[ADDRESS]["valid_life_time"] > 50)
    lab.silence(3.5)
    assert lab.removed() == []


@scenario()
def r24_r26_rebinds_to_another_server(lab):
    times = option(58, b"\0\0\0\3") + option(59, b"\0\0\0\x0a")
    discover = lab.expect(DISCOVER)
    lab.reply(discover, OFFER, lease=24, extra=times)
    request = lab.expect(REQUEST)
    lab.reply(request, ACK, lease=24, extra=times)
    renew = lab.expect(REQUEST)
    assert renew.destination == "10.77.0.1"
    # an ACK of somebody else does not count here
    lab.reply(renew, ACK, server="10.77.0.2", address="10.77.0.66")
    rebind = lab.expect(REQUEST)
    near(rebind.at - request.at, 9.8, 10.2, "T2")
    assert (rebind.source, rebind.destination, rebind.to_mac) == (ADDRESS, "255.255.255.255", b"\xff" * 6)
    assert rebind.ciaddr == ADDRESS and 50 not in rebind.options and 54 not in rebind.options
    assert rebind.xid != renew.xid
    lab.reply(rebind, ACK, server="10.77.0.2", lease=60)
    lab.wait(lambda: lab.addresses()[ADDRESS]["valid_life_time"] > 50)
    assert lab.removed() == []


@scenario()
def r22_r26_expires_in_time(lab):
    discover = lab.expect(DISCOVER)
    lab.reply(discover, OFFER, lease=16)
    request = lab.expect(REQUEST)
    time.sleep(0.3)
    lab.reply(request, ACK, lease=16)
    lab.wait(lambda: ADDRESS in lab.addresses())
    lab.expect(REQUEST)
    lab.expect(REQUEST)
    discover = lab.expect(DISCOVER)
    near(discover.at - request.at, 15.9, 16.1, "end of the lease")
    assert discover.address(50) == ADDRESS
    lab.wait(lambda: lab.addresses() == {} and not any(r["dst"] == "default" for r in lab.routes()))
    lab.reply(discover, OFFER)
    lab.reply(lab.expect(REQUEST), ACK)
    lab.wait(lambda: ADDRESS in lab.addresses())


@scenario()
def r25_a_refused_renewal_drops_the_address_at_once(lab):
    lab.bind()
    lab.call("Link", "Renew")
    lab.reply(lab.expect(REQUEST), NAK)
    refused = time.time()
    discover = lab.expect(DISCOVER)
    near(discover.at - refused, -0.1, 0.3, "DISCOVER after NAK")
    assert 50 not in discover.options
    lab.wait(lambda: lab.addresses() == {})
    lab.reply(discover, OFFER, address="10.77.0.51")
    lab.reply(lab.expect(REQUEST), NAK)
    again = lab.expect(DISCOVER)
    near(again.at - discover.at, 0.5, 2.5, "DISCOVER after a second NAK")


@scenario()
def r26_a_changed_lease_replaces_the_old_one(lab):
    lab.bind()
    lab.call("Link", "Renew")
    lab.reply(lab.expect(REQUEST), ACK, address="10.77.0.60", lease=60)
    lab.wait(lambda: list(lab.addresses()) == ["10.77.0.60"])
    lab.wait(lambda: any(r["dst"] == "default" and r.get("prefsrc") in (None, "10.77.0.60") for r in lab.routes()))


@scenario()
def r28_a_flap_takes_one_round_trip(lab):
    lab.bind()
    lab.wait(lambda: len(lab.probes(ADDRESS)[1]) >= 1)
    lab.carrier(False)
    time.sleep(0.6)
    lab.carrier(True)
    request = lab.expect(REQUEST)
    assert request.address(50) == ADDRESS and 54 not in request.options
    assert request.ciaddr == "0.0.0.0" and request.destination == "255.255.255.255"
    asked = [f for _, f in lab.arps if f[20:22] == b"\0\1" and f[38:42] == ip("10.77.0.1") and f[:6] == lab.mac]
    lab.reply(request, ACK)
    lab.silence(1)
    assert lab.removed() == []
    assert asked or [f for _, f in lab.arps if f[38:42] == ip("10.77.0.1") and f[:6] == lab.mac]


@scenario()
def r28_a_renumbered_network_after_a_flap(lab):
    lab.bind()
    lab.carrier(False)
    time.sleep(0.5)
    lab.carrier(True)
    lab.reply(lab.expect(REQUEST), NAK)
    lab.reply(lab.expect(DISCOVER), OFFER, address="10.77.0.70")
    lab.reply(lab.expect(REQUEST), ACK, address="10.77.0.70")
    lab.wait(lambda: list(lab.addresses()) == ["10.77.0.70"])


@scenario()
def r28_a_silent_server_after_a_flap(lab):
    lab.bind()
    lab.carrier(False)
    time.sleep(0.5)
    lab.carrier(True)
    first, second = lab.expect(REQUEST), lab.expect(REQUEST)
    near(second.at - first.at, 0.4, 0.6, "second try")
    discover = lab.expect(DISCOVER)
    near(discover.at - first.at, 1.8, 2.2, "DISCOVER")


@scenario()
def r28_a_restart_keeps_the_address(lab):
    lab.bind()
    lab.wait(lab.stored)
    for how in (signal.SIGKILL, signal.SIGTERM):
        lab.stop(how)
        lab.start()
        request = lab.expect(REQUEST)
        assert request.address(50) == ADDRESS and 54 not in request.options
        lab.reply(request, ACK)
        lab.silence(0.5)
    # and with no server at all
    lab.stop()
    lab.start()
    lab.expect(REQUEST)
    time.sleep(3)
    assert lab.removed() == [] and ADDRESS in lab.addresses()


@scenario()
def r30_release_only_on_request(lab):
    lab.bind()
    lab.call("Link", "Renew")
    lab.reply(lab.expect(REQUEST), ACK)
    lab.silence(0.3)
    lab.call("Link", "Release")
    release = lab.expect(RELEASE)
    assert (release.source, release.destination, release.ciaddr) == (ADDRESS, "10.77.0.1", ADDRESS)
    assert release.address(54) == "10.77.0.1" and 50 not in release.options and 61 in release.options
    lab.wait(lambda: lab.addresses() == {})
    lab.silence(1)


@scenario()
def r8_r32_a_conflict_is_declined(lab):
    lab.reply(lab.expect(DISCOVER), OFFER)
    request = lab.expect(REQUEST)
    lab.reply(request, ACK)
    lab.wait(lambda: lab.probes(ADDRESS)[0], why="no probe")
    lab.send_arp(2, ADDRESS, "0.0.0.0")
    decline = lab.expect(DECLINE)
    assert (decline.source, decline.destination, decline.ciaddr) == ("0.0.0.0", "255.255.255.255", "0.0.0.0")
    assert decline.address(50) == ADDRESS and decline.address(54) == "10.77.0.1"
    assert decline.options[61] == request.options[61] and not {55, 57} & set(decline.options)
    lab.wait(lambda: lab.addresses() == {})
    again = lab.expect(DISCOVER)
    assert again.at - decline.at >= 9.9
    lab.reply(again, OFFER, address="10.77.0.51")
    lab.reply(lab.expect(REQUEST), ACK, address="10.77.0.51")
    lab.wait(lambda: list(lab.addresses()) == ["10.77.0.51"])


@scenario("ConflictDetection=strict")
def r32_strict_waits_for_its_probes(lab):
    lab.reply(lab.expect(DISCOVER), OFFER)
    request = lab.expect(REQUEST)
    lab.reply(request, ACK)
    lab.wait(lambda: len(lab.probes(ADDRESS)[0]) == 3)
    assert lab.addresses() == {}
    lab.wait(lambda: ADDRESS in lab.addresses())
    assert lab.addresses()[ADDRESS]["valid_life_time"] <= 3598


@scenario("ConflictDetection=no")
def r32_no_sends_no_probe(lab):
    lab.bind()
    lab.silence(2)
    assert lab.probes(ADDRESS)[0] == []


@scenario()
def r33_defends_once(lab):
    lab.bind()
    lab.wait(lambda: len(lab.probes(ADDRESS)[1]) == 2)
    lab.send_arp(1, ADDRESS, "10.77.0.9")
    lab.wait(lambda: len(lab.probes(ADDRESS)[1]) == 3, why="no defence")
    assert ADDRESS in lab.addresses()
    lab.send_arp(1, ADDRESS, "10.77.0.9")
    lab.expect(DECLINE)
    lab.wait(lambda: lab.addresses() == {})


@scenario("RapidCommit=yes")
def r12_r29_rapid_commit(lab):
    discover = lab.expect(DISCOVER)
    assert discover.options[80] == b""
    lab.reply(discover, ACK, address="10.77.0.66")
    lab.reply(discover, ACK, extra=option(80, b""))
    lab.wait(lambda: list(lab.addresses()) == [ADDRESS])
    lab.silence(0.3)


@scenario()
def r16_r17_options_in_every_place(lab):
    routes = option(121, bytes([24, 10, 1]))
    in_file = (option(121, bytes([2]) + ip("10.77.0.9")[:2]) + b"\xff").ljust(128, b"\0")
    in_sname = (option(121, ip("10.77.0.9")[2:] + bytes([0]) + ip("10.77.0.8") + bytes([32]) + ip("192.0.2.7") +
                       bytes(4)) + b"\xff").ljust(64, b"\0")

    def overload(p):
        return p[:44] + in_sname + in_file + p[236:]
    lab.bind(extra=option(52, b"\3") + routes, change=overload)
    lab.wait(lambda: len(lab.routes()) == 4, why="routes")
    have = {r["dst"]: r.get("gateway") for r in lab.routes()}
    assert have == {"default": "10.77.0.8", "10.1.2.0/24": "10.77.0.9", "192.0.2.7": None, "10.77.0.0/24": None}, have


@scenario()
def r17_a_broken_121_leaves_the_router(lab):
    lab.bind(extra=option(121, bytes([0, 10, 77, 0, 8, 24, 10])))
    lab.wait(lambda: any(r["dst"] == "default" for r in lab.routes()))
    assert [r["gateway"] for r in lab.routes() if r["dst"] == "default"] == ["10.77.0.1"]


@scenario()
def a_lease_without_router_mask_or_dns(lab):
    lab.bind(standard=False)
    assert lab.addresses()[ADDRESS]["prefixlen"] == 8
    assert not any(r["dst"] == "default" for r in lab.routes())


@scenario()
def a_router_outside_the_subnet_is_on_the_link(lab):
    lab.bind(standard=False, extra=option(1, b"\xff\xff\xff\xff") + option(3, ip("10.99.0.1")))
    lab.wait(lambda: any(r["dst"] == "default" for r in lab.routes()))
    assert [r["gateway"] for r in lab.routes() if r["dst"] == "default"] == ["10.99.0.1"]


@scenario()
def r19_mtu_within_bounds(lab):
    lab.bind(extra=option(26, b"\x05\x78"))
    lab.wait(lambda: '"mtu":1400' in mtu(lab))


@scenario()
def r19_a_tiny_mtu_is_ignored(lab):
    lab.bind(extra=option(26, b"\0\x60"))
    lab.silence(0.3)
    assert '"mtu":1500' in mtu(lab)


def mtu(lab):
    return subprocess.run(["ip", "-n", lab.client, "-j", "link", "show", "eth0"], capture_output=True, text=True).stdout


@scenario()
def r23_for_ever(lab):
    lab.bind(lease=0xFFFFFFFF)
    assert lab.addresses()[ADDRESS]["valid_life_time"] == 0xFFFFFFFF


@scenario()
def r23_almost_for_ever(lab):
    lab.bind(lease=0xFFFFFFFE)
    assert lab.addresses()[ADDRESS]["valid_life_time"] > 4000000000


@scenario("DHCP=yes")
def r29_ipv6_only(lab):
    discover = lab.expect(DISCOVER)
    assert 108 in discover.options[55]
    lab.reply(discover, OFFER, extra=option(108, b"\0\0\0\x01"))
    lab.silence(4)
    assert lab.addresses() == {}


@scenario()
def r6_unicast_answers_and_no_padding(lab):
    discover = lab.expect(DISCOVER)
    lab.reply(discover, OFFER, to_mac=discover.from_mac, destination=ADDRESS)
    request = lab.expect(REQUEST)
    lab.reply(request, ACK, to_mac=request.from_mac, destination=ADDRESS, change=lambda p: p[:-1])  # and no END
    lab.wait(lambda: ADDRESS in lab.addresses())


@scenario()
def r9_a_server_behind_a_relay_is_renewed_through_the_router(lab):
    def relayed(p):
        return p[:24] + ip("10.77.0.1") + p[28:]
    lab.bind(server="10.99.0.1", change=relayed)
    lab.wait(lambda: any(r["dst"] == "default" for r in lab.routes()))
    lab.call("Link", "Renew")
    renew = lab.expect(REQUEST)
    assert (renew.source, renew.destination, renew.to_mac) == (ADDRESS, "10.99.0.1", lab.mac)
    lab.reply(renew, ACK, server="10.99.0.1", lease=7200, source="10.99.0.1", to_mac=renew.from_mac,
              destination=ADDRESS)
    lab.wait(lambda: lab.addresses()[ADDRESS]["valid_life_time"] > 3600)


@scenario()
def r13_the_first_offer_wins_and_others_stay_out(lab):
    discover = lab.expect(DISCOVER)
    lab.reply(discover, OFFER)
    lab.reply(discover, OFFER, address="10.77.0.60", server="10.77.0.2")
    request = lab.expect(REQUEST)
    assert request.address(54) == "10.77.0.1" and request.address(50) == ADDRESS
    lab.reply(request, NAK, server="10.77.0.2")
    lab.reply(request, ACK, address="10.77.0.60", server="10.77.0.2")
    lab.reply(request, ACK)
    lab.wait(lambda: list(lab.addresses()) == [ADDRESS])
    # nor does a foreign server end it
    lab.call("Link", "Renew")
    renew = lab.expect(REQUEST)
    lab.reply(renew, NAK, server="10.77.0.2")
    lab.reply(renew, ACK, lease=7200)
    lab.wait(lambda: lab.addresses()[ADDRESS]["valid_life_time"] > 3600)
    assert lab.removed() == []


@scenario()
def r15_force_renew_without_its_key_is_ignored(lab):
    lab.reply(lab.expect(DISCOVER), OFFER)
    request = lab.expect(REQUEST)
    lab.reply(request, ACK)
    lab.wait(lambda: ADDRESS in lab.addresses())
    lab.reply(request, 9, to_mac=request.from_mac, destination=ADDRESS)
    lab.silence(1)


@scenario()
def r16_odd_options_spoil_nothing_else(lab):
    odd = (option(3, b"") + option(6, b"\x0a\x4d\0") + option(42, b"\1") + option(26, b"\5") + option(58, b"\1") +
           option(59, b"") + option(15, b"") + option(119, b"") + option(114, b"") + option(108, b"\0") +
           option(121, b"") + option(33, b"\1\2\3") + option(250, bytes(200)))
    lab.bind(standard=False, extra=option(1, b"\xff\xff\xff\0") + odd)
    assert lab.addresses()[ADDRESS]["prefixlen"] == 24


@scenario()
def r16_an_option_past_the_end_ends_its_field(lab):
    lab.bind(extra=bytes([3, 200]) + ip("10.77.0.9"))
    lab.wait(lambda: any(r["dst"] == "default" for r in lab.routes()))
    assert [r["gateway"] for r in lab.routes() if r["dst"] == "default"] == ["10.77.0.1"]


@scenario()
def r16_overload_within_overload_is_no_loop(lab):
    inner = (option(52, b"\3") + option(3, ip("10.77.0.9"))).ljust(128, b"\0")
    lab.bind(standard=False, extra=option(1, b"\xff\xff\xff\0") + option(52, b"\1"),
             change=lambda p: p[:108] + inner + p[236:])
    lab.wait(lambda: any(r["dst"] == "default" for r in lab.routes()))
    assert [r["gateway"] for r in lab.routes() if r["dst"] == "default"] == ["10.77.0.9"]


@scenario()
def r17_static_routes_and_the_alias_of_121(lab):
    lab.bind(extra=option(33, ip("192.0.2.0") + ip("10.77.0.3")))
    lab.wait(lambda: any(r["dst"] == "192.0.2.0/24" and r["gateway"] == "10.77.0.3" for r in lab.routes()))
    lab.call("Link", "Renew")
    lab.reply(lab.expect(REQUEST), ACK, extra=option(249, bytes([16, 10, 5]) + ip("10.77.0.4")))
    lab.wait(lambda: {r["dst"]: r.get("gateway") for r in lab.routes()} ==
             {"10.5.0.0/16": "10.77.0.4", "10.77.0.0/24": None})
    assert lab.removed() == []


@scenario()
def r18_search_lists_are_unpacked_and_hostile_names_dropped(lab):
    lab.bind(extra=option(119, b"\3eng\7example\3org\0" + b"\5sales\xc0\4") +
             option(15, b"evil.example\nnameserver 6.6.6.6") + option(12, b"a;reboot"))
    lab.wait(lambda: "sales.example.org" in lab.resolv_conf() and "eng.example.org" in lab.resolv_conf())
    assert "6.6.6.6" not in lab.resolv_conf() and "reboot" not in lab.resolv_conf()
    lab.call("Link", "Renew")
    lab.reply(lab.expect(REQUEST), ACK, extra=option(119, b"\4loop\xc0\0" + b"\xc0\x7f" + b"\x80"))
    lab.wait(lambda: "sales" not in lab.resolv_conf())
    assert "loop" not in lab.resolv_conf() and "nameserver 10.77.0.1" in lab.resolv_conf()


@scenario()
def r23_nonsense_times_become_the_usual_ones(lab):
    lab.reply(lab.expect(DISCOVER), OFFER, lease=20)
    request = lab.expect(REQUEST)
    lab.reply(request, ACK, lease=20, extra=option(58, b"\0\0\0\x13") + option(59, b"\0\0\0\2"))
    renew = lab.expect(REQUEST)
    near(renew.at - request.at, 9.5, 10.1, "T1")
    lab.reply(renew, ACK)


@scenario()
def r26_a_renewal_changes_what_changed(lab):
    lab.bind()
    lab.wait(lambda: "nameserver 10.77.0.1" in lab.resolv_conf())
    lab.call("Link", "Renew")
    lab.reply(lab.expect(REQUEST), ACK, standard=False, extra=option(1, b"\xff\xff\xff\0") +
              option(3, ip("10.77.0.7")) + option(6, ip("10.77.0.8")))
    lab.wait(lambda: [r["gateway"] for r in lab.routes() if r["dst"] == "default"] == ["10.77.0.7"])
    lab.wait(lambda: "nameserver 10.77.0.8" in lab.resolv_conf() and "10.77.0.1\n" not in lab.resolv_conf())
    assert lab.removed() == []


@scenario("CarrierLossSec=1")
def r43_a_long_loss_of_carrier_takes_the_address(lab):
    lab.bind()
    lab.carrier(False)
    lab.wait(lambda: lab.addresses() == {})
    lab.carrier(True)
    request = lab.expect(REQUEST)
    assert request.address(50) == ADDRESS and 54 not in request.options
    lab.reply(request, ACK)
    lab.wait(lambda: ADDRESS in lab.addresses())


@scenario()
def r19_r30_a_release_gives_the_mtu_back(lab):
    lab.bind(extra=option(26, b"\x05\x78"))
    lab.wait(lambda: '"mtu":1400' in mtu(lab) and lab.stored())
    lab.stop(signal.SIGKILL)
    lab.start()
    lab.reply(lab.expect(REQUEST), ACK, extra=option(26, b"\x05\x78"))
    lab.wait(lab.bound)
    lab.call("Link", "Release")
    lab.expect(RELEASE)
    lab.wait(lambda: '"mtu":1500' in mtu(lab))


@scenario()
def r30_after_a_release_a_renewal_asks_anew(lab):
    lab.bind()
    lab.call("Link", "Release")
    lab.expect(RELEASE)
    lab.wait(lambda: lab.addresses() == {})
    lab.call("Link", "Renew")
    discover = lab.expect(DISCOVER)
    lab.reply(discover, OFFER)
    lab.reply(lab.expect(REQUEST), ACK)
    lab.wait(lambda: ADDRESS in lab.addresses())


@scenario("ConflictDetection=strict")
def r32_a_foreign_probe_is_a_conflict_too(lab):
    lab.reply(lab.expect(DISCOVER), OFFER)
    lab.reply(lab.expect(REQUEST), ACK)
    lab.wait(lambda: lab.probes(ADDRESS)[0], why="no probe")
    lab.send_arp(1, "0.0.0.0", ADDRESS)
    assert lab.expect(DECLINE).address(50) == ADDRESS
    assert lab.addresses() == {}


@scenario()
def r33_our_own_frames_are_no_conflict(lab):
    request = lab.bind()
    lab.wait(lambda: lab.probes(ADDRESS)[0], why="no probe")
    for sender in ("0.0.0.0", ADDRESS):
        for op in (1, 2):
            lab.send_arp(op, sender, ADDRESS, mac=request.from_mac)
    lab.silence(1)
    assert ADDRESS in lab.addresses()


@scenario()
def r43_another_hardware_address_is_another_client(lab):
    lab.bind()
    subprocess.run(["ip", "-n", lab.client, "link", "set", "eth0", "address", "02:00:00:00:00:42"], check=True)
    lab.wait(lab.fresh)
    asked = lab.early[0]
    assert asked.chaddr[:6] == b"\2\0\0\0\0\x42"


@scenario()
def r44_what_others_put_there_stays(lab):
    lab.bind()
    for command in ("address add 192.0.2.9/24 dev eth0", "route add 198.51.100.0/24 dev eth0 proto static"):
        subprocess.run(["ip", "-n", lab.client] + command.split(), check=True)
    lab.call("Link", "Release")
    lab.expect(RELEASE)
    lab.wait(lambda: ADDRESS not in lab.addresses())
    assert "192.0.2.9" in lab.addresses() and any(r["dst"] == "198.51.100.0/24" for r in lab.routes())


if __name__ == "__main__":
    private_network.enter_several()
    run_all(Lab, scenario)
