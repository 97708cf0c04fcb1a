#!/usr/bin/env python3
"""A session that is away over two crashes of the hub is owed everything published meanwhile.

    away.py [--port-base P]

The session was connected and had read everything when the first crash came: what the hub remembers
of it from then must not be mistaken, after the second crash, for what it has read since. RUNNEL_BIN
names the hub.
"""
import argparse
import sys
import time

from crash_hub import CrashHub

import wire
from client import Client
from wire import Prop

COUNT = 6
# Longer than any interval at which the hub notes how far its readers have come.
PROGRESS_NOTED_S = 2.5
FOR_EVER = ((Prop.SESSION_EXPIRY, 0xFFFFFFFF),)


def connect(hub, client_id):
    client = Client(hub.tcp(), wire.V5)
    return client, client.connect(client_id, properties=FOR_EVER, clean=False)


def crash(hub):
    hub.kill()
    hub.start()


def run(hub):
    hub.start()
    reader, _ = connect(hub, "reader")
    reader.subscribe(("t", wire.options(qos=1)))
    writer, _ = connect(hub, "writer")
    writer.publish("t", "before", qos=1)
    reader.message()
    time.sleep(PROGRESS_NOTED_S)
    crash(hub)
    writer, _ = connect(hub, "writer")
    for number in range(COUNT):
        writer.publish("t", str(number), qos=1)
    time.sleep(PROGRESS_NOTED_S)
    crash(hub)
    reader, connack = connect(hub, "reader")
    assert connack.session_present, "the session was forgotten"
    payloads = [message.payload.decode() for message in reader.messages(COUNT)]
    # What was read just before the crash may come once more.
    while payloads[0] == "before":
        payloads = payloads[1:] + [reader.message().payload.decode()]
    assert payloads == [str(number) for number in range(COUNT)], payloads
    print(f"{COUNT} owed, {COUNT} delivered")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port-base", type=int, default=0)
    hub = CrashHub({"limit": "64MiB", "generation": "16MiB", "group_max": "2MiB"},
                   port_base=parser.parse_args().port_base)
    try:
        run(hub)
    finally:
        hub.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
