# SPDX-License-Identifier: GPL-2.0-or-later
# What is done with a disk, whatever it is behind. FS is ext2 or ext4.

# write_and_read DEVICE: other bytes each time, past the page cache both ways.
write_and_read() {
	must dd if=/dev/urandom of=/tmp/data bs=64k count=64
	must dd if=/tmp/data of=$1 bs=64k oflag=direct conv=fsync
	echo 3 >/proc/sys/vm/drop_caches
	must dd if=$1 of=/tmp/back bs=64k count=64 iflag=direct
	must cmp /tmp/data /tmp/back
	rm -f /tmp/data /tmp/back
}

make_fs() {
	must /sbin/mke2fs -q -F -t $FS "$1"
}

# filesystem DEVICE: make, fill, sync, unmount, mount again, compare, check.
filesystem() {
	make_fs "$1"
	must mount -t $FS "$1" /mnt
	must dd if=/dev/urandom of=/mnt/file bs=64k count=128 conv=fsync
	for i in 1 2 3 4 5 6 7 8; do
		must mkdir /mnt/folder$i
		echo "$i" >/tmp/number
		must dd if=/tmp/number of=/mnt/folder$i/file conv=fsync
	done
	sum=$(md5sum </mnt/file)
	must umount /mnt
	echo 3 >/proc/sys/vm/drop_caches
	must mount -t $FS "$1" /mnt
	equal "sum of the file" "$(md5sum </mnt/file)" "$sum"
	equal "small file" "$(cat /mnt/folder7/file)" 7
	must umount /mnt
	must /sbin/e2fsck -f -n "$1"
}

# start_io NAME: writers on /dev/NAME that go on until the device fails them. By
# a node of their own: the one in /dev goes, and dd would make a file there.
start_io() {
	rm -f /tmp/io
	must mknod /tmp/io b $(tr : ' ' </sys/block/$1/dev)
	writers=
	for part in 0 1 2 3; do
		while dd if=/dev/zero of=/tmp/io bs=32k seek=$((part * 256)) count=64 oflag=direct; do :; done >/dev/null 2>&1 &
		writers="$writers $!"
	done
	# A test that fails must not leave them to the next one.
	trap 'kill $writers 2>/dev/null' EXIT
	sleep 0.5
}

# They have to end by themselves: a request that never completes holds one.
io_ended() {
	for writer in $writers; do
		wait_until 60 "a writer to end" eval "! kill -0 $writer"
	done
}
