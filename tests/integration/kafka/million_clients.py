"""The clients of million.py: Debian's paho-mqtt (3.1.1 and 5) and confluent-kafka (every codec).
What they read is compared with what is expected as it comes; what fails in a thread is in `errors`.
"""

import ctypes
import socket
import threading
import time

import confluent_kafka as ck
import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from kafka_hub import CODECS
from million_records import (EXPIRY_S, KAFKA_PARTITIONS, KAFKA_TOPIC, PREFIXES, Seen, Wrong,
                             digest)

WINDOW = 50  # publishes in flight
CHUNK = 400  # records of a producer between two changes of its partition
STALLED_S = 60  # without progress
QUIET_S = 2  # after which nothing more is expected
FILTERS = [(f"{prefix}/#", 2) for prefix in (*PREFIXES, f"{KAFKA_TOPIC}/k", "h")]
TOPICS = (*PREFIXES.values(), KAFKA_TOPIC)


class Errors(list):
    """Of threads: an exception would be nobody's there. The first is the one that matters."""

    def append(self, error):
        if not self:
            super().append(error)

    def check(self):
        if self:
            raise self[0]


errors = Errors()


def guarded(work):
    def run(*args):
        try:
            work(*args)
        except Exception as error:
            errors.append(error)
    return run


def wait_for(what, progress, done):
    """Until done(); progress() is a number that grows."""
    last, since = progress(), time.monotonic()
    while not done():
        errors.check()
        time.sleep(0.02)
        now = progress()
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > STALLED_S:
            raise Wrong(f"{what}: stalled at {now}")
    errors.check()


# --- MQTT -----------------------------------------------------------------------------------------


class MqttClient:
    def __init__(self, hub, name, version=5, session=False):
        self.hub = hub
        self.version = version
        self.session = session
        self.present = False
        self._connected = threading.Event()
        v5 = version == 5
        self.paho = paho.Client(
            name, protocol=paho.MQTTv5 if v5 else paho.MQTTv311,
            **({} if v5 else {"clean_session": not session}))
        self.paho.on_connect = self._on_connect
        self.paho.on_socket_open = lambda _, __, sock: sock.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.paho.max_inflight_messages_set(WINDOW)

    def _on_connect(self, _client, _data, flags, reason, _properties=None):
        if reason != 0:
            errors.append(Wrong(f"CONNACK: {reason}"))
        self.present = flags["session present"]
        self._connected.set()

    def connect(self):
        self._connected.clear()
        options = {}
        if self.version == 5:
            properties = Properties(PacketTypes.CONNECT)
            if self.session:
                properties.SessionExpiryInterval = 86_400
            options = {"clean_start": not self.session, "properties": properties}
        self.paho.connect("127.0.0.1", self.hub.port, keepalive=600, **options)
        self.paho.loop_start()
        if not self._connected.wait(STALLED_S):
            raise Wrong("no CONNACK")
        errors.check()

    def disconnect(self):
        self.paho.disconnect()
        self.paho.loop_stop()


class Publisher(MqttClient):
    """Publishes its share, a window at a time."""

    def __init__(self, hub, number, version):
        super().__init__(hub, f"publisher-{number}", version)
        self.number = number
        self.acknowledged = 0
        self._window = threading.Semaphore(WINDOW)
        self.paho.on_publish = self._on_publish

    def _on_publish(self, *_):
        self.acknowledged += 1
        self._window.release()

    @guarded
    def run(self, count, mixture, at_mqtt, at_kafka):
        self.connect()
        for _ in range(count):
            p = mixture.publish(self.number, self.version == 5)
            at_mqtt.add(p.topic, p.at_mqtt())
            at_kafka.add((PREFIXES[p.topic[0]], p.topic), p.at_kafka())
            if not self._window.acquire(timeout=STALLED_S):
                raise Wrong(f"publisher {self.number}: no acknowledgement in {STALLED_S} s")
            self.paho.publish(p.topic, p.payload, p.qos, properties=self._properties(p))
        wait_for("publisher", lambda: self.acknowledged, lambda: self.acknowledged == count)
        self.disconnect()

    def _properties(self, p):
        if self.version != 5:
            return None
        found = Properties(PacketTypes.PUBLISH)
        for name, value in (
                ("ContentType", p.content_type), ("CorrelationData", p.correlation),
                ("ResponseTopic", p.response_topic), ("PayloadFormatIndicator", p.payload_format),
                ("MessageExpiryInterval", p.expiry)):
            if value is not None:
                setattr(found, name, value)
        for pair in p.user:
            found.UserProperty = pair
        return found


class Subscriber(MqttClient):
    """A session of everything; compares what comes with what is expected."""

    def __init__(self, hub, name, expected):
        super().__init__(hub, name, session=True)
        self.expected = expected
        self.seen = Seen(name, expected)
        self.after = None  # repeats, once everything has been seen
        self._subscribed = threading.Event()
        self.paho.on_subscribe = lambda *_: self._subscribed.set()
        self.paho.on_message = guarded(self._on_message)

    def subscribe(self):
        self.connect()
        self.paho.subscribe([(f, SubscribeOptions(qos=qos)) for f, qos in FILTERS])
        if not self._subscribed.wait(STALLED_S):
            raise Wrong("no SUBACK")

    def _on_message(self, _client, _data, m):
        value = message_digest(m)
        if self.after is None:
            self.seen.add(m.topic, value)
        elif m.qos == 2 or not self.seen.has(m.topic, value):
            raise Wrong(f"{self.seen.name}: {m.topic} came again after the restart, QoS {m.qos}")
        else:
            self.after += 1

    def wait_whole(self):
        wait_for(self.seen.name, lambda: self.seen.count,
                 lambda: self.seen.count >= self.expected.count)
        time.sleep(QUIET_S)  # for one too many
        errors.check()
        self.seen.check_whole()


def message_digest(m):
    p = m.properties
    expiry = getattr(p, "MessageExpiryInterval", None)
    if expiry is not None and not EXPIRY_S - 86_400 < expiry <= EXPIRY_S:
        raise Wrong(f"{m.topic}: {expiry} s left of {EXPIRY_S} s")
    return digest(
        m.payload, m.qos, list(getattr(p, "UserProperty", [])), getattr(p, "ContentType", None),
        getattr(p, "CorrelationData", None), getattr(p, "ResponseTopic", None),
        getattr(p, "PayloadFormatIndicator", None), expiry is not None)


# --- Kafka ----------------------------------------------------------------------------------------


class KafkaProducers:
    """One for every codec. They take turns with the partitions, so that each holds all codecs, and
    never two at once, so that its order is known."""

    def __init__(self, hub):
        self.delivered = 0
        self.producers = [
            ck.Producer({
                "bootstrap.servers": hub.bootstrap, "compression.type": codec, "acks": "all",
                "enable.idempotence": number % 2 == 0, "linger.ms": 5,
                "message.max.bytes": 2 << 20, "queue.buffering.max.kbytes": 32 << 10,
                # Only to go on in order should an answer be late.
                "max.in.flight.requests.per.connection": 5 if number % 2 == 0 else 1})
            for number, codec in enumerate(CODECS)]

    @guarded
    def run(self, count, mixture, at_mqtt, at_kafka):
        turn, left = 0, count
        while left > 0:
            for number, producer in enumerate(self.producers):
                partition = (number + turn) % KAFKA_PARTITIONS
                for _ in range(min(CHUNK, left)):
                    self._produce(producer, mixture.produce(partition), at_mqtt, at_kafka)
                left -= min(CHUNK, left)
            for producer in self.producers:
                if producer.flush(STALLED_S):
                    raise Wrong("a Kafka producer was not answered")
            turn += 1
        if self.delivered != count:
            raise Wrong(f"{self.delivered} of {count} records delivered")

    def _produce(self, producer, r, at_mqtt, at_kafka):
        at_kafka.add((KAFKA_TOPIC, r.partition), r.at_kafka())
        if r.mqtt_topic is not None:
            at_mqtt.add(r.mqtt_topic, r.at_mqtt())
        while True:
            try:
                producer.produce(KAFKA_TOPIC, r.value, r.key, r.partition, headers=r.headers,
                                 timestamp=r.timestamp, on_delivery=self._on_delivery)
                producer.poll(0)
                return
            except BufferError:
                producer.poll(0.1)

    def _on_delivery(self, error, _message):
        if error:
            errors.append(Wrong(f"produce: {error}"))
        self.delivered += 1


def read_by_kafka(hub, name, expected, began_ms):
    """Every partition from its first offset to its end."""
    reader = ck.Consumer({
        "bootstrap.servers": hub.bootstrap, "group.id": "none", "enable.auto.commit": False,
        "queued.max.messages.kbytes": 32 << 10, "fetch.message.max.bytes": 2 << 20})
    metadata = reader.list_topics(timeout=10).topics
    where = [ck.TopicPartition(topic, p, 0) for topic in TOPICS for p in metadata[topic].partitions]
    ends = {(w.topic, w.partition): reader.get_watermark_offsets(w, 10) for w in where}
    if any(low != 0 for low, _ in ends.values()):
        raise Wrong(f"{name}: records are gone: {ends}")
    total = sum(high for _, high in ends.values())
    if total != expected.count:
        raise Wrong(f"{name}: {total} records of {expected.count} are in the log")
    reader.assign(where)
    seen, next_offsets, partition_of = Seen(name, expected), dict.fromkeys(ends, 0), {}
    last = time.monotonic()
    while seen.count < total:
        messages = reader.consume(1000, 1)
        if messages:
            last = time.monotonic()
        elif time.monotonic() - last > STALLED_S:
            raise Wrong(f"{name}: stalled at {seen.count} of {total}")
        for m in messages:
            if m.error():
                raise Wrong(f"{name}: {m.error()}")
            place = m.topic(), m.partition()
            if m.offset() != next_offsets[place]:
                raise Wrong(f"{name}: {place}: offset {m.offset()} for {next_offsets[place]}")
            next_offsets[place] += 1
            take(m, seen, partition_of, began_ms)
    reader.close()
    seen.check_whole()
    return seen.count


def headers_of(m):
    """confluent-kafka 1.7 hands out None for a null header without taking a reference to it: after
    some thousands of them, Python would find that nobody needs None any more, and abort."""
    found = m.headers() or []
    for _, value in found:
        if value is None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))
    return found


def take(m, seen, partition_of, began_ms):
    headers = headers_of(m)
    if m.topic() == KAFKA_TOPIC:
        return seen.add((KAFKA_TOPIC, m.partition()),
                        digest(m.key(), m.value(), headers, m.timestamp()[1]))
    topic = dict(headers).get("mqtt.topic", m.key()).decode()
    if partition_of.setdefault(topic, m.partition()) != m.partition():
        raise Wrong(f"{topic} is in two partitions")
    if not began_ms - 1000 <= m.timestamp()[1] <= time.time() * 1000 + 1000:
        raise Wrong(f"{topic}: published at {m.timestamp()[1]}")
    return seen.add((m.topic(), topic), digest(m.key(), m.value(), headers))
