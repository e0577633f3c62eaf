#!/bin/bash
# SPDX-License-Identifier: MIT
# The ground that the other service tests stand on: a real systemd, up, with nothing failed in it.
set -eu
state=$(systemctl is-system-running --wait) || :
if [ "$state" != running ]; then
        systemctl --no-pager --failed
        exit 1
fi
systemctl is-active --quiet dbus.service
test "$(ls /sys/class/net)" = lo
test -z "$(systemctl list-jobs --no-legend)"
