#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients of the private socket that do what they should not, as a user without privileges, while another user's
client goes on attaching: it must notice nothing, and lwsd's memory and descriptors must stay bounded.

Usage: test-hostile.py LWSD
"""

import array
import ctypes
import errno
import os
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

SKIP = 77
NOBODY = 65534
CONNECTIONS = 256          # a user's quota
MEMORY_GROWTH = 48 << 20   # at most, of lwsd's peak, through all of this
PATIENCE = 20              # seconds, far above what anything here takes


def connect(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(PATIENCE)
    s.connect(path)
    return s


def authenticated(path):
    s = connect(path)
    s.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")
    got = b""
    while got.count(b"\r\n") < 2:
        part = s.recv(200)
        if not part:
            raise ConnectionError("not let in")
        got += part
    return s


def header_field(code, kind, value):
    if kind == b"g":
        return bytes([code, 1]) + b"g\0" + bytes([len(value)]) + value + b"\0"
    return bytes([code, 1]) + kind + b"\0" + struct.pack("<I", len(value)) + value + b"\0"


def call(member, signature=b"", body=b"", serial=1):
    parts = ((1, b"o", b"/org/lwsd1"), (2, b"s", b"org.lwsd1.Manager"), (3, b"s", member))
    return message(parts + (((8, b"g", signature),) if signature else ()), body, serial)


def message(parts, body, serial):
    fields = b""
    for part in parts:
        fields += b"\0" * (-len(fields) % 8) + header_field(*part)
    head = struct.pack("<BBBBIII", ord("l"), 1, 0, 1, len(body), serial, len(fields)) + fields
    return head + b"\0" * (-len(head) % 8) + body


def string(text):
    return struct.pack("<I", len(text)) + text + b"\0"


def attach(state, serial=1):
    body = string(state)
    body += b"\0" * (-len(body) % 4) + struct.pack("<I", 0)
    return call(b"Attach", b"sa{sv}", body + b"\0" * (-len(body) % 8), serial)


def attach_many(n, state=b"operational", serial=1):
    one = string(state)
    one += b"\0" * (-len(one) % 4) + struct.pack("<I", 0)
    one += b"\0" * (-len(one) % 8)
    # the array's elements are structs, from offset 8 on
    return call(b"AttachMany", b"a(sa{sv})", struct.pack("<II", n * len(one), 0) + one * n, serial)


def question(path, interface, member, serial=1):
    """A call without arguments."""
    return message(((1, b"o", path), (2, b"s", interface), (3, b"s", member)), b"", serial)


def header(size):
    return struct.pack("<BBBBIII", ord("l"), 1, 0, 1, size, 1, 8)


def receive(s):
    """One whole message."""
    data = b""
    size = 16
    while len(data) < size:
        part = s.recv(size - len(data))
        if not part:
            raise ConnectionError("closed")
        data += part
        if size == 16 and len(data) == 16:
            size += struct.unpack_from("<I", data, 4)[0] + (struct.unpack_from("<I", data, 12)[0] + 7) // 8 * 8
    return data


def reply(s):
    """The next message that is no signal."""
    while True:
        message = receive(s)
        if message[1] != 4:
            return message


def is_closed(s):
    """Lwsd closes it, soon."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not select.select([s], [], [], 1)[0]:
            continue
        try:
            if not s.recv(65536):
                return True
        except ConnectionError:
            return True
    return False


def send_while_it_goes(s, data):
    """Everything, or until lwsd closes."""
    try:
        s.sendall(data)
        return True
    except ConnectionError:
        return False


# What they do: each runs in a process of its own, and fails by an exception.

def announces_64_mib(path):
    s = authenticated(path)
    s.sendall(header(64 << 20))
    assert is_closed(s)


def sends_64_mib(path):
    s = authenticated(path)
    assert not send_while_it_goes(s, header(64 << 20) + bytes(64 << 20)) or is_closed(s)


def stops_half_way_on_every_connection(path):
    """4 MiB each but for one byte, which is more than one user may have on the way."""
    all_of_them = [authenticated(path) for _ in range(32)]
    for s in all_of_them:
        send_while_it_goes(s, header((4 << 20) - 64) + bytes((4 << 20) - 65))
    assert sum(is_closed(s) for s in all_of_them[1:]) >= 30
    for s in all_of_them:
        s.close()


def dies_half_way(path):
    for n in (1, 15, 17, 40, 90):
        s = authenticated(path)
        s.sendall(attach(b"operational")[:n])
        s.close()


def sends_a_byte_at_a_time(path):
    """Slowly, but rightly: it is served."""
    s = authenticated(path)
    for byte in attach(b"operational"):
        s.sendall(bytes([byte]))
        time.sleep(0.005)
    assert reply(s)[1] == 2


def sends_rubbish_without_end(path):
    """Frames that are whole and mean nothing, and noise."""
    s = authenticated(path)
    end = time.monotonic() + 1.5
    frame = (struct.pack("<BBBBIII", ord("l"), 9, 0, 1, 0, 1, 8) + b"\xff" * 8) * 4096
    while time.monotonic() < end and send_while_it_goes(s, frame):
        pass
    s.close()
    s = authenticated(path)
    send_while_it_goes(s, os.urandom(1 << 20))
    assert is_closed(s)


def sends_descriptors(path):
    s = authenticated(path)
    fds = array.array("i", [0] * 250)
    s.sendall(header(1 << 20))
    for _ in range(300):
        try:
            s.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        except OSError as error:  # the kernel's limit of those that are on their way
            assert error.errno == errno.ETOOMANYREFS, error
            time.sleep(0.002)
    s.close()


def never_reads(path):
    """Its attachments fill the quota, and all of its connections ask for the list of them, again and again."""
    first = authenticated(path)
    first.sendall(attach_many(4096))
    assert reply(first)[1] == 2
    first.sendall(attach(b"operational"))
    assert reply(first)[1] == 3, "one over the quota"
    questions = call(b"ListAttachments") * 100
    others = [authenticated(path) for _ in range(CONNECTIONS - 1)]
    for s in others:
        s.setblocking(False)
        try:
            s.send(questions)
        except OSError:
            pass
    for s in others[:3] + others[-3:]:
        s.setblocking(True)
        s.settimeout(PATIENCE)
        try:  # a byte at a time
            for _ in range(20):
                s.recv(1)
        except ConnectionError:
            pass
    time.sleep(0.5)


def messages(data):
    """What a stream of bytes is made of, as far as it is whole: type, answered serial, ids of an attach or of
    Attached."""
    at = 0
    while at + 16 <= len(data):
        assert data[at:at + 1] == b"l", f"no message begins at {at} of {len(data)}"
        body, fields = struct.unpack_from("<I", data, at + 4)[0], struct.unpack_from("<I", data, at + 12)[0]
        start = at + 16 + (fields + 7) // 8 * 8
        if start + body > len(data):
            break
        head = data[at + 16:start]
        answered = struct.unpack_from("<I", head, 4)[0] if data[at + 1] in (2, 3) else 0
        many = data[start + 8:start + 8 + struct.unpack_from("<I", data, start)[0]] if b"\1g\0\3ats" in head or \
            b"Attached" in head else data[start:start + 8] if b"\1g\0\2ts" in head else b""
        yield data[at + 1], answered, struct.unpack(f"<{len(many) // 8}Q", many)
        at = start + body


def told_in(data):
    return sum(len(ids) for kind, _, ids in messages(data) if kind == 4)


def reads_late(path):
    """Asks for as long as lwsd listens, and only then reads, a little at a time: all of it is whole and in order."""
    s = authenticated(path)
    ping = ((1, b"o", b"/org/lwsd1"), (2, b"s", b"org.freedesktop.DBus.Peer"), (3, b"s", b"Ping"))
    calls = b"".join(attach_many(700, b"context-created", serial) if serial % 40 == 0 else
                     attach(b"context-created", serial) if serial % 3 else message(ping, b"", serial)
                     for serial in range(1, 2001))
    expected = 50 * 700 + sum(1 for n in range(2001) if n % 40 and n % 3)
    s.setblocking(False)
    sent, got = 0, b""
    while select.select([], [s], [], 0.3)[1]:
        sent += s.send(calls[sent:sent + 65536])
    assert sent < len(calls), "it never stopped"
    size = 1
    while sent < len(calls) or select.select([s], [], [], 0.1)[0] or told_in(got) < expected:
        readable, writable, _ = select.select([s], [s] if sent < len(calls) else [], [], PATIENCE)
        assert readable or writable, "it has stopped"
        if readable:
            size = size * 7 % 4093
            got += s.recv(1 + size)
        if writable:
            sent += s.send(calls[sent:sent + 65536])
    answers, asked, told = [], [], []
    for kind, answered, ids in messages(got):
        assert kind in (2, 4), kind
        if kind == 2:
            answers.append(answered)
            asked += ids
        else:
            told += ids
            assert told[-1] <= asked[-1], "told before the reply"
    assert answers == list(range(1, 2001)), "answers are missing, or out of order"
    assert told == asked == sorted(asked) and len(asked) == expected


def asks_without_end(path):
    """What takes long to answer, on each of its connections, as fast as it can read."""
    ask = question(b"/org/lwsd1", b"org.freedesktop.DBus.ObjectManager", b"GetManagedObjects") * 32
    all_of_them = [authenticated(path) for _ in range(CONNECTIONS)]
    poll = select.poll()
    for s in all_of_them:
        s.setblocking(False)
        poll.register(s, select.POLLIN)
    by_fd = {s.fileno(): s for s in all_of_them}
    for s in all_of_them:
        s.send(ask)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        for fd, _ in poll.poll(1000):
            try:
                by_fd[fd].recv(1 << 20)
                by_fd[fd].send(ask)
            except BlockingIOError:
                pass


def fills_its_connections(path):
    all_of_them = [authenticated(path) for _ in range(CONNECTIONS)]
    s = connect(path)
    assert is_closed(s)
    all_of_them.pop().close()
    end = time.monotonic() + PATIENCE
    while True:
        try:
            authenticated(path)
            break
        except OSError:
            assert time.monotonic() < end


def connects_10000_times(path):
    start = time.monotonic()
    for i in range(10000):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            s.connect(path)
            if i % 3 == 0:
                s.send(b"\0AUTH EXTERNAL\r\n")
        except OSError:
            pass
        s.close()
    print(f"  {10000 / (time.monotonic() - start):.0f} connections a second", flush=True)


HOSTILE = [announces_64_mib, sends_64_mib, stops_half_way_on_every_connection, dies_half_way, sends_a_byte_at_a_time,
           sends_rubbish_without_end, sends_descriptors, never_reads, reads_late, asks_without_end,
           fills_its_connections, connects_10000_times]


def as_nobody(function, path):
    """A process of another user; returns its pid."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        function(path)
        status = 0
    except BaseException as error:  # whatever it is, it ends this process and fails the test
        print(f"  {function.__name__}: {error!r}", file=sys.stderr, flush=True)
    os._exit(status)


class Witness:
    """A client that minds its own business; it is an exception when it cannot."""

    def __init__(self, path):
        self.socket = authenticated(path)
        self.serial = 1
        self.rounds = 0
        self.worst = 0

    def attach(self):
        start = time.monotonic()
        self.socket.sendall(attach(b"context-created", self.serial))
        self.serial += 1
        answer = reply(self.socket)
        assert answer[1] == 2, answer
        while b"Attached" not in receive(self.socket):
            pass
        self.rounds += 1
        self.worst = max(self.worst, time.monotonic() - start)


def status(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(key + ":")) << 10


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def as_from_a_shell():
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def listens(path):
    """A socket has its name a moment before it can be connected to."""
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


def start_lwsd(program, folder):
    with open(folder + "/conf", "w", encoding="ascii") as f:
        f.write("[Manager]\nFlapSec=0\n[CaptivePortal]\nCheck=no\n[Time]\nObserve=yes\n")
    with open(folder + "/log", "wb") as log:
        child = subprocess.Popen([program, f"--config={folder}/conf", f"--runtime-dir={folder}/run",
                                  f"--state-dir={folder}/state", f"--private-socket={folder}/private", "--no-bus"],
                                 stderr=log, preexec_fn=as_from_a_shell)
    end = time.monotonic() + PATIENCE
    while not listens(folder + "/private"):
        assert child.poll() is None and time.monotonic() < end, "lwsd does not start"
        time.sleep(0.02)
    return child


def run(folder, lwsd):
    path = folder + "/private"
    witness = Witness(path)
    witness.attach()
    base_descriptors, base_memory = descriptors(lwsd.pid), status(lwsd.pid, "VmRSS")
    for function in HOSTILE:
        witness.worst = witness.rounds = 0
        child = as_nobody(function, path)
        while True:
            witness.attach()
            done, code = os.waitpid(child, os.WNOHANG)
            if done:
                break
        print(f"{function.__name__}: {witness.rounds} attaches beside it, the worst took "
              f"{witness.worst * 1000:.1f} ms; lwsd's peak {status(lwsd.pid, 'VmHWM') >> 10} KiB", flush=True)
        assert code == 0, function.__name__
        assert lwsd.poll() is None, "lwsd has ended"
    # it is the same user's turn again, and all of it is gone
    end = time.monotonic() + PATIENCE
    while descriptors(lwsd.pid) > base_descriptors:
        assert time.monotonic() < end, f"{base_descriptors} descriptors became {descriptors(lwsd.pid)}"
        witness.attach()
    assert os.waitpid(as_nobody(sends_a_byte_at_a_time, path), 0)[1] == 0
    growth = status(lwsd.pid, "VmHWM") - base_memory
    assert growth < MEMORY_GROWTH, f"{growth} bytes"


def main():
    program = sys.argv[1]
    if os.getuid() != 0:
        print("skipped: only root can be another user", file=sys.stderr)
        return SKIP
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
        print("skipped: no network namespace", file=sys.stderr)
        return SKIP
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    folder = tempfile.mkdtemp(prefix="lwsd-hostile-")
    os.chmod(folder, 0o755)
    lwsd = start_lwsd(program, folder)
    try:
        run(folder, lwsd)
    except BaseException:
        with open(folder + "/log", encoding="utf-8", errors="replace") as f:
            sys.stderr.write("".join(f.readlines()[-20:]))
        raise
    finally:
        lwsd.send_signal(signal.SIGTERM)
        lwsd.wait(PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)
    assert lwsd.returncode == 0, lwsd.returncode
    return 0


sys.exit(main())
