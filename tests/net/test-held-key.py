#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A device whose key never leaves its TPM (swtpm, tpm2-openssl): enrolment, renewal and tokens with it, a TPM that
is away, and one that holds another key.

Usage: test-held-key.py LWSD LWSD-FETCH [SCENARIO...]
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import dhcp_lab
import private_network
from upper_lab import SERVER, Authority, Lab

TCTI = "swtpm:host=127.0.0.1,port=2321"
HANDLE = "0x81000001"
SIGNING = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign"


class Tpm:
    def __init__(self, lab):
        self.lab, self.state, self.process = lab, f"{lab.dir}/tpm", None
        os.mkdir(self.state)

    def start(self):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.lab.client, "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.state}",
             "--server", "type=tcp,port=2321", "--ctrl", "type=tcp,port=2322", "--flags",
             "not-need-init,startup-clear"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.lab.until("a TPM", lambda: self.tool("getrandom --hex 1") == 0)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def tool(self, command):
        return subprocess.run(f"ip netns exec {self.lab.client} tpm2_{command}", shell=True, cwd=self.lab.dir,
                              env=dict(os.environ, TPM2TOOLS_TCTI=TCTI), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode

    def make_key(self, kind):
        self.tool(f"evictcontrol -Q -C o -c {HANDLE}")
        for command in (f"createprimary -Q -C o -G {kind} -a '{SIGNING}' -c key.ctx",
                        f"evictcontrol -Q -C o -c key.ctx {HANDLE}", "flushcontext -t"):
            assert self.tool(command) == 0, command


class TpmLab(Lab):
    """swtpm serves one connection at a time, and is no resource manager: no more than the one key is in it."""

    def __init__(self, lwsd, settings="", manager=""):
        super().__init__(lwsd, f"{settings}\n[Registration]\nKey=handle:{HANDLE}\nKeyProvider=tpm2\n", manager)
        self.tpm = Tpm(self)
        self.tpm.start()
        self.tpm.make_key("ecc256")

    def close(self):
        self.tpm.stop()
        super().close()


def whole(lab):
    """Enrolled, renewed and shown to the token server, all with the key in the TPM; also after a restart."""
    lab.world.est_dates = lambda: [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + s)) for s in (-2, 12)]
    lab.connect()
    lab.until_state("operational")
    lab.world.est_dates = Authority.ALWAYS
    lab.until("a renewal", lambda: len(lab.world.enrolments) == 2)
    assert [e[0] for e in lab.world.enrolments] == ["simpleenroll", "simplereenroll"]
    assert lab.world.enrolments[1][1]["subject"] == ((("commonName", "device-7"),),)
    lab.until("a token for the new certificate", lambda: len(lab.world.asked["token"]) == 2)
    assert len(lab.world.keys) == 1
    assert "identity.key" not in os.listdir(f"{lab.dir}/state"), "there is a key outside of the TPM"
    lab.stop()
    lab.start()
    lab.until("a token", lambda: len(lab.world.asked["token"]) == 3)
    lab.until_state("operational")
    assert len(lab.world.enrolments) == 2


def away(lab):
    lab.tpm.stop()
    lab.connect()
    lab.until_waiting("not-registered", "our key cannot be had from its provider")
    assert "est" not in lab.world.asked
    lab.tpm.start()
    lab.until_state("operational", 60)


def replaced(lab):
    """Another key under the same name, of another kind: what was issued for the first is worth nothing."""
    lab.connect()
    lab.until_state("operational")
    lab.stop()
    lab.tpm.make_key("rsa2048")
    lab.start()
    lab.until("a look at the key", lambda: f"not for handle:{HANDLE}: enrolled again" in lab.log())
    lab.until("a token for the new key", lambda: len(lab.world.asked["token"]) == 2)
    lab.until_state("operational")
    assert [e[0] for e in lab.world.enrolments] == ["simpleenroll"] * 2
    assert len(lab.world.keys) == 2


def main():
    missing = [p for p in ("swtpm", "tpm2_createprimary") if not shutil.which(p)]
    if missing or not glob.glob("/usr/lib/*/ossl-modules/tpm2.so"):
        print("no software TPM, or no OpenSSL provider for one (swtpm, tpm2-tools, tpm2-openssl)", file=sys.stderr)
        sys.exit(77)
    private_network.enter_several()
    os.environ.update(LWSD_FETCH=os.path.abspath(sys.argv.pop(2)), TPM2OPENSSL_TCTI=TCTI)
    folder = tempfile.mkdtemp(prefix="held-key.")
    try:
        Lab.authority = Authority(folder, SERVER)
        dhcp_lab.run_all(TpmLab, {name: (f, "", "") for name, f in (
            ("whole", whole), ("away", away), ("replaced", replaced))})
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
