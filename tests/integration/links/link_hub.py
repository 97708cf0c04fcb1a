"""Hubs with links between them, and what they hold, read by a Kafka client that we did not write."""

import json
import pathlib
import re
import subprocess
import sys
import time

import confluent_kafka

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "kafka"))
import kafka_hub  # noqa: E402
from support import eventually, runnel  # noqa: E402

PATIENCE_S = 40


def toml(value):
    """JSON is TOML for the values that options have."""
    return json.dumps(value)


class LinkHub(kafka_hub.KafkaHub):
    """`links`: dictionaries with the keys of [[link]]."""

    def __init__(self, name, extra="", links=(), **kafka):
        super().__init__(extra, **kafka)
        self.name = name
        self.links = list(links)
        self.hub_keys = {}
        self.storage = {"limit": "256MiB", "generation": "32MiB"}

    def _config(self):
        hub = "".join(f"{k} = {toml(v)}\n" for k, v in {"name": self.name, **self.hub_keys}.items())
        text = f"[hub]\n{hub}" + super()._config()
        for key, value in self.storage.items():
            text = re.sub(rf'^{key} = ".*"\n', "", text, flags=re.MULTILINE)
            text = text.replace("[storage]\n", f"[storage]\n{key} = {toml(value)}\n")
        for link in self.links:
            text += "\n[[link]]\n" + "".join(f"{k} = {toml(v)}\n" for k, v in link.items())
        return text

    def write_config(self):
        (self.directory / "config").write_text(self._config())

    def link(self, name):
        """What the hub says of one of its links."""
        links = self.json("/api/v1/links")["links"]
        return next((one for one in links if one["name"] == name), None)

    def caught_up(self, name, patience_s=PATIENCE_S):
        def is_it():
            link = self.link(name)
            return link and link["state"] == "online" and link["lag_records"] == 0
        eventually(f"{name} has sent everything: {self.link(name)}", is_it, patience_s)

    def cli(self, *words):
        return subprocess.run(
            [runnel(), *words, "--http", f"127.0.0.1:{self.http_port}"],
            capture_output=True, text=True, timeout=30)

    def read(self, topic, patience_s=PATIENCE_S):
        """Every committed record of a topic, partition by partition."""
        return read(self.bootstrap, topic, patience_s)


def link_to(hub, name="up", **keys):
    return {"name": name, "bootstrap": [hub.bootstrap], "topics": ["*"], **keys}


def producer(hub, **settings):
    return confluent_kafka.Producer({
        "bootstrap.servers": hub.bootstrap, "enable.idempotence": True, "linger.ms": 2,
        "message.max.bytes": 10_000_000, **settings})


def read(bootstrap, topic, patience_s=PATIENCE_S):
    """{partition: [message, …]}: all that those see who read committed records."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": bootstrap, "group.id": "reads-links", "enable.auto.commit": False,
        "isolation.level": "read_committed", "auto.offset.reset": "error",
        "enable.partition.eof": True})
    try:
        found = consumer.list_topics(topic, timeout=10).topics[topic]
        if found.error is not None:
            return {}
        out = {p: [] for p in found.partitions}
        consumer.assign([
            confluent_kafka.TopicPartition(topic, p, confluent_kafka.OFFSET_BEGINNING) for p in out])
        open_partitions = set(out)
        deadline = time.monotonic() + patience_s
        while open_partitions:
            if time.monotonic() > deadline:
                raise AssertionError(f"{topic} has no end in {patience_s} s: {open_partitions}")
            message = consumer.poll(0.2)
            if message is None:
                continue
            if message.error() is None:
                out[message.partition()].append(message)
            elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                open_partitions.discard(message.partition())
            elif not message.error().retriable():
                raise AssertionError(message.error())
        return out
    finally:
        consumer.close()


def header(message, name):
    """The last header of this name as text; None: there is none."""
    values = [value for key, value in message.headers() or () if key == name]
    return values[-1].decode() if values else None


def foreign_headers(message):
    """Those that were there before a link."""
    return [(k, v) for k, v in message.headers() or () if not k.startswith("hub.")]


def origin(message):
    return (header(message, "hub.origin"), header(message, "hub.topic") or message.topic(),
            int(header(message, "hub.partition")), int(header(message, "hub.offset")))


def all_of(by_partition):
    return [message for p in sorted(by_partition) for message in by_partition[p]]
