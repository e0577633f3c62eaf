#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lwsd against routers and DHCPv6 servers that do what is rare (REQ_DHCP rows in names).

Usage: test-dhcp6-odd.py PATH-OF-LWSD [SCENARIO...]  each scenario in a process and a network of its own, side by side
"""

import hmac
import json
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dhcp6_lab import (ADVERTISE, CONFIRM, DECLINE, INFORMATION_REQUEST, OTHER, REBIND, RELEASE, RENEW,  # noqa
                       REPLY, REQUEST, SOLICIT, Lab6, address6, ip6, option6, status6)
import private_network  # noqa: E402
from dhcp_lab import Scenarios, near, run_all, sh  # noqa: E402

scenario = Scenarios("RapidCommit=no")
ADDRESS = "2001:db8::5"
BEST = option6(7, b"\xff")


def messages_in(lab, seconds, answer):
    """What the client says for this long to a server that answers at once; times and types."""
    told, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        if not lab.early:
            lab.next_frame(0.05)
            continue
        m = lab.early.pop(0)
        told.append((m.at, m.type))
        answer(m)
    return told


@scenario()
def r38_a_server_that_takes_back_its_offer_is_no_storm(lab):
    def answer(m):
        lab.reply6(m, ADVERTISE if m.type == SOLICIT else REPLY, extra=BEST if m.type == SOLICIT else b"",
                   ia_status=status6(4) if m.type == REQUEST else b"")
    answer(lab.solicit())
    told = messages_in(lab, 10, answer)
    assert 4 <= len(told) <= 20, len(told)


@scenario()
def r38_a_server_without_addresses_after_all_is_no_storm(lab):
    def answer(m):
        if m.type == SOLICIT:
            lab.reply6(m, ADVERTISE, extra=BEST)
        else:
            lab.reply6(m, REPLY, address=None, ia_status=status6(2))
    answer(lab.solicit())
    told = messages_in(lab, 10, answer)
    assert 4 <= len(told) <= 20, len(told)


@scenario()
def r37_dead_addresses_in_a_reply_are_no_storm(lab):
    def answer(m):
        if m.type == SOLICIT:
            lab.reply6(m, ADVERTISE, extra=BEST)
        else:
            lab.reply6(m, REPLY, preferred=0, valid=0)
    answer(lab.solicit())
    told = messages_in(lab, 10, answer)
    assert 4 <= len(told) <= 20, len(told)


@scenario()
def r35_a_lease_of_a_second_is_no_storm(lab):
    def answer(m):
        lab.reply6(m, ADVERTISE if m.type == SOLICIT else REPLY, extra=BEST, t1=0, t2=0, preferred=1, valid=1)
    answer(lab.solicit())
    told = messages_in(lab, 10, answer)
    assert len(told) <= 40, len(told)


@scenario()
def r34_a_router_without_flags_ends_no_lease(lab):
    lab.bind6()
    lab.advertise_router(0)
    lab.silence(0.5)
    lab.advertise_router(OTHER)
    lab.silence(1.5)
    assert ADDRESS in lab.addresses6()
    lab.call("Link", "Renew")
    lab.reply6(lab.expect(RENEW), REPLY, valid=9000)
    lab.wait(lambda: lab.addresses6()[ADDRESS]["valid_life_time"] > 8000)


@scenario()
def r44_an_address_that_somebody_removed_is_asked_for(lab):
    lab.bind6()
    sh(f"ip -n {lab.client} address del {ADDRESS}/128 dev eth0")
    renew = lab.expect(RENEW)
    assert renew.addresses == [ADDRESS] and lab.addresses6() == {}
    lab.reply6(renew, REPLY, valid=9000)
    lab.wait(lambda: ADDRESS in lab.addresses6())


@scenario()
def r34_no_flag_no_question(lab):
    for _ in range(3):
        lab.advertise_router(0)
        lab.silence(0.7)


@scenario("DHCP=ipv4")
def r34_no_dhcpv6_where_it_is_not_wanted(lab):
    for _ in range(3):
        lab.advertise_router()
        end = time.monotonic() + 0.7
        while time.monotonic() < end:
            lab.next_frame(0.1)
    assert not any(type(m).__name__ == "Message6" for m in lab.early)


@scenario()
def a_renewal_after_a_release_asks_anew(lab):
    lab.bind6()
    lab.call("Link", "Release")
    lab.reply6(lab.expect(RELEASE), REPLY, ia=False, status=status6(0))
    lab.wait(lambda: lab.addresses6() == {})
    lab.silence(0.5)
    lab.call("Link", "Renew")
    lab.reply6(lab.expect(SOLICIT), ADVERTISE, extra=BEST)
    lab.reply6(lab.expect(REQUEST), REPLY)
    lab.wait(lambda: ADDRESS in lab.addresses6())


@scenario()
def r35_a_release_is_said_four_times(lab):
    lab.bind6()
    lab.call("Link", "Release")
    said = [lab.expect(RELEASE) for _ in range(4)]
    assert len({m.xid for m in said}) == 1 and [m.elapsed > 0 for m in said] == [False, True, True, True]
    near(said[1].at - said[0].at, 0.9, 1.15, "second")
    near(said[3].at - said[2].at, 3.2, 5, "fourth")
    lab.silence(10)


@scenario()
def r35_confirms_for_ten_seconds(lab):
    lab.bind6()
    lab.carrier(False)
    time.sleep(1.2)
    lab.carrier(True)
    said = [lab.expect(CONFIRM) for _ in range(3)]
    near(said[1].at - said[0].at, 0.9, 1.15, "second")
    near(said[2].at - said[1].at, 1.7, 2.4, "third")
    assert ADDRESS in lab.addresses6()
    end = said[0].at + 13
    while time.time() < end:
        lab.next_frame(0.2)
    assert all(m.type == CONFIRM for m in lab.early)
    lab.early.clear()
    lab.call("Link", "Renew")
    lab.expect(RENEW)


@scenario("RapidCommit=no\nUseDNS=no\nUseNTP=no\nUseDomains=no")
def use_nothing_but_the_address(lab):
    more = option6(23, ip6("2001:db8::53")) + option6(24, b"\3lan\7example\0") + option6(31, ip6("2001:db8::7b"))
    lab.reply6(lab.solicit(), ADVERTISE, extra=BEST + more)
    lab.reply6(lab.expect(REQUEST), REPLY, extra=more)
    lab.wait(lambda: ADDRESS in lab.addresses6())
    assert lab.get("Dns") == [] and lab.get("Ntp") == [] and lab.get("Domains") == []


@scenario()
def the_lease_on_the_bus(lab):
    more = option6(23, ip6("2001:db8::53")) + option6(24, b"\3lan\7example\0") + option6(31, ip6("2001:db8::7b"))
    lab.reply6(lab.solicit(), ADVERTISE, extra=BEST + more)
    lab.reply6(lab.expect(REQUEST), REPLY, extra=more)
    lab.wait(lambda: ADDRESS in lab.addresses6() and lab.get("DhcpState") == "bound")
    assert lab.get("Dns") == [[10, list(ip6("2001:db8::53"))]], lab.get("Dns")
    assert lab.get("Ntp") == [[10, list(ip6("2001:db8::7b"))]], lab.get("Ntp")
    assert lab.get("Domains") == ["lan.example"] and lab.get("LeaseExpiresUSec") > 0
    assert [10, list(ip6(ADDRESS)), 128] in lab.get("Addresses")


@scenario()
def r37_a_preference_of_255_is_not_waited_for(lab):
    solicit = lab.solicit()
    lab.reply6(solicit, ADVERTISE, address="2001:db8::66", server=b"\0\4low")
    lab.reply6(solicit, ADVERTISE, extra=BEST)
    request = lab.expect(REQUEST)
    near(request.at - solicit.at, 0, 0.5, "REQUEST")
    assert request.server == lab.duid


@scenario()
def r37_addresses_for_ever(lab):
    ever = 0xFFFFFFFF
    lab.bind6(t1=ever, t2=ever, preferred=ever, valid=ever)
    assert lab.addresses6()[ADDRESS]["valid_life_time"] == ever
    lab.silence(2)


@scenario()
def r36_a_reply_to_an_older_question_is_late(lab):
    solicit = lab.solicit()
    lab.reply6(solicit, ADVERTISE, extra=BEST)
    request = lab.expect(REQUEST)
    lab.reply6(solicit, REPLY, address="2001:db8::66")
    lab.reply6(solicit, ADVERTISE, address="2001:db8::66")
    lab.reply6(request, REPLY)
    lab.wait(lambda: list(lab.addresses6()) == [ADDRESS])
    lab.reply6(request, REPLY, address="2001:db8::66")
    lab.silence(0.5)
    assert list(lab.addresses6()) == [ADDRESS]


@scenario()
def r34_information_is_asked_for_again_after_a_flap(lab):
    lab.reply6(lab.solicit(OTHER), REPLY, extra=option6(23, ip6("2001:db8::53")))
    lab.wait(lambda: "2001:db8::53" in lab.resolv_conf())
    lab.carrier(False)
    time.sleep(1.2)
    lab.carrier(True)
    lab.reply6(lab.expect(INFORMATION_REQUEST), REPLY, extra=option6(23, ip6("2001:db8::54")))
    lab.wait(lambda: "2001:db8::54" in lab.resolv_conf() and "2001:db8::53" not in lab.resolv_conf())


KEY = bytes(range(16))


def key_option(kind, replay, value):
    """Of the reconfigure key protocol: HMAC-MD5, a counter against replays."""
    return option6(11, bytes([3, 1, 0]) + struct.pack("!Q", replay) + bytes([kind]) + value)


def reconfigure(lab, message, kind, replay, key=KEY, server=None, client=None, code=None):
    head = bytes([10, 0, 0, 0]) + option6(1, client or message.client) + option6(2, server or lab.duid)
    head += option6(19, bytes([kind]))
    unsigned = head + key_option(2, replay, bytes(16))
    payload = head + key_option(2, replay, code or hmac.digest(key, unsigned, "md5"))
    udp = struct.pack("!HHHH", 547, 546, 8 + len(payload), 0) + payload
    lab.send6(17, udp, message.source, hops=64, to_mac=message.from_mac)


@scenario()
def r41_reconfigure_with_the_key_is_obeyed_once(lab):
    solicit = lab.solicit()
    assert solicit.options[20] == [b""]
    lab.reply6(solicit, ADVERTISE, extra=BEST + key_option(1, 99, bytes(16)))
    request = lab.expect(REQUEST)
    assert 20 in request.options
    lab.reply6(request, REPLY, extra=key_option(1, 5, KEY))
    lab.wait(lambda: ADDRESS in lab.addresses6())
    for bad in (dict(key=bytes(16)), dict(replay=5), dict(server=b"\0\4other"), dict(client=b"\0\4other"),
                dict(kind=3), dict(code=bytes(16))):
        reconfigure(lab, request, **{"kind": RENEW, "replay": 6, **bad})
    lab.silence(0.7)
    reconfigure(lab, request, RENEW, 7)
    renew = lab.expect(RENEW)
    assert renew.addresses == [ADDRESS] and 20 in renew.options
    lab.reply6(renew, REPLY, valid=9000)
    lab.wait(lambda: lab.addresses6()[ADDRESS]["valid_life_time"] > 8000)
    reconfigure(lab, request, RENEW, 7)
    lab.silence(0.7)
    reconfigure(lab, request, INFORMATION_REQUEST, 8)
    asked = lab.expect(INFORMATION_REQUEST)
    lab.reply6(asked, REPLY, ia=False, extra=option6(23, ip6("2001:db8::53")))
    lab.wait(lambda: "2001:db8::53" in lab.resolv_conf() and lab.bound())
    assert ADDRESS in lab.addresses6()
    reconfigure(lab, request, REBIND, 9)
    rebind = lab.expect(REBIND)
    assert rebind.server is None and rebind.addresses == [ADDRESS]
    lab.reply6(rebind, REPLY)


@scenario()
def r41_reconfigure_for_information_alone(lab):
    asked = lab.solicit(OTHER)
    lab.reply6(asked, REPLY, extra=key_option(1, 5, KEY))
    lab.wait(lambda: lab.get("DhcpState") == "informed")
    reconfigure(lab, asked, RENEW, 6)
    lab.silence(0.7)
    reconfigure(lab, asked, INFORMATION_REQUEST, 7)
    lab.reply6(lab.expect(INFORMATION_REQUEST), REPLY, extra=option6(23, ip6("2001:db8::53")))
    lab.wait(lambda: "2001:db8::53" in lab.resolv_conf())


@scenario()
def r38_a_status_in_an_address_makes_that_one_void(lab):
    solicit = lab.solicit()
    both = option6(3, solicit.iaid + struct.pack("!II", 500, 800) + address6("2001:db8::66", status=status6(4)) +
                   address6(ADDRESS, status=status6(0)))
    lab.reply6(solicit, ADVERTISE, ia=False, extra=BEST + both)
    request = lab.expect(REQUEST)
    assert request.addresses == [ADDRESS]
    lab.reply6(request, REPLY, ia=False, extra=both)
    lab.wait(lambda: list(lab.addresses6()) == [ADDRESS])


@scenario()
def r38_no_binding_while_rebinding_asks_that_server(lab):
    lab.bind6(t1=1, t2=2, preferred=60, valid=80)
    lab.expect(RENEW)
    rebind = lab.expect(REBIND)
    lab.reply6(rebind, REPLY, address=None, ia_status=status6(3), server=b"\0\4other")
    request = lab.expect(REQUEST)
    assert request.server == b"\0\4other" and request.addresses == [ADDRESS]
    lab.reply6(request, REPLY, server=b"\0\4other")
    lab.wait(lambda: lab.addresses6()[ADDRESS]["valid_life_time"] > 1900)


@scenario()
def r39_a_renewal_leaves_what_it_does_not_name(lab):
    lab.bind6(t1=1, t2=50, preferred=100, valid=200)
    lab.reply6(lab.expect(RENEW), REPLY, address="2001:db8::6")
    lab.wait(lambda: set(lab.addresses6()) == {ADDRESS, "2001:db8::6"})
    assert lab.addresses6()[ADDRESS]["valid_life_time"] <= 200


@scenario()
def r37_times_beyond_the_end_are_none(lab):
    request = lab.bind6(t1=1000, t2=2000, preferred=4, valid=10)
    renew = lab.expect(RENEW)
    near(renew.at - request.at, 1.9, 2.2, "T1")
    lab.reply6(renew, REPLY)
    lab.wait(lambda: lab.addresses6()[ADDRESS]["valid_life_time"] > 1900)


@scenario()
def r38_all_is_multicast_whatever_a_server_allows(lab):
    request = lab.bind6(t1=500)
    lab.call("Link", "Renew")
    lab.reply6(lab.expect(RENEW), REPLY, extra=option6(12, ip6("fe80::77")))
    lab.wait(lab.bound)
    lab.call("Link", "Renew")
    assert lab.expect(RENEW).destination == request.destination == "ff02::1:2"


@scenario()
def r39_a_confirm_without_a_status_is_a_yes(lab):
    lab.bind6()
    lab.carrier(False)
    time.sleep(1.2)
    lab.carrier(True)
    lab.reply6(lab.expect(CONFIRM), REPLY, ia=False)
    lab.wait(lab.bound)
    lab.silence(1.5)
    assert ADDRESS in lab.addresses6()


@scenario()
def r35_r39_a_decline_is_said_four_times(lab):
    lab.reply6(lab.solicit(), ADVERTISE, extra=BEST)
    lab.reply6(lab.expect(REQUEST), REPLY)
    advertisement = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + ip6(ADDRESS) + b"\2\1\2\0\0\0\0\x99"

    def declined():
        lab.send6(58, advertisement, "ff02::1", source=ADDRESS)
        return lab.fresh()
    lab.wait(declined, why="not declined")
    said = [lab.expect(DECLINE) for _ in range(4)]
    assert len({m.xid for m in said}) == 1 and all(m.addresses == [ADDRESS] and m.wanted == () for m in said)
    near(said[1].at - said[0].at, 0.9, 1.15, "second")
    near(said[3].at - said[2].at, 3.2, 5, "fourth")
    solicit = lab.expect(SOLICIT)
    assert solicit.at > said[3].at and lab.addresses6() == {}


@scenario()
def r39_information_is_not_asked_for_twice_in_ten_minutes(lab):
    lab.reply6(lab.solicit(OTHER), REPLY, extra=option6(32, struct.pack("!I", 1)))
    lab.silence(4)


@scenario()
def r36_another_hardware_address_is_the_same_client(lab):
    request = lab.bind6()
    sh(f"ip -n {lab.client} link set eth0 address 02:00:00:00:00:42")
    lab.call("Link", "Renew")
    renew = lab.expect(RENEW)
    assert renew.from_mac == b"\2\0\0\0\0\x42" and renew.client == request.client and renew.iaid == request.iaid
    lab.reply6(renew, REPLY, valid=9000)
    lab.wait(lambda: lab.addresses6()[ADDRESS]["valid_life_time"] > 8000)


@scenario()
def r35_a_request_is_repeated_as_scheduled(lab):
    lab.reply6(lab.solicit(), ADVERTISE, extra=BEST)
    said = [lab.expect(REQUEST) for _ in range(3)]
    near(said[1].at - said[0].at, 0.9, 1.15, "second")
    near(said[2].at - said[1].at, 1.7, 2.4, "third")
    assert len({m.xid for m in said}) == 1 and said[0].elapsed == 0 < said[1].elapsed < said[2].elapsed
    lab.reply6(said[2], REPLY)
    lab.wait(lambda: ADDRESS in lab.addresses6())


@scenario()
def r38_a_renewal_that_is_not_on_this_link(lab):
    lab.bind6()
    lab.call("Link", "Renew")
    lab.reply6(lab.expect(RENEW), REPLY, address=None, status=status6(4))
    lab.expect(SOLICIT)
    lab.wait(lambda: lab.addresses6() == {})


@scenario("RapidCommit=yes")
def r37_a_commitment_beats_offers(lab):
    solicit = lab.solicit()
    lab.reply6(solicit, ADVERTISE, address="2001:db8::66", server=b"\0\4other", extra=option6(7, b"\x40"))
    lab.reply6(solicit, REPLY, extra=option6(14, b""))
    lab.wait(lambda: list(lab.addresses6()) == [ADDRESS])
    lab.silence(1.5)
    lab.call("Link", "Renew")
    assert lab.expect(RENEW).server == lab.duid


@scenario()
def r34_flags_that_come_one_by_one(lab):
    for _ in range(2):
        lab.advertise_router(0)
        lab.silence(0.5)
    lab.reply6(lab.solicit(OTHER), REPLY, extra=option6(23, ip6("2001:db8::53")))
    lab.wait(lambda: "2001:db8::53" in lab.resolv_conf())
    lab.reply6(lab.solicit(), ADVERTISE, extra=BEST)
    lab.reply6(lab.expect(REQUEST), REPLY, extra=option6(23, ip6("2001:db8::54")))
    lab.wait(lambda: "2001:db8::54" in lab.resolv_conf() and ADDRESS in lab.addresses6())
    lab.advertise_router(OTHER)
    lab.silence(1)
    assert ADDRESS in lab.addresses6()


@scenario()
def r40_a_router_that_withdraws_takes_its_route(lab):
    def routes():
        return [r for r in json.loads(sh(f"ip -n {lab.client} -j -6 route show default"))]
    lab.bind6()
    lab.wait(routes)
    lab.advertise_router(lifetime=0)
    lab.wait(lambda: not routes())
    assert ADDRESS in lab.addresses6()


@scenario()
def r40_dns_of_a_router_ends_when_it_says_so(lab):
    def rdnss(lifetime):
        head = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
        option = struct.pack("!BBHI", 25, 3, 0, lifetime) + ip6("2001:db8::99")
        lab.send6(58, head + option, "ff02::1")
    end = time.monotonic() + 20
    while "2001:db8::99" not in lab.resolv_conf() and time.monotonic() < end:
        rdnss(600)
        lab.next_frame(0.3)
    assert "2001:db8::99" in lab.resolv_conf()
    rdnss(0)
    lab.wait(lambda: "2001:db8::99" not in lab.resolv_conf())


if __name__ == "__main__":
    private_network.enter_several()
    run_all(Lab6, scenario)
