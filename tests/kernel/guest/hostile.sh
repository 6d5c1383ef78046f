# SPDX-License-Identifier: GPL-2.0-or-later
# Devices of a host that means harm, as tools/lab/kernel_hostile.py sets them.
# Each test is bracketed in the kernel's log, where the host looks for what the
# kernel said during it.

PCI=/sys/bus/pci
SLOT=0000:01:00.0
DISK=/tmp/disk
LOOP_SECONDS=60
# A request fails within disk_timeout and some; no test waits for longer.
PATIENCE=40

logged() {
	echo "vlab-begin: $1" >/dev/kmsg
	run "$1"
	echo "vlab-end: $1" >/dev/kmsg
}

# bind ADDRESS: offer it to vlab, which may refuse it.
bind() {
	must test -d $PCI/devices/$1
	# Where it is built in, the kernel's own driver comes first.
	[ -e $PCI/drivers/virtio-pci/$1 ] && echo "$1" >$PCI/drivers/virtio-pci/unbind
	echo vlab >$PCI/devices/$1/driver_override
	echo "$1" >$PCI/drivers_probe 2>/dev/null
	return 0
}

give() {
	bind "$1"
	wait_until $PATIENCE "vlab drives $1" test -e $PCI/drivers/vlab/$1
}

take() {
	echo "$1" >$PCI/drivers/vlab/unbind
	wait_until $PATIENCE "vlab has let $1 go" gone $PCI/drivers/vlab/$1
}

has_disk() {
	ls -d $PCI/devices/$1/*/block/vlab* >/dev/null 2>&1
}

# disk ADDRESS: sets name, sectors and block, the disk's block size. $DISK stays
# when the disk goes: a writer would make a file of that name in /dev.
disk() {
	wait_until $PATIENCE "a disk of $1" has_disk "$1"
	name=$(basename $PCI/devices/$1/*/block/vlab*)
	wait_until $PATIENCE "its number" test -s /sys/block/$name/dev
	rm -f $DISK
	must mknod $DISK b $(tr : ' ' </sys/block/$name/dev)
	sectors=$(cat /sys/block/$name/size)
	block=$(cat /sys/block/$name/queue/logical_block_size)
}

# compare DEVICE BLOCK FIRST COUNT: write blocks, read them back.
compare() {
	must dd if=/tmp/pattern of=$1 bs=$2 seek=$3 count=$4 oflag=direct conv=notrunc
	must dd if=$1 of=/tmp/back bs=$2 skip=$3 count=$4 iflag=direct
	must dd if=/tmp/pattern of=/tmp/wrote bs=$2 count=$4
	must cmp /tmp/wrote /tmp/back
}

# is_usable ADDRESS: what the start and the end of the disk are given is read back.
is_usable() {
	disk "$1"
	blocks=$((sectors / (block / 512)))
	[ $blocks -gt 0 ] || fail "the disk is empty"
	equal "alignment of memory" "$(cat /sys/block/$name/queue/dma_alignment)" $((block - 1))
	count=$((262144 / block))
	[ $count -lt $blocks ] || count=$blocks
	compare $DISK $block 0 $count
	compare $DISK $block $((blocks - count)) $count
}

# is_accepting ADDRESS: a device that keeps nothing.
is_accepting() {
	disk "$1"
	blocks=$((sectors / (block / 512)))
	for at in 0 $((blocks - 1)); do
		must dd if=/tmp/pattern of=$DISK bs=$block seek=$at count=1 oflag=direct conv=notrunc
		must dd if=$DISK of=/dev/null bs=$block skip=$at count=1 iflag=direct
	done
}

is_empty() {
	disk "$1"
	equal "sectors" "$sectors" 0
	equal "bytes read" "$(dd if=$DISK bs=4096 count=1 2>/dev/null | wc -c)" 0
}

is_read_only() {
	disk "$1"
	must dd if=$DISK of=/dev/null bs=64k count=16 iflag=direct
	must_not dd if=/dev/zero of=$DISK bs=4096 count=1 oflag=direct
}

# is_discarding ADDRESS: whole, in as many requests as the limits of the device ask.
is_discarding() {
	is_usable "$1"
	must blkdiscard -o 0 -l 1048576 $DISK
	compare $DISK $block 0 8
}

is_refused() {
	sleep 0.2
	! has_disk "$1" || fail "a disk was made of it"
}

# is_failing ADDRESS: reads and writes end, and say that they failed.
is_failing() {
	disk "$1"
	must_not dd if=$DISK of=/dev/null bs=4096 count=4 iflag=direct
	must_not dd if=/dev/zero of=$DISK bs=4096 count=4 oflag=direct
}

is_failing_writes() {
	disk "$1"
	must dd if=$DISK of=/dev/null bs=4096 count=4 iflag=direct
	must_not dd if=/dev/zero of=$DISK bs=4096 count=4 oflag=direct
}

is_failing_flushes() {
	disk "$1"
	must dd if=/dev/zero of=$DISK bs=4096 count=4 oflag=direct
	must_not dd if=/dev/zero of=$DISK bs=4096 count=4 conv=fsync
}

# is_stalled ADDRESS: nothing is answered. All that waits fails when the first
# request has waited for disk_timeout, and so does what comes later, at once.
is_stalled() {
	disk "$1"
	start_io $DISK
	io_ended
	equal "bytes of a dead disk" "$(dd if=$DISK bs=4096 count=1 iflag=direct | wc -c)" 0
}

# is_silent ADDRESS: the first question is not answered: nothing is made of it.
is_silent() {
	wait_until $PATIENCE "it is given up" gone $PCI/drivers/vlab/$1
	! has_disk "$1" || fail "a disk was made of it"
}

# device ADDRESS WHAT: one that was there from the start; is_WHAT tests it.
device() {
	bind "$1"
	is_$2 "$1"
	if [ -e $PCI/drivers/vlab/$1 ]; then
		take "$1"
	fi
	! has_disk "$1" || fail "its disk is still there"
}

# start_io DEVICE: writers that go on until the device fails them, and readers. On
# a dead disk a reader may find its end (6.12) or an error (6.1): it goes by what
# happened to the writers, when its own request has ended.
start_io() {
	rm -f /tmp/failed
	users=
	readers=
	for part in 0 1; do
		while dd if=/dev/zero of=$1 bs=32k seek=$((part * 64)) count=16 oflag=direct conv=notrunc; do :; done >/dev/null 2>&1 &
		users="$users $!"
		while [ ! -e /tmp/failed ] && dd if=$1 of=/dev/null bs=32k skip=$((part * 64)) count=16 iflag=direct; do
			:
		done >/dev/null 2>&1 &
		readers="$readers $!"
	done
	sleep 0.3
}

# They have to end by themselves: a request that never completes holds one.
io_ended() {
	all_ended $users
	touch /tmp/failed
	all_ended $readers
	readers=
}

all_ended() {
	for user in "$@"; do
		wait_until $PATIENCE "I/O to end" eval "! kill -0 $user"
	done
}

plug() {
	host plug "$1"
	wait_until $PATIENCE "the device is there" test -d $PCI/devices/$SLOT
}

plug_disk() {
	plug "$1"
	give $SLOT
	disk $SLOT
}

mount_new() {
	must /sbin/mke2fs -q -F -t ext4 $DISK
	must mount -t ext4 $DISK /mnt
}

unplug() {
	host unplug
	wait_until $PATIENCE "the device is gone" gone $PCI/devices/$SLOT
}

# A device that was not there before: nothing that went before is left over.
fresh() {
	plug fresh
	give $SLOT
	is_usable $SLOT
	unplug
	must gone /sys/block/$name
}

# No register answers, QEMU has them read as zero, and it reaches no memory.
silence() {
	printf '\000\000' | dd of=$PCI/devices/$SLOT/config bs=1 seek=4 conv=notrunc 2>/dev/null
}

# One turn of the loop; each way for a device to go, under I/O.
turn() {
	give $SLOT
	disk $SLOT
	start_io $DISK
	case $1 in
	unplug) unplug ;;
	unbind) take $SLOT ;;
	remove) echo 1 >$PCI/devices/$SLOT/remove ;;
	silence) silence ;;
	esac
	io_ended
	case $1 in
	unplug) plug fresh ;;
	remove) echo 1 >$PCI/rescan ;;
	silence)
		echo 1 >$PCI/devices/$SLOT/remove
		echo 1 >$PCI/rescan
		;;
	esac
	wait_until $PATIENCE "the device is there" test -d $PCI/devices/$SLOT
}

uptime_seconds() {
	cut -d. -f1 /proc/uptime
}

again_and_again() {
	plug fresh
	end=$(($(uptime_seconds) + LOOP_SECONDS))
	turns=0
	while [ "$(uptime_seconds)" -lt $end ]; do
		for way in unplug unbind remove silence; do
			turn $way
			turns=$((turns + 1))
		done
	done
	echo "vlab-turns: $turns"
	give $SLOT
	is_usable $SLOT
	unplug
}

resized_under_io() {
	plug_disk changing
	start_io $DISK
	for size in 8388608 4096 0 67108864 1049088 33554432; do
		host resize $size
		wait_until $PATIENCE "the size is $size" eval "[ \$(cat /sys/block/$name/size) = \$(($size / 512)) ]"
	done
	# Those that were past the end of a smaller disk have ended.
	unplug
	io_ended
}

unplugged_while_formatted() {
	plug_disk fresh
	(
		while /sbin/mke2fs -q -F -t ext4 $DISK; do :; done >/dev/null 2>&1
	) &
	users=$!
	sleep 1
	unplug
	io_ended
}

unplugged_while_mounted() {
	plug_disk fresh
	mount_new
	(
		while dd if=/tmp/pattern of=/mnt/file bs=64k conv=fsync; do :; done >/dev/null 2>&1
	) &
	users=$!
	sleep 1
	unplug
	io_ended
	must umount /mnt
}

# Nothing is answered any more when the device is asked to leave.
unplugged_while_stalled() {
	plug_disk stalling
	start_io $DISK
	host stall
	sleep 0.5
	unplug
	io_ended
}

# Each write is followed by a flush, but not while others are being written: when
# the first of those has waited for too long, a few wait for their flush only.
given_up_before_a_flush() {
	plug_disk slow
	users=
	for part in 0 1 2 3 4 5 6 7; do
		synced_writes $DISK $((part * 64)) 16 2>/dev/null &
		users="$users $!"
	done
	io_ended
	must_not dd if=/dev/zero of=$DISK bs=4096 count=1 oflag=direct
	take $SLOT
	unplug
}

# Some of what is to be written is with the device, some only in memory.
given_up_while_written_back() {
	plug_disk fresh
	silence
	dd if=/dev/zero of=$DISK bs=1M count=8 conv=notrunc,fsync 2>/tmp/said &
	users=$!
	io_ended
	must grep -q "I/O error\|Input/output error" /tmp/said
	take $SLOT
	unplug
}

# Who marks a disk as dead may wait, too, for a file system that is being unmounted.
given_up_while_unmounted() {
	plug_disk fresh
	mount_new
	must dd if=/dev/zero of=/mnt/file bs=1M count=8
	silence
	umount /mnt &
	users=$!
	io_ended
	take $SLOT
	unplug
}

# The device goes while the driver is just beginning with it.
unplugged_while_probed() {
	for try in 1 2 3 4 5 6; do
		plug fresh
		bind $SLOT &
		probing=$!
		[ $((try % 2)) = 0 ] || sleep 0.1
		unplug
		wait $probing
	done
}

entropy_trickles() {
	plug trickle
	give $SLOT
	wait_until $PATIENCE "a source of vlab" grep -q vlab /sys/class/misc/hw_random/rng_available
	# It gives one byte, and no more for an hour.
	must_not dd if=/dev/hwrng of=/dev/null bs=64 count=4
	dd if=/dev/hwrng of=/dev/null bs=64 count=4 >/dev/null 2>&1 &
	users=$!
	sleep 0.5
	unplug
	io_ended
}

prepare() {
	must dd if=/dev/urandom of=/tmp/pattern bs=65536 count=32
	echo 25 >/proc/sys/kernel/hung_task_timeout_secs
	while read -r file; do
		must insmod "/modules/$file"
	done </modules/order
	must insmod /modules/vlab.ko disk_timeout=2 $(cat /tests/parameters)
	must mkdir -p /mnt
}

what_the_kernel_said() {
	dmesg -r -s 4194304 | sed 's/^/vlab-kmsg: /'
}

run prepare
. /tests/settings
for test in $(cat /tests/later); do
	logged "$test"
done
what_the_kernel_said
