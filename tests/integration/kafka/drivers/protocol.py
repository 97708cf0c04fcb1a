"""What the drivers of Python clients share: a request and its answer are a line of JSON each.

A driver is a process that does with one client what a test asks of it, so that every test is
written once and runs with every client. `protocol.mjs` is the same for Node.js.
Requests: see kafka_client.py.
"""

import base64
import json
import os
import signal
import sys


def encode(data):
    return None if data is None else base64.b64encode(data).decode()


def decode(text):
    return None if text is None else base64.b64decode(text)


def record(partition, offset, timestamp, key, value, headers):
    """A record as the answers have it."""
    return {"partition": partition, "offset": offset, "timestamp": timestamp, "key": encode(key),
            "value": encode(value), "headers": [[n, encode(v)] for n, v in headers or []]}


def login():
    """Mechanism, user and password of SASL, or nothing."""
    text = os.environ.get("KAFKA_LOGIN")
    return json.loads(text) if text else None


def serve(operations):
    """`operations` maps the name of a request to a function of its other fields."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": operations[request.pop("do")](**request)}
        except Exception as error:  # whatever a client throws is its answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def say(*words):
    """A line of a group member."""
    print(*words, flush=True)


class Stopped(Exception):
    """SIGTERM came."""


def stop_on_sigterm():
    def stop(*_):
        raise Stopped

    signal.signal(signal.SIGTERM, stop)
