# SPDX-License-Identifier: GPL-2.0-or-later
# The same devices under a kernel that checks memory, locks and mappings.

FS=ext2
# Some minutes for all of them: ./lab kernel test --only allocations.
STRIDE=23

. /tests/part_pci.sh
. /tests/part_memory.sh
