#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The first process of a guest: a shell that works, then the tests, then the end.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t debugfs debug /sys/kernel/debug 2>/dev/null
mount -t tmpfs tmp /tmp
/bin/busybox --install -s 2>/dev/null
exec </dev/null >/dev/console 2>&1
. /tests/lib.sh
. /tests/run.sh
finish
