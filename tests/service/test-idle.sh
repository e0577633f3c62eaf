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
# what a way up leaves behind, conflict detection and the first polls, is given its time
read -r -t 10 _ <>"$TICK" || :
before=$(switches "$pid")
read -r -t 30 _ <>"$TICK" || :
after=$(switches "$pid")
echo "wake-ups in 30 s: $((after - before)); PSS: $(pss "$pid") KiB"
check "no wake-up in 30 s" [ "$after" = "$before" ]
check "PSS under 4 MiB" [ "$(pss "$pid")" -lt 4096 ]
finish
