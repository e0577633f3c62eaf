#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh MODEL MUTANTS [-DNAME=VALUE...]: exhausts MODEL with spin, in a folder of its own. Fails on any error, when
# the search was cut short, and when one of the mutants (-DMUTANT=1 to MUTANTS) is not found to be wrong.
set -eu
model=$(realpath "$1")
mutants=$2
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$model" "$dir/model.pml"
cd "$dir"

search() {
        spin "$@" -run -safety -O1 -DMEMLIM=512 -w20 -m20000 model.pml >out 2>&1 || { cat out; exit 1; }
}
is_whole() { ! grep -q 'pan: reached\|max search depth too small' out; }

search "$@"
grep -q 'errors: 0' out && is_whole || { cat out; exit 1; }
grep 'states, stored' out
for mutant in $(seq "$mutants"); do
        search "$@" -DMUTANT="$mutant"
        grep -q 'errors: 1' out || { echo "mutant $mutant is not found"; cat out; exit 1; }
        grep '^pan:1:' out
done
