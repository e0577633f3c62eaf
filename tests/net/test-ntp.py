#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lwsd's time client against servers that are right, wrong, hostile or gone.

Usage: test-ntp.py LWSD LWSCTL FAKECLOCK [SCENARIO...]
"""

import calendar
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from ntp_lab import (SCENARIOS, Addresses, Chronyd, Lwsd, Names, Server, bound, eventually, main, near, scenario,  # noqa: E402
                     to_ntp)

# -- The start -----------------------------------------------------------------------------------------------


@scenario
def signals_in_the_middle_of_the_start():
    """The first request leaves before the rest of the start: what comes then finds half a daemon."""
    for numbers in ([signal.SIGTERM], [signal.SIGINT], [signal.SIGHUP, signal.SIGTERM], [signal.SIGHUP]):
        address = Addresses.new()
        with bound(address, 123) as server, Lwsd(f"Servers={address}") as lwsd:
            server.recv(100)
            for number in numbers:
                lwsd.process.send_signal(number)
            if signal.SIGHUP in numbers:
                eventually(lambda: lwsd.says("The configuration was read again"))
            if signal.SIGHUP != numbers[-1]:
                assert lwsd.process.wait(10) == 0


@scenario
def reload_before_the_start_is_over():
    """SIGHUP waits from before main() on: READY is the start's, whose socket serves, not the reload's."""
    through = ["env", "--block-signal=HUP", "sh", "-c", 'kill -HUP $$; exec "$0" "$@"']
    with tempfile.TemporaryDirectory(prefix="lwsd-ntp-") as folder, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"{folder}/notify")
        manager.settimeout(20)
        with Lwsd(f"Servers={Addresses.new()}", through=through, environment={"NOTIFY_SOCKET": f"{folder}/notify"}):
            said = [manager.recv(1000).split(b"=")[0]]
            while said[-1] != b"RELOADING":
                said.append(manager.recv(1000).split(b"=")[0])
        assert said[0] == b"READY", said


@scenario
def answer_before_the_names():
    """A server with an address needs nothing that is looked up, nor any link that lwsd has seen."""
    server = Server()
    names = Names("ntp.example", [Addresses.new()])
    with Lwsd(f"Servers={server.address} ntp.example", names=names) as lwsd:
        assert lwsd.valid(10)
        eventually(lambda: names.queries > 0)


# -- What is right -------------------------------------------------------------------------------------------


@scenario
def right_clock_is_confirmed_at_once():
    server = Server()
    with Lwsd(f"Servers={server.address}", offset=0.05) as lwsd:
        assert lwsd.valid(5)
        assert len(server.requests) == 1, "one answer was enough"
        assert lwsd.steps() == 0


@scenario
def ten_seconds_off_with_one_server():
    server = Server()
    with Lwsd(f"Servers={server.address}", offset=10) as lwsd:
        assert lwsd.valid(10)
        assert 2 <= len(server.requests) <= 3
        near(lwsd.ahead(), 0, 0.05)
        assert lwsd.steps() == 1
        assert "synchronized\tyes" in lwsd.ctl("time")[1]


@scenario
def ten_seconds_behind_with_three_servers():
    servers = [Server() for _ in range(3)]
    with Lwsd("Servers=" + " ".join(s.address for s in servers), offset=-10) as lwsd:
        assert lwsd.valid(10) and lwsd.steps() == 1
        near(lwsd.ahead(), 0, 0.05)


@scenario
def clocks_at_odd_times():
    for start in (0, 1.3e9, 3.13e9):  # 1970, 2011, 2069
        servers = [Server() for _ in range(3)]
        with Lwsd("Servers=" + " ".join(s.address for s in servers), offset=start - time.time() + 5) as lwsd:
            assert lwsd.valid(5)
            near(lwsd.ahead(), 0, 0.05)


@scenario
def over_the_end_of_the_era():
    ahead = 2085978496 - 4 - time.time()  # 2036-02-07 06:28:12; the seconds start over four later
    server = Server(offset=ahead)
    with Lwsd(f"Servers={server.address}", offset=3) as lwsd:
        assert lwsd.valid(10)
        near(lwsd.ahead(), ahead, 0.05)
        while len(server.requests) < 5:
            time.sleep(0.2)
        near(lwsd.ahead(), ahead, 0.01)
        assert lwsd.steps() == 1


@scenario
def year_2038():
    ahead = 2147483648 + 100 - time.time()
    server = Server(offset=ahead)
    with Lwsd(f"Servers={server.address}") as lwsd:
        assert lwsd.valid(10)
        near(lwsd.ahead(), ahead, 0.05)


@scenario
def requests_tell_nothing():
    server = Server()
    with Lwsd(f"Servers={server.address}"):
        while len(server.requests) < 4:
            time.sleep(0.1)
    assert all(len(r) == 48 and r[0] == 0x23 and r[1:40] == bytes(39) for r in server.requests)
    assert len({r[40:] for r in server.requests}) == len(server.requests)
    assert len(set(server.ports)) > 1 and 123 not in server.ports
    assert server.shortest_wait() > 1


@scenario
def requests_keep_their_distance():
    """Whatever is asked of us: two seconds between two requests of a burst, and no less after a person or a new
    configuration wanted one."""
    server = Server()
    with Lwsd(f"Servers={server.address}") as lwsd:
        assert lwsd.valid(5)
        for _ in range(3):
            lwsd.call("Manager", "Reload")
            lwsd.call("Time", "Synchronize")
            time.sleep(0.2)
        eventually(lambda: len(server.requests) >= 3)
    assert server.shortest_wait() > 1.5  # as a busy server sees it


@scenario
def a_burst_has_eight_requests():
    """Answered or not; though the network comes up while lwsd starts."""
    servers = [Server(), Server(change=lambda server, fields, request: [])]
    with Lwsd(f"Servers={servers[0].address} {servers[1].address}\nPollMinSec=16"):
        eventually(lambda: all(len(s.requests) >= 8 for s in servers), 40)
        time.sleep(5)
        for s in servers:
            assert len(s.requests) == 8 and s.shortest_wait() > 1, s.times
            assert len(set(s.ports)) >= 7, "each from another port; by chance one comes again"


@scenario
def observing_touches_nothing():
    server = Server()
    with Lwsd(f"Servers={server.address}\nObserve=yes", offset=10) as lwsd:
        assert not lwsd.valid(2)
        assert "not-synchronized" in lwsd.why()
        assert not server.requests and lwsd.state()[1:3] == (0, 0)


@scenario
def measuring_touches_nothing():
    server = Server()
    with Lwsd(f"Servers={server.address}\nSetClock=no", offset=10) as lwsd:
        assert lwsd.valid(10)
        assert lwsd.state()[1:3] == (0, 0)
        near(lwsd.ahead(), 10, 0.01)
        near(json.loads(lwsd.ctl("--json", "time")[1])["OffsetUSec"] / 1e6, -10, 0.01)


@scenario
def a_kernel_that_refuses():
    server = Server()
    with Lwsd(f"Servers={server.address}", offset=10, deny=True) as lwsd:
        assert lwsd.valid(10)
        near(lwsd.ahead(), 10, 0.01)
        lwsd.log.seek(0)
        assert lwsd.log.read().count("measured only") == 1


# -- What is wrong -------------------------------------------------------------------------------------------


def refused(change, offset=10, wait=2.6):
    """A server that answers like this moves nothing and confirms nothing."""
    server = Server(change=change)
    with Lwsd(f"Servers={server.address}", offset=offset) as lwsd:
        assert not lwsd.valid(wait)
        assert lwsd.steps() == 0
        assert server.requests
        return lwsd.why()


def setter(**changed):
    def change(server, fields, request):
        fields.update(changed)
    return change


def shifted(**changed):
    def change(server, fields, request):
        for name, by in changed.items():
            fields[name] = (fields[name] + by) & (2 ** 64 - 1)
    return change


def cut(size):
    return lambda server, fields, request: [Server.pack(fields)[:size]]


REFUSED = {
    "length": cut(47), "empty": cut(0), "field_too_short": setter(tail=b"\0\1\0\x08" + bytes(4)),
    "mode_3": setter(mode=3), "mode_5": setter(mode=5), "version_2": setter(version=2), "cookie": shifted(origin=1),
    "no_cookie": setter(origin=0), "no_transmit": setter(transmit=0), "no_receive": setter(receive=0),
    "stratum_16": setter(stratum=16), "leap_3": setter(leap=3), "root_dispersion": setter(root_dispersion=5 << 16),
    "root_delay": setter(root_delay=20 << 16), "backwards": shifted(transmit=-2 ** 24), "reference": shifted(reference=2 ** 34),
    "server_time": shifted(receive=-(2 ** 31)), "unknown_kiss": setter(stratum=0, reference_id=0x58585858),
    "init_kiss": setter(stratum=0, reference_id=0x494e4954), "stratum_17": setter(stratum=17), "version_5": setter(version=5),
    "mode_6": setter(mode=6), "mode_7": setter(mode=7), "crypto_nak": setter(tail=bytes(4)), "one_octet_more": setter(tail=b"x"),
    "mac_md5": setter(tail=b"\0\0\0\1" + bytes(16)), "mac_sha1": setter(tail=b"\0\0\0\1" + bytes(20)),
    "field_beyond_the_end": setter(tail=b"\x7f\1\1\0" + bytes(28)), "last_field_short": setter(tail=b"\x7f\1\0\x10" + bytes(12)),
    "field_of_odd_size": setter(tail=b"\x7f\1\0\x1e" + bytes(28)), "leap_3_of_stratum_1": setter(leap=3, stratum=1),
}


def add_refused(name, change):
    def fn():
        refused(change)
    fn.__name__ = f"refused_{name}"
    SCENARIOS.append(fn)


for refused_name, refused_change in REFUSED.items():
    add_refused(refused_name, refused_change)


@scenario
def answers_of_version_3_and_with_unknown_fields_are_taken():
    servers = [Server(change=setter(version=3)), Server(change=setter(tail=b"\x7f\1\0\x1c" + bytes(24)))]
    with Lwsd("Servers=" + " ".join(s.address for s in servers), offset=10) as lwsd:
        assert lwsd.valid(10)
        near(lwsd.ahead(), 0, 0.05)
        assert [s.address for s in servers if lwsd.time()[s.address][-1] != "selected"] == []


@scenario
def answers_that_come_twice_count_once():
    server = Server(change=lambda server, fields, request: [Server.pack(fields)] * 3)
    with Lwsd(f"Servers={server.address}", offset=10) as lwsd:
        assert lwsd.valid(10)
        assert len(server.requests) >= 2, "one answer said thrice is one answer"
        near(lwsd.ahead(), 0, 0.05)


@scenario
def answers_to_the_request_before():
    kept = []

    def change(server, fields, request):
        kept.append(fields)
        return [Server.pack(dict(fields, origin=kept[-2]["origin"]))] if len(kept) > 1 else []
    refused(change, wait=5)


@scenario
def answers_from_another_port():
    others = []

    def change(server, fields, request):
        others.append(bound(server.address, 124))
        others.pop().sendto(Server.pack(fields), server.peer)
        return []
    refused(change)


@scenario
def answers_held_back():
    """Whoever is on the way can make the server seem off by half of what he holds an answer back."""
    def change(server, fields, request):
        time.sleep(1.7)
    server = Server(change=change)
    with Lwsd(f"Servers={server.address}") as lwsd:
        eventually(lambda: len(server.requests) >= 4)
        assert lwsd.steps() == 0
        near(lwsd.ahead(), 0, 0.1)


@scenario
def answers_from_elsewhere():
    other = bound("10.99.0.1", 123)

    def change(server, fields, request):
        other.sendto(Server.pack(fields), server.peer)
        return []
    refused(change)


@scenario
def before_the_build():
    server = Server(offset=-5e8)
    with Lwsd(f"Servers={server.address}") as lwsd:
        assert not lwsd.valid(3)
        assert lwsd.steps() == 0


@scenario
def forged_answers_before_the_right_one():
    """Somebody who cannot see the request: many guesses, then the true answer still counts."""
    def change(server, fields, request):
        guesses = []
        for _ in range(5):
            forged = dict(fields, origin=random.getrandbits(64), transmit=to_ntp(server.now() + 100),
                          receive=to_ntp(server.now() + 100))
            guesses.append(Server.pack(forged))
            guesses.append(Server.pack(dict(forged, stratum=0, reference_id=0x44454e59)))
        return guesses + [Server.pack(fields)]
    server = Server(change=change)
    with Lwsd(f"Servers={server.address}") as lwsd:
        assert lwsd.valid(5)
        time.sleep(3)
        near(lwsd.ahead(), 0, 0.01)
        assert len(server.requests) >= 2 and lwsd.steps() == 0


@scenario
def replayed_answers():
    kept = []

    def change(server, fields, request):
        kept.append(Server.pack(dict(fields, receive=to_ntp(server.now() - 50), transmit=to_ntp(server.now() - 50))))
        return kept[:-1] + [Server.pack(fields)] + kept
    server = Server(change=change)
    with Lwsd(f"Servers={server.address}") as lwsd:
        assert lwsd.valid(5)
        time.sleep(5)
        near(lwsd.ahead(), 0, 0.01)
        assert lwsd.steps() == 0


@scenario
def deny_is_for_ever():
    server = Server(change=setter(stratum=0, leap=3, reference_id=0x44454e59))
    with Lwsd(f"Servers={server.address}") as lwsd:
        assert not lwsd.valid(5)
        assert len(server.requests) == 1
        assert "kiss" in lwsd.why()


@scenario
def rstr_is_for_ever():
    server = Server(change=setter(stratum=0, reference_id=0x52535452))
    other = Server()
    with Lwsd(f"Servers={server.address} {other.address}", offset=4) as lwsd:
        assert lwsd.valid(10), "the other one is enough"
        eventually(lambda: len(other.requests) >= 4)
        assert len(server.requests) == 1


@scenario
def kisses_that_bid_nothing():
    def change(server, fields, request):
        if len(server.requests) <= len(codes):
            fields.update(stratum=0, leap=len(server.requests) % 4, root_dispersion=2 ** 32 - 1,
                          reference_id=int.from_bytes(codes[len(server.requests) - 1], "big"))
    codes = [b"NTSN", b"XABC", b"\0\0\0\0"]
    server = Server(change=change)
    with Lwsd(f"Servers={server.address}", offset=10) as lwsd:
        assert lwsd.valid(20)
        near(lwsd.ahead(), 0, 0.05)


@scenario
def a_kiss_behind_the_answer():
    """The cookie has been used: whatever else comes with it is void."""
    def change(server, fields, request):
        return [Server.pack(fields)] + [Server.pack(dict(fields, stratum=0, reference_id=code)) for code in (0x44454e59, 0x52415445)]
    server = Server(change=change)
    with Lwsd(f"Servers={server.address}") as lwsd:
        assert lwsd.valid(5)
        eventually(lambda: len(server.requests) >= 4)
        assert "selected" in lwsd.time()[server.address]


@scenario
def odd_answers_that_are_right():
    odd = (dict(root_delay=1 << 16, root_dispersion=1 << 15), dict(precision=127), dict(precision=-128, poll=-1), dict(poll=127),
           dict(reference=0), dict(stratum=15, reference_id=0), dict(stratum=1, reference_id=0x47505300))
    servers = [Server(change=setter(**fields)) for fields in odd]
    with Lwsd("Servers=" + " ".join(s.address for s in servers), offset=5) as lwsd:
        assert lwsd.valid(10)
        near(lwsd.ahead(), 0, 0.05)
        eventually(lambda: all(lwsd.time()[s.address][-1] in ("selected", "outlier") for s in servers))


def loses_its_time(**fields):
    """At once it is followed no longer, and with its next good answer it is again."""
    server = Server()
    with Lwsd(f"Servers={server.address}\nPollMinSec=16") as lwsd:
        eventually(lambda: "selected" in lwsd.time()[server.address])
        server.change = setter(**fields)
        eventually(lambda: "not-synchronized" in lwsd.time()[server.address])
        server.change = None
        eventually(lambda: "selected" in lwsd.time()[server.address], 40)
        assert lwsd.steps() == 0


@scenario
def a_server_that_loses_its_time():
    loses_its_time(leap=3, reference_id=0)


@scenario
def a_server_that_loses_its_time_as_ntpd_does():
    loses_its_time(leap=3, stratum=0, reference_id=0x494e4954)


@scenario
def rate_slows_down():
    server = Server(change=setter(stratum=0, leap=3, reference_id=0x52415445))
    with Lwsd(f"Servers={server.address}") as lwsd:
        assert not lwsd.valid(5)
        assert len(server.requests) == 1


@scenario
def one_liar_of_four():
    liar = Server(offset=5, change=setter(stratum=1, root_delay=0, root_dispersion=0))
    servers = [liar] + [Server() for _ in range(3)]
    with Lwsd("Servers=" + " ".join(s.address for s in servers), offset=0.01) as lwsd:
        assert lwsd.valid(5)
        time.sleep(5)
        assert lwsd.steps() == 0
        near(lwsd.ahead(), 0, 0.02)
        assert "falseticker" in lwsd.time()[liar.address], lwsd.time()


@scenario
def two_liars_of_five():
    liars = [Server(offset=5) for _ in range(2)]
    servers = liars + [Server() for _ in range(3)]
    with Lwsd("Servers=" + " ".join(s.address for s in servers), offset=20) as lwsd:
        assert lwsd.valid(10)
        near(lwsd.ahead(), 0, 0.05)
        eventually(lambda: all("falseticker" in lwsd.time()[s.address] for s in liars))
        assert lwsd.steps() == 1


@scenario
def two_liars_of_four():
    servers = [Server(offset=5), Server(offset=-5), Server(), Server()]
    with Lwsd("Servers=" + " ".join(s.address for s in servers), offset=20) as lwsd:
        assert not lwsd.valid(5)
        assert lwsd.steps() == 0 and "no-majority" in lwsd.why()


@scenario
def too_few_servers():
    server = Server()
    with Lwsd(f"Servers={server.address} {Addresses.new()}\nMinSources=2", offset=5) as lwsd:
        assert not lwsd.valid(5)
        assert lwsd.steps() == 0 and "too-few-servers" in lwsd.why()


@scenario
def one_that_contradicts_itself():
    def change(server, fields, request):
        server.offset = 12 - server.offset
        fields.update(server.fields(request))
    server = Server(offset=5, change=change)
    with Lwsd(f"Servers={server.address}") as lwsd:
        eventually(lambda: len(server.requests) >= 5)
        assert lwsd.steps() == 0 and lwsd.time()["synchronized"] == ["no"]


@scenario
def two_that_differ():
    servers = [Server(offset=5), Server()]
    with Lwsd("Servers=" + " ".join(s.address for s in servers), offset=20) as lwsd:
        assert not lwsd.valid(7)
        assert lwsd.state()[1] == 0
        assert "no-majority" in lwsd.why()


@scenario
def two_that_differ_one_of_which_says_what_the_clock_says():
    """Whichever answers first: the word of one that confirmed is worth nothing once the other contradicts."""
    def slow(server, fields, request):
        time.sleep(0.3)
        fields.update(server.fields(request))
    for late in (0, 5):
        servers = [Server(offset=offset, change=slow if offset == late else None) for offset in (0, 5)]
        with Lwsd("Servers=" + " ".join(s.address for s in servers)) as lwsd:
            eventually(lambda: "no-majority" in lwsd.why())
            assert lwsd.time()["synchronized"] == ["no"] and lwsd.steps() == 0
            assert lwsd.state()[3] & STA_UNSYNC


@scenario
def a_server_that_goes_mad_later():
    server = Server()
    with Lwsd(f"Servers={server.address}") as lwsd:
        while len(server.requests) < 4:
            time.sleep(0.1)
        server.offset = 5000
        time.sleep(7)
        assert lwsd.steps() == 0
        near(lwsd.ahead(), 0, 0.01)
        lwsd.log.seek(0)
        assert "refused" in lwsd.log.read()


@scenario
def somebody_else_sets_the_clock():
    server = Server()
    with Lwsd(f"Servers={server.address}") as lwsd:
        while len(server.requests) < 3:
            time.sleep(0.1)
        lwsd.push(3600)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and abs(lwsd.ahead()) > 0.05:
            time.sleep(0.2)
        near(lwsd.ahead(), 0, 0.05)
        assert lwsd.valid(2)


@scenario
def who_looks_at_a_clock_that_was_set_has_it_put_right():
    """No timerfd tells of this one, and the next poll is a minute away: the question for the time is what finds out."""
    server = Server()
    with Lwsd(f"Servers={server.address}") as lwsd:
        eventually(lambda: len(server.requests) >= 8, 40)
        lwsd.push(3600)
        assert lwsd.time()
        eventually(lambda: abs(lwsd.ahead()) < 0.25)
        assert any(lwsd.says(f"somebody moved the clock by +{about}") for about in ("3600.0", "3599.9"))


@scenario
def a_server_that_jumps_later_is_slewed_to():
    server = Server()
    with Lwsd(f"Servers={server.address}") as lwsd:
        eventually(lambda: len(server.requests) >= 4)
        server.offset = 0.5
        eventually(lambda: abs(lwsd.rate()) > 1e-4)
        assert lwsd.steps() == 0
        assert abs(lwsd.rate()) < 21e-3


@scenario
def a_network_that_comes_late():
    address = "10.98.0.1"
    subprocess.run(["ip", "route", "add", "unreachable", f"{address}/32"], check=True)
    server = Server(address=address)
    with Lwsd(f"Servers={address}", offset=5) as lwsd:
        assert not lwsd.valid(3) and not server.requests
        subprocess.run(["ip", "addr", "add", f"{address}/32", "dev", "lo"], check=True)
        assert lwsd.valid(60)
        near(lwsd.ahead(), 0, 0.05)


@scenario
def ipv6():
    address = "fd99::1"
    subprocess.run(["ip", "addr", "add", f"{address}/128", "dev", "lo"], check=True)
    Server(address=address)
    with Lwsd(f"Servers=[{address}]", offset=5) as lwsd:
        assert lwsd.valid(10)
        near(lwsd.ahead(), 0, 0.05)


@scenario
def ipv6_on_one_link_and_another_port():
    subprocess.run(["ip", "addr", "add", "fe80::99/64", "dev", "wan0", "nodad"], check=True)
    Server(address="fe80::99%wan0", port=1123)
    with Lwsd("Servers=[fe80::99%wan0]:1123", offset=5) as lwsd:
        assert lwsd.valid(10), lwsd.why()
        near(lwsd.ahead(), 0, 0.05)


# -- The kernel ----------------------------------------------------------------------------------------------

STA_INS, STA_DEL, STA_UNSYNC = 0x10, 0x20, 0x40


@scenario
def the_kernel_is_told():
    server = Server()
    with Lwsd(f"Servers={server.address}", offset=0.02) as lwsd:
        assert lwsd.valid(5)
        eventually(lambda: not lwsd.state()[3] & STA_UNSYNC)
        assert os.path.exists(f"{lwsd.folder}/run/synchronized")


@scenario
def others_keep_the_clock():
    with Lwsd("Observe=yes") as lwsd:
        assert not lwsd.valid(1)
        lwsd.set_status(0)
        assert lwsd.valid(20)
        assert lwsd.time()["confidence"] == ["agreed"]
        lwsd.set_status(STA_UNSYNC)
        lwsd.ctl("resolve", "localhost")
        assert lwsd.state()[1:3] == (0, 0)


def leap_second(leap, seconds_before, slew):
    """The last seconds of a last day of June, and the first of the July behind it."""
    year = time.gmtime().tm_year + 1
    midnight = calendar.timegm((year, 7, 1, 0, 0, 0))
    ahead = midnight - seconds_before - time.time()
    at = midnight if leap == 1 else midnight - 1

    def change(server, fields, request):
        fields["leap"] = leap
        if server.now() >= at:
            server.offset, server.change = server.offset + slew, None
            return [Server.pack(server.fields(request))]
    servers = [Server(offset=ahead, change=change) for _ in range(3)]
    with Lwsd("Servers=" + " ".join(s.address for s in servers), offset=ahead) as lwsd:
        assert lwsd.valid(5)
        eventually(lambda: lwsd.state()[3] & (STA_INS | STA_DEL) == (STA_INS if leap == 1 else STA_DEL))
        eventually(lambda: lwsd.leaps() == 1 and all(s.offset != ahead for s in servers), 40)
        eventually(lambda: len(servers[0].requests) >= 8)
        near(lwsd.ahead(), ahead + slew, 0.05)
        assert lwsd.steps() == 0 and lwsd.leaps() == 1
        assert not lwsd.says("somebody moved")


@scenario
def a_second_is_inserted():
    leap_second(1, 10, -1)


@scenario
def a_second_is_left_out():
    leap_second(2, 10, 1)


@scenario
def one_of_three_announces_a_leap_second():
    ahead = calendar.timegm((time.gmtime().tm_year + 1, 6, 30, 12, 0, 0)) - time.time()
    servers = [Server(offset=ahead, change=setter(leap=int(i == 0))) for i in range(3)]
    with Lwsd("Servers=" + " ".join(s.address for s in servers), offset=ahead) as lwsd:
        assert lwsd.valid(5)
        eventually(lambda: all(len(s.requests) >= 3 for s in servers))
        assert not lwsd.state()[3] & (STA_INS | STA_DEL)


@scenario
def the_frequency_is_remembered():
    folder = tempfile.mkdtemp(prefix="lwsd-ntp-")
    for kept, wanted in (("40.0 0.2\n", 40e-6), ("nonsense\n", 0), ("99999 1\n", 0)):
        os.makedirs(f"{folder}/state", exist_ok=True)
        with open(f"{folder}/state/drift", "w") as f:
            f.write(kept)
        with Lwsd(f"Servers={Addresses.new()}", folder=folder) as lwsd:
            assert not lwsd.valid(1)
            eventually(lambda: lwsd.state()[2] > 0)
            near(lwsd.rate(), wanted, 1e-9)
        shutil.rmtree(f"{folder}/run")
    shutil.rmtree(folder)


@scenario
def a_server_that_comes_late():
    server = Server(start=False)
    with Lwsd(f"Servers={server.address}") as lwsd:
        assert not lwsd.valid(3)
        assert "no-reply" in lwsd.why()
        server.start()
        assert lwsd.valid(10)


@scenario
def half_of_all_is_lost():
    def change(server, fields, request):
        return [] if len(server.requests) % 2 else None
    servers = [Server(change=change) for _ in range(3)]
    with Lwsd("Servers=" + " ".join(s.address for s in servers), offset=5) as lwsd:
        assert lwsd.valid(8)
        near(lwsd.ahead(), 0, 0.05)


@scenario
def the_last_time_is_remembered():
    folder = tempfile.mkdtemp(prefix="lwsd-ntp-")
    server = Server(offset=1e6)
    with Lwsd(f"Servers={server.address}", folder=folder) as lwsd:
        assert lwsd.valid(10)
    near(os.stat(f"{folder}/state/clock").st_mtime, time.time() + 1e6, 10)
    shutil.rmtree(f"{folder}/run")  # or it would come back to the state it was in
    with Lwsd("Servers=10.99.254.254", offset=-1e8, folder=folder) as lwsd:
        assert not lwsd.valid(1)
        near(lwsd.ahead(), 1e6, 20)
    shutil.rmtree(folder)


# -- Names ---------------------------------------------------------------------------------------------------


@scenario
def a_name_with_many_addresses():
    servers = [Server() for _ in range(3)]
    names = Names("ntp.example", [s.address for s in servers])
    with Lwsd("Servers=ntp.example", offset=7, names=names) as lwsd:
        assert lwsd.valid(5)
        near(lwsd.ahead(), 0, 0.05)
        assert all(s.requests for s in servers)
        assert lwsd.time()["server"] == ["ntp.example"]


@scenario
def the_address_that_worked_last_time_needs_no_names():
    folder = tempfile.mkdtemp(prefix="lwsd-ntp-")
    server = Server()
    names = Names("ntp.example", [server.address])
    with Lwsd("Servers=ntp.example", names=names, folder=folder) as lwsd:
        assert lwsd.valid(5)
    names.dead = True
    shutil.rmtree(f"{folder}/run")
    with Lwsd("Servers=ntp.example", offset=3, names=names, folder=folder) as lwsd:
        assert lwsd.valid(5)
        near(lwsd.ahead(), 0, 0.05)
    shutil.rmtree(folder)


@scenario
def another_address_replaces_one_that_denies():
    denying = Server(change=setter(stratum=0, leap=3, reference_id=0x44454e59))
    good = Server()
    names = Names("ntp.example", [denying.address])
    with Lwsd("Servers=ntp.example", names=names) as lwsd:
        assert not lwsd.valid(2)
        names.addresses = [denying.address, good.address]
        assert lwsd.valid(20), lwsd.why()
        assert len(denying.requests) == 1


@scenario
def a_name_that_is_known_late():
    server = Server()
    for dead, addresses in ((True, [server.address]), (False, [])):
        names = Names("ntp.example", addresses)
        names.dead = dead
        with Lwsd("Servers=ntp.example", names=names) as lwsd:
            assert not lwsd.valid(2)
            assert "no-address" in lwsd.why()
            names.dead, names.addresses = False, [server.address]
            assert lwsd.valid(20)


@scenario
def a_name_that_moves_when_its_server_is_gone():
    names = Names("ntp.example", [Addresses.new()])
    server = Server()
    with Lwsd("Servers=ntp.example", names=names, offset=5) as lwsd:
        assert not lwsd.valid(2)
        names.addresses = [server.address]
        assert lwsd.valid(90), "eight misses are 30 s"
        near(lwsd.ahead(), 0, 0.05)


@scenario
def authentication_is_required():
    server = Server()
    with Lwsd(f"Servers={server.address}\nRequireAuthenticated=yes", offset=5) as lwsd:
        assert not lwsd.valid(4)
        assert lwsd.steps() == 0 and "not-authenticated" in lwsd.why()


# -- What chronyd has too --------------------------------------------------------------------------------------

SECRET = "LwsdLwsdLwsdLwsd"
KEYS = f"""# as chronyd and ntpd have them
1 AES128 ASCII:{SECRET}
2 AES256 HEX:{SECRET.encode().hex()}{SECRET.encode().hex()}
3 SHA512 {SECRET}
4 SHA1 {SECRET}
5 MD5 {SECRET}
"""
with_chronyd = scenario if shutil.which("chronyd", path=os.environ["PATH"] + ":/usr/sbin") else lambda fn: fn

# -- Interleaved ---------------------------------------------------------------------------------------------


class Interleaving:
    """Answers that tell when the one before left, to who asks for that; with everything forged in front of them that
    can be without having seen the request."""

    def __init__(self):
        self.left, self.interleaved, self.last = {}, 0, []

    def __call__(self, server, fields, request):
        origin, receive, transmit = struct.unpack(">QQQ", request[24:48])
        self.left[fields["receive"]] = fields["transmit"]
        forged = []
        if origin in self.left and receive not in (0, transmit):
            self.interleaved += 1
            wrong = [origin, 0, receive ^ 1, fields["receive"]]
            forged = [Server.pack(dict(fields, origin=o, receive=fields["receive"] + (99 << 32),
                                       transmit=fields["transmit"] + (99 << 32))) for o in wrong] + self.last
            fields.update(origin=receive, transmit=self.left[origin])
        self.last = [Server.pack(fields)]
        return forged + self.last * 2


@scenario
def interleaved_answers():
    change = Interleaving()
    server = Server(change=change)
    with Lwsd(f"Servers={server.address}\nInterleaved=yes", offset=3) as lwsd:
        assert lwsd.valid(10)
        eventually(lambda: change.interleaved >= 3)
        assert json.loads(lwsd.ctl("--json", "time")[1])["Sources"][0]["mode"] == "interleaved"
        assert "interleaved" in lwsd.time()[server.address]
        near(lwsd.ahead(), 0, 0.02)
        assert lwsd.steps() == 1
    asked = [struct.unpack(">QQQ", r[24:48]) for r in server.requests]
    assert all(r[0] == 0x23 and r[1:24] == bytes(23) and len(r) == 48 for r in server.requests)
    assert all(origin == receive == 0 or origin in change.left for origin, receive, _ in asked)
    numbers = [n for _, receive, transmit in asked for n in (receive, transmit) if n]
    assert len(numbers) == len(set(numbers)) and len(set(server.ports)) > 1


@scenario
def interleaved_answers_that_nobody_gives():
    server = Server()
    with Lwsd(f"Servers={server.address}\nInterleaved=yes", offset=3) as lwsd:
        assert lwsd.valid(10)
        eventually(lambda: len(server.requests) >= 6)
        assert "selected" in lwsd.time()[server.address] and "interleaved" not in lwsd.time()[server.address]
        near(lwsd.ahead(), 0, 0.02)


@with_chronyd
def interleaved_answers_of_chronyd():
    with Chronyd(keys=KEYS) as server:
        for key in ("", "#1"):
            with Lwsd(f"Servers={server.address}{key}\nInterleaved=yes", offset=5, keys=KEYS) as lwsd:
                assert lwsd.valid(10), lwsd.why()
                eventually(lambda: "interleaved" in lwsd.time()[server.address], 30)
                near(lwsd.ahead(), 0, 0.02)
                assert lwsd.steps() == 1 and "selected" in lwsd.time()[server.address]


# -- Symmetric keys ------------------------------------------------------------------------------------------


def mac(packet, secret=SECRET, key=3):
    return struct.pack(">I", key) + hashlib.sha512(secret.encode() + packet).digest()[:20]


def sealed(server, fields, request):
    """Answers with key 3 whoever asks with it."""
    packet = Server.pack(fields)
    return [packet + mac(packet)] if request[48:] == mac(request[:48]) else []


@with_chronyd
def keys_that_chronyd_has_too():
    with Chronyd(keys=KEYS) as server:
        for key in range(1, 6):
            with Lwsd(f"Servers={server.address}#{key}", offset=5, keys=KEYS) as lwsd:
                assert lwsd.valid(10), lwsd.why()
                near(lwsd.ahead(), 0, 0.05)
                assert lwsd.time()["confidence"] == ["authenticated" if key <= 3 else "agreed"], key


@with_chronyd
def a_key_that_chronyd_does_not_have():
    with Chronyd(keys=KEYS.replace(SECRET, "xwsdLwsdLwsdLwsd")) as server, \
            Lwsd(f"Servers={server.address}#1", offset=5, keys=KEYS) as lwsd:
        assert not lwsd.valid(3)
        assert lwsd.steps() == 0 and "no-reply" in lwsd.why()


@scenario
def a_key_is_enough_where_authentication_is_required():
    plain = [Server(offset=9) for _ in range(3)]
    server = Server(change=sealed)
    with Lwsd("Servers=" + " ".join(s.address for s in plain) + f" {server.address}#3\nRequireAuthenticated=yes",
              offset=5, keys=KEYS) as lwsd:
        lwsd.ctl("log-level", "debug")
        assert lwsd.valid(10)
        near(lwsd.ahead(), 0, 0.05)
        assert lwsd.time()["authenticated"] == ["yes"] and lwsd.steps() == 1
        assert not lwsd.says(SECRET) and not lwsd.says(SECRET.encode().hex())


def with_tail(tail):
    def change(server, fields, request):
        packet = Server.pack(fields)
        return [packet + tail(packet, request)]
    return change


UNSEALED = {
    "nothing": lambda packet, request: b"", "a_crypto_nak": lambda packet, request: bytes(4),
    "another_key": lambda packet, request: mac(packet, "another"), "another_id": lambda packet, request: mac(packet, key=4),
    "the_mac_of_the_request": lambda packet, request: request[48:], "half_a_mac": lambda packet, request: mac(packet)[:20],
    "a_mac_of_other_fields": lambda packet, request: b"\x7f\1\0\x10" + bytes(12) + mac(packet),
    "zeros": lambda packet, request: bytes(24), "more_behind": lambda packet, request: mac(packet) + bytes(24),
}


def add_unsealed(name, tail):
    def fn():
        server = Server(change=with_tail(tail))
        kissing = Server(change=lambda server, fields, request: with_tail(tail)(
            server, dict(fields, stratum=0, reference_id=0x44454e59), request))
        with Lwsd(f"Servers={server.address}#3 {kissing.address}#3", offset=5, keys=KEYS) as lwsd:
            assert not lwsd.valid(2.6)
            assert lwsd.steps() == 0
            eventually(lambda: len(kissing.requests) >= 2)  # nobody obeys a kiss that proves nothing
            assert name in ("a_crypto_nak", "more_behind") or "not-authenticated" in lwsd.why()
    fn.__name__ = f"answers_with_a_key_that_end_in_{name}"
    SCENARIOS.append(fn)


for unsealed_name, unsealed_tail in UNSEALED.items():
    add_unsealed(unsealed_name, unsealed_tail)


@scenario
def a_key_that_is_exchanged():
    server = Server(change=sealed)
    with Lwsd(f"Servers={server.address}#3", offset=5, keys=KEYS.replace(f"3 SHA512 {SECRET}", "3 SHA512 old")) as lwsd:
        assert not lwsd.valid(2)
        lwsd.write_keys("3 SHA512\n")  # a mistake: what was stays
        assert lwsd.ctl("reload")[0] == 1
        lwsd.write_keys(KEYS)
        lwsd.call("Manager", "Reload")
        assert lwsd.valid(10)
        near(lwsd.ahead(), 0, 0.05)


@scenario
def a_key_for_the_address_of_a_server_without():
    """Who makes a name lead to the address of a server with a key takes nothing away from it."""
    server = Server(change=lambda server, fields, request: sealed(server, fields, request) if len(request) > 48 else None)
    names = Names("ntp.example", [server.address])
    with Lwsd(f"Servers=ntp.example {server.address}#3\nRequireAuthenticated=yes", offset=5, names=names, keys=KEYS) as lwsd:
        assert lwsd.valid(15)
        assert lwsd.time()["authenticated"] == ["yes"]
    assert server.shortest_wait() > 0.5


if __name__ == "__main__":
    main()
