"""The records of million.py: a seeded mixture, what each door must show, and the comparison.

Nothing keeps a payload: of every record, eight bytes of a hash are kept for each door that shows
it, in the order of its stream. A stream is what keeps its order: an MQTT topic, or a partition
that one Kafka producer writes at a time.
"""

import array
import dataclasses
import hashlib
import random

MIB = 1 << 20
MQTT_TOPICS_EACH = 12  # below every prefix
PREFIXES = {"a": "sensors", "b": "rooms", "c": "mqtt"}  # of publishes, and the topic they go to
KAFKA_TOPIC, KAFKA_PARTITIONS = "produced", 5
T0 = 1_700_000_000_000
EXPIRY_S = 1_000_000

CONFIG = """
[[topic]]
name = "sensors"
partitions = 4
[[route]]
filter = "a/#"
topic = "sensors"

[[topic]]
name = "rooms"
partitions = 2
[[route]]
filter = "b/+/temp"
topic = "rooms"
key = "{1}"

[[topic]]
name = "produced"
partitions = 5
"""

_NAMES = (
    "unit", "place", "Ünit", "unit", "x-" + "long" * 20, "", "mqtt.qos", "hub.id", "user.name")
_WORDS = ("C", "K", "", "roof", "Ü" * 9, "a b\tc", "0" * 300)


def digest(*parts):
    """Eight bytes of a hash of None, numbers, strings, bytes, and lists of pairs, as a number."""
    h = hashlib.blake2b(digest_size=8)

    def add(part):
        if isinstance(part, (list, tuple)):
            h.update(b"L%d:" % len(part))
            for item in part:
                add(item)
        elif part is None:
            h.update(b"N")
        elif isinstance(part, int):
            h.update(b"I%d:" % part)
        else:
            data = part.encode() if isinstance(part, str) else part
            h.update(b"%s%d:" % (b"S" if isinstance(part, str) else b"B", len(data)))
            h.update(data)

    add(parts)
    return int.from_bytes(h.digest(), "big")


class Wrong(AssertionError):
    pass


class Expected:
    """What one door has to show, stream by stream."""

    def __init__(self):
        self.streams = {}

    def add(self, stream, value):
        """From any thread, but of a stream only from one at a time."""
        self.streams.setdefault(stream, array.array("Q")).append(value)

    @property
    def count(self):
        return sum(len(stream) for stream in list(self.streams.values()))


class Seen:
    """What one reader has seen of what is expected, compared as it comes."""

    def __init__(self, name, expected):
        self.name = name
        self.count = 0
        self._expected = expected
        self._at = dict.fromkeys(expected.streams, 0)

    def add(self, stream, value):
        self.count += 1
        owed = self._expected.streams.get(stream)
        at = self._at.setdefault(stream, 0)
        if owed is None or at >= len(owed):
            raise Wrong(f"{self.name}: {stream} has {len(owed or ())} records, here is one more "
                        + self._known(owed, value))
        if owed[at] != value:
            raise Wrong(f"{self.name}: {stream}, record {at} of {len(owed)} is another "
                        + self._known(owed, value))
        self._at[stream] = at + 1

    def has(self, stream, value):
        """Whether such a record was there already."""
        owed = self._expected.streams.get(stream, ())
        return value in owed[:self._at.get(stream, 0)]

    def check_whole(self):
        missing = {stream: f"{self._at.get(stream, 0)} of {len(owed)}"
                   for stream, owed in self._expected.streams.items()
                   if self._at.get(stream, 0) != len(owed)}
        if missing:
            raise Wrong(f"{self.name}: not all records came: {missing}")

    @staticmethod
    def _known(owed, value):
        places = [i for i, v in enumerate(owed or ()) if v == value]
        return f"(it is record {places})" if places else "(it was never written like that)"


@dataclasses.dataclass
class Publish:
    """Over MQTT. The properties are those of MQTT 5; a client of 3.1.1 has none."""

    topic: str
    payload: bytes
    qos: int
    client: str
    user: list
    content_type: str | None = None
    correlation: bytes | None = None
    response_topic: str | None = None
    payload_format: int | None = None
    expiry: int | None = None

    def at_mqtt(self):
        return digest(self.payload, self.qos, self.user, self.content_type, self.correlation,
                      self.response_topic, self.payload_format, self.expiry is not None)

    def at_kafka(self):
        """Key, value and headers, as docs/mapping.md has them."""
        key, headers = self.topic, []
        if self.topic.startswith("b/"):
            key = self.topic.split("/")[1]
            headers.append(("mqtt.topic", self.topic.encode()))
        if self.qos == 2:
            headers.append(("mqtt.qos", b"2"))
        headers.append(("mqtt.client", self.client.encode()))
        if self.expiry is not None:
            headers.append(("mqtt.expiry", b"%d" % self.expiry))
        if self.payload_format is not None:
            headers.append(("mqtt.payload_format", b"%d" % self.payload_format))
        for name, value in (("content_type", self.content_type),
                            ("response_topic", self.response_topic),
                            ("correlation_data", self.correlation)):
            if value is not None:
                data = value.encode() if isinstance(value, str) else value
                headers.append((f"mqtt.{name}", data))
        for name, value in self.user:
            reserved = name.startswith(("mqtt.", "hub.", "user."))
            headers.append((f"user.{name}" if reserved else name, value.encode()))
        return digest(key.encode(), self.payload, headers)


@dataclasses.dataclass
class Produce:
    """Over Kafka, to a partition of `produced`."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: list
    timestamp: int
    mqtt_topic: str | None  # where MQTT shows it

    def at_kafka(self):
        return digest(self.key, self.value, self.headers, self.timestamp)

    def at_mqtt(self):
        user = [(name, value.decode()) for name, value in self.headers if name != "mqtt.topic"]
        return digest(self.value or b"", 1, user, None, None, None, None, False)


class Mixture:
    """Records in any number; the same ones for the same seed."""

    def __init__(self, seed):
        self._random = random.Random(seed)
        self._noise = self._random.randbytes(3 * MIB)
        self._first_sizes = [MIB, 0]  # however few records are asked for
        words = b"it is 21.5 degrees on the roof, and it was 21.4 before; "
        self._text = words * (2 * MIB // len(words) + 1)

    def _bytes(self):
        """Mostly small; every size up to 1 MiB may come, 0 and 1 MiB do."""
        r = self._random
        kind = r.random()
        if self._first_sizes:
            size = self._first_sizes.pop(0)
        elif kind < 0.05:
            size = 0
        elif kind < 0.95:
            size = r.randrange(1, 200)
        elif kind < 0.9994:
            size = r.randrange(200, 8_000)
        else:
            size = r.choice((MIB, MIB - 1, r.randrange(8_000, MIB)))
        source = self._noise if r.random() < 0.5 else self._text
        at = r.randrange(len(source) - size)
        return source[at:at + size]

    def _pairs(self):
        r = self._random
        count = r.choice((0, 0, 0, 1, 2, 5))
        return [(r.choice(_NAMES), r.choice(_WORDS)) for _ in range(count)]

    def publish(self, publisher, v5):
        """Each publisher has MQTT topics of its own, and each of these one QoS."""
        r = self._random
        prefix, number = r.choice("abc"), r.randrange(MQTT_TOPICS_EACH)
        topic = f"{prefix}/{publisher}-{number}" + ("/temp" if prefix == "b" else "")
        found = Publish(topic, self._bytes(), 1 + number % 2, f"publisher-{publisher}", [])
        if v5:
            found.user = self._pairs()
            if r.random() < 0.3:
                found.content_type = r.choice(("text/plain", "", "application/ü"))
            if r.random() < 0.3:
                found.correlation = r.randbytes(r.choice((0, 1, 16)))
            if r.random() < 0.1:
                found.response_topic = "answers/here"
            if r.random() < 0.1:
                found.payload_format = 0
            if r.random() < 0.1:
                found.expiry = EXPIRY_S
        return found

    def produce(self, partition):
        """A fifth is for Kafka alone: what MQTT cannot carry, and what has no MQTT topic."""
        r = self._random
        value = None if r.random() < 0.03 else self._bytes()
        time_ms = T0 + r.randrange(10 ** 9)
        number = f"{partition}-{r.randrange(MQTT_TOPICS_EACH)}"
        kind = r.random()
        if kind < 0.2:
            key = r.choice((None, None, b"", b"\xff\x00key", r.randbytes(r.randrange(1, 300))))
            headers = [(name, r.choice((None, b"", b"\x00\xff", word.encode())))
                       for name, word in self._kafka_pairs()]
            return Produce(partition, key, value, headers, time_ms, None)
        headers = [(name, word.encode()) for name, word in self._kafka_pairs()]
        if kind < 0.6:
            key = f"k/{number}"  # no route leads to the topic: MQTT has the key below its name
            mqtt_topic = f"{KAFKA_TOPIC}/{key}"
            return Produce(partition, key.encode(), value, headers, time_ms, mqtt_topic)
        topic = f"h/{number}"
        key = r.choice((None, b"", b"7", b"\xff"))
        headers.insert(r.randrange(len(headers) + 1), ("mqtt.topic", topic.encode()))
        return Produce(partition, key, value, headers, time_ms, topic)

    def _kafka_pairs(self):
        """Without the names that the hub keeps for itself."""
        return [(name, word) for name, word in self._pairs() if not name.startswith(
            ("mqtt.", "hub.", "user."))]
