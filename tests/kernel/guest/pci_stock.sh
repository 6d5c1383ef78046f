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

run in-tree-loads
run in-tree-has-all
. /tests/part_pci.sh
run in-tree-goes-on
run give-back
