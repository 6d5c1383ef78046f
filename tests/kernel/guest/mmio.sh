# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU's microvm: no PCI, no ACPI. QEMU puts the places of its virtio-mmio
# devices on the kernel's command line; vlab is told of them by its own name.

. /tests/part_mmio.sh

places() {
	tr ' ' '\n' </proc/cmdline | sed -n 's/^virtio_mmio.device=/mmio=/p'
}

module_loads() {
	equal "devices of QEMU" "$(places | wc -l)" 2
	must insmod /modules/vlab.ko $(places)
	must test -d /sys/bus/platform/drivers/vlab-mmio
	equal "devices of vlab" "$(ls /sys/bus/vlab/devices | wc -l)" 2
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
