# SPDX-License-Identifier: GPL-2.0-or-later
# One planted bug, named on the kernel's command line. The test itself says
# "ok": that is the point.

planted() {
	bug=$(sed -n 's/.*vlab_bug=\([a-z]*\).*/\1/p' /proc/cmdline)
	if [ -e /proc/sys/kernel/hung_task_timeout_secs ]; then
		echo 5 >/proc/sys/kernel/hung_task_timeout_secs
	fi
	insmod /modules/vlab_planted.ko bug="$bug" 2>/dev/null
	return 0
}

run planted
