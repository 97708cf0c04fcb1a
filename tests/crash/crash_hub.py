"""The hub of the crash tests: its configuration, a directory that outlives it, and its API."""

import json
import pathlib
import sys
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))

from hub import Hub  # noqa: E402

HTTP_TIMEOUT_S = 30


class CrashHub(Hub):
    """`storage` and `mqtt` hold keys of their sections, `tables` is text: [[topic]], [[route]].

    Ports are taken from `port_base` on; 0: any free ones. `kafka_port`: with a door for Kafka.
    """

    def __init__(self, storage, tables="", port_base=0, mqtt=None, kafka_port=0):
        super().__init__(**(mqtt or {}))
        self.storage = storage
        self.tables = tables
        self.kafka_port = kafka_port
        if port_base:
            self.port, self.websocket_port, self.http_port = range(port_base, port_base + 3)

    @property
    def data(self):
        return self.directory / "data"

    def _config(self):
        def section(name, keys):
            lines = [f'{key} = "{item}"' if isinstance(item, str) else f"{key} = {item}"
                     for key, item in keys.items()]
            return "\n".join([f"[{name}]", *lines, ""])

        mqtt = section("mqtt", self.mqtt)
        return f"""{mqtt}listen = ["127.0.0.1:{self.port}"]

[http]
listen = ["127.0.0.1:{self.http_port}"]

[kafka]
listen = [{f'"127.0.0.1:{self.kafka_port}"' if self.kafka_port else ""}]

{section("storage", {"dir": str(self.data), **self.storage})}
{self.tables}
"""

    def get(self, path, **query):
        """The JSON that the API answers."""
        url = f"http://127.0.0.1:{self.http_port}/api/v1/{path}"
        if query:
            url += "?" + urllib.parse.urlencode(query)
        with urllib.request.urlopen(url, timeout=HTTP_TIMEOUT_S) as answer:
            return json.load(answer)

    def metrics(self):
        """Name, with labels if it has some -> value."""
        url = f"http://127.0.0.1:{self.http_port}/metrics"
        found = {}
        with urllib.request.urlopen(url, timeout=HTTP_TIMEOUT_S) as answer:
            for line in answer.read().decode().splitlines():
                if line and not line.startswith("#"):
                    name, value = line.rsplit(" ", 1)
                    found[name] = float(value)
        return found

    def partitions(self, topic):
        """(partition, log start, high watermark) of a topic; empty while there is no such topic."""
        for found in self.get("topics")["topics"]:
            if found["name"] == topic:
                return [(p["partition"], p["log_start_offset"], p["high_watermark"])
                        for p in found["partitions"]]
        return []

    def records(self, topic, partition, offset):
        """All records of a partition from an offset on, in order."""
        while True:
            answer = self.get(f"topics/{topic}/records", partition=partition, offset=offset,
                              max=500, wait_ms=0)
            yield from answer["records"]
            if answer["next_offset"] >= answer["high_watermark"]:
                return
            if answer["next_offset"] <= offset:
                raise AssertionError(f"{topic}/{partition} goes no further than {offset}")
            offset = answer["next_offset"]
