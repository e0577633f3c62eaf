#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Everything that a client of the private socket should not do. garbage.py SOCKET"""
import os
import random
import socket
import struct
import sys

PATH = sys.argv[1]
SEED = int(os.environ.get("LWSD_TEST_SEED", "1"))
rng = random.Random(SEED)
print(f"LWSD_TEST_SEED={SEED}")


def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(5)
    s.connect(PATH)
    return s


def authenticate(s):
    s.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
    line = s.recv(200)
    assert line.startswith(b"OK "), line
    s.sendall(b"BEGIN\r\n")


def field(code, kind, value):
    if kind == "g":
        body = bytes([len(value)]) + value + b"\0"
    else:
        body = struct.pack("<I", len(value)) + value + b"\0"
    return bytes([code, 1]) + kind.encode() + b"\0" + body


def message(body=b"", signature=b"", member=b"Hello", serial=1):
    fields = b""
    for f in (field(1, "o", b"/org/lwsd1"), field(2, "s", b"org.lwsd1.Manager"), field(3, "s", member),
              field(6, "s", b"org.lwsd1")):
        fields += b"\0" * (-len(fields) % 8) + f
    if signature:
        fields += b"\0" * (-len(fields) % 8) + field(8, "g", signature)
    head = struct.pack("<BBBBIII", ord("l"), 1, 0, 1, len(body), serial, len(fields)) + fields
    return head + b"\0" * (-len(head) % 8) + body


def ends(s):
    """The connection is closed, or quiet: never more than an answer."""
    s.settimeout(0.2)
    try:
        while s.recv(65536):
            pass
    except (socket.timeout, ConnectionError):
        pass
    s.close()


def send(s, data):
    try:
        s.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass


def main():
    # closed at once, with nothing said
    for _ in range(300):
        connect().close()
    # no authentication, only noise
    for _ in range(30):
        s = connect()
        send(s, rng.randbytes(rng.randint(1, 5000)))
        ends(s)
    # endless authentication
    s = connect()
    send(s, b"\0AUTH " + b"A" * 1000000)
    ends(s)
    # noise after it
    for _ in range(30):
        s = connect()
        authenticate(s)
        send(s, rng.randbytes(rng.randint(1, 5000)))
        ends(s)
    # a message of 4 GiB, and one that stops half-way
    s = connect()
    authenticate(s)
    send(s, struct.pack("<BBBBIII", ord("l"), 1, 0, 1, 0xFFFFFFFF, 1, 0xFFFFFFFF))
    ends(s)
    s = connect()
    authenticate(s)
    send(s, message()[:40])
    s.close()
    # mutations of a good call
    good = message(struct.pack("<I", 11) + b"operational\0" + struct.pack("<II", 0, 0), b"sa{sv}", b"Attach")
    for _ in range(200):
        s = connect()
        authenticate(s)
        data = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        send(s, bytes(data) * rng.randint(1, 3))
        s.settimeout(0.01)
        try:
            s.recv(65536)
        except (socket.timeout, ConnectionError):
            pass
        s.close()
    # calls without reading the answers
    s = connect()
    authenticate(s)
    s.setblocking(False)
    try:
        for serial in range(1, 100000):
            s.send(message(member=b"ListLinks", serial=serial))
    except (BlockingIOError, BrokenPipeError, ConnectionResetError):
        pass
    s.close()


main()
