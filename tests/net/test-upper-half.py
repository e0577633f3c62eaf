#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The upper half of the ladder against real servers, in a network of its own: a captive portal, a policy
server, an EST server and a token server, each of them also wrong, slow or away.

Usage: test-upper-half.py LWSD LWSD-FETCH LWSCTL
"""

import base64
import fcntl
import http.server
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import dbus.connection

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import private_network
from http_server import serve
from upper_lab import Authority, openssl

HOST = "192.0.2.2"
QUIET = dict(check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class World:
    """What the servers say at the moment, and what they were asked."""

    portal_open = True
    policy = b""
    policy_fetches = 0
    est_status = 200
    est_requests = []
    est_keys = set()
    token_status = 200
    token_lifetime = 3600
    token_requests = []
    token_peers = []


class Handler(http.server.BaseHTTPRequestHandler):
    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/204":
            if World.portal_open:
                return self.reply(204)
            return self.reply(302, Location="http://portal.test/login")
        if self.path == "/policy":
            World.policy_fetches += 1
            return self.reply(200, World.policy, Cache_Control="max-age=3600")
        self.reply(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/.well-known/est/"):
            der = base64.b64decode(body)
            World.est_requests.append((self.path, self.headers["Authorization"]))
            if World.est_status != 200:
                return self.reply(World.est_status, Retry_After="1")
            World.est_keys.add(openssl("req", "-inform", "DER", "-noout", "-pubkey", input=der))
            return self.reply(200, World.authority.enrol(der))
        if self.path.startswith("/token"):
            World.token_requests.append(body.decode())
            World.token_peers.append(self.connection.getpeercert())
            if World.token_status != 200:
                return self.reply(World.token_status, b'{"error":"invalid_client"}')
            token = {"access_token": f"token-{len(World.token_requests)}", "token_type": "Bearer",
                     "expires_in": World.token_lifetime}
            return self.reply(200, json.dumps(token).encode())
        self.reply(404)

    def log_message(self, *args):
        pass


def serve_time():
    """An SNTP server that says what this machine's clock says."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, 123))

    def loop():
        while True:
            data, peer = sock.recvfrom(512)
            now = time.time() + 2208988800
            stamp = struct.pack(">II", int(now), int(now % 1 * 2**32))
            sock.sendto(bytes([0x24, 1, 6, 0xEC]) + bytes(8) + b"GPS\0" + stamp + data[40:48] +
                        stamp + stamp, peer)

    threading.Thread(target=loop, daemon=True).start()


class Daemon:
    def __init__(self, folder, config):
        self.folder = folder
        self.socket = os.path.join(folder, "private")
        self.config = os.path.join(folder, "lwsd.conf")
        with open(self.config, "w") as f:
            f.write(config)
        self.log = os.path.join(folder, "log")
        self.process = None

    def start(self):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [LWSD, f"--config={self.config}", f"--runtime-dir={self.folder}/run",
                 f"--state-dir={self.folder}/state", f"--private-socket={self.socket}", "--no-bus"],
                stderr=log, env=dict(os.environ, LWSD_FETCH=LWSD_FETCH))

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(10)

    def get(self, name):
        out = subprocess.run(
            ["busctl", f"--address=unix:path={self.socket}", "--json=short", "get-property",
             "org.lwsd1", "/org/lwsd1", "org.lwsd1.Manager", name],
            capture_output=True, text=True).stdout
        return json.loads(out)["data"] if out else None

    def call(self, *args):
        subprocess.run(["busctl", f"--address=unix:path={self.socket}", "call", "org.lwsd1",
                        "/org/lwsd1", "org.lwsd1.Manager", *args], **QUIET)

    def wait(self, what, check, timeout=15):
        """Looks again and again, for a condition that several parts have to bring about."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            if check():
                return
            time.sleep(0.02)
        with open(self.log) as f:
            raise AssertionError(f"{what}: state {self.get('State')}, waiting "
                                 f"{self.get('Waiting')}\n{f.read()[-4000:]}")

    def wait_state(self, state, timeout=15):
        self.wait(state, lambda: self.get("State") == state, timeout)

    def wait_code(self, code, timeout=15):
        self.wait(code, lambda: code in [w[2] for w in self.get("Waiting") or []], timeout)


class UpperHalfTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.mkdtemp(prefix="lwsd-upper-")
        World.authority = cls.authority = Authority(cls.tmp, HOST)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cls.authority.path("server.pem"), cls.authority.path("server.key"))
        context.load_verify_locations(cls.authority.ca)
        context.verify_mode = ssl.CERT_OPTIONAL
        cls.https, cls.http = f"https://{HOST}:{serve(HOST, Handler, context)}", f"http://{HOST}:{serve(HOST, Handler)}"
        serve_time()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.tmp)

    def setUp(self):
        World.portal_open, World.est_status, World.token_status = True, 200, 200
        World.token_lifetime = 3600
        World.est_requests, World.est_keys = [], set()
        World.token_requests, World.token_peers = [], []
        World.policy = self.authority.sign_policy({"version": 5, "properties": {
            "channel": "a", "limit": -3, "ratio": 0.5, "trial": True}})
        self.folder = tempfile.mkdtemp(dir=self.tmp)
        credential = os.path.join(self.folder, "credential")
        with open(credential, "w") as f:
            f.write("dev:secret\n")
        self.daemon = Daemon(self.folder, f"""
[Manager]
RequireFamily=ipv4
[Time]
Servers={HOST}
SetClock=no
[CaptivePortal]
Urls={self.http}/204
[Policy]
Url={self.https}/policy
Key={self.authority.path("policy.pub")}
CertificateAuthority={self.authority.ca}
[Registration]
Provider=est
Url={self.https}
CertificateAuthority={self.authority.ca}
CredentialFile={credential}
Name=device-7
[Auth1]
Provider=oauth
Url={self.https}/token
Name=device-7
Scope=telemetry
CertificateAuthority={self.authority.ca}
""")

    def tearDown(self):
        if self.daemon.process and self.daemon.process.poll() is None:
            self.assertEqual(self.daemon.stop(), 0)

    def test_all_stages_pass_in_order(self):
        self.daemon.start()
        self.daemon.wait_state("operational")
        self.assertEqual(self.daemon.get("CaptivePortal"), "internet")
        self.assertEqual(self.daemon.get("PolicyVersion"), 5)
        self.assertEqual(self.daemon.get("Policy"), {
            "channel": {"type": "s", "data": "a"}, "limit": {"type": "x", "data": -3},
            "ratio": {"type": "d", "data": 0.5}, "trial": {"type": "b", "data": True}})
        self.assertEqual(World.est_requests,
                         [("/.well-known/est/simpleenroll", "Basic " +
                           base64.b64encode(b"dev:secret").decode())])
        self.assertEqual(World.token_requests, ["grant_type=client_credentials&client_id=device-7"
                                                "&scope=telemetry"])
        self.assertIn((("commonName", "device-7"),), World.token_peers[0]["subject"])
        state = os.path.join(self.folder, "state")
        self.assertEqual(os.stat(f"{state}/identity.key").st_mode & 0o777, 0o600)
        for name in os.listdir(state):
            with open(f"{state}/{name}", "rb") as f:
                self.assertNotIn(b"token-1", f.read())
        names = [t[0] for t in self.daemon.get("Timeline")]
        self.assertLess(names.index("registered"), names.index("auth1"))

    def test_a_portal_is_in_the_way_until_it_is_satisfied(self):
        World.portal_open = False
        self.daemon.start()
        self.daemon.wait_code("captive-portal")
        self.assertEqual(self.daemon.get("CaptivePortalUrl"), "http://portal.test/login")
        self.assertEqual(self.daemon.get("CaptivePortal"), "portal")
        World.portal_open = True
        self.daemon.call("ReportConnectivity", "ib", "0", "true")
        self.daemon.wait_state("operational")
        self.assertEqual(self.daemon.get("CaptivePortalUrl"), "")

    def test_a_portal_may_be_waited_for_before_time_is_true(self):
        with open(self.daemon.config, "a") as f:
            f.write("[CaptivePortal]\nWait=pre-time\n")
        World.portal_open = False
        self.daemon.start()
        self.daemon.wait_code("captive-portal")
        self.daemon.wait_state("dhcp")
        self.assertEqual([w[0] for w in self.daemon.get("Waiting")], ["cpd-pre-time"])
        World.portal_open = True
        self.daemon.call("ReportConnectivity", "ib", "0", "true")
        self.daemon.wait_state("operational")
        World.portal_open = False
        self.daemon.call("ReportConnectivity", "ib", "0", "false")
        self.daemon.wait_state("dhcp")

    def test_one_report_in_ten_seconds_starts_a_check(self):
        self.daemon.start()
        self.daemon.wait_state("operational")
        lwsd = dbus.connection.Connection(f"unix:path={self.daemon.socket}")

        def report(ok):
            lwsd.call_blocking("org.lwsd1", "/org/lwsd1", "org.lwsd1.Manager", "ReportConnectivity", "ib", (0, ok))

        report(True)  # is known, and starts none
        World.portal_open = False
        report(False)
        self.daemon.wait_code("captive-portal")
        for ok in (True, False):
            with self.assertRaisesRegex(dbus.exceptions.DBusException, "RateLimited"):
                report(ok)

    def test_policies_are_believed_by_signature_and_version(self):
        World.policy = self.authority.sign_policy({"version": 5}, key="other")
        self.daemon.start()
        self.daemon.wait_code("policy-refused")
        World.policy = self.authority.sign_policy({"version": 5})
        self.daemon.wait_state("operational")
        # an older one is refused, a newer one goes through POLICY_INVALID
        for version, invalid in ((4, 0), (6, 1)):
            World.policy = self.authority.sign_policy({"version": version})
            fetches, serial = World.policy_fetches, len(self.daemon.get("Timeline"))
            self.daemon.call("InvalidatePolicy")
            self.daemon.wait("fetch", lambda: World.policy_fetches > fetches)
            self.daemon.wait_state("operational")
            self.daemon.wait("version", lambda: self.daemon.get("PolicyVersion") == 5 + invalid)
        with open(os.path.join(self.folder, "state", "policy"), "rb") as f:
            self.assertEqual(f.read(), World.policy)

    def test_a_file_is_read_when_it_changes_and_never_replaced_by_an_older_one(self):
        policy = os.path.join(self.folder, "policy")

        def write(document):
            with open(policy + "~", "wb") as f:
                f.write(self.authority.sign_policy(document))
            os.rename(policy + "~", policy)

        def waits_for(words):
            return any(w[2] == "policy-refused" and words in w[3] for w in self.daemon.get("Waiting") or [])

        with open(self.daemon.config) as f:
            before, _, after = f.read().replace("=est", "=none").replace("=oauth", "=none").partition("[Policy]")
        with open(self.daemon.config, "w") as f:
            f.write(f"{before}[Policy]\nFile={policy}\nKey={self.authority.path('policy.pub')}\n"
                    f"{after[after.index('[Registration]'):]}")
        write({"version": 0})
        self.daemon.start()
        self.daemon.wait("refused", lambda: waits_for('line 1, column 2: "version" is not a whole number from 1'))
        write({"version": 5, "exp": "soon"})
        self.daemon.wait("refused again", lambda: waits_for("column 16"))
        write({"version": 5})
        self.daemon.wait_state("operational")
        write({"version": 4})
        with open(self.daemon.log) as f:
            self.daemon.wait("older", lambda: "policy 4 is older than 5 in force" in f.read())
            f.seek(0)
            self.assertEqual(f.read().count("is not a whole number"), 1)
        for how in (signal.SIGTERM, signal.SIGKILL):
            self.daemon.stop(how)
            self.daemon.start()
            self.daemon.wait("what was stored", lambda: self.daemon.get("PolicyVersion") == 5)
            self.daemon.wait_state("operational")
        write({"version": 6})
        self.daemon.wait("newer", lambda: self.daemon.get("PolicyVersion") == 6)

    def test_registration_waits_as_the_server_asks(self):
        World.est_status = 503
        self.daemon.start()
        self.daemon.wait_code("not-registered")
        World.est_status = 200
        self.daemon.wait_state("operational")

    def test_kills_leave_one_identity(self):
        for i in range(6):
            self.daemon.start()
            time.sleep(0.05 * i)
            self.daemon.stop(signal.SIGKILL)
        self.daemon.start()
        self.daemon.wait_state("operational")
        self.assertLessEqual(len(World.est_keys), 1)

    def test_a_token_that_cannot_be_renewed_lowers_the_state(self):
        World.token_lifetime = 10
        self.daemon.start()
        self.daemon.wait_state("operational")
        World.token_status = 401
        self.daemon.wait_state("registered", 20)
        self.assertIn("invalid_client", str(self.daemon.get("Waiting")))
        World.token_status = 200
        self.daemon.wait_state("operational", 20)

    def test_portal_and_policy_can_have_a_provider_of_ones_own(self):
        with open(self.daemon.config) as f:
            config = f.read()
        before, _, after = config.partition("[CaptivePortal]")
        after = after[after.index("[Registration]"):].replace("Provider=est", "Provider=none").replace(
            "Provider=oauth", "Provider=none")
        with open(self.daemon.config, "w") as f:
            f.write(f"{before}[CaptivePortal]\nProvider=hold\n[Policy]\nProvider=hold\n"
                    f"Key={self.authority.path('policy.pub')}\n{after}")
        self.daemon.start()
        self.daemon.wait_state("time-valid")
        self.daemon.wait_code("expected")
        lwsd = dbus.connection.Connection(f"unix:path={self.daemon.socket}")

        def call(method, signature, *args):
            return lwsd.call_blocking("org.lwsd1", "/org/lwsd1", "org.lwsd1.Manager", method, signature, args)

        held = [call("Hold", "sss", state, "tests", "asking").take() for state in ("cpd-post-time", "policy-valid")]
        self.assertEqual(self.daemon.get("CaptivePortal"), "unknown")
        os.close(held[0])
        self.daemon.wait_state("cpd-post-time")
        self.assertEqual(self.daemon.get("CaptivePortal"), "internet")
        for words, text in (("not a signed document", b"{}"),
                            ("line 1, column 2", self.authority.sign_policy({"version": "x"})),
                            ("not signed by our key", self.authority.sign_policy({"version": 3}, key="other"))):
            with self.assertRaisesRegex(dbus.exceptions.DBusException, words):
                call("SetBlob", "sayt", "policy-valid", text, 0)
        with self.assertRaisesRegex(dbus.exceptions.DBusException, "longer than 32768 octets"):
            call("SetBlob", "sayt", "policy-valid", b" " * 32769, 0)
        call("SetBlob", "sayt", "policy-valid", self.authority.sign_policy({"version": 3}), 0)
        os.close(held[1])
        self.daemon.wait_state("operational")
        self.assertEqual(self.daemon.get("PolicyVersion"), 3)
        with self.assertRaisesRegex(dbus.exceptions.DBusException, "older than 3"):
            call("SetBlob", "sayt", "policy-valid", self.authority.sign_policy({"version": 2}), 0)

    def test_providers_of_ones_own_hand_over_what_they_have(self):
        """[Registration] by the example's registrar, [Auth1] built in with that identity, [Auth2] by us."""
        with open(self.daemon.config) as f:
            config = f.read().replace("Provider=est", "Provider=hold")
        with open(self.daemon.config, "w") as f:
            f.write(config + "[Auth2]\nProvider=hold\n")
        key, request, pem = (os.path.join(self.folder, n) for n in ("own.key", "own.req", "own.pem"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                request, "-subj", "/CN=own-device")
        with open(pem, "wb") as f:
            f.write(self.authority.sign(request, "d", self.authority.ALWAYS))
        self.daemon.start()
        self.daemon.wait_state("policy-valid")
        self.daemon.wait_code("expected")
        example = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/examples/registrar.py")
        run = subprocess.run(["/usr/bin/python3", example, f"--socket={self.daemon.socket}", "cat", key, pem],
                             timeout=60, env=dict(os.environ, PATH=f"{os.path.dirname(LWSCTL)}:{os.environ['PATH']}"),
                             capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.daemon.wait_state("auth1")
        self.assertIn((("commonName", "own-device"),), World.token_peers[0]["subject"])

        lwsd = dbus.connection.Connection(f"unix:path={self.daemon.socket}")

        def call(method, signature, *args):
            return lwsd.call_blocking("org.lwsd1", "/org/lwsd1", "org.lwsd1.Manager", method, signature, args)

        def give(which, contents, expires=0):
            call("SetBlob", "sayt", which, contents, expires)

        with self.assertRaisesRegex(dbus.exceptions.DBusException, "NoSuchToken"):
            call("GetToken", "s", "auth2")
        for error, arguments in (("NotAvailable", ("auth1", b"t")), ("NotAvailable", ("x", b"t")),
                                 ("InvalidArgs", ("auth2", b"two words")), ("InvalidArgs", ("auth2", b"t", 1)),
                                 ("InvalidArgs", ("auth2", b"t" * 40000)),
                                 ("InvalidArgs", ("registered", b"no PEM"))):
            with self.assertRaisesRegex(dbus.exceptions.DBusException, error):
                give(*arguments)
        held = call("Hold", "sss", "auth2", "tests", "asking").take()
        give("auth2", b"token-of-ours", int(time.time() + 15) * 10**6)
        os.close(held)
        self.daemon.wait_state("operational")
        fd, expires = call("GetToken", "s", "auth2")
        with open(fd.take(), "rb") as f:
            self.assertEqual(fcntl.fcntl(f, fcntl.F_GET_SEALS) & 0xF, 0xF)
            self.assertEqual(f.read(), b"token-of-ours")
        self.assertLess(abs(expires / 1e6 - time.time()), 20)
        self.daemon.wait_state("auth1", 60)
        self.daemon.wait_code("token-expired")
        give("auth2", b"another")
        self.daemon.wait_state("operational")


if __name__ == "__main__":
    private_network.enter()
    LWSD, LWSD_FETCH, LWSCTL = (os.path.abspath(a) for a in sys.argv[1:4])
    del sys.argv[1:4]
    private_network.set_up()
    unittest.main()
