#!/bin/bash
# SPDX-License-Identifier: MIT
# lwsd with no configuration, as a machine that has just had it installed starts it.
. tests/lib/service.sh

running() {
        [ "$(systemctl is-system-running --wait)" = running ]
}
exposure() {
        local found
        found=$(systemd-analyze security --no-pager lwsd.service | awk '/Overall exposure level/ { print $(NF - 2) }')
        echo "exposure $found"
        awk "BEGIN { exit !($found <= 2.3) }"
}
property() {
        systemctl show --value --property="$1" lwsd.service
}
# What the daemon says of itself is what is written down.
introspection() {
        busctl introspect --xml-interface org.lwsd1 /org/lwsd1 >/run/introspected.xml
        python3 - /srv/lwsd/dbus/org.lwsd1.xml /run/introspected.xml <<'PYTHON'
import sys
import xml.etree.ElementTree as ET

def interfaces(path):
    found = {}
    for interface in ET.parse(path).getroot().iter("interface"):
        members = {}
        for m in interface:
            if m.tag == "property":
                members[m.tag, m.get("name")] = (m.get("type"), m.get("access"))
            elif m.tag in ("method", "signal"):
                members[m.tag, m.get("name")] = tuple(
                    (a.get("type"), "out" if m.tag == "signal" else a.get("direction", "in"))
                    for a in m.iter("arg"))
        found[interface.get("name")] = members
    return found

written, said = (interfaces(p) for p in sys.argv[1:])
bad = 0
for name in ("org.lwsd1.Manager", "org.lwsd1.Resolver", "org.lwsd1.Time"):
    for member in sorted(set(written[name]) ^ set(said.get(name, {}))):
        print(name, *member, "only written" if member in written[name] else "only said")
        bad = 1
    for member in sorted(set(written[name]) & set(said.get(name, {}))):
        if written[name][member] != said[name][member]:
            print(name, *member, written[name][member], said[name][member])
            bad = 1
sys.exit(bad)
PYTHON
}
# the best of a few: a machine that has other things to do is not what is measured
attaches() {
        local start took
        for _ in 1 2 3 4 5 6 7 8 9 10; do
                start=${EPOCHREALTIME/./}
                nobody lwsctl wait context-created --timeout=5 || return
                took=$((${EPOCHREALTIME/./} - start))
                echo "took $took us"
                [ "$took" -ge 100000 ] || return 0
        done
        return 1
}

check "lwsd.service is enabled" systemctl is-enabled lwsd.service
check "the system is running" running
check "lwsd.service is active" systemctl is-active lwsd.service
check "lwsd.socket is active" systemctl is-active lwsd.socket
check "what fetches can be called" systemctl is-active lwsd-fetch.socket
check "no job waits" no_jobs
check "it is ready by itself" [ "$(property Type)" = notify ]
check "it tells its status" [ -n "$(property StatusText)" ]
check "it runs as its own user" [ "$(stat -c %U "/proc/$(main_pid)")" = lwsd ]
check "it is well boxed in" exposure
check "no core of it is written, for its keys" [ "$(property LimitCORE)" = 0 ]
check "the private socket is for everyone" [ "$(stat -c %a "$SOCKET")" = 666 ]
check "status" lwsctl status
check "status by a user without privileges" nobody lwsctl status
check "a user without privileges attaches in under 100 ms" attaches
check "it is on the bus" busctl status org.lwsd1
check "its objects" busctl tree org.lwsd1
check "it is what dbus/org.lwsd1.xml says" introspection
check "busctl on the private socket" busctl --address=unix:path="$SOCKET" get-property org.lwsd1 /org/lwsd1 \
        org.lwsd1.Manager State
check "the log level" systemctl service-log-level lwsd.service debug
check "it is debug" [ "$(systemctl service-log-level lwsd.service)" = debug ]
check "units verify" systemd-analyze verify --man=no lwsd.service lwsd.socket lwsd-time.service \
        lwsd-wait@dhcp.service lwsd-operational.target lwsd-state@operational.path \
        lwsd-state@operational.service lwsd-fetch.socket lwsd-fetch@x.service
finish
