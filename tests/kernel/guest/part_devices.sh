# SPDX-License-Identifier: GPL-2.0-or-later
# The devices of a q35 machine, as tools/lab/kernel_vehicles.py places them.

. /tests/part_disk.sh

PCI=/sys/bus/pci
RNG=0000:00:10.0
RNG_THEIRS=0000:00:11.0
DISK=0000:00:12.0
DISK_THEIRS=0000:00:13.0
DISK_INTX=0000:00:14.0
DISK_FIXED=0000:00:15.0
CONSOLE=0000:00:16.0
PORT=0000:00:17.0
ONES=0000:00:18.0
RNG_INTX=0000:00:19.0
PLUG=0000:01:00.0

# give ADDRESS: to vlab, whoever has it now.
give() {
	must test -d $PCI/devices/$1
	if [ -e $PCI/devices/$1/driver ]; then
		echo "$1" >$PCI/devices/$1/driver/unbind
	fi
	echo vlab >$PCI/devices/$1/driver_override
	echo "$1" >$PCI/drivers_probe
	wait_until 10 "vlab drives $1" test -e $PCI/drivers/vlab/$1
}

take() {
	echo "$1" >$PCI/drivers/vlab/unbind
	echo >$PCI/devices/$1/driver_override
}

has_disk() {
	ls -d $PCI/devices/$1/*/block/vlab* >/dev/null 2>&1
}

disk() {
	wait_until 10 "a disk of $1" has_disk "$1"
	name=$(basename $PCI/devices/$1/*/block/vlab*)
	wait_until 10 "/dev/$name" test -b "/dev/$name"
}

# What is read of /dev/hwrng from now on comes from vlab.
use_entropy() {
	wait_until 10 "a source of vlab" grep -q vlab /sys/class/misc/hw_random/rng_available
	tr ' ' '\n' </sys/class/misc/hw_random/rng_available | grep -m1 vlab >/sys/class/misc/hw_random/rng_current
}

# put_word ADDRESS OFFSET VALUE: 32 bits, little-endian, into its configuration space.
put_word() {
	printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $(($3 & 255)) $(($3 >> 8 & 255)) $(($3 >> 16 & 255)) $(($3 >> 24 & 255)))" |
		dd of=$PCI/devices/$1/config bs=4 seek=$(($2 / 4)) count=1 conv=notrunc 2>/dev/null
}

# bar ADDRESS NUMBER: where the kernel has put it.
bar() {
	sed -n "$(($2 + 1))p" $PCI/devices/$1/resource | cut -d' ' -f1
}

# place_ones AT: the BAR of 64 bits of a device whose memory is ones, and takes no write.
place_ones() {
	put_word $ONES 24 $(($1 & 0xffffffff))
	put_word $ONES 28 $(($1 >> 32))
}

# cover ADDRESS: the ones lie over its registers.
cover() {
	echo 1 >$PCI/devices/$ONES/enable
	place_ones $(bar $1 4)
}

uncover() {
	place_ones $(bar $ONES 2)
	echo 0 >$PCI/devices/$ONES/enable
}

# buses NUMBER: those behind the port; what has another number reads as all ones.
buses() {
	printf "$(printf '\\%03o\\%03o' $1 $1)" |
		dd of=$PCI/devices/$PORT/config bs=1 seek=25 count=2 conv=notrunc 2>/dev/null
}

# register ADDRESS: its first one. Only of a device without a driver: who has
# one keeps its registers to himself.
register() {
	devmem $(bar $1 4) 32
}

why_broken() {
	cat "/sys/kernel/debug/vlab/$(ls $PCI/devices/$1 | grep '^virtio[0-9]')/broken"
}

# lives_again ADDRESS: as if nothing had been.
lives_again() {
	give $1
	disk $1
	write_and_read /dev/$name
}
