# SPDX-License-Identifier: MIT
"""Real DHCP servers, each running in the namespace that a test stands in, and the part of a lease's life that is the
same with both protocols."""

import json
import os
import shutil
import signal
import subprocess
import sys

from dhcp_lab import PATIENCE

os.environ["PATH"] += ":/usr/sbin:/sbin"
DNSMASQ = ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=", "--port=0",
           "--interface=srv", "--bind-interfaces", "--dhcp-authoritative"]


def kea(lab, name, config):
    """`name` is dhcp4 or dhcp6."""
    logger = {"name": f"kea-{name}", "output_options": [{"output": "stdout"}], "severity": "INFO"}
    with open(f"{lab.dir}/kea.json", "w") as f:
        json.dump({name.capitalize(): config | {"loggers": [logger]}}, f)
    os.environ.update(KEA_PIDFILE_DIR=lab.dir, KEA_LOCKFILE_DIR=lab.dir, KEA_LOGGER_DESTINATION="stdout")
    return [f"kea-{name}", "-c", f"{lab.dir}/kea.json"]


def dhcpd(lab, version, config):
    """`version` is 4 or 6."""
    with open(f"{lab.dir}/dhcpd.conf", "w") as f:
        f.write(config)
    open(f"{lab.dir}/dhcpd.leases", "a").close()
    return ["dhcpd", f"-{version}", "-f", "-d", "--no-pid", "-user", "root", "-group", "root",
            "-cf", f"{lab.dir}/dhcpd.conf", "-lf", f"{lab.dir}/dhcpd.leases", "srv"]


class Server:
    """One of them; `command` makes its command line, and `ready` is in its log when it serves."""

    def __init__(self, lab, command, ready):
        lab.sink.close()
        self.lab, self.command, self.ready, self.process = lab, command, ready, None

    def log(self):
        with open(f"{self.lab.dir}/server.log", errors="replace") as log:
            return log.read()

    def start(self, *arguments):
        # Kea looks once, as it starts, whether the interface runs, and never again
        self.lab.wait(self.lab.running, why="no carrier")
        with open(f"{self.lab.dir}/server.log", "w") as log:
            self.process = subprocess.Popen(self.command(self.lab, *arguments), stdout=log, stderr=log)
        self.lab.wait(lambda: self.ready in self.log(), why=f"{self.process.args[0]} did not start")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
        self.process = None


def against(command, ready, function):
    def scenario(lab):
        server = Server(lab, command, ready)
        try:
            function(lab, server)
        finally:
            server.stop()
    return scenario


def add_scenarios(scenarios, servers, functions):
    """`servers`: (program, command, ready). Each function gets the lab, and the server before its start."""
    for name, command, ready in servers:
        if not shutil.which(name):
            print(f"skipped: {name} is not there", file=sys.stderr)
            continue
        for function in functions:
            scenarios[f"{name}_{function.__name__}"] = (against(command, ready, function), "RapidCommit=no", "")


def survive(lab, stored, confirmed):
    """lwsd is killed and started again, then the carrier is gone for a moment: each time the lease is confirmed."""
    lab.wait(stored)
    lab.stop(signal.SIGKILL)
    lab.forget()
    lab.start()
    confirmed()
    lab.carrier(False)
    lab.wait(lambda: not lab.running())
    lab.carrier(True)
    confirmed()
