# SPDX-License-Identifier: GPL-2.0-or-later
# What the module does on a PC.

. /tests/part_devices.sh

module_loads() {
	load vlab
	must test -d $PCI/drivers/vlab
	must test -d /sys/bus/vlab
}

nothing_is_taken_unasked() {
	equal "devices of vlab" "$(ls $PCI/drivers/vlab | grep -c '^0000:')" 0
}

entropy_read() {
	give $RNG
	use_entropy
	must dd if=/dev/hwrng of=/tmp/random bs=1024 count=4
	equal "bytes that were read" "$(stat -c %s /tmp/random)" 4096
	[ "$(tr -d '\000' </tmp/random | wc -c)" -gt 3900 ] || fail "too many zeroes among random bytes"
	must dd if=/dev/hwrng of=/tmp/random2 bs=1024 count=4
	must_not cmp -s /tmp/random /tmp/random2
}

entropy_unbind_while_read() {
	cat /dev/hwrng >/dev/null 2>&1 &
	reader=$!
	sleep 0.5
	take $RNG
	wait_until 10 "the source is gone" eval '! grep -q vlab /sys/class/misc/hw_random/rng_available'
	kill $reader 2>/dev/null
	wait $reader
	give $RNG
	must dd if=/dev/hwrng of=/dev/null bs=64 count=1
}

attributes() {
	bus=$(readlink -f /sys/bus/vlab/devices/* | grep -m1 "/$RNG/")
	device=$(basename "$bus")
	equal device "$(cat $bus/device)" 4
	for name in vendor status features modalias; do
		must test -s $bus/$name
	done
	equal "modalias' start" "$(cut -c1-14 $bus/modalias)" vlab:d00000004
	must grep -q "MODALIAS=vlab:d00000004" $bus/uevent
	must grep -q not-broken "/sys/kernel/debug/vlab/$device/broken"
	must grep -q "queue 0" "/sys/kernel/debug/vlab/$device/queues"
}

disk_appears() {
	give $DISK
	disk $DISK
	equal "sectors" "$(cat /sys/block/$name/size)" 131072
	equal "read-only" "$(cat /sys/block/$name/ro)" 0
	equal "serial" "$(cat /sys/block/$name/serial)" vlab-one
	equal "queues" "$(ls /sys/block/$name/mq | wc -l)" 2
}

disk_data() {
	disk $DISK
	write_and_read /dev/$name
}

disk_discard() {
	disk $DISK
	[ "$(cat /sys/block/$name/queue/discard_max_bytes)" -gt 0 ] || fail "no discard, and the device offers it"
	must dd if=/dev/urandom of=/dev/$name bs=64k count=16 oflag=direct
	must blkdiscard -l 1048576 /dev/$name
	echo 3 >/proc/sys/vm/drop_caches
	must dd if=/dev/$name of=/tmp/back bs=64k count=16 iflag=direct
	equal "bytes left after a discard" "$(tr -d '\000' </tmp/back | wc -c)" 0
}

disk_past_the_end() {
	disk $DISK
	must_not dd if=/dev/zero of=/dev/$name bs=512 seek=131072 count=1 oflag=direct
	must_not dd if=/dev/zero of=/dev/$name bs=4096 seek=16384 count=1 oflag=direct
	write_and_read /dev/$name
}

disk_interrupt_pin() {
	give $DISK_INTX
	disk $DISK_INTX
	equal "message interrupts" "$(ls $PCI/devices/$DISK_INTX/msi_irqs 2>/dev/null | wc -l)" 0
	write_and_read /dev/$name
}

disk_read_only() {
	give $DISK_FIXED
	disk $DISK_FIXED
	equal "read-only" "$(cat /sys/block/$name/ro)" 1
	must dd if=/dev/$name of=/dev/null bs=64k count=16 iflag=direct
	must_not dd if=/dev/zero of=/dev/$name bs=4096 count=1 oflag=direct
	must_not mount -t $FS /dev/$name /mnt
}

disk_filesystem() {
	disk $DISK
	filesystem /dev/$name
}

unbind_under_io() {
	disk $DISK
	start_io $name
	take $DISK
	io_ended
	must gone /sys/block/$name
	lives_again $DISK
}

remove_and_rescan_under_io() {
	disk $DISK
	start_io $name
	echo 1 >$PCI/devices/$DISK/remove
	io_ended
	must gone $PCI/devices/$DISK
	echo 1 >$PCI/rescan
	wait_until 10 "the device is found again" test -d $PCI/devices/$DISK
	give $DISK
	disk $DISK
	filesystem /dev/$name
}

remove_with_a_mounted_filesystem() {
	disk $DISK
	make_fs /dev/$name
	must mount -t $FS /dev/$name /mnt
	must dd if=/dev/zero of=/mnt/file bs=64k count=16
	echo 1 >$PCI/devices/$DISK/remove
	must_not dd if=/dev/urandom of=/mnt/file bs=64k count=64 conv=fsync
	umount /mnt 2>/dev/null || umount -l /mnt
	echo 1 >$PCI/rescan
	give $DISK
	disk $DISK
	filesystem /dev/$name
}

hot_unplug_under_io() {
	give $PLUG
	disk $PLUG
	start_io $name
	host unplug
	wait_until 60 "the device is gone" gone $PCI/devices/$PLUG
	io_ended
	must gone /sys/block/$name
}

hot_plug_again() {
	host plug
	wait_until 60 "the device is back" test -d $PCI/devices/$PLUG
	give $PLUG
	disk $PLUG
	filesystem /dev/$name
}

# fails_under_io ADDRESS REASON COMMAND...: after which nothing is answered.
fails_under_io() {
	address=$1
	reason=$2
	shift 2
	disk $address
	echo 1000 >/sys/block/$name/queue/io_timeout
	start_io $name
	"$@"
	io_ended
	equal "why it is broken" "$(why_broken $address)" $reason
}

# Its configuration space answers, so it is there, and wrong.
all_ones_under_io() {
	fails_under_io $DISK reset-timeout cover $DISK
	take $DISK
	must gone /sys/block/$name
	uncover
	lives_again $DISK
}

pull_out() {
	cover $PLUG
	buses 255
}

# Nothing tells the driver that the device has gone, but what is read of it.
pulled_out_under_io() {
	fails_under_io $PLUG device-gone pull_out
	take $PLUG
	must gone /sys/block/$name
	uncover
	buses 1
	lives_again $PLUG
}

all_ones_before_probe() {
	take $DISK
	cover $DISK
	equal "a register" "$(register $DISK)" 0xFFFFFFFF
	echo vlab >$PCI/devices/$DISK/driver_override
	echo $DISK >$PCI/drivers_probe 2>/dev/null
	must gone $PCI/drivers/vlab/$DISK
	uncover
	[ "$(register $DISK)" != 0xFFFFFFFF ] || fail "the registers did not come back"
	lives_again $DISK
}

all_ones_while_idle() {
	give $RNG
	cover $RNG
	take $RNG
	uncover
	give $RNG
	must dd if=/dev/hwrng of=/dev/null bs=64 count=1
}

# It answers each request at once, and with nothing: nobody is held for ever.
outside_device() {
	take $RNG
	load vlab_hollow
	use_entropy
	dd if=/dev/hwrng of=/dev/null bs=16 count=1 2>/tmp/said &
	reader=$!
	wait_until 60 "the reader to end" eval "! kill -0 $reader"
	must grep -q "timed out" /tmp/said
	must rmmod vlab_hollow
	give $RNG
	must dd if=/dev/hwrng of=/dev/null bs=64 count=1
}

outside_driver() {
	give $CONSOLE
	load vlab_outside
	# Not before: the kernel's own driver would have heard it.
	host speak
	heard=/sys/module/vlab_outside/parameters/heard
	wait_until 20 "the console speaks" grep -q . $heard
	equal "what was heard" "$(head -n 1 $heard)" "hello from the host"
	must rmmod vlab_outside
	load vlab_outside
	must rmmod vlab_outside
}

busy_module_stays() {
	disk $DISK
	must_not rmmod vlab </dev/$name
}

reload() {
	for address in $RNG $DISK $DISK_INTX $DISK_FIXED $CONSOLE $PLUG; do
		[ -e $PCI/drivers/vlab/$address ] && take $address
	done
	for i in 1 2 3 4 5; do
		must rmmod vlab
		must gone /sys/kernel/debug/vlab
		must gone /sys/bus/vlab
		must insmod /modules/vlab.ko
		give $DISK
		disk $DISK
		must dd if=/dev/$name of=/dev/null bs=64k count=4 iflag=direct
		take $DISK
	done
}

rmmod_with_devices() {
	give $RNG
	give $DISK
	disk $DISK
	must rmmod vlab
	must gone /sys/block/$name
	must insmod /modules/vlab.ko
	wait_until 10 "the disk is back" has_disk $DISK
}

# From its probe to its removal under I/O.
whole_life() {
	give $DISK
	disk $DISK
	write_and_read /dev/$name
	filesystem /dev/$name
	start_io $name
	take $DISK
	io_ended
}

bounce() {
	must rmmod vlab
	must insmod /modules/vlab.ko bounce=1
	give $RNG
	must dd if=/dev/hwrng of=/dev/null bs=64 count=4
	whole_life
}

# The least memory for it: of what is written at once most waits for its turn.
bounce_in_turn() {
	must rmmod vlab
	must insmod /modules/vlab.ko bounce=1 bounce_kib=64
	whole_life
}

run module-loads
run nothing-is-taken-unasked
run entropy-read
run entropy-unbind-while-read
run attributes
run disk-appears
run disk-data
run disk-discard
run disk-past-the-end
run disk-interrupt-pin
run disk-read-only
run disk-filesystem
run unbind-under-io
run remove-and-rescan-under-io
run remove-with-a-mounted-filesystem
run hot-unplug-under-io
run hot-plug-again
run all-ones-under-io
run all-ones-before-probe
run all-ones-while-idle
run pulled-out-under-io
run outside-driver
run outside-device
run busy-module-stays
run rmmod-with-devices
run reload
run bounce
run bounce-in-turn
