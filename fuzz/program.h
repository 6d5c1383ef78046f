/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs: what a fuzz input is. docs/programs.md is the language.
 *
 * An input is a sequence of records of PROGRAM_STEP_SIZE bytes. Every byte
 * string is a valid program: an opcode counts modulo the number of operations,
 * an operand modulo what is alive when the step runs, bytes after the last
 * whole record mean nothing. Records stand for themselves, so inserting one
 * changes the meaning of no other.
 */
#ifndef VLAB_FUZZ_PROGRAM_H
#define VLAB_FUZZ_PROGRAM_H

#include <vlab/port.h>

#define PROGRAM_STEP_SIZE 8

/* Steps that run; what follows them in an input is ignored. */
#define PROGRAM_STEPS_MAX 128

/**
 * struct step - one record: u8 op, u8 a, le16 b, le32 c
 */
struct step {
	u8 op;
	u8 a;
	u16 b;
	u32 c;
};

/* The operations, in the order of their opcodes. New ones go to the end. */
enum op {
	OP_QUEUE,
	OP_SELECT,
	OP_CONFIG_CLEAR,
	OP_CONFIG_FIELD,
	OP_CONFIG_BYTE,
	OP_CONFIG_LENGTH,
	OP_CONFIG_FEATURES,
	OP_CONFIG_QUEUE_SIZE,
	OP_CONFIG_QUEUES,
	OP_CONFIG_DEVICE,
	OP_CONFIG_DEVICE_LENGTH,
	OP_CONFIG_CHURN,
	OP_BUS_BIND,
	OP_BUS_UNBIND,
	OP_BUS_ADD,
	OP_BUS_REMOVE,
	OP_BUS_SURPRISE,
	OP_BUS_SHOW,
	OP_BUS_PROBE,
	OP_DRIVER_FIND,
	OP_DRIVER_READ,
	OP_DRIVER_WRITE,
	OP_DRIVER_VAL,
	OP_DRIVER_BYTES,
	OP_DRIVER_USE_BIT,
	OP_DRIVER_AGREE,
	OP_DRIVER_REFRESH,
	OP_DRIVER_DEVICE_CONFIG,
	OP_DRIVER_READY,
	OP_DRIVER_STATUS,
	OP_DRIVER_ADD,
	OP_DRIVER_CHAIN,
	OP_DRIVER_FILL,
	OP_DRIVER_ADD_BAD,
	OP_DRIVER_KICK,
	OP_DRIVER_GET,
	OP_DRIVER_DRAIN,
	OP_DRIVER_RESTART,
	OP_DRIVER_SHUTDOWN,
	OP_DRIVER_DETACH,
	OP_DRIVER_RESET_QUEUE,
	OP_DRIVER_RESET_DEVICE,
	OP_DRIVER_FIND_VQ,
	OP_DRIVER_DEL_VQ,
	OP_DRIVER_CALLBACK,
	OP_DEVICE_SERVE,
	OP_DEVICE_USED,
	OP_DEVICE_USED_RAW,
	OP_DEVICE_USED_IDX,
	OP_DEVICE_USED_ADD,
	OP_DEVICE_ELEMENT,
	OP_DEVICE_LENGTH,
	OP_DEVICE_DESC,
	OP_DEVICE_TABLE,
	OP_DEVICE_AVAIL,
	OP_DEVICE_AVAIL_IDX,
	OP_DEVICE_AVAIL_FLAGS,
	OP_DEVICE_AVAIL_EVENT,
	OP_DEVICE_USED_FLAGS,
	OP_DEVICE_USED_EVENT,
	OP_DEVICE_INTERRUPT,
	OP_DEVICE_CONFIG_CHANGE,
	OP_DEVICE_STATUS,
	OP_DEVICE_HOLD_RESET,
	OP_DEVICE_REFUSE,
	OP_DEVICE_NOTIFY_FAILS,
	OP_DEVICE_SETUP_FAILS,
	OP_DEVICE_PAYLOAD,
	OP_FAIL_ALLOC,
	OP_FAIL_DMA,
	OP_FAIL_MAP,
	OP_DURING,
	OP_ENTROPY_READ,
	OP_BLOCK_READ,
	OP_BLOCK_WRITE,
	OP_BLOCK_FLUSH,
	OP_BLOCK_DISCARD,
	OP_BLOCK_ZEROES,
	OP_BLOCK_ID,
	OP_BLOCK_KICK,
	OP_BLOCK_POLL,
	OP_BLOCK_REVALIDATE,
	OP_BLOCK_RECLAIM,
	OP_BLOCK_LIMITS,
	OP_CONFIG_ID,
	OP_BUS_TAKES,
	OP_DRIVER_GET_STATUS,
	OP_DRIVER_STATS,
	OP_DEVICE_LEAVES,
	OPS
};

/* The cells of shared memory that OP_DURING names. */
enum cell {
	CELL_USED_IDX,
	CELL_USED_FLAGS,
	CELL_USED_ID,
	CELL_USED_LEN,
	CELL_AVAIL_EVENT,
	CELL_STATUS,
	CELL_GENERATION,
	CELL_FEATURES,
	CELL_FIELD_LEN,
	CELL_FIELD,
	CELL_NUM_QUEUES,
	CELL_QUEUE_SIZE,
	CELL_CONFIG_LEN,
	CELL_CONFIG,
	CELL_PAYLOAD,
	CELL_OTHER,
	CELLS
};

/* How an operand's bits read as text. */
enum operand_kind {
	OPERAND_END,
	OPERAND_NUMBER, /* decimal */
	OPERAND_HEX, /* 0x... */
	OPERAND_COUNT, /* decimal, one more than the bits say */
	OPERAND_POWER, /* decimal, 2 to the power of the bits */
	OPERAND_FLAG, /* the name alone when the bit is set */
	OPERAND_NAME /* one of a list of names, by position */
};

/**
 * struct operand - one operand of an operation
 * @name: the word before "="
 * @field: 'a', 'b' or 'c': where its bits are
 * @shift, @width: which
 * @names: with OPERAND_NAME, 2 to the power of @width of them
 */
struct operand {
	const char *name;
	enum operand_kind kind;
	char field;
	u8 shift;
	u8 width;
	const char *const *names;
};

#define OPERANDS_MAX 11

struct operation {
	const char *name; /* two words, or one */
	const char *help;
	struct operand operand[OPERANDS_MAX]; /* ends with OPERAND_END */
};

/* Indexed by enum op. */
extern const struct operation operations[OPS];
extern const char *const cell_names[CELLS];

/* Decode record @index of an input; it lies wholly inside. */
struct step program_step(const u8 *data, unsigned int index);

/* Whole records of an input, at most PROGRAM_STEPS_MAX. */
unsigned int program_steps(size_t size);

#endif /* VLAB_FUZZ_PROGRAM_H */
