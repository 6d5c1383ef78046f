# SPDX-License-Identifier: GPL-2.0-or-later
"""How qemu_capture.py starts each of QEMU's virtio devices, and with what options."""

from collections import namedtuple

# Where virtiofsd listens, in the folder of a capture.
VIRTIOFSD_SOCKET = "virtiofsd.sock"

# One way to start a device.  `options` follow "-device NAME"; `args` are the
# backend's own arguments; `wrapper` is a command QEMU is run under.
Setup = namedtuple("Setup", "variant options args wrapper", defaults=("", "", (), ()))

# A network namespace of our own: any user may create a tap interface there,
# and none ever shows up on the host.
PRIVATE_NET = ("unshare", "--map-root-user", "--net")

# The transport-level switches that any virtio device has.
TRANSPORT = ("packed=on", "event_idx=off", "indirect_desc=off",
             "iommu_platform=on", "queue_reset=off")

# A QEMU property such as an automatic MAC address or block size may depend on
# the host or on the run.  All such properties are fixed below.
NET_OPTIONS = "netdev=net0,mac=52:54:00:12:34:56"
TAP = ("-netdev", "tap,id=net0,script=no,downscript=no")
TAP_QUEUES = ("-netdev", TAP[1] + ",queues=4")
MEMORY = ("-m", "128M,maxmem=1G", "-object", "memory-backend-ram,id=mem0,size=64M")
SERIAL_PORTS = ("-device", "virtserialport,bus=dut.0,nr=1,name=port1",
                "-device", "virtserialport,bus=dut.0,nr=2,name=port2")
EGL = ("-display", "egl-headless")


def disk(size=64 << 20, read_only="off"):
    """Arguments for a disk of zeroes without storage behind it."""
    return ("-blockdev", "driver=null-co,read-zeroes=on,node-name=disk0,"
            f"size={size},read-only={read_only}")


def with_variants(options, args, *variants):
    """The plain setup, then one per string of further -device options."""
    return [Setup(variant, ",".join(filter(None, (options, variant))), args)
            for variant in ("", *variants)]


SETUPS = {
    "virtio-blk-pci": with_variants(
        "drive=disk0", disk(), *TRANSPORT,
        "num-queues=4", "queue-size=1024", "num-queues=16,queue-size=1024",
        "discard=off,write-zeroes=off",
        "max-discard-sectors=8192,max-write-zeroes-sectors=4096",
        "logical_block_size=4096,physical_block_size=4096",
        "min_io_size=4096,opt_io_size=65536", "config-wce=off", "write-cache=off",
    ) + [
        Setup("read-only=on", "drive=disk0", disk(read_only="on")),
        Setup("size=4T", "drive=disk0", disk(size=4 << 40)),
    ],
    "virtio-net-pci": with_variants(
        NET_OPTIONS, ("-netdev", "user,id=net0"), *TRANSPORT,
        "mq=on", "ctrl_vq=off", "status=off", "host_mtu=1500",
        "speed=10000,duplex=full", "rss=on,hash=on", "failover=on",
        "rx_queue_size=1024",
    ) + [
        # Only tap has offloads (as far as the host kernel does) and queue pairs.
        Setup("netdev=tap", NET_OPTIONS, TAP, PRIVATE_NET),
        Setup("netdev=tap,queues=4,mq=on", NET_OPTIONS + ",mq=on",
              TAP_QUEUES, PRIVATE_NET),
        Setup("netdev=tap,queues=4,mq=on,rss=on,hash=on",
              NET_OPTIONS + ",mq=on,rss=on,hash=on", TAP_QUEUES, PRIVATE_NET),
    ],
    "virtio-rng-pci": with_variants("rng=rng0", ("-object", "rng-builtin,id=rng0"),
                                    "packed=on"),
    "virtio-serial-pci": with_variants("", (), "max_ports=1", "emergency-write=off") + [
        Setup("max_ports=4 with 2 ports", "max_ports=4", SERIAL_PORTS),
    ],
    "virtio-balloon-pci": with_variants(
        "", (), "deflate-on-oom=on", "page-poison=off", "free-page-reporting=on",
    ) + [
        Setup("free-page-hint=on", "free-page-hint=on,iothread=io0",
              ("-object", "iothread,id=io0")),
    ],
    "virtio-scsi-pci": with_variants(
        "", (), "num_queues=4", "virtqueue_size=1024",
        "hotplug=off,param_change=off", "packed=on"),
    "virtio-gpu-pci": with_variants("", (), "max_outputs=4", "edid=off", "blob=on"),
    "virtio-gpu-gl-pci": [Setup(args=EGL)],
    "virtio-vga-gl": [Setup(args=EGL)],
    "virtio-keyboard-pci": with_variants("", (), "serial=kbd0"),
    # virtio-input-host-pci is deliberately left without an evdev: opening a
    # real one would take this machine's keyboard away from its user.
    "virtio-9p-pci": with_variants(
        "fsdev=fs0,mount_tag=share0", ("-fsdev", "synth,id=fs0")),
    "virtio-crypto-pci": with_variants(
        "cryptodev=crypto0", ("-object", "cryptodev-backend-builtin,id=crypto0")),
    "virtio-iommu-pci": with_variants("", (), "boot-bypass=off"),
    # The default block size follows the host's huge page size.
    "virtio-mem-pci": with_variants(
        "memdev=mem0,block-size=2M", MEMORY,
        "requested-size=32M", "unplugged-inaccessible=on"),
    "virtio-pmem-pci": with_variants("memdev=mem0", MEMORY),
    "vhost-scsi-pci": [Setup(options="wwpn=naa.5001405000000001")],
    "vhost-vsock-pci": [Setup(options="guest-cid=3")],
    "vhost-user-fs-pci": with_variants(
        "chardev=peer0,tag=share0",
        ("-chardev", f"socket,id=peer0,path={VIRTIOFSD_SOCKET}"),
        "num-request-queues=4", "queue-size=1024"),
}


def setups_for(name):
    """Every way to start device `name`, also when it is unknown here."""
    if name in SETUPS:
        return SETUPS[name]
    if name.startswith("vhost-user-"):
        # The peer is a program of its own; without one QEMU says so.
        return [Setup(options="chardev=peer0",
                      args=("-chardev", "socket,id=peer0,path=vhost-user.sock"))]
    return [Setup()]
