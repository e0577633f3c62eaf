# SPDX-License-Identifier: MIT
"""A server of Network Time Security (RFC 8915) that does as it is told, right or wrong."""

import datetime
import ipaddress
import os
import shutil
import socket
import struct
import tempfile
import threading
import time

import ntp_lab
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from ntp_lab import Addresses, Server
from OpenSSL import SSL

END, PROTOCOL, ERROR, WARNING, AEAD, COOKIE, SERVER, PORT, CRITICAL = 0, 1, 2, 3, 4, 5, 6, 7, 0x8000
UNIQUE_ID, COOKIE_FIELD, PLACEHOLDER, SEAL = 0x0104, 0x0204, 0x0304, 0x0404
DAY = datetime.timedelta(days=1)


def record(kind, body=b""):
    return struct.pack(">HH", kind, len(body)) + body


def field(kind, body):
    return struct.pack(">HH", kind, len(body) + 4) + body


def fields_of(packet):
    """The extension fields as (type, body), and where each begins."""
    at = 48
    while at + 4 <= len(packet):
        kind, size = struct.unpack(">HH", packet[at:at + 4])
        yield kind, packet[at + 4:at + size], at
        at += max(size, 4)


def alternative_name(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class Certificates:
    """An authority of its own and a certificate for an address or a name, good from `first` to `last` (days from now)."""

    def __init__(self, folder, host, first=-1, last=9):
        self.authority, self.chain, self.key = (os.path.join(folder, n) for n in ("ca.pem", "pem", "key"))
        self.host, self.ca_key = host, ec.generate_private_key(ec.SECP256R1())
        self.own_key = ec.generate_private_key(ec.SECP256R1())
        self.ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ca")])
        now = datetime.datetime.utcnow()
        self.write(self.authority, self.sign(self.ca_name, self.ca_name, self.ca_key.public_key(), now - 100 * DAY,
                                             now + 100 * DAY, x509.BasicConstraints(True, None), self.ca_key))
        with open(self.key, "wb") as f:
            f.write(self.own_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        self.renew(first, last)

    def renew(self, first=-1, last=9):
        now = datetime.datetime.utcnow()
        self.write(self.chain, self.sign(x509.Name([]), self.ca_name, self.own_key.public_key(), now + first * DAY,
                                         now + last * DAY, x509.SubjectAlternativeName([alternative_name(self.host)]),
                                         self.ca_key))

    @staticmethod
    def write(path, certificate):
        with open(path + ".new", "wb") as f:
            f.write(certificate.public_bytes(serialization.Encoding.PEM))
        os.rename(path + ".new", path)

    @staticmethod
    def sign(subject, issuer, key, first, last, extension, by):
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
                .serial_number(x509.random_serial_number()).not_valid_before(first).not_valid_after(last)
                .add_extension(extension, critical=True).sign(by, hashes.SHA256()))


class NtsServer:
    """Key exchange and time at one address. `records(cookies)` makes the answer of the exchange; `reply(server,
    parts)` may change the parts of an answer of time: header, unique_id, cookies, sealed with s2c."""

    def __init__(self, address=None, records=None, reply=None, certificate_for=None, days=(-1, 9), cookies=8,
                 cookie_size=100, alpn=b"ntske/1", only_1_2=False, extra=b"", time_address=None, time_port=123, **time):
        self.folder = tempfile.mkdtemp(prefix="lwsd-nts-")
        self.address = address or Addresses.new()
        self.certificates = Certificates(self.folder, certificate_for or self.address, *days)
        self.records, self.reply, self.extra = records, reply, extra
        self.n_cookies, self.cookie_size, self.alpn, self.only_1_2 = cookies, cookie_size, alpn, only_1_2
        self.keys, self.spent, self.exchanges, self.placeholders, self.unknown = {}, [], 0, [], 0
        self.exchanged = []
        self.time = Server(address=time_address or self.address, port=time_port, change=self.answer, **time)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((self.address, 4460))
        self.socket.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def config(self, more=""):
        return f"NTSServers={self.address}\nCertificateAuthority={self.certificates.authority}\n{more}"

    # -- Keys ------------------------------------------------------------------------------------------------

    def context(self):
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_privatekey_file(self.certificates.key)
        context.use_certificate_chain_file(self.certificates.chain)
        if self.only_1_2:
            context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.set_alpn_select_callback(
            lambda _, offered: self.alpn if self.alpn in offered else SSL.NO_OVERLAPPING_PROTOCOLS)
        return context

    def run(self):
        while True:
            peer, _ = self.socket.accept()
            threading.Thread(target=self.exchange, args=(peer,), daemon=True).start()

    def new_cookie(self, keys):
        cookie = os.urandom(self.cookie_size)
        self.keys[cookie] = keys
        return cookie

    def exchange(self, peer):
        peer.settimeout(None)
        tls = SSL.Connection(self.context(), peer)
        tls.set_accept_state()
        try:
            tls.do_handshake()
            request = b""
            while not request.endswith(record(CRITICAL | END)):
                request += tls.recv(4096)
            self.exchanges += 1
            self.exchanged.append(time.monotonic())
            keys = [tls.export_keying_material(b"EXPORTER-network-time-security", 32, bytes([0, 0, 0, 15, way]))
                    for way in (0, 1)]
            cookies = [self.new_cookie(keys) for _ in range(self.n_cookies)]
            tls.sendall(self.records(cookies) if self.records else good_records(cookies, self.extra))
            tls.shutdown()
        except (SSL.Error, OSError):
            pass
        peer.close()

    # -- Time ------------------------------------------------------------------------------------------------

    def answer(self, server, fields, request):
        found = list(fields_of(request))
        cookie = next((body for kind, body, _ in found if kind == COOKIE_FIELD), None)
        unique_id = next((body for kind, body, _ in found if kind == UNIQUE_ID), b"")
        self.spent.append(cookie)
        wanted = 1 + sum(kind == PLACEHOLDER and len(body) == len(cookie) for kind, body, _ in found)
        self.placeholders.append(wanted - 1)
        if cookie not in self.keys:
            self.unknown += 1
            return [nak(fields, unique_id)]
        keys = self.keys.pop(cookie)
        parts = dict(fields=fields, unique_id=unique_id, cookies=[self.new_cookie(keys) for _ in range(wanted)],
                     key=keys[1], seal=True)
        answers = self.reply(self, parts) if self.reply else None
        return [sealed(**parts)] if answers is None else answers


def good_records(cookies, extra=b""):
    return (record(CRITICAL | PROTOCOL, b"\0\0") + record(AEAD, b"\0\x0f") + extra
            + b"".join(record(COOKIE, c) for c in cookies) + record(CRITICAL | END))


def nak(fields, unique_id):
    return Server.pack(dict(fields, stratum=0, leap=3, reference_id=0x4e54534e, tail=field(UNIQUE_ID, unique_id)))


def sealed(fields, unique_id, cookies, key, seal, nonce=None, head=None):
    packet = (head or Server.pack(fields)) + field(UNIQUE_ID, unique_id)
    if not seal:
        return packet
    nonce = nonce or os.urandom(16)
    text = AESSIV(key).encrypt(b"".join(field(COOKIE_FIELD, c) for c in cookies), [packet, nonce])
    text_padded = text + bytes(-len(text) % 4)
    return packet + field(SEAL, struct.pack(">HH", len(nonce), len(text)) + nonce + bytes(-len(nonce) % 4)
                          + text_padded)


class Chronyd(ntp_lab.Chronyd):
    """chronyd as a server of keys too."""

    def configure(self, lines):
        self.certificates = Certificates(self.folder, self.address)
        super().configure([*lines, f"ntsservercert {self.certificates.chain}", f"ntsserverkey {self.certificates.key}"])

    def answers(self):
        try:
            socket.create_connection((self.address, 4460), 1).close()
        except OSError:
            return False
        return super().answers()
