# SPDX-License-Identifier: GPL-2.0-or-later
# What is done with the devices of QEMU's microvm, an entropy device and a disk,
# whoever says where they are: what vlab has to be told of it, places() prints.

FS=ext2

. /tests/part_disk.sh

disk() {
	wait_until 10 "a disk" ls -d /sys/block/vlaba
	wait_until 10 "/dev/vlaba" test -b /dev/vlaba
}

entropy_read() {
	wait_until 10 "a source of vlab" grep -q vlab /sys/class/misc/hw_random/rng_available
	must dd if=/dev/hwrng of=/tmp/random bs=1024 count=4
	[ "$(tr -d '\000' </tmp/random | wc -c)" -gt 3900 ] || fail "too many zeroes among random bytes"
}

disk_data() {
	disk
	equal "sectors" "$(cat /sys/block/vlaba/size)" 131072
	write_and_read /dev/vlaba
}

disk_filesystem() {
	disk
	filesystem /dev/vlaba
}

# The platform device that the disk is behind.
disk_place() {
	basename "$(dirname "$(readlink -f /sys/block/vlaba/device)")"
}

unbind_under_io() {
	disk
	place=$(disk_place)
	start_io vlaba
	echo "$place" >/sys/bus/platform/drivers/vlab-mmio/unbind
	io_ended
	must gone /sys/block/vlaba
	echo "$place" >/sys/bus/platform/drivers/vlab-mmio/bind
	disk
	filesystem /dev/vlaba
}

reload() {
	for i in 1 2 3 4 5; do
		must rmmod vlab
		must insmod /modules/vlab.ko $(places)
		disk
		must dd if=/dev/vlaba of=/dev/null bs=64k count=4 iflag=direct
	done
}
