#!/bin/bash
# SPDX-License-Identifier: MIT
# The module that lwsd loads at its first use: found beside it, missing, broken, of another version. What
# does not need it goes on. test-later.sh LWSD LWSCTL MODULE OTHER
set -u

if [ "${LATER_INSIDE:-}" != yes ]; then
        export LATER_INSIDE=yes
        flags=-n
        [ "$(id -u)" = 0 ] || flags=-rn
        unshare $flags true 2>/dev/null || { echo "skipped: no network namespace" >&2; exit 77; }
        exec unshare $flags "$0" "$@"
fi
lwsctl=$2 module=$3 other=$4
dir=$(mktemp -d "${TMPDIR:-/tmp}/lwsd-later.XXXXXX")
pid='' failures=0
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null; rm -rf "$dir"' EXIT
mkdir "$dir/bin"
cp "$1" "$dir/bin/lwsd"
printf '[Manager]\nFlapSec=0\n' >"$dir/lwsd.conf"
ip link set lo up
export LWSD_SOCKET=$dir/private

# resolves NAME PATTERN: that is what lwsctl says of it
resolves() {
        local out
        out=$("$lwsctl" resolve "$1" 2>&1)
        # shellcheck disable=SC2053
        [[ $out = $2 ]] && return
        echo "$what: resolve $1 gives '$out', which is not $2" >&2
        failures=$((failures + 1))
}

# with WHAT ANSWER LINE: what there is instead of the module, what is said about a name that needs it, and
# what is logged, once ('' for nothing of the kind)
with() {
        local what=$1 n
        "$dir/bin/lwsd" --config="$dir/lwsd.conf" --runtime-dir="$dir/run" --state-dir="$dir/state" \
                --private-socket="$dir/private" --no-bus 2>"$dir/log" 3>&- &
        pid=$!
        resolves bücher.test "$2"
        resolves bücher.test "$2"
        resolves localhost '*127.0.0.1*'
        kill $pid
        if ! wait $pid; then
                echo "$what: lwsd did not end well" >&2
                failures=$((failures + 1))
        fi
        pid=''
        n=$(grep -c -e 'lwsd-later' -e 'Cannot load' "$dir/log")
        if [ "$n" != "$([ -n "$3" ] && echo 1 || echo 0)" ] || ! grep -q -e "$3" "$dir/log"; then
                echo "$what: '$3' is not what is logged once:" >&2
                cat "$dir/log" >&2
                failures=$((failures + 1))
        fi
}

cp "$module" "$dir/bin/lwsd-later.so"
with 'the module' '*no DNS server within reach*' ''
cp "$other" "$dir/bin/lwsd-later.so"
with 'another version' '*cannot be loaded*' "^lwsd-later.so was replaced by another version's: lwsd must be restarted"
# where lwsd is installed, that one would be found
if ! strings "$1" | grep -o '^/.*/lwsd-later\.so$' | xargs -r ls >/dev/null 2>&1; then
        rm "$dir/bin/lwsd-later.so"
        with 'none' '*cannot be loaded*' '^Cannot load what TLS.*: No such file or directory'
        echo broken >"$dir/bin/lwsd-later.so"
        with 'no module at all' '*cannot be loaded*' '^Cannot load what TLS'
fi
[ $failures = 0 ]
