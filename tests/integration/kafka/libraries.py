"""Clients that are libraries of Python or Node.js, each behind a driver process (drivers/)."""

import base64
import dataclasses
import functools
import json
import os
import pathlib
import subprocess
import threading

from kafka_client import BASICS, DRIVERS, PATIENCE_S, Client, ClientError
from kafka_hub import CODECS, Record, support


def _as_json(value):
    if isinstance(value, Record):
        return {**dataclasses.asdict(value), "key": _as_json(value.key),
                "value": _as_json(value.value),
                "headers": [[n, _as_json(v)] for n, v in value.headers]}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (list, tuple)):
        return [_as_json(v) for v in value]
    return value


def _bytes(text):
    return None if text is None else base64.b64decode(text)


def _record(found):
    return Record(_bytes(found["key"]), _bytes(found["value"]),
                  tuple((n, _bytes(v)) for n, v in found["headers"]), found["timestamp"],
                  found["partition"], found["offset"])


class Driver(Client):
    command = ()
    environment = {}

    def __init__(self, the_hub):
        super().__init__(the_hub)
        self.process = None

    def __getattr__(self, name):
        if name not in self.can:
            raise AttributeError(name)
        return lambda *args, **options: self._ask(name, *args, **options)

    _FIELDS = {
        "produce": ("topic", "records"), "transact": ("id", "topic", "records"),
        "consume": ("topic", "partition", "start"),
        "commit": ("group", "topic", "offsets"), "committed": ("group", "topic", "partitions"),
        "offset_at": ("topic", "partition", "timestamp"), "ends": ("topic", "partition"),
        "create_topic": ("topic", "partitions"), "create_partitions": ("topic", "partitions"),
        "topics": (), "groups": (), "describe_group": ("group",), "group_offsets": ("group",),
        "create_configured": ("topic", "config"), "configs": ("topic",),
        "configure": ("topic", "config"), "delete_topic": ("topic",),
        "delete_records": ("topic", "offsets"), "sizes": ("topic", "partitions"),
        "delete_group": ("group",), "delete_offsets": ("group", "topic", "partitions"),
        "set_password": ("user", "mechanism", "password"),
        "delete_password": ("user", "mechanism"), "passwords": (),
    }

    def _ask(self, name, *args, **options):
        if self.process is None:
            self.process = subprocess.Popen(
                [*self.command, self.hub.bootstrap], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                env=self._environment())
        request = {"do": name, **dict(zip(self._FIELDS[name], args, strict=True)), **options}
        self.process.stdin.write(
            json.dumps({k: _as_json(v) for k, v in request.items()}).encode() + b"\n")
        self.process.stdin.flush()
        watch = threading.Timer(PATIENCE_S, self.process.kill)
        watch.start()
        line = self.process.stdout.readline()
        watch.cancel()
        if not line:
            raise AssertionError(f"{name}: the client gave no answer within {PATIENCE_S} s")
        answer = json.loads(line)
        if "error" in answer:
            raise ClientError(answer["error"])
        if name == "consume":
            return [_record(found) for found in answer["result"]]
        return answer["result"]

    def member(self, topic, group):
        return support.Process(*self.command, self.hub.bootstrap, topic, group,
                               env=self._environment())

    def _environment(self):
        login = {"KAFKA_LOGIN": json.dumps(self.login)} if self.login else {}
        return dict(os.environ, **self.environment, **login)

    def transformer(self, source, target, group, id):
        return support.Process(*self.command, self.hub.bootstrap, source, target, group, id,
                               env=dict(os.environ, **self.environment))

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None


_TOPICS = {"create_topic", "create_partitions", "topics", "groups", "describe_group",
           "create_configured", "configs", "configure", "delete_topic"}
_TRANSACTIONS = {"transact", "isolation", "transform"}


class PythonKafka(Driver):
    command = ("/usr/bin/python3", "-B", DRIVERS / "python_kafka.py")
    can = frozenset(BASICS | _TOPICS | {"group_offsets", "delete_group", "metadata"})
    escapes_names = False

    def producible(self, record):
        return ((record.key is not None or record.value is not None)
                and all(value is not None for _, value in record.headers))


class Confluent(Driver):
    command = ("/usr/bin/python3", "-B", DRIVERS / "confluent.py")
    can = frozenset(BASICS | _TOPICS | _TRANSACTIONS | {"idempotent", "resumes"})


class NodeDriver(Driver):
    """The modules stand in the build tree, and the driver with them: see with_npm.py."""

    file = ""

    @property
    def command(self):
        return ("node", "--no-warnings", pathlib.Path(os.environ["KAFKA_NODE_FOLDER"]) / self.file)


class KafkaJs(NodeDriver):
    file = "kafkajs.mjs"
    can = frozenset(
        BASICS | _TOPICS | _TRANSACTIONS
        | {"idempotent", "group_offsets", "delete_group", "delete_records"})

    def carried(self, record):
        """Headers are a map of lists."""
        names = dict.fromkeys(name for name, _ in record.headers)
        return dataclasses.replace(record, headers=tuple(
            header for name in names for header in record.headers if header[0] == name))

    def producible(self, record):
        return all(value is not None for _, value in record.headers)


class Platformatic(NodeDriver):
    """It has zstd where Node.js has (22.15 and later)."""

    file = "platformatic.mjs"
    can = frozenset(
        BASICS | _TOPICS - {"create_configured"} | _TRANSACTIONS
        | {"idempotent", "group_offsets", "delete_group", "delete_offsets", "delete_records",
           "sizes", "set_password", "delete_password", "passwords"})

    @functools.cached_property
    def codecs(self):
        has_zstd = "process.exit('zstdCompressSync' in require('node:zlib') ? 0 : 1)"
        status = subprocess.run(["node", "-e", has_zstd]).returncode
        return CODECS if status == 0 else CODECS[:-1]
