"""Installs the pinned MQTT.js with npm, once, and runs test_mqttjs/interop.test.mjs beside a hub.

    test_mqttjs.py FOLDER      FOLDER, in the build tree, takes the packages
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE / "test_mqttjs"
MANIFEST = ("package.json", "package-lock.json")


def install(folder):
    """`npm ci` when the lock file is not the one of the last time."""
    wanted = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in MANIFEST)).hexdigest()
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    for name in MANIFEST:
        shutil.copy(SOURCE / name, folder)
    subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)
    stamp.write_text(wanted)


def main():
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is not installed; scripts/setup installs it")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    install(folder)
    test = shutil.copy(SOURCE / "interop.test.mjs", folder)  # modules are looked up beside it
    command = [sys.executable, "-B", str(HERE / "with_hub.py"), "node", "--test", test]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
