#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The upper half of the ladder against servers that fail in each way that servers do: for each, what Waiting and
the journal say, that nothing is accepted wrongly, and that lwsd comes to "operational" by itself afterwards.

Usage: test-upper-failures.py LWSD LWSD-FETCH FAKECLOCK [SCENARIO...]
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import dhcp_lab
import private_network
from upper_lab import HIJACKER, SERVER, Authority, Lab

SCENARIOS = {}
DAY = 86400


def stamp(seconds):
    """That many seconds from now, as openssl takes dates."""
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds))


def scenario(name, function):
    SCENARIOS[name] = (function, "", "")


# -- servers that fail before they ever worked: (server, fault, code in Waiting, words in it)

BLOCKING = [
    ("policy", "absent", "no-policy", "connect"),
    ("policy", "silent", "no-policy", ""),
    ("policy", "elsewhere", "no-policy", "SSL"),
    ("policy", "expired", "no-policy", "certificate"),
    ("policy", "oversized", "no-policy", "larger than allowed"),
    ("policy", "busy", "no-policy", "HTTP status 503"),
    ("policy", "half", "no-policy", "transfer closed"),
    ("policy", "nonsense", "policy-refused", "not a signed document"),
    ("est", "absent", "not-registered", "connect"),
    ("est", "slow", "not-registered", ""),
    ("est", "elsewhere", "not-registered", "SSL"),
    ("est", "expired", "not-registered", "certificate"),
    ("est", "future", "not-registered", "certificate"),
    ("est", "forged", "not-registered", "no certificate for our key"),
    ("est", "oversized", "not-registered", "larger than allowed"),
    ("est", "busy", "not-registered", "HTTP status 503"),
    ("est", "half", "not-registered", "transfer closed"),
    ("est", "nonsense", "not-registered", "no certificate for our key"),
    ("cacerts", "stranger", "not-registered", "none of the server's authorities signed"),
    ("cacerts", "slow", "not-registered", ""),
    ("cacerts", "oversized", "no-authorities", "larger than allowed"),
    ("cacerts", "busy", "no-authorities", "HTTP status 503"),
    ("cacerts", "half", "no-authorities", "transfer closed"),
    ("cacerts", "nonsense", "no-authorities", "no list of authorities"),
    ("token", "absent", "no-token", "connect"),
    ("token", "slow", "no-token", ""),
    ("token", "elsewhere", "no-token", "SSL"),
    ("token", "rolled", "no-token", "SSL"),  # what the EST server says of itself says nothing of others
    ("token", "expired", "no-token", "certificate"),
    ("token", "forged", "no-token", "no bearer token"),
    ("token", "replayed", "no-token", "no bearer token"),
    ("token", "oversized", "no-token", "larger than allowed"),
    ("token", "busy", "no-token", "HTTP status 503"),
    ("token", "half", "no-token", "transfer closed"),
    ("token", "nonsense", "no-token", "no bearer token"),
]
BELOW = {"policy": "cpd-post-time", "est": "policy-valid", "cacerts": "policy-valid", "token": "registered"}


def blocking(server, fault, code, words):
    def run(lab):
        lab.fail(server, fault)
        lab.connect()
        lab.until_waiting(code, words)
        lab.until_state(BELOW[server])
        assert lab.get("PolicyVersion") == (0 if server == "policy" else 5)
        state = os.listdir(f"{lab.dir}/state")
        if server == "policy":
            assert "policy" not in state, state
        if server in ("est", "cacerts"):
            assert "identity.pem" not in state, state
        if words:
            lab.until("a line in the journal", lambda: words in lab.log())
        if fault == "busy":
            lab.until("asked again", lambda: len(lab.world.asked[server]) > 1)
            first, second = lab.world.asked[server][:2]
            assert second - first >= 2, f"Retry-After: 2, and asked again after {second - first} s"
        lab.heal(server, fault)
        lab.until_state("operational", 60)
        assert len(lab.world.keys) == 1, "more than one identity"

    return run


for cell in BLOCKING:
    scenario(f"{cell[0]}-{cell[1]}", blocking(*cell))


def no_authorities(lab):
    """A server that names none is believed as CertificateAuthority= says."""
    lab.fail("cacerts", "none")
    lab.connect()
    lab.until_state("operational")
    assert "names no authorities of its own" in lab.log()
    assert "est-ca.pem" not in os.listdir(f"{lab.dir}/state")


scenario("cacerts-none", no_authorities)


def renewal(lab):
    """RFC 7030 section 4.2.2: with the certificate itself, for its own names, after a look at the authorities. The
    server has moved on to the next of them, whom only /cacerts has named."""
    lab.world.est_dates = lambda: (stamp(-2), stamp(10))
    lab.connect()
    lab.until_state("operational")
    with open(f"{lab.dir}/state/est-ca.pem") as f:
        assert f.read().count("BEGIN CERTIFICATE") == 2
    lab.fail("est", "rolled")
    lab.world.est_dates = Authority.ALWAYS  # long past two thirds of its life, and yet new to us
    lab.until("a renewal", lambda: len(lab.world.enrolments) == 2)
    (first, nobody), (second, shown) = lab.world.enrolments
    assert (first, second) == ("simpleenroll", "simplereenroll")
    assert not nobody and shown["subject"] == ((("commonName", "device-7"),),)
    lab.until("a token for the new certificate", lambda: len(lab.world.asked["token"]) == 2)
    assert len(lab.world.asked["cacerts"]) >= 2 and len(lab.world.keys) == 1
    lab.until_state("operational")
    lab.stop()
    lab.start()
    lab.until("a token", lambda: len(lab.world.asked["token"]) == 3)
    assert len(lab.world.enrolments) == 2, "enrolled again at once"


scenario("renewal", renewal)


# -- the captive portal: what each failure lets lwsd believe

PROBES = [
    ("absent", "no-internet"),
    ("silent", "no-internet"),
    ("busy", "no-internet"),
    ("half", "internet"),  # 204 has no body that could be cut
    ("511", "portal"),
    ("page", "portal"),
    ("oversized", "portal"),
]


def probe(fault, verdict):
    def run(lab):
        lab.fail("probe", fault)
        lab.connect()
        lab.until(verdict, lambda: lab.get("CaptivePortal") == verdict)
        if verdict == "portal":
            lab.until_waiting("captive-portal", "a captive portal is in the way")
            assert "captive portal: portal" in lab.log()
        else:
            lab.until_state("operational")  # a probe's server that is down stops no device
        lab.heal("probe", fault)
        lab.until("internet", lambda: lab.get("CaptivePortal") == "internet")
        lab.until_state("operational")

    return run


for cell in PROBES:
    scenario(f"probe-{cell[0]}", probe(*cell))


def api(fault):
    """An API that does not do its work says nothing; the probe decides, here against us."""
    def run(lab):
        lab.world.captive = True
        lab.fail("api", fault)
        lab.connect(api=True)
        lab.until_waiting("captive-portal", "http://portal.test/login")
        lab.heal("api", fault)
        lab.until("the API's word", lambda: lab.get("CaptivePortalUrl") == "https://portal.test/login")
        lab.world.captive = False
        lab.until_state("operational")
        assert lab.get("CaptivePortalUrl") == ""

    return run


for fault in ("absent", "silent", "elsewhere", "nonsense", "oversized", "busy", "half"):
    scenario(f"api-{fault}", api(fault))


def hijacked_dns(lab):
    """All names lead to the portal: its redirect is seen, its certificate is not believed."""
    lab.world.dns = HIJACKER
    lab.connect()
    lab.until_waiting("captive-portal", "http://portal.test/login")
    lab.until("the policy's server is asked", lambda: "policy: https://policy.test" in lab.log())
    assert lab.get("PolicyVersion") == 0
    lab.world.dns = SERVER
    lab.until_state("operational", 60)


def strict(lab):
    """Behind a portal no name server answers over TLS, which is asked for: what is in the way is seen all the same."""
    lab.world.captive = True
    lab.connect()
    lab.until_waiting("captive-portal", "http://portal.test/login")
    assert lab.get("CaptivePortal") == "portal"


def other_servers(lab):
    """Other name servers may be a portal's: looked at again, and nothing else is asked anew."""
    lab.connect()
    lab.until_state("operational")
    with open(f"{lab.dir}/lwsd.conf", "a") as f:
        f.write(f"[Link eth0]\nDNS={HIJACKER}\n")
    lab.world.captive = True
    lab.call("Reload")
    lab.until_waiting("captive-portal", "http://portal.test/login")
    assert len(lab.world.asked["token"]) == 1


scenario("dns-hijacked", hijacked_dns)
scenario("dns-others", other_servers)
SCENARIOS["probe-strict"] = (strict, "[DNS]\nDNSOverTLS=yes\n", "")


# -- policies that must not be believed

def signature(lab):
    lab.world.set_policy(5, key="other")
    lab.connect()
    lab.until_waiting("policy-refused", "not signed by our key")
    lab.world.set_policy(5)
    lab.until_state("operational", 60)


def rollback(lab):
    lab.connect()
    lab.until_state("operational")
    lab.world.set_policy(4)
    lab.call("InvalidatePolicy")
    lab.until("refused", lambda: "policy 4 is older than 5" in lab.log())
    lab.until_state("operational")
    lab.stop()
    lab.start()
    lab.until("refused again", lambda: lab.log().count("policy 4 is older than 5") == 2)
    lab.until("what was stored", lambda: lab.get("PolicyVersion") == 5)
    lab.until_state("operational")


def form(lab):
    """Where a document is wrong is said with line and column, be it JSON or what the schema asks for."""
    for text, words in ((b'{"version": 5,\n "properties": {"a": 1,}}', "line 2, column 24"),
                        (b'{"version": 5,\n "properties": {"a": {}}}', 'line 2, column 17: "a" is no string'),
                        (b'{\n\n "version": 0}', 'line 3, column 2: "version" is not a whole number from 1'),
                        (b'{"nbf": 1}', 'line 1, column 1: "version" is missing'),
                        (b'{"version": 5, "nbf": 9,\n\t"exp": 8}', 'line 2, column 2: "exp" is not after')):
        lab.world.policy = lab.world.authority.sign_policy(text)
        if not lab.addresses():
            lab.connect()
        lab.call("InvalidatePolicy")
        lab.until_waiting("policy-refused", words)
        assert words in lab.log() and lab.get("PolicyVersion") == 0
    lab.world.set_policy(5)
    lab.call("InvalidatePolicy")
    lab.until_state("operational", 60)


def validators(lab):
    """An unchanged policy is not sent again, and disturbs nobody."""
    lab.world.etag = '"five"'
    lab.connect()
    lab.until_state("operational")
    lab.call("InvalidatePolicy")
    lab.until("a 304", lambda: lab.world.unchanged == 1)
    lab.until_state("operational")
    lab.world.etag = '"six"'
    lab.world.set_policy(6)
    lab.call("InvalidatePolicy")
    lab.until("the new one", lambda: lab.get("PolicyVersion") == 6)
    lab.until_state("operational")
    lab.stop()
    lab.start()  # with its memory the tag is gone
    lab.until("asked", lambda: len(lab.world.asked["policy"]) == 4)
    assert lab.world.unchanged == 1
    lab.until_state("operational")


scenario("policy-form", form)
scenario("policy-validators", validators)
scenario("policy-forged", signature)
scenario("policy-replayed", rollback)


# -- dates

def early(lab, certificate):
    """The policy is there before time is true: shown, and not stored."""
    lab.world.time = False
    lab.fail("policy", certificate)
    lab.connect()
    lab.until("policy", lambda: lab.get("PolicyVersion") == 5)
    assert lab.get("State") == "cpd-pre-time"
    assert "policy" not in os.listdir(f"{lab.dir}/state")
    assert not {"est", "token"} & set(lab.world.asked), "a credential was sent before time was true"
    lab.world.time = True


def early_good(lab):
    early(lab, None)
    lab.until_state("operational")
    assert len(lab.world.asked["policy"]) == 1
    assert "policy" in os.listdir(f"{lab.dir}/state")


def early_expired(lab):
    early(lab, "expired")
    lab.until_waiting("no-policy", "certificate")
    assert lab.get("PolicyVersion") == 0
    assert "policy 5 is dropped" in lab.log()
    lab.heal("policy", "expired")
    lab.until_state("operational", 60)


def policy_dates(lab):
    now = int(time.time())
    lab.world.set_policy(5, exp=now - DAY)
    lab.connect()
    lab.until_waiting("policy-expired")
    lab.world.set_policy(6, nbf=now + DAY)
    lab.call("InvalidatePolicy")
    lab.until_waiting("policy-not-yet-valid")
    lab.world.set_policy(7, nbf=now - DAY, exp=int(time.time()) + 15)
    lab.call("InvalidatePolicy")
    lab.until_state("operational")
    lab.until_state("cpd-post-time", 60)  # it ends while it is in force
    lab.until_waiting("policy-expired")


def certificate_dates(lab):
    lab.world.est_dates = ("20200101000000Z", "20210101000000Z")
    lab.connect()
    lab.until_waiting("not-registered", "not valid at this time")
    lab.world.est_dates = ("20980101000000Z", "20990101000000Z")
    lab.until("asked again", lambda: len(lab.world.asked["est"]) > 2)
    assert len(lab.world.asked["est"]) < 6, "a server that errs is asked too often"
    lab.world.est_dates = Authority.ALWAYS
    lab.until_state("operational", 60)


def certificate_ends(lab):
    """It cannot be renewed in time: the ladder falls; what has ended proves nothing, so it starts anew."""
    lab.world.est_dates = lambda: (stamp(-2), stamp(8))
    lab.connect()
    lab.until_state("operational")
    lab.world.est_dates = Authority.ALWAYS
    lab.fail("est", "busy")
    lab.until_waiting("certificate-expired", "HTTP status 503")
    lab.until_state("policy-valid")
    lab.heal("est", "busy")
    lab.until_state("operational", 60)
    assert lab.world.enrolments[-1][0] == "simpleenroll" and len(lab.world.keys) == 1


scenario("certificate-ends", certificate_ends)
scenario("early-good", early_good)
scenario("early-expired", early_expired)
scenario("policy-dates", policy_dates)
scenario("certificate-dates", certificate_dates)


# -- clocks that are wrong, or step

YEAR = 365 * DAY


def step(lab):
    """Comes up thirty years late, and later steps out of all validity and back."""
    now = int(time.time())
    lab.world.set_policy(5, nbf=now - DAY, exp=now + DAY)
    lab.stop()
    lab.start(clock=-30 * YEAR)
    lab.connect()
    lab.until_state("operational")
    lab.world.time = False  # else it is set right again within FlapSec=
    lab.step(100 * YEAR)
    lab.time("Synchronize")
    lab.until_waiting("policy-expired")
    lab.world.time = True
    lab.until_state("operational", 60)
    assert len(lab.world.keys) == 1


scenario("clock-steps", step)


# -- what is going on around it

def reload(lab):
    """What is read again and says the same throws no token away; another certificate authority is another one."""
    lab.stop()
    own = shutil.copy(Lab.authority.ca, lab.dir)  # other scenarios have the first
    with open(f"{lab.dir}/lwsd.conf", "r+") as f:
        text = f.read().replace(Lab.authority.ca, own)
        f.seek(0)
        f.write(text)
        f.truncate()
    lab.start()
    lab.connect()
    lab.until_state("operational")
    asked = {name: len(when) for name, when in lab.world.asked.items()}
    with open(f"{lab.dir}/lwsd.conf", "a") as f:
        f.write("[Manager]\nFlapSec=1ms\n")
    length = len(lab.get("Timeline"))
    lab.call("Reload")
    lab.until("read", lambda: "The configuration was read again" in lab.log())
    assert lab.call("GetToken", "s", "auth1")[1] > 0
    assert len(lab.get("Timeline")) == length, "a reload took the state down"
    assert asked == {name: len(when) for name, when in lab.world.asked.items()}
    os.utime(own)
    lab.call("Reload")
    lab.until("a token by the new one", lambda: len(lab.world.asked["token"]) == 2)
    lab.until_state("operational")


def roam(lab):
    """What was asked over a network that is gone is not waited for half a minute."""
    lab.fail("est", "silent")
    lab.connect()
    lab.until("asked", lambda: "est" in lab.world.asked)
    epoch, since = lab.get("NetworkEpoch"), time.monotonic()
    dhcp_lab.sh(f"ip -n {lab.client} route add default via {HIJACKER} dev eth0 metric 1")
    lab.until("another epoch", lambda: lab.get("NetworkEpoch") > epoch)
    lab.until_state("operational", 60)
    assert time.monotonic() - since < 20


def spread(lab):
    """After a power cut nobody is asked at once, and Waiting says until when."""
    lab.connect()
    lab.until_state("cpd-post-time")
    waits = [w for w in lab.get("Waiting") if w[2] == "no-policy"]
    assert len(waits) == 1 and waits[0][5] > time.monotonic() * 1e6, waits
    assert not {"policy", "est", "cacerts", "token"} & set(lab.world.asked)


def secrets(lab):
    """No token and no password in a file, a log or a property; a token only for those who may."""
    lab.connect()
    lab.until_state("operational")
    with open(lab.call("GetToken", "s", "auth1")[0].take(), "rb") as f:
        token = f.read()
    assert token.startswith(b"secret-")
    with open(f"/proc/{lab.daemon.pid}/cmdline", "rb") as f:
        assert b"secret-" not in f.read()
    for folder, _, names in os.walk(lab.dir):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as f:
                text = f.read()
            assert b"secret-" not in text and b"pass-word" not in text, path
    everything = lab.bus.call_blocking("org.lwsd1", "/org/lwsd1", "org.freedesktop.DBus.Properties", "GetAll", "s",
                                       ("org.lwsd1.Manager",))
    assert "secret-" not in str(everything)
    os.chmod(lab.dir, 0o711)
    refused = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "busctl",
         f"--address=unix:path={lab.dir}/run/private", "call", "org.lwsd1", "/org/lwsd1", "org.lwsd1.Manager",
         "GetToken", "s", "auth1"], capture_output=True, text=True)
    assert refused.returncode != 0 and "ccess denied" in refused.stderr, refused.stderr


scenario("reload", reload)
scenario("roam", roam)
SCENARIOS["spread"] = (spread, "", "SpreadSec=1h")
scenario("secrets", secrets)


def main():
    private_network.enter_several()
    os.environ["LWSD_FETCH"] = os.path.abspath(sys.argv.pop(2))
    Lab.fakeclock = os.path.abspath(sys.argv.pop(2))
    if not os.path.exists(Lab.fakeclock):
        print("no stand-in clock: the clock does not step")
        del SCENARIOS["clock-steps"]
    folder = tempfile.mkdtemp(prefix="upper-lab.")
    try:
        Lab.authority = Authority(folder, SERVER)
        dhcp_lab.run_all(Lab, SCENARIOS)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
