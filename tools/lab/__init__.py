# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: builds, fuzzes, tests and replays the virtio core."""
