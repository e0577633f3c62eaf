# SPDX-License-Identifier: MIT
"""A link between lwsd and a DHCPv4 server that does what a test tells it, good or bad.

Two network namespaces with a veth pair: lwsd runs in one, the test itself stands in the other and sees every
frame. Everything is named after the process and goes with it.
"""

import ctypes
import errno
import json
import multiprocessing
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

import no_clock

no_clock.drop()

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE = range(1, 8)
CLONE_NEWNET = 0x40000000
SO_TIMESTAMPNS = 35
SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20
SERVER = "10.77.0.1"
PATIENCE = 60  # seconds that a machine with other things to do may take for anything
BROADCAST = b"\xff" * 6


def sh(command, check=True):
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise AssertionError(f"{command}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def ip(text):
    return socket.inet_aton(text)


def option(code, value):
    return bytes([code, len(value)]) + value


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp_frame(payload, source, destination, ports=(67, 68), bad_checksum=False, fragment=0):
    udp = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    pseudo = ip(source) + ip(destination) + struct.pack("!HH", 17, len(udp))
    total = checksum(pseudo + udp) ^ (0x5555 if bad_checksum else 0)
    udp = udp[:6] + struct.pack("!H", total or 0xFFFF) + udp[8:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, fragment, 64, 17, 0) + ip(source) + ip(destination)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp


class Message:
    """A message of the client as it stood on the wire."""

    def __init__(self, frame, at):
        self.at, self.to_mac, self.from_mac = at, frame[:6], frame[6:12]
        packet = frame[14:]
        self.tos, self.ttl = packet[1], packet[8]
        self.source, self.destination = socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])
        self.whole = checksum(packet[:20]) == 0
        self.payload = packet[28:struct.unpack("!H", packet[2:4])[0]]
        p = self.payload
        self.op, self.htype, self.hlen, self.hops = p[:4]
        self.xid, self.secs, self.flags = p[4:8], *struct.unpack("!HH", p[8:12])
        self.ciaddr, self.yiaddr, self.siaddr, self.giaddr = (socket.inet_ntoa(p[i:i + 4]) for i in (12, 16, 20, 24))
        self.chaddr = p[28:44]
        self.order, self.options, i = [], {}, 240
        while i < len(p) and p[i] != 255:
            if p[i]:
                self.order.append(p[i])
                self.options[p[i]] = p[i + 2:i + 2 + p[i + 1]]
                i += 1 + p[i + 1]
            i += 1
        self.ended = i < len(p)
        self.type = self.options.get(53, b"\0")[0]

    def address(self, code):
        return socket.inet_ntoa(self.options[code]) if code in self.options else None

    def __str__(self):
        return (f"{self.source} > {self.destination} type {self.type} xid {self.xid.hex()} ciaddr {self.ciaddr} "
                f"yiaddr {self.yiaddr} asked {self.address(50)} server {self.address(54)}")


class Lab:
    def __init__(self, lwsd, settings="", manager="", ipv6=False):
        self.lwsd, self.pid = lwsd, os.getpid()
        self.client, self.server = f"lwc{self.pid}", f"lws{self.pid}"
        self.dir = tempfile.mkdtemp(prefix="dhcp-lab.")
        self.daemon = None
        for name in ("run", "state"):
            os.mkdir(f"{self.dir}/{name}")
        with open(f"{self.dir}/lwsd.conf", "w") as f:
            f.write(f"[Manager]\nTarget=dhcp\n{manager}\n[Link eth0]\nDHCP={'ipv6' if ipv6 else 'ipv4'}\n"
                    f"CarrierLossSec={PATIENCE}\n{settings}\n")
        sh(f"ip netns add {self.client}; ip netns add {self.server}")
        sh(f"ip link add eth0 netns {self.client} type veth peer name srv netns {self.server}")
        for name in (self.client, self.server):
            sh(f"ip netns exec {name} sysctl -qw net.ipv6.conf.all.disable_ipv6={int(not ipv6)}", check=False)
            sh(f"ip -n {name} link set lo up")
        sh(f"ip -n {self.server} address add {SERVER}/24 dev srv; ip -n {self.server} link set srv up")
        with open(f"/run/netns/{self.server}") as f:
            if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET) < 0:
                raise OSError(ctypes.get_errno(), "setns")
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        # frames are timed by the kernel, however late a busy test reads them
        self.raw.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        # until the kernel has noticed on a thread of its own that our end has carrier, its queue drops all frames
        self.raw.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        self.raw.bind(("srv", 0))
        self.mac = self.raw.getsockname()[4]
        # so that unicast to port 67 is not answered with "port unreachable"
        self.sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sink.bind(("0.0.0.0", 67))
        self.arps, self.early, self.answers, self.seen, self.answered = [], [], [], [], set()
        self.monitor = subprocess.Popen(["ip", "-n", self.client, "-4", "monitor", "address"], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        os.set_blocking(self.monitor.stdout.fileno(), False)
        self.watched = ""

    def close(self):
        self.stop()
        self.monitor.kill()
        self.monitor.wait()
        self.raw.close()
        self.sink.close()
        sh(f"ip netns del {self.client}; ip netns del {self.server}", check=False)
        shutil.rmtree(self.dir)

    # -- lwsd

    def start(self):
        with open(f"{self.dir}/log", "a") as log:
            self.daemon = subprocess.Popen(
                ["ip", "netns", "exec", self.client, self.lwsd, f"--config={self.dir}/lwsd.conf",
                 f"--runtime-dir={self.dir}/run", f"--state-dir={self.dir}/state",
                 f"--private-socket={self.dir}/run/private", "--no-bus"], stdout=log, stderr=log)

    def stop(self, how=signal.SIGTERM):
        if self.daemon:
            # of a scenario that stopped it and then failed; first, for it would end the stop of the leak check at exit
            self.daemon.send_signal(signal.SIGCONT)
            self.daemon.send_signal(how)
            daemon, self.daemon = self.daemon, None
            try:
                status = daemon.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                daemon.kill()
                raise
            assert status in (0, -how), f"lwsd ended with {status}"

    def call(self, interface, method):
        return sh(f"busctl --address=unix:path={self.dir}/run/private call org.lwsd1 /org/lwsd1/link/_32 "
                  f"org.lwsd1.{interface} {method}")

    def resolv_conf(self):
        try:
            with open(f"{self.dir}/run/resolv.conf") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def log(self):
        """What lwsd has said."""
        with open(f"{self.dir}/log", errors="replace") as log:
            return log.read()

    def story(self):
        """What is worth knowing when a scenario failed: the messages on the wire and the logs."""
        while self.next_frame(0):
            pass
        story = "--- wire:\n" + "\n".join(f"{at:.3f} {what}" for at, what in self.seen)
        for name in ("log", "server.log"):
            if os.path.exists(f"{self.dir}/{name}"):
                with open(f"{self.dir}/{name}", errors="replace") as f:
                    story += f"\n--- {name}:\n" + f.read()
        return story + "\n--- kernel:\n" + sh(f"ip -n {self.client} address; ip -n {self.client} route", check=False)

    def bound(self):
        return '"bound"' in sh(f"busctl --address=unix:path={self.dir}/run/private get-property org.lwsd1 "
                               "/org/lwsd1/link/_32 org.lwsd1.Link DhcpState", check=False)

    def get(self, name):
        """A property of the link."""
        return json.loads(sh(f"busctl --json=short --address=unix:path={self.dir}/run/private get-property org.lwsd1 "
                             f"/org/lwsd1/link/_32 org.lwsd1.Link {name}"))["data"]

    def stored(self, kind="dhcp4"):
        """lwsd knows what it has after a restart."""
        return os.path.exists(f"{self.dir}/state/{kind}-eth0.lease")

    # -- what the kernel of lwsd has

    def addresses(self):
        links = json.loads(sh(f"ip -n {self.client} -j -4 address show dev eth0"))
        return {a["local"]: a for link in links for a in link.get("addr_info", [])}

    def routes(self):
        return json.loads(sh(f"ip -n {self.client} -j -4 route show"))

    def wait(self, what, seconds=PATIENCE, why=""):
        """Keeps reading frames until what() is true."""
        end, pause = time.monotonic() + seconds, 0.01
        while not what():
            if time.monotonic() > end:
                raise AssertionError(f"{why or 'did not happen'} within {seconds} s")
            pause = min(2 * pause, 0.3)
            again = time.monotonic() + pause
            while (left := again - time.monotonic()) > 0:
                self.next_frame(left)

    def removed(self):
        """Lines of `ip monitor` that told of an address taken away so far."""
        self.watched += self.monitor.stdout.read() or ""
        return [line for line in self.watched.splitlines() if line.startswith("Deleted")]

    # -- frames

    def next_frame(self, seconds):
        """Reads one frame; messages of the client are kept in self.early, those of a real server in self.answers,
        ARP in self.arps."""
        if not select.select([self.raw], [], [], max(seconds, 0))[0]:
            return False
        try:
            frame, extra, _, info = self.raw.recvmsg(4096, 256)
        except OSError:  # the link went down under us
            return True
        seconds, nanoseconds = struct.unpack("qq", extra[0][2])
        now = seconds + nanoseconds / 1e9
        outgoing = info[2] == socket.PACKET_OUTGOING
        if len(frame) < 42:
            return True
        if frame[12:14] == b"\x08\x00" and frame[23] == 17 and frame[36:38] in (b"\0\x43", b"\0\x44"):
            message = Message(frame, now)
            self.seen.append((now, message))
            (self.answers if outgoing else self.early).append(message)
        elif outgoing:
            pass
        elif frame[12:14] == b"\x08\x06":
            self.arps.append((now, frame))
        else:
            self.other_frame(frame, now)
        return True

    def other_frame(self, frame, now):
        """What is neither ARP nor for a DHCPv4 server."""

    def fresh(self):
        """Drops what the client said again because its answer took a while; whether something else is there."""
        while self.early and (self.early[0].type, self.early[0].xid) in self.answered:
            self.early.pop(0)
        return self.early

    def expect(self, kind, seconds=PATIENCE):
        """The next message of the client, which must be of this kind and not one that was answered."""
        end = time.monotonic() + seconds
        while not self.fresh():
            if time.monotonic() > end:
                raise AssertionError(f"no message {kind} within {seconds} s")
            self.next_frame(end - time.monotonic())
        message = self.early.pop(0)
        if message.type != kind:
            raise AssertionError(f"message {message.type} instead of {kind}")
        return message

    def silence(self, seconds):
        """No message of the client for this long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.fresh():
            self.next_frame(end - time.monotonic())
        if self.early:
            raise AssertionError(f"unexpected message {self.early[0].type}")

    def transmit(self, frame):
        try:
            self.raw.send(frame)
        except OSError as error:
            if error.errno not in (errno.ENOBUFS, errno.ENETDOWN):  # no carrier, or none a moment ago: nobody hears it
                raise

    def send(self, payload, to_mac=BROADCAST, source=SERVER, destination="255.255.255.255", **how):
        self.transmit(to_mac + self.mac + b"\x08\x00" + udp_frame(payload, source, destination, **how))

    def reply(self, message, kind, address="10.77.0.50", lease=3600, server=SERVER, extra=b"", standard=True,
              change=lambda p: p, **how):
        """Answers a message of the client."""
        self.answered.add((message.type, message.xid))
        options = option(53, bytes([kind])) + option(54, ip(server))
        if kind != NAK:
            options += option(51, struct.pack("!I", lease))
            if standard:
                options += option(1, ip("255.255.255.0")) + option(3, ip(SERVER)) + option(6, ip(SERVER))
        payload = (bytes([2, 1, 6, 0]) + message.xid + b"\0\0" + struct.pack("!H", message.flags) +
                   ip(message.ciaddr) + ip("0.0.0.0" if kind == NAK else address) + bytes(8) +
                   message.chaddr + bytes(192) + b"\x63\x82\x53\x63" + options + extra + b"\xff")
        self.send(change(payload), **how)

    def bind(self, **how):
        """DISCOVER to a lease."""
        self.reply(self.expect(DISCOVER), OFFER, **how)
        request = self.expect(REQUEST)
        self.reply(request, ACK, **how)
        address = how.get("address", "10.77.0.50")
        self.wait(lambda: address in self.addresses(), why=f"{address} is not in the kernel")
        return request

    def send_arp(self, op, sender, target, mac=b"\x02\0\0\0\0\x99"):
        self.transmit(BROADCAST + mac + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4, op) + mac + ip(sender) +
                      bytes(6) + ip(target))

    def probes(self, address):
        """Times of ARP probes and of announcements for an address."""
        found = ([], [])
        for at, frame in self.arps:
            if frame[38:42] == ip(address) and frame[28:32] in (bytes(4), ip(address)):
                found[frame[28:32] != bytes(4)].append(at)
        return found

    def forget(self):
        """What was said so far."""
        while self.next_frame(0):
            pass
        self.early.clear()
        self.answers.clear()

    def running(self):
        """Our end of the link has carrier."""
        return json.loads(sh(f"ip -n {self.server} -j link show srv"))[0]["operstate"] == "UP"

    def carrier(self, up):
        sh(f"ip -n {self.server} link set srv {'up' if up else 'down'}")


# -- scenarios, side by side

BUSY = 3  # seconds that a machine with other things to do may be late
LATE_START = 0.3  # and what comes after something that was late itself seems early; unit tests have the exact bounds


def near(value, low, high, what):
    assert low - LATE_START <= value <= high + BUSY, f"{what}: {value:.3f} not in {low}..{high}"


class Scenarios(dict):
    """{name: (function, lines of [Link], lines of [Manager])}; called, it gives a decorator that puts one there."""

    def __init__(self, settings=""):
        super().__init__()
        self.settings = settings

    def __call__(self, settings=None, manager=""):
        def add(function):
            self[function.__name__] = (function, self.settings if settings is None else settings, manager)
            return function
        return add


JOBS = {}  # a forked process finds its scenario here


def run_one(name):
    make_lab, (function, settings, manager) = JOBS[name]
    lab = None
    try:
        lab = make_lab(os.path.abspath(sys.argv[1]), settings, manager)
        lab.start()
        function(lab)
        lab.stop()
        return name, None
    except Exception:
        return name, traceback.format_exc() + (lab.story() if lab else "")
    finally:
        if lab:
            lab.close()


def run_all(make_lab, scenarios):
    """argv: the path of lwsd, then names."""
    names = sys.argv[2:] or list(scenarios)
    failed = 0
    JOBS.update({name: (make_lab, scenarios[name]) for name in names})
    with multiprocessing.get_context("fork").Pool(8, maxtasksperchild=1) as pool:
        for name, trouble in pool.imap_unordered(run_one, names, chunksize=1):
            print(("not ok " if trouble else "ok ") + name, flush=True)
            if trouble:
                failed += 1
                print(trouble, flush=True)
    print(f"{len(names) - failed} of {len(names)} passed")
    sys.exit(failed > 0)
