# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# A lab of network namespaces with real servers, for bash. Source it after lab_private, or as root in a
# container. Everything is named in LAB_DIR and in /run/netns, and dies with the shell's namespaces.
#
#   lab_private "$0" "$@"      runs the script again in namespaces of its own (network, mount, process)
#   lab_new                    namespace "lab": a bridge with 10.77.0.1 to .3 and fd77::1 to ::3
#   lab_link NAME              a link NAME in this namespace whose other end is in the lab, unplugged
#   lab_plug NAME, lab_unplug NAME     its carrier
#   lab_dnsmasq, lab_names, lab_ntp, lab_http     the servers; each returns when it answers
#   lab_stop SERVER...

LAB_SKIP=77
LAB_DIR=${LAB_DIR:-}
declare -gA LAB_PID=()

lab_log() {
        printf '%s\n' "$*" >&2
}

# What came with a package may be in the directories of the administrator.
export PATH="$PATH:/usr/sbin:/sbin"

# The process namespace goes, with all in it, when its first process dies: nothing is left over,
# however the script ends.
lab_private() {
        if [ -n "${LAB_INSIDE:-}" ]; then
                mount -t tmpfs -o mode=755 tmpfs /run || return
                # systemd-nspawn looks for a link in /sys/class/net (ours; read-only: there is no udev to ask)
                if [ "$(id -u)" = 0 ] && mkdir /run/cgroup && mount --rbind /sys/fs/cgroup /run/cgroup; then
                        mount -t sysfs -o ro sysfs /sys && mount --rbind /run/cgroup /sys/fs/cgroup
                        umount -l /run/cgroup
                fi
                ip link set lo up
                sysctl -qw net.ipv6.conf.default.accept_dad=0 2>/dev/null || :
                return 0
        fi
        local how=(--net --mount --pid --fork --kill-child --mount-proc)
        [ "$(id -u)" = 0 ] || how+=(--user --map-root-user)
        if ! unshare "${how[@]}" true 2>/dev/null; then
                lab_log "skipped: no namespaces here (neither as root nor as a user)"
                exit $LAB_SKIP
        fi
        LAB_INSIDE=1 exec unshare "${how[@]}" "$@"
}

lab_new() {
        LAB_DIR=${LAB_DIR:-$(mktemp -d /run/lab.XXXXXX)}
        chmod 755 "$LAB_DIR"
        ip netns add lab || return
        ip -n lab link set lo up
        ip -n lab link add br0 type bridge
        ip -n lab link set br0 up
        ip netns exec lab sysctl -qw net.ipv6.conf.all.accept_dad=0 || :
        local i
        for i in 1 2 3; do
                ip -n lab address add 10.77.0.$i/24 dev br0
                ip -n lab address add fd77::$i/64 dev br0 nodad
        done
}

lab_link() {
        ip link add "$1" type veth peer name "$1-lab" netns lab || return
        ip -n lab link set "$1-lab" master br0
}

lab_plug() {
        ip -n lab link set "$1-lab" up
}

lab_unplug() {
        ip -n lab link set "$1-lab" down
}

# Keeps the output of a server and says "ready" into a fifo at the first line that matches.
lab_follow() {
        local line done=
        while IFS= read -r line; do
                printf '%s\n' "$line" >>"$2"
                if [ -z "$done" ] && [[ $line =~ $1 ]]; then
                        echo ready >"$3"
                        done=1
                fi
        done
        [ -n "$done" ] || echo ended >"$3"
}

# lab_start NAME PATTERN COMMAND...: starts it in the lab with its output in LAB_DIR/NAME.log and
# returns when a line of it matches PATTERN (a regular expression); fails when it ends without one.
lab_start() {
        local name=$1 pattern=$2 ready said
        shift 2
        ready=$LAB_DIR/$name.ready
        rm -f "$ready"
        mkfifo "$ready"
        # setsid and ip exec: what $! names is the server, at the head of a group of its own
        { setsid ip netns exec lab "$@" 2>&1 & echo "$!" >"$LAB_DIR/$name.pid"; wait "$!"; } |
                lab_follow "$pattern" "$LAB_DIR/$name.log" "$ready" &
        if ! read -r -t 10 said <>"$ready" || [ "$said" != ready ]; then
                lab_log "$name did not start:"
                sed 's/^/    /' "$LAB_DIR/$name.log" >&2
                return 1
        fi
        LAB_PID[$name]=$(cat "$LAB_DIR/$name.pid")
}

lab_stop() {
        local name
        for name; do
                [ -n "${LAB_PID[$name]:-}" ] || continue
                kill -- "-${LAB_PID[$name]}" 2>/dev/null
                unset "LAB_PID[$name]"
        done
}

LAB_DNSMASQ=(dnsmasq --keep-in-foreground --log-facility=- --user=root --group=root --conf-file=/dev/null
        --pid-file= --no-resolv --no-hosts --bind-interfaces --local=/test/ --domain=lab.test
        '--host-record=www.lab.test,10.77.0.1' '--host-record=ntp1.lab.test,10.77.0.1,fd77::1'
        '--host-record=ntp2.lab.test,10.77.0.2,fd77::2' '--host-record=ntp3.lab.test,10.77.0.3,fd77::3')

# DHCPv4 from 10.77.0.1, DNS for lab.test there; extra options of dnsmasq as arguments.
lab_dnsmasq() {
        lab_start dnsmasq 'started|DHCP, IP range' "${LAB_DNSMASQ[@]}" --no-ping --log-dhcp --interface=br0 \
                --dhcp-authoritative --dhcp-leasefile="$LAB_DIR/leases" \
                --dhcp-range=10.77.0.100,10.77.0.199,255.255.255.0,1h \
                --dhcp-option=option:router,10.77.0.1 --dhcp-option=option:dns-server,10.77.0.1 \
                --dhcp-option=option:ntp-server,10.77.0.1,10.77.0.2,10.77.0.3 "$@"
}

# The DNS half alone, beside a lab_dnsmasq --port=0.
lab_names() {
        lab_start names 'started' "${LAB_DNSMASQ[@]}" --listen-address=10.77.0.1
}

# Three time servers, one on each address, none of which touches a clock (-x).
lab_ntp() {
        local i
        for i in 1 2 3; do
                printf '%s\n' "local stratum $((i + 1))" 'allow all' "bindaddress 10.77.0.$i" 'cmdport 0' 'bindcmdaddress /' \
                        "pidfile $LAB_DIR/chrony$i.pidfile" >"$LAB_DIR/chrony$i.conf"
                lab_start "chrony$i" 'chronyd version' chronyd -x -d -u root -f "$LAB_DIR/chrony$i.conf" || return
        done
}

# http://www.lab.test/ with a page that a captive portal check can ask for.
lab_http() {
        mkdir -p "$LAB_DIR/www"
        echo "lwsd lab" >"$LAB_DIR/www/index.html"
        : >"$LAB_DIR/www/generate_204"
        # busybox says nothing when it is up; its own parent would return, so it stays in front
        lab_start http ready sh -c "busybox httpd -f -p 10.77.0.1:80 -h '$LAB_DIR/www' &
                until echo | busybox nc 10.77.0.1 80 >/dev/null 2>&1; do :; done; echo ready; wait"
}
