// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of operations; see program.h. */
#include "program.h"

#define NUM(n, f, s, w)                          \
	{                                        \
		n, OPERAND_NUMBER, f, s, w, NULL \
	}
#define HEX(n, f, s, w)                       \
	{                                     \
		n, OPERAND_HEX, f, s, w, NULL \
	}
#define COUNT(n, f, s, w)                       \
	{                                       \
		n, OPERAND_COUNT, f, s, w, NULL \
	}
#define POWER(n, f, s, w)                       \
	{                                       \
		n, OPERAND_POWER, f, s, w, NULL \
	}
#define FLAG(n, f, s)                          \
	{                                      \
		n, OPERAND_FLAG, f, s, 1, NULL \
	}
#define NAME(n, f, s, w, list)                 \
	{                                      \
		n, OPERAND_NAME, f, s, w, list \
	}

const char *const cell_names[CELLS] = {
	"used.idx",    "used.flags", "used.id",	   "used.len",
	"avail_event", "status",     "generation", "features",
	"field_len",   "field",	     "num_queues", "queue_size",
	"config_len",  "config",     "payload",	   "other",
};

static const char *const desc_fields[] = { "addr", "len", "flags", "next" };

static const char *const bad_adds[] = {
	"null_token", "nothing",     "empty_piece", "overflow",
	"too_long",   "in_overflow", "empty_last",  "count_wrap",
};

static const char *const probe_outcomes[] = {
	"ok",	  "error",    "positive", "forgets",
	"resets", "no_queue", "early",	  "fails",
};

static const char *const callback_plans[] = {
	"keep",
	"stop",
	"drain",
	"drain_stop",
};

static const char *const device_kinds[] = {
	"default",
	"entropy",
	"block",
	"lab",
};

static const char *const attributes[] = {
	"device",
	"vendor",
	"status",
	"features",
};

const struct operation operations[OPS] = {
	[OP_QUEUE] = { "queue",
		       "a fresh device with such queues; the driver binds when "
		       "needed",
		       { POWER("num", 'a', 0, 4), COUNT("count", 'a', 4, 2),
			 FLAG("indirect", 'b', 0), FLAG("event_idx", 'b', 1),
			 FLAG("strict", 'b', 2), FLAG("registers", 'b', 3),
			 FLAG("reset", 'b', 4), FLAG("no_callback", 'b', 5),
			 NAME("device", 'b', 6, 2, device_kinds),
			 HEX("features", 'c', 0, 32) } },
	[OP_SELECT] = { "select",
			"the queue that the next steps are about",
			{ NUM("queue", 'a', 0, 8) } },
	[OP_CONFIG_CLEAR] = { "config clear",
			      "the device presents no configuration at all",
			      { { 0 } } },
	[OP_CONFIG_FIELD] = { "config field",
			      "append a field, well formed",
			      { NUM("type", 'a', 0, 8), NUM("len", 'b', 0, 8),
				HEX("fill", 'c', 0, 32) } },
	[OP_CONFIG_BYTE] = { "config byte",
			     "one byte of the field space",
			     { NUM("at", 'b', 0, 16), HEX("is", 'a', 0, 8) } },
	[OP_CONFIG_LENGTH] = { "config length",
			       "bytes of field space",
			       { NUM("is", 'b', 0, 16) } },
	[OP_CONFIG_FEATURES] = { "config features",
				 "32 offered bits",
				 { NUM("word", 'a', 0, 1),
				   HEX("is", 'c', 0, 32) } },
	[OP_CONFIG_QUEUE_SIZE] = { "config queue_size",
				   "the size that the device gives a queue",
				   { NUM("at", 'a', 0, 8),
				     NUM("is", 'b', 0, 16) } },
	[OP_CONFIG_QUEUES] = { "config queues",
			       "the number of queues",
			       { NUM("is", 'b', 0, 16) } },
	[OP_CONFIG_DEVICE] = { "config device",
			       "bytes of the device configuration, "
			       "little-endian",
			       { NUM("at", 'b', 0, 16), COUNT("len", 'a', 0, 2),
				 HEX("is", 'c', 0, 32) } },
	[OP_CONFIG_DEVICE_LENGTH] = { "config device_length",
				      "bytes of device configuration",
				      { NUM("is", 'b', 0, 16) } },
	[OP_CONFIG_CHURN] = { "config churn",
			      "the generation changes at each of the next "
			      "reads of it",
			      { NUM("reads", 'a', 0, 8) } },
	[OP_BUS_BIND] = { "bus bind", "register the driver", { { 0 } } },
	[OP_BUS_UNBIND] = { "bus unbind", "unregister the driver", { { 0 } } },
	[OP_BUS_ADD] = { "bus add", "register the device", { { 0 } } },
	[OP_BUS_REMOVE] = { "bus remove", "unregister the device", { { 0 } } },
	[OP_BUS_SURPRISE] = { "bus surprise",
			      "the device is pulled out",
			      { { 0 } } },
	[OP_BUS_SHOW] = { "bus show",
			  "read an attribute",
			  { NAME("name", 'a', 0, 2, attributes) } },
	[OP_BUS_PROBE] = { "bus probe",
			   "what the next probe of the driver does",
			   { NAME("does", 'a', 0, 3, probe_outcomes) } },
	[OP_DRIVER_FIND] = { "driver find",
			     "find(): a token for the next steps",
			     { NUM("type", 'a', 0, 8) } },
	[OP_DRIVER_READ] = { "driver read",
			     "get() of a token",
			     { NUM("token", 'a', 0, 8), NUM("len", 'b', 0, 15),
			       FLAG("own_len", 'b', 15) } },
	[OP_DRIVER_WRITE] = { "driver write",
			      "set() of a token",
			      { NUM("token", 'a', 0, 8), NUM("len", 'b', 0, 15),
				FLAG("own_len", 'b', 15),
				HEX("fill", 'c', 0, 32) } },
	[OP_DRIVER_VAL] = { "driver val",
			    "virtio_config_val()",
			    { NUM("type", 'a', 0, 8),
			      POWER("size", 'b', 0, 2) } },
	[OP_DRIVER_BYTES] = { "driver bytes",
			      "virtio_config_bytes()",
			      { NUM("type", 'a', 0, 8),
				NUM("len", 'b', 0, 16) } },
	[OP_DRIVER_USE_BIT] = { "driver use_bit",
				"virtio_use_bit()",
				{ NUM("token", 'a', 0, 8),
				  NUM("len", 'b', 0, 15),
				  FLAG("own_len", 'b', 15),
				  NUM("bit", 'c', 0, 32) } },
	[OP_DRIVER_AGREE] = { "driver agree",
			      "virtio_features_agree()",
			      { { 0 } } },
	[OP_DRIVER_REFRESH] = { "driver refresh",
				"virtio_config_refresh()",
				{ { 0 } } },
	[OP_DRIVER_DEVICE_CONFIG] = { "driver device_config",
				      "virtio_device_config()",
				      { HEX("at", 'c', 0, 32),
					NUM("len", 'b', 0, 16) } },
	[OP_DRIVER_READY] = { "driver ready",
			      "virtio_device_ready()",
			      { { 0 } } },
	[OP_DRIVER_STATUS] = { "driver status",
			       "set_status()",
			       { HEX("is", 'a', 0, 8) } },
	[OP_DRIVER_ADD] = { "driver add",
			    "add_buf() of a few pieces",
			    { NUM("outs", 'a', 0, 4), NUM("ins", 'a', 4, 4),
			      NUM("out", 'b', 0, 16), NUM("in", 'c', 0, 32) } },
	[OP_DRIVER_CHAIN] = { "driver chain",
			      "add_buf() of many pieces",
			      { NUM("outs", 'b', 0, 16), NUM("ins", 'c', 0, 16),
				COUNT("len", 'a', 0, 8) } },
	[OP_DRIVER_FILL] = { "driver fill",
			     "add_buf() until there is no room",
			     { COUNT("pieces", 'a', 0, 8) } },
	[OP_DRIVER_ADD_BAD] = { "driver add_bad",
				"add_buf() that must fail",
				{ NAME("with", 'a', 0, 3, bad_adds) } },
	[OP_DRIVER_KICK] = { "driver kick", "kick()", { { 0 } } },
	[OP_DRIVER_GET] = { "driver get", "get_buf()", { { 0 } } },
	[OP_DRIVER_DRAIN] = { "driver drain",
			      "get_buf() until NULL",
			      { { 0 } } },
	[OP_DRIVER_RESTART] = { "driver restart", "restart()", { { 0 } } },
	[OP_DRIVER_SHUTDOWN] = { "driver shutdown", "shutdown()", { { 0 } } },
	[OP_DRIVER_DETACH] = { "driver detach",
			       "detach_buf() until NULL",
			       { { 0 } } },
	[OP_DRIVER_RESET_QUEUE] = { "driver reset_queue",
				    "reset()",
				    { { 0 } } },
	[OP_DRIVER_RESET_DEVICE] = { "driver reset_device",
				     "virtio_reset_device()",
				     { { 0 } } },
	[OP_DRIVER_FIND_VQ] = { "driver find_vq",
				"find_vq()",
				{ FLAG("no_callback", 'a', 0) } },
	[OP_DRIVER_DEL_VQ] = { "driver del_vq", "del_vq()", { { 0 } } },
	[OP_DRIVER_CALLBACK] = { "driver callback",
				 "what the callback does from now on",
				 { NAME("does", 'a', 0, 2, callback_plans) } },
	[OP_DEVICE_SERVE] = { "device serve",
			      "complete buffers as an honest device would",
			      { COUNT("buffers", 'a', 0, 8),
				NUM("pick", 'b', 0, 16),
				NUM("short", 'c', 0, 32) } },
	[OP_DEVICE_USED] = { "device used",
			     "write the next used element and pass it",
			     { NUM("id", 'b', 0, 16),
			       HEX("len", 'c', 0, 32) } },
	[OP_DEVICE_USED_RAW] = { "device used_raw",
				 "as used, with all bits of the id",
				 { HEX("id", 'c', 0, 32),
				   NUM("len", 'b', 0, 16) } },
	[OP_DEVICE_USED_IDX] = { "device used_idx",
				 "set used.idx",
				 { NUM("is", 'b', 0, 16) } },
	[OP_DEVICE_USED_ADD] = { "device used_add",
				 "add to used.idx",
				 { NUM("add", 'b', 0, 16) } },
	[OP_DEVICE_ELEMENT] = { "device element",
				"set the id of a used element",
				{ NUM("at", 'b', 0, 16),
				  HEX("id", 'c', 0, 32) } },
	[OP_DEVICE_LENGTH] = { "device length",
			       "set the length of a used element",
			       { NUM("at", 'b', 0, 16),
				 HEX("len", 'c', 0, 32) } },
	[OP_DEVICE_DESC] = { "device desc",
			     "overwrite a descriptor",
			     { NUM("at", 'b', 0, 16),
			       NAME("field", 'a', 0, 2, desc_fields),
			       HEX("is", 'c', 0, 32) } },
	[OP_DEVICE_TABLE] = { "device table",
			      "overwrite an entry of an indirect table",
			      { NUM("of", 'b', 0, 16), NUM("at", 'a', 2, 6),
				NAME("field", 'a', 0, 2, desc_fields),
				HEX("is", 'c', 0, 32) } },
	[OP_DEVICE_AVAIL] = { "device avail",
			      "overwrite an avail entry",
			      { NUM("at", 'b', 0, 16),
				NUM("is", 'c', 0, 16) } },
	[OP_DEVICE_AVAIL_IDX] = { "device avail_idx",
				  "overwrite avail.idx",
				  { NUM("is", 'b', 0, 16) } },
	[OP_DEVICE_AVAIL_FLAGS] = { "device avail_flags",
				    "overwrite avail.flags",
				    { HEX("is", 'b', 0, 16) } },
	[OP_DEVICE_AVAIL_EVENT] = { "device avail_event",
				    "when the device wants to be notified",
				    { NUM("is", 'b', 0, 16) } },
	[OP_DEVICE_USED_FLAGS] = { "device used_flags",
				   "set used.flags",
				   { HEX("is", 'b', 0, 16) } },
	[OP_DEVICE_USED_EVENT] = { "device used_event",
				   "overwrite the driver's event index",
				   { NUM("is", 'b', 0, 16) } },
	[OP_DEVICE_INTERRUPT] = { "device interrupt",
				  "interrupt for a queue",
				  { NUM("queue", 'a', 0, 8) } },
	[OP_DEVICE_CONFIG_CHANGE] = { "device config_change",
				      "interrupt for the configuration",
				      { { 0 } } },
	[OP_DEVICE_STATUS] = { "device status",
			       "set the status register",
			       { HEX("is", 'a', 0, 8) } },
	[OP_DEVICE_HOLD_RESET] = { "device hold_reset",
				   "ignore a reset for so many reads of the "
				   "status",
				   { NUM("reads", 'b', 0, 16) } },
	[OP_DEVICE_REFUSE] = { "device refuse",
			       "clear these bits in the next status written",
			       { HEX("bits", 'a', 0, 8) } },
	[OP_DEVICE_NOTIFY_FAILS] = { "device notify_fails",
				     "so many notifications fail",
				     { COUNT("times", 'a', 0, 8) } },
	[OP_DEVICE_SETUP_FAILS] = { "device setup_fails",
				    "so many queues cannot be set up",
				    { COUNT("times", 'a', 0, 8) } },
	[OP_DEVICE_PAYLOAD] = { "device payload",
				"write into what a buffer lets the device "
				"write",
				{ NUM("buffer", 'b', 0, 16),
				  HEX("is", 'a', 0, 8),
				  NUM("at", 'c', 0, 32) } },
	[OP_FAIL_ALLOC] = { "fail alloc",
			    "the k-th allocation from now fails",
			    { COUNT("k", 'a', 0, 8) } },
	[OP_FAIL_DMA] = { "fail dma",
			  "the k-th DMA allocation from now fails",
			  { COUNT("k", 'a', 0, 8) } },
	[OP_FAIL_MAP] = { "fail map",
			  "the k-th mapping from now fails",
			  { COUNT("k", 'a', 0, 8) } },
	[OP_DURING] = { "during",
			"just before the core's k-th read of a cell, it "
			"changes",
			{ COUNT("read", 'a', 4, 4),
			  NAME("cell", 'a', 0, 4, cell_names),
			  NUM("at", 'b', 0, 16), HEX("is", 'c', 0, 32) } },
	[OP_ENTROPY_READ] = { "entropy read",
			      "virtio_entropy_read()",
			      { NUM("len", 'b', 0, 16) } },
	[OP_BLOCK_READ] = { "block read",
			    "submit a read",
			    { HEX("sector", 'c', 0, 32),
			      COUNT("blocks", 'a', 0, 4),
			      COUNT("pieces", 'a', 4, 3), FLAG("far", 'b', 0),
			      NUM("odd", 'b', 1, 15) } },
	[OP_BLOCK_WRITE] = { "block write",
			     "submit a write",
			     { HEX("sector", 'c', 0, 32),
			       COUNT("blocks", 'a', 0, 4),
			       COUNT("pieces", 'a', 4, 3), FLAG("far", 'b', 0),
			       NUM("odd", 'b', 1, 15) } },
	[OP_BLOCK_FLUSH] = { "block flush", "submit a flush", { { 0 } } },
	[OP_BLOCK_DISCARD] = { "block discard",
			       "submit a discard",
			       { HEX("sector", 'c', 0, 32),
				 NUM("sectors", 'b', 0, 16) } },
	[OP_BLOCK_ZEROES] = { "block zeroes",
			      "submit write zeroes",
			      { HEX("sector", 'c', 0, 32),
				NUM("sectors", 'b', 0, 16) } },
	[OP_BLOCK_ID] = { "block id",
			  "submit a request for the id",
			  { NUM("len", 'a', 0, 8) } },
	[OP_BLOCK_KICK] = { "block kick", "virtio_blk_kick()", { { 0 } } },
	[OP_BLOCK_POLL] = { "block poll",
			    "virtio_blk_complete() until none",
			    { { 0 } } },
	[OP_BLOCK_REVALIDATE] = { "block revalidate",
				  "virtio_blk_revalidate()",
				  { { 0 } } },
	[OP_BLOCK_RECLAIM] = { "block reclaim",
			       "virtio_blk_reclaim() until none",
			       { { 0 } } },
	[OP_BLOCK_LIMITS] = { "block limits",
			      "virtio_blk_limits()",
			      { { 0 } } },
};

unsigned int program_steps(size_t size)
{
	size_t steps = size / PROGRAM_STEP_SIZE;

	return steps > PROGRAM_STEPS_MAX ? PROGRAM_STEPS_MAX
					 : (unsigned int)steps;
}

struct step program_step(const u8 *data, unsigned int index)
{
	const u8 *record = data + (size_t)index * PROGRAM_STEP_SIZE;
	struct step step = {
		.op = record[0],
		.a = record[1],
		.b = get_unaligned_le16(record + 2),
		.c = get_unaligned_le32(record + 4),
	};

	return step;
}
