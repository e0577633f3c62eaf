#!/bin/bash
# SPDX-License-Identifier: MIT
# Inside a container: networkd, wait-online, timesyncd, time-wait-sync and a unit ordered after both
# targets, waiting for up0 to be plugged in. Says "ready", then when the unit started (CLOCK_MONOTONIC).
set -eu
units=/run/systemd/system
mkdir -p /run/systemd/network "$units/systemd-timesyncd.service.d" "$units/systemd-time-wait-sync.service.d"
printf '%s\n' '[Match]' 'Name=up0' '[Network]' 'DHCP=ipv4' 'LinkLocalAddressing=no' 'IPv6AcceptRA=no' \
        >/run/systemd/network/10-up0.network
id systemd-timesync >/dev/null 2>&1 || useradd --system systemd-timesync
# no clock to set in a container: it only seems so
for unit in systemd-timesyncd systemd-time-wait-sync; do
        printf '%s\n' '[Unit]' 'ConditionVirtualization=' 'ConditionCapability=' '[Service]' \
                'AmbientCapabilities=' 'CapabilityBoundingSet=~CAP_SYS_TIME' \
                'MemoryDenyWriteExecute=no' "Environment=LD_PRELOAD=$1" >"$units/$unit.service.d/bench.conf"
done
printf '%s\n' '[Service]' 'Environment=NO_CLOCK_UNSYNC=1' >"$units/systemd-time-wait-sync.service.d/unsync.conf"
printf '%s\n' '[Unit]' 'Wants=network-online.target time-sync.target' \
        'After=network-online.target time-sync.target' '[Service]' 'Type=oneshot' 'RemainAfterExit=yes' \
        'ExecStart=/bin/true' >"$units/chain.service"
systemctl daemon-reload
systemctl start systemd-networkd.service systemd-timesyncd.service || { journalctl -b -u systemd-timesyncd --no-pager >&2; exit 1; }
systemctl enable --runtime --quiet systemd-networkd-wait-online.service systemd-time-wait-sync.service
systemctl start --no-block chain.service
echo ready
timeout 30 systemctl start chain.service || { journalctl -b -u 'systemd-*' --no-pager | tail -40; exit 1; }
systemctl show --value --property=ActiveEnterTimestampMonotonic systemd-networkd-wait-online.service |
        sed 's/^/network-online /'
systemctl show --value --property=ExecMainStartTimestampMonotonic chain.service | sed 's/^/unit /'
