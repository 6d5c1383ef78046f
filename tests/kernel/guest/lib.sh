# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of a guest are written with. A test is a function; "run NAME"
# calls the one of that name (- becomes _) and prints its line. The harness
# takes the names from the "run" lines: one that never came has failed.

OUT=/tmp/out
REASON=/tmp/reason
SKIPPED=77

run() {
	rm -f "$REASON"
	( "$(echo "$1" | tr - _)" )
	case $? in
	0) echo "vlab-test: ok $1" ;;
	"$SKIPPED") echo "vlab-test: skip $1: $(cat "$REASON")" ;;
	*) echo "vlab-test: fail $1: $(cat "$REASON" 2>/dev/null || echo 'it ended early')" ;;
	esac
}

# End the test that calls it.
fail() {
	echo "$*" >"$REASON"
	exit 1
}

skip() {
	echo "$*" >"$REASON"
	exit "$SKIPPED"
}

# must COMMAND...: it succeeds; must_not: it does not, and ends by itself.
must() {
	"$@" >"$OUT" 2>&1 || fail "$*: $(tail -n 1 "$OUT")"
}

must_not() {
	"$@" >"$OUT" 2>&1 && fail "$* succeeded"
	return 0
}

# equal WHAT GOT EXPECTED
equal() {
	[ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}

# wait_until SECONDS WHAT COMMAND...: by the guest's clock, an emulator is slow.
wait_until() {
	deadline=$(($(uptime_seconds) + $1))
	what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ "$(uptime_seconds)" -lt $deadline ] || fail "waited in vain: $what"
		sleep 0.1
	done
}

uptime_seconds() {
	cut -d. -f1 /proc/uptime
}

gone() {
	[ ! -e "$1" ]
}

# Ask the program that started this guest for something.
host() {
	echo "vlab-host: $*"
}

# load NAME [PARAMETER...]: a module of the initramfs; one that is there, or
# built into the kernel, is as good.
load() {
	name=$1
	shift
	[ -d "/sys/module/$name" ] && return 0
	must insmod "/modules/$name.ko" "$@"
}

# Memory that nothing points to any more. An object is told of when it is some
# seconds old, at the second look: the first one may see a stale pointer.
look_for_leaks() {
	leaks=/sys/kernel/debug/kmemleak
	[ -w $leaks ] || return 0
	sleep 6
	echo scan >$leaks
	echo scan >$leaks
	cat $leaks
}

finish() {
	look_for_leaks
	sync
	echo "vlab-test: taint $(cat /proc/sys/kernel/tainted)"
	echo "vlab-test: done"
	sleep 0.2
	# QEMU ends with a status of its own; User-Mode Linux by halting.
	[ -e /dev/port ] && printf '\020' | dd of=/dev/port bs=1 seek=244 2>/dev/null
	poweroff -f
}
