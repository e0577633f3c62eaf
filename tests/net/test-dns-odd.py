#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The resolver among odd, broken and hostile servers: what each of them may cost, and that nothing false is
believed. The plain cases are in test-dns.py.

Usage: test-dns-odd.py PATH-OF-DNS-ASK [TEST...]
"""

import os
import resource
import socket
import ssl
import struct
import sys
import time
import unittest
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dns_wire import *  # noqa: E402,F403

BAD = "6.6.6.6"
GOOD = "192.0.2.1"


def opt(options=b"", size=1232, rcode_high=0, version=0):
    return b"\0" + struct.pack(">2HBBHH", OPT, size, rcode_high, version, 0, len(options)) + options


def option(code, data):
    return struct.pack(">2H", code, len(data)) + data


def sent_options(q):
    """The options of a query's OPT, by code; None without one."""
    if not q.edns:
        return None
    out, pos = {}, 12 + len(q.question) + 11
    while pos < len(q.data):
        code, n = struct.unpack(">2H", q.data[pos : pos + 4])
        out[code] = q.data[pos + 4 : pos + 4 + n]
        pos += 4 + n
    return out


class Malformed(Case):
    def refused(self, answer):
        """Nothing of such a reply is used: the next server answers, and without one there is an error."""
        self.assertEqual(self.ask(self.server(answer), self.server())("www.test 4")[3:], [GOOD])
        out = self.ask(self.server(answer))("www.test 4")
        self.assertNotEqual(out[1], "0")
        self.assertNotEqual(out[1], "ESRCH", "a broken message is no proof that a name does not exist")

    def check(self, cases):
        for what, answer in cases.items():
            with self.subTest(what):
                self.refused(answer)

    def test_names(self):
        def at(q):
            return 12 + len(q.question)

        def two(q):
            # the owner points to the name of the data, and that one back
            owner = b"\xc0" + bytes([at(q) + 12])
            return q.reply([rr(owner, CNAME, b"\xc0" + bytes([at(q)])), a("www.test", BAD)])

        long = b"".join(b"\x3f" + b"a" * 63 for _ in range(4)) + b"\0"
        self.check({
            "pointers to each other": two,
            "pointer to itself in the data": lambda q: q.reply([rr(Q, CNAME, b"\xc0" + bytes([at(q) + 12]))]),
            "label then pointer to it": lambda q: q.reply([a(b"\x01a\xc0" + bytes([at(q)]), BAD)]),
            "pointer past the end": lambda q: q.reply([a(b"\xff\xff", BAD)]),
            "label past the end": lambda q: q.reply([b"\x3fabc"], add_count=[0] * 4),
            "over 255 octets": lambda q: q.reply([a(long, BAD)]),
            "over 255 by a pointer": lambda q: q.reply([a(long[:192] + b"\x3e" + b"b" * 62 + Q, BAD)]),
            "half a pointer": lambda q: q.reply([b"\xc0"]),
            "cname past its data": lambda q: q.reply([rr(Q, CNAME, b"\x09tooshort")]),
            "cname ends before its data": lambda q: q.reply([rr(Q, CNAME, Q + b"\0\0")]),
            "cname of nothing": lambda q: q.reply([rr(Q, CNAME, b"")]),
        })

    def test_counts_and_data(self):
        self.check({
            "65535 answers": lambda q: q.reply([a(Q, BAD)], add_count=[0, 65534, 0, 0]),
            "65535 additional": lambda q: q.reply([a(Q, BAD)], add_count=[0, 0, 0, 65535]),
            "half a header of a record": lambda q: q.reply([Q + b"\0\1\0"]),
            "a of 16 octets": lambda q: q.reply([rr(Q, A, bytes(16))]),
            "a of none": lambda q: q.reply([rr(Q, A, b"")]),
            "mx of one octet": lambda q: q.reply([a(Q, BAD), rr(Q, MX, b"\0")]),
            "srv without its name": lambda q: q.reply([a(Q, BAD), rr(Q, SRV, bytes(6))]),
            "txt past its data": lambda q: q.reply([a(Q, BAD), rr(Q, TXT, b"\x05abc")]),
            "txt of none": lambda q: q.reply([a(Q, BAD), rr(Q, TXT, b"")]),
            "soa without numbers": lambda q: q.reply([], [rr("", SOA, b"\0\0")]),
            "opt among the answers": lambda q: q.reply([a(Q, BAD), opt()]),
            "opt with an owner": lambda q: q.reply([a(Q, BAD)], [], [name("x") + opt()[1:]]),
            "opt with half an option": lambda q: q.reply([a(Q, BAD)], [], [opt(b"\0\x0a\0\x08abc")]),
            "cookie of 9 octets": lambda q: q.reply([a(Q, BAD)], [], [opt(option(10, bytes(9)))]),
        })

    def test_what_is_only_odd_is_taken(self):
        odd = {
            "octets behind the end": lambda q: good(q) + b"trailing",
            "unknown option": lambda q: q.reply([a(Q, GOOD)], [], [opt(option(65001, b"x" * 40))]),
            "unknown record": lambda q: q.reply([rr(Q, 65280, b"\0" * 5), a(Q, GOOD)]),
            "no recursion available": lambda q: q.reply([a(Q, GOOD)], flags=0x8100),
            "all reserved bits": lambda q: q.reply([a(Q, GOOD)], flags=0x85F0),
            "uncompressed, upper case": lambda q: q.reply([a(q.exact.upper(), GOOD)]),
            "the same address twice": lambda q: q.reply([a(Q, GOOD), a(Q, GOOD)]),
            "other classes beside": lambda q: q.reply([rr(Q, A, b"\6\6\6\6", cls=c) for c in (0, 3, 254, 255)]
                                                      + [a(Q, GOOD)]),
            "an opt of no size": lambda q: q.reply([a(Q, GOOD)], [], [opt(size=0)]),
            "an opt between others": lambda q: q.reply([a(Q, GOOD)], [], [a("x", BAD), opt(), a("y", BAD)]),
            "padding, and words about an error": lambda q: q.reply([a(Q, GOOD)], [], [opt(option(12, bytes(9))
                                                                                          + option(15, b"\0\x16hi"))]),
            "another type beside": lambda q: q.reply([aaaa(Q, "2001:db8::6"), a(Q, GOOD)]),
        }
        for what, answer in odd.items():
            with self.subTest(what):
                out = self.ask(self.server(answer))("www.test 4")
                self.assertEqual((out[1], out[3:]), ("0", [GOOD]))

    def test_a_broken_datagram_is_asked_for_by_tcp(self):
        s = self.server(lambda q: good(q) if q.tcp else good(q)[:-3])
        self.assertEqual(self.ask(s)("www.test 4")[1:], ["0", "tcp", GOOD])

    def test_more_than_was_announced_is_asked_for_by_tcp(self):
        def answer(q):
            return q.reply([a(Q, f"10.0.{i // 250}.{i % 250 + 1}") for i in range(400)])

        out = self.ask(self.server(answer))("www.test 4")
        self.assertEqual((out[2], len(out) - 3), ("tcp", 400))


class Forged(Case):
    def test_a_flood_of_wrong_ids(self):
        def answer(q):
            return [q.reply([a(Q, BAD)], id=i) for i in range(0, 65536, 23) if i != q.id] + [good(q)]

        self.assertEqual(self.ask(self.server(answer))("www.test 4")[3:], [GOOD])

    def test_only_the_first_reply_counts(self):
        s = self.server(lambda q: [good(q), q.reply([a(Q, BAD)]), q.reply(rcode=3), good(q)])
        ask = self.ask(s)
        for i in range(5):
            self.assertEqual(ask(f"n{i}.test 4")[3:], [GOOD])
            self.assertEqual(ask(f"n{i}.test 4")[2:], ["cache", "cache", GOOD])

    def test_each_try_has_its_own_id_and_port(self):
        s = self.server(lambda q: good(q) if len(s.queries) >= 3 else None)
        self.assertEqual(self.ask(s)("www.test 4")[1], "0")
        # the last round is by UDP and TCP, and either may be the first to be answered
        self.assertGreater(len({q.sender[1] for q in s.queries if not q.tcp}), 1)
        self.assertEqual(len({q.id for q in s.queries}), len(s.queries))

    def test_strays_poison_nothing(self):
        def answer(q):
            if q.name != "evil.test":
                return good(q)
            stray = [a("bank.test", BAD), rr("test", NS, name("ns.evil.test")), a("ns.evil.test", BAD)]
            return q.reply([a(Q, "192.0.2.7")] + stray, stray, stray)

        s = self.server(answer)
        ask = self.ask(s)
        self.assertEqual(ask("evil.test 4")[3:], ["192.0.2.7"])
        self.assertEqual(ask("bank.test 4")[2:], ["udp", GOOD])
        self.assertEqual(ask("ns.evil.test 4")[2:], ["udp", GOOD])

    def test_an_alias_does_not_speak_for_its_target(self):
        # the address that comes with an alias answers this question, and is not kept for another
        def answer(q):
            if q.name == "evil.test":
                return q.reply([rr(Q, CNAME, name("bank.test")), a("bank.test", BAD)])
            return good(q)

        ask = self.ask(self.server(answer))
        ask("evil.test 4")
        self.assertEqual(ask("bank.test 4")[2:], ["udp", GOOD])

    def test_soa_of_strangers_keeps_nothing(self):
        """Of another zone, one below, one that only ends alike, another class or section; or for no time."""
        own = soa("test")
        useless = [([], [soa("elsewhere")], []), ([], [soa("x.www.test")], []), ([], [soa("w.test")], []),
                   ([], [rr("test", SOA, own[16:], cls=3)], []), ([own], [], []), ([], [], [own]),
                   ([], [soa("test", 0)], []), ([], [soa("test", 60, 0)], []), ([], [soa("test", 1 << 31)], [])]
        for sections in useless:
            for rcode in (0, 3):
                with self.subTest(sections):
                    s = self.server(lambda q: q.reply(*sections, rcode=rcode))
                    ask = self.ask(s)
                    ask("www.test 4"), ask("www.test 4")
                    self.assertEqual(s.asked(), 2)


class Answers(Case):
    def test_no_such_name_behind_an_alias(self):
        s = self.server(lambda q: q.reply([rr(Q, CNAME, name("b.test")), a("b.test", BAD)], [soa("test")], rcode=3))
        ask = self.ask(s)
        self.assertEqual(ask("www.test 4")[1], "ESRCH")
        self.assertEqual(ask("www.test 4")[2:], ["cache", "cache"])

    def test_no_data_behind_an_alias(self):
        s = self.server(lambda q: q.reply([rr(Q, CNAME, name("b.test"))], [soa("test")]))
        self.assertEqual(self.ask(s)("www.test 4")[1], "ENODATA")
        self.assertEqual(s.asked(), 1)

    def test_no_data_is_of_its_type(self):
        s = self.server(lambda q: good(q) if q.type == A else q.reply([], [soa("test")]))
        ask = self.ask(s)
        self.assertEqual(ask("www.test 6")[1], "ENODATA")
        self.assertEqual(ask("www.test 6")[1:4], ["ENODATA", "cache", "cache"])
        self.assertEqual(ask("www.test 4")[1:3], ["0", "udp"])

    def test_no_such_name_for_one_family_only(self):
        s = self.server(lambda q: good(q) if q.type == A else q.reply([], [soa("test")], rcode=3))
        ask = self.ask(s)
        self.assertEqual(ask("www.test")[3:], [GOOD])
        self.assertEqual(ask("www.test 4")[3:], ["cache", GOOD])

    def test_a_referral_is_no_answer(self):
        s = self.server(lambda q: q.reply([], [rr("test", NS, name("ns.test"))], [a("ns.test", BAD)]))
        ask = self.ask(s)
        self.assertEqual(ask("www.test 4")[1], "ENODATA")
        ask("www.test 4")
        self.assertEqual(s.asked(), 2)

    def test_long_chains(self):
        def chain(n):
            links = [rr(f"c{i}.test", CNAME, name(f"c{i + 1}.test")) for i in range(n)]
            return lambda q: q.reply(links + [a(f"c{n}.test", GOOD)])

        self.assertEqual(self.ask(self.server(chain(16)))("c0.test 4")[3:], [GOOD])
        self.assertEqual(self.ask(self.server(chain(17)))("c0.test 4")[1], "EIO")

    def test_a_long_chain_a_link_a_message(self):
        def answer(q):
            n = int(q.name[1:].split(".")[0])
            return good(q) if n == 16 else q.reply([rr(Q, CNAME, name(f"c{n + 1}.test"))])

        s = self.server(answer)
        self.assertEqual(self.ask(s)("c0.test 4")[3:], [GOOD])
        self.assertEqual(s.asked(), 17)

    def test_a_name_that_is_denied_while_the_other_family_is_silent(self):
        s = self.server(lambda q: q.reply([], [soa("test")], rcode=3) if q.type == A else None)
        t = time.monotonic()
        self.assertEqual(self.ask(s)("www.test")[1], "ESRCH")
        self.assertLess(time.monotonic() - t, 3)

    def test_loops_in_one_message(self):
        loops = {
            "itself": [rr("www.test", CNAME, name("www.test"))],
            "two": [rr("www.test", CNAME, name("b.test")), rr("b.test", CNAME, name("www.test"))],
            "dname": [rr("test", DNAME, name("a.test"))],
        }
        for what, records in loops.items():
            with self.subTest(what):
                s = self.server(lambda q: q.reply(records))
                t = time.monotonic()
                self.assertEqual(self.ask(s)("www.test 4")[1], "EIO")
                self.assertLess(time.monotonic() - t, 10)
                self.assertLessEqual(s.asked(), 20)

    def test_dname_beside_its_alias_and_too_long(self):
        s = self.server(lambda q: q.reply([
            rr("old.test", DNAME, name("new.test")), rr("x.old.test", CNAME, name("x.new.test")),
            a("x.new.test", GOOD)]))
        self.assertEqual(self.ask(s)("x.old.test 4")[3:], [GOOD])
        far = ".".join(["a" * 60] * 4)
        s = self.server(lambda q: q.reply([rr("old.test", DNAME, name(far)), a(Q, BAD)]))
        self.assertEqual(self.ask(s)("xxxxxxxxxxxxxxxx.old.test 4")[1], "ESRCH")
        # a DNAME says nothing about its own owner
        s = self.server(lambda q: q.reply([rr("old.test", DNAME, name("new.test")), a("new.test", BAD)]))
        self.assertEqual(self.ask(s)("old.test 4")[1], "ENODATA")

    def test_a_day_is_the_longest(self):
        s = self.server(lambda q: q.reply([a(Q, GOOD, 0x7FFFFFFF)]))
        ask = self.ask(s)
        self.assertEqual(ask("www.test A")[3].split(":")[0], "86400")
        self.assertEqual(ask("www.test A")[2], "cache")

    def test_an_alias_lives_as_long_as_its_shortest_part(self):
        s = self.server(lambda q: q.reply([rr(Q, CNAME, name("b.test"), 1), a("b.test", GOOD, 300)]))
        ask = self.ask(s, stale=0)
        ask("www.test 4")
        self.assertEqual(ask("www.test 4")[2], "cache")
        time.sleep(1.1)
        self.assertEqual(ask("www.test 4")[2], "udp")

    def test_negative_lives_as_long_as_its_minimum(self):
        s = self.server(lambda q: q.reply([], [soa("test", 300, 1)], rcode=3))
        ask = self.ask(s)
        ask("www.test 4")
        self.assertEqual(ask("www.test 4")[2], "cache")
        time.sleep(1.1)
        self.assertEqual(ask("www.test 4")[2], "udp")

    def test_letters_a_server_does_not_know(self):
        """In mixed case: no such name, refused, failed, silent, lowered; the address comes all the same."""
        def only_lower(other):
            return lambda q: good(q) if q.exact == q.exact.lower() else other(q)

        moods = {
            "no such name": lambda q: q.reply([], [soa("test")], rcode=3),
            "refused": lambda q: q.reply(rcode=5),
            "failed": lambda q: q.reply(rcode=2),
            "silent": lambda q: None,
            "lowered": lambda q: q.reply([a(Q, GOOD)], question=q.question.lower()),
        }
        for what, mood in moods.items():
            with self.subTest(what):
                ask = self.ask(self.server(only_lower(mood)))
                for i in range(4):
                    self.assertEqual(ask(f"averylongname{i}.test 4")[3:], [GOOD])


class Edns(Case):
    def test_refused_in_every_way(self):
        for rcode, high in ((1, 0), (4, 0), (0, 1)):
            def answer(q):
                return good(q) if not q.edns else q.reply([], [], [opt(rcode_high=high)] if high else [], rcode=rcode)

            s = self.server(answer)
            ask = self.ask(s)
            self.assertEqual(ask("a.test 4")[3:], [GOOD])
            self.assertEqual(ask("b.test 4")[3:], [GOOD])
            self.assertEqual([q.edns for q in s.queries], [True, False, False])

    def test_dropped_in_silence(self):
        s = self.server(lambda q: None if q.edns else good(q))
        ask = self.ask(s)
        t = time.monotonic()
        self.assertEqual(ask("a.test 4")[3:], [GOOD])
        self.assertLess(time.monotonic() - t, 4)
        t = time.monotonic()
        self.assertEqual(ask("b.test 4")[3:], [GOOD])
        self.assertLess(time.monotonic() - t, 1)

    def test_a_word_that_only_edns_has(self):
        s = self.server(lambda q: q.reply([a(Q, BAD)], [], [opt(rcode_high=5)]))
        self.assertEqual(self.ask(s, self.server())("a.test 4")[3:], [GOOD])

    def test_failing_over_it(self):
        s = self.server(lambda q: q.reply(rcode=2) if q.edns else good(q))
        self.assertEqual(self.ask(s)("a.test 4")[3:], [GOOD])

    def test_failing_without_it_too(self):
        s = self.server(lambda q: q.reply(rcode=1))
        self.assertEqual(self.ask(s, self.server())("a.test 4")[3:], [GOOD])
        self.assertEqual(s.asked(), 2)

    def test_cookies(self):
        ours = []

        def answer(q):
            client = sent_options(q)[10]
            ours.append(client)
            if len(ours) == 1:
                return q.reply([a(Q, GOOD)], [], [opt(option(10, client[:8] + b"S" * 8))])
            return [
                q.reply([a(Q, BAD)]),
                q.reply([a(Q, BAD)], [], [opt(option(10, b"x" * 16))]),
                0.02,
                q.reply([a(Q, GOOD)], [], [opt(option(10, client))]),
            ]

        ask = self.ask(self.server(answer))
        for i in range(3):
            self.assertEqual(ask(f"n{i}.test 4")[3:], [GOOD])
        self.assertEqual([len(c) for c in ours], [8, 16, 16])
        self.assertEqual(len({c[:8] for c in ours}), 1)

    def test_cookies_given_up_by_the_server(self):
        def answer(q):
            client = (sent_options(q) or {}).get(10)
            if client and len(client) == 8:
                return q.reply([a(Q, GOOD)], [], [opt(option(10, client + b"S" * 8))])
            return good(q)

        ask = self.ask(self.server(answer))
        self.assertEqual(ask("a.test 4")[1:3], ["0", "udp"])
        self.assertEqual(ask("b.test 4")[1:3], ["0", "tcp"])

    def test_bad_cookie_again_and_again(self):
        def answer(q):
            if q.tcp:
                return good(q)
            client = sent_options(q)[10][:8]
            return q.reply([], [], [opt(option(10, client + b"S" * 8), rcode_high=1)], rcode=7)

        s = self.server(answer)
        self.assertEqual(self.ask(s)("a.test 4")[1:3], ["0", "tcp"])
        self.assertEqual(s.asked(), 4)


class Tcp(Case):
    def truncating(self, answer):
        return self.server(lambda q: answer(q) if q.tcp else q.reply([a(Q, BAD)], flags=0x8380))

    def test_nothing_of_what_is_truncated_is_read(self):
        cut = {
            "no such name": lambda q: q.reply([], [soa("test")], rcode=3, flags=0x8380),
            "failed": lambda q: q.reply(rcode=2, flags=0x8380),
            "counts beyond the end": lambda q: q.reply(flags=0x8380, add_count=[0, 9, 9, 9]) + b"\xff" * 20,
        }
        for what, answer in cut.items():
            with self.subTest(what):
                s = self.server(lambda q: good(q) if q.tcp else answer(q))
                self.assertEqual(self.ask(s)("www.test 4")[1:], ["0", "tcp", GOOD])

    def test_small_on_the_wire_and_large_in_memory(self):
        """4000 times the same long name, each a pointer."""
        def answer(q):
            far, pointer = name(".".join("z" * 60 for _ in range(4))), 0xC000 | 26 + len(q.question)
            return q.reply([rr(Q, MX, b"\0\0" + far)]
                           + [rr(Q, MX, struct.pack(">2H", i + 1, pointer)) for i in range(4000)])

        out = self.ask(self.truncating(answer))("www.test MX")
        self.assertEqual((out[1], len(out) - 3), ("0", 4001))

    def test_truncated_there_too(self):
        s = self.truncating(lambda q: q.reply([a(Q, BAD)], flags=0x8380))
        self.assertEqual(self.ask(s, self.server())("www.test 4")[3:], [GOOD])
        self.assertEqual(self.ask(s)("www.test 4")[1], "EIO")

    def test_one_answer_a_connection(self):
        s = self.truncating(lambda q: [good(q), b"close"])
        for out in self.ask(s)(*[f"n{i}.test 4" for i in range(40)]):
            self.assertEqual(out[1:], ["0", "tcp", GOOD])

    def test_nobody_there(self):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(10)
        self.cleanup.append(udp.close)
        ask = self.ask(f"127.0.0.1:{udp.getsockname()[1]}", self.server())
        ask.send("www.test 4")
        data, sender = udp.recvfrom(4096)
        udp.sendto(Query(data).reply([a(Q, BAD)], flags=0x8380), sender)
        self.assertEqual(ask.read()[3:], [GOOD])

    def test_what_is_not_ours_is_passed_over(self):
        s = self.truncating(lambda q: [
            q.reply([a(Q, BAD)], id=q.id ^ 1),
            q.reply([a(Q, BAD)], question=name("evil.test") + q.question[-4:]),
            q.reply([a(Q, BAD)], flags=0x0180),
            good(q)])
        self.assertEqual(self.ask(s)("www.test 4")[1:], ["0", "tcp", GOOD])
        self.assertEqual(s.connections, 1)

    def test_length_too_short(self):
        s = self.truncating(lambda q: (struct.pack(">H", len(good(q)) - 4) + good(q),))
        self.assertEqual(self.ask(s, self.server())("www.test 4")[3:], [GOOD])

    def test_length_too_long(self):
        """Waits for what does not come, and does not take the next answer for the rest of it."""
        lie = []

        def answer(q):
            m = good(q)
            if not lie:
                lie.append(1)
                return (struct.pack(">H", 65535) + m,)
            return m

        s = self.truncating(answer)
        ask = self.ask(s, self.server())
        self.assertEqual(ask("www.test 4")[3:], [GOOD])
        self.assertEqual(ask("w2.test 4")[1:3], ["0", "udp"])

    def test_closed_at_every_point(self):
        for cut in (0, 1, 2, 9, -1):
            with self.subTest(cut):
                first = []

                def answer(q):
                    m = struct.pack(">H", len(good(q))) + good(q)
                    if not first:
                        first.append(1)
                        return [(m[:cut],), b"close"]
                    return good(q)

                s = self.truncating(answer)
                self.assertEqual(self.ask(s)("www.test 4")[1:3], ["0", "tcp"])
                self.assertEqual(s.connections, 2)

    def test_closed_each_time_without_an_answer(self):
        s = self.truncating(lambda q: b"close")
        self.assertEqual(self.ask(s, self.server())("www.test 4")[3:], [GOOD])
        self.assertEqual(s.connections, 2)

    def test_closed_after_each_answer(self):
        s = self.truncating(lambda q: [good(q), b"close"])
        ask = self.ask(s)
        for out in ask(*[f"n{i}.test 4" for i in range(6)]):
            self.assertEqual(out[1:3], ["0", "tcp"])

    def test_many_in_one_piece(self):
        held = []

        def answer(q):
            held.append(good(q))
            if len(held) < 8:
                return None
            return (b"".join(struct.pack(">H", len(m)) + m for m in held),)

        ask = self.ask(self.truncating(answer))
        for out in ask(*[f"n{i}.test 4" for i in range(8)]):
            self.assertEqual(out[1:3], ["0", "tcp"])

    def test_64_kilobytes(self):
        def answer(q):
            return q.reply([rr(Q, TXT, (b"\xff" + bytes([i]) * 255) * 15) for i in range(16)])

        out = self.ask(self.truncating(answer))("www.test TXT")
        self.assertEqual((out[1], len(out) - 3), ("0", 16))

    def test_udp_that_never_arrives(self):
        s = self.server(lambda q: good(q) if q.tcp else None)
        ask = self.ask(s)
        self.assertEqual(ask("a.test 4")[1:3], ["0", "tcp"])
        t = time.monotonic()
        self.assertEqual(ask("b.test 4")[1:3], ["0", "tcp"])
        self.assertLess(time.monotonic() - t, 1)


class Failover(Case):
    def test_few_descriptors(self):
        ask = self.ask(self.server(lambda q: [0.02, good(q)]), wrap=["prlimit", "--nofile=20:20", "--"])
        for out in ask(*[f"n{i}.test 4" for i in range(60)]):
            self.assertEqual(out[1:], ["0", "udp", GOOD])

    def test_one_descriptor_for_a_datagram_and_then_a_stream(self):
        ask = self.ask(self.server(lambda q: good(q) if q.tcp else q.reply([], flags=0x8380)))
        self.assertEqual(ask("192.0.2.9 4")[2], "local")  # it has all that it always has
        limit = resource.prlimit(ask.p.pid, resource.RLIMIT_NOFILE)
        taken = {int(fd) for fd in os.listdir(f"/proc/{ask.p.pid}/fd")}
        free = min(set(range(len(taken) + 1)) - taken)
        resource.prlimit(ask.p.pid, resource.RLIMIT_NOFILE, (free + 1, limit[1]))
        self.assertEqual(ask("a.test 4")[1:], ["0", "tcp", GOOD])
        resource.prlimit(ask.p.pid, resource.RLIMIT_NOFILE, limit)

    def test_two_dead_servers_first(self):
        dead = [self.server(lambda q: None) for _ in range(2)]
        ask = self.ask(*dead, self.server())
        t = time.monotonic()
        self.assertEqual(ask("a.test")[1], "0")
        self.assertLess(time.monotonic() - t, 5)
        t = time.monotonic()
        for i in range(5):
            self.assertEqual(ask(f"n{i}.test")[1], "0")
        self.assertLess(time.monotonic() - t, 1)

    def test_a_late_answer_counts(self):
        s = self.server(lambda q: [2.5 if len(s.queries) < 2 else 9, good(q)])
        t = time.monotonic()
        self.assertEqual(self.ask(s, self.server(lambda q: None))("a.test 4")[3:], [GOOD])
        self.assertLess(time.monotonic() - t, 4)

    def test_a_failure_that_passes(self):
        for rcode in (2,):
            s = self.server(lambda q: q.reply(rcode=rcode) if len(s.queries) == 1 else good(q))
            self.assertEqual(self.ask(s)("a.test 4")[3:], [GOOD])

    def test_every_kind_of_failure_in_a_row(self):
        kinds = [lambda q: q.reply(rcode=2), lambda q: q.reply(rcode=5), lambda q: good(q)[:-2],
                 lambda q: q.reply(rcode=4), lambda q: q.reply([rr(Q, CNAME, Q)]), lambda q: q.reply(rcode=6)]
        t = time.monotonic()
        self.assertEqual(self.ask("127.0.0.1:1", *[self.server(k) for k in kinds], self.server())("a.test 4")[3:], [GOOD])
        self.assertLess(time.monotonic() - t, 2)

    def test_hundreds_at_once_and_a_third_lost(self):
        import random

        rng = random.Random(int(os.environ.get("LWSD_TEST_SEED", "1")))
        s = self.server(lambda q: None if rng.random() < 0.3 else good(q))
        ask = self.ask(s, self.server(lambda q: None if rng.random() < 0.3 else good(q)))
        ask("warm.test 4")
        out = ask(*[f"n{i}.test 4" for i in range(300)])
        self.assertGreater(len([o for o in out if o[1] == "0"]), 290)


class Tls(DotCase):
    def test_a_connection_for_each_answer(self):
        s = self.tls_server(answer=lambda q: [good(q), b"close"])
        ask = self.strict(s)
        for out in ask(*[f"n{i}.test 4" for i in range(6)]):
            self.assertEqual(out[1:3], ["0", "dot"])

    def test_closed_before_any_answer(self):
        s = self.tls_server(answer=lambda q: b"close")
        t = time.monotonic()
        self.assertEqual(self.strict(s)("a.test 4")[1], "EIO")
        self.assertLess(time.monotonic() - t, 5)
        self.assertEqual(s.connections, 2)

    def test_certificates_that_do_not_do(self):
        self.make("common", "DNS:other.test", "/CN=dns.test")
        self.make("wild", "DNS:*.dns.test", "/CN=x")
        self.make_self_signed("alone", "DNS:dns.test")
        for cert, who, want in (("common", "#dns.test", "EIO"), ("wild", "#dns.test", "EIO"),
                                ("wild", "#a.b.dns.test", "EIO"), ("wild", "#a.dns.test", "0"),
                                ("alone", "#dns.test", "EIO")):
            with self.subTest(cert + who):
                s = self.tls_server(cert)
                self.assertEqual(self.strict(s, who)("a.test 4")[1], want)
                self.assertEqual(s.asked(), 1 if want == "0" else 0)

    def test_too_old(self):
        ctx = self.tls_context()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            ctx.minimum_version = ssl.TLSVersion.TLSv1
            ctx.maximum_version = ssl.TLSVersion.TLSv1_1
        ctx.set_ciphers("ALL:@SECLEVEL=0")
        s = self.server(good, ctx)
        self.assertEqual(self.strict(s)("a.test 4")[1], "EIO")

    def test_tls_1_2_and_no_alpn(self):
        ctx = self.tls_context()
        ctx.maximum_version = ssl.TLSVersion.TLSv1_2
        ctx.set_alpn_protocols([])
        self.assertEqual(self.strict(self.server(good, ctx))("a.test 4")[1:3], ["0", "dot"])

    def test_no_tls_there(self):
        """Refused, plain text, nonsense: strict fails at once, opportunistic goes on without."""
        class Nonsense(Server):
            def serve_connection(self, conn):
                conn.sendall(b"220 not what you think\r\n" * 10)
                conn.close()

        for kind in (Nonsense, Server):
            s = kind(good)
            self.cleanup.append(s.stop)
            t = time.monotonic()
            self.assertEqual(self.ask(s, tls="opportunistic")("a.test 4")[1:3], ["0", "udp"])
            if kind is Nonsense:
                self.assertEqual(self.strict(s)("a.test 4")[1], "EIO")
                self.assertLess(time.monotonic() - t, 4)
        self.assertEqual(self.ask("127.0.0.1:1#dns.test", tls="yes")("a.test 4")[1], "EIO")

    def test_a_ticket_of_another_time(self):
        """The server forgets its keys: the ticket is worth nothing, and a whole handshake is made."""
        s = self.tls_server(answer=lambda q: [good(q), b"close"])
        ask = self.strict(s)
        self.assertEqual(ask("a.test 4")[1], "0")
        s.tls = self.tls_context()
        time.sleep(0.1)
        self.assertEqual(ask("b.test 4")[1], "0")
        self.assertEqual(s.resumed, [False, False])

    def test_a_certificate_that_changes(self):
        s = self.tls_server(answer=lambda q: [good(q), b"close"])
        ask = self.strict(s)
        self.assertEqual(ask("a.test 4")[1], "0")
        s.tls = self.tls_context("other")
        time.sleep(0.1)
        self.assertEqual(ask("b.test 4")[1], "EIO")

    def test_broken_messages_inside(self):
        for answer in (lambda q: good(q)[:-1], lambda q: (b"\0\3abc",), lambda q: q.reply(rcode=2)):
            out = self.ask(f"127.0.0.1:{self.tls_server(answer=answer).port}#dns.test",
                           f"127.0.0.1:{self.tls_server().port}#dns.test",
                           tls="yes", ca=f"{self.dir.name}/ca.pem")("a.test 4")
            self.assertEqual(out[1:], ["0", "dot", GOOD])

    def test_a_handshake_holds_nobody_up(self):
        mute = socket.socket()
        mute.bind(("127.0.0.1", 0))
        mute.listen(4)
        self.cleanup.append(mute.close)
        ask = self.ask(f"127.0.0.1:{mute.getsockname()[1]}#dns.test", f"127.0.0.1:{self.tls_server().port}#dns.test",
                       tls="yes", ca=f"{self.dir.name}/ca.pem")
        ask.send("slow.test 4")
        self.assertEqual(ask("x.localhost 4")[2], "local")
        self.assertEqual(ask.read()[1], "0")


if __name__ == "__main__":
    unittest.main()
