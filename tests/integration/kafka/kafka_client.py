"""Every Kafka client of the matrix behind the same operations.

    produce(topic, records, codec=, acks=, idempotent=)   -> offsets
    consume(topic, partition, start, count=, until=, isolation=)
                                                          -> records; start: offset or a word
    transact(id, topic, records, end=, timeout_ms=, offsets=)
                                                             in a transaction of this transactional
                                                             id: begun if none is open; end: "commit",
                                                             "abort" or "open"; offsets:
                                                             [[group, topic, partition, offset], …]
    commit(group, topic, [[partition, offset], …])           as a simple consumer, without joining
    committed(group, topic, [partition, …])               -> [[offset, metadata] or None, …]
    offset_at(topic, partition, timestamp), ends(topic, partition)
    create_topic, create_partitions, topics, groups, describe_group, group_offsets, delete_group,
    delete_offsets, delete_topic, delete_records(topic, [[partition, offset], …])
    create_configured(topic, {key: value}), configs(topic) -> {key: value}, configure(topic, …)
    set_password(user, mechanism, password), delete_password(user, mechanism), passwords()

`can` says which of them a client has at all ("isolation": of `consume`), and `codecs` which codecs. A client that is a library
of Python or Node.js runs in a process of its own (drivers/); programs run once per operation.
"""

import pathlib

from kafka_hub import CODECS, Record

DRIVERS = pathlib.Path(__file__).resolve().parent / "drivers"
PATIENCE_S = 60
BASICS = {"produce", "consume", "commit", "committed", "offset_at", "ends"}


class ClientError(Exception):
    """The client refused, or told of an error of the hub; the text is the client's."""


class Client:
    """What all have in common; a test asks one for one operation at a time."""

    codecs = CODECS
    can = frozenset()
    mechanisms = "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"
    login = None  # one of them, a user and a password
    escapes_names = True  # in SCRAM's messages: a comma, an equals sign

    def __init__(self, the_hub):
        self.hub = the_hub

    def login_properties(self):
        """As librdkafka has them."""
        if self.login is None:
            return {}
        names = "sasl.mechanism", "sasl.username", "sasl.password"
        return {"security.protocol": "SASL_PLAINTEXT", **dict(zip(names, self.login, strict=True))}

    def carried(self, record):
        """What can be seen of a record through this client: some cannot tell all of it apart."""
        return record

    def producible(self, record):
        """Whether the client can send this record at all."""
        return True

    def member(self, topic, group):
        """A member of a group in a process of its own."""
        raise NotImplementedError

    def transformer(self, source, target, group, id):
        """A process that consumes, transforms and produces: it reads `source` as a member of the
        group and writes each value, as key and value, to `target`, in transactions of `id` that
        commit its offsets. It aborts one in four on purpose, and does it again. Lines: "T COUNT" for
        records committed, "X COUNT" for aborted, "E …" before it gives up, for another to replace
        it."""
        raise NotImplementedError

    def produce_slowly(self, topic, count, acknowledged, idempotent=False):
        """The numbers below `count` in their order, one producer, over a second or more; appends to
        `acknowledged` what was."""
        options = {"idempotent": True} if idempotent else {}  # not every client has the word
        for first in range(0, count, 10):
            numbers = range(first, min(first + 10, count))
            self.produce(topic, [Record(value=b"%d" % n) for n in numbers], **options)
            acknowledged.extend(numbers)

    def close(self):
        """Ends what runs."""
