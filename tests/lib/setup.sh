# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What `tests/run` and `tests/demo` share: packages, where to build, how to speak. Source it with `top`
# set to the top of the tree.

: "${top:?}"

say() {
        printf '%s\n' "$*"
}

# Nothing that is started from here on can set the machine's clock: lwsd runs as root in tests, and what
# its unit allows it no test may. Starts the script again without CAP_SYS_TIME where it has that.
setup_no_clock() {
        local bounding
        bounding=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
        if [ "$(id -u)" = 0 ] && [ $((0x$bounding >> 25 & 1)) = 1 ]; then
                exec setpriv --bounding-set=-sys_time --inh-caps=-sys_time -- "$BASH" "$0" "$@"
        fi
}

# The packages of tests/lib/packages that this machine lacks.
setup_missing() {
        local want have
        want=$(sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$top/tests/lib/packages" | sort -u)
        have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null |
                sed -n 's/^installed //p' | sort -u)
        comm -23 <(echo "$want") <(echo "$have")
}

# Installs them. The servers among them are for the tests alone: policy-rc.d keeps packages from
# starting them on this machine.
setup_packages() {
        local missing policy=/usr/sbin/policy-rc.d made=''
        if ! command -v dpkg-query >/dev/null; then
                say "not a Debian machine: the packages of tests/lib/packages are taken as there"
                return 0
        fi
        mapfile -t missing < <(setup_missing)
        [ "${#missing[@]}" -gt 0 ] || return 0
        if [ "$(id -u)" != 0 ]; then
                say "not root, so these packages cannot be installed: ${missing[*]}"
                return 0
        fi
        say "installing: ${missing[*]}"
        if [ ! -e "$policy" ]; then
                printf '#!/bin/sh\nexit 101\n' >"$policy"
                chmod 755 "$policy"
                made=1
        fi
        # shellcheck disable=SC2064 # the value of now
        [ -z "$made" ] || trap "rm -f $policy" EXIT
        export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l
        apt-get -q update >"$1/apt.log" 2>&1 || tail -5 "$1/apt.log"
        apt-get -qy -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}" >>"$1/apt.log" 2>&1
        local status=$?
        if [ -n "$made" ]; then
                rm -f "$policy"
                trap - EXIT
        fi
        [ $status = 0 ] || { tail -20 "$1/apt.log"; say "apt-get failed: $1/apt.log"; }
        return $status
}

# A folder to build in: in the tree where that is writable (git ignores it), else a temporary one.
setup_build_root() {
        local root=$top/build-$1
        if ! mkdir -p "$root" 2>/dev/null || [ ! -w "$root" ]; then
                root=$(mktemp -d "${TMPDIR:-/tmp}/lwsd-$1.XXXXXX")
        fi
        printf '%s\n' "$root"
}
