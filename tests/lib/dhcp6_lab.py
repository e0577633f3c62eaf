# SPDX-License-Identifier: MIT
"""A router and a DHCPv6 server that do what a test tells them, good or bad, on the link of dhcp_lab.Lab."""

import json
import socket
import struct
import time

from dhcp_lab import PATIENCE, Lab, checksum, sh

(SOLICIT, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY, RELEASE, DECLINE, _RECONFIGURE,
 INFORMATION_REQUEST) = range(1, 12)
ROUTER, SERVERS, NODES = "fe80::77", "ff02::1:2", "ff02::1"
MANAGED, OTHER = 0x80, 0x40


def ip6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def option6(code, value):
    return struct.pack("!HH", code, len(value)) + value


def address6(address, preferred=1000, valid=2000, status=b""):
    return option6(5, ip6(address) + struct.pack("!II", preferred, valid) + status)


def status6(code):
    return option6(13, struct.pack("!H", code))


def options_of(data):
    found, i = {}, 0
    while i + 4 <= len(data):
        code, size = struct.unpack("!HH", data[i:i + 4])
        found.setdefault(code, []).append(data[i + 4:i + 4 + size])
        i += 4 + size
    assert i == len(data), "options do not end where the message does"
    return found


class Message6:
    """A message of the client as it stood on the wire."""

    def __init__(self, frame, at):
        self.at, self.from_mac = at, frame[6:12]
        self.source = socket.inet_ntop(socket.AF_INET6, frame[22:38])
        self.destination = socket.inet_ntop(socket.AF_INET6, frame[38:54])
        self.ports = struct.unpack("!HH", frame[54:58])
        payload = frame[62:]
        self.type, self.xid, self.options = payload[0], payload[1:4], options_of(payload[4:])
        self.client = self.options.get(1, [None])[0]
        self.server = self.options.get(2, [None])[0]
        self.elapsed = struct.unpack("!H", self.options[8][0])[0] if 8 in self.options else None
        ia = self.options.get(3, [None])[0]
        self.iaid = ia[:4] if ia else None
        self.addresses = [socket.inet_ntop(socket.AF_INET6, a[:16])
                          for a in options_of(ia[12:]).get(5, [])] if ia else []
        self.wanted = struct.unpack(f"!{len(self.options[6][0]) // 2}H", self.options[6][0]) if 6 in self.options else ()

    def __str__(self):
        return f"{self.source} > {self.destination} type {self.type} xid {self.xid.hex()} {self.addresses}"


class Lab6(Lab):
    duid = b"\0\4serverserver1234"

    def __init__(self, lwsd, settings="", manager=""):
        super().__init__(lwsd, settings, manager, ipv6=True)

    def other_frame(self, frame, now):
        if frame[12:14] == b"\x86\xdd" and frame[20] == 17 and frame[56:58] == struct.pack("!H", 547):
            self.early.append(Message6(frame, now))
            self.seen.append((now, self.early[-1]))

    def addresses6(self):
        links = json.loads(sh(f"ip -n {self.client} -j -6 address show dev eth0 scope global"))
        return {a["local"]: a for link in links for a in link.get("addr_info", []) if "local" in a}

    def send6(self, protocol, payload, destination, source=ROUTER, hops=255, to_mac=None):
        at = 2 if protocol == 58 else 6
        pseudo = ip6(source) + ip6(destination) + struct.pack("!IHBB", len(payload), 0, 0, protocol)
        total = checksum(pseudo + payload) or 0xFFFF
        payload = payload[:at] + struct.pack("!H", total) + payload[at + 2:]
        head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, hops) + ip6(source) + ip6(destination)
        mac = to_mac or b"\x33\x33" + ip6(destination)[12:]
        self.transmit(mac + self.mac + b"\x86\xdd" + head + payload)

    def advertise_router(self, flags=MANAGED, lifetime=1800):
        """A router advertisement without prefixes."""
        lladdr = b"\1\1" + self.mac
        self.send6(58, struct.pack("!BBHBBHII", 134, 0, 0, 64, flags, lifetime, 0, 0) + lladdr, NODES)

    def reply6(self, message, kind, address="2001:db8::5", t1=500, t2=800, preferred=1000, valid=2000, status=b"",
               ia_status=b"", extra=b"", client=None, server=None, xid=None, ia=True):
        self.answered.add((message.type, message.xid))
        body = option6(1, message.client if client is None else client)
        server = self.duid if server is None else server
        if server:
            body += option6(2, server)
        if ia and message.iaid:
            inner = address6(address, preferred, valid) if address else b""
            body += option6(3, message.iaid + struct.pack("!II", t1, t2) + inner + ia_status)
        payload = bytes([kind]) + (xid or message.xid) + body + status + extra
        udp = struct.pack("!HHHH", 547, 546, 8 + len(payload), 0) + payload
        self.send6(17, udp, message.source, hops=64, to_mac=message.from_mac)

    def solicit(self, flags=MANAGED, seconds=PATIENCE):
        """The first message after a router spoke."""
        end = time.monotonic() + seconds
        while not self.early and time.monotonic() < end:
            self.advertise_router(flags)
            self.next_frame(0.3)
        return self.expect(SOLICIT if flags & MANAGED else INFORMATION_REQUEST, 1)

    def bind6(self, **how):
        solicit = self.solicit()
        self.reply6(solicit, ADVERTISE, extra=option6(7, b"\xff"), **how)
        request = self.expect(REQUEST)
        self.reply6(request, REPLY, **how)
        address = how.get("address", "2001:db8::5")
        self.wait(lambda: address in self.addresses6(), why=f"{address} is not in the kernel")
        return request
