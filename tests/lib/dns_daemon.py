# SPDX-License-Identifier: MIT
"""lwsd with a [DNS] section, asked as outsiders ask: by lwsctl, over its private socket and through its stub.

Whoever imports this is in a network of its own, with an /etc of its own (ETC).
"""

import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import private_network

private_network.enter()

import dbus  # noqa: E402
import dbus.connection  # noqa: E402
from dns_wire import *  # noqa: E402,F403
from dns_wire import PROGRAM, Case, DotCase, Server  # noqa: E402

LWSCTL = sys.argv.pop(1)
ETC = tempfile.mkdtemp(prefix="etc")
DNS, NO_CNAME, NO_SEARCH, NO_SYNTHESIZE, NO_CACHE, NO_NETWORK = (1 << n for n in (0, 5, 8, 11, 12, 15))
AUTHENTICATED, CONFIDENTIAL, SYNTHETIC, FROM_CACHE, FROM_NETWORK, NO_STALE = (1 << n for n in (9, 18, 19, 20, 23, 24))


def set_up_files():
    """What of /etc others need, and files that are ours to change."""
    for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache", "ssl"):
        path = f"/etc/{name}"
        if os.path.isdir(path):
            shutil.copytree(path, f"{ETC}/{name}", symlinks=True)
        elif os.path.exists(path):
            shutil.copy(path, ETC)
    for name in ("hosts", "resolv.conf"):
        open(f"{ETC}/{name}", "w").close()
    subprocess.run(["mount", "--bind", ETC, "/etc"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


set_up_files()


def endpoint(server, name=""):
    if isinstance(server, str):
        return server
    return f"127.0.0.1:{server.port}{name}"


def free_port(address="127.0.0.1"):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        s.bind((address, 0))
        return s.getsockname()[1]


class Failed(Exception):
    """An error of D-Bus: its name without org.lwsd1.Error, and its text."""


class Daemon:
    def __init__(self, *servers, **options):
        self.dir = tempfile.mkdtemp()
        self.socket = f"{self.dir}/private"
        self.log = open(f"{self.dir}/log", "w+")
        self.configure(*servers, **options)
        self.p = subprocess.Popen(
            [PROGRAM, f"--config={self.dir}/conf", "--no-bus", f"--private-socket={self.socket}",
             f"--runtime-dir={self.dir}/run", f"--state-dir={self.dir}/state"], stderr=self.log)
        self.connections = threading.local()

    def configure(self, *servers, link="", **options):
        with open(f"{self.dir}/conf", "w") as f:
            f.write("[Time]\nObserve=yes\n[CaptivePortal]\nCheck=no\n[DNS]\n")
            if servers:
                f.write("Servers=" + " ".join(endpoint(s) for s in servers) + "\n")
            for key, value in options.items():
                f.write(f"{key}={value}\n")
            f.write(link)

    def ctl(self, *args):
        p = subprocess.run([LWSCTL, f"--socket={self.socket}", *args], capture_output=True, text=True, timeout=40)
        return p.returncode, p.stdout.splitlines(), p.stderr

    def resolve(self, *args):
        return self.ctl("resolve", *args)

    def call(self, member, *args, interface="org.lwsd1.Resolver", timeout=40):
        bus = getattr(self.connections, "bus", None)
        if not bus:
            for _ in range(2000):
                if os.path.exists(self.socket):
                    break
                time.sleep(0.01)
            bus = self.connections.bus = dbus.connection.Connection(f"unix:path={self.socket}")
        types = {"ResolveHostname": "isit", "ResolveRecord": "isqqt", "TraceHostname": "isit",
                 "TraceRecord": "isqqt", "FlushCaches": "", "Get": "ss", "Reload": ""}[member]
        try:
            return bus.call_blocking("org.lwsd1", "/org/lwsd1", interface, member, types, args, timeout=timeout,
                                     byte_arrays=True)
        except dbus.DBusException as e:
            raise Failed(e.get_dbus_name().removeprefix("org.lwsd1.Error."), e.get_dbus_message())

    def host(self, name, family=0, flags=0, ifindex=0):
        """Addresses, the canonical name, flags."""
        addresses, canonical, flags = self.call("ResolveHostname", ifindex, name, family, flags)
        return [socket.inet_ntop(f, bytes(a)) for _, f, a in addresses], str(canonical), int(flags)

    def record(self, name, rtype, flags=0, cls=1, ifindex=0):
        """Records as (class, type, wire), flags."""
        records, flags = self.call("ResolveRecord", ifindex, name, cls, rtype, flags)
        return [(int(c), int(t), bytes(w)) for _, c, t, w in records], int(flags)

    def error(self, *args, **kw):
        """The name of the error that a host name leads to."""
        try:
            return "none: " + repr(self.host(*args, **kw))
        except Failed as e:
            return e.args[0]

    def get(self, name):
        return self.call("Get", "org.lwsd1.Resolver", name, interface="org.freedesktop.DBus.Properties")

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def fds(self):
        return len(os.listdir(f"/proc/{self.p.pid}/fd"))

    def close(self):
        self.p.terminate()
        code, text = self.p.wait(timeout=20), self.text()
        self.log.close()
        shutil.rmtree(self.dir)
        assert code == 0, f"lwsd ended with {code}:\n{text}"


class DaemonCase(Case):
    def daemon(self, *args, **kw):
        d = Daemon(*args, **kw)
        self.cleanup.append(d.close)
        return d

    def write(self, file, text):
        with open(f"{ETC}/{file}.new", "w") as f:
            f.write(text)
        os.rename(f"{ETC}/{file}.new", f"{ETC}/{file}")

    def eventually(self, what, timeout=30):
        end = time.monotonic() + timeout
        while True:
            try:
                if what():
                    return
            except Failed:
                pass
            self.assertLess(time.monotonic(), end, "it does not come about")
            time.sleep(0.02)


def opt_record(size, rcode_high=0, version=0, do=False, options=b""):
    return b"\0" + struct.pack(">2HBBHH", OPT, size, rcode_high, version, 0x8000 * do, len(options)) + options


def question(qname, rtype=A, ident=7, flags=0x0100, cls=1, edns=None, **kw):
    out = struct.pack(">6H", ident, flags, 1, 0, 0, 1 if edns else 0) + name(qname) + struct.pack(">2H", rtype, cls)
    return out + (opt_record(edns, **kw) if edns else b"")


def ask_stub(port, wire, address="127.0.0.1", timeout=12, tcp=False):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if tcp:
        with socket.create_connection((address, port), timeout) as s:
            s.sendall(struct.pack(">H", len(wire)) + wire)
            f = s.makefile("rb")
            return f.read(struct.unpack(">H", f.read(2))[0])
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.sendto(wire, (address, port))
        return s.recv(65535)
