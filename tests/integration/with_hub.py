"""Runs a command beside a hub of its own: with_hub.py COMMAND [ARGUMENT…]

The command finds the hub's ports in RUNNEL_MQTT_PORT, RUNNEL_WEBSOCKET_PORT and RUNNEL_HTTP_PORT.
The exit status is the command's; it is also 1 when the hub did not stay up or did not stop cleanly.
"""

import os
import subprocess
import sys

from support import Hub


def main():
    with Hub() as hub:
        env = dict(
            os.environ, RUNNEL_MQTT_PORT=str(hub.port),
            RUNNEL_WEBSOCKET_PORT=str(hub.websocket_port), RUNNEL_HTTP_PORT=str(hub.http_port))
        status = subprocess.run(sys.argv[1:], env=env).returncode
        if not hub.alive() or hub.stop() != 0:
            print(f"the hub did not stay up and stop as asked\n{hub.log()}", file=sys.stderr)
            return status or 1
        if status != 0:
            print(hub.log(), file=sys.stderr)
        return status


if __name__ == "__main__":
    sys.exit(main())
