/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names under which a kernel module exports the API.
 *
 * The in-tree virtio exports some of the same names, and of two modules that
 * export one name the second cannot be loaded: so every symbol of ours has a
 * prefix of its own. A driver writes the names of virtio.h and includes this
 * with it. tests/layering.py holds that no exported name is missing.
 */
#ifndef VLAB_NAMES_KERNEL_H
#define VLAB_NAMES_KERNEL_H

#define __virtio_config_val vlab_virtio_config_val
#define register_virtio_device vlab_register_virtio_device
#define register_virtio_driver vlab_register_virtio_driver
#define unregister_virtio_device vlab_unregister_virtio_device
#define unregister_virtio_driver vlab_unregister_virtio_driver
#define virtio_blk_complete vlab_virtio_blk_complete
#define virtio_blk_driver vlab_virtio_blk_driver
#define virtio_blk_kick vlab_virtio_blk_kick
#define virtio_blk_limits vlab_virtio_blk_limits
#define virtio_blk_notify vlab_virtio_blk_notify
#define virtio_blk_reclaim vlab_virtio_blk_reclaim
#define virtio_blk_revalidate vlab_virtio_blk_revalidate
#define virtio_blk_submit vlab_virtio_blk_submit
#define virtio_broken_name vlab_virtio_broken_name
#define virtio_config_bytes vlab_virtio_config_bytes
#define virtio_config_changed vlab_virtio_config_changed
#define virtio_config_fields_ops vlab_virtio_config_fields_ops
#define virtio_config_refresh vlab_virtio_config_refresh
#define virtio_device_broken vlab_virtio_device_broken
#define virtio_device_config vlab_virtio_device_config
#define virtio_device_gone vlab_virtio_device_gone
#define virtio_device_ready vlab_virtio_device_ready
#define virtio_device_show vlab_virtio_device_show
#define virtio_entropy_ask vlab_virtio_entropy_ask
#define virtio_entropy_driver vlab_virtio_entropy_driver
#define virtio_entropy_notify vlab_virtio_entropy_notify
#define virtio_entropy_read vlab_virtio_entropy_read
#define virtio_features_agree vlab_virtio_features_agree
#define virtio_has_feature vlab_virtio_has_feature
#define virtio_reset_device vlab_virtio_reset_device
#define virtio_use_bit vlab_virtio_use_bit
#define virtqueue_broken vlab_virtqueue_broken
#define virtqueue_indirect_max vlab_virtqueue_indirect_max
#define virtqueue_interrupt vlab_virtqueue_interrupt
#define virtqueue_set_strict vlab_virtqueue_set_strict
#define virtqueue_stats vlab_virtqueue_stats

#endif /* VLAB_NAMES_KERNEL_H */
