# SPDX-License-Identifier: GPL-2.0-or-later
# Programs of the fuzzer, against the core in this kernel. What vlab-feed prints
# is read by tools/lab/kernel_replay.py.

DEVICE=/dev/vlab_replay

loads() {
	load vlab_replay
	equal "the mode of $DEVICE" "$(stat -c %a $DEVICE)" 600
}

refuses_what_is_no_batch() {
	must_not sh -c "printf abc >$DEVICE"
	must_not sh -c "printf '\377\0\0\0\0\0\0\0' >$DEVICE"
	must_not sh -c "printf '\0\0\0\0\1\0\0\0' >$DEVICE"
	# One byte, and one program, more than a batch may have.
	must_not dd if=/dev/zero of=$DEVICE bs=16777217 count=1
	must_not dd if=/dev/zero of=$DEVICE bs=524296 count=1
	equal "the answer to nothing" "$(head -c 1 $DEVICE | wc -c)" 0
}

# A batch of many programs takes seconds; its writer must not.
ends_when_killed() {
	dd if=/dev/zero of=$DEVICE bs=524288 count=1 2>/dev/null &
	pid=$!
	sleep 0.5
	must kill -0 $pid
	kill -9 $pid
	wait_until 2 "the end of a batch" gone /proc/$pid
}

stays_while_it_is_open() {
	exec 3<>$DEVICE
	must_not rmmod vlab_replay
	exec 3>&-
}

replays() {
	vlab-feed /vlab/programs /vlab/expected
	[ $? -lt 2 ] || fail "vlab-feed could not run"
}

unloads() {
	must rmmod vlab_replay
	must gone $DEVICE
}

run loads
run refuses-what-is-no-batch
run ends-when-killed
run stays-while-it-is-open
run replays
run unloads
