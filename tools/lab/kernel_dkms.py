# SPDX-License-Identifier: GPL-2.0-or-later
"""dkms.conf: what it says is what DKMS would do with this tree, and it works.

DKMS itself would sign with a key that it makes for the whole machine; its steps
are few, and are done here in a folder of our own.
"""

import re
import shutil

from . import kernel_tree, locks, process, steps, tree
from .mesontest import Tally

CONFIG = tree.ROOT / "dkms.conf"
AGAIN = "./lab kernel test --only dkms"

# As DKMS reads the file: a shell script, with these names set before.
STEP = """set -eu
kernelver=$1 kernel_source_dir=$2 dkms_tree=$3
. "$4"
[ "$AUTOINSTALL" = yes ]
cd "$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/build"
case $5 in
build) eval "${MAKE[0]}"; ls "${BUILT_MODULE_LOCATION[0]}/${BUILT_MODULE_NAME[0]}.ko" ;;
clean) eval "$CLEAN"; ! ls "${BUILT_MODULE_LOCATION[0]}/${BUILT_MODULE_NAME[0]}.ko" ;;
esac
"""


def run() -> Tally:
    tally = Tally()
    values = dict(re.findall(r'^(\w+)(?:\[0\])?="(.*)"$', CONFIG.read_text(), re.M))
    version = re.search(r"version: '([^']+)'", (tree.ROOT / "meson.build").read_text())[1]
    tally.check(values.get("PACKAGE_VERSION") == version, "dkms.conf: the version of meson.build",
                f"{values.get('PACKAGE_VERSION')} is not {version}", AGAIN)
    folder = kernel_tree.FOLDER / "dkms"
    with locks.hold("kernel-dkms", wait=True), steps.silence():
        shutil.rmtree(folder, ignore_errors=True)
        kernel_tree.place(folder / values["PACKAGE_NAME"] / version / "build")
        stock = kernel_tree.stock()
        for step in ("build", "clean"):
            status, out, err = process.capture(
                ["bash", "-c", STEP, "dkms", stock.release, kernel_tree.stock_headers(), folder, CONFIG, step])
            tally.check(status == 0, f"dkms.conf: {step}", out + err, AGAIN)
    return tally
