# SPDX-License-Identifier: GPL-2.0-or-later
# What a hardened guest must be able to say of itself, from its only disk.

root_is_on_vlab() {
	equal "the list of disks" "$(ls /sys/block)" vlaba
	case $(readlink -f /sys/block/vlaba) in
	*/pci*/virtio*/block/vlaba) ;;
	*) fail "the disk is at $(readlink -f /sys/block/vlaba)" ;;
	esac
	case $(cat /proc/cmdline) in
	*root=/dev/vlaba*) ;;
	*) fail "the root file system is another one: $(cat /proc/cmdline)" ;;
	esac
}

no_other_virtio() {
	must test -d /sys/bus/vlab
	must_not test -e /sys/bus/virtio
	must_not test -e /proc/modules
}

payloads_bounce_when_asked() {
	case $(cat /proc/cmdline) in
	*vlab.bounce=1*) asked=Y ;;
	*) asked=N ;;
	esac
	equal "bouncing" "$(cat /sys/module/vlab/parameters/bounce)" $asked
}

the_disk_keeps_what_it_is_given() {
	must dd if=/dev/urandom of=/kept bs=64k count=64
	before=$(md5sum </kept)
	must sync
	echo 3 >/proc/sys/vm/drop_caches
	equal "the sum of the file" "$(md5sum </kept)" "$before"
	must rm /kept
}

randomness_comes_from_vlab() {
	case $(cat /sys/class/misc/hw_random/rng_current) in
	vlab_rng.*) ;;
	*) fail "it comes from $(cat /sys/class/misc/hw_random/rng_current)" ;;
	esac
	equal "what one read gives" "$(dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c)" 16
}

the_kernel_is_locked_down() {
	must mount -t securityfs security /sys/kernel/security
	case $(cat /sys/kernel/security/lockdown) in
	*"[confidentiality]"*) ;;
	*) fail "lockdown is $(cat /sys/kernel/security/lockdown)" ;;
	esac
	must_not test -e /dev/mem
}

run root-is-on-vlab
run no-other-virtio
run payloads-bounce-when-asked
run the-disk-keeps-what-it-is-given
run randomness-comes-from-vlab
run the-kernel-is-locked-down
