#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh MODEL [-DNAME=VALUE...]: exhausts it with spin, in a folder of its own. Fails on any error, and when the search
# was cut short.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$1" "$dir/model.pml"
shift
cd "$dir"
spin "$@" -run -safety -O2 -DMEMLIM=512 -m100000 model.pml >out 2>&1 || { cat out; exit 1; }
grep -q 'errors: 0' out && ! grep -q 'Search not completed\|max search depth too small' out || { cat out; exit 1; }
grep 'states, stored' out
