#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lwsd's time client against servers that are right, wrong, hostile or gone, and against chronyd with NTS.

Each scenario has servers on addresses of its own and an lwsd with a realtime clock of its own (fakeclock),
so that nothing touches the machine's clock; several run at once.

Usage: test-ntp.py LWSD LWSCTL FAKECLOCK [SCENARIO...]
"""

import concurrent.futures
import ctypes
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

QUIET = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
SKIPPED = 77
NTP_EPOCH = 2208988800
SCENARIOS = []


def enter_namespace():
    """Starts again inside namespaces of our own, with one link that has a default route."""
    if os.environ.get("LWSD_TEST_INSIDE"):
        return
    flags = ["--net", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    if subprocess.run(["unshare", *flags, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("no namespaces here: skipped")
        sys.exit(SKIPPED)
    os.environ["LWSD_TEST_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", *flags, sys.executable, *sys.argv])


def leave_the_clock_alone():
    """Whatever goes wrong below, the machine's clock is not ours: the right to set it goes, for all that we start,
    and a preload that does nothing ends the test."""
    ctypes.CDLL(None).prctl(24, 25, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_SYS_TIME
    env = dict(os.environ, LD_PRELOAD=FAKECLOCK, FAKECLOCK_OFFSET="1000000")
    shown = int(subprocess.run(["date", "+%s"], env=env, capture_output=True, check=True).stdout)
    assert abs(shown - time.time() - 1e6) < 100, f"{FAKECLOCK} does not work"


def set_up_network():
    for line in ("link set lo up", "link add wan0 type veth peer name wan1", "link set wan1 up",
                 "addr add 192.0.2.2/24 dev wan0", "addr add 10.99.0.1/16 dev lo", "link set wan0 up",
                 "route add default via 192.0.2.1 dev wan0"):
        subprocess.run(["ip", *line.split()], check=True)


class Addresses:
    lock, last = threading.Lock(), 0

    @classmethod
    def new(cls):
        with cls.lock:
            cls.last += 1
            return f"10.99.{1 + cls.last // 200}.{1 + cls.last % 200}"


def to_ntp(t):
    """Seconds since 1970 as 64 bits, whatever the era."""
    return int((t + NTP_EPOCH) * 2 ** 32) & (2 ** 64 - 1)


class Server:
    """Answers like a server whose time is ours plus `offset`; `change(server, fields, request)` may alter the
    fields of an answer, and what it returns is sent instead where it returns something."""

    def __init__(self, offset=0.0, change=None, address=None, start=True):
        self.offset, self.change = offset, change
        self.address = address or Addresses.new()
        self.requests, self.ports, self.times = [], [], []
        self.stopping = False
        if start:
            self.start()

    def start(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
        self.socket.bind((self.address, 123))
        threading.Thread(target=self.run, daemon=True).start()
        return self

    def now(self):
        return time.time() + self.offset

    def fields(self, request):
        now = self.now()
        return dict(leap=0, version=4, mode=4, stratum=2, poll=6, precision=-20, root_delay=64, root_dispersion=64,
                    reference_id=0x7f000001, reference=to_ntp(now - 1), origin=struct.unpack(">Q", request[40:48])[0],
                    receive=to_ntp(now), transmit=to_ntp(now), tail=b"")

    @staticmethod
    def pack(f):
        return struct.pack(">BBbbIIIQQQQ", f["leap"] << 6 | f["version"] << 3 | f["mode"], f["stratum"], f["poll"],
                           f["precision"], f["root_delay"], f["root_dispersion"], f["reference_id"], f["reference"],
                           f["origin"], f["receive"], f["transmit"]) + f["tail"]

    def run(self):
        while True:
            request, peer = self.socket.recvfrom(2048)
            self.requests.append(request)
            self.ports.append(peer[1])
            self.peer = peer[0]
            self.times.append(time.monotonic())
            f = self.fields(request)
            answers = self.change(self, f, request) if self.change else None
            if answers is None:
                answers = [self.pack(f)]
            for answer in answers:
                self.socket.sendto(answer, peer)

    def shortest_wait(self):
        return min((b - a for a, b in zip(self.times, self.times[1:])), default=1e9)


class Names:
    """A DNS server that knows one name."""

    def __init__(self, name, addresses):
        self.name, self.addresses, self.queries = name, addresses, 0
        self.address, self.dead = Addresses.new(), False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
        self.socket.bind((self.address, 53))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            query, peer = self.socket.recvfrom(2048)
            end = 12
            while query[end]:
                end += query[end] + 1
            name, question = query[12:end].lower(), query[12:end + 5]
            known = name == b"".join(bytes([len(p)]) + p.encode() for p in self.name.split("."))
            wants_a = question[-4:-2] == b"\0\1"
            answers = self.addresses if known and wants_a else []
            self.queries += known and wants_a
            if self.dead:
                continue
            self.socket.sendto(query[:2] + struct.pack(">HHHHH", 0x8180 | (0 if known else 3), 1, len(answers), 0, 0) + question
                               + b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(a) for a in answers), peer)


class Lwsd:
    def __init__(self, config, offset=0.0, ppm=0.0, deny=False, folder=None, names=None):
        self.folder = folder or tempfile.mkdtemp(prefix="lwsd-ntp-")
        self.keep = folder is not None
        self.clock = os.path.join(self.folder, "fakeclock")
        if os.path.exists(self.clock):
            os.unlink(self.clock)
        with open(os.path.join(self.folder, "lwsd.conf"), "w") as f:
            if names:
                f.write(f"[DNS]\nServers={names.address}\n")
            f.write("[CaptivePortal]\nCheck=no\n[Time]\n" + config + "\n")
        env = dict(os.environ, LD_PRELOAD=FAKECLOCK, FAKECLOCK_STATE=self.clock, FAKECLOCK_OFFSET=repr(float(offset)),
                   FAKECLOCK_PPM=str(ppm), ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
        if deny:
            env["FAKECLOCK_DENY"] = "1"
        self.socket = os.path.join(self.folder, "run/private")
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [LWSD, f"--config={self.folder}/lwsd.conf", f"--runtime-dir={self.folder}/run",
             f"--state-dir={self.folder}/state", f"--private-socket={self.socket}", "--no-bus"],
            env=env, stdout=self.log, stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop()
        if kind:
            self.log.seek(0)
            sys.stderr.write(self.log.read())
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(10) == 0, "lwsd did not leave cleanly"

    def state(self):
        """How far ahead of the machine's clock ours is, and how often it was stepped and told something."""
        with open(self.clock, "rb") as f:
            raw, fake, oscillator, rate, steps, adjustments, status, _ = struct.unpack("<qqddqqqq", f.read(64))
        passed = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) - raw
        now = fake + passed + int(passed * (oscillator + rate))
        return (now - time.time_ns()) * 1e-9, steps, adjustments, status

    def ahead(self):
        return self.state()[0]

    def steps(self):
        return self.state()[1]

    def push(self, seconds):
        """Somebody else sets the clock."""
        with open(self.clock, "r+b") as f:
            fake, = struct.unpack("<q", os.pread(f.fileno(), 8, 8))
            os.pwrite(f.fileno(), struct.pack("<q", fake + int(seconds * 1e9)), 8)

    def ctl(self, *args):
        r = subprocess.run([LWSCTL, f"--socket={self.socket}", *args], capture_output=True, text=True, timeout=30)
        return r.returncode, r.stdout

    def valid(self, timeout):
        return self.ctl("wait", "time-valid", f"--timeout={timeout}")[0] == 0

    def time(self):
        lines = [line.split("\t") for line in self.ctl("time")[1].splitlines()]
        return {line[0]: line[1:] for line in lines}

    def why(self):
        return self.ctl("why")[1]


def scenario(fn):
    SCENARIOS.append(fn)
    return fn


def near(value, wanted, tolerance):
    assert abs(value - wanted) <= tolerance, f"{value} is not within {tolerance} of {wanted}"


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
        assert lwsd.valid(1.5), "a majority needs one round trip"
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
        assert lwsd.time()["offset"][0].startswith("-10")


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
}


def add_refused(name, change):
    def fn():
        refused(change)
    fn.__name__ = f"refused_{name}"
    SCENARIOS.append(fn)


for refused_name, refused_change in REFUSED.items():
    add_refused(refused_name, refused_change)


@scenario
def answers_from_elsewhere():
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind(("10.99.0.1", 123))

    def change(server, fields, request):
        other.sendto(Server.pack(fields), (server.peer, server.ports[-1]))
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
def two_that_differ():
    servers = [Server(offset=5), Server()]
    with Lwsd("Servers=" + " ".join(s.address for s in servers), offset=20) as lwsd:
        assert not lwsd.valid(7)
        assert lwsd.state()[1] == 0
        assert "no-majority" in lwsd.why()


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
    names = Names("ntp.example", [server.address])
    names.dead = True
    with Lwsd("Servers=ntp.example", names=names) as lwsd:
        assert not lwsd.valid(2)
        assert "no-address" in lwsd.why()
        names.dead = False
        assert lwsd.valid(20)


# -- NTS -----------------------------------------------------------------------------------------------------


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


class NtsServer:
    """chronyd with a certificate; it leaves the clock alone (-x)."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="lwsd-nts-")
        self.address = Addresses.new()
        path = self.path
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl("req", "-x509", *key, "-keyout", path("ca.key"), "-out", path("ca.pem"), "-subj", "/CN=ca", "-days", "9")
        openssl("req", *key, "-keyout", path("key"), "-out", path("req"), "-subj", "/CN=server")
        with open(path("san"), "w") as f:
            f.write(f"subjectAltName=IP:{self.address}\n")
        openssl("x509", "-req", "-in", path("req"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial",
                "-days", "9", "-extfile", path("san"), "-out", path("pem"))
        with open(path("conf"), "w") as f:
            f.write(f"local stratum 1\nallow all\ncmdport 0\nbindaddress {self.address}\npidfile {path('pid')}\n"
                    f"ntsservercert {path('pem')}\nntsserverkey {path('key')}\n")
        subprocess.run(["ip", "addr", "add", f"{self.address}/32", "dev", "lo"], check=True)
        self.start()

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        self.process = subprocess.Popen(["chronyd", "-x", "-d", "-U", "-u", "root", "-f", self.path("conf")], **QUIET)
        for _ in range(100):
            try:
                socket.create_connection((self.address, 4460), 1).close()
                return
            except OSError:
                time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder)


@scenario
def nts_with_a_wrong_clock():
    with NtsServer() as server, Lwsd(f"NTSServers={server.address}\nCertificateAuthority={server.path('ca.pem')}\n"
                                     "RequireAuthenticated=yes", offset=-1.5e9) as lwsd:
        assert lwsd.valid(10)
        near(lwsd.ahead(), 0, 0.05)
        assert lwsd.time()["authenticated"] == ["yes"]
        assert lwsd.time()["confidence"] == ["authenticated"]


@scenario
def nts_cookies_outlive_a_restart():
    folder = tempfile.mkdtemp(prefix="lwsd-ntp-")
    with NtsServer() as server:
        config = f"NTSServers={server.address}\nCertificateAuthority={server.path('ca.pem')}"
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


@scenario
def nts_with_an_unknown_authority():
    with NtsServer() as server, Lwsd(f"NTSServers={server.address}") as lwsd:
        assert not lwsd.valid(3)
        assert "no-keys" in lwsd.why() and "certificate" in lwsd.why()


@scenario
def authentication_is_required():
    server = Server()
    with Lwsd(f"Servers={server.address}\nRequireAuthenticated=yes", offset=5) as lwsd:
        assert not lwsd.valid(4)
        assert lwsd.steps() == 0 and "not-authenticated" in lwsd.why()


def run(fn):
    started = time.monotonic()
    try:
        fn()
        return fn.__name__, None, time.monotonic() - started
    except Exception:  # a scenario may fail in any way; the others go on
        return fn.__name__, traceback.format_exc(), time.monotonic() - started


def main():
    global LWSD, LWSCTL, FAKECLOCK
    LWSD, LWSCTL, FAKECLOCK = (os.path.abspath(p) for p in sys.argv[1:4])
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    enter_namespace()
    leave_the_clock_alone()
    set_up_network()
    chosen = [fn for fn in SCENARIOS if len(sys.argv) == 4 or fn.__name__ in sys.argv[4:]]
    if not shutil.which("chronyd"):
        chosen = [fn for fn in chosen if not fn.__name__.startswith("nts_")]
        print("no chronyd: the scenarios with NTS are skipped")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for name, error, took in pool.map(run, chosen):
            print(f"{'not ok' if error else 'ok'} {name} ({took:.1f} s)", flush=True)
            if error:
                failed += 1
                print(error)
    print(f"{len(chosen) - failed} of {len(chosen)} scenarios passed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
