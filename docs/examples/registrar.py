#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A registrar of one's own for [Registration] Provider=hold, over plain D-Bus.

lwsd does not enter "registered" before somebody has taken a hold on it and let it go. This program takes
it early, waits until the policy is known, runs a command that prints the device's private key and certificate
(PEM), again until it succeeds, hands them to lwsd, which shows them to its token servers, and lets go.

Usage: registrar.py [--socket=PATH] COMMAND [ARGUMENT...]
"""

import random
import subprocess
import sys
import time

import dbus.connection

SOCKET = "/run/lwsd/private"
MANAGER = ("org.lwsd1", "/org/lwsd1", "org.lwsd1.Manager")


def main(arguments):
    path = SOCKET
    if arguments and arguments[0].startswith("--socket="):
        path = arguments.pop(0).partition("=")[2]
    if not arguments:
        print(__doc__.strip().splitlines()[-1], file=sys.stderr)
        return 2

    lwsd = dbus.connection.Connection(f"unix:path={path}")
    held = lwsd.call_blocking(*MANAGER, "Hold", "sss", ("registered", "registrar", "enrolling"))
    held = held.take()  # the descriptor: the hold lasts as long as it is open
    subprocess.run(["lwsctl", f"--socket={path}", "wait", "policy-valid"], check=True)

    wait = 1
    while (run := subprocess.run(arguments, stdout=subprocess.PIPE)).returncode != 0:
        time.sleep(random.uniform(0, wait))
        wait = min(wait * 2, 300)
    lwsd.call_blocking(*MANAGER, "SetBlob", "sayt", ("registered", run.stdout, 0))
    print("registered")
    return 0  # leaving closes the descriptor, and the ladder goes on


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
