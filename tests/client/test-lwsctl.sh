#!/bin/bash
# SPDX-License-Identifier: MIT
# lwsctl against the real lwsd, in a network of its own: exit codes, plain lines, JSON, waiting, holds,
# restarts. test-lwsctl.sh LWSD LWSCTL yes|no (whether it was built with its resolver)
set -u

if [ "${LWSCTL_INSIDE:-}" != yes ]; then
        export LWSCTL_INSIDE=yes
        flags=-n
        [ "$(id -u)" = 0 ] || flags=-rn
        unshare $flags true 2>/dev/null || { echo "skipped: no network namespace" >&2; exit 77; }
        exec unshare $flags "$0" "$@"
fi
lwsd=$1 lwsctl=$2 dns=$3
dir=$(mktemp -d "${TMPDIR:-/tmp}/lwsctl.XXXXXX")
pid='' failures=0
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null; rm -rf "$dir"' EXIT
export LWSD_SOCKET=$dir/private

start() {
        "$lwsd" --config="$dir/lwsd.conf" --runtime-dir="$dir/run" --state-dir="$dir/state" \
                --private-socket="$dir/private" --no-bus 2>>"$dir/log" 3>&- &
        pid=$!
}

# gives STATUS PATTERN ARGUMENT...: lwsctl exits so, and what it says matches (bash pattern)
gives() {
        local status=$1 pattern=$2 out got
        shift 2
        out=$("$lwsctl" "$@" 2>&1)
        got=$?
        # shellcheck disable=SC2053
        if [ $got != "$status" ] || [[ $out != $pattern ]]; then
                echo "lwsctl $*: exit $got, not $status; or '$out' is not $pattern" >&2
                failures=$((failures + 1))
        fi
}

printf '[Manager]\nFlapSec=0\n' >"$dir/lwsd.conf"
ip link set lo up
ip link add up0 type veth peer name down0
ip link set down0 up
ip address add 10.77.0.1/24 dev up0

# usage, without lwsd
gives 0 '*Exit status: 0 done*' --help
gives 0 'lwsctl [0-9]*' --version
gives 2 '*no command*'
gives 2 '*unknown command*' frobnicate
gives 2 '*usage: lwsctl wait STATE*' wait
gives 2 '*is no state*operational*' wait nowhere
gives 2 '*is no state*' wait unknown
gives 2 '*no time span*' wait dhcp --timeout=soon
gives 2 '*does not take that option*' status --timeout=1
gives 2 '*usage: lwsctl attachments' attachments extra
gives 2 '*--who= needs a name' hold dhcp --who= -- true
gives 2 '*unrecognized option*' --frobnicate status
gives 3 '*timed out*' wait dhcp --timeout=0.2
gives 0 '*' cat-config
gives 0 '[[]*]' --json cat-config
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
        mkdir -p "$dir/etc/lwsd.conf.d"
        printf '[Manager]\nTarget=dhcp\n' >"$dir/etc/lwsd.conf"
        printf '# "quoted"\n' >"$dir/etc/lwsd.conf.d/a.conf"
        # shellcheck disable=SC2016 # the inner shell's
        out=$(unshare -m sh -c 'mount -t tmpfs tmpfs /etc && mkdir /etc/lwsd && mount --bind "$1" /etc/lwsd && exec "$2" --json cat-config' \
                - "$dir/etc" "$lwsctl")
        want='[{"file": "/etc/lwsd/lwsd.conf", "text": "[Manager]\nTarget=dhcp\n"}, {"file": "/etc/lwsd/lwsd.conf.d/a.conf", "text": "# \"quoted\"\n"}]'
        [ "$out" = "$want" ] || { echo "cat-config: $out" >&2; failures=$((failures + 1)); }
fi
mkdir -p "$dir/old/keys" && touch "$dir/old/clock" "$dir/old/time-off" "$dir/old/keys/a" && ln -s "$dir/lwsd.conf" "$dir/old/link"
gives 0 '' forget --state-dir="$dir/old"
if [ "$(ls -A "$dir/old")" != time-off ] || [ ! -e "$dir/lwsd.conf" ]; then
        echo "forget went wrong" >&2
        failures=1
fi

# before lwsd: it is waited for
"$lwsctl" wait initialized --timeout=20 &
waiter=$!
start
wait $waiter || { echo "wait before lwsd: $?" >&2; failures=$((failures + 1)); }
gives 0 $'state\tinitialized*' status
gives 0 'iface-coldplug waits for link: *' why
gives 0 '*"State": "initialized"*' --json status
gives 0 '{"state": "initialized"*"code"*' --json why
gives 0 $'*up0\t*' links
gives 0 $'context-created\t*' timeline

# on a terminal: a table where there is room for it, and no line that the terminal would have to break
on_terminal() {
        local width=$1
        shift
        NO_COLOR=1 script -qec "stty cols $width; '$lwsctl' $*" /dev/null </dev/null | tr -d '\r'
}
ip address add fd00:1234:5678:9abc:def0:1234:5678:9abc/64 dev up0
for width in 60 100 200; do
        out=$(on_terminal $width links)
        if [ "$(wc -L <<<"$out")" -gt $width ] || [[ $out != *fd00:1234:5678:9abc:def0:1234:5678:9abc/64* ]] ||
                { [ $width = 200 ] && [[ $out != LINK\ *MANAGED\ *EXPIRES* ]]; }; then
                echo "links on $width columns: $out" >&2
                failures=$((failures + 1))
        fi
done
out=$(on_terminal 80 status)
[ "$(wc -L <<<"$out")" -le 80 ] || { echo "status on 80 columns: $out" >&2; failures=$((failures + 1)); }
ip address delete fd00:1234:5678:9abc:def0:1234:5678:9abc/64 dev up0
gives 0 $'synchronized\t*' time
gives 0 'info' log-level
gives 0 '' log-level debug
gives 0 'debug' log-level
gives 2 '*is no level*' log-level loud
gives 1 '*' renew nolink0
if [ "$dns" = yes ]; then
        gives 0 '127.0.0.1*' resolve localhost A
        gives 1 '*cannot be looked up*not such a family or type' resolve localhost TYPE255
        gives 0 '; localhost, from local, none, in *127.0.0.1' resolve localhost A --trace
        gives 0 '*"source": "local"*"server": ""*' --json resolve localhost A
else
        gives 1 '*built without its resolver*' resolve localhost A
fi
gives 2 '*no type of record*' resolve localhost FROB
gives 3 '*timed out; iface-coldplug*' wait dhcp --timeout=1.2
gives 3 '*timed out*' wait dhcp --timeout=0

# higher than it is told to climb: why it waits for ever
cp "$dir/lwsd.conf" "$dir/before"
printf 'Target=initialized\n' >>"$dir/lwsd.conf"
gives 0 '' reload
gives 3 '*initialized: nothing is waited for, since Target=*' wait dhcp --timeout=1.2
cp "$dir/before" "$dir/lwsd.conf"
gives 0 '' reload
gives 0 '' wait initialized --timeout=0

# from a container, where it has another uid and the socket another path
if unshare -rm true 2>/dev/null; then
        mkdir "$dir/mounted"
        # shellcheck disable=SC2016 # the inner shell's
        unshare -rm sh -c 'mount --bind "$1" "$2" && LWSD_SOCKET=$2/private exec "$3" wait initialized --timeout=20' \
                - "$dir" "$dir/mounted" "$lwsctl" || { echo "in a container: $?" >&2; failures=$((failures + 1)); }
fi

# holds: shown, in force, gone with their command, and its status handed on
gives 0 $'dhcp\tme\tbecause*' hold dhcp --who=me --why=because -- "$lwsctl" holds
gives 0 '' holds
gives 7 '' hold dhcp -- sh -c 'exit 7'
gives 143 '' hold dhcp -- sh -c 'kill $$'
gives 127 '*' hold dhcp -- /nonexistent/command
mkfifo "$dir/held"
"$lwsctl" hold dhcp --who=gate -- cat "$dir/held" 2>/dev/null &
holder=$!
exec 3>"$dir/held"
ip link set up0 up
ip route replace default via 10.77.0.2
gives 0 '' wait iface-coldplug --timeout=20
gives 0 'dhcp waits for gate: *' why
gives 3 '*' wait dhcp --timeout=0.2

# a change as it happens, and across a kill of lwsd
"$lwsctl" monitor >"$dir/monitor" 3>&- &
monitor=$!
"$lwsctl" wait dhcp --timeout=20 2>/dev/null 3>&- &
waiter=$!
# both have asked before the kill, however slowly they started
for _ in $(seq 200); do
        if [ -s "$dir/monitor" ] && "$lwsctl" attachments | grep -q dhcp; then
                break
        fi
        sleep 0.1
done
gives 0 $'*\tdhcp\tprivate\tno\t*' attachments
kill -9 $pid
wait $pid 2>/dev/null
start
exec 3>&-
wait $holder || { echo "hold: $?" >&2; failures=$((failures + 1)); }
wait $waiter || { echo "wait across a kill: $?" >&2; failures=$((failures + 1)); }
gives 0 $'state\t*' status
kill $monitor
wait $monitor 2>/dev/null
grep -q 'iface-coldplug' "$dir/monitor" || { echo "monitor: $(cat "$dir/monitor")" >&2; failures=$((failures + 1)); }

[ $failures = 0 ] || tail -5 "$dir/log" >&2
[ $failures = 0 ]
