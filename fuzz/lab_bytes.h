/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Included before every file of a laboratory that runs bare: its own memset(),
 * and that of the loopback device, asks ASan nothing (bytes.h). A memcpy() of
 * the device does: it may be for the core, whose buffer may be too short.
 */
#ifndef VLAB_FUZZ_LAB_BYTES_H
#define VLAB_FUZZ_LAB_BYTES_H

#include <string.h>

#include "bytes.h"

#define memset bytes_fill

#endif /* VLAB_FUZZ_LAB_BYTES_H */
