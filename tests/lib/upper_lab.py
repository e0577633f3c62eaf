# SPDX-License-Identifier: MIT
"""The servers that the upper half of the ladder talks to, each well or in one of the ways that servers fail,
and lwsd on the other end of a link with DHCP (dhcp_lab).

By itself, for a benchmark: upper_lab.py FOLDER HOST serves at HOST, and leaves what a client needs in FOLDER:
lwsd.conf, and what it names.
"""

import base64
import http.server
import json
import mmap
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

import dbus.connection

import dhcp_lab
from dhcp_lab import SERVER, sh
from http_server import HttpServer

HIJACKER = "10.77.0.2"  # where a hijacked DNS leads
PORTS = {"api": 8001, "probe": 8002, "policy": 8003, "est": 8004, "token": 8005}
ERA = 2208988800


def openssl(*args, **kwargs):
    return subprocess.run(["openssl", *args], check=True, capture_output=True, **kwargs).stdout


class Authority:
    """Keys and certificates for the servers, and what the EST server signs with."""

    ALWAYS = ("20200101000000Z", "20990101000000Z")

    def __init__(self, folder, host):
        self.folder = folder
        self.ca = self.path("ca.pem")
        for name in ("ca", "next"):
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    self.path(f"{name}.key"), "-out", self.path(f"{name}.pem"), "-subj", f"/CN=test {name}", "-days",
                    "20000")
        with open(self.path("ca.cnf"), "w") as f:
            f.write("[ca]\ndefault_ca=c\n[c]\ndatabase=$ENV::ISSUED/index\nnew_certs_dir=$ENV::ISSUED\n"
                    "rand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n"
                    f"[x]\nsubjectAltName=IP:{host},DNS:policy.test\n[o]\nsubjectAltName=DNS:elsewhere.test\n"
                    "[d]\nbasicConstraints=CA:FALSE\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                self.path("server.key"), "-out", self.path("server.req"), "-subj", "/CN=server")
        for name, extensions, dates in (("server", "x", self.ALWAYS), ("elsewhere", "o", self.ALWAYS),
                                        ("expired", "x", ("20200101000000Z", "20210101000000Z")),
                                        ("future", "x", ("20980101000000Z", "20990101000000Z"))):
            with open(self.path(name + ".pem"), "wb") as f:
                f.write(self.sign(self.path("server.req"), extensions, dates))
        with open(self.path("rolled.pem"), "wb") as f:
            f.write(self.sign(self.path("server.req"), "x", self.ALWAYS, ca="next"))
        for name in ("policy", "other"):
            openssl("genpkey", "-algorithm", "ED25519", "-out", self.path(name + ".key"))
        openssl("pkey", "-in", self.path("policy.key"), "-pubout", "-out", self.path("policy.pub"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def sign(self, request, extensions, dates, form="PEM", ca="ca"):
        text = openssl("req", "-inform", form, "-in", request)
        with tempfile.TemporaryDirectory(dir=self.folder) as issued:  # openssl's own list bears no two at a time
            open(os.path.join(issued, "index"), "w").close()
            return openssl("ca", "-batch", "-config", self.path("ca.cnf"), "-cert", self.path(f"{ca}.pem"), "-keyfile",
                           self.path(f"{ca}.key"), "-in", "/dev/stdin", "-notext", "-extensions", extensions,
                           "-startdate", dates[0], "-enddate", dates[1], input=text,
                           env=dict(os.environ, ISSUED=issued))

    def enrol(self, der, dates=ALWAYS):
        """The answer of /simpleenroll to a PKCS#10."""
        name = self.path(f"device-{os.getpid()}-{threading.get_ident()}")
        with open(name, "wb") as f:
            f.write(der)
        cert = self.sign(name, "d", dates, "DER")
        os.unlink(name)
        return self.pack(cert)

    @staticmethod
    def pack(certificates):
        """PEM as a certs-only PKCS#7, the way EST servers send it."""
        return base64.encodebytes(openssl("crl2pkcs7", "-nocrl", "-certfile", "/dev/stdin", "-outform", "DER",
                                          input=certificates))

    def authorities(self):
        """The answer of /cacerts: the one that signs, and the one that will."""
        text = b""
        for name in ("ca", "next"):
            with open(self.path(f"{name}.pem"), "rb") as f:
                text += f.read()
        return self.pack(text)

    def stranger(self):
        """The same, of an authority that signs nothing here."""
        return self.pack(openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                                 "-keyout", "/dev/null", "-subj", "/CN=stranger", "-days", "100"))

    def sign_policy(self, document, key="policy"):
        """Of an object, or of text that ought to be one."""
        def encode(raw):
            return base64.urlsafe_b64encode(raw).rstrip(b"=")

        text = encode(b'{"alg":"EdDSA"}') + b"." + encode(document if isinstance(document, bytes) else json.dumps(document).encode())
        name = self.path(f"tbs-{os.getpid()}")
        with open(name, "wb") as f:
            f.write(text)
        return text + b"." + encode(openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.path(key + ".key"), "-in",
                                            name))


class World:
    """What the servers say at the moment, and what they were asked."""

    def __init__(self, authority):
        self.authority = authority
        self.faults = {}  # server: how it fails
        self.asked = {}  # server: when
        self.captive = False
        self.dns = SERVER
        self.time = True
        self.keys, self.est_dates, self.lifetime = set(), Authority.ALWAYS, 3600
        self.enrolments = []  # what was asked for, and the certificate that it was asked with
        self.etag, self.unchanged = None, 0  # of the policy, and how often it was all that was asked for
        self.set_policy(5)
        self.contexts = {}

    def set_policy(self, version, key="policy", **members):
        document = {"version": version, "properties": {"v": version}, **members}
        self.policy = self.authority.sign_policy(document, key)

    def context(self, certificate):
        if certificate not in self.contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.authority.path(certificate + ".pem"), self.authority.path("server.key"))
            context.load_verify_locations(self.authority.ca)
            context.verify_mode = ssl.CERT_OPTIONAL
            self.contexts[certificate] = context
        return self.contexts[certificate]


class Handler(http.server.BaseHTTPRequestHandler):
    """One server of the five; self.server says which."""

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        half = self.fault == "half"
        if status != 204:
            self.send_header("Content-Length", str(len(body) + 100 * half))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2] if half else body)

    def serve(self):
        self.world, self.name = self.server.world, self.server.name
        if self.path.endswith("/cacerts"):
            self.name = "cacerts"
        self.world.asked.setdefault(self.name, []).append(time.monotonic())
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.fault = self.world.faults.get(self.name)
        if self.connection.getsockname()[0] == HIJACKER:
            return self.answer(302, Location="http://portal.test/login")
        if self.fault == "silent":
            self.world.faults[self.name] = None
            return threading.Event().wait(60)
        if self.fault == "slow":
            time.sleep(3)
        if self.fault == "busy":
            return self.answer(503, b"busy", Retry_After="2")
        if self.fault == "oversized":
            return self.answer(200, b"x" * (2 << 20))
        if self.fault == "nonsense":
            return self.answer(200, b'{"captive": "maybe", "access_token": 7}')
        getattr(self, "serve_" + self.name)(body)

    do_GET = do_POST = serve

    def serve_api(self, body):
        text = {"captive": self.world.captive}
        if self.world.captive:
            text["user-portal-url"] = "https://portal.test/login"
        self.answer(200, json.dumps(text).encode(), Content_Type="application/captive+json")

    def serve_probe(self, body):
        if self.fault == "page":
            return self.answer(200, b"<html>log in</html>")
        if self.fault == "511":
            return self.answer(511, b"log in")
        if self.world.captive:
            return self.answer(302, Location="http://portal.test/login")
        self.answer(204)

    def serve_policy(self, body):
        tag = self.world.etag
        if tag and self.headers["If-None-Match"] == tag:
            self.world.unchanged += 1
            return self.answer(304, ETag=tag)
        if tag:
            return self.answer(200, self.world.policy, ETag=tag)
        self.answer(200, self.world.policy, Cache_Control="max-age=3600")

    def serve_cacerts(self, body):
        if self.fault == "none":
            return self.answer(404)
        a = self.world.authority
        self.answer(200, a.stranger() if self.fault == "stranger" else a.authorities())

    def serve_est(self, body):
        self.world.enrolments.append((self.path.rpartition("/")[2], self.connection.getpeercert()))
        der = base64.b64decode(body)
        key = openssl("req", "-inform", "DER", "-noout", "-pubkey", input=der)
        self.world.keys.add(key)
        if self.fault in ("forged", "replayed"):  # a certificate for another key than the one asked for
            text = openssl("req", "-new", "-key", self.world.authority.path("server.key"), "-subj", "/CN=x",
                           "-outform", "DER")
            return self.answer(200, self.world.authority.enrol(text))
        dates = self.world.est_dates
        self.answer(200, self.world.authority.enrol(der, dates() if callable(dates) else dates))

    def serve_token(self, body):
        lifetime = 0 if self.fault == "replayed" else self.world.lifetime  # one that has ended
        if not self.connection.getpeercert():
            return self.answer(401, b'{"error":"invalid_client"}')
        self.answer(200, json.dumps({"access_token": f"secret-{len(self.world.asked['token'])}",
                                     "token_type": "mac" if self.fault == "forged" else "Bearer",
                                     "expires_in": lifetime}).encode())

    def log_message(self, *args):
        pass


class Server(HttpServer):
    def __init__(self, world, name):
        self.world, self.name, self.tls = world, name, name != "probe"
        super().__init__(("0.0.0.0", PORTS[name]), Handler)
        self.start()

    def finish_request(self, request, address):
        if self.tls:
            fault = self.world.faults.get(self.name)
            hijacked = request.getsockname()[0] == HIJACKER
            certificate = fault if fault in ("elsewhere", "expired", "future", "rolled") else "server"
            context = self.world.context("elsewhere" if hijacked else certificate)
            request = context.wrap_socket(request, server_side=True)
        super().finish_request(request, address)

    def shutdown_request(self, request):
        self.close_request(request)


def serve_datagrams(port, answer):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", port))

    def loop():
        while True:
            data, peer = sock.recvfrom(2048)
            reply = answer(data)
            if reply:
                sock.sendto(reply, peer)

    threading.Thread(target=loop, daemon=True).start()


def answer_time(world):
    """SNTP that says what this machine's clock says."""
    def answer(data):
        now = time.time() + ERA
        stamp = struct.pack(">II", int(now), int(now % 1 * 2**32))
        return world.time and (bytes([0x24, 1, 6, 0xEC]) + bytes(8) + b"GPS\0" + stamp + data[40:48] + stamp + stamp)

    return answer


def answer_dns(world):
    """Every name is at world.dns; there is no IPv6."""
    def answer(data):
        end = data.index(b"\0", 12) + 5
        a = data[end - 4:end - 2] == b"\0\1"
        record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(world.dns)
        return data[:2] + b"\x81\x80\0\1" + bytes([0, a]) + bytes(4) + data[12:end] + (record if a else b"")

    return answer


def configuration(a, host, policy="policy.test", probe="probe.test"):
    return f"""
[Time]
Servers={host}
SetClock=no
[CaptivePortal]
Urls=http://{probe}:{PORTS["probe"]}/
CertificateAuthority={a.ca}
[Policy]
Url=https://{policy}:{PORTS["policy"]}/
Key={a.path("policy.pub")}
CertificateAuthority={a.ca}
[Registration]
Provider=est
Url=https://{host}:{PORTS["est"]}
CertificateAuthority={a.ca}
Name=device-7
[Auth1]
Provider=oauth
Url=https://{host}:{PORTS["token"]}
Name=device-7
CertificateAuthority={a.ca}
"""


class Lab(dhcp_lab.Lab):
    """lwsd with all stages configured, and their servers, which run from the start unless told otherwise."""

    authority = fakeclock = None  # made once, before scenarios are forked

    def __init__(self, lwsd, settings="", manager=""):
        self.world = World(Lab.authority)
        super().__init__(lwsd, settings + configuration(Lab.authority, SERVER), manager + "\nTarget=operational")
        sh(f"ip address add {HIJACKER}/24 dev srv")
        serve_datagrams(123, answer_time(self.world))
        serve_datagrams(53, answer_dns(self.world))
        self.servers = {name: Server(self.world, name) for name in PORTS}
        self.bus = None

    def close(self):
        self.bus = None
        super().close()

    def start(self, clock=None):
        """With a realtime clock of its own, that many seconds off, which it may set and a test may step."""
        if clock is not None:
            with open(f"{self.dir}/lwsd.conf", "a") as f:
                f.write("[Time]\nSetClock=yes\n")
            os.environ.update(LD_PRELOAD=self.fakeclock, FAKECLOCK_STATE=f"{self.dir}/clock",
                              FAKECLOCK_OFFSET=str(clock))
        super().start()
        os.environ.pop("LD_PRELOAD", None)

    def step(self, seconds):
        with open(f"{self.dir}/clock", "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
            raw, fake = struct.unpack_from("<qq", m)
            struct.pack_into("<qq", m, 0, raw, fake + int(seconds * 1e9))

    def stop_server(self, name):
        self.servers[name].shutdown()
        self.servers[name].server_close()

    def start_server(self, name):
        self.servers[name] = Server(self.world, name)

    def fail(self, name, fault):
        if fault == "absent":
            self.stop_server(name)
        else:
            self.world.faults[name] = fault

    def heal(self, name, fault):
        if fault == "absent":
            self.start_server(name)
        self.world.faults[name] = None

    def connect(self, api=False):
        """The network comes: DHCP, and with it perhaps a portal's API."""
        uri = f"https://{SERVER}:{PORTS['api']}/".encode()
        extra = dhcp_lab.option(114, uri) if api else b""

        def bound():
            while self.early:  # a busy test may have let it ask more than once
                message = self.early.pop(0)
                kind = {dhcp_lab.DISCOVER: dhcp_lab.OFFER, dhcp_lab.REQUEST: dhcp_lab.ACK}.get(message.type)
                if kind:
                    self.reply(message, kind, extra=extra)
            return self.addresses()

        self.wait(bound, 30, "no address")

    # -- what lwsd says

    def get(self, name):
        for _ in range(2):  # the connection may be to one that was stopped
            try:
                if not self.bus:
                    self.bus = dbus.connection.Connection(f"unix:path={self.dir}/run/private")
                return self.bus.call_blocking("org.lwsd1", "/org/lwsd1", "org.freedesktop.DBus.Properties", "Get",
                                              "ss", ("org.lwsd1.Manager", name))
            except dbus.exceptions.DBusException:
                self.bus = None
        return None

    def call(self, method, signature="", *args):
        self.get("State")
        return self.bus.call_blocking("org.lwsd1", "/org/lwsd1", "org.lwsd1.Manager", method, signature, args)

    def time(self, method):
        self.bus.call_blocking("org.lwsd1", "/org/lwsd1", "org.lwsd1.Time", method, "", ())

    def waiting(self):
        return [(str(w[2]), str(w[3])) for w in self.get("Waiting") or []]

    def until(self, what, check, seconds=30):
        """Looks again and again, for something that several processes have to bring about."""
        end = time.monotonic() + seconds
        while not check():
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not within {seconds} s: state {self.get('State')}, {self.waiting()}, "
                                     f"asked {({k: len(v) for k, v in self.world.asked.items()})}")
            time.sleep(0.03)

    def until_state(self, state, seconds=30):
        self.until(state, lambda: self.get("State") == state, seconds)

    def until_waiting(self, code, words="", seconds=30):
        self.until(f"{code}: {words}", lambda: any(c == code and words in w for c, w in self.waiting()), seconds)


def main(folder, host):
    authority = Authority(folder, host)
    world = World(authority)
    servers = [Server(world, name) for name in PORTS]
    with open(authority.path("lwsd.conf"), "w") as f:
        f.write(configuration(authority, host, host, host))
    print("ready", flush=True)
    threading.Event().wait()
    del servers


if __name__ == "__main__":
    main(*sys.argv[1:])
