# SPDX-License-Identifier: GPL-2.0-or-later
# Two disks and two entropy devices, of each the first with the driver of the
# kernel and the second with ours, and the loads of tools/lab/kernel_bench.py.

PCI=/sys/bus/pci
OURS_DISK=0000:00:05.0
OURS_RNG=0000:00:07.0
SOURCES=/sys/class/misc/hw_random/rng_available

# give ADDRESS DRIVER: to nobody else.
give() {
	must test -d $PCI/devices/$1
	echo "$2" >$PCI/devices/$1/driver_override
}

# Where each function is, as its instructions are counted by address. A function
# of the kernel itself ends where the next one begins.
symbols() {
	grep '\]$' /proc/kallsyms >/tmp/symbols
	grep -v '\]$' /proc/kallsyms | sort | grep -A 1 -E ' dma_(un)?map_page_attrs$' | grep -v '^--' >>/tmp/symbols
	sed 's/^/vlab-symbol: /' /tmp/symbols
	echo "vlab-symbols: $(wc -l </tmp/symbols)"
}

bench() {
	give $OURS_DISK vlab
	give $OURS_RNG nobody
	while read -r file; do
		must insmod "/modules/$file"
	done </modules/order
	wait_until 20 "the disk of the kernel's driver" test -b /dev/vda
	wait_until 20 "the disk of our driver" test -b /dev/vlaba
	. /tests/loads
}

# The source of hwrng that a driver has registered: its name ends in a number.
source_of() {
	tr ' ' '\n' <$SOURCES | grep -m 1 "^$1\."
}

# The kernel reads from a source whenever it likes, so there is none while disks
# are measured.
with_entropy() {
	must insmod /modules/virtio-rng.ko
	give $OURS_RNG vlab
	echo $OURS_RNG >$PCI/drivers_probe
	wait_until 20 "a source of the kernel's driver" source_of virtio_rng
	wait_until 20 "a source of our driver" source_of vlab_rng
}

# Ours has no I/O scheduler unless told so, and then neither has the other.
same_scheduler() {
	echo none >/sys/block/vda/queue/scheduler || fail "the kernel's disk keeps its I/O scheduler"
}

load() {
	echo "vlab-load: $*"
	/bin/kernel_load "$@" || fail "kernel_load $*"
}

run bench
