# SPDX-License-Identifier: GPL-2.0-or-later
# The same devices under a kernel that checks memory, locks and mappings.

FS=ext2

. /tests/part_pci.sh
