#!/bin/bash
# SPDX-License-Identifier: MIT
# The whole way up and down on a real link, as units and clients see it.
. tests/lib/service.sh

below() {
        now=$(state) && [ "$now" != operational ]
}

systemctl is-system-running --wait >/dev/null
service_lab
# a flap of ours takes a busy machine longer than the default of 300 ms
service_config '[Manager]' FlapSec=2s '[Link up0]' Managed=yes DHCP=ipv4
systemctl restart lwsd.service
printf '%s\n' '[Unit]' 'BindsTo=lwsd-operational.target' 'After=lwsd-operational.target' '[Service]' \
        'ExecStart=sleep infinity' '[Install]' 'WantedBy=lwsd-operational.target' \
        >/etc/systemd/system/app.service
systemctl daemon-reload
systemctl enable --quiet app.service

check "without a carrier it waits" below
check "why says so" lwsctl why
check "nothing is queued while it waits" no_jobs
check "the application does not run" [ "$(systemctl is-active app.service)" = inactive ]
lab_plug up0
check "operational" lwsctl wait operational --timeout=10
check "an address of the lease" grep -q '10\.77\.0\.1[0-9][0-9]' <(ip -4 address show up0)
check "a default route" grep -q 'via 10\.77\.0\.1' <(ip route show default)
check "names resolve" grep -q '^10\.77\.0\.2$' <(lwsctl resolve ntp2.lab.test A)
check "resolv.conf" grep -q '^nameserver 10\.77\.0\.1' /run/lwsd/resolv.conf
check "time is measured" grep -q . <(lwsctl time)
check "states/operational exists" test -e /run/lwsd/states/operational
check "lwsd-operational.target" within 5 systemctl is-active lwsd-operational.target
check "lwsd-state@operational.service" systemctl is-active lwsd-state@operational.service
check "the application runs" within 5 systemctl is-active app.service
check "an ordinary wait unit" systemctl start lwsd-wait@operational.service
check "the timeline" grep -q operational <(lwsctl timeline)

# a flap shorter than FlapSec is told to nobody
before=$(systemctl show --value --property=ActiveEnterTimestampMonotonic app.service)
serial=$(busctl get-property org.lwsd1 /org/lwsd1 org.lwsd1.Manager StateSerial)
lab_unplug up0
lab_plug up0
check "still operational after a flap" lwsctl wait operational --timeout=5
check "a flap changes no state" [ "$serial" = "$(busctl get-property org.lwsd1 /org/lwsd1 org.lwsd1.Manager StateSerial)" ]
check "a flap stops no unit" [ "$before" = "$(systemctl show --value --property=ActiveEnterTimestampMonotonic app.service)" ]

lab_unplug up0
check "a lost carrier lowers the state" within 5 below
check "and stops the application" within 5 sh -c '! systemctl is-active app.service'
check "and its target" within 5 sh -c '! systemctl is-active lwsd-operational.target'
check "nothing is queued" no_jobs
lab_plug up0
check "operational again" lwsctl wait operational --timeout=10
check "the application runs again" within 5 systemctl is-active app.service
check "nothing of ours failed" [ -z "$(systemctl list-units --failed --no-legend 'lwsd*')" ]
check "the system is running" [ "$(systemctl is-system-running)" = running ]

# timedatectl starts and stops the time helper, for now and for the next boot
sources() {
        busctl get-property org.lwsd1 /org/lwsd1 org.lwsd1.Time Sources
}
no_sources() {
        [ "$(sources)" = 'a(sayuxtub) 0' ]
}
some_sources() {
        sources && ! no_sources
}
mkdir -p /etc/systemd/ntp-units.d
ln -s /dev/null /etc/systemd/ntp-units.d/50-chrony.list
check "timedatectl set-ntp yes" timedatectl set-ntp yes
check "it is lwsd's" systemctl is-active lwsd-time.service
check "and enabled" systemctl is-enabled lwsd-time.service
check "there are time servers" within 5 some_sources
check "timedatectl set-ntp no" timedatectl set-ntp no
check "the clock is left alone" within 5 no_sources
check "lwsd-time.service is disabled" [ "$(systemctl is-enabled lwsd-time.service)" = disabled ]
rm -f /run/lwsd/time-off # as a reboot does
systemctl restart lwsd.service
check "nor at the next boot" within 5 no_sources
check "timedatectl set-ntp yes again" timedatectl set-ntp yes
check "there are time servers again" within 5 some_sources

# OpenSSL is loaded when it is needed, and the sandbox lets it be; a file of keys is read like the configuration
has_openssl() {
        grep -q libcrypto "/proc/$(main_pid)/maps"
}
check "OpenSSL is not there yet" sh -c '! "$@"' sh grep -q libcrypto "/proc/$(main_pid)/maps"
install -m 0640 -g lwsd /dev/null /etc/lwsd/keys
echo '7 AES128 HEX:00112233445566778899AABBCCDDEEFF' >/etc/lwsd/keys
service_config '[Link up0]' Managed=yes DHCP=ipv4 '[Time]' KeyFile=/etc/lwsd/keys Servers=10.77.0.1#7
check "a file of keys is read" lwsctl reload
check "which needs OpenSSL" has_openssl
echo '7 AES128 HEX:0011' >/etc/lwsd/keys
check "and is refused where it is wrong" grep -q '/etc/lwsd/keys:1: a key of AES128' <(lwsctl reload 2>&1)

# what is fetched is fetched by a unit of its own: here a page where there should be none
service_config '[Link up0]' Managed=yes DHCP=ipv4 '[CaptivePortal]' Urls=http://www.lab.test/
systemctl restart lwsd.service
portal() {
        [ "$(busctl get-property org.lwsd1 /org/lwsd1 org.lwsd1.Manager CaptivePortal)" = 's "portal"' ]
}
fetched() {
        journalctl -b -q -o cat _PID=1 | grep -q 'Started lwsd-fetch@'
}
check "a captive portal is seen" within 30 portal
check "by a unit of its own" within 20 fetched
check "why says so" grep -q 'captive portal' <(lwsctl why)
finish
