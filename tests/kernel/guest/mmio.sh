# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU's microvm: no PCI, no ACPI. QEMU puts the places of its virtio-mmio
# devices on the kernel's command line; vlab is told of them by its own name.

FS=ext2

. /tests/part_disk.sh

places() {
	tr ' ' '\n' </proc/cmdline | sed -n 's/^virtio_mmio.device=/mmio=/p'
}

disk() {
	wait_until 10 "a disk" ls -d /sys/block/vlaba
	wait_until 10 "/dev/vlaba" test -b /dev/vlaba
}

module_loads() {
	equal "devices of QEMU" "$(places | wc -l)" 2
	must insmod /modules/vlab.ko $(places)
	must test -d /sys/bus/platform/drivers/vlab-mmio
	equal "devices of vlab" "$(ls /sys/bus/vlab/devices | wc -l)" 2
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

bounce() {
	must rmmod vlab
	must insmod /modules/vlab.ko bounce=1 $(places)
	disk
	write_and_read /dev/vlaba
	filesystem /dev/vlaba
	must dd if=/dev/hwrng of=/dev/null bs=64 count=4
}

refuses_nonsense() {
	must rmmod vlab
	for place in 512 512@0xfeb00e00 16@0xfeb00e00:12 512@0xfeb00e00:0 x@y:z; do
		must_not insmod /modules/vlab.ko mmio=$place
	done
	must insmod /modules/vlab.ko
	equal "devices of vlab" "$(ls /sys/bus/vlab/devices | wc -l)" 0
}

# Memory without a device behind it, and one of the devices twice.
refuses_absent_device() {
	must rmmod vlab
	must insmod /modules/vlab.ko mmio=512@0xfeb00000:5 $(places) $(places)
	equal "devices of vlab" "$(ls /sys/bus/vlab/devices | wc -l)" 2
	disk
	write_and_read /dev/vlaba
}

run module-loads
run entropy-read
run disk-data
run disk-filesystem
run unbind-under-io
run reload
run bounce
run refuses-nonsense
run refuses-absent-device
