# SPDX-License-Identifier: GPL-2.0-or-later
# Each allocation of a probe fails once.

FS=ext2
STRIDE=1

. /tests/part_devices.sh
load vlab
. /tests/part_memory.sh
