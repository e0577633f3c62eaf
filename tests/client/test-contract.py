#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sentences of org.lwsd1(5) about who may do what, in which order of bytes, and what a restart changes, tried on the
private socket and on the bus by root, a member of group lwsd and a user who is neither.

Usage: test-contract.py LWSD [dns] [ntp] [auth] (which of them are built in)
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

try:
    from gi.repository import Gio, GLib
except ImportError:
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])  # another one may come first in PATH
    print("skipped: no python3-gi", file=sys.stderr)
    sys.exit(77)

PATIENCE = 20
NAME, PATH, MANAGER = "org.lwsd1", "/org/lwsd1", "org.lwsd1.Manager"
PROPERTIES = "org.freedesktop.DBus.Properties"
LOG_CONTROL, LOG_PATH = "org.freedesktop.LogControl1", "/org/freedesktop/LogControl1"
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
NOBODY, GROUP = 65534, 3999
BUILT_IN = set(sys.argv[2:]) & {"dns", "ntp", "auth"}
# what takes group lwsd
PRIVILEGED = (
    (PATH, MANAGER, "Hold", "(sss)", ("operational", "test", "a test")),
    (PATH, MANAGER, "InvalidatePolicy", None, ()),
    (PATH, MANAGER, "Reload", None, ()),
    (PATH, MANAGER, "GetToken", "(s)", ("auth1",)),
    (PATH, MANAGER, "SetBlob", "(sayt)", ("auth1", b"", 0)),
    (PATH + "/link/_31", "org.lwsd1.Link", "Renew", None, ()),
    (PATH + "/link/_31", "org.lwsd1.Link", "Release", None, ()),
    (LOG_PATH, PROPERTIES, "Set", "(ssv)", (LOG_CONTROL, "LogLevel", GLib.Variant("s", "info"))),
    *([(PATH, "org.lwsd1.Time", "Synchronize", None, ())] if "ntp" in BUILT_IN else []),
    *([(PATH, "org.lwsd1.Resolver", "FlushCaches", None, ())] if "dns" in BUILT_IN else []),
)


def until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        GLib.MainContext.default().iteration(False)
        time.sleep(0.005)


class Client:
    def __init__(self, address, on_bus):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        if on_bus:
            flags |= Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.destination = NAME if on_bus else None
        self.attached = {}
        self.connection.signal_subscribe(None, MANAGER, "Attached", PATH, None, Gio.DBusSignalFlags.NONE,
                                         lambda c, sender, path, interface, member, arguments:
                                         self.attached.update(dict.fromkeys(arguments.unpack()[0], arguments.unpack())))

    def call(self, path, interface, method, signature=None, arguments=()):
        return self.connection.call_sync(self.destination, path, interface, method,
                                         GLib.Variant(signature, arguments) if signature else None, None,
                                         Gio.DBusCallFlags.NONE, PATIENCE * 1000, None).unpack()

    def manager(self, method, signature=None, *arguments):
        return self.call(PATH, MANAGER, method, signature, arguments)

    def get(self, name):
        return self.call(PATH, PROPERTIES, "Get", "(ss)", (MANAGER, name))[0]

    def error(self, *arguments):
        try:
            self.call(*arguments)
        except GLib.Error as error:
            assert " " in error.message, error.message
            return Gio.DBusError.get_remote_error(error)
        return None

    def entered(self, state):
        """What Attached says of a state that holds."""
        number, _ = self.manager("Attach", "(sa{sv})", state, {})
        until(lambda: number in self.attached, "no Attached")
        return self.attached[number][2]

    def is_privileged(self):
        denied = [self.error(*call) == DENIED for call in PRIVILEGED]
        assert len(set(denied)) == 1, denied
        return not denied[0]


def as_user(uid, gid, groups, check, address, on_bus):
    """Does one of CHECKS as somebody else, who may not be able to read this file."""
    with open(__file__, encoding="utf-8") as f:
        command = [sys.executable, "-c", f.read(), check, *BUILT_IN, address, "bus" if on_bus else "private"]
    subprocess.run(command, user=uid, group=gid, extra_groups=groups, cwd="/", check=True)


def anyone(address, on_bus):
    """What nobody is denied."""
    one, two = Client(address, on_bus), Client(address, on_bus)
    number, _ = one.manager("Attach", "(sa{sv})", "operational", {})
    assert number in [a[0] for a in two.manager("ListAttachments")[0]]
    assert two.error(PATH, MANAGER, "Detach", "(at)", ([number],)) == "org.lwsd1.Error.NoSuchAttachment"
    one.manager("ReportConnectivity", "(ib)", 0, True)
    assert one.manager("ListHolds") == ([],) and one.manager("ListLinks")[0]
    assert not one.is_privileged()


def privileged(address, on_bus):
    assert Client(address, on_bus).is_privileged()


CHECKS = {"anyone": anyone, "privileged": privileged}


def listens(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


class World:
    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="lwsd-contract-")
        os.chmod(self.folder, 0o755)
        self.program, self.children = program, {}
        self.bus, self.private = f"unix:path={self.folder}/bus", f"unix:path={self.folder}/private"
        with open(self.folder + "/bus.conf", "w", encoding="ascii") as f:
            f.write(f"<busconfig><type>session</type><listen>{self.bus}</listen><auth>EXTERNAL</auth><policy "
                    "context='default'><allow user='*'/><allow send_destination='*'/><allow own='*'/>"
                    "<allow receive_sender='*'/></policy></busconfig>")
        with open(self.folder + "/conf", "w", encoding="ascii") as f:
            f.write("[Manager]\nTarget=dhcp\n[CaptivePortal]\nCheck=no\n[Time]\nObserve=yes\n"
                    "[Auth1]\nProvider=hold\n")
        self.start("bus", "dbus-daemon", "--nofork", "--nopidfile", f"--config-file={self.folder}/bus.conf")

    def start(self, name, *command):
        with open(self.folder + "/log", "ab") as log:
            child = subprocess.Popen(command, stdout=log, stderr=log,
                                     env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.bus})
        self.children[name] = child
        until(lambda: child.poll() is not None or listens(f"{self.folder}/{name}"), name)
        assert child.poll() is None, name

    def lwsd(self):
        self.start("private", self.program, f"--config={self.folder}/conf", f"--runtime-dir={self.folder}/run",
                   f"--state-dir={self.folder}/state", f"--private-socket={self.folder}/private")

    def end(self, name, how=signal.SIGTERM):
        child = self.children.pop(name)
        child.send_signal(how)
        return child.wait(PATIENCE)

    def close(self):
        for name in list(self.children):
            self.end(name)
        shutil.rmtree(self.folder, ignore_errors=True)


def access(world):
    """Root and group lwsd may what others may not, whichever way they come."""
    until(lambda: Client(world.bus, True).error(PATH, PROPERTIES, "Get", "(ss)", (MANAGER, "State")) is None, "no name")
    for address, on_bus in ((world.private, False), (world.bus, True)):
        privileged(address, on_bus)
        as_user(NOBODY, NOBODY, [], "anyone", address, on_bus)
        for gid, groups in ((NOBODY, [GROUP]), (GROUP, [])):
            as_user(NOBODY - 1, gid, groups, "privileged", address, on_bus)


def group(world):
    """The group is looked up once, a moment after the start or for the first who is not root, and by Reload()."""
    as_user(NOBODY - 1, NOBODY, [GROUP], "privileged", world.private, False)
    set_group(GROUP + 1)
    for check, number in (("privileged", GROUP), ("anyone", GROUP), ("privileged", GROUP + 1)):
        as_user(NOBODY - 1, NOBODY, [number], check, world.private, False)  # "privileged" reloads
    set_group(GROUP)
    Client(world.private, False).manager("Reload")


def byte_order(world):
    """A client may write numbers in the other order, as one does that is emulated."""
    client = Client(world.private, False)

    def call(method, signature, *arguments):
        message = Gio.DBusMessage.new_method_call(None, PATH, MANAGER, method)
        message.set_byte_order(Gio.DBusMessageByteOrder.BIG_ENDIAN if sys.byteorder == "little" else
                               Gio.DBusMessageByteOrder.LITTLE_ENDIAN)
        message.set_body(GLib.Variant(signature, arguments))
        reply, _ = client.connection.send_message_with_reply_sync(message, Gio.DBusSendMessageFlags.NONE,
                                                                  PATIENCE * 1000, None)
        reply.to_gerror()  # raises it
        return reply.get_body().unpack() if reply.get_body() else ()
    number, _ = call("Attach", "(sa{sv})", "operational", {"timeout-usec": GLib.Variant("t", 10**12)})
    numbers, _ = call("AttachMany", "(a(sa{sv}))", [("operational", {})] * 100)
    assert client.get("PendingAttachments") == 101
    call("Detach", "(at)", [number, *numbers])
    assert client.get("PendingAttachments") == 0
    if "auth" not in BUILT_IN:
        return
    for method, signature, arguments, error in (("Detach", "(at)", ([number] * 50000,), "NoSuchAttachment"),
                                                ("SetBlob", "(sayt)", ("auth1", b"t" * 32769, 0), "InvalidArgs"),
                                                ("SetBlob", "(sayt)", ("auth1", b"t" * 99999, 0), "InvalidArgs")):
        try:
            call(method, signature, *arguments)
        except GLib.Error as refused:
            assert error in refused.message, refused.message
        else:
            raise AssertionError(f"{method} was taken")
    call("SetBlob", "(sayt)", "auth1", b"token" * 1000, 0)
    assert client.error(PATH, MANAGER, "GetToken", "(s)", ("auth1",)) is None


def restart(world):
    """What was entered when, the serial and the network's epoch are what they were; the instance is another one."""
    kept = ("State", "StateSerial", "StateTimestamp", "StateTimestampMonotonic", "Timeline", "NetworkEpoch")
    states = ("context-created", "initialized", "iface-coldplug", "dhcp")

    def seen():
        client = Client(world.private, False)
        until(lambda: client.get("State") == "dhcp" and client.get("NetworkEpoch") > 0, "not dhcp")
        return [client.get(name) for name in kept], [client.entered(state) for state in states], client.get("InstanceId")
    before = seen()
    assert len({details["monotonic-usec"] for details in before[1]}) == len(states), before
    for how, status in ((signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)):
        assert world.end("private", how) == status
        world.lwsd()
        after = seen()
        assert after[:2] == before[:2] and after[2] != before[2], (before, after)


def full(world):
    """Nothing can be written in the runtime directory: lwsd goes on without, and says so once for each file."""
    world.end("private")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", world.folder + "/run"], check=True)
    with open(world.folder + "/run/full", "wb") as f:
        f.write(bytes(16 << 10))
    world.lwsd()
    client = Client(world.private, False)
    for up in ("down", "up"):
        subprocess.run(["ip", "link", "set", "wan1", up], check=True)
        until(lambda: (client.get("State") == "dhcp") == (up == "up"), up)
    with open(world.folder + "/log", encoding="utf-8") as f:
        said = [line.split()[0] for line in f if "cannot be written" in line]
    assert sorted(said) == ([world.folder + "/run/resolv.conf"] if "dns" in BUILT_IN else []) + ["state"], said
    subprocess.run(["umount", "-l", world.folder + "/run"], check=True)


def set_group(gid):
    with open("/etc/group", "w", encoding="ascii") as f:
        f.write(f"root:x:0:\nlwsd:x:{gid}:member\n")


def own_users():
    """A user in the group, and one who is not, that a bus knows."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=True)
    for name, text in (("group", ""), ("passwd", f"root:x:0:0::/:/bin/sh\nnobody:x:{NOBODY}:{NOBODY}::/:/bin/sh\n"
                                                f"member:x:{NOBODY - 1}:{NOBODY}::/:/bin/sh\n")):
        with open(f"/mnt/{name}", "w", encoding="ascii") as f:
            f.write(text)
        subprocess.run(["mount", "--bind", f"/mnt/{name}", f"/etc/{name}"], check=True)
    set_group(GROUP)


def main():
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
    import private_network  # not there for what as_user() runs
    if os.geteuid() != 0:
        private_network.skip("other users are for root alone")
    private_network.enter()
    private_network.set_up()
    own_users()
    world = World(os.path.abspath(sys.argv[1]))
    try:
        world.lwsd()
        for part in (restart, byte_order, group, access, full):
            part(world)
            print(f"{part.__name__}: as it should be", flush=True)
    except BaseException:
        with open(world.folder + "/log", encoding="utf-8", errors="replace") as f:
            sys.stderr.write("".join(f.readlines()[-20:]))
        raise
    finally:
        world.close()
    return 0


if sys.argv[1] in CHECKS:
    CHECKS[sys.argv[1]](sys.argv[-2], sys.argv[-1] == "bus")
else:
    sys.exit(main())
