#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The resolver as others meet it: lwsd with a [DNS] section, asked by lwsctl, over its private socket and through
its stub. What the resolver makes of odd servers is in test-dns.py and test-dns-odd.py.

Usage: test-dns-daemon.py LWSD LWSCTL [TEST...]
"""

import concurrent.futures
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dns_daemon import *  # noqa: E402,F403
from dns_daemon import Failed, Query, ask_stub, free_port, opt_record, question  # noqa: E402

GOOD, BAD, GOOD6 = "192.0.2.1", "6.6.6.6", "2001:db8::1"
BOTH = [GOOD6, GOOD]


def missing(q):
    return q.reply([], [soa("test")], rcode=3)


class Ctl(DaemonCase):
    def test_a_name_a_line(self):
        s = self.server()
        d = self.daemon(s)
        self.assertEqual(d.resolve("www.test"), (0, BOTH, ""))
        self.assertEqual(d.resolve("www.test", "A"), (0, [GOOD], ""))
        self.assertEqual(d.resolve("www.test", "AAAA"), (0, [GOOD6], ""))
        self.assertEqual(d.resolve("192.0.2.9", "A"), (0, ["192.0.2.9"], ""))
        answers = json.loads(d.ctl("--json", "resolve", "www.test")[1][0])
        self.assertEqual([x["text"] for x in answers["answers"]], BOTH)
        self.assertEqual(answers["source"], "cache")
        self.assertEqual(s.asked(), 2)

    def test_exit_codes(self):
        s = self.server(lambda q: {"no.test": missing, "fail.test": lambda q: q.reply(rcode=2)}.get(q.name, good)(q))
        d = self.daemon(s)
        for words, code, text in ((("no.test",), 1, "does not exist"), (("www.test", "MX"), 1, "no such record"),
                                  (("fail.test",), 1, "Every DNS server failed"), (("a..b",), 1, "not a name"),
                                  (("x" * 64,), 1, "not a name"), (("www.test", "NONSENSE"), 2, "no type"),
                                  (("a.invalid",), 1, "does not exist"), ((), 2, "")):
            with self.subTest(words):
                got = d.resolve(*words)
                self.assertEqual((got[0], got[1]), (code, []))
                self.assertIn(text, got[2])

    def test_trace(self):
        fails = self.server(lambda q: q.reply(rcode=2))
        cuts = self.server(lambda q: good(q) if q.tcp else q.reply(flags=0x8380))
        code, out, err = self.daemon("127.0.0.1:1", fails, cuts).resolve("--trace", "www.test", "A")
        self.assertEqual((code, out), (0, [GOOD]))
        steps = [line.split(" ms ")[1] for line in err.splitlines() if " ms A " in line]
        self.assertEqual(steps, [
            "A 127.0.0.1:1 udp: is asked", "A 127.0.0.1:1 udp: refuses connections",
            f"A {endpoint(fails)} udp: is asked", f"A {endpoint(fails)} udp: says SERVFAIL",
            f"A {endpoint(cuts)} udp: is asked", f"A {endpoint(cuts)} udp: has more than a datagram holds",
            f"A {endpoint(cuts)} tcp: is asked", f"A {endpoint(cuts)} tcp: answers"])
        self.assertIn(f"from network, server {endpoint(cuts)}, DNS over TCP", err)

    def test_trace_of_a_failure(self):
        refuses = self.server(lambda q: q.reply(rcode=5))
        code, out, err = self.daemon("127.0.0.1:1", refuses).resolve("--trace", "www.test", "A")
        self.assertEqual((code, out), (1, []))
        steps = [line.split(" ms ")[1] for line in err.splitlines() if " ms A " in line]
        self.assertEqual(steps, [
            "A 127.0.0.1:1 udp: is asked", "A 127.0.0.1:1 udp: refuses connections",
            f"A {endpoint(refuses)} udp: is asked", f"A {endpoint(refuses)} udp: says REFUSED"])
        self.assertIn("Every DNS server failed", err)

    def test_nobody_answers(self):
        d = self.daemon(self.server(lambda q: None))
        t = time.monotonic()
        code, out, err = d.resolve("www.test")
        self.assertEqual((code, out), (3, []))
        self.assertIn("in time", err)
        self.assertLess(time.monotonic() - t, 25)

    def test_no_server_at_all(self):
        code, _, err = self.daemon().resolve("www.test")
        self.assertEqual(code, 1)
        self.assertIn("no DNS server", err)


class Bus(DaemonCase):
    def test_flags(self):
        def answer(q):
            return q.reply([rr(Q, CNAME, name("b.test")), a("b.test", GOOD)]) if q.name == "alias.test" else good(q)

        self.write("hosts", "192.0.2.50 mine.test\n")
        s = self.server(answer)
        d = self.daemon(s)
        self.assertEqual(d.host("www.test"), (BOTH, "www.test", DNS | FROM_NETWORK))
        self.assertEqual(d.host("www.test"), (BOTH, "www.test", DNS | FROM_CACHE))
        self.assertEqual(d.host("www.test", 2, NO_CACHE)[2], DNS | FROM_NETWORK)
        self.assertEqual(d.host("www.test", 2, NO_NETWORK)[2], DNS | FROM_CACHE)
        self.assertEqual(d.error("new.test", 2, NO_NETWORK), "NoServers")
        self.assertEqual(d.host("alias.test", 2)[:2], ([GOOD], "b.test"))
        self.assertEqual(d.error("alias.test", 2, NO_CNAME), "NoSuchRecord")
        own = SYNTHETIC | AUTHENTICATED | CONFIDENTIAL
        self.assertEqual(d.host("x.localhost"), (["::1", "127.0.0.1"], "x.localhost", own))
        self.assertEqual(d.host("192.0.2.77"), (["192.0.2.77"], "192.0.2.77", own))
        n = s.asked()
        self.assertEqual(d.host("mine.test", 2), (["192.0.2.50"], "mine.test", own))
        self.assertEqual(s.asked(), n)
        self.assertEqual(d.host("mine.test", 2, NO_SYNTHESIZE)[0], [GOOD])
        self.assertEqual(d.error("localhost", 2, NO_SYNTHESIZE), "NoSuchName")

    def test_errors(self):
        d = self.daemon(self.server(lambda q: missing(q) if q.name == "no.test" else q.reply(rcode=5)
                                    if q.name == "refused.test" else good(q)))
        self.assertEqual(d.error("no.test"), "NoSuchName")
        self.assertEqual(d.error("refused.test"), "ServersFailed")
        self.assertEqual(d.error("www.test", 0, 0, 9999), "NoServers")
        for bad in ("a..b", "x" * 64 + ".test", ".".join(["a" * 60] * 5), "", "a\\999"):
            self.assertEqual(d.error(bad), "org.freedesktop.DBus.Error.InvalidArgs", bad)
        self.assertEqual(d.error("www.test", 3), "org.freedesktop.DBus.Error.InvalidArgs")
        with self.assertRaises(Failed) as e:
            d.record("www.test", 255)
        self.assertEqual(e.exception.args[0], "org.freedesktop.DBus.Error.InvalidArgs")

    def test_thousands_of_records(self):
        def answer(q):
            if not q.tcp:
                return q.reply(flags=0x8380)
            return q.reply([rr(Q, MX, struct.pack(">H", i) + b"\x03abc" + Q) for i in range(3000)] if q.type == MX else
                           [a(Q, f"10.{i >> 8}.{i & 255}.1") for i in range(4000)])

        d = self.daemon(self.server(answer))
        self.assertEqual(len(set(d.host("www.test", 2)[0])), 4000)
        self.assertEqual(len(d.record("www.test", A)[0]), 4000)
        self.assertEqual(len(d.record("www.test", MX)[0]), 3000)
        self.assertEqual(len(set(d.resolve("www.test", "A")[1])), 4000)

    def test_search_domains(self):
        s = self.server(lambda q: good(q) if q.name == "host.b.test" else missing(q))
        d = self.daemon(s, Domains="a.test b.test ~elsewhere.test")
        self.assertEqual(d.host("host", 2)[:2], ([GOOD], "host.b.test"))
        self.assertEqual([q.name for q in s.queries], ["host.a.test", "host.b.test"])
        self.assertEqual(d.error("host.", 2), "NoSuchName")
        self.assertEqual(d.error("host", 2, NO_SEARCH), "NoSuchName")
        self.assertEqual(d.error("a.name", 2), "NoSuchName")
        self.assertNotIn("a.name.a.test", [q.name for q in s.queries])

    def test_many_callers_at_once(self):
        s = self.server(lambda q: [0.05, good(q)])
        d = self.daemon(s)
        d.host("warm.test")
        before, n = d.fds(), s.asked()
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            out = list(pool.map(lambda i: d.host(f"n{i // 2}.test", 2), range(300)))
        self.assertTrue(all(o[0] == [GOOD] for o in out))
        self.assertLess(s.asked() - n, 225, "each caller asked for itself")
        self.eventually(lambda: d.fds() <= before + 33)

    def test_callers_that_leave(self):
        d = self.daemon(self.server(lambda q: None))
        self.eventually(lambda: d.host("localhost"))
        before = d.fds()
        for i in range(10):
            p = subprocess.Popen([LWSCTL, f"--socket={d.socket}", "resolve", f"n{i}.test"], stderr=subprocess.DEVNULL)
            self.eventually(lambda: d.get("TransactionStatistics")[1] == 2 * i + 2)
            p.kill()
            p.wait()
        self.eventually(lambda: d.get("TransactionStatistics")[0] == 0 and d.fds() == before)


class Configured(DaemonCase):
    def test_server_of_ipv6(self):
        s = self.server(address=("::1", 0))
        d = self.daemon(f"[::1]:{s.port}")
        self.assertEqual(d.resolve("www.test"), (0, BOTH, ""))
        self.assertEqual([str(x[4]) for x in d.get("Servers")], ["udp"])

    def test_name_is_no_matter_without_tls(self):
        s = self.server()
        self.assertEqual(self.daemon(f"127.0.0.1:{s.port}#dns.test").resolve("www.test")[0], 0)

    def test_a_link_has_its_own(self):
        for line in ("link add d0 type veth peer name d1", "link set d1 up", "link set d0 up"):
            subprocess.run(["ip", *line.split()], check=True)
        self.cleanup.append(lambda: subprocess.run(["ip", "link", "del", "d0"]))
        s, own = self.server(), self.server(lambda q: q.reply([a(Q, "192.0.2.7")]))
        d = self.daemon(s, link="[Link d0]\nManaged=yes\nDHCP=no\nAddress=10.5.5.5/24\n"
                        f"DNS={endpoint(own)}\nDomains=corp.test ~inner.test\n")
        self.eventually(lambda: len(d.get("Servers")) == 2)
        for n, address in (("www.test", GOOD), ("x.corp.test", "192.0.2.7"), ("x.inner.test", "192.0.2.7"),
                           ("single", "192.0.2.7")):
            self.assertEqual(d.host(n, 2)[0], [address], n)
        self.assertEqual(d.host("z.test", 2, 0, socket.if_nametoindex("d0"))[0], ["192.0.2.7"])
        self.assertEqual([q.name for q in s.queries], ["www.test"])
        self.assertEqual([q.name for q in own.queries], ["x.corp.test", "x.inner.test", "single.corp.test", "z.test"])

    def test_connections_are_of_one_network(self):
        s = self.server(lambda q: good(q) if q.tcp else q.reply(flags=0x8380))
        d = self.daemon(s)
        for n in "ab":
            self.eventually(lambda n=n: d.host(f"{n}.test", 2))
        self.assertEqual(s.connections, 1)

        def epoch():
            return d.call("Get", "org.lwsd1.Manager", "NetworkEpoch", interface="org.freedesktop.DBus.Properties")

        before = epoch()
        self.cleanup.append(lambda: subprocess.run(["ip", "link", "del", "e0"]))
        for line in ("link add e0 type veth peer name e1", "link set e1 up", "link set e0 up",
                     "addr add 10.66.0.2/24 dev e0", "route add default via 10.66.0.1 dev e0"):
            subprocess.run(["ip", *line.split()], check=True)
        self.eventually(lambda: epoch() > before)
        self.assertEqual(d.host("c.test", 2)[0], [GOOD])
        self.assertEqual(s.connections, 2)

    def test_fallback_only_without_others(self):
        s, fallback = self.server(), self.server()
        self.assertEqual(self.daemon(FallbackServers=endpoint(fallback)).host("a.test")[0], BOTH)
        n = fallback.asked()
        self.assertEqual(self.daemon(s, FallbackServers=endpoint(fallback)).host("a.test")[0], BOTH)
        self.assertEqual(fallback.asked(), n)

    def test_no_cache(self):
        s = self.server()
        d = self.daemon(s, Cache="no")
        for _ in range(3):
            self.assertEqual(d.host("a.test", 2), ([GOOD], "a.test", DNS | FROM_NETWORK))
        self.assertEqual(s.asked(), 3)

    def test_reload(self):
        one, two = self.server(), self.server(lambda q: q.reply([a(Q, "192.0.2.2")]))
        d = self.daemon(one)
        self.assertEqual(d.host("a.test", 2)[0], [GOOD])
        d.configure(two)
        d.p.send_signal(signal.SIGHUP)
        self.eventually(lambda: d.host("a.test", 2)[0] == ["192.0.2.2"])

    def test_hosts(self):
        self.write("hosts", "192.0.2.50 mine.test mine\n2001:db8::50 mine.test\n192.0.2.51 four.test\n")
        self.cleanup.append(lambda: self.write("hosts", ""))
        s = self.server()
        d = self.daemon(s)
        self.assertEqual(set(d.host("MINE.test")[0]), {"192.0.2.50", "2001:db8::50"})
        self.assertEqual(d.error("four.test", 10), "NoSuchRecord")
        self.assertIn("mine.test.", d.resolve("192.0.2.50")[1][0])
        self.assertEqual(s.asked(), 0)
        self.write("hosts", "192.0.2.60 mine.test\n")
        self.eventually(lambda: d.host("mine.test", 2)[0] == ["192.0.2.60"])
        os.unlink(f"{ETC}/hosts")
        self.eventually(lambda: d.host("mine.test", 2)[0] == [GOOD])

    def test_resolv_conf(self):
        s = self.server(address=("127.0.6.9", 53))
        self.write("resolv.conf", "nameserver 127.0.6.9\nsearch x.test\n")
        self.cleanup.append(lambda: self.write("resolv.conf", ""))
        d = self.daemon()
        self.assertEqual(d.host("host")[1], "host.x.test")
        self.write("resolv.conf", "")
        self.eventually(lambda: d.error("host") == "NoServers")
        self.assertGreater(s.asked(), 0)


class Stub(DaemonCase):
    def start(self, answer=good, address="127.0.0.1", **options):
        s, self.port = self.server(answer), free_port(address)
        d = self.daemon(s, Stub=f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}", **options)
        self.eventually(lambda: d.host("localhost"))
        return s, d

    def rcode(self, wire, **kw):
        return ask_stub(self.port, wire, **kw)[3] & 15

    def test_what_is_answered_at_once(self):
        s, _ = self.start()
        for what, wire, rcode, count in (
                ("any", question("a.test", 255), 4, 0), ("transfer", question("a.test", 252), 4, 0),
                ("chaos", question("version.bind", TXT, cls=3), 4, 0), ("notify", question("a.test", flags=0x2000), 4, 0),
                ("localhost", question("localhost"), 0, 1), ("local", question("a.local"), 3, 0),
                ("two questions", struct.pack(">6H", 7, 0x100, 2, 0, 0, 0) + question("a.test")[12:] * 2, 1, 0),
                ("none", struct.pack(">6H", 7, 0x100, 0, 0, 0, 0), 1, 0),
                ("a loop", struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1", 1, 0),
                ("a long label", struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + b"\x41" + b"a" * 65 + b"\0\0\1\0\1", 1, 0),
                ("half an option", question("a.test", edns=1232, options=b"\0\x0a\0"), 1, 0)):
            with self.subTest(what):
                m = ask_stub(self.port, wire)
                self.assertEqual((m[:2], m[2] & 0x80, m[3] & 15, m[7]), (b"\0\7", 0x80, rcode, count))
        self.assertEqual(s.asked(), 0)

    def test_edns(self):
        self.start()
        m = ask_stub(self.port, question("a.test"))
        self.assertEqual(struct.unpack(">6H", m[:12]), (7, 0x8180, 1, 1, 0, 0))
        m = ask_stub(self.port, question("a.test", edns=1232, do=True))
        self.assertTrue(m.endswith(opt_record(1232, do=True)), "DO comes back")
        m = ask_stub(self.port, question("a.test", edns=1232, version=1))
        self.assertTrue(m.endswith(opt_record(1232, rcode_high=1)), "BADVERS")
        m = ask_stub(self.port, question("A.tEsT"))
        self.assertIn(b"\x01A\x04tEsT\0", m)
        m = ask_stub(self.port, question("a.test", flags=0x0130))
        self.assertEqual(m[2:4], b"\x81\x90", "RD and CD come back, AD is not claimed")

    def test_one_that_cannot_be_answered_costs_others_nothing(self):
        """Sent from port 0, and in the queue before the rest."""
        _, d = self.start()
        wire = question("localhost")
        with contextlib.ExitStack() as stack:
            raw = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP))
            clients = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(3)]
            d.p.send_signal(signal.SIGSTOP)
            try:
                raw.sendto(struct.pack(">4H", 0, self.port, 8 + len(wire), 0) + wire, ("127.0.0.1", 0))
                for client in clients:
                    client.settimeout(12)
                    client.sendto(wire, ("127.0.0.1", self.port))
            finally:
                d.p.send_signal(signal.SIGCONT)
            for client in clients:
                self.assertEqual(client.recv(512)[7], 1)

    def test_silence(self):
        """For what is no question, a reply would only start an echo."""
        self.start()
        for wire in (question("a.test", flags=0x8100), b"short"):
            with self.assertRaises(socket.timeout):
                ask_stub(self.port, wire, timeout=0.2)

    def test_failures(self):
        s, _ = self.start(lambda q: q.reply(rcode=2))
        self.assertEqual(self.rcode(question("fail.test")), 2)
        s.answer = missing
        m = ask_stub(self.port, question("no.test"))
        self.assertEqual((m[3] & 15, m[7], m[9]), (3, 0, 1))
        s.answer = lambda q: q.reply([rr(Q, CNAME, name("b.test"))]) if q.name == "alias.test" else missing(q)
        m = ask_stub(self.port, question("alias.test"))
        self.assertEqual((m[3] & 15, m[7], m[9]), (3, 1, 1))

    def test_large_answers(self):
        def answer(q):
            return q.reply([a(Q, f"10.{i >> 8}.{i & 255}.1") for i in range(4000)]) if q.tcp else q.reply(flags=0x8380)

        self.start(answer)
        for edns, most in ((None, 512), (1232, 1232), (65535, 4096)):
            m = ask_stub(self.port, question("a.test", edns=edns))
            self.assertLessEqual(len(m), most)
            self.assertTrue(m[2] & 2, "TC")
        m = ask_stub(self.port, question("a.test"), tcp=True)
        self.assertEqual((m[2] & 2, struct.unpack(">H", m[6:8])[0]), (0, 4000))

    def test_tcp_answers_as_they_come(self):
        self.start(lambda q: [1 if q.name == "slow.test" else 0, good(q)])
        with socket.create_connection(("127.0.0.1", self.port), 5) as c:
            for ident, n in enumerate(("slow.test", "quick.test", "quick.test")):
                wire = question(n, ident=ident)
                c.sendall(struct.pack(">H", len(wire)) + wire)
            # nothing more to ask is no reason to leave without the answers
            c.shutdown(socket.SHUT_WR)
            f, order = c.makefile("rb"), []
            while head := f.read(2):
                order.append(struct.unpack(">H", f.read(struct.unpack(">H", head)[0])[:2])[0])
        self.assertEqual(sorted(order), [0, 1, 2])
        self.assertEqual(order[-1], 0)

    def test_others_are_not_served(self):
        _, d = self.start()
        subprocess.run(["ip", "addr", "replace", "10.9.9.9/32", "dev", "lo"], check=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as k:
            k.bind(("10.9.9.9", 0))
            k.settimeout(0.2)
            k.sendto(question("a.test"), ("127.0.0.1", self.port))
            with self.assertRaises(socket.timeout):
                k.recv(4096)
        with open(f"{d.dir}/run/stub-resolv.conf") as f:
            self.assertIn("nameserver 127.0.0.1\n", f.read())

    def test_its_file_without_it(self):
        """Whoever is pointed to a stub that is no more finds the servers."""
        def file():
            with open(f"{d.dir}/run/stub-resolv.conf") as f:
                return f.read()

        s, d = self.start()
        self.assertIn("nameserver 127.0.0.1\n", file())
        d.configure(s, "192.0.2.77")
        d.p.send_signal(signal.SIGHUP)
        self.eventually(lambda: "nameserver 192.0.2.77\n" in file())
        self.assertNotIn("127.0.0.1", file())

    def test_ipv6(self):
        self.start(address="::1")
        self.assertEqual(ask_stub(self.port, question("a.test"), "::1")[7], 1)

    def test_one_client_gets_so_much(self):
        s, _ = self.start(lambda q: good(q) if q.name == "other.test" else None)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as k:
            for i in range(200):
                k.sendto(question(f"n{i}.test", ident=i), ("127.0.0.1", self.port))
            self.assertEqual(self.rcode(question("other.test")), 0)
        self.assertEqual(len({q.name for q in s.queries}), 129)


class Tls(DaemonCase, DotCase):
    def strict(self, server, who="#dns.test", **kw):
        servers = server if isinstance(server, list) else [endpoint(server, who)]
        return self.daemon(*servers, DNSOverTLS="yes", CertificateAuthority=f"{self.dir.name}/ca.pem", **kw)

    def test_flags_and_one_connection(self):
        s = self.tls_server()
        d = self.strict(s)
        self.assertEqual(d.host("www.test"), (BOTH, "www.test", DNS | CONFIDENTIAL | FROM_NETWORK))
        self.assertEqual(d.host("www.test"), (BOTH, "www.test", DNS | CONFIDENTIAL | FROM_CACHE))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.assertTrue(all(o[0] for o in pool.map(lambda i: d.host(f"n{i}.test"), range(40))))
        self.assertEqual(s.connections, 1)
        self.assertEqual([tuple(map(str, x[3:])) for x in d.get("Servers")], [("dns.test", "dot")])
        self.assertIn("DNS over TLS", d.resolve("--trace", "new.test")[2])

    def test_refusals_say_why(self):
        self.make_self_signed("alone", "DNS:dns.test")
        for cert, who, why in (("other", "#dns.test", "hostname mismatch"), ("good", "#wrong.test", "hostname mismatch"),
                               ("other", "", "IP address mismatch"), ("late", "#dns.test", "expired"),
                               ("alone", "#dns.test", "self-signed")):
            with self.subTest(cert + who):
                s = self.tls_server(cert)
                code, out, err = self.strict(s, who).resolve("www.test")
                self.assertEqual((code, out, s.asked()), (1, [], 0))
                self.assertIn(why, err)

    def test_no_certificates(self):
        d = self.daemon("127.0.0.1#dns.test", DNSOverTLS="yes", CertificateAuthority="/nonexistent")
        for n in "abc":
            self.assertIn("cannot read certificates from /nonexistent", d.resolve(f"{n}.test")[2])
        self.assertEqual(d.text().count("cannot read certificates"), 1)

    def test_never_without(self):
        s = self.server()
        t = time.monotonic()
        self.assertEqual(self.strict(s).error("www.test"), "ServersFailed")
        self.assertLess(time.monotonic() - t, 25)
        self.assertEqual(s.asked(), 0)
        self.assertEqual(self.strict(["127.0.0.1:1#dns.test"]).error("www.test"), "ServersFailed")

    def test_other_servers_while_asking(self):
        mute, right = self.tls_server(answer=lambda q: None), self.tls_server()
        d = self.strict(mute)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            out = [pool.submit(d.host, f"n{i}.test") for i in range(4)]
            self.eventually(lambda: mute.asked() >= 8)
            d.configure(endpoint(right, "#dns.test"), DNSOverTLS="yes", CertificateAuthority=f"{self.dir.name}/ca.pem")
            d.p.send_signal(signal.SIGHUP)
            self.assertTrue(all(o.result()[0] for o in out))
        self.assertEqual(mute.connections, 1)

    def test_next_server(self):
        bad, right = self.tls_server("other"), self.tls_server()
        d = self.strict([endpoint(bad, "#dns.test"), endpoint(right, "#dns.test")])
        self.assertEqual(d.host("www.test")[0], BOTH)
        self.assertEqual(bad.asked(), 0)

    def designating(self, dot, address="127.0.0.1"):
        """A server without TLS that says which one speaks for it."""
        def param(key, value):
            return struct.pack(">2H", key, len(value)) + value

        svcb = struct.pack(">H", 1) + name("dns.test") + param(1, b"\3dot") + param(3, struct.pack(">H", dot.port))
        svcb += param(4, socket.inet_aton(dot.tcp.getsockname()[0]))
        return self.server(lambda q: q.reply([rr(Q, 64, svcb)]) if q.type == 64 else good(q), address=(address, 0))

    def test_designated(self):
        """REQ_DNS 37: one whose certificate names the address of the server that designates it."""
        for address in ("198.51.100.1", "198.51.100.2"):
            subprocess.run(["ip", "addr", "replace", f"{address}/32", "dev", "lo"], check=True)
        self.make("designated", "DNS:dns.test,IP:198.51.100.1", "/CN=x")
        for cert, used in (("designated", True), ("good", False)):
            with self.subTest(cert):
                dot = self.tls_server(cert, address=("198.51.100.2", 0))
                s = self.designating(dot, "198.51.100.1")
                d = self.daemon(f"198.51.100.1:{s.port}", DNSOverTLS="opportunistic",
                                CertificateAuthority=f"{self.dir.name}/ca.pem")
                self.assertEqual(d.host("first.test")[0], BOTH)
                self.eventually(lambda: s.asked(64) == 1)
                self.eventually(lambda: d.host(f"n{len(s.queries)}.test") and dot.connections > 0)
                self.assertEqual(bool(d.host("last.test")[2] & CONFIDENTIAL), used)
                self.assertEqual(dot.asked() > 0, used)
                self.assertEqual(s.asked(64), 1)

    def test_designated_at_the_same_private_address(self):
        dot = self.tls_server("other")
        s = self.designating(dot)
        d = self.daemon(s, DNSOverTLS="opportunistic")
        self.eventually(lambda: d.host(f"n{len(s.queries)}.test")[2] & CONFIDENTIAL)
        self.assertGreater(dot.asked(), 0)
        self.assertEqual(dot.asked(64), 0)

    def test_designations_are_not_passed_on(self):
        port = free_port()
        s = self.designating(self.tls_server())
        d = self.daemon(s, Stub=f"127.0.0.1:{port}")
        self.eventually(lambda: d.host("localhost"))
        m = ask_stub(port, question("_dns.resolver.arpa", 64))
        self.assertEqual((m[3] & 15, m[7], s.asked()), (0, 0, 0))

    def test_opportunistic(self):
        for s, confidential in ((self.tls_server("other"), CONFIDENTIAL), (self.server(), 0)):
            d = self.daemon(s, DNSOverTLS="opportunistic")
            self.assertEqual(d.host("www.test")[2], DNS | confidential | FROM_NETWORK)


if __name__ == "__main__":
    unittest.main()
