# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that only boots: what an empty run of the harness looks like.

boots() {
	must test -r /proc/version
}

run boots
