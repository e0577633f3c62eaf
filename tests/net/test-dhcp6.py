#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lwsd against routers and DHCPv6 servers good and hostile, judged by its packets and by the kernel.

Usage: test-dhcp6.py PATH-OF-LWSD [SCENARIO...]      each scenario in a process and a network of its own, side by side
"""

import os
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dhcp6_lab import (ADVERTISE, CONFIRM, DECLINE, INFORMATION_REQUEST, OTHER, REBIND, RELEASE, RENEW, REPLY,  # noqa
                       REQUEST, SOLICIT, Lab6, address6, ip6, option6, status6)
import private_network  # noqa: E402
from dhcp_lab import PATIENCE, Scenarios, near, run_all  # noqa: E402

scenario = Scenarios("RapidCommit=no")
ADDRESS = "2001:db8::5"
BEST = option6(7, b"\xff")


@scenario()
def r34_to_r39_messages_of_a_first_lease(lab):
    lab.silence(2.5)  # no router, no DHCPv6
    solicit = lab.solicit()
    lab.reply6(solicit, ADVERTISE)
    request = lab.expect(REQUEST)
    near(request.at - solicit.at, 1.0, 1.15, "the whole first wait")
    lab.reply6(request, REPLY)
    for m in (solicit, request):
        assert m.source.startswith("fe80::") and m.destination == "ff02::1:2" and m.ports == (546, 547)
        assert m.client and m.iaid and m.elapsed is not None and {23, 24, 82} <= set(m.wanted)
    assert solicit.elapsed == 0 and 14 not in solicit.options and solicit.server is None
    assert request.server == lab.duid and request.addresses == [ADDRESS] and request.xid != solicit.xid
    assert request.client == solicit.client and request.iaid == solicit.iaid
    lab.wait(lambda: ADDRESS in lab.addresses6())
    a = lab.addresses6()[ADDRESS]
    assert a["prefixlen"] == 128 and a["noprefixroute"] and 1990 <= a["valid_life_time"] <= 2000, a
    assert 990 <= a["preferred_life_time"] <= 1000


@scenario("RapidCommit=yes")
def r37_rapid_commit(lab):
    solicit = lab.solicit()
    assert 14 in solicit.options
    lab.reply6(solicit, REPLY, address="2001:db8::66")
    lab.reply6(solicit, REPLY, extra=option6(14, b""))
    lab.wait(lambda: list(lab.addresses6()) == [ADDRESS])


@scenario()
def r35_solicits_as_scheduled(lab):
    messages = [lab.solicit()] + [lab.expect(SOLICIT) for _ in range(2)]
    near(messages[1].at - messages[0].at, 1.0, 1.13, "first wait")
    near(messages[2].at - messages[1].at, 1.85, 2.35, "second wait")
    assert len({m.xid for m in messages}) == 1
    near(messages[2].elapsed, 280, 350, "elapsed time")
    lab.reply6(messages[2], ADVERTISE)
    lab.expect(REQUEST)


@scenario()
def r36_hostile_replies_are_dropped(lab):
    solicit = lab.solicit()
    for how in ({"xid": b"\1\2\3"}, {"client": b"\0\3\0\1aaaaaa"}, {"client": b""}, {"server": b""},
                {"t1": 900, "t2": 800}, {"preferred": 3000}, {"ia_status": status6(2)}, {"status": status6(1)},
                {"address": None}, {"ia": False}, {"address": "ff02::5"}, {"address": "fe80::5"}, {"valid": 0,
                                                                                                  "preferred": 0}):
        how.setdefault("address", "2001:db8::66")
        lab.reply6(solicit, ADVERTISE, extra=BEST, **how)
    for kind in (REPLY, 12, 13, RENEW):
        lab.reply6(solicit, kind, address="2001:db8::66", extra=option6(14, b""))
    lab.reply6(solicit, ADVERTISE, extra=BEST)
    request = lab.expect(REQUEST)
    assert request.addresses == [ADDRESS], request.addresses
    for how in ({"xid": b"\1\2\3"}, {"client": b"\0\3\0\1aaaaaa"}, {"server": b""}, {"server": b"\0\4other"}):
        lab.reply6(request, REPLY, address="2001:db8::66", **how)
    lab.reply6(request, ADVERTISE, address="2001:db8::66")
    lab.reply6(request, REPLY)
    lab.wait(lambda: lab.addresses6())
    assert list(lab.addresses6()) == [ADDRESS]


@scenario()
def r35_renews_rebinds_and_expires(lab):
    request = lab.bind6(t1=4, t2=9, preferred=12, valid=16)
    renew = lab.expect(RENEW)
    near(renew.at - request.at, 3.9, 4.2, "T1")
    assert renew.server == lab.duid and renew.addresses == [ADDRESS]
    lab.reply6(renew, REPLY, server=b"\0\4other")
    rebind = lab.expect(REBIND)
    near(rebind.at - request.at, 8.9, 9.2, "T2")
    assert rebind.server is None and rebind.addresses == [ADDRESS]
    solicit = lab.expect(SOLICIT)
    near(solicit.at - request.at, 15.8, 16.2, "end of the address")
    lab.wait(lambda: lab.addresses6() == {})


@scenario()
def r35_a_renewal_prolongs(lab):
    lab.bind6(t1=2, t2=40, preferred=60, valid=80)
    lab.reply6(lab.expect(RENEW), REPLY)
    lab.wait(lambda: lab.addresses6()[ADDRESS]["valid_life_time"] > 1900)


@scenario()
def r38_no_binding_asks_again(lab):
    lab.bind6(t1=2, t2=40, preferred=60, valid=80)
    lab.reply6(lab.expect(RENEW), REPLY, address=None, ia_status=status6(3))
    request = lab.expect(REQUEST)
    assert request.addresses == [ADDRESS] and request.server == lab.duid
    lab.reply6(request, REPLY)
    lab.wait(lambda: lab.addresses6()[ADDRESS]["valid_life_time"] > 1900)


@scenario()
def r38_not_on_link_begins_anew(lab):
    solicit = lab.solicit()
    lab.reply6(solicit, ADVERTISE, extra=BEST)
    lab.reply6(lab.expect(REQUEST), REPLY, address=None, status=status6(4))
    lab.expect(SOLICIT)


@scenario()
def r38_no_addresses_keeps_soliciting(lab):
    lab.reply6(lab.solicit(), ADVERTISE, address=None, status=status6(2), extra=option6(82, struct.pack("!I", 60)))
    lab.answered.clear()  # this was no answer
    lab.expect(SOLICIT)


@scenario()
def r39_confirms_after_a_flap(lab):
    lab.bind6()
    lab.carrier(False)
    time.sleep(1.2)
    lab.carrier(True)
    confirm = lab.expect(CONFIRM)
    assert confirm.addresses == [ADDRESS] and confirm.server is None and confirm.wanted == ()
    lab.reply6(confirm, REPLY, ia=False, status=status6(0))
    lab.silence(1)
    assert ADDRESS in lab.addresses6()


@scenario()
def r39_another_network_after_a_flap(lab):
    lab.bind6()
    lab.carrier(False)
    time.sleep(1.2)
    lab.carrier(True)
    lab.reply6(lab.expect(CONFIRM), REPLY, ia=False, status=status6(4))
    lab.expect(SOLICIT)
    lab.wait(lambda: lab.addresses6() == {})


@scenario()
def r39_a_duplicate_is_declined(lab):
    solicit = lab.solicit()
    lab.reply6(solicit, ADVERTISE, extra=BEST)
    lab.reply6(lab.expect(REQUEST), REPLY)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not lab.fresh():
        # "it is mine", as its other owner says it
        advertisement = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + ip6(ADDRESS) + b"\2\1\2\0\0\0\0\x99"
        lab.send6(58, advertisement, "ff02::1", source=ADDRESS)
        lab.next_frame(0.05)
    decline = lab.expect(DECLINE)
    assert decline.addresses == [ADDRESS] and decline.server == lab.duid
    lab.reply6(decline, REPLY, ia=False, status=status6(0))
    lab.expect(SOLICIT)
    lab.wait(lambda: lab.addresses6() == {})


@scenario()
def release_gives_back(lab):
    lab.bind6()
    lab.call("Link", "Release")
    release = lab.expect(RELEASE)
    assert release.addresses == [ADDRESS] and release.server == lab.duid
    lab.wait(lambda: lab.addresses6() == {})
    lab.reply6(release, REPLY, ia=False, status=status6(0))
    lab.silence(1.5)


@scenario()
def r34_the_other_flag_asks_for_information(lab):
    asked = lab.solicit(OTHER)
    assert asked.type == INFORMATION_REQUEST and asked.iaid is None and {23, 32, 83} <= set(asked.wanted)
    lab.reply6(asked, REPLY, extra=option6(23, ip6("2001:db8::53")))
    lab.wait(lambda: "2001:db8::53" in lab.resolv_conf(), why="DNS server is not used")
    assert lab.addresses6() == {}
    # the router changes its mind
    solicit = lab.solicit()
    lab.reply6(solicit, ADVERTISE, extra=BEST)
    lab.expect(REQUEST)


def restarted(lab, how=signal.SIGKILL, gone=False):
    """lwsd again, with the address in the kernel or, as after a boot, not; the first thing it says."""
    lab.wait(lambda: lab.stored("dhcp6"))
    lab.stop(how)
    if gone:
        subprocess.run(["ip", "-n", lab.client, "address", "flush", "dev", "eth0", "scope", "global"], check=True)
    lab.start()
    while not lab.fresh():
        lab.advertise_router()
        lab.next_frame(0.3)
    return lab.expect(CONFIRM)


@scenario()
def r39_a_restart_confirms_and_keeps_the_address(lab):
    lab.reply6(lab.solicit(), ADVERTISE, extra=BEST)
    lab.reply6(lab.expect(REQUEST), REPLY, extra=option6(23, ip6("2001:db8::53")))
    lab.wait(lambda: ADDRESS in lab.addresses6())
    for how in (signal.SIGKILL, signal.SIGTERM):
        confirm = restarted(lab, how)
        assert confirm.addresses == [ADDRESS] and confirm.server is None
        assert ADDRESS in lab.addresses6()
        lab.reply6(confirm, REPLY, ia=False, status=status6(0))
        lab.silence(1)
    assert 1900 < lab.addresses6()[ADDRESS]["valid_life_time"] <= 2000
    lab.wait(lambda: "2001:db8::53" in lab.resolv_conf())
    lab.call("Link", "Renew")
    renew = lab.expect(RENEW)
    assert renew.server == lab.duid and renew.addresses == [ADDRESS]
    lab.reply6(renew, REPLY, valid=9000)
    lab.wait(lambda: lab.addresses6()[ADDRESS]["valid_life_time"] > 8000)


@scenario()
def r39_after_a_boot_the_address_is_used_when_confirmed(lab):
    lab.bind6()
    confirm = restarted(lab, gone=True)
    assert lab.addresses6() == {}
    lab.reply6(confirm, REPLY, ia=False, status=status6(0))
    lab.wait(lambda: ADDRESS in lab.addresses6())
    assert lab.addresses6()[ADDRESS]["valid_life_time"] <= 2000


@scenario()
def r39_after_a_boot_elsewhere_the_address_is_forgotten(lab):
    lab.bind6()
    lab.reply6(restarted(lab, gone=True), REPLY, ia=False, status=status6(4))
    lab.expect(SOLICIT)
    assert lab.addresses6() == {}
    lab.wait(lambda: not lab.stored("dhcp6"))


@scenario()
def r39_after_a_boot_a_silent_server_does_not_matter(lab):
    lab.bind6()
    first = restarted(lab, gone=True)
    lab.wait(lambda: ADDRESS in lab.addresses6())
    assert all(m.type == CONFIRM and m.xid == first.xid for m in lab.early)
    near(time.time() - first.at, 9.9, 12, "use without an answer")


@scenario()
def r37_the_best_preference_wins(lab):
    solicit = lab.solicit()
    lab.reply6(solicit, ADVERTISE, address="2001:db8::66", server=b"\0\4low")
    lab.reply6(solicit, ADVERTISE, extra=option6(7, b"\x20"))
    lab.reply6(solicit, ADVERTISE, address="2001:db8::67", server=b"\0\4middle", extra=option6(7, b"\x10"))
    request = lab.expect(REQUEST)
    assert request.server == lab.duid and request.addresses == [ADDRESS]
    lab.reply6(request, REPLY)
    lab.wait(lambda: ADDRESS in lab.addresses6())


@scenario()
def r37_more_addresses_and_associations_of_others(lab):
    solicit = lab.solicit()
    foreign = option6(3, b"nope" + struct.pack("!II", 0, 0) + address6("2001:db8::66"))
    more = option6(3, solicit.iaid + struct.pack("!II", 0, 0) + address6(ADDRESS, 20, 40) +
                   address6("2001:db8::6", 60, 80))
    lab.reply6(solicit, ADVERTISE, ia=False, extra=BEST + foreign + more)
    request = lab.expect(REQUEST)
    assert request.addresses == [ADDRESS, "2001:db8::6"]
    lab.reply6(request, REPLY, ia=False, extra=foreign + more)
    lab.wait(lambda: set(lab.addresses6()) == {ADDRESS, "2001:db8::6"})
    # T1 is for the client to choose: half the shortest preferred lifetime
    renew = lab.expect(RENEW)
    near(renew.at - request.at, 9.9, 10.3, "T1")
    # one is withdrawn
    lab.reply6(renew, REPLY, ia=False, extra=option6(3, solicit.iaid + struct.pack("!II", 500, 800) +
                                                     address6(ADDRESS) + address6("2001:db8::6", 0, 0)))
    lab.wait(lambda: set(lab.addresses6()) == {ADDRESS})


@scenario()
def r38_use_multicast_and_failures_are_asked_again(lab):
    lab.bind6()
    lab.call("Link", "Renew")
    renew = lab.expect(RENEW)
    for code in (5, 1, 77):
        lab.reply6(renew, REPLY, ia=False, status=status6(code))
    lab.answered.clear()
    again = lab.expect(RENEW)
    assert again.xid == renew.xid and again.destination == "ff02::1:2"
    near(again.at - renew.at, 8.9, 11.1, "second try")
    assert list(lab.addresses6()) == [ADDRESS]


@scenario()
def r41_reconfigure_without_a_key_is_ignored(lab):
    request = lab.bind6()
    for kind in (5, 6, 11):
        lab.reply6(request, 10, ia=False, xid=b"\0\0\0", extra=option6(19, bytes([kind])))
        lab.reply6(request, 10, ia=False, extra=option6(19, bytes([kind])) + option6(11, bytes(28)))
    lab.silence(1)
    assert list(lab.addresses6()) == [ADDRESS]


@scenario()
def broken_options_are_absent(lab):
    solicit = lab.solicit()
    for broken in (b"\0\3\0\xff" + bytes(4), option6(3, b"\1\2"), option6(13, b"\0"), b"\0"):
        lab.reply6(solicit, ADVERTISE, ia=False, extra=broken)
    lab.reply6(solicit, ADVERTISE, extra=BEST + option6(23, bytes(15)) + option6(24, b"\x3fcut") + option6(82, b"\1"))
    request = lab.expect(REQUEST)
    lab.reply6(request, REPLY, extra=option6(23, ip6("2001:db8::53")) + option6(24, b"\3lan\7example\0"))
    lab.wait(lambda: "2001:db8::53" in lab.resolv_conf() and "lan.example" in lab.resolv_conf())


if __name__ == "__main__":
    private_network.enter_several()
    run_all(Lab6, scenario)
