# SPDX-License-Identifier: GPL-2.0-or-later
# Programs of the fuzzer, against the core in this kernel. What vlab-feed prints
# is read by tools/lab/kernel_replay.py.

replays() {
	load vlab_replay
	cp /vlab/feed /tmp/feed
	chmod 755 /tmp/feed
	/tmp/feed /vlab/programs /vlab/expected
	[ $? -lt 2 ] || fail "vlab-feed could not run"
}

unloads() {
	[ -e /modules/vlab_replay.ko ] || skip "the module is built in"
	must rmmod vlab_replay
}

run replays
run unloads
