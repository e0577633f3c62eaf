#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A registrar of one's own for [Registration] Provider=hold, over plain D-Bus.

lwsd does not enter "registered" before somebody has taken a hold on it and let it go. This program takes
it early, waits until the policy is known, runs a command that gives the device its identity, again until
it succeeds, and lets go.

Usage: registrar.py [--socket=PATH] COMMAND [ARGUMENT...]
"""

import subprocess
import sys
import time

import dbus.connection
import dbus.mainloop.glib
from gi.repository import GLib

SOCKET = "/run/lwsd/private"
MANAGER = ("org.lwsd1", "/org/lwsd1", "org.lwsd1.Manager")


def main(arguments):
    path = SOCKET
    if arguments and arguments[0].startswith("--socket="):
        path = arguments.pop(0).partition("=")[2]
    if not arguments:
        print(__doc__.strip().splitlines()[-1], file=sys.stderr)
        return 2

    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    loop = GLib.MainLoop()
    lwsd = dbus.connection.Connection(f"unix:path={path}")
    held = lwsd.call_blocking(*MANAGER, "Hold", "sss", ("registered", "registrar", "enrolling"))
    held = held.take()  # the descriptor: the hold lasts as long as it is open

    lwsd.add_signal_receiver(lambda *_: loop.quit(), "Attached", MANAGER[2])
    lwsd.call_blocking(*MANAGER, "Attach", "sa{sv}", ("policy-valid", {}))
    loop.run()

    wait = 1
    while subprocess.run(arguments).returncode != 0:
        time.sleep(wait)
        wait = min(wait * 2, 300)
    print("registered")
    return 0  # leaving closes the descriptor, and the ladder goes on


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
