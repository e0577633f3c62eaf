#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lwsd-fetch against real HTTP and TLS servers on the loopback of a network of its own.

Usage: test-fetch.py PATH-OF-LWSD-FETCH
"""

import array
import email.utils
import fcntl
import http.server
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from http_server import serve

PROGRAM = sys.argv.pop(1)
# in its sandbox a process cannot be traced, which is how the sanitizer looks for leaks
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
OK, BAD_REQUEST, CONNECT, TLS, TLS_DATE, TIMEOUT, TOO_BIG, PROTOCOL = range(8)
NO_AGE = 0xFFFFFFFF
IGNORE_DATES = 1
F_GET_SEALS = 1034


class Handler(http.server.BaseHTTPRequestHandler):
    seen = []

    def do_GET(self):
        Handler.seen.append(dict(self.headers))
        if self.path == "/204":
            return self.answer(204)
        if self.path == "/redirect":
            return self.answer(302, {"Location": "http://login.test/"})
        if self.path == "/busy":
            return self.answer(503, {"Retry-After": "17"})
        if self.path == "/busy-until":  # http.server adds Date: itself
            return self.answer(503, {"Retry-After": email.utils.formatdate(time.time() + 100, usegmt=True)})
        if self.path == "/hang":
            return threading.Event().wait(3)
        if self.path == "/nasty":
            return self.answer(200, {"ETag": "a\x01b", "Location": "x" * 5000})
        size = int(self.path[1:] or 0)
        self.answer(200, {"Cache-Control": "private, max-age=77", "ETag": '"v1"'}, b"x" * size)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, {"Content-Type": "text/plain"}, body[::-1])

    def answer(self, status, headers={}, body=b""):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def make_certificate(folder, name, *dates):
    """A self-signed certificate for h.test; `dates` are openssl ca's -startdate and -enddate."""
    key, cert, req = (os.path.join(folder, name + s) for s in (".key", ".pem", ".req"))
    config = os.path.join(folder, "ca.cnf")
    with open(config, "w") as f:
        f.write(
            f"[ca]\ndefault_ca=c\n[c]\ndatabase={folder}/index\nnew_certs_dir={folder}\n"
            "rand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\nx509_extensions=x\n"
            "[p]\ncommonName=supplied\n[x]\nsubjectAltName=DNS:h.test\nbasicConstraints=CA:TRUE\n"
        )
    open(os.path.join(folder, "index"), "a").close()
    quiet = dict(check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(
        ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", key, "-out", req, "-subj", "/CN=h.test"], **quiet)
    subprocess.run(
        ["openssl", "ca", "-batch", "-selfsign", "-config", config, "-keyfile", key, "-in", req,
         "-out", cert, "-notext", "-startdate", dates[0], "-enddate", dates[1]], **quiet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with open(cert) as f:
        return f.read(), context


def text(value):
    raw = value.encode() + b"\0"
    return struct.pack(">H", len(raw)) + raw


class Fetcher:
    """One connection to a lwsd-fetch of our own."""

    def __init__(self):
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(20)
        self.process = subprocess.Popen([PROGRAM, "--sandbox"], stdin=theirs, env=ENVIRONMENT)
        theirs.close()

    def close(self):
        self.sock.close()
        return self.process.wait(5)

    def get(self, url, address="", flags=0, timeout=5000, limit=4096, ca="", etag="", post=None):
        message = struct.pack(">BBIII", 2, post is not None, flags, timeout, limit)
        message += text(url) + text("") + text("") + text(etag) + text("") + text("")
        message += text(ca) + text("") + text("") + text("")
        message += b"\1\4" + socket.inet_aton(address) if address else b"\0"
        body = post or b""
        return self.ask(message + struct.pack(">I", len(body)) + body)

    def ask(self, message):
        self.sock.send(message)
        data, ancillary, _, _ = self.sock.recvmsg(1 << 16, socket.CMSG_SPACE(4))
        version, error, status, age, retry, size, since, until = struct.unpack(">BBHIIIQQ", data[:32])
        strings, pos = [], 32
        for _ in range(4):
            (n,) = struct.unpack(">H", data[pos : pos + 2])
            strings.append(data[pos + 2 : pos + 1 + n].decode())
            pos += 2 + n
        body = b""
        for _, _, raw in ancillary:
            fd = array.array("i", raw)[0]
            assert fcntl.fcntl(fd, F_GET_SEALS) & 0xF == 0xF
            body = os.pread(fd, 1 << 20, 0)
            os.close(fd)
        assert version == 2 and pos == len(data) and size == len(body)
        return dict(error=error, status=status, age=age, retry=retry, body=body,
                    message=strings[0], etag=strings[2], location=strings[3], since=since,
                    until=until)


class FetchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port = serve("127.0.0.1", Handler)
        cls.url = f"http://127.0.0.1:{cls.port}"

    def setUp(self):
        self.fetch = Fetcher()

    def tearDown(self):
        self.assertEqual(self.fetch.close(), 0)

    def test_answers_come_back_whole(self):
        a = self.fetch.get(self.url + "/1000")
        self.assertEqual((a["error"], a["status"], a["age"], a["retry"]), (OK, 200, 77, NO_AGE))
        self.assertEqual(a["body"], b"x" * 1000)
        self.assertEqual(a["etag"], '"v1"')
        self.assertEqual(self.fetch.get(self.url + "/204")["status"], 204)
        self.assertEqual(self.fetch.get(self.url + "/0", post=b"abc")["body"], b"cba")

    def test_redirects_are_reported_and_not_followed(self):
        a = self.fetch.get(self.url + "/redirect")
        self.assertEqual((a["status"], a["location"]), (302, "http://login.test/"))

    def test_the_address_given_is_the_one_asked(self):
        url = f"http://probe.test:{self.port}/204"
        self.assertEqual(self.fetch.get(url, address="127.0.0.1")["status"], 204)
        self.assertEqual(Handler.seen[-1]["Host"], f"probe.test:{self.port}")
        self.assertEqual(self.fetch.get(url)["error"], CONNECT)  # no look-ups of its own

    def test_limits_hold(self):
        self.assertEqual(self.fetch.get(self.url + "/4097")["error"], TOO_BIG)
        self.assertEqual(self.fetch.get(self.url + "/4096")["error"], OK)
        self.assertEqual(self.fetch.get(self.url + "/hang", timeout=200)["error"], TIMEOUT)
        a = self.fetch.get(self.url + "/busy")
        self.assertEqual((a["status"], a["retry"]), (503, 17))
        self.assertLess(abs(self.fetch.get(self.url + "/busy-until")["retry"] - 100), 5)

    def test_headers_that_cannot_be_kept_are_dropped(self):
        a = self.fetch.get(self.url + "/nasty")
        self.assertEqual((a["status"], a["etag"], a["location"]), (200, "", ""))

    def test_nonsense_is_refused(self):
        for url in ("", "x", "file:///etc/passwd", "http://u@127.0.0.1/", "gopher://127.0.0.1/"):
            self.assertEqual(self.fetch.get(url)["error"], BAD_REQUEST, url)
        self.assertEqual(self.fetch.get(self.url + "/0", etag="a\r\nX: y")["error"], BAD_REQUEST)
        for message in (b"x", b"\1" * 100, b"\1" + b"\0" * 60):
            self.assertEqual(self.fetch.ask(message)["error"], BAD_REQUEST)
        self.assertEqual(self.fetch.get("http://127.0.0.1:1/")["error"], CONNECT)

    def test_certificates_are_judged(self):
        with tempfile.TemporaryDirectory() as folder:
            always = ("20200101000000Z", "20990101000000Z")
            good, good_context = make_certificate(folder, "good", *always)
            old, old_context = make_certificate(folder, "old", always[0], "20210101000000Z")
            new, new_context = make_certificate(folder, "new", "20980101000000Z", always[1])
            for name, ca, context, host, flags, error in (
                ("good", good, good_context, "h.test", 0, OK),
                ("wrong host", good, good_context, "other.test", 0, TLS),
                ("unknown", old, good_context, "h.test", 0, TLS),
                ("expired", old, old_context, "h.test", 0, TLS_DATE),
                ("not yet", new, new_context, "h.test", 0, TLS_DATE),
                ("expired, no clock", old, old_context, "h.test", IGNORE_DATES, OK),
                ("unknown, no clock", old, good_context, "h.test", IGNORE_DATES, TLS),
            ):
                port = serve("127.0.0.1", Handler, context)
                url = f"https://{host}:{port}/204"
                a = self.fetch.get(url, address="127.0.0.1", ca=ca, flags=flags)
                self.assertEqual(a["error"], error, f"{name}: {a['message']}")
                if flags and not error:  # who asks judges the dates once it can
                    self.assertEqual((a["since"], a["until"]), (1577836800 * 10**6, 1609459200 * 10**6))
                else:
                    self.assertEqual((a["since"], a["until"]), (0, 2**64 - 1))


if __name__ == "__main__":
    unittest.main()
