#!/bin/bash
# SPDX-License-Identifier: MIT
# The bash completion offers what lwsctl takes. test-completion.sh COMPLETION LWSCTL
set -eu

# shellcheck source=/dev/null
. "$1"
lwsctl=$2

# offers WORD...: completes the last word
offers() {
        COMP_WORDS=(lwsctl "$@")
        COMP_CWORD=$#
        COMPREPLY=()
        _lwsctl || true
        printf '%s ' "${COMPREPLY[@]}"
}
compopt() { :; }

want() {
        local wanted=$1 got
        shift
        got=$(offers "$@")
        [ "$got" = "$wanted" ] || { echo "after '$*': '$got', not '$wanted'" >&2; exit 1; }
}

want 'status ' st
want 'operational ' wait op
want 'dhcp ' --json wait dh
want '--timeout= ' wait --ti
want '--who= --why= ' hold dhcp --w
want 'debug ' log-level deb
want 'HTTPS ' resolve example.org HTT
want '--json ' --js
# every command of lwsctl, and no other
listed=$("$lwsctl" --help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p' | sort)
[ "$(offers '' | tr ' ' '\n' | sed '/^$/d' | sort)" = "$listed" ] || { echo 'the commands differ' >&2; exit 1; }
for command in $listed; do
        grep -q "'$command:" "$(dirname "$1")/_lwsctl" || { echo "zsh does not know $command" >&2; exit 1; }
done
