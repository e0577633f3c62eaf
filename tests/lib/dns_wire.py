# SPDX-License-Identifier: MIT
"""DNS servers on loopback that do what each test wants of them, and tests/net/dns-ask to ask them."""

import contextlib
import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PROGRAM = sys.argv.pop(1)
A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, DNAME, OPT = 1, 2, 5, 6, 12, 15, 16, 28, 33, 39, 41
TYPES = {"A": A, "AAAA": AAAA, "MX": MX, "TXT": TXT, "SRV": SRV, "PTR": PTR}


def name(text):
    return b"".join(bytes([len(l)]) + l.encode() for l in text.split(".") if l) + b"\0"


def read_name(data, pos):
    labels, end = [], None
    while True:
        n = data[pos]
        if n >= 0xC0:
            end = end or pos + 2
            pos = (n & 0x3F) << 8 | data[pos + 1]
        elif n == 0:
            return ".".join(labels), end or pos + 1
        else:
            labels.append(data[pos + 1 : pos + 1 + n].decode())
            pos += 1 + n


class Query:
    def __init__(self, data, tcp=False, sender=None, when=0.0):
        self.data, self.tcp, self.sender, self.when = data, tcp, sender, when
        self.id, self.flags, qd, an, ns, ar = struct.unpack(">6H", data[:12])
        self.exact, end = read_name(data, 12)
        self.name = self.exact.lower()
        self.type, self.cls = struct.unpack(">2H", data[end : end + 4])
        self.question = data[12 : end + 4]
        self.edns = ar == 1
        assert (qd, an, ns) == (1, 0, 0)

    def reply(self, answer=(), authority=(), additional=(), rcode=0, flags=0x8180, **kw):
        counts = [kw.get("qd", 1), len(answer), len(authority), len(additional)]
        counts = [c + kw.get("add_count", [0] * 4)[i] for i, c in enumerate(counts)]
        out = struct.pack(">6H", kw.get("id", self.id), flags | rcode, *counts)
        out += kw.get("question", self.question if counts[0] else b"")
        return out + b"".join(answer) + b"".join(authority) + b"".join(additional)


def rr(owner, rtype, data, ttl=60, cls=1):
    owner = name(owner) if isinstance(owner, str) else owner
    return owner + struct.pack(">2HIH", rtype, cls, ttl, len(data)) + data


Q = b"\xc0\x0c"


def a(owner, address, ttl=60):
    return rr(owner, A, socket.inet_aton(address), ttl)


def aaaa(owner, address, ttl=60):
    return rr(owner, AAAA, socket.inet_pton(socket.AF_INET6, address), ttl)


def soa(owner, ttl=60, minimum=60):
    return rr(owner, SOA, name("ns.x") + name("h.x") + struct.pack(">5I", 1, 2, 3, 4, minimum), ttl)


def good(q):
    if q.type == A:
        return q.reply([a(Q, "192.0.2.1")])
    if q.type == AAAA:
        return q.reply([aaaa(Q, "2001:db8::1")])
    return q.reply([], [soa("")])


class Server:
    """Answers on UDP and TCP of one port. `answer(q)` gives bytes, a list of them, or None; numbers in a list
    are pauses."""

    def __init__(self, answer=good, tls=None, address=("127.0.0.1", 0)):
        self.answer, self.tls, self.queries, self.connections = answer, tls, [], 0
        self.alpn, self.resumed, self.lock = [], [], threading.Lock()
        for _ in range(50):
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            self.tcp = socket.socket(family)
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.tcp.bind(address)
            self.port = self.tcp.getsockname()[1]
            self.udp = socket.socket(family, socket.SOCK_DGRAM)
            try:
                self.udp.bind((address[0], self.port))
                break
            except OSError:
                continue
        self.tcp.listen(16)
        threading.Thread(target=self.serve_udp, daemon=True).start()
        threading.Thread(target=self.serve_tcp, daemon=True).start()

    def stop(self):
        for s in (self.udp, self.tcp):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def note(self, q):
        with self.lock:
            self.queries.append(q)
        return q

    def messages(self, q):
        out = self.answer(q)
        for m in out if isinstance(out, list) else [out]:
            if isinstance(m, (int, float)):
                time.sleep(m)
            elif m is not None:
                yield m

    def serve_udp(self):
        while True:
            try:
                data, sender = self.udp.recvfrom(4096)
            except OSError:
                return
            if len(data) < 12:
                return
            q = self.note(Query(data, False, sender, time.monotonic()))
            threading.Thread(target=self.answer_udp, args=(q,), daemon=True).start()

    def answer_udp(self, q):
        for m in self.messages(q):
            try:
                self.udp.sendto(m, q.sender)
            except OSError:
                pass

    def serve_tcp(self):
        while True:
            try:
                conn, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_connection, args=(conn,), daemon=True).start()

    def serve_connection(self, conn):
        self.connections += 1
        try:
            if self.tls:
                conn = self.tls.wrap_socket(conn, server_side=True)
                self.alpn.append(conn.selected_alpn_protocol())
                self.resumed.append(conn.session_reused)
            buf = b""
            while True:
                data = conn.recv(65536)
                if not data:
                    break
                buf += data
                while len(buf) >= 2 and len(buf) >= 2 + struct.unpack(">H", buf[:2])[0]:
                    n = struct.unpack(">H", buf[:2])[0]
                    q = self.note(Query(buf[2 : 2 + n], True, None, time.monotonic()))
                    buf = buf[2 + n :]
                    for m in self.messages(q):
                        if m == b"close":
                            conn.close()
                            return
                        if isinstance(m, tuple):
                            for piece in m:
                                conn.sendall(piece)
                                time.sleep(0.002)
                        else:
                            conn.sendall(struct.pack(">H", len(m)) + m)
        except (OSError, ssl.SSLError):
            pass
        finally:
            conn.close()

    def asked(self, rtype=None):
        return len([q for q in self.queries if rtype in (None, q.type)])


class Ask:
    def __init__(self, *servers, wrap=(), **options):
        args = [*wrap, PROGRAM]
        for s in servers or options.pop("servers", []):
            args.append("--server=" + (s if isinstance(s, str) else f"127.0.0.1:{s.port}"))
        for key, value in options.items():
            for v in value if isinstance(value, list) else [value]:
                args.append(f"--{key}={v}")
        self.p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.buf = b""

    def send(self, *lines):
        self.p.stdin.write("".join(l + "\n" for l in lines).encode())

    def read(self, timeout=13):
        while b"\n" not in self.buf:
            if not select.select([self.p.stdout], [], [], timeout)[0]:
                raise AssertionError("no answer")
            data = os.read(self.p.stdout.fileno(), 65536)
            if not data:
                raise AssertionError("dns-ask has ended")
            self.buf += data
        line, self.buf = self.buf.split(b"\n", 1)
        return line.decode().split()

    def __call__(self, *lines):
        self.send(*lines)
        out = [self.read() for _ in lines]
        return out[0] if len(out) == 1 else out

    def close(self):
        self.p.stdin.close()
        code = self.p.wait(timeout=15)
        self.p.stdout.close()
        assert code == 0, f"dns-ask ended with {code}"


def fds(pid, expect=None):
    """How many are open; waits a little for `expect`, since a slow second family may still be on its way."""
    for _ in range(100):
        n = len(os.listdir(f"/proc/{pid}/fd"))
        if expect in (None, n):
            break
        time.sleep(0.05)
    return n


class Case(unittest.TestCase):
    def setUp(self):
        self.cleanup = []

    def tearDown(self):
        with contextlib.ExitStack() as stack:
            for c in self.cleanup:
                stack.callback(c)

    def server(self, *args, **kw):
        s = Server(*args, **kw)
        self.cleanup.append(s.stop)
        return s

    def ask(self, *args, **kw):
        ask = Ask(*args, **kw)
        self.cleanup.append(ask.close)
        return ask


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


class DotCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.TemporaryDirectory()
        d = cls.dir.name
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", "/CN=ca", "-keyout", f"{d}/ca.key", "-out", f"{d}/ca.pem")
        cls.make("good", "DNS:dns.test,IP:127.0.0.1", "/CN=whatever")
        cls.make("late", "DNS:dns.test", "/CN=x", "-1")
        cls.make("other", "DNS:other.test", "/CN=dns.test")

    @classmethod
    def make(cls, what, san, subject, days="20"):
        d = cls.dir.name
        with open(f"{d}/{what}.ext", "w") as f:
            f.write(f"subjectAltName={san}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                "-keyout", f"{d}/{what}.key", "-out", f"{d}/{what}.csr")
        openssl("x509", "-req", "-in", f"{d}/{what}.csr", "-CA", f"{d}/ca.pem", "-CAkey", f"{d}/ca.key",
                "-CAcreateserial", "-days", days, "-extfile", f"{d}/{what}.ext", "-out", f"{d}/{what}.pem")

    @classmethod
    def make_self_signed(cls, what, san):
        d = cls.dir.name
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", "/CN=x", "-addext", f"subjectAltName={san}", "-keyout", f"{d}/{what}.key",
                "-out", f"{d}/{what}.pem")

    @classmethod
    def tearDownClass(cls):
        cls.dir.cleanup()

    def tls_context(self, cert="good"):
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(f"{self.dir.name}/{cert}.pem", f"{self.dir.name}/{cert}.key")
        ctx.set_alpn_protocols(["dot"])
        return ctx

    def tls_server(self, cert="good", answer=good, **kw):
        return self.server(answer, self.tls_context(cert), **kw)

    def strict(self, s, who="#dns.test", **kw):
        return self.ask(f"127.0.0.1:{s.port}{who}", tls="yes", ca=f"{self.dir.name}/ca.pem", **kw)
