// SPDX-License-Identifier: GPL-2.0-or-later
/* The calls that are watched, each with what it may read; see watch.h. */
#include "watch.h"

/* A generous bound for calls that bind or reset; see call_info.budget. */
#define BUDGET_LIFE 4096
#define BUDGET_RESET 1024

const struct call_info calls[CALLS] = {
	[CALL_REGISTER_DEVICE] = { "register_virtio_device", BUDGET_LIFE },
	[CALL_UNREGISTER_DEVICE] = { "unregister_virtio_device", BUDGET_LIFE },
	[CALL_REGISTER_DRIVER] = { "register_virtio_driver", BUDGET_LIFE },
	[CALL_UNREGISTER_DRIVER] = { "unregister_virtio_driver", BUDGET_LIFE },
	[CALL_GONE] = { "virtio_device_gone", 0 },
	[CALL_SHOW] = { "virtio_device_show", 0 },
	[CALL_FIND] = { "find", 0 },
	[CALL_READ] = { "get", 0 },
	[CALL_WRITE] = { "set", 4 },
	[CALL_VAL] = { "virtio_config_val", 0 },
	[CALL_BYTES] = { "virtio_config_bytes", 0 },
	[CALL_USE_BIT] = { "virtio_use_bit", 4 },
	[CALL_AGREE] = { "virtio_features_agree", 8 },
	[CALL_REFRESH] = { "virtio_config_refresh", BUDGET_RESET },
	[CALL_DEVICE_CONFIG] = { "virtio_device_config", 0 },
	[CALL_READY] = { "virtio_device_ready", 24 },
	[CALL_STATUS] = { "set_status", BUDGET_RESET },
	[CALL_FIND_VQ] = { "find_vq", 8 },
	[CALL_DEL_VQ] = { "del_vq", BUDGET_RESET },
	[CALL_ADD_BUF] = { "add_buf", 0 },
	[CALL_KICK] = { "kick", 1 },
	[CALL_GET_BUF] = { "get_buf", 3 },
	[CALL_RESTART] = { "restart", 1 },
	[CALL_SHUTDOWN] = { "shutdown", BUDGET_RESET },
	[CALL_DETACH] = { "detach_buf", 0 },
	[CALL_RESET_QUEUE] = { "reset", 0 },
	[CALL_RESET_DEVICE] = { "virtio_reset_device", BUDGET_RESET },
	[CALL_INTERRUPT] = { "virtqueue_interrupt", 16 },
	[CALL_CONFIG_CHANGED] = { "virtio_config_changed", 16 },
	[CALL_ENTROPY_READ] = { "virtio_entropy_read", 16 },
	[CALL_BLOCK_SUBMIT] = { "virtio_blk_submit", 0 },
	[CALL_BLOCK_KICK] = { "virtio_blk_kick", 1 },
	[CALL_BLOCK_COMPLETE] = { "virtio_blk_complete", 8 },
	[CALL_BLOCK_LIMITS] = { "virtio_blk_limits", 0 },
	[CALL_BLOCK_REVALIDATE] = { "virtio_blk_revalidate", BUDGET_RESET },
	[CALL_BLOCK_RECLAIM] = { "virtio_blk_reclaim", BUDGET_RESET },
	[CALL_GET_STATUS] = { "get_status", 2 },
	[CALL_STATS] = { "virtqueue_stats", 0 },
};
