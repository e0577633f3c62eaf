#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The upper half of the ladder against servers that fail in each way that servers do: for each, what Waiting and
the journal say, that nothing is accepted wrongly, and that lwsd comes to "operational" by itself afterwards.

Usage: test-upper-failures.py LWSD LWSD-FETCH FAKECLOCK [SCENARIO...]
"""

import os
import shutil
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
    lab.world.est_dates = (stamp(-2), stamp(10))
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
    assert len(lab.world.asked["cacerts"]) == 2
    assert lab.get("State") == "operational" and len(lab.world.keys) == 1
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


scenario("dns-hijacked", hijacked_dns)


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
