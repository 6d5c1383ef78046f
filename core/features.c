// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Feature negotiation (VIRTIO 1.2, 2.2 and 3.1.1).
 *
 * What is acknowledged is always within what was offered in the one snapshot
 * of this binding and within what this side understands, with every dependency
 * met; after FEATURES_OK nothing changes.
 */
#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_transport.h>

#include "virtio_core.h"

#define FEATURE(n) (1ULL << (n))

/* What the core itself carries out on every transport. */
#define CORE_FEATURES                                                     \
	(FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |                           \
	 FEATURE(VIRTIO_RING_F_EVENT_IDX) | FEATURE(VIRTIO_F_VERSION_1) | \
	 FEATURE(VIRTIO_F_ACCESS_PLATFORM))

/* Bits from START to END - 1 belong to the transport and the ring. */
#define TRANSPORT_BITS_START 24
#define TRANSPORT_BITS_END 50
#define TRANSPORT_BITS \
	(FEATURE(TRANSPORT_BITS_END) - FEATURE(TRANSPORT_BITS_START))

/**
 * struct dependency - a feature that means nothing without another
 * @bit: the feature
 * @needs: any one of these is enough
 */
struct dependency {
	unsigned int bit;
	u64 needs;
};

/* VIRTIO 1.2, 5.1.3.1, and the later ones of 1.3: network. */
static const struct dependency net_dependencies[] = {
	{ 7, FEATURE(1) }, /* GUEST_TSO4: GUEST_CSUM */
	{ 8, FEATURE(1) }, /* GUEST_TSO6: GUEST_CSUM */
	{ 9, FEATURE(7) | FEATURE(8) }, /* GUEST_ECN: GUEST_TSO4 or 6 */
	{ 10, FEATURE(1) }, /* GUEST_UFO: GUEST_CSUM */
	{ 11, FEATURE(0) }, /* HOST_TSO4: CSUM */
	{ 12, FEATURE(0) }, /* HOST_TSO6: CSUM */
	{ 13, FEATURE(11) | FEATURE(12) }, /* HOST_ECN: HOST_TSO4 or 6 */
	{ 14, FEATURE(0) }, /* HOST_UFO: CSUM */
	{ 18, FEATURE(17) }, /* CTRL_RX: CTRL_VQ */
	{ 19, FEATURE(17) }, /* CTRL_VLAN: CTRL_VQ */
	{ 21, FEATURE(17) }, /* GUEST_ANNOUNCE: CTRL_VQ */
	{ 22, FEATURE(17) }, /* MQ: CTRL_VQ */
	{ 23, FEATURE(17) }, /* CTRL_MAC_ADDR: CTRL_VQ */
	{ 53, FEATURE(17) }, /* NOTF_COAL: CTRL_VQ */
	{ 54, FEATURE(1) }, /* GUEST_USO4: GUEST_CSUM */
	{ 55, FEATURE(1) }, /* GUEST_USO6: GUEST_CSUM */
	{ 56, FEATURE(0) }, /* HOST_USO: CSUM */
	{ 57, FEATURE(17) }, /* HASH_REPORT: CTRL_VQ */
	{ 60, FEATURE(17) }, /* RSS: CTRL_VQ */
	{ 61, FEATURE(11) | FEATURE(12) }, /* RSC_EXT: HOST_TSO4 or 6 */
};

/* 5.7.3: GPU. */
static const struct dependency gpu_dependencies[] = {
	{ 4, FEATURE(0) }, /* CONTEXT_INIT: VIRGL */
};

/* 5.9.3.1: crypto. */
static const struct dependency crypto_dependencies[] = {
	{ 1, FEATURE(0) }, /* CIPHER_STATELESS: REVISION_1 */
	{ 2, FEATURE(0) }, /* HASH_STATELESS: REVISION_1 */
	{ 3, FEATURE(0) }, /* MAC_STATELESS: REVISION_1 */
	{ 4, FEATURE(0) }, /* AEAD_STATELESS: REVISION_1 */
};

static const struct {
	u32 device;
	unsigned int count;
	const struct dependency *list;
} dependencies[] = {
	{ 1, ARRAY_SIZE(net_dependencies), net_dependencies },
	{ 16, ARRAY_SIZE(gpu_dependencies), gpu_dependencies },
	{ 20, ARRAY_SIZE(crypto_dependencies), crypto_dependencies },
};

static u64 unmet_in(const struct dependency *dep, unsigned int count,
		    u64 features)
{
	u64 unmet = 0;

	for (; count; count--, dep++)
		if (!(dep->needs & features))
			unmet |= FEATURE(dep->bit);
	return unmet & features;
}

/* The features of @features that lack what they need. */
static u64 unmet_features(const struct virtio_device *vdev, u64 features)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dependencies); i++)
		if (dependencies[i].device == vdev->id.device)
			return unmet_in(dependencies[i].list,
					dependencies[i].count, features);
	return 0;
}

/* Drop what lacks its dependency, until nothing more falls. */
static u64 close_features(const struct virtio_device *vdev, u64 features)
{
	u64 unmet;

	while ((unmet = unmet_features(vdev, features)))
		features &= ~unmet;
	return features;
}

static u64 low_bits(const u8 *bytes, unsigned int half)
{
	u64 bits = 0;
	unsigned int i;

	if (half >= 8)
		return get_unaligned_le64(bytes);
	for (i = 0; i < half; i++)
		bits |= (u64)bytes[i] << (8 * i);
	return bits;
}

/* All of a half; more than 64 bits nobody understands. */
static void put_bits(u64 bits, u8 *bytes, unsigned int half)
{
	unsigned int i;

	if (half >= 8) {
		put_unaligned_le64(bits, bytes);
		if (half > 8)
			memset(bytes + 8, 0, half - 8);
		return;
	}
	for (i = 0; i < half; i++)
		bytes[i] = (u8)(bits >> (8 * i));
}

/*
 * The bits of @offered that the driver names. Most devices offer few, and a
 * table is only walked for as long as one of them is open.
 */
static u64 named_by(const struct virtio_driver *drv, u64 offered)
{
	const unsigned int *bit = drv->feature_table;
	unsigned int left = drv->feature_count;
	u64 open = offered;

	for (; open && left; left--, bit++)
		if (*bit < 64)
			open &= ~FEATURE(*bit);
	return offered & ~open;
}

/* What of the features of a device this side carries out. */
static u64 understood(const struct virtio_device *vdev,
		      const struct virtio_driver *drv, u64 offered)
{
	u64 carried = CORE_FEATURES | vdev->transport->features;

	/* Resetting one queue is the transport's work; without it, never. */
	if (!vdev->transport->reset_vq)
		carried &= ~FEATURE(VIRTIO_F_RING_RESET);
	/* A driver cannot vouch for the transport's features. */
	return (offered & carried) |
	       named_by(drv, offered & ~(carried | TRANSPORT_BITS));
}

/* Write the acknowledge half, and nothing of the half that is the device's. */
static int write_acks(struct virtio_device *vdev, unsigned int pos,
		      const u8 *field, unsigned int half)
{
	return virtio_config_write(vdev, pos, half, field + half, half);
}

static unsigned int field_pos(const struct virtio_core *core, const u8 *field)
{
	return (unsigned int)(field - core->config) - 2;
}

int virtio_features_start(struct virtio_device *vdev,
			  const struct virtio_driver *drv)
{
	struct virtio_core *core = vdev->core;
	unsigned int half;
	u8 *field;

	core->offered = 0;
	core->features = 0;
	field = virtio_config_features(vdev, &half);
	if (!field)
		return 0;
	core->offered = low_bits(field, half);
	core->features =
		close_features(vdev, understood(vdev, drv, core->offered));
	/* What the device shows as acknowledged is no word of this driver. */
	put_bits(core->features, field + half, half);
	return write_acks(vdev, field_pos(core, field), field, half);
}

/*
 * A field whose acknowledge half is this driver's word. Of F_VIRTIO it is the
 * snapshot, whose second half was cleared. Which other fields hold bits shows
 * only when a driver uses one, and their second halves are the device's.
 */
static u8 *private_field(struct virtio_core *core, unsigned int pos)
{
	if ((core->config[pos] & VIRTIO_CONFIG_TYPE_MAX) ==
	    VIRTIO_CONFIG_F_VIRTIO)
		return core->config + pos + 2;
	if (!core->acks)
		core->acks = kzalloc(core->config_len, GFP_KERNEL);
	return core->acks ? core->acks + pos + 2 : NULL;
}

/* The bit of a token's field, set in the private acknowledge half. */
static int acknowledge(struct virtio_device *vdev, unsigned int pos,
		       unsigned int half, unsigned int bitnum)
{
	u8 *field = private_field(vdev->core, pos);
	u8 *byte, before;
	int err;

	if (!field)
		return -ENOMEM;
	byte = field + half + bitnum / 8;
	before = *byte;
	*byte |= (u8)(1u << (bitnum % 8));
	err = write_acks(vdev, pos, field, half);
	if (err)
		*byte = before;
	return err;
}

/* May the driver take this bit of F_VIRTIO itself? */
static int may_use(struct virtio_device *vdev, unsigned int bitnum)
{
	u64 carried = CORE_FEATURES | vdev->transport->features;

	if (bitnum >= 64)
		return -EOPNOTSUPP;
	if (bitnum >= TRANSPORT_BITS_START && bitnum < TRANSPORT_BITS_END &&
	    !(carried & FEATURE(bitnum)))
		return -EOPNOTSUPP;
	if (bitnum == VIRTIO_F_RING_RESET && !vdev->transport->reset_vq)
		return -EOPNOTSUPP;
	if (unmet_features(vdev, vdev->core->features | FEATURE(bitnum)))
		return -EOPNOTSUPP;
	return 0;
}

int virtio_use_bit(struct virtio_device *vdev, void *token, unsigned int len,
		   unsigned int bitnum)
{
	struct virtio_core *core = vdev->core;
	unsigned int half = len / 2;
	bool common;
	u8 type;
	int pos, err;

	/* This makes it convenient to pass on what find() returned. */
	if (!token)
		return 0;
	pos = virtio_config_token(vdev, token, len);
	if (pos < 0)
		return pos;
	if (!len || len % 2)
		return -EINVAL;
	/* Half of a queue's field is its size, which is the device's word. */
	type = core->config[pos] & VIRTIO_CONFIG_TYPE_MAX;
	if (type == VIRTIO_CONFIG_F_VIRTQUEUE)
		return -EPERM;
	/* A reset takes the ladder back to before DRIVER. */
	if (core->features_ok || !(core->status & VIRTIO_CONFIG_S_DRIVER))
		return -EPERM;
	/* bitnum / 8, not bitnum * 8: the product of a large bitnum wraps. */
	if (bitnum / 8 >= half)
		return 0;
	if (!virtio_test_bit(core->config + pos + 2, bitnum))
		return 0;
	common = type == VIRTIO_CONFIG_F_VIRTIO;
	err = common ? may_use(vdev, bitnum) : 0;
	if (!err)
		err = acknowledge(vdev, (unsigned int)pos, half, bitnum);
	if (err)
		return err;
	if (common)
		core->features |= FEATURE(bitnum);
	return 1;
}
EXPORT_SYMBOL_GPL(virtio_use_bit);

/* Features without which the driver side may not go on (6.1). */
static bool mandatory_met(const struct virtio_device *vdev)
{
	const struct virtio_core *core = vdev->core;
	u64 must = core->offered & FEATURE(VIRTIO_F_ACCESS_PLATFORM);

	/* Registers are VIRTIO 1.x; a device without the bit is older. */
	if (vdev->transport->regs)
		must |= FEATURE(VIRTIO_F_VERSION_1);
	return (core->features & must) == must;
}

int virtio_features_agree(struct virtio_device *vdev)
{
	struct virtio_core *core = vdev->core;

	if (!core || core->broken || !(core->status & VIRTIO_CONFIG_S_DRIVER))
		return -EIO;
	if (core->features_ok)
		return 0;
	if (!mandatory_met(vdev)) {
		virtio_device_break(vdev, VIRTIO_BROKEN_FEATURES);
		return -EIO;
	}
	if (virtio_raise_status(vdev, VIRTIO_CONFIG_S_FEATURES_OK))
		return -EIO;
	/* A device that refuses clears the bit: only its word counts. */
	if (virtio_check_status(vdev, VIRTIO_BROKEN_FEATURES))
		return -EIO;
	core->features_ok = true;
	return 0;
}
EXPORT_SYMBOL_GPL(virtio_features_agree);

bool virtio_has_feature(const struct virtio_device *vdev, unsigned int bitnum)
{
	return vdev->core && bitnum < 64 && vdev->core->features >> bitnum & 1;
}
EXPORT_SYMBOL_GPL(virtio_has_feature);
