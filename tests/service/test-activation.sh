#!/bin/bash
# SPDX-License-Identifier: MIT
# Whoever asks starts it: through the socket, through the bus.
. tests/lib/service.sh

# By its identifier: of a process that is gone before journald looks, the unit is not known.
said_where() {
        journalctl -b -t lwsd --no-pager -q -o cat | grep -q 'lwsd\.conf:1'
}
inactive() {
        [ "$(systemctl is-active lwsd.service)" = inactive ]
}

systemctl is-system-running --wait >/dev/null
inode=$(stat -c %i "$SOCKET")
systemctl stop lwsd.service
check "the socket stays when the service stops" systemctl is-active lwsd.socket
check "it is stopped" inactive
check "a client starts it" lwsctl status
check "it runs" systemctl is-active lwsd.service
check "the socket is the same file" [ "$(stat -c %i "$SOCKET")" = "$inode" ]
systemctl stop lwsd.service
check "it is stopped again" inactive
check "a call on the bus starts it" busctl get-property org.lwsd1 /org/lwsd1 org.lwsd1.Manager State
check "it runs" systemctl is-active lwsd.service
systemctl stop lwsd.socket lwsd.service
service_config "[Nonsense"
systemctl start lwsd.service 2>/dev/null
check "a configuration that cannot be used is 78" \
        [ "$(systemctl show --value --property=ExecMainStatus lwsd.service)" = 78 ]
check "and said with file and line" within 10 said_where
finish
