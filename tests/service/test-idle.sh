#!/bin/bash
# SPDX-License-Identifier: MIT
# Settled and with nothing to do, it does nothing, in little memory.
. tests/lib/service.sh

switches() {
        cat "/proc/$1"/task/*/status | awk '/ctxt_switches/ { n += $2 } END { print n }'
}
pss() {
        awk '/^Pss:/ { print $2 }' "/proc/$1/smaps_rollup"
}

service_lab
lab_plug up0
check "operational" lwsctl wait operational --timeout=10
pid=$(main_pid)
# Quiet, not dead: servers are polled, about once a minute at first. So 30 s without a wake-up are
# looked for in the first 100.
quiet() {
        local now last=-1 since=0 second
        for ((second = 0; second < 100; second++)); do
                now=$(switches "$pid")
                if [ "$now" != "$last" ]; then
                        echo "wake-ups after $second s: $((last < 0 ? 0 : now - last))"
                        last=$now since=$second
                fi
                [ $((second - since)) -lt 30 ] || return 0
                read -r -t 1 _ <>"$TICK" || :
        done
        return 1
}
check "no wake-up in 30 s" quiet
echo "PSS: $(pss "$pid") KiB"
check "PSS under 4 MiB" [ "$(pss "$pid")" -lt 4096 ]
finish
