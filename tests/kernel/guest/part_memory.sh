# SPDX-License-Identifier: GPL-2.0-or-later
# Probes that run out of memory: each STRIDE-th of their allocations fails once.
# With devices that interrupt by a pin: what the kernel has under /proc/irq for
# message interrupts warns when it could not be made.

# bind_with_failure ADDRESS K: the K-th allocation of a probe fails; false when
# it makes fewer than that. "echo" and "read" are the shell's own: what fails
# is of this process.
bind_with_failure() {
	echo $2 >/proc/self/fail-nth
	echo $1 >$PCI/drivers/vlab/bind 2>/dev/null
	read -r left </proc/self/fail-nth
	echo 0 >/proc/self/fail-nth
	[ $left = 0 ]
}

# fail_allocations ADDRESS: one probe for each, and the last with none.
fail_allocations() {
	for kind in failslab fail_page_alloc; do
		echo N >/sys/kernel/debug/$kind/ignore-gfp-wait
		echo 0 >/sys/kernel/debug/$kind/verbose
	done
	echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
	[ -e $PCI/drivers/vlab/$1 ] && take $1
	echo vlab >$PCI/devices/$1/driver_override
	# Enabled already: ACPI's interpreter, which a probe would start to route
	# the pin of an interrupt, does not survive it.
	echo 1 >$PCI/devices/$1/enable
	failed=0
	while bind_with_failure $1 $((failed * STRIDE + 1)); do
		failed=$((failed + 1))
		# Some are for comfort: a name in debugfs, a larger pool.
		if [ -e $PCI/drivers/vlab/$1 ]; then
			echo $1 >$PCI/drivers/vlab/unbind
		fi
	done
	must test -e $PCI/drivers/vlab/$1
	echo 0 >$PCI/devices/$1/enable
	[ $((failed * STRIDE)) -gt 100 ] || fail "only $failed allocations failed"
	echo "vlab-allocations: $failed failed of $1, $STRIDE apart"
}

# Another disk holds what all share: the kernel's cache of a new size of "bio"
# loses its name when it cannot be made.
disk_without_memory() {
	give $DISK
	fail_allocations $DISK_INTX
	disk $DISK_INTX
	write_and_read /dev/$name
	take $DISK
}

entropy_without_memory() {
	fail_allocations $RNG_INTX
	use_entropy
	must dd if=/dev/hwrng of=/dev/null bs=64 count=1
}

run disk-without-memory
run entropy-without-memory
