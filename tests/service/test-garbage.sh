#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever comes in through the socket and the bus, the others notice nothing.
. tests/lib/service.sh

descriptors() {
        find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l
}

systemctl is-system-running --wait >/dev/null
check "it runs" lwsctl status
pid=$(main_pid)
before=$(descriptors "$pid")
nobody python3 /srv/lwsd/tests/service/garbage.py "$SOCKET" || fail "garbage.py"
check "it still answers" lwsctl status
check "it is the same process" [ "$(main_pid)" = "$pid" ]
check "no descriptor is left over" within 5 sh -c \
        "[ \$(find /proc/$pid/fd -mindepth 1 | wc -l) -le $((before + 1)) ]"
for call in 'Attach sa{sv} nonsense 0' 'Attach sa{sv} unknown 0' 'Attach sa{sv} operational 1 timeout-usec s x' \
        'Detach at 1 99999' 'Hold sss operational x y' 'GetLinkByName s nosuch'; do
        # shellcheck disable=SC2086 # words
        if nobody busctl call org.lwsd1 /org/lwsd1 org.lwsd1.Manager $call >/run/answer 2>&1; then
                fail "$call was taken"
        elif ! grep -q . /run/answer; then
                fail "$call: no sentence"
        fi
done
check "it still answers" busctl get-property org.lwsd1 /org/lwsd1 org.lwsd1.Manager State
check "nothing of it is an error of ours" sh -c "! journalctl -b -u lwsd.service -p err --no-pager -q | grep ."
finish
