#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the corpus programs that present QEMU's devices.

corpus/qemu-devices.json is what qemu_capture.py recorded.  Each device in it
becomes programs corpus/{config,features,session}/qemu-*.vlab: the same feature
bits, queue sizes and device configuration in VIRTIO 1.x registers, then a
driver that reads them and an honest device that serves it.  The output depends
on the recording alone.
"""

import argparse
import json
import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORDING = ROOT / "corpus/qemu-devices.json"
OUTPUT = ROOT / "corpus"

STEPS_MAX = 128          # of a program: PROGRAM_STEPS_MAX
TRANSPORT_QUEUES = 8     # that the laboratory's device can set up: LOOPBACK_QUEUES
SELECTS_MAX = 8          # pages of an input device that a program shows
COMMENT_COLUMNS = 78

ID_ENTROPY = 4
ID_BLOCK = 2

RING_INDIRECT = 28
RING_EVENT_IDX = 29
RING_RESET = 40
BLK_RO, BLK_FLUSH, BLK_DISCARD, BLK_ZEROES = 5, 9, 13, 14
BLK_SIZE_AT = 20         # of blk_size in the block device's configuration

HONEST_BUFFER = ("driver add outs=1 ins=1 out=16 in=64", "driver kick", "device serve",
                 "device interrupt", "driver get")


# --- One device ---------------------------------------------------------------

def title(device):
    """The device in words."""
    variant = f" ({device['variant']})" if device["variant"] else ""
    return device["name"] + variant


def slug(device):
    """The device as a part of a file name."""
    name = re.sub(r"^virtio-|-pci$", "", device["name"])
    return re.sub(r"[^a-z0-9]+", "-", f"{name}-{device['variant']}".lower()).strip("-")


def features_of(device):
    return int(device["features"], 16)


def has(device, bit):
    return features_of(device) >> bit & 1


def plug(device, kind=""):
    """The step that plugs in a device with registers and the same ring features."""
    words = ["queue registers"]
    for bit, name in ((RING_INDIRECT, "indirect"), (RING_EVENT_IDX, "event_idx"), (RING_RESET, "reset")):
        if has(device, bit):
            words.append(name)
    if kind:
        words.append(f"device={kind}")
    return " ".join(words)


def present_id(device):
    """The step that makes the plain device one of this type, with the type's dependencies between features."""
    return f"config id device={device['device_id']} vendor={device['vendor_id']:#x}"


def present_features(device):
    words = features_of(device) & 0xffffffff, features_of(device) >> 32
    return [f"config features word={word} is={bits:#010x}" for word, bits in enumerate(words)]


def present_queues(sizes):
    steps = [f"config queues is={len(sizes)}"]
    return steps + [f"config queue_size at={index} is={size}" for index, size in enumerate(sizes)]


def present_bytes(data, at=0):
    """Steps that write bytes of the device configuration, four at a time."""
    steps = []
    for offset in range(0, len(data), 4):
        piece = data[offset:offset + 4]
        steps.append(f"config device at={at + offset} len={len(piece)} is={int.from_bytes(piece, 'little'):#x}")
    return steps


def present_config(device):
    data = bytes.fromhex(device["config"])
    # The window is a page of zeroes behind what the device type defines.
    return [f"config device_length is={device['config_window']}", *present_bytes(data)]


# --- Programs -----------------------------------------------------------------

def config_program(device):
    """What a driver finds of the device."""
    steps = [plug(device), present_id(device), *present_features(device), *present_queues(device["queues"]),
             *present_config(device)]
    length = len(bytes.fromhex(device["config"]))
    steps += ["driver find type=1", "driver read token=0 own_len",
              "driver find type=3", "driver read token=1 own_len",
              f"driver device_config at=0 len={length}", "driver find type=2"]
    return steps, input_pages(device, STEPS_MAX - len(steps))


def input_pages(device, room):
    """An input device answers what the driver selects: page after page of its configuration."""
    steps = []
    for page in device.get("input_selects", [])[:SELECTS_MAX]:
        data = bytes.fromhex(page["data"])
        header = bytes((page["select"], page["subsel"], len(data)))
        more = [*present_bytes(header), *present_bytes(data, 8), "driver refresh",
                f"driver device_config at=0 len={8 + len(data)}"]
        if len(steps) + len(more) > room:
            break
        steps += more
    return steps


def negotiation_program(device):
    """What a driver that knows a few bits makes of the offer."""
    return [plug(device), present_id(device), *present_features(device),
            *present_queues(device["queues"][:TRANSPORT_QUEUES]),
            "driver agree", "bus show name=features", "driver find type=1", "driver read token=0 own_len",
            *HONEST_BUFFER]


def block_requests(device):
    """One request of each kind that the device takes, in its own blocks."""
    size = int.from_bytes(bytes.fromhex(device["config"])[BLK_SIZE_AT:BLK_SIZE_AT + 4], "little")
    blocks = max(size // 512, 1)
    yield f"block write sector={blocks} blocks={blocks} pieces=2"
    yield f"block read sector={blocks} blocks={blocks} pieces=2"
    yield "block flush"
    yield f"block discard sector={blocks} sectors={blocks}"
    yield f"block zeroes sector={2 * blocks} sectors={blocks}"
    yield "block id len=20"


def block_program(device):
    """A disk in use, on its first queue and its last."""
    queues = device["queues"][:TRANSPORT_QUEUES]
    requests = list(block_requests(device))
    serve = ["block kick", f"device serve buffers={len(requests)}", "device interrupt", "block poll"]
    steps = [plug(device, "block"), *present_features(device), *present_queues(queues), *present_config(device),
             "block limits", *requests, *serve]
    if len(queues) > 1:
        last = min(len(queues), 4) - 1
        steps += [f"select queue={last}", *requests, "block kick", f"device serve buffers={len(requests)}",
                  f"device interrupt queue={last}", "block poll"]
    return steps + ["block revalidate", "block limits", "bus unbind", "bus bind", *requests[:3], *serve]


def entropy_program(device):
    """Random bytes, twice."""
    steps = [plug(device, "entropy"), *present_features(device), *present_queues(device["queues"]),
             *present_config(device)]
    once = ["entropy read len=16", "device serve", "device interrupt", "entropy read len=64"]
    return [*steps, *once, "bus unbind", "bus bind", *once]


def text(device, about, steps, notes=()):
    """A program with its comment; every line of it is the same on every day."""
    if len(steps) > STEPS_MAX:
        raise ValueError(f"{title(device)}: {len(steps)} steps")
    head = f"{title(device)}, as QEMU presents it: {about}"
    lines = ["SPDX-License-Identifier: GPL-2.0-or-later"]
    for sentence in (head, *notes, "Written by tools/qemu_programs.py."):
        lines += textwrap.wrap(sentence, COMMENT_COLUMNS, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines) + "".join(f"{step}\n" for step in steps)


def cut_note(device):
    """What the program says about queues that are left out."""
    count = len(device["queues"])
    if count <= TRANSPORT_QUEUES:
        return ()
    return (f"It has {count} queues, of which {TRANSPORT_QUEUES} are presented: "
            "more cannot be set up in the laboratory.",)


def negotiated(device):
    """The device once a driver agreed to all of its queues; None where that changes nothing."""
    if "queues_negotiated" not in device:
        return None
    variant = f"{device['variant']}, all queues" if device["variant"] else "all queues"
    return {**device, "queues": device["queues_negotiated"], "variant": variant}


def programs(recording):
    """All programs, by the path below corpus/."""
    made = {}
    offers = set()
    devices = list(recording["devices"])
    devices += [more for more in map(negotiated, recording["devices"]) if more]
    for device in devices:
        name = f"qemu-{slug(device)}.vlab"
        steps, pages = config_program(device)
        notes = ("Then the pages that its driver may select.",) if pages else ()
        add(made, f"config/{name}", text(device, "a driver finds all of it.", steps + pages, notes))
        offer = (device["name"], features_of(device))
        if offer not in offers:
            offers.add(offer)
            add(made, f"features/{name}", text(device, "its offer of features is negotiated, and served.",
                                               negotiation_program(device), cut_note(device)))
        if device["device_id"] == ID_BLOCK:
            add(made, f"session/{name}", text(device, "the block driver uses it.", block_program(device),
                                              cut_note(device)))
        elif device["device_id"] == ID_ENTROPY:
            add(made, f"session/{name}", text(device, "the entropy driver uses it.", entropy_program(device)))
    return made


def add(made, path, program):
    if path in made:
        raise ValueError(f"two devices are named {path}")
    made[path] = program


# --- The files ----------------------------------------------------------------

def present(output):
    """The programs of this tool that are there, by the same paths."""
    return {str(path.relative_to(output)): path.read_text() for path in sorted(output.glob("*/qemu-*.vlab"))}


def write(made, output):
    for path in present(output):
        if path not in made:
            (output / path).unlink()
    for path, program in made.items():
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        (output / path).write_text(program)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Write corpus/*/qemu-*.vlab from corpus/qemu-devices.json.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is not as it would be")
    parser.add_argument("--recording", type=Path, default=RECORDING, metavar="FILE")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FOLDER",
                        help="the corpus (default: this tree's)")
    options = parser.parse_args(arguments)
    try:
        made = programs(json.loads(options.recording.read_text()))
        there = present(options.output)
        if options.check:
            stale = sorted(path for path in made.keys() | there.keys() if made.get(path) != there.get(path))
            for path in stale:
                print(f"{path} is not what tools/qemu_programs.py writes")
            return 1 if stale else 0
        write(made, options.output)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"qemu_programs.py: {error}", file=sys.stderr)
        return 2
    print(f"{len(made)} programs in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
