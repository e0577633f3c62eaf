#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The resolver on the wire: tests/net/dns-ask against servers on loopback that answer, lie, cut, delay and fall
silent as each test wants.

Usage: test-dns.py PATH-OF-DNS-ASK [TEST...]
"""

import base64
import hashlib
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dns_wire import *  # noqa: E402,F403


class Plain(Case):
    def test_query_is_well_formed(self):
        s = self.server()
        ask = self.ask(s)
        for i in range(20):
            self.assertEqual(ask(f"n{i}.test 4")[1:3], ["0", "udp"])
        self.assertEqual(len({q.id for q in s.queries}), 20)
        self.assertGreater(len({q.sender[1] for q in s.queries}), 15)
        for q in s.queries:
            self.assertEqual(q.flags, 0x0100)
            self.assertTrue(q.edns)
            self.assertIn(b"\0\0\x29\x04\xd0\0\0\0\0", q.data)

    def test_both_families_and_cache(self):
        s = self.server()
        ask = self.ask(s)
        self.assertEqual(set(ask("www.test")[3:]), {"192.0.2.1", "2001:db8::1"})
        self.assertEqual(s.asked(), 2)
        self.assertEqual(ask("WWW.test")[2:4], ["cache", "cache"])
        self.assertEqual(s.asked(), 2)

    def test_names_that_cannot_be(self):
        s = self.server()
        ask = self.ask(s)
        for bad in ("a..b", "x" * 64 + ".test", ".".join(["a" * 60] * 5), ".a", "a\\999"):
            self.assertEqual(ask(bad)[1], "EINVAL", bad)
        self.assertEqual(s.asked(), 0)

    def test_special_names(self):
        s = self.server()
        ask = self.ask(s)
        self.assertEqual(set(ask("x.localhost")[3:]), {"127.0.0.1", "::1"})
        self.assertEqual(ask("192.0.2.99")[3:], ["192.0.2.99"])
        self.assertEqual(ask("2001:db8::99")[3:], ["2001:db8::99"])
        for n in ("a.invalid", "a.onion", "a.local", "x.resolver.arpa"):
            self.assertEqual(ask(n)[1], "ESRCH", n)
        self.assertEqual(s.asked(), 0)

    def test_idna(self):
        s = self.server()
        self.assertEqual(self.ask(s)("bücher.test 4")[1], "0")
        self.assertEqual(s.queries[0].name, "xn--bcher-kva.test")

    def test_forged_replies_are_dropped(self):
        def forge(q):
            bad = [a(Q, "6.6.6.6")]
            other = name("evil.test") + struct.pack(">2H", A, 1)
            typ = q.question[:-4] + struct.pack(">2H", MX, 1)
            cls = q.question[:-4] + struct.pack(">2H", q.type, 3)
            return [
                q.reply(bad, id=q.id ^ 1),
                q.reply(bad, flags=0x0180),
                q.reply(bad, flags=0x8980),
                q.reply(bad, question=other),
                q.reply(bad, question=typ),
                q.reply(bad, question=cls),
                q.reply(bad, qd=0),
                q.reply(bad, qd=2, question=q.question * 2),
                q.reply(bad)[:11],
                b"",
                0.02,
                good(q),
            ]

        s = self.server(forge)
        for _ in range(3):
            self.assertEqual(self.ask(s)("www.test 4")[3:], ["192.0.2.1"])

    def test_reply_from_elsewhere_is_dropped(self):
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        other.bind(("127.0.0.1", 0))
        self.cleanup.append(other.close)

        def answer(q):
            other.sendto(q.reply([a(Q, "6.6.6.6")]), q.sender)
            return [0.02, good(q)]

        s = self.server(answer)
        self.assertEqual(self.ask(s)("www.test 4")[3:], ["192.0.2.1"])

    def test_truncation_goes_to_tcp(self):
        def answer(q):
            if not q.tcp:
                return q.reply([a(Q, "6.6.6.6")], flags=0x8380)
            return good(q)

        s = self.server(answer)
        ask = self.ask(s)
        self.assertEqual(ask("www.test 4"), ["www.test", "0", "tcp", "192.0.2.1"])
        self.assertEqual(ask("w2.test 4")[2:], ["tcp", "192.0.2.1"])
        self.assertEqual(s.connections, 1)

    def test_tcp_in_pieces_and_out_of_order(self):
        held = []

        def answer(q):
            if not q.tcp:
                return q.reply(flags=0x8380)
            m = good(q)
            framed = struct.pack(">H", len(m)) + m
            held.append(tuple(bytes([b]) for b in framed))
            if len(held) < 3:
                return None
            out = list(reversed(held))
            return out

        s = self.server(answer)
        ask = self.ask(s)
        ask("warm.localhost 4")
        out = ask("a.test 4", "b.test 4", "c.test 4")
        self.assertEqual({o[0] for o in out}, {"a.test", "b.test", "c.test"})
        self.assertEqual({o[1] for o in out}, {"0"})

    def test_tcp_lost_is_tried_once_more(self):
        seen = []

        def answer(q):
            if not q.tcp:
                return q.reply(flags=0x8380)
            seen.append(1)
            return b"close" if len(seen) == 1 else good(q)

        s = self.server(answer)
        self.assertEqual(self.ask(s)("www.test 4")[1:3], ["0", "tcp"])
        self.assertEqual(s.connections, 2)

    def test_tcp_of_no_length(self):
        def answer(q):
            return q.reply(flags=0x8380) if not q.tcp else (b"\0\0",)

        s = self.server(answer)
        self.assertEqual(self.ask(s, self.server())("www.test 4")[1:], ["0", "udp", "192.0.2.1"])

    def test_hundreds_of_addresses(self):
        def answer(q):
            if not q.tcp:
                return q.reply(flags=0x8380)
            return q.reply([a(Q, f"10.0.{i // 250}.{i % 250 + 1}") for i in range(1000)])

        out = self.ask(self.server(answer))("www.test 4")
        self.assertEqual(len(set(out[3:])), 1000)

    def test_malformed_replies_fail_over(self):
        addr = socket.inet_aton("6.6.6.6")
        bad = {
            "count": lambda q: q.reply([a(Q, "6.6.6.6")], add_count=[0, 3, 0, 0]),
            "a-short": lambda q: q.reply([rr(Q, A, addr[:3])]),
            "a-long": lambda q: q.reply([rr(Q, A, addr + b"x")]),
            "aaaa-as-4": lambda q: q.reply([a(Q, "6.6.6.6"), rr(Q, AAAA, addr)]),
            "rdlength": lambda q: q.reply([a(Q, "6.6.6.6")])[:-6] + b"\xff\xff" + addr,
            "self-pointer": lambda q: q.reply([a(b"\xc0" + bytes([12 + len(q.question)]), "6.6.6.6")]),
            "forward": lambda q: q.reply([a(b"\xc0\xff", "6.6.6.6")]),
            "header-pointer": lambda q: q.reply([a(b"\xc0\x02", "6.6.6.6")]),
            "type-01": lambda q: q.reply([a(b"\x41a\0", "6.6.6.6")]),
            "type-10": lambda q: q.reply([a(b"\x81a\0", "6.6.6.6")]),
            "cname-end": lambda q: q.reply([rr(Q, CNAME, name("b.test") + b"x"), a("b.test", "6.6.6.6")]),
            "two-opt": lambda q: q.reply([a(Q, "6.6.6.6")], [], [rr("", OPT, b""), rr("", OPT, b"")]),
            "cut": lambda q: q.reply([a(Q, "6.6.6.6")])[:-1],
            "soa-short": lambda q: q.reply([], [rr("", SOA, b"\0\0" + b"x" * 19)], rcode=3),
        }
        for what, answer in bad.items():
            with self.subTest(what):
                first, second = self.server(answer), self.server()
                self.assertEqual(self.ask(first, second)("www.test 4")[3:], ["192.0.2.1"])
                self.assertEqual(self.ask(self.server(answer))("www.test 4")[1], "EIO")

    def test_alias_chain_in_any_order(self):
        def answer(q):
            if q.type != A:
                return good(q)
            return q.reply(
                [
                    a("stranger.test", "6.6.6.6"),
                    a("c.test", "192.0.2.3"),
                    rr("b.test", CNAME, name("c.test")),
                    a(Q, "6.6.6.7"),
                    rr(Q, CNAME, name("b.test")),
                ]
            )

        s = self.server(answer)
        ask = self.ask(s)
        self.assertEqual(ask("www.test 4")[3:], ["192.0.2.3"])
        n = s.asked()
        ask("stranger.test 4")
        self.assertEqual(s.asked(), n + 1, "a stray record was cached")

    def test_alias_is_chased_and_loops_end(self):
        def answer(q):
            if q.name == "a.test":
                return q.reply([rr(Q, CNAME, name("b.test"))])
            if q.name.startswith("loop"):
                return q.reply([rr(Q, CNAME, name("loop2.test" if q.name == "loop1.test" else "loop1.test"))])
            if q.name.startswith("self"):
                return q.reply([rr(Q, CNAME, name(q.name))])
            if q.name.startswith("n"):
                return q.reply([rr(Q, CNAME, name(f"n{int(q.name[1:-5]) + 1}.test"))])
            return good(q)

        s = self.server(answer)
        ask = self.ask(s)
        self.assertEqual(ask("a.test 4")[1:], ["0", "udp", "192.0.2.1"])
        for n in ("loop1.test", "n1.test", "self.test"):
            before, t = s.asked(), time.monotonic()
            self.assertEqual(ask(n)[1], "EIO", n)
            self.assertLessEqual(s.asked() - before, 20)
            self.assertLess(time.monotonic() - t, 10)

    def test_dname(self):
        def answer(q):
            return q.reply([rr("old.test", DNAME, name("new.test")), a("x.new.test", "192.0.2.9")])

        self.assertEqual(self.ask(self.server(answer))("x.old.test 4")[3:], ["192.0.2.9"])

    def test_nxdomain_is_final_and_kept(self):
        def answer(q):
            return q.reply([a(Q, "6.6.6.6")], [soa("test")], rcode=3)

        first, second = self.server(answer), self.server()
        ask = self.ask(first, second)
        self.assertEqual(ask("www.test 4")[1], "ESRCH")
        self.assertEqual(ask("www.test MX")[1:4], ["ESRCH", "cache", "cache"])
        self.assertEqual((first.asked(), second.asked()), (1, 0))

    def test_negative_without_soa_is_not_kept(self):
        for rcode in (0, 3):
            s = self.server(lambda q: q.reply(rcode=rcode))
            ask = self.ask(s)
            ask("www.test 4"), ask("www.test 4")
            self.assertEqual(s.asked(), 2)

    def test_other_sections_do_not_answer(self):
        s = self.server(lambda q: q.reply([], [a(Q, "6.6.6.6")], [a(Q, "6.6.6.6")]))
        self.assertEqual(self.ask(s)("www.test 4")[1], "ENODATA")

    def test_failures_move_on_at_once(self):
        for rcode in (2, 4, 5, 9):
            first, second = self.server(lambda q: q.reply(rcode=rcode)), self.server()
            t = time.monotonic()
            self.assertEqual(self.ask(first, second)("www.test 4")[1], "0")
            self.assertLess(time.monotonic() - t, 1)

    def test_closed_port_moves_on_at_once(self):
        t = time.monotonic()
        self.assertEqual(self.ask("127.0.0.1:1", self.server())("www.test 4")[1], "0")
        self.assertLess(time.monotonic() - t, 1)

    def test_all_fail_and_the_error_is_kept(self):
        s = self.server(lambda q: q.reply(rcode=2))
        ask = self.ask(s, stale=0)
        self.assertEqual(ask("www.test 4")[1], "EIO")
        self.assertEqual(ask("www.test 4")[1], "EIO")
        self.assertEqual([q.edns for q in s.queries], [True, False])
        time.sleep(1.1)
        ask("www.test 4")
        self.assertEqual(s.asked(), 4)

    def test_dead_server_costs_its_wait_once(self):
        """How long the wait is, tests/unit/test-dns-retry.c says in virtual time; here, that it is not one for
        each look-up. A live server on a busy machine may be late too, and its turn then goes to the dead one."""
        dead, alive = self.server(lambda q: None), self.server()
        ask = self.ask(dead, alive)
        t = time.monotonic()
        self.assertEqual(ask("a.test")[1], "0")
        self.assertGreater(time.monotonic() - t, 1.5)
        t = time.monotonic()
        for i in range(10):
            self.assertEqual(ask(f"n{i}.test")[1], "0")
        self.assertLess(time.monotonic() - t, 10)
        self.assertLess(dead.asked(), 10)

    def test_formerr_to_edns(self):
        for with_question in (True, False):
            def answer(q):
                if q.edns:
                    return q.reply(rcode=1, qd=1 if with_question else 0)
                return good(q)

            s = self.server(answer)
            ask = self.ask(s)
            self.assertEqual(ask("a.test 4")[1], "0")
            self.assertEqual(ask("b.test 4")[1], "0")
            self.assertEqual([q.edns for q in s.queries], [True, False, False])

    def test_ttl_zero_and_top_bit(self):
        for ttl in (0, 0x80000001):
            s = self.server(lambda q: q.reply([a(Q, "192.0.2.1", ttl)]))
            ask = self.ask(s)
            ask("www.test 4"), ask("www.test 4")
            self.assertEqual(s.asked(), 2)

    def test_ttl_counts_down(self):
        s = self.server(lambda q: q.reply([a(Q, "192.0.2.1", 2)]))
        ask = self.ask(s, stale=0)
        self.assertTrue(ask("www.test A")[3].startswith("2:"))
        time.sleep(1.1)
        self.assertTrue(ask("www.test A")[4].startswith("1:"))
        time.sleep(1)
        ask("www.test A")
        self.assertEqual(s.asked(), 2)

    def test_records_come_whole(self):
        def answer(q):
            return q.reply([rr(Q, SRV, struct.pack(">3H", 1, 2, 53) + Q)])

        wire = bytes.fromhex(self.ask(self.server(answer))("_x._udp.test SRV")[3].split(":")[1])
        self.assertEqual(wire, rr("_x._udp.test", SRV, struct.pack(">3H", 1, 2, 53) + name("_x._udp.test")))

    def test_reverse_names_are_host_names(self):
        s = self.server(lambda q: q.reply([rr(Q, PTR, name("good.test")), rr(Q, PTR, name("$(reboot).test"))]))
        self.assertEqual(len(self.ask(s)("192.0.2.1 PTR")), 4)
        s = self.server(lambda q: q.reply([rr(Q, PTR, name("bad;name"))]))
        self.assertEqual(self.ask(s)("192.0.2.1 PTR")[1], "ENODATA")

    def test_identical_questions_are_asked_once(self):
        s = self.server(lambda q: [0.1, good(q)])
        ask = self.ask(s)
        for out in ask(*["www.test 4"] * 20):
            self.assertEqual(out[1], "0")
        self.assertEqual(s.asked(), 1)

    def test_slow_family_does_not_hold_back(self):
        s = self.server(lambda q: [0.7 if q.type == AAAA else 0, good(q)])
        t = time.monotonic()
        self.assertEqual(self.ask(s)("www.test")[3:], ["192.0.2.1"])
        self.assertLess(time.monotonic() - t, 0.4)

    def test_search_list(self):
        def answer(q):
            return good(q) if q.name == "host.b.test" else q.reply([], [soa("")], rcode=3)

        s = self.server(answer)
        ask = self.ask(s, domain=["a.test", "b.test"])
        self.assertEqual(ask("host 4")[1], "0")
        self.assertEqual([q.name for q in s.queries], ["host.a.test", "host.b.test"])
        self.assertEqual(ask("host. 4")[1], "ESRCH")

    def test_any_is_not_sent(self):
        s = self.server()
        self.assertEqual(self.ask(s)("www.test TYPE255")[1], "EOPNOTSUPP")
        self.assertEqual(s.asked(), 0)

    def test_stale_serves_when_the_server_is_gone(self):
        mood = [good]
        s = self.server(lambda q: mood[0](q) if mood[0] is not good else q.reply([a(Q, "192.0.2.1", 1)]))
        ask = self.ask(s)
        self.assertEqual(ask("www.test 4")[1], "0")
        mood[0] = lambda q: None
        time.sleep(1.1)
        t = time.monotonic()
        self.assertEqual(ask("www.test 4")[1:], ["0", "cache", "stale", "192.0.2.1"])
        self.assertLess(time.monotonic() - t, 2.2)

    def test_descriptors_are_given_back(self):
        s = self.server(lambda q: [0.01, good(q)])
        ask = self.ask(s)
        ask("warm.test")
        before = fds(ask.p.pid)
        for out in ask(*[f"n{i}.test" for i in range(500)]):
            self.assertEqual(out[1], "0")
        # a server that was too slow by UDP was asked by TCP, and that connection idles for a while
        self.assertLessEqual(fds(ask.p.pid, before), before + 1)

    def test_mutated_replies(self):
        import random

        rng = random.Random(int(os.environ.get("LWSD_TEST_SEED", "1")))

        def answer(q):
            m = bytearray(q.reply([rr(Q, CNAME, name("b.test")), a("b.test", "6.6.6.6")], [soa("")], [rr("", OPT, b"", 0, 1232)]))
            for _ in range(rng.randint(1, 4)):
                m[rng.randrange(2, len(m))] = rng.randrange(256)
            return [bytes(m[: rng.randint(12, len(m))]), q.reply(rcode=2)]

        ask = self.ask(self.server(answer), self.server(answer), stale=0)
        ask("warm.test 4")
        before = fds(ask.p.pid)
        for k in range(10):
            ask(*[f"n{k}-{i}.test 4" for i in range(100)])
        self.assertLessEqual(fds(ask.p.pid, before), before + 2)


class Dot(DotCase):
    def test_strict_by_name_and_by_address(self):
        for who in ("#dns.test", ""):
            s = self.tls_server()
            ask = self.strict(s, who)
            self.assertEqual(ask("a.test 4")[1:3], ["0", "dot"])
            for out in ask(*[f"n{i}.test" for i in range(20)]):
                self.assertEqual(out[1:3], ["0", "dot"])
            self.assertEqual(s.connections, 1)
            self.assertEqual(s.alpn, ["dot"])
            self.assertTrue(all(q.tcp for q in s.queries))
            self.assertTrue(all(len(q.data) % 128 == 0 for q in s.queries))

    def test_strict_refuses_and_stays_silent(self):
        for cert, who in (("other", "#dns.test"), ("good", "#wrong.test"), ("other", "")):
            s = self.tls_server(cert)
            out = self.strict(s, who)("a.test 4")
            self.assertEqual(out[1], "EIO")
            self.assertIn("certificate:", out)
            self.assertEqual(s.asked(), 0)
        s = self.server()
        self.assertEqual(self.strict(s)("a.test 4")[1], "EIO")
        self.assertEqual(s.asked(), 0)

    def test_plain_only_where_it_is_asked_for(self):
        s = self.tls_server("late")
        ask = self.strict(s)
        out = ask("ntp.test 4")
        self.assertEqual(out[1], "EIO")
        self.assertIn("dates", out)
        self.assertEqual(ask("ntp.test 4 16")[1:3], ["0", "udp"])
        self.assertEqual(ask("ntp.test 4")[1], "EIO")

    def test_pins(self):
        d = self.dir.name
        spki = subprocess.run(["openssl", "x509", "-in", f"{d}/other.pem", "-pubkey", "-noout"], check=True,
                              capture_output=True).stdout
        der = base64.b64decode(b"".join(spki.splitlines()[1:-1]))
        pin = base64.b64encode(hashlib.sha256(der).digest()).decode()
        wrong = base64.b64encode(bytes(32)).decode()
        self.assertEqual(self.strict(self.tls_server("other"), pin=[wrong, pin])("a.test 4")[1], "0")
        self.assertEqual(self.strict(self.tls_server("other"), pin=wrong)("a.test 4")[1], "EIO")

    def test_opportunistic(self):
        s = self.tls_server("other")
        ask = self.ask(s, tls="opportunistic")
        self.assertEqual(ask("a.test 4")[1:3], ["0", "dot"])
        s = self.server()
        ask = self.ask(s, tls="opportunistic")
        t = time.monotonic()
        self.assertEqual(ask("a.test 4")[1:3], ["0", "udp"])
        self.assertLess(time.monotonic() - t, 3)
        self.assertEqual(ask("b.test 4")[1:3], ["0", "udp"])

    def test_connection_is_resumed(self):
        count = []

        def answer(q):
            count.append(1)
            return [good(q), b"close"] if len(count) == 1 else good(q)

        s = self.tls_server(answer=answer)
        ask = self.strict(s)
        self.assertEqual(ask("a.test 4")[1], "0")
        time.sleep(0.1)
        self.assertEqual(ask("b.test 4")[1], "0")
        self.assertEqual(s.resumed, [False, True])

    def test_silent_tls_is_torn_down(self):
        mute, alive = socket.socket(), self.tls_server()
        mute.bind(("127.0.0.1", 0))
        mute.listen(4)
        self.cleanup.append(mute.close)
        t = time.monotonic()
        ask = self.ask(f"127.0.0.1:{mute.getsockname()[1]}#dns.test", f"127.0.0.1:{alive.port}#dns.test",
                       tls="yes", ca=f"{self.dir.name}/ca.pem")
        self.assertEqual(ask("a.test 4")[1], "0")
        self.assertLess(time.monotonic() - t, 6)
        self.assertEqual(ask("b.test 4")[1], "0")
        self.assertLess(time.monotonic() - t, 6.5)


class Stub(Case):
    def stub(self, answer=good):
        s = self.server(answer)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        runtime = tempfile.TemporaryDirectory()
        self.cleanup.append(runtime.cleanup)
        ask = self.ask(s, stub=f"127.0.0.1:{port}", runtime=runtime.name)
        ask("warm.localhost 4")
        with open(f"{runtime.name}/stub-resolv.conf") as f:
            self.assertIn("nameserver 127.0.0.1", f.read())
        return s, port

    def exchange(self, port, wire):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.sendto(wire, ("127.0.0.1", port))
            return s.recv(65535)

    def query(self, n, rtype=A, ident=7, edns=None, flags=0x0100):
        out = struct.pack(">6H", ident, flags, 1, 0, 0, 1 if edns else 0) + name(n) + struct.pack(">2H", rtype, 1)
        return out + (rr("", OPT, b"", 0, edns) if edns else b"")

    def test_udp_and_tcp(self):
        s, port = self.stub()
        for _ in range(2):
            m = self.exchange(port, self.query("www.test"))
            self.assertEqual(struct.unpack(">6H", m[:12]), (7, 0x8180, 1, 1, 0, 0))
            self.assertTrue(m.endswith(socket.inet_aton("192.0.2.1")))
        self.assertEqual(s.asked(), 1)
        with socket.create_connection(("127.0.0.1", port), 5) as c:
            q = self.query("t.test", ident=9)
            for piece in (q[:0] + struct.pack(">H", len(q)) + q + struct.pack(">H", len(q)) + q):
                c.sendall(bytes([piece]))
            got = b""
            while len(got) < 2 * (2 + len(q) + 16):
                got += c.recv(4096)
        self.assertEqual(got.count(socket.inet_aton("192.0.2.1")), 2)

    def test_truncation_and_edns(self):
        _, port = self.stub(lambda q: q.reply([a(Q, f"10.0.0.{i + 1}") for i in range(60)]) if q.tcp or q.type == A else None)
        m = self.exchange(port, self.query("big.test"))
        self.assertLessEqual(len(m), 512)
        self.assertTrue(m[2] & 2)
        m = self.exchange(port, self.query("big.test", edns=4096))
        self.assertFalse(m[2] & 2)
        self.assertEqual(struct.unpack(">H", m[6:8])[0], 60)

    def test_errors(self):
        _, port = self.stub(lambda q: q.reply([], [soa("test")], rcode=3))
        m = self.exchange(port, self.query("no.test"))
        self.assertEqual((m[3] & 15, m[9]), (3, 1))
        self.assertEqual(self.exchange(port, self.query("x.test", 255))[3] & 15, 4)
        self.assertEqual(self.exchange(port, self.query("x.test", flags=0x2900))[3] & 15, 4)
        self.assertEqual(self.exchange(port, self.query("x.test", edns=1232)[:-1])[3] & 15, 1)


class Files(Case):
    """/etc as the resolver sees it, in a mount namespace of its own."""

    def setUp(self):
        super().setUp()
        if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
            self.skipTest("no mount namespace")
        self.etc = tempfile.mkdtemp()
        self.cleanup.append(lambda: subprocess.run(["rm", "-rf", self.etc]))

    def write(self, file, text, replace=False):
        path = f"{self.etc}/{file}"
        with open(path + (".new" if replace else ""), "w") as f:
            f.write(text)
        if replace:
            os.rename(path + ".new", path)

    def start(self, **kw):
        return self.ask(wrap=["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc && exec "$@"', self.etc], **kw)

    def until(self, ask, line, want):
        """A change of a file is seen soon, but not at once."""
        for _ in range(200):
            out = ask(line)
            if out[1:] == want:
                return
            time.sleep(0.02)
        self.assertEqual(out[1:], want)

    def servers(self, *addresses):
        """Servers on port 53 of addresses of loopback's own."""
        out = []
        for address in addresses:
            try:
                out.append(self.server(lambda q: q.reply([a(Q, address, 0)]) if q.type == A else good(q),
                                       address=(address, 53)))
            except OSError as e:
                self.skipTest(f"port 53 of {address}: {e}")
        return out

    def test_resolv_conf_is_read_and_watched(self):
        one, two = self.servers("127.0.6.1", "127.0.6.2")
        one.answer = lambda q: q.reply([a(Q, "192.0.2.11", 0)])
        two.answer = lambda q: q.reply([a(Q, "192.0.2.12", 0)])
        self.write("resolv.conf", "# a comment\nnameserver 127.0.6.1\noptions ndots:2 timeout:1\nsearch a.test b.test\n")
        ask = self.start()
        self.until(ask, "host.x 4", ["0", "udp", "192.0.2.11"])
        self.assertEqual(one.queries[0].name, "host.x.a.test")
        self.write("resolv.conf", "nameserver 127.0.6.2\n")
        self.until(ask, "host.x. 4", ["0", "udp", "192.0.2.12"])
        self.write("resolv.conf", "nameserver 127.0.6.1\n", replace=True)
        self.until(ask, "host.x. 4", ["0", "udp", "192.0.2.11"])
        os.unlink(f"{self.etc}/resolv.conf")
        self.until(ask, "host.x. 4", ["ENETUNREACH", "cache", "cache"])
        os.symlink("elsewhere.conf", f"{self.etc}/resolv.conf")
        self.write("elsewhere.conf", "nameserver 127.0.6.2\n")
        os.unlink(f"{self.etc}/resolv.conf")
        self.write("resolv.conf", "nameserver 127.0.6.2\n", replace=True)
        self.until(ask, "host.x. 4", ["0", "udp", "192.0.2.12"])

    def test_the_last_word_of_resolv_conf(self):
        one, = self.servers("127.0.6.3")
        one.answer = lambda q: good(q) if q.name == "host.b.test" else q.reply([], [soa("")], rcode=3)
        self.write("resolv.conf", "search a.test\ndomain b.test\nnameserver 127.0.6.3\nnameserver nonsense\njunk\n")
        ask = self.start()
        self.until(ask, "host 4", ["0", "udp", "192.0.2.1"])
        self.assertEqual([q.name for q in one.queries], ["host.b.test"])

    def test_hosts_come_first_and_are_watched(self):
        s = self.server()
        self.write("hosts", "192.0.2.50 mine.test mine # comment\n2001:db8::50 mine.test\n127.0.0.1 localhost\n")
        ask = self.start(servers=[s])
        self.assertEqual(set(ask("MINE.test")[3:]), {"192.0.2.50", "2001:db8::50"})
        self.assertEqual(ask("mine 4")[2:], ["local", "192.0.2.50"])
        wire = bytes.fromhex(ask("192.0.2.50 PTR")[3].split(":")[1])
        self.assertIn(name("mine.test"), wire)
        self.assertEqual(s.asked(), 0)
        self.write("hosts", "192.0.2.51 mine.test\n", replace=True)
        self.until(ask, "mine.test 4", ["0", "local", "192.0.2.51"])
        self.write("hosts", "")
        self.until(ask, "mine.test 4", ["0", "cache", "cache", "192.0.2.1"])


if __name__ == "__main__":
    unittest.main()
