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

# Process ids of what was started inside the guard: its environment says so.
setup_marked() {
        grep -lsz "^LWSD_CONTAINER=$1$" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3
}

# Nothing that is started from here on outlives the script, however that ends, and what is temporary goes
# with it. Starts the script again, in a process group of its own, so that a signal from a terminal comes
# here alone: the guard passes on the end, and cleans up.
setup_guard() {
        [ -z "${LWSD_CONTAINER:-}" ] || return 0
        local mark=lwsd-${0##*/}-$$ tmp=${TMPDIR:-/tmp} dir inside status stopped='' try pid pids
        dir=$(mktemp -d "$tmp/$mark.XXXXXX") && chmod 1777 "$dir" || exit # other users' tests, too
        trap 'stopped=129' HUP
        trap 'stopped=130' INT
        trap 'stopped=143' TERM
        set -m # else it could not be interrupted from inside either
        LWSD_CONTAINER=$mark SETUP_TMPDIR=$tmp TMPDIR=$dir "$BASH" "$0" "$@" <&0 &
        inside=$!
        set +m
        while wait "$inside"; status=$?; [ -z "$stopped" ] && kill -0 "$inside" 2>/dev/null; do :; done
        # a second to end well; the script itself may be at what must not be broken off
        for try in {1..60}; do
                pids=$(setup_marked "$mark")
                [ -n "$pids" ] || break
                for pid in $pids; do
                        if [ "$try" -gt 10 ] && [ "$pid" != "$inside" ]; then
                                kill -KILL "$pid"
                        elif [ "$try" = 1 ]; then
                                kill -TERM "$pid"
                                kill -CONT "$pid" # what is stopped ends no sooner
                        fi
                done 2>/dev/null
                sleep 0.1
        done
        while kill -0 "$inside" 2>/dev/null; do
                wait "$inside"
        done 2>/dev/null
        for try in {1..50}; do
                find /sys/fs/cgroup -depth -type d -path "*/$mark-*" -exec rmdir {} + 2>/dev/null
                [ -n "$(find /sys/fs/cgroup -maxdepth 2 -name "$mark-*" 2>/dev/null)" ] || break
                sleep 0.1
        done
        rm -rf "$dir" "/run/systemd/nspawn/propagate/$mark"-* "/run/systemd/nspawn/unix-export/$mark"-* 2>/dev/null
        exit "${stopped:-$status}"
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
        # an installation that has begun is ended first: the guard does not find apt, and bash waits for it
        trap 'exit 130' INT
        trap 'exit 143' TERM
        # shellcheck disable=SC2064 # the value of now
        [ -z "$made" ] || trap "rm -f $policy" EXIT
        export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l
        env -u LWSD_CONTAINER apt-get -q update >"$1/apt.log" 2>&1 || tail -5 "$1/apt.log"
        env -u LWSD_CONTAINER apt-get -qy -o Dpkg::Use-Pty=0 install --no-install-recommends \
                "${missing[@]}" >>"$1/apt.log" 2>&1
        local status=$?
        if [ -n "$made" ]; then
                rm -f "$policy"
        fi
        trap - EXIT INT TERM
        [ $status = 0 ] || { tail -20 "$1/apt.log"; say "apt-get failed: $1/apt.log"; }
        return $status
}

# A folder to build in: in the tree where that is writable (git ignores it), else a temporary one.
setup_build_root() {
        local root=$top/build-$1
        if ! mkdir -p "$root" 2>/dev/null || [ ! -w "$root" ]; then
                root=$(mktemp -d "${SETUP_TMPDIR:-${TMPDIR:-/tmp}}/lwsd-$1.XXXXXX")
        fi
        printf '%s\n' "$root"
}
