"""What the integration tests share: the hub with any configuration, its HTTP door, and Debian's
Mosquitto clients as processes that can be waited for."""

import atexit
import base64
import json
import os
import pathlib
import queue
import re
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
import hub  # noqa: E402  (the module beside the conformance tests)

REPOSITORY = hub.REPOSITORY
PATIENCE_S = 20
VERSIONS = ("mqttv311", "mqttv5")


class Hub(hub.Hub):
    """`extra` is appended to the configuration: topics and routes."""

    def __init__(self, extra="", **mqtt):
        super().__init__(**mqtt)
        self.extra = extra

    def _config(self):
        return super()._config() + self.extra

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.remove()

    def get(self, path):
        url = f"http://127.0.0.1:{self.http_port}{path}"
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as reply:
            return reply.read()

    def json(self, path):
        return json.loads(self.get(path))

    def records(self, topic="mqtt", partition=0):
        """Every record of a partition, in order, keys and values as bytes."""
        found, offset = [], 0
        while True:
            page = self.json(f"/api/v1/topics/{topic}/records"
                             f"?partition={partition}&offset={offset}&max=500&wait_ms=0")
            for record in page["records"]:
                record["key"] = as_bytes(record["key"])
                record["value"] = as_bytes(record["value"])
                record["headers"] = [(name, as_bytes(value)) for name, value in record["headers"]]
                found.append(record)
            if page["next_offset"] >= page["high_watermark"]:
                return found
            offset = page["next_offset"]

    def metrics(self):
        """Name with labels -> value."""
        lines = self.get("/metrics").decode().splitlines()
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))}


def as_bytes(value):
    """A key, value or header of the HTTP interface; None stays None."""
    if isinstance(value, dict):
        return base64.b64decode(value["base64"])
    return None if value is None else value.encode()


def runnel():
    """The binary under test."""
    return os.environ.get("RUNNEL_BIN") or str(REPOSITORY / "build/release/runnel")


def eventually(what, condition, patience_s=PATIENCE_S):
    """Waits until `condition()` is true and returns what it returned."""
    deadline = time.monotonic() + patience_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience_s} s: {what}")
        time.sleep(0.02)


_processes = []


@atexit.register
def _leave_nothing_running():
    """A test that failed may not have come to its end."""
    for process in _processes:
        if process.poll() is None:
            process.kill()


class Process:
    """A process whose output is read line by line as it comes."""

    def __init__(self, *command, stdin=None, env=None):
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", *self.command], stdin=subprocess.PIPE if stdin else
            subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
        _processes.append(self.process)
        self.lines = []
        self._new = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if stdin:
            self.process.stdin.write(stdin)
            self.process.stdin.close()

    def _read(self):
        for line in self.process.stdout:
            self._new.put(line.rstrip(b"\n"))
        self._new.put(None)

    def line(self, wanted=lambda line: True, patience_s=PATIENCE_S):
        """The next line that `wanted` accepts; None at the end of the output."""
        deadline = time.monotonic() + patience_s
        while True:
            try:
                line = self._new.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(
                    f"{self.command} said nothing new in {patience_s} s, before: {self.lines[-20:]}"
                ) from None
            if line is None:
                self._new.put(None)
                return None
            self.lines.append(line)
            if wanted(line):
                return line

    def wait(self, patience_s=PATIENCE_S):
        """Its exit status; all its output is in `lines`."""
        while self.line(patience_s=patience_s) is not None:
            pass
        status = self.process.wait(patience_s)
        self.stop()
        return status

    def kill(self):
        """As if the power of its machine failed: no DISCONNECT."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Asks it to end, unless it is at its end already."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE_S)
        self._reader.join()
        self.process.stdout.close()


class Subscriber(Process):
    """mosquitto_sub; ready when its subscription is acknowledged."""

    def __init__(self, the_hub, version, topic_filter, *more, qos=2):
        super().__init__(
            "mosquitto_sub", "-h", "127.0.0.1", "-p", the_hub.port, "-V", version, "-q", qos,
            "-t", topic_filter, "-F", "MESSAGE %j", "-d", *more)
        if self.line(lambda line: line.startswith(b"Subscribed (mid:")) is None:
            raise AssertionError(f"no subscription: {self.lines}")
        # What a session was owed may come before the SUBACK.
        self._early = [line for line in self.lines if line.startswith(b"MESSAGE ")]

    def user_properties(self):
        """Those of the next message, as mosquitto_sub prints them: in order, repeats included."""
        line = self.line(lambda line: line.startswith(b"MESSAGE "))
        inner = line[line.index(b'"user-properties":'):line.index(b"}")].decode()
        return re.findall(r'"([^"]*)":"([^"]*)"', inner)

    def message(self, patience_s=PATIENCE_S):
        """The next message as mosquitto_sub's JSON has it, payload as text."""
        if self._early:
            line = self._early.pop(0)
        else:
            line = self.line(lambda line: line.startswith(b"MESSAGE "), patience_s)
        if line is None:
            raise AssertionError(f"mosquitto_sub ended: {self.lines[-20:]}")
        return json.loads(line.removeprefix(b"MESSAGE "))

    def messages(self, count):
        return [self.message() for _ in range(count)]


def publish(the_hub, version, topic, *more, qos=1, stdin=None):
    """Runs mosquitto_pub to its end, which for QoS 1 and 2 is the last acknowledgement."""
    done = subprocess.run(
        ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(the_hub.port), "-V", version,
         "-q", str(qos), "-t", topic, *map(str, more)],
        input=stdin, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"mosquitto_pub: {done.returncode} {done.stderr!r}")
    return done
