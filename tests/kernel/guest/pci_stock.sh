# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's kernel: its own virtio drivers are there first, and go on beside ours.

FS=ext4

in_tree_loads() {
	while read -r file; do
		must insmod "/modules/$file"
	done </modules/order
	wait_until 10 "/dev/vda" test -b /dev/vda
}

# Ours is not there yet: every device is theirs.
in_tree_has_all() {
	for driver in virtio_blk virtio_rng; do
		must test -d /sys/bus/virtio/drivers/$driver
	done
	equal "disks of the kernel" "$(ls -d /sys/block/vd* | wc -l)" 5
}

in_tree_goes_on() {
	theirs=$(basename $PCI/devices/$DISK_THEIRS/virtio*/block/vd*)
	write_and_read "/dev/$theirs"
	must grep -q virtio_rng /sys/class/misc/hw_random/rng_available
	must test -e $PCI/devices/$RNG_THEIRS/driver/module
}

give_back() {
	give $DISK
	take $DISK
	echo $DISK >$PCI/drivers_probe
	wait_until 10 "a disk of the kernel" ls -d $PCI/devices/$DISK/virtio*/block/vd*
	write_and_read "/dev/$(basename $PCI/devices/$DISK/virtio*/block/vd*)"
}

# zeroed NAME: requests to write zeroes that the kernel's trace has of a disk; it
# has no letter for them and says N, and then how.
zeroed() {
	grep -c "block_rq_issue: $(tr : , </sys/block/$1/dev) N" $TRACE/trace
}

# What a file system's inode tables start from: zeroes, which the device writes.
disk_write_zeroes() {
	TRACE=/sys/kernel/tracing
	give $DISK
	disk $DISK
	[ "$(cat /sys/block/$name/queue/write_zeroes_max_bytes)" -gt 0 ] || fail "the device offers it, and there is none"
	must dd if=/dev/urandom of=/dev/$name bs=64k count=1024 oflag=direct
	mount -t tracefs trace $TRACE
	echo 1 >$TRACE/events/block/block_rq_issue/enable
	must /sbin/mke2fs -q -F -t $FS -E nodiscard,lazy_itable_init=0 /dev/$name
	echo 0 >$TRACE/events/block/block_rq_issue/enable
	[ "$(zeroed $name)" -gt 0 ] || fail "none was asked for"
	umount $TRACE
	must /sbin/e2fsck -f -n /dev/$name
}

# What udev does: it asks for the module by the alias that the kernel names.
module_comes_by_itself() {
	modules=/lib/modules/$(uname -r)
	must mkdir -p $modules
	must cp /modules/vlab.ko /modules/vlab_outside.ko $modules/
	must depmod
	must_not test -d /sys/module/vlab_outside
	cat >/tmp/agent <<-'END'
		#!/bin/sh
		[ "$ACTION" = add ] && [ "$SUBSYSTEM" = vlab ] && modprobe -q "$MODALIAS"
	END
	must chmod 755 /tmp/agent
	uevent /tmp/agent >/dev/null 2>&1 &
	agent=$!
	trap 'kill $agent 2>/dev/null' EXIT
	sleep 0.5
	give $CONSOLE
	wait_until 20 "the module of the driver is loaded" test -d /sys/module/vlab_outside
	wait_until 20 "the driver has the device" eval "test -e $PCI/devices/$CONSOLE/virtio*/driver"
	must rmmod vlab_outside
	take $CONSOLE
}

run in-tree-loads
run in-tree-has-all
. /tests/part_pci.sh
run disk-write-zeroes
run module-comes-by-itself
run in-tree-goes-on
run give-back
