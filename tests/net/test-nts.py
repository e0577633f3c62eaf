#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""lwsd's time client with Network Time Security, against chronyd and against servers that are wrong.

Debian's python3, whatever else is in the path: it is the one with python3-openssl.

Usage: test-nts.py LWSD LWSCTL FAKECLOCK [SCENARIO...]
"""

import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from ntp_lab import (Addresses, Lwsd, Names, Server, eventually, main, near, scenario)  # noqa: E402
from private_network import SKIPPED  # noqa: E402

try:
    import nts_server as nts
    from nts_server import Chronyd, NtsServer
except ImportError as error:
    print(f"skipped: {error}", file=sys.stderr)
    sys.exit(SKIPPED)


def refused(why, offset=5, wait=3, **server):
    """Nothing is believed, and the reason is told."""
    with NtsServer(**server) as s, Lwsd(s.config(), offset=offset) as lwsd:
        assert not lwsd.valid(wait)
        eventually(lambda: "no keys: " in lwsd.why() and why in lwsd.why())
        assert lwsd.steps() == 0
        return s


def works(offset=5, more="", **server):
    with NtsServer(**server) as s, Lwsd(s.config(more), offset=offset) as lwsd:
        assert lwsd.valid(10), lwsd.why()
        near(lwsd.ahead(), 0, 0.05)
        assert lwsd.time()["authenticated"] == ["yes"]
        eventually(lambda: len(s.spent) >= 5)
        return s


# -- The exchange of keys ------------------------------------------------------------------------------------


@scenario
def keys_are_spent_once():
    server = works()
    assert server.exchanges in (1, 2), "one before the clock was true, one after"
    assert len(server.spent) == len(set(server.spent)) and None not in server.spent
    assert not server.unknown and server.placeholders[0] == 0
    assert len(set(server.time.ports)) > 1
    seen = []
    for request in server.time.requests:
        fields = list(nts.fields_of(request))
        kinds, (cookie,) = [kind for kind, _, _ in fields], [body for kind, body, _ in fields if kind == nts.COOKIE_FIELD]
        assert request[0] == 0x23 and request[1:40] == bytes(39)
        assert kinds[0] == nts.UNIQUE_ID and kinds[-1] == nts.SEAL and kinds.count(nts.SEAL) == 1
        assert len(fields[0][1]) >= 32 and all(len(body) == len(cookie) for kind, body, _ in fields if kind == nts.PLACEHOLDER)
        seen += [request[40:48], fields[0][1], fields[-1][1]]
    assert len(seen) == len(set(seen)), "a number, an id or a nonce came twice"


@scenario
def few_cookies_are_refilled():
    server = works(cookies=2)
    assert server.placeholders[0] == 6, server.placeholders
    assert not server.unknown


@scenario
def large_cookies():
    assert not works(cookie_size=700).unknown


@scenario
def cookies_that_fit_nowhere():
    refused("no cookie", cookie_size=1400)


@scenario
def unknown_records_that_do_not_matter():
    works(extra=nts.record(0x4000, b"whatever"))


REFUSED = {
    "an_error": ("reports an error", lambda c: nts.record(nts.CRITICAL | nts.ERROR, b"\0\1")),
    "a_warning": ("reports a warning", lambda c: nts.record(nts.WARNING, b"\0\1") + nts.good_records(c)),
    "an_unknown_critical_record": ("critical record", lambda c: nts.record(nts.CRITICAL | 0x4000) + nts.good_records(c)),
    "no_cookie": ("no cookie", lambda c: nts.good_records([])),
    "no_end": ("has no end", lambda c: nts.good_records(c)[:-4]),
    "another_protocol": ("does not offer NTPv4",
                         lambda c: nts.good_records(c).replace(nts.record(0x8001, b"\0\0"), nts.record(0x8001, b"\0\1"))),
    "no_protocol": ("does not offer NTPv4", lambda c: nts.good_records(c)[6:]),
    "another_cipher": ("AES-SIV-CMAC-256",
                       lambda c: nts.good_records(c).replace(nts.record(4, b"\0\x0f"), nts.record(4, b"\0\x1e"))),
    "more_behind_the_end": ("behind the end", lambda c: nts.good_records(c) + b"x"),
    "garbage": ("", lambda c: os.urandom(2000)),
    "nothing": ("has no end", lambda c: b""),
}


def add_refused(name, why, records):
    def fn():
        refused(why, records=records)
    fn.__name__ = f"an_exchange_with_{name}"
    scenario(fn)


for refused_name, (refused_why, refused_records) in REFUSED.items():
    add_refused(refused_name, refused_why, refused_records)


@scenario
def without_its_own_protocol():
    refused("", alpn=b"http/1.1")


@scenario
def over_an_old_tls():
    refused("", only_1_2=True)


# -- Certificates --------------------------------------------------------------------------------------------


@scenario
def a_certificate_for_somebody_else():
    refused("certificate", certificate_for="192.0.2.99")


@scenario
def a_certificate_that_has_expired():
    refused("certificate", days=(-90, -30))


@scenario
def a_certificate_that_has_expired_by_a_clock_that_is_wrong():
    works(offset=3e8)


MONTH = 30 * 86400


def contradicted(clock, floor_steps=0, **server):
    """Before the clock is true nobody can tell whether a certificate is good; but it has to be at the time that its
    own server tells. That is next month, so that the floor of the clock is well before, however new the build."""
    with NtsServer(offset=MONTH, **server) as s, Lwsd(s.config(), offset=clock) as lwsd:
        eventually(lambda: s.exchanges >= 1 and "not good at the time" in lwsd.why())
        assert lwsd.steps() == floor_steps
        assert lwsd.time()["authenticated"] == ["no"] and lwsd.time()["synchronized"] == ["no"]
        assert len(s.time.requests) == 1
        # nor do the keys that are kept come back
        lwsd.stop()
        assert not any("cookie" in open(f"{lwsd.folder}/state/{n}").read() for n in os.listdir(f"{lwsd.folder}/state"))


@scenario
def a_certificate_that_is_too_young_is_found_out():
    contradicted(MONTH + 5, days=(31, 39))


@scenario
def a_certificate_that_expired_since_the_floor_is_found_out():
    contradicted(MONTH + 5, days=(-9, 29))


@scenario
def a_certificate_that_expired_since_the_floor_is_found_out_by_a_clock_of_1970():
    contradicted(-time.time(), floor_steps=1, days=(-9, 29))


@scenario
def a_certificate_that_begins_later_than_the_time_it_was_believed_for():
    """A server that lies to fit its certificate is found out once others have set the clock right."""
    plain = [Server() for _ in range(3)]
    with NtsServer(days=(20, 90), offset=MONTH) as server, \
            Lwsd(server.config("Servers=" + " ".join(s.address for s in plain)), offset=300) as lwsd:
        assert lwsd.valid(10)
        eventually(lambda: lwsd.says("not yet valid"))
        near(lwsd.ahead(), 0, 0.05)
        assert lwsd.time()["authenticated"] == ["no"]


@scenario
def a_certificate_that_plain_servers_make_look_expired():
    """They set the clock before its server is heard. It gets another hearing, in doubt: where it contradicts them the
    clock is left alone."""
    plain = [Server(offset=MONTH) for _ in range(3)]
    with NtsServer() as server:
        server.time.change = lambda *_: []
        with Lwsd(server.config("Servers=" + " ".join(s.address for s in plain))) as lwsd:
            assert lwsd.valid(10)
            eventually(lambda: lwsd.says("expired"))
            near(lwsd.ahead(), MONTH, 0.05)
            exchanges = server.exchanges
            server.time.change = server.answer
            eventually(lambda: "no-majority" in lwsd.time().get(server.address, ()), 40)
            assert server.exchanges == exchanges + 1 and not server.unknown
            assert server.exchanged[-1] - server.exchanged[0] >= 10
            assert all("no-majority" in lwsd.time()[s.address] for s in plain)
            assert lwsd.steps() == 1 and lwsd.time()["authenticated"] == ["no"]


@scenario
def a_certificate_that_an_authenticated_clock_makes_look_too_young():
    """That clock is the last word: what its server said is dropped, and it is heard no more."""
    with NtsServer(days=(20, 90), offset=MONTH) as wrong, NtsServer() as right:
        right.certificates.ca_key = wrong.certificates.ca_key
        right.certificates.renew()
        config = wrong.config().replace(f"={wrong.address}", f"={wrong.address} {right.address}")
        wrong.time.change = lambda *_: []
        with Lwsd(config, offset=300) as lwsd:
            eventually(lambda: lwsd.says("not yet valid"))
            wrong.time.change = wrong.answer
            eventually(lambda: lwsd.says("not yet valid", 2), 40)
            assert wrong.exchanges <= 1
            near(lwsd.ahead(), 0, 0.05)
            assert lwsd.time()["authenticated"] == ["yes"] and wrong.address not in lwsd.time()


@scenario
def plain_servers_do_not_move_the_floor_past_a_certificate():
    folder = tempfile.mkdtemp(prefix="lwsd-ntp-")
    plain = [Server(offset=MONTH) for _ in range(3)]
    with NtsServer() as server:
        server.time.change = lambda *_: []
        with Lwsd(server.config("Servers=" + " ".join(s.address for s in plain)), folder=folder) as lwsd:
            assert lwsd.valid(10)
            near(lwsd.ahead(), MONTH, 0.05)
        server.time.change = server.answer
        shutil.rmtree(f"{folder}/run")
        with Lwsd(server.config(), offset=MONTH, folder=folder) as lwsd:
            assert lwsd.valid(40), lwsd.why()
            near(lwsd.ahead(), 0, 0.05)
            eventually(lambda: os.path.exists(f"{folder}/state/clock"))
            near(os.stat(f"{folder}/state/clock").st_mtime, time.time(), 20)
    shutil.rmtree(folder)


@scenario
def a_certificate_that_ends_is_replaced_before():
    """Good for 20 s more, and renewed by the server in time: keys of the new one are got before the old one ends."""
    second = 1 / 86400
    with NtsServer(days=(-30 * second, 20 * second)) as server, Lwsd(server.config("PollMinSec=16")) as lwsd:
        assert lwsd.valid(10)
        eventually(lambda: server.exchanges >= 2)
        server.certificates.renew()
        exchanges, until = server.exchanges, time.monotonic() + 24
        eventually(lambda: server.exchanges > exchanges)
        while time.monotonic() < until:
            assert lwsd.time()["authenticated"] == ["yes"] and "selected" in lwsd.time()[server.address], lwsd.time()
            time.sleep(0.5)
        assert not lwsd.says("not good at the time") and server.exchanges <= exchanges + 2
        assert not server.unknown


@scenario
def a_certificate_that_ended_while_lwsd_was_away():
    """What is kept of it gives a wrong answer at first; other keys are got at once, not after a wait."""
    folder = tempfile.mkdtemp(prefix="lwsd-ntp-")
    with NtsServer() as server:
        with Lwsd(server.config("RequireAuthenticated=yes"), folder=folder) as lwsd:
            assert lwsd.valid(10)
            eventually(lambda: len(server.spent) >= 2)
        kept, = (f"{folder}/state/{n}" for n in os.listdir(f"{folder}/state") if n.startswith("nts-"))
        with open(kept) as f:
            lines = [f"valid 1 {int(time.time()) - 5}\n" if line.startswith("valid ") else line for line in f]
        with open(kept, "w") as f:
            f.writelines(lines)
        exchanges = server.exchanges
        shutil.rmtree(f"{folder}/run")
        with Lwsd(server.config("RequireAuthenticated=yes"), offset=3, folder=folder) as lwsd:
            assert lwsd.valid(8), lwsd.why()
            near(lwsd.ahead(), 0, 0.05)
        assert server.exchanges > exchanges
    shutil.rmtree(folder)


@scenario
def what_was_not_looked_at_before_a_restart_is_after_it():
    folder = tempfile.mkdtemp(prefix="lwsd-ntp-")
    with NtsServer() as server:
        with Lwsd(server.config(), folder=folder) as lwsd:
            assert lwsd.valid(10)
            eventually(lambda: len(server.spent) >= 2)
        kept, = (f"{folder}/state/{n}" for n in os.listdir(f"{folder}/state") if n.startswith("nts-"))
        with open(kept, "a") as f:  # as one that was killed before the clock was true has left it
            f.write("relaxed\n")
        exchanges = server.exchanges
        shutil.rmtree(f"{folder}/run")
        with Lwsd(server.config(), offset=3, folder=folder) as lwsd:
            assert lwsd.valid(10)
            eventually(lambda: server.exchanges > exchanges)
        with open(kept) as f:
            assert "relaxed" not in f.read()
    shutil.rmtree(folder)


# -- Answers -------------------------------------------------------------------------------------------------


def changed(**parts):
    def reply(server, p):
        p.update(parts)
    return reply


def flipped(at):
    def reply(server, p):
        packet = bytearray(nts.sealed(**p))
        packet[at] ^= 1
        return [bytes(packet)]
    return reply


def with_fields(between=b"", behind=b"", ids=1):
    """A sealed answer with fields that are not under the seal, or behind it."""
    def reply(server, p):
        head = Server.pack(dict(p["fields"], tail=nts.field(nts.UNIQUE_ID, p["unique_id"]) * (ids - 1) + between))
        return [nts.sealed(**p, head=head) + behind]
    return reply


ANSWERS = {
    "without_a_seal": changed(seal=False), "with_another_id": changed(unique_id=bytes(32)), "sealed_by_another": changed(key=bytes(32)),
    "with_a_changed_time": flipped(33), "with_a_changed_seal": flipped(-20),
    "that_are_plain": lambda server, p: [Server.pack(p["fields"])],
    "whose_kiss_is_plain": lambda server, p: [Server.pack(dict(p["fields"], stratum=0, reference_id=0x44454e59))],
    "with_two_ids": with_fields(ids=2), "with_two_seals": with_fields(behind=nts.field(nts.SEAL, bytes(36))),
    "with_a_mac_behind": with_fields(behind=bytes(24)),
    "whose_nak_has_another_id": lambda server, p: [nts.nak(p["fields"], bytes(32))],
}


def add_answer(name, reply):
    def fn():
        with NtsServer(reply=reply) as server, Lwsd(server.config(), offset=5) as lwsd:
            assert not lwsd.valid(4)
            eventually(lambda: len(server.spent) >= 2)  # they change nothing: it goes on asking
            assert lwsd.steps() == 0
            assert len(server.spent) == len(set(server.spent))
    fn.__name__ = f"answers_{name}"
    scenario(fn)


for answer_name, answer_reply in ANSWERS.items():
    add_answer(answer_name, answer_reply)


def add_sealed_but_bad(name, **fields):
    def fn():
        with NtsServer(reply=lambda server, p: p["fields"].update(fields)) as server, Lwsd(server.config(), offset=5) as lwsd:
            assert not lwsd.valid(3)
            assert lwsd.steps() == 0 and server.spent
    fn.__name__ = f"sealed_answers_{name}"
    scenario(fn)


add_sealed_but_bad("of_stratum_16", stratum=16)
add_sealed_but_bad("that_are_not_synchronized", leap=3)
add_sealed_but_bad("with_an_unknown_kiss", stratum=0, reference_id=0x58585858)
add_sealed_but_bad("of_a_server_far_from_the_truth", root_dispersion=9 << 16)
add_sealed_but_bad("without_a_time", transmit=0)


@scenario
def a_sealed_kiss_is_obeyed():
    with NtsServer(reply=lambda server, p: p["fields"].update(stratum=0, reference_id=0x44454e59)) as server, \
            Lwsd(server.config(), offset=5) as lwsd:
        assert not lwsd.valid(5)
        assert len(server.spent) == 1 and "kiss" in lwsd.why()


DENY = dict(stratum=0, reference_id=0x44454e59)


@scenario
def another_address_replaces_one_that_denies():
    denying = NtsServer(certificate_for="nts.example", reply=lambda server, p: p["fields"].update(DENY))
    good = NtsServer()
    good.certificates = denying.certificates
    names = Names("nts.example", [denying.address, good.address])
    with denying, good, Lwsd(denying.config().replace(f"={denying.address}", "=nts.example"), offset=5, names=names) as lwsd:
        eventually(lambda: denying.spent)
        assert not lwsd.valid(3)
        assert lwsd.valid(40), lwsd.why()
        assert lwsd.time()["authenticated"] == ["yes"]
        assert len(denying.spent) == denying.exchanges == 1
        assert good.exchanged[0] - denying.exchanged[0] >= 10


@scenario
def another_address_of_the_server_it_names_replaces_one_that_denies():
    names = Names("time.example", [Addresses.new(), Addresses.new()])
    with NtsServer(extra=nts.record(nts.SERVER, b"time.example"), time_address=names.addresses[1]) as server:
        denying = Server(address=names.addresses[0],
                         change=lambda _, fields, request: server.answer(_, dict(fields, **DENY), request))
        with Lwsd(server.config(), offset=5, names=names) as lwsd:
            assert lwsd.valid(10), lwsd.why()
            assert lwsd.time()["authenticated"] == ["yes"]
            assert len(denying.requests) == 1 and not server.unknown


@scenario
def who_names_only_a_server_that_denied_is_asked_for_others_later():
    address = Addresses.new()
    with NtsServer(extra=nts.record(nts.SERVER, address.encode()), time_address=address,
                   reply=lambda server, p: p["fields"].update(DENY)) as server, Lwsd(server.config()) as lwsd:
        eventually(lambda: server.exchanges >= 2, 30)
        eventually(lambda: lwsd.says("it names asked us to stay away"))
        assert server.exchanged[1] - server.exchanged[0] >= 10
        assert len(server.spent) == 1
        lwsd.stop()
        assert not any("cookie" in open(f"{lwsd.folder}/state/{n}").read() for n in os.listdir(f"{lwsd.folder}/state"))


@scenario
def cookies_that_are_not_under_the_seal():
    poison = [bytes([i]) * 100 for i in range(8)]
    fields = b"".join(nts.field(nts.COOKIE_FIELD, cookie) for cookie in poison)
    server = works(reply=with_fields(between=fields[:416], behind=fields[416:]))
    assert not set(poison) & set(server.spent) and not server.unknown


@scenario
def nonces_of_other_sizes():
    works(reply=lambda server, p: p.update(nonce=os.urandom((1, 13, 32)[len(server.spent) % 3])))


@scenario
def a_nak_now_and_then_costs_a_cookie():
    def reply(server, p):
        if len(server.spent) in (2, 3):
            return [nts.nak(p["fields"], p["unique_id"])]
    with NtsServer(reply=reply) as server, Lwsd(server.config(), offset=5) as lwsd:
        assert lwsd.valid(10)
        eventually(lambda: len(server.spent) >= 6)
        assert len(server.spent) == len(set(server.spent)) and lwsd.time()["authenticated"] == ["yes"]


@scenario
def exchanges_that_fail_wait():
    with NtsServer(records=lambda c: nts.record(nts.CRITICAL | nts.ERROR, b"\0\1")) as server, Lwsd(server.config()):
        eventually(lambda: server.exchanges >= 2)
        assert 10 <= server.exchanged[1] - server.exchanged[0] < 30


@scenario
def forged_answers_before_the_right_one():
    def reply(server, p):
        late = dict(p["fields"], transmit=p["fields"]["transmit"] + (99 << 32), receive=p["fields"]["receive"] + (99 << 32))
        return [Server.pack(late), nts.sealed(**dict(p, fields=late, key=bytes(32))), nts.nak(late, bytes(32)), nts.sealed(**p)]
    works(reply=reply)


@scenario
def replayed_answers():
    kept = []

    def reply(server, p):
        kept.append(nts.sealed(**p))
        return kept[:-1] + kept
    works(reply=reply)


@scenario
def keys_that_are_refused_are_replaced():
    with NtsServer() as server, Lwsd(server.config(), offset=5) as lwsd:
        assert lwsd.valid(10)
        eventually(lambda: len(server.spent) >= 3)
        exchanges = server.exchanges
        server.keys.clear()
        eventually(lambda: server.exchanges > exchanges, 40)
        eventually(lambda: server.keys and len(server.spent) > server.unknown + 4, 40)
        assert lwsd.time()["authenticated"] == ["yes"]
        assert len(server.spent) == len(set(server.spent))


# -- Which server is asked for time --------------------------------------------------------------------------


@scenario
def another_port():
    server = works(extra=nts.record(nts.PORT, b"\x04\x63"), time_port=1123)
    assert not server.unknown


@scenario
def another_server_by_name_some_of_whose_addresses_are_dead():
    live = Addresses.new()
    names = Names("time.example", [Addresses.new(), live])
    with NtsServer(extra=nts.record(nts.SERVER, b"time.example"), time_address=live) as server, \
            Lwsd(server.config(), offset=5, names=names) as lwsd:
        assert lwsd.valid(20)
        near(lwsd.ahead(), 0, 0.05)
        assert server.spent and len(server.spent) == len(set(server.spent))


@scenario
def keys_stay_while_the_server_of_others_cannot_be_found():
    """The exchange is made again under a true clock, and what it names has no address: what there was is good still."""
    def records(cookies):
        name = b"time.example" if server.exchanges == 1 else b"gone.example"
        return nts.good_records(cookies, nts.record(nts.SERVER, name))
    names = Names("time.example", [Addresses.new()])
    with NtsServer(records=records, time_address=names.addresses[0]) as server, \
            Lwsd(server.config(), offset=5, names=names) as lwsd:
        assert lwsd.valid(10), lwsd.why()
        eventually(lambda: lwsd.says("it names has no address"))
        asked = len(server.spent)
        eventually(lambda: len(server.spent) >= asked + 3)
        assert lwsd.time()["authenticated"] == ["yes"] and not server.unknown
        assert len(server.spent) == len(set(server.spent))


@scenario
def a_name_whose_first_address_is_dead():
    live = Addresses.new()
    names = Names("nts.example", [Addresses.new(), live])
    with NtsServer(address=live, certificate_for="nts.example") as server, \
            Lwsd(server.config().replace(f"={live}", "=nts.example"), offset=5, names=names) as lwsd:
        assert lwsd.valid(30)
        assert lwsd.time()["authenticated"] == ["yes"]


@scenario
def an_authenticated_server_that_fails_is_not_asked_plainly():
    server = refused("reports an error", records=lambda c: nts.record(nts.CRITICAL | nts.ERROR, b"\0\1"), wait=5)
    assert not server.time.requests


@scenario
def a_server_asked_with_and_without_keys_is_asked_once_a_second():
    with NtsServer() as server, Lwsd(server.config(f"Servers={server.address}"), offset=3) as lwsd:
        assert lwsd.valid(10)
        eventually(lambda: len(server.spent) - server.spent.count(None) >= 3 and server.spent.count(None) >= 3)
        assert server.time.shortest_wait() > 0.5
        near(lwsd.ahead(), 0, 0.05)


@scenario
def authenticated_and_plain_servers_that_differ():
    plain = Server(offset=7)
    with NtsServer() as server, Lwsd(server.config(f"Servers={plain.address}\nRequireAuthenticated=yes"), offset=3) as lwsd:
        assert lwsd.valid(10)
        near(lwsd.ahead(), 0, 0.05)


@scenario
def plain_servers_do_not_outvote_an_authenticated_one():
    plain = [Server(offset=7) for _ in range(3)]
    right = Server(offset=0.0005)
    with NtsServer() as server, Lwsd(server.config("Servers=" + " ".join(s.address for s in [right] + plain)), offset=3) as lwsd:
        def bounded():
            verdict = {who: words[-1] for who, words in lwsd.time().items()}
            return all(verdict[s.address] == "falseticker" for s in plain) and verdict[server.address] == "selected" \
                and verdict[right.address] in ("selected", "outlier")

        eventually(bounded)
        near(lwsd.ahead(), 0, 0.05)
        assert lwsd.time()["synchronized"] == ["yes"]


@scenario
def one_plain_server_does_not_stand_in_the_way_of_an_authenticated_one():
    plain = Server(offset=7)
    with NtsServer() as server, Lwsd(server.config(f"Servers={plain.address}"), offset=3) as lwsd:
        assert lwsd.valid(10)
        near(lwsd.ahead(), 0, 0.05)
        eventually(lambda: "falseticker" in lwsd.time()[plain.address])


@scenario
def a_certificate_in_doubt_is_no_better_than_a_plain_server():
    """Not good by the running clock, and nobody knows whether that is right: it neither wins nor loses."""
    plain = Server(start=False)
    with NtsServer(days=(20, 90), offset=MONTH) as server:
        server.time.change = lambda *_: []  # the keys first; then the plain one, and both
        plain.change = lambda *_: setattr(server.time, "change", server.answer)
        with Lwsd(server.config(f"Servers={plain.address}"), offset=300) as lwsd:
            eventually(lambda: server.exchanges)
            plain.start()
            eventually(lambda: "no-majority" in lwsd.why())
            assert "the authenticated ones included" in lwsd.why()
            assert lwsd.steps() == 0


# -- chronyd -------------------------------------------------------------------------------------------------


with_chronyd = scenario if shutil.which("chronyd", path=os.environ["PATH"] + ":/usr/sbin") else lambda fn: fn


@with_chronyd
def chronyd_and_a_wrong_clock():
    with Chronyd() as server, Lwsd(f"NTSServers={server.address}\nCertificateAuthority={server.certificates.authority}\n"
                                     "RequireAuthenticated=yes", offset=-1.5e9) as lwsd:
        assert lwsd.valid(10)
        near(lwsd.ahead(), 0, 0.05)
        assert lwsd.time()["authenticated"] == ["yes"]
        assert lwsd.time()["confidence"] == ["authenticated"]


@with_chronyd
def cookies_of_chronyd_outlive_a_restart():
    folder = tempfile.mkdtemp(prefix="lwsd-ntp-")
    with Chronyd() as server:
        config = f"NTSServers={server.address}\nCertificateAuthority={server.certificates.authority}"
        with Lwsd(config, folder=folder) as lwsd:
            assert lwsd.valid(10)
            time.sleep(0.5)
        kept = [n for n in os.listdir(f"{folder}/state") if n.startswith("nts-")]
        assert len(kept) == 1 and os.stat(f"{folder}/state/{kept[0]}").st_mode & 0o777 == 0o600
        with open(f"{folder}/state/{kept[0]}") as f:
            assert f.read().count("cookie ") >= 4
        with Lwsd(config, folder=folder) as lwsd:
            assert lwsd.valid(10)
            lwsd.log.seek(0)
            assert "keys and" not in lwsd.log.read(), "no key exchange was needed"
        # a server that has forgotten its own key: NTSN, then new keys
        server.stop()
        server.start()
        with Lwsd(config, folder=folder) as lwsd:
            deadline = time.monotonic() + 15
            while time.monotonic() < deadline and lwsd.time()["authenticated"] != ["yes"]:
                time.sleep(0.2)
            assert lwsd.time()["authenticated"] == ["yes"]
            lwsd.log.seek(0)
            assert "keys and" in lwsd.log.read()
    shutil.rmtree(folder)


@with_chronyd
def interleaved_answers_of_chronyd():
    with Chronyd() as server, Lwsd(f"NTSServers={server.address}\nCertificateAuthority={server.certificates.authority}\n"
                                   "Interleaved=yes", offset=3) as lwsd:
        assert lwsd.valid(10)
        eventually(lambda: "interleaved" in lwsd.time()[server.address], 30)
        assert lwsd.time()["authenticated"] == ["yes"] and "selected" in lwsd.time()[server.address]
        near(lwsd.ahead(), 0, 0.02)


@with_chronyd
def an_unknown_authority():
    with Chronyd() as server, Lwsd(f"NTSServers={server.address}") as lwsd:
        assert not lwsd.valid(3)
        assert "no-keys" in lwsd.why() and "certificate" in lwsd.why()


if __name__ == "__main__":
    main()
