"""A hub with its Kafka door open, and the records that every client has to carry."""

import dataclasses
import pathlib
import random
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import support  # noqa: E402

SEED = 2024_07_01  # of the bytes that no codec makes smaller
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
T0 = 1_700_000_000_000


class KafkaHub(support.Hub):
    """`kafka` holds keys of the [kafka] section; `extra` is appended to the configuration."""

    def __init__(self, extra="", **kafka):
        super().__init__(extra)
        self.kafka = kafka
        self.draw_ports()

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.kafka_port}"

    def _config(self):
        text = {True: "true", False: "false"}
        keys = "\n".join(
            f"{key} = {text[v] if isinstance(v, bool) else v if isinstance(v, int) else repr(v)}"
            for key, v in self.kafka.items())
        return re.sub(
            r"\[kafka\]\nlisten = \[\]", f'[kafka]\nlisten = ["{self.bootstrap}"]\n{keys}',
            super()._config())


@dataclasses.dataclass
class Record:
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple = ()  # pairs of a name and bytes or None
    timestamp: int | None = T0
    partition: int = 0
    offset: int | None = None


def small_records():
    """Nulls, empty, every byte, headers that repeat, are empty or null, times that go back."""
    every_byte = bytes(range(256))
    return [
        Record(b"key", b"value", (), T0),
        Record(None, b"no key", (), T0 + 1),
        Record(b"tombstone", None, (), T0 + 2),
        Record(b"", b"", (), T0 + 3),
        Record(None, None, (("only", b"headers"),), T0 + 4),
        Record(every_byte, every_byte * 3, (("bytes", every_byte[1:]),), T0 + 60_000),
        Record(b"headers", b"many",
               (("z", b"1"), ("a", b"2"), ("z", b"3"), ("empty", b"")), T0 - 5),
        Record(b"null header", b"x", (("null", None), ("after", b"it")), T0 + 5),
        Record("schlüssel".encode(), "wert €".encode(), (("n", "ü".encode()),), T0 + 6),
        Record(b"long", b"the same words again and again; " * 6_000, (), T0 + 7),
    ]


def big_record():
    """A value just below the hub's default limit of 1 MiB for a batch that cannot be compressed."""
    return Record(b"big", random.Random(SEED).randbytes(1_000_000), (("size", b"big"),), T0 + 8)


def numbered(count, first=0, partition=0):
    return [Record(b"%d" % i, b"value %d" % i, (), T0 + i, partition)
            for i in range(first, first + count)]
