# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# For the scripts of tests/service, which run as root in a container with lwsd installed, at the top of the tree: source it.

set -u
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh

failures=0
export SOCKET=/run/lwsd/private

fail() {
        printf 'FAILED: %s\n' "$*"
        failures=$((failures + 1))
}

# check WHAT COMMAND...: the command must succeed; what it wrote is shown when it does not.
check() {
        local what=$1 output
        shift
        if output=$("$@" 2>&1); then
                printf 'ok: %s\n' "$what"
        else
                fail "$what: $*"
                [ -z "$output" ] || printf '    %s\n' "$output"
        fi
}

# within SECONDS COMMAND...: until it succeeds. For what systemd does on its own time; what lwsd does is
# waited for with lwsctl wait.
within() {
        local end=$((SECONDS + $1 + 1))
        shift
        until "$@" >/dev/null 2>&1; do
                [ "$SECONDS" -lt "$end" ] || return 1
                read -r -t 0.05 _ <>"$TICK" || :
        done
}
TICK=$(mktemp -u /run/tick.XXXXXX)
mkfifo "$TICK"

finish() {
        if [ "$failures" != 0 ]; then
                journalctl -b --no-pager -o short-monotonic -u 'lwsd*' | tail -60
                systemctl --no-pager --failed
        fi
        exit "$((failures != 0))"
}

main_pid() {
        systemctl show --value --property=MainPID lwsd.service
}

state() {
        lwsctl --json status | python3 -c 'import json, sys; print(json.load(sys.stdin)["State"])'
}

# The configuration, a line for each argument.
service_config() {
        mkdir -p /etc/lwsd
        printf '%s\n' "$@" >/etc/lwsd/lwsd.conf
}

# A lab in the container itself, up0 not plugged in, and lwsd running on it.
service_lab() {
        lab_new && lab_link up0 && lab_dnsmasq "$@" && lab_ntp && lab_http || exit 1
        service_config '[Link up0]' Managed=yes DHCP=ipv4
        systemctl restart lwsd.service || fail "lwsd.service does not start"
}

no_jobs() {
        [ -z "$(systemctl list-jobs --no-legend)" ]
}

nobody() {
        setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all "$@"
}
