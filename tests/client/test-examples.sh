#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the tree into a folder, compiles docs/examples/*.c and the README's program against it as an outsider
# would (pkg-config, nothing of the build tree), and runs each against a peer. test-examples.sh BUILD-ROOT SOURCE-ROOT PEER
set -eu

build=$1 source=$2 peer=$3
root=$(mktemp -d "${TMPDIR:-/tmp}/lwsd-examples.XXXXXX")
trap 'rm -rf "$root"' EXIT

meson install -C "$build" --no-rebuild --quiet --destdir "$root" >/dev/null 2>&1 ||
        { echo "skipped: meson install does not run here" >&2; exit 77; }
pc=$(dirname "$(find "$root" -name lwsd-client.pc)")
lib=$(dirname "$(find "$root" -name liblwsd-client.so)")

# Our own packages lie below $root, those of others do not.
ours() {
        PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=$pc pkg-config --cflags --libs "$@"
}

# compile NAME OURS [PACKAGE...]
compile() {
        name=$1 ours=$2
        shift 2
        # shellcheck disable=SC2046
        ${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Werror -pthread \
                -o "$root/$name" "$from/$name.c" $(ours "$ours") \
                $([ $# -eq 0 ] || pkg-config --cflags --libs "$@")
}

one() {
        name=$1 ours=$2
        shift 2
        for package; do
                pkg-config --exists "$package" || { echo "skipped: $name: no $package"; return 0; }
        done
        compile "$name" "$ours" "$@"
        out=$(LD_LIBRARY_PATH=$lib timeout 30 "$peer" "$root/socket" operational "$root/$name")
        case $name:$out in
        attach-*:operational | readme:operational | hold:held*) echo "ok: $name" ;;
        *) echo "failed: $name: $out" >&2; exit 1 ;;
        esac
}

from=$source/docs/examples
one attach-epoll lwsd-client
one hold lwsd-client
one attach-sd-event lwsd-client libsystemd
one attach-glib lwsd-client glib-2.0
one attach-libuv lwsd-client libuv
[ ! -e "$pc/lwsd-client-ev.pc" ] || one attach-libev lwsd-client-ev
# run as unit tests are
compile attach-thread lws-system
LD_LIBRARY_PATH=$lib timeout 30 "$root/attach-thread" >/dev/null && echo "ok: attach-thread"
headers='lwsd-client lws-system'
if [ -e "$pc/lws-dns.pc" ]; then
        compile resolve lws-dns
        LD_LIBRARY_PATH=$lib timeout 30 "$root/resolve" localhost >/dev/null && echo "ok: resolve"
        headers="$headers lws-dns"
fi
[ ! -e "$pc/lwsd-client-ev.pc" ] || headers="$headers lwsd-client-ev"
awk '/^    #include <lwsd\/lwsd-client.h>/ { on = 1 } /^[^ ]/ { on = 0 } on' "$source/README.md" >"$root/readme.c"
from=$root
one readme lwsd-client libsystemd
# a C++ program can use the headers, too
if command -v "${CXX:-c++}" >/dev/null; then
        # shellcheck disable=SC2086 # words
        { printf '#include <lwsd/%s.h>\n' $headers && echo 'int main() { return lwsd_client_new(nullptr) == 0; }'; } \
                >"$root/cpp.cc"
        # shellcheck disable=SC2046
        "${CXX:-c++}" -Wall -Wextra -Werror -o "$root/cpp" "$root/cpp.cc" $(ours lwsd-client)
        LD_LIBRARY_PATH=$lib "$root/cpp"
fi
