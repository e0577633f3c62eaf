#!/bin/bash
# SPDX-License-Identifier: MIT
# Whoever asks starts it: through the socket, through the bus.
. tests/lib/service.sh

said_each_time() {
        [ "$(journalctl -b -u lwsd.service -p err --no-pager -q | grep -c 'lwsd\.conf:1')" = 5 ]
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
for _ in 1 2 3 4 5; do # journald may look at a process only after it has ended
        systemctl start lwsd.service 2>/dev/null
done
check "a configuration that cannot be used is 78" \
        [ "$(systemctl show --value --property=ExecMainStatus lwsd.service)" = 78 ]
check "and said with file and line, each time" within 10 said_each_time
finish
