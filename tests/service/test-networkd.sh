#!/bin/bash
# SPDX-License-Identifier: MIT
# systemd-networkd appears on a link that lwsd manages, and lets it go again: lwsd yields, says so, and comes back.
. tests/lib/service.sh

index=
managed() {
        busctl get-property org.lwsd1 "/org/lwsd1/link/_3$index" org.lwsd1.Link Managed | grep -q "$1"
}
said() {
        journalctl -b -u lwsd.service --no-pager -q -o cat | grep -q "$1"
}
refused() {
        ! LC_ALL=C busctl call org.lwsd1 "/org/lwsd1/link/_3$index" org.lwsd1.Link Renew 2>"$LAB_DIR/refused" &&
                grep -q "runs no DHCP" "$LAB_DIR/refused"
}
leased() {
        ip -4 address show dev up0 | grep -q 'inet 10\.77\.0\.1'
}
network() {
        mkdir -p /run/systemd/network
        printf '%s\n' '[Match]' 'Name=up0' '[Network]' 'DHCP=ipv4' 'LinkLocalAddressing=no' 'IPv6AcceptRA=no' \
                "[Link]" "Unmanaged=$1" >/run/systemd/network/10-up0.network
}

service_lab
lab_plug up0
index=$(cat /sys/class/net/up0/ifindex)
check "lwsd has the link" lwsctl wait dhcp --timeout=30
check "and says so on the bus" managed true

network no
check "networkd starts" systemctl start systemd-networkd.service
check "lwsd yields" within 20 managed false
check "and says so" within 20 said 'up0: systemd-networkd has it, observed from here on'
check "networkd has an address there" within 20 leased
check "which counts for the states" lwsctl wait dhcp --timeout=20
check "where there is nothing to renew" refused

network yes
check "networkd lets it go" networkctl reload
check "lwsd takes it again" within 20 managed true
check "and the states hold" lwsctl wait dhcp --timeout=20

finish
