#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/run and tests/demo broken off by a signal (setup_guard of setup.sh): what they started ends, however
# it is started and whatever it heeds, what is temporary goes, and what must be finished is.
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$(mktemp -d "${TMPDIR:-/tmp}/lwsd-guard.XXXXXX")
failures=0
trap 'rm -rf "$here"' EXIT

# Stands in for tests/run: something deaf in a session of its own, something temporary, then what it is told.
cat >"$here/script" <<'INNER'
set -u
. "$top/tests/lib/setup.sh"
setup_guard "$@"
mkdir "$TMPDIR/left-over"
setsid sh -c 'trap "" INT TERM HUP; echo $$ >"$0/deaf"; sleep 1000' "$here" &
until [ -s "$here/deaf" ]; do sleep 0.02; done
case $1 in
end) exit 3 ;;
finish)
        trap 'exit 1' TERM
        echo busy >"$here/ready"
        # not broken off: waited for
        env -u LWSD_CONTAINER sh -c 'until [ -e "$0/go" ]; do sleep 0.02; done; echo >"$0/finished"' "$here"
        ;;
stop) # as one does who reads from a terminal that is not his
        echo busy >"$here/ready"
        kill -STOP $$
        sleep 1000
        ;;
*)
        echo busy >"$here/ready"
        sleep 1000
        ;;
esac
INNER
export top here

fail() {
        echo "$*" >&2
        failures=$((failures + 1))
}

# broken_off MODE STATUS [SIGNAL]: the guard ends with that status, and nothing is left.
broken_off() {
        local guard status deaf
        rm -rf "$here/deaf" "$here/ready" "$here/tmp"
        mkdir "$here/tmp"
        set -m # an interrupt is for a process group of its own here, too
        env -u LWSD_CONTAINER TMPDIR="$here/tmp" bash "$here/script" "$1" &
        guard=$!
        set +m
        if [ -n "${3:-}" ]; then
                until [ -s "$here/ready" ]; do sleep 0.02; done
                kill "-$3" $guard
                [ "$1" != finish ] || (sleep 0.3 && touch "$here/go") &
        fi
        wait $guard
        status=$?
        deaf=$(cat "$here/deaf")
        [ $status = "$2" ] || fail "$1 $3: ended with $status"
        ! grep -q sleep "/proc/$deaf/cmdline" 2>/dev/null || fail "$1 $3: a process is left"
        [ -z "$(ls -A "$here/tmp")" ] || fail "$1 $3: left in the temporary folder: $(ls "$here/tmp")"
}

broken_off end 3 ''
broken_off wait 143 TERM
broken_off wait 130 INT
broken_off stop 143 TERM
broken_off finish 143 TERM
[ -e "$here/finished" ] || fail "what must be finished was broken off"
[ $failures = 0 ]
