# SPDX-License-Identifier: MIT
"""What the tests of the time client share: servers that answer as they are told, names, and an lwsd with a realtime
clock of its own (fakeclock), so that nothing touches the machine's clock. Scenarios run several at once, each with
addresses of its own, in a network of our own.

A test calls main(); its usage is then TEST LWSD LWSCTL FAKECLOCK [SCENARIO...]
"""

import concurrent.futures
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import no_clock
import private_network

QUIET = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
NTP_EPOCH = 2208988800
SCENARIOS = []


def leave_the_clock_alone():
    """Whatever goes wrong below, the machine's clock is not ours: the right to set it goes, for all that we start,
    and a preload that does nothing ends the test."""
    no_clock.drop()
    env = dict(os.environ, LD_PRELOAD=FAKECLOCK, FAKECLOCK_OFFSET="1000000")
    shown = int(subprocess.run(["date", "+%s"], env=env, capture_output=True, check=True).stdout)
    assert abs(shown - time.time() - 1e6) < 100, f"{FAKECLOCK} does not work"


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


def bound(address, port):
    """A UDP socket at an address of either family, a scope with it (fe80::1%eth0), that need not be there yet."""
    family, _, _, _, at = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
    s.bind(at)
    return s


class Server:
    """Answers like a server whose time is ours plus `offset`; `change(server, fields, request)` may alter the
    fields of an answer, and what it returns is sent instead where it returns something."""

    def __init__(self, offset=0.0, change=None, address=None, start=True, port=123):
        self.offset, self.change, self.port = offset, change, port
        self.address = address or Addresses.new()
        self.requests, self.ports, self.times = [], [], []
        self.stopping = False
        if start:
            self.start()

    def start(self):
        self.socket = bound(self.address, self.port)
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
            self.peer = peer
            self.times.append(time.monotonic())
            f = self.fields(request)
            answers = self.change(self, f, request) if self.change else None
            if answers is None:
                answers = [self.pack(f)]
            for answer in answers:
                self.socket.sendto(answer, peer)

    def shortest_wait(self):
        return min((b - a for a, b in zip(self.times, self.times[1:])), default=1e9)


class Chronyd:
    """chronyd as a server; it leaves the clock alone (-x)."""

    def __init__(self, *lines, keys=None):
        self.folder = tempfile.mkdtemp(prefix="lwsd-chronyd-")
        self.address = Addresses.new()
        subprocess.run(["ip", "addr", "add", f"{self.address}/32", "dev", "lo"], check=True)
        lines = ["local stratum 1", "allow all", "cmdport 0", f"bindaddress {self.address}", f"pidfile {self.path('pid')}", *lines]
        if keys:
            with open(self.path("keys"), "w") as f:
                f.write(keys)
            lines.append(f"keyfile {self.path('keys')}")
        self.configure(lines)
        self.start()

    def path(self, name):
        return os.path.join(self.folder, name)

    def configure(self, lines):
        with open(self.path("conf"), "w") as f:
            f.write("\n".join(lines) + "\n")

    def start(self):
        self.process = subprocess.Popen(["chronyd", "-x", "-d", "-U", "-u", "root", "-f", self.path("conf")], **QUIET)
        eventually(self.answers)

    def answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            s.connect((self.address, 123))
            try:
                return s.send(b"\x23" + bytes(39) + b"12345678") and len(s.recv(100)) == 48
            except OSError:
                return False

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder)


class Names:
    """A DNS server that knows one name."""

    def __init__(self, name, addresses):
        self.name, self.addresses, self.queries = name, addresses, 0
        self.address, self.dead = Addresses.new(), False
        self.socket = bound(self.address, 53)
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
    def __init__(self, config, offset=0.0, ppm=0.0, deny=False, folder=None, names=None, keys=None,
                 environment=None, through=()):
        """`through` is a command that ends in lwsd; `environment` is added to its own."""
        self.folder = folder or tempfile.mkdtemp(prefix="lwsd-ntp-")
        self.keep = folder is not None
        self.clock = os.path.join(self.folder, "fakeclock")
        if os.path.exists(self.clock):
            os.unlink(self.clock)
        with open(os.path.join(self.folder, "lwsd.conf"), "w") as f:
            if names:
                f.write(f"[DNS]\nServers={names.address}\n")
            f.write("[CaptivePortal]\nCheck=no\n[Time]\n" + config + "\n")
            if keys:
                self.write_keys(keys)
                f.write(f"KeyFile={self.folder}/keys\n")
        env = dict(os.environ, LD_PRELOAD=FAKECLOCK, FAKECLOCK_STATE=self.clock, FAKECLOCK_OFFSET=repr(float(offset)),
                   FAKECLOCK_PPM=str(ppm), ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0", **(environment or {}))
        if deny:
            env["FAKECLOCK_DENY"] = "1"
        self.socket = os.path.join(self.folder, "run/private")
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*through, LWSD, f"--config={self.folder}/lwsd.conf", f"--runtime-dir={self.folder}/run",
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

    def write_keys(self, keys):
        with open(os.open(f"{self.folder}/keys", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(keys)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(10) == 0, "lwsd did not leave cleanly"

    def state(self):
        """How far ahead of the machine's clock ours is, and how often it was stepped and told something."""
        with open(self.clock, "rb") as f:
            raw, fake, oscillator, rate, steps, adjustments, status, _ = struct.unpack("<qqddqqqq", f.read(64))
        raw_now, real = both_clocks()
        passed = raw_now - raw
        now = fake + passed + int(passed * (oscillator + rate))
        return (now - real) * 1e-9, steps, adjustments, status

    def ahead(self):
        return self.state()[0]

    def steps(self):
        return self.state()[1]

    def rate(self):
        with open(self.clock, "rb") as f:
            return struct.unpack("<qqddqqqq", f.read(64))[3]

    def leaps(self):
        with open(self.clock, "rb") as f:
            return struct.unpack("<q", f.read(80)[72:])[0]

    def set_status(self, status):
        """Somebody else tells the kernel."""
        with open(self.clock, "r+b") as f:
            os.pwrite(f.fileno(), struct.pack("<q", status), 48)

    def push(self, seconds):
        """Somebody else sets the clock."""
        with open(self.clock, "r+b") as f:
            fake, = struct.unpack("<q", os.pread(f.fileno(), 8, 8))
            os.pwrite(f.fileno(), struct.pack("<q", fake + int(seconds * 1e9)), 8)

    def ctl(self, *args, timeout=30):
        r = subprocess.run([LWSCTL, f"--socket={self.socket}", *args], capture_output=True, text=True, timeout=timeout)
        return r.returncode, r.stdout

    def call(self, interface, method):
        subprocess.run(["busctl", f"--address=unix:path={self.socket}", "call", "org.lwsd1", "/org/lwsd1",
                        f"org.lwsd1.{interface}", method], check=True, timeout=30, **QUIET)

    def valid(self, timeout):
        return self.ctl("wait", "time-valid", f"--timeout={timeout}", timeout=timeout + 30)[0] == 0

    def time(self):
        lines = [line.split("\t") for line in self.ctl("time")[1].splitlines()]
        return {line[0]: line[1:] for line in lines}

    def why(self):
        return self.ctl("why")[1]

    def says(self, words, times=1):
        self.log.seek(0)
        return self.log.read().count(words) >= times


def both_clocks():
    """CLOCK_MONOTONIC_RAW and CLOCK_REALTIME at one moment: of a few readings the one that took the shortest."""
    best = None
    for _ in range(5):
        before, raw, after = time.time_ns(), time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW), time.time_ns()
        if best is None or after - before < best[0]:
            best = after - before, raw, (before + after) // 2
    return best[1:]


def eventually(condition, timeout=20):
    deadline = time.monotonic() + timeout
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert condition()


def scenario(fn):
    SCENARIOS.append(fn)
    return fn


BUSY = 0.2  # seconds that a machine busy with other things may add to what is measured


def near(value, wanted, tolerance):
    assert abs(value - wanted) <= tolerance + BUSY, f"{value} is not within {tolerance} of {wanted}"


def run(fn):
    started = time.monotonic()
    try:
        fn()
        return fn.__name__, None, time.monotonic() - started
    except Exception:  # a scenario may fail in any way; the others go on
        return fn.__name__, traceback.format_exc(), time.monotonic() - started


def main(at_once=8):
    global LWSD, LWSCTL, FAKECLOCK
    LWSD, LWSCTL, FAKECLOCK = (os.path.abspath(p) for p in sys.argv[1:4])
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    private_network.enter()
    leave_the_clock_alone()
    private_network.set_up("addr add 10.99.0.1/16 dev lo")
    chosen = [fn for fn in SCENARIOS if len(sys.argv) == 4 or fn.__name__ in sys.argv[4:]]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for name, error, took in pool.map(run, chosen):
            print(f"{'not ok' if error else 'ok'} {name} ({took:.1f} s)", flush=True)
            if error:
                failed += 1
                print(error)
    print(f"{len(chosen) - failed} of {len(chosen)} scenarios passed")
    sys.exit(1 if failed else 0)
