"""Installs the pinned Node.js clients, once, and runs a theme: with_npm.py FOLDER THEME CLIENT

FOLDER, in the build tree, takes the packages and the drivers, which look for modules beside them.
"""

import fcntl
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PLATFORMATIC_NODE = 20  # Debian 12 has 18
SKIPPED = 77  # as CTest is told
sys.path.insert(0, str(HERE.parent))
import test_mqttjs  # noqa: E402


def main():
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is not installed; scripts/setup installs it")
    folder, theme, client = sys.argv[1:]
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if client == "platformatic" and int(node.lstrip("v").split(".")[0]) < PLATFORMATIC_NODE:
        print(f"{client} needs Node.js {PLATFORMATIC_NODE}, this is {node.strip()}")
        sys.exit(SKIPPED)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    test_mqttjs.SOURCE = HERE / "drivers"
    with open(folder / "lock", "w") as lock:  # tests may run beside each other
        fcntl.flock(lock, fcntl.LOCK_EX)
        test_mqttjs.install(folder)
        for driver in test_mqttjs.SOURCE.glob("*.mjs"):
            shutil.copy(driver, folder)
    os.environ["KAFKA_NODE_FOLDER"] = str(folder)
    os.execv(sys.executable, [sys.executable, "-B", str(HERE / f"{theme}.py"), client])


if __name__ == "__main__":
    main()
