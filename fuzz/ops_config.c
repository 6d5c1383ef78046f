// SPDX-License-Identifier: GPL-2.0-or-later
/* Steps of the device that change what it presents as its configuration. */
#include "arena.h"
#include "cells.h"
#include "lab.h"
#include "watch.h"

static void add_field(u8 type, u8 len, u32 fill)
{
	u8 bytes[255];
	unsigned int i;

	for (i = 0; i < len; i++)
		bytes[i] = (u8)(fill >> (8 * (i % 4)));
	loopback_add_field(lab.regs, type, bytes, len);
}

/* Position of the n-th field of a type in the device's own bytes, or -1. */
static int find_raw(u8 type, unsigned int n)
{
	const u8 *field = lab.regs->field;
	unsigned int len = le16_to_cpu(lab.regs->field_len);
	unsigned int pos = 0;

	len = min_t(unsigned int, len, VIRTIO_CONFIG_SIZE_MAX);
	while (pos + 2 <= len && field[pos]) {
		if (pos + 2 + field[pos + 1] > len)
			return -1;
		if (field[pos] == type && !n--)
			return (int)pos;
		pos += 2u + field[pos + 1];
	}
	return -1;
}

static void store_field_bytes(int pos, unsigned int at, u32 value,
			      unsigned int n)
{
	unsigned int i;

	for (i = 0; pos >= 0 && i < n; i++)
		if (at + i < lab.regs->field[pos + 1])
			watch_store_cell(CELL_FIELD,
					 (unsigned int)pos + 2 + at + i,
					 value >> (8 * i) & 0xff);
}

static void set_features(unsigned int word, u32 bits)
{
	if (lab_is_registers())
		watch_store_cell(CELL_FEATURES, word, bits);
	else
		store_field_bytes(find_raw(VIRTIO_CONFIG_F_VIRTIO, 0), 4 * word,
				  bits, 4);
}

static void set_queue_size(unsigned int queue, u16 size)
{
	if (lab_is_registers())
		watch_store_cell(CELL_QUEUE_SIZE, queue, size);
	else
		store_field_bytes(find_raw(VIRTIO_CONFIG_F_VIRTQUEUE,
					   queue % 4),
				  2, size, 2);
}

static void set_device_bytes(unsigned int at, u32 value, unsigned int len)
{
	unsigned int i;

	if (!lab_is_registers()) {
		store_field_bytes(find_raw(VIRTIO_CONFIG_F_DEVICE, 0), at,
				  value, len);
		return;
	}
	at %= VIRTIO_CONFIG_DEVICE_MAX;
	if (at + len <= VIRTIO_CONFIG_DEVICE_MAX) {
		watch_store(CELL_CONFIG, at, lab.regs->config + at, len, value);
		return;
	}
	for (i = 0; i < len; i++)
		watch_store_cell(CELL_CONFIG, at + i, value >> (8 * i) & 0xff);
}

void lab_step_config(const struct step *step)
{
	switch ((enum op)step->op) {
	case OP_CONFIG_CLEAR:
		watch_store_cell(CELL_FIELD_LEN, 0, 0);
		watch_store_cell(CELL_NUM_QUEUES, 0, 0);
		watch_store_cell(CELL_CONFIG_LEN, 0, 0);
		break;
	case OP_CONFIG_FIELD:
		add_field(step->a, (u8)step->b, step->c);
		break;
	case OP_CONFIG_BYTE:
		watch_store_cell(CELL_FIELD, step->b, step->a);
		break;
	case OP_CONFIG_LENGTH:
		watch_store_cell(CELL_FIELD_LEN, 0, step->b);
		break;
	case OP_CONFIG_FEATURES:
		set_features(step->a & 1, step->c);
		break;
	case OP_CONFIG_QUEUE_SIZE:
		set_queue_size(step->a, step->b);
		break;
	case OP_CONFIG_QUEUES:
		watch_store_cell(CELL_NUM_QUEUES, 0, step->b);
		break;
	case OP_CONFIG_DEVICE:
		set_device_bytes(step->b, step->c, (step->a & 3) + 1u);
		break;
	case OP_CONFIG_DEVICE_LENGTH:
		watch_store_cell(CELL_CONFIG_LEN, 0, step->b);
		break;
	case OP_CONFIG_ID:
		lab_disguise(step->b, step->c);
		break;
	default:
		lab.churn = step->a;
		break;
	}
}
