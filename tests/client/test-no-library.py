#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a program does without our library: GLib, Python's dbus, gdbus and busctl, on the bus and on the private
socket, see the same interface.

Usage: test-no-library.py LWSD
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SKIP = 77
PATIENCE = 20
NAME, PATH, MANAGER = "org.lwsd1", "/org/lwsd1", "org.lwsd1.Manager"
PROPERTIES = "org.freedesktop.DBus.Properties"

try:
    import dbus
    import dbus.mainloop.glib
    import gi  # noqa: F401
    from gi.repository import Gio, GLib
except ImportError:
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])  # another one may come first in PATH
    print("skipped: no python3-dbus or no python3-gi", file=sys.stderr)
    sys.exit(SKIP)


def sh(command):
    subprocess.run(command, shell=True, check=True)


def link(up):
    sh("ip link set up0 up && ip route replace default via 10.77.0.2" if up else "ip link set up0 down")


def until(condition, what):
    """Turns the main loop, on which both libraries are."""
    context = GLib.MainContext.default()
    timer = GLib.timeout_add(20, lambda: True)
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        context.iteration(True)
    GLib.source_remove(timer)


class PythonDBus:
    """The classic Python binding."""

    def __init__(self, address, on_bus):
        self.connection = (dbus.bus.BusConnection if on_bus else dbus.connection.Connection)(address)
        self.object = self.connection.get_object(NAME if on_bus else None, PATH)
        self.signals = []
        self.connection.add_signal_receiver(self.on_signal, dbus_interface=MANAGER, member_keyword="member")
        self.changed = []
        self.connection.add_signal_receiver(lambda *a: self.changed.append(a), dbus_interface=PROPERTIES,
                                            signal_name="PropertiesChanged")

    def on_signal(self, *arguments, member):
        self.signals.append((member, arguments))

    def call(self, method, *arguments):
        result = self.object.get_dbus_method(method, MANAGER)(*arguments)
        return result if isinstance(result, tuple) else (result,)

    def attach(self, state, persistent):
        options = dbus.Dictionary({"persistent": dbus.Boolean(persistent)}, signature="sv")
        return self.call("Attach", state, options)

    def detach(self, number):
        self.call("Detach", dbus.Array([number], signature="t"))

    def hold(self, state):
        return self.call("Hold", state, "test", "a test")[0].take()

    def get(self, name):
        return self.object.Get(MANAGER, name, dbus_interface=PROPERTIES)

    def objects(self):
        return self.object.GetManagedObjects(dbus_interface="org.freedesktop.DBus.ObjectManager")

    def error(self, method, *arguments):
        try:
            self.call(method, *arguments)
        except dbus.DBusException as error:
            return error.get_dbus_name(), error.get_dbus_message()
        raise AssertionError(f"{method} was taken")

    def close(self):
        self.connection.close()


class GLibDBus:
    """GDBus."""

    def __init__(self, address, on_bus):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        if on_bus:
            flags |= Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.connection.set_exit_on_close(False)
        self.destination = NAME if on_bus else None
        self.signals, self.changed = [], []
        # by no sender: with one, GLib would be told of signals only after it has asked who that is
        self.connection.signal_subscribe(None, MANAGER, None, PATH, None, Gio.DBusSignalFlags.NONE,
                                         lambda c, sender, path, interface, member, arguments:
                                         self.signals.append((member, arguments.unpack())))
        self.connection.signal_subscribe(None, PROPERTIES, "PropertiesChanged", PATH, None,
                                         Gio.DBusSignalFlags.NONE,
                                         lambda c, sender, path, interface, member, arguments:
                                         self.changed.append(arguments.unpack()))

    def call_at(self, interface, method, signature="()", *arguments):
        return self.connection.call_sync(self.destination, PATH, interface, method,
                                         GLib.Variant(signature, arguments), None, Gio.DBusCallFlags.NONE,
                                         PATIENCE * 1000, None).unpack()

    def call(self, method, *arguments):
        signature = {"Attach": "(sa{sv})", "Detach": "(at)"}.get(method, "(" + "s" * len(arguments) + ")")
        return self.call_at(MANAGER, method, signature, *arguments)

    def attach(self, state, persistent):
        return self.call("Attach", state, {"persistent": GLib.Variant("b", persistent)})

    def detach(self, number):
        self.call("Detach", [number])

    def hold(self, state):
        result, fds = self.connection.call_with_unix_fd_list_sync(
            self.destination, PATH, MANAGER, "Hold", GLib.Variant("(sss)", (state, "test", "a test")), None,
            Gio.DBusCallFlags.NONE, PATIENCE * 1000, None, None)
        return fds.get(result.unpack()[0])

    def get(self, name):
        return self.call_at(PROPERTIES, "Get", "(ss)", MANAGER, name)[0]

    def objects(self):
        return self.call_at("org.freedesktop.DBus.ObjectManager", "GetManagedObjects")[0]

    def error(self, method, *arguments):
        try:
            self.call(method, *arguments)
        except GLib.Error as error:
            return Gio.DBusError.get_remote_error(error), error.message
        raise AssertionError(f"{method} was taken")

    def close(self):
        self.connection.close_sync(None)


def story(kind, address, on_bus):
    """Attach, be told, be told again; hold; errors: on one connection, while another hears nothing of it."""
    link(False)
    one, other = kind(address, on_bus), kind(address, on_bus)
    if on_bus and kind is PythonDBus:
        assert one.connection.get_name_owner(NAME)
    until(lambda: one.get("State") == other.get("State") == "initialized", "not down")
    one.signals.clear()
    once, current = one.attach("dhcp", False)
    watch, _ = one.attach("dhcp", True)
    assert current == "initialized" and watch > once
    link(True)

    def told(member):
        return [list(ids) for name, (ids, *_) in one.signals if name == member]
    until(lambda: told("Attached"), "no Attached")
    assert told("Attached") == [[once, watch]], told("Attached")
    _, state, details = next(arguments for name, arguments in one.signals if name == "Attached")
    assert state == "dhcp" and details["monotonic-usec"] > 0 and details["state-serial"] > 0
    link(False)
    until(lambda: told("Left"), "no Left")
    assert told("Left") == [[watch]]
    rungs = [arguments for name, arguments in one.signals if name == "StateChanged"]
    assert ("iface-coldplug", "dhcp") in [tuple(r) for r in rungs], rungs
    until(lambda: any("State" in changed for interface, changed, _ in one.changed if interface == MANAGER),
          "no PropertiesChanged")
    until(lambda: any(name == "StateChanged" for name, _ in other.signals), "the other hears no StateChanged")
    assert not any(name in ("Attached", "Left") for name, _ in other.signals), "told to another"

    name, words = other.error("Detach", dbus.Array([10**9], signature="t") if kind is PythonDBus else [10**9])
    assert name == "org.lwsd1.Error.NoSuchAttachment" and " " in words, (name, words)
    one.detach(watch)
    options = dbus.Dictionary({}, signature="sv") if kind is PythonDBus else {}
    for state in ("unknown", "nonsense", "policy-invalid"):
        name, words = one.error("Attach", state, options)
        assert name == "org.lwsd1.Error.InvalidState" and " " in words, (name, words)

    fd = one.hold("operational")
    assert any(hold[1] == "test" for hold in one.call("ListHolds")[0])
    os.close(fd)
    until(lambda: not one.call("ListHolds")[0], "the hold stays")
    assert "/org/lwsd1/link/_31" in one.objects()
    one.close()
    other.close()


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0, (command, result.stdout, result.stderr)
    return result.stdout


def tools(address):
    """The command line, on any address."""
    gdbus = ["gdbus", "call", "--address", address, "--dest", NAME, "--object-path", PATH, "--method"]
    if shutil.which("gdbus"):
        assert "initialized" in run(*gdbus, PROPERTIES + ".Get", MANAGER, "State")
        assert "uint64" in run(*gdbus, MANAGER + ".Attach", "operational", "{}")
        text = run("gdbus", "introspect", "--address", address, "--dest", NAME, "--object-path", PATH)
        assert "interface org.lwsd1.Manager" in text and "AttachMany" in text
    busctl = ["busctl", "--address=" + address]
    assert run(*busctl, "get-property", NAME, PATH, MANAGER, "State") == 's "initialized"\n'
    assert run(*busctl, "call", NAME, PATH, MANAGER, "Attach", "sa{sv}", "operational", "0").startswith("ts ")
    assert run(*busctl, "call", NAME, PATH, MANAGER, "AttachMany", "a(sa{sv})", "2", "dhcp", "1", "persistent", "b",
               "true", "operational", "0").startswith("ats 2 ")
    assert "StateChanged" in run(*busctl, "introspect", NAME, PATH)
    assert "LogLevel" in run(*busctl, "introspect", NAME, "/org/freedesktop/LogControl1")
    assert "/org/lwsd1/link/_31" in run(*busctl, "tree", NAME)
    assert "CarrierLoss" not in run(*busctl, "introspect", NAME, "/org/lwsd1/link/_31", "org.lwsd1.Link")


def monitor(address):
    """busctl shows what everyone is told, once it has become a monitor."""
    child = subprocess.Popen(["busctl", "--address=" + address, "monitor"], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    try:
        assert "Monitoring" in child.stdout.readline()
        link(True)
        assert any("Member=StateChanged" in line for line in child.stdout), "busctl monitor ended"
    finally:
        child.kill()
        child.wait()
    link(False)


def listens(path):
    """A socket has its name a moment before it can be connected to."""
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


def start(command, log, ready, environment=None):
    with open(log, "wb") as file:
        child = subprocess.Popen(command, stdout=file, stderr=file, env={**os.environ, **(environment or {})})
    end = time.monotonic() + PATIENCE
    while not listens(ready):
        assert child.poll() is None and time.monotonic() < end, command
        time.sleep(0.02)
    return child


def all_of_it(program, folder, children):
    bus = f"unix:path={folder}/bus"
    with open(folder + "/bus.conf", "w", encoding="ascii") as f:
        f.write(f"<busconfig><type>session</type><listen>{bus}</listen><auth>EXTERNAL</auth><policy context='default'>"
                "<allow send_destination='*'/><allow own='*'/><allow receive_sender='*'/></policy></busconfig>")
    with open(folder + "/conf", "w", encoding="ascii") as f:
        f.write("[Manager]\nFlapSec=0\n[CaptivePortal]\nCheck=no\n[Time]\nObserve=yes\n")
    children.append(start(["dbus-daemon", "--nofork", "--nopidfile", f"--config-file={folder}/bus.conf"],
                          folder + "/bus-log", folder + "/bus"))
    children.append(start([program, f"--config={folder}/conf", f"--runtime-dir={folder}/run",
                           f"--state-dir={folder}/state", f"--private-socket={folder}/private"],
                          folder + "/log", folder + "/private", {"DBUS_SYSTEM_BUS_ADDRESS": bus}))
    waiting = dbus.bus.BusConnection(bus)
    until(lambda: waiting.name_has_owner(NAME), "lwsd has no name")
    waiting.close()
    for address, on_bus in ((bus, True), (f"unix:path={folder}/private", False)):
        for kind in (PythonDBus, GLibDBus):
            story(kind, address, on_bus)
            print(f"{kind.__name__} on the {'bus' if on_bus else 'private socket'}: as it should be", flush=True)
        tools(address)
        monitor(address)
        print("gdbus and busctl, too", flush=True)


def main():
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
        print("skipped: no network namespace", file=sys.stderr)
        return SKIP
    sh("ip link set lo up; ip link add up0 type veth peer name down0; ip link set down0 up; "
       "ip address add 10.77.0.1/24 dev up0")
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    folder = tempfile.mkdtemp(prefix="lwsd-no-library-")
    children = []
    try:
        all_of_it(sys.argv[1], folder, children)
    except BaseException:
        with open(folder + "/log", encoding="utf-8", errors="replace") as f:
            sys.stderr.write("".join(f.readlines()[-20:]))
        raise
    finally:
        for child in reversed(children):
            child.send_signal(signal.SIGTERM)
            child.wait(PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)
    return 0


sys.exit(main())
