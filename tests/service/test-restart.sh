#!/bin/bash
# SPDX-License-Identifier: MIT
# Restart, crash and the bus going away: nobody is told of a fall that was none.
. tests/lib/service.sh

address() {
        ip -4 -o address show up0 | awk '{ print $4 }'
}
same_address() {
        [ -n "$before" ] && [ "$(address)" = "$before" ]
}
holds() {
        lwsctl holds | grep -q "$1"
}

service_lab
lab_plug up0
check "operational" lwsctl wait operational --timeout=10
before=$(address)
ip monitor address dev up0 >/run/addresses &
monitor=$!
lwsctl monitor >/run/monitor 2>&1 &
lwsctl hold auth1 --who=test --why="a hold that must survive" -- sleep infinity &
check "a hold is taken" within 5 holds test
# told TIMES: someone who listens has heard that often that it is operational, and of no other state
told() {
        [ "$(awk -F'\t' '$2 == "state" { n++ } $2 == "state" && $3 != "operational" { other = 1 }
                END { print other ? "another" : n + 0 }' /run/monitor)" = "$1" ]
}
check "someone listens" within 20 told 1

instance() {
        busctl get-property org.lwsd1 /org/lwsd1 org.lwsd1.Manager InstanceId
}
first=$(instance)
check "restart" systemctl restart lwsd.service
check "operational at once after a restart" lwsctl wait operational --timeout=5
check "it is another instance" [ "$(instance)" != "$first" ]
check "the address stayed" same_address
check "the hold survived" holds test
check "who listened was told of no fall" within 20 told 2

pid=$(main_pid)
kill -KILL "$pid"
check "it comes back after a crash" within 10 sh -c "systemctl is-active lwsd.service && [ \$(systemctl show --value --property=MainPID lwsd.service) != $pid ]"
check "operational after a crash" lwsctl wait operational --timeout=5
check "the address stayed" same_address
check "the hold survived a crash" holds test
check "who listened was told of no fall by a crash" within 20 told 3
kill %?hold
check "a hold that is let go is gone" within 5 sh -c '! lwsctl holds | grep -q test'
kill "$monitor"
check "the address never left the kernel" sh -c "! grep -A1 Deleted /run/addresses"

systemctl restart dbus.service
check "the private socket does not mind the bus" lwsctl wait operational --timeout=5
check "it is on the bus again" within 10 busctl get-property org.lwsd1 /org/lwsd1 org.lwsd1.Manager State
check "the same daemon is" [ "$(main_pid)" != "$pid" ]

# what asked for lwsd through the bus that came back may still start it
check "stop" within 10 systemctl stop lwsd.socket lwsd.service
check "it ended well" [ "$(systemctl show --value --property=Result lwsd.service)" = success ]
check "resolv.conf stays" test -s /run/lwsd/resolv.conf
finish
