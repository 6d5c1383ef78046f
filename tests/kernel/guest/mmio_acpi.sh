# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU's microvm again, but now its ACPI tables announce the virtio-mmio devices,
# each with a level-triggered interrupt. They are platform devices, and given to
# vlab one by one.

. /tests/part_mmio.sh

PLATFORM=/sys/bus/platform

# Nothing is to be named.
places() {
	:
}

# Nobody asked for them: vlab takes none by itself.
module_takes_none() {
	equal "devices of QEMU" "$(ls -d $PLATFORM/devices/LNRO0005:* | wc -l)" 2
	must insmod /modules/vlab.ko
	equal "devices of vlab" "$(ls /sys/bus/vlab/devices | wc -l)" 0
}

override() {
	for place in $PLATFORM/devices/LNRO0005:*; do
		echo vlab-mmio >"$place/driver_override"
		echo "${place##*/}" >$PLATFORM/drivers_probe
	done
	equal "devices of vlab" "$(ls /sys/bus/vlab/devices | wc -l)" 2
	equal "level-triggered interrupts" "$(grep -c 'fasteoi.*LNRO0005' /proc/interrupts)" 2
}

run module-takes-none
run override
run entropy-read
run disk-data
run disk-filesystem
run unbind-under-io
run reload
