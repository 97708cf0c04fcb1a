"""Debian's python3-kafka: python_kafka.py BOOTSTRAP, or python_kafka.py BOOTSTRAP TOPIC GROUP for a
member of a group."""

import sys

import kafka
from kafka.admin import (
    ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions, NewTopic)

import protocol

BOOTSTRAP = sys.argv[1]
MAX_BYTES = 16 << 20
LOGIN = dict(zip(("sasl_mechanism", "sasl_plain_username", "sasl_plain_password"),
                 protocol.login() or ()))
if LOGIN:
    LOGIN["security_protocol"] = "SASL_PLAINTEXT"
_producers = {}


def producer(codec, acks):
    if (codec, acks) not in _producers:
        _producers[codec, acks] = kafka.KafkaProducer(
            bootstrap_servers=BOOTSTRAP, acks=acks, linger_ms=20, retries=1000, max_block_ms=8_000,
            compression_type=None if codec == "none" else codec, max_request_size=MAX_BYTES,
            max_in_flight_requests_per_connection=1, batch_size=1 << 20, buffer_memory=64 << 20,
            **LOGIN)
    return _producers[codec, acks]


def produce(topic, records, codec="none", acks="all"):
    sender = producer(codec, acks)
    futures = [
        sender.send(
            topic, partition=r["partition"], key=protocol.decode(r["key"]),
            value=protocol.decode(r["value"]), timestamp_ms=r["timestamp"],
            headers=[(name, protocol.decode(value)) for name, value in r["headers"]])
        for r in records]
    sender.flush(60)
    return [future.get(60).offset for future in futures]


def consumer(**options):
    return kafka.KafkaConsumer(
        bootstrap_servers=BOOTSTRAP, enable_auto_commit=False, fetch_max_wait_ms=200,
        max_partition_fetch_bytes=4 << 20, **LOGIN, **options)


def consume(topic, partition, start, count=None, until=None):
    found = []
    where = kafka.TopicPartition(topic, partition)
    with_reset = {"auto_offset_reset": start} if isinstance(start, str) else {}
    reader = consumer(**with_reset)
    reader.assign([where])
    if isinstance(start, int):
        reader.seek(where, start)
    elif start == "earliest":
        reader.seek_to_beginning(where)
    else:
        reader.seek_to_end(where)
    for r in reader:
        found.append(
            protocol.record(r.partition, r.offset, r.timestamp, r.key, r.value, r.headers))
        if len(found) == count or (until is not None and protocol.encode(r.value) == until):
            break
    reader.close()
    return found


def commit(group, topic, offsets, metadata=""):
    simple = consumer(group_id=group)
    simple.assign([kafka.TopicPartition(topic, p) for p, _ in offsets])
    simple.commit({kafka.TopicPartition(topic, p): kafka.OffsetAndMetadata(o, metadata)
                   for p, o in offsets})
    simple.close()


def committed(group, topic, partitions):
    simple = consumer(group_id=group)
    found = [simple.committed(kafka.TopicPartition(topic, p), metadata=True) for p in partitions]
    simple.close()
    return [None if f is None else [f.offset, f.metadata] for f in found]


def offset_at(topic, partition, timestamp):
    where = kafka.TopicPartition(topic, partition)
    reader = consumer()
    found = reader.offsets_for_times({where: timestamp})[where]
    reader.close()
    return None if found is None else found.offset


def ends(topic, partition):
    where = kafka.TopicPartition(topic, partition)
    reader = consumer()
    found = [reader.beginning_offsets([where])[where], reader.end_offsets([where])[where]]
    reader.close()
    return found


def admin():
    return KafkaAdminClient(bootstrap_servers=BOOTSTRAP, **LOGIN)


def create_topic(topic, partitions):
    admin().create_topics([NewTopic(topic, partitions, 1)])


def create_partitions(topic, partitions):
    admin().create_partitions({topic: NewPartitions(partitions)})


def create_configured(topic, config):
    admin().create_topics([NewTopic(topic, 1, 1, topic_configs=config)])


def resource(topic, config=None):
    return ConfigResource(ConfigResourceType.TOPIC, topic, configs=config)


def no_error(code, message):
    if code != 0:
        raise kafka.errors.for_code(code)(message)


def configs(topic):
    (code, message, _, _, entries), = admin().describe_configs([resource(topic)])[0].resources
    no_error(code, message)
    return {entry[0]: entry[1] for entry in entries}


def configure(topic, config):
    for code, message, _, _ in admin().alter_configs([resource(topic, config)]).resources:
        no_error(code, message)


def delete_topic(topic):
    admin().delete_topics([topic])


def topics():
    reader = consumer()
    found = {name: len(reader.partitions_for_topic(name)) for name in reader.topics()}
    reader.close()
    return found


def groups():
    return [name for name, _ in admin().list_consumer_groups()]


def describe_group(group):
    found = admin().describe_consumer_groups([group])[0]
    return {"state": found.state, "members": len(found.members)}


def group_offsets(group):
    found = admin().list_consumer_group_offsets(group)
    return [[where.topic, where.partition, value.offset] for where, value in found.items()]


def delete_group(group):
    for name, error in admin().delete_consumer_groups([group]):
        if error is not kafka.errors.NoError:
            raise error(name)


def member(topic, group):
    """Prints what it is given and reads; commits what it has printed."""

    class Listener(kafka.ConsumerRebalanceListener):
        def on_partitions_revoked(self, revoked):
            pass

        def on_partitions_assigned(self, assigned):
            protocol.say("A", len(assigned))

    reader = consumer(
        group_id=group, auto_offset_reset="earliest", session_timeout_ms=6_000,
        heartbeat_interval_ms=500, max_poll_records=50)
    protocol.stop_on_sigterm()
    reader.subscribe([topic], listener=Listener())
    try:
        while True:
            for found in reader.poll(timeout_ms=200).values():
                for r in found:
                    protocol.say("R", r.partition, r.offset, r.value.hex())
            try:
                reader.commit()
            except kafka.errors.KafkaError as error:  # a rebalance came between, or the hub is away
                protocol.say("E", error)
    except protocol.Stopped:
        reader.close(autocommit=False)


if len(sys.argv) > 2:
    member(*sys.argv[2:])
else:
    protocol.serve({f.__name__: f for f in (
        produce, consume, commit, committed, offset_at, ends, create_topic, create_partitions,
        create_configured, configs, configure, delete_topic, topics, groups, describe_group,
        group_offsets, delete_group)})
