"""Debian's python3-confluent-kafka, which is librdkafka: confluent.py BOOTSTRAP, or confluent.py
BOOTSTRAP TOPIC GROUP for a member of a group, or confluent.py BOOTSTRAP SOURCE TARGET GROUP ID for a
transformer."""

import os
import sys
import time

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

import protocol

COMMON = {
    "bootstrap.servers": sys.argv[1], "socket.timeout.ms": 10_000,
    "client.id": os.environ.get("KAFKA_CLIENT_ID", "confluent")}
if protocol.login():
    COMMON.update(
        zip(("sasl.mechanism", "sasl.username", "sasl.password"), protocol.login(), strict=True),
        **{"security.protocol": "SASL_PLAINTEXT"})
_producers = {}


def producer(codec, acks, idempotent):
    key = codec, acks, idempotent
    if key not in _producers:
        _producers[key] = ck.Producer({
            **COMMON, "compression.type": codec, "acks": acks, "enable.idempotence": idempotent,
            "linger.ms": 20, "message.max.bytes": 16 << 20, "retry.backoff.ms": 100,
            "topic.metadata.propagation.max.ms": 2_000, "reconnect.backoff.max.ms": 500})
    return _producers[key]


def produce(topic, records, codec="none", acks="all", idempotent=False):
    return send(producer(codec, acks, idempotent), topic, records)


def send(sender, topic, records):
    """Returns offsets when all are acknowledged."""
    offsets, errors = [None] * len(records), []

    def delivered(error, message, i):
        if error:
            errors.append(error)
        else:
            offsets[i] = message.offset()

    for i, r in enumerate(records):
        timestamp = {} if r["timestamp"] is None else {"timestamp": r["timestamp"]}
        sender.produce(
            topic, protocol.decode(r["value"]), protocol.decode(r["key"]), r["partition"],
            on_delivery=lambda e, m, i=i: delivered(e, m, i),
            headers=[(name, protocol.decode(value)) for name, value in r["headers"]], **timestamp)
    deadline = time.monotonic() + 50
    while len(sender) and time.monotonic() < deadline:  # flush() would not wait for a full batch
        sender.poll(0.05)
    if len(sender):
        raise TimeoutError("not delivered")
    if errors:
        raise ck.KafkaException(errors[0])
    return offsets


_transactional, _open = {}, set()


def transactional(id, timeout_ms):
    if id not in _transactional:
        made = ck.Producer({
            **COMMON, "transactional.id": id, "transaction.timeout.ms": timeout_ms, "linger.ms": 5,
            "socket.timeout.ms": min(timeout_ms, 10_000), "retry.backoff.ms": 100,
            "topic.metadata.propagation.max.ms": 2_000, "reconnect.backoff.max.ms": 500})
        made.init_transactions(30)
        _transactional[id] = made
    return _transactional[id]


def transact(id, topic, records, end="commit", timeout_ms=60_000, offsets=()):
    sender = transactional(id, timeout_ms)
    if id not in _open:
        sender.begin_transaction()
        _open.add(id)
    stored = send(sender, topic, records)
    for group, of, partition, offset in offsets:
        simple = consumer(group)
        sender.send_offsets_to_transaction(
            [ck.TopicPartition(of, partition, offset)], simple.consumer_group_metadata(), 10)
        simple.close()
    if end != "open":
        _open.discard(id)
        (sender.commit_transaction if end == "commit" else sender.abort_transaction)(30)
    return stored


def consumer(group="none", **options):
    return ck.Consumer({
        **COMMON, "group.id": group, "enable.auto.commit": False, "fetch.wait.max.ms": 200,
        "fetch.error.backoff.ms": 100, "reconnect.backoff.max.ms": 500, **options})


def as_record(m):
    return protocol.record(
        m.partition(), m.offset(), m.timestamp()[1], m.key(), m.value(), m.headers())


AWAY = ck.KafkaError._TRANSPORT, ck.KafkaError._ALL_BROKERS_DOWN


def polled(reader):
    """The next record; the hub may be away for a while."""
    while True:
        message = reader.poll(1)
        if message is None:
            continue
        if message.error() is None:
            return message
        if message.error().code() not in AWAY:
            raise ck.KafkaException(message.error())


def consume(topic, partition, start, count=None, until=None, isolation="read_committed"):
    where = {"earliest": ck.OFFSET_BEGINNING, "latest": ck.OFFSET_END}.get(start, start)
    reader = consumer(**{"isolation.level": isolation})
    reader.assign([ck.TopicPartition(topic, partition, where)])
    found = []
    while len(found) != count and (until is None or not found or found[-1]["value"] != until):
        found.append(as_record(polled(reader)))
    reader.close()
    return found


def commit(group, topic, offsets):
    simple = consumer(group)
    done = simple.commit(
        offsets=[ck.TopicPartition(topic, p, o) for p, o in offsets], asynchronous=False)
    for where in done:
        if where.error:
            raise ck.KafkaException(where.error)
    simple.close()


def committed(group, topic, partitions):
    simple = consumer(group)
    found = simple.committed([ck.TopicPartition(topic, p) for p in partitions], 10)
    simple.close()
    return [None if f.offset < 0 else [f.offset, ""] for f in found]


def offset_at(topic, partition, timestamp):
    reader = consumer()
    found = reader.offsets_for_times([ck.TopicPartition(topic, partition, timestamp)], 10)[0]
    reader.close()
    return None if found.offset < 0 else found.offset


def ends(topic, partition):
    reader = consumer()
    found = reader.get_watermark_offsets(ck.TopicPartition(topic, partition), 10)
    reader.close()
    return list(found)


def done(futures):
    for future in futures.values():
        future.result(10)


def create_topic(topic, partitions):
    admin = AdminClient(COMMON)  # it must outlive what it promised
    done(admin.create_topics([NewTopic(topic, partitions, 1)]))


def create_partitions(topic, partitions):
    admin = AdminClient(COMMON)
    done(admin.create_partitions([NewPartitions(topic, partitions)]))


def create_configured(topic, config):
    admin = AdminClient(COMMON)
    done(admin.create_topics([NewTopic(topic, 1, 1, config=config)]))


def configs(topic):
    admin = AdminClient(COMMON)
    asked = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)])
    (found,) = asked.values()
    return {name: entry.value for name, entry in found.result(10).items()}


def configure(topic, config):
    admin = AdminClient(COMMON)
    done(admin.alter_configs([ConfigResource(ConfigResource.Type.TOPIC, topic, set_config=config)]))


def delete_topic(topic):
    admin = AdminClient(COMMON)
    done(admin.delete_topics([topic]))


def topics():
    found = AdminClient(COMMON).list_topics(timeout=10).topics
    return {name: len(topic.partitions) for name, topic in found.items()}


def groups():
    return [group.id for group in AdminClient(COMMON).list_groups(timeout=10)]


def describe_group(group):
    found = AdminClient(COMMON).list_groups(group, timeout=10)[0]
    return {"state": found.state, "members": len(found.members)}


def member(topic, group):
    """Prints what it is given and reads; commits what it has printed."""
    reader = consumer(group, **{
        "auto.offset.reset": "earliest", "session.timeout.ms": 6_000, "heartbeat.interval.ms": 500})
    protocol.stop_on_sigterm()
    reader.subscribe([topic], on_assign=lambda _, given: protocol.say("A", len(given)))
    try:
        while True:
            messages = reader.consume(50, 0.2)
            for m in messages:
                if m.error() is None:
                    protocol.say("R", m.partition(), m.offset(), m.value().hex())
            try:
                if messages:
                    reader.commit(asynchronous=False)
            except ck.KafkaException as error:  # a rebalance came between, or the hub is away
                protocol.say("E", error)
    except protocol.Stopped:
        reader.close()


BATCH = 20
TRANSACTION_MS = 6_000


class Transformer:
    def __init__(self, source, target, group, id):
        self.target = target
        self.batch = []
        self.sender = transactional(id, TRANSACTION_MS)
        self.reader = consumer(group, **{
            "auto.offset.reset": "earliest", "session.timeout.ms": 6_000,
            "heartbeat.interval.ms": 500})
        self.reader.subscribe([source], on_assign=self.rebalanced, on_revoke=self.rebalanced)

    def rebalanced(self, *_):
        """What was read before and is in no transaction yet is somebody else's."""
        self.batch.clear()

    def fill(self):
        while len(self.batch) < BATCH:
            message = self.reader.poll(0.1)
            if message is None:
                if self.batch:
                    return
            elif message.error() is None:
                self.batch.append(message)
            elif message.error().code() not in AWAY:
                raise ck.KafkaException(message.error())

    def transact(self, commit):
        self.sender.begin_transaction()
        for m in self.batch:
            self.sender.produce(self.target, m.value(), m.value())
        after = {m.partition(): m.offset() + 1 for m in self.batch}
        source = self.batch[0].topic()
        self.sender.send_offsets_to_transaction(
            [ck.TopicPartition(source, p, offset) for p, offset in after.items()],
            self.reader.consumer_group_metadata(), 30)
        if commit:
            self.sender.commit_transaction(30)
        else:
            self.sender.flush(30)  # so that there is something to abort
            self.sender.abort_transaction(30)
        protocol.say("T" if commit else "X", len(self.batch))

    def run(self):
        number = 0
        while True:
            self.fill()
            number += 1
            if number % 4 == 0:
                self.transact(False)
            self.transact(True)
            self.batch.clear()


def transform(*arguments):
    transformer = Transformer(*arguments)
    try:
        transformer.run()
    except ck.KafkaException as error:
        protocol.say("E", error)
        if error.args[0].txn_requires_abort():
            transformer.sender.abort_transaction(30)
        transformer.reader.close()
        sys.exit(1)


if len(sys.argv) > 4:
    transform(*sys.argv[2:])
elif len(sys.argv) > 2:
    member(*sys.argv[2:])
else:
    protocol.serve({f.__name__: f for f in (
        produce, transact, consume, commit, committed, offset_at, ends, create_topic,
        create_partitions, create_configured, configs, configure, delete_topic, topics, groups,
        describe_group)})
