#!/bin/bash
# SPDX-License-Identifier: MIT
# Each server and the link taken away and given back: what it waits for is said once, wherever one looks,
# and it gets there by itself.
. tests/lib/service.sh

said() {
        lwsctl why | grep -q "$1" && lwsctl status | grep -q "$1" &&
                busctl get-property org.lwsd1 /org/lwsd1 org.lwsd1.Manager Waiting | grep -q "$1"
}

# waits WHAT PATTERN: in Waiting, in lwsctl status and why, and in one line of the journal.
waits() {
        check "without $1: said everywhere" within 10 said "$2"
        check "without $1: one line in the journal" within 5 lines "$2" 1
}
lines() {
        [ "$(journalctl -b -u lwsd.service --no-pager -q -o cat --since=@"$since" | grep -c "^Waiting.*$1")" = "$2" ]
}
now() {
        since=$(date +%s.%6N)
}

lab_new && lab_link up0 || exit 1
now
service_config '[Link up0]' Managed=yes DHCP=ipv4 UseNTP=no '[Time]' \
        'Servers=ntp1.lab.test ntp2.lab.test ntp3.lab.test'
systemctl restart lwsd.service || fail "lwsd.service does not start"

waits "a carrier" "carrier"
lab_plug up0
waits "a DHCP server" "no offer"
lab_dnsmasq --port=0
waits "a DNS server" "ntp.*lab.test"
lab_names
waits "a time server" "no answer"
lab_ntp
check "operational" lwsctl wait operational --timeout=60

check "it knows the gateway" within 30 grep -q gateway-mac /var/lib/lwsd/dhcp4-up0.lease
now
lab_unplug up0
waits "a link" "carrier"
lab_stop dnsmasq names chrony1 chrony2 chrony3
lab_plug up0
check "a known network needs no server" lwsctl wait operational --timeout=10

finish
