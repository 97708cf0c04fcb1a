"""One theme with one client: what every theme_*.py shares."""

import struct
import socket
import sys
import unittest

from clients import CLIENTS
from kafka_hub import KafkaHub
from libraries import Confluent


class Batch:
    """The head of a record batch as it comes over the wire."""

    def __init__(self, data):
        self.base_offset, self.length = struct.unpack_from(">qi", data)
        self.attributes, self.last_delta = struct.unpack_from(">hi", data, 21)
        self.codec = self.attributes & 7


def fetch(the_hub, topic, partition, offset):
    """The batches at an offset: one Fetch request (version 4) by hand, so that no client's opinion
    of what it reads comes between."""
    name = topic.encode()
    body = struct.pack(">hhih", 1, 4, 7, -1)  # API, version, correlation, no client id
    body += struct.pack(">iiiib", -1, 0, 1, 8 << 20, 0)  # waits for nothing
    body += struct.pack(">ih", 1, len(name)) + name
    body += struct.pack(">iiqi", 1, partition, offset, 8 << 20)
    with socket.create_connection(("127.0.0.1", the_hub.kafka_port), timeout=20) as connection:
        connection.sendall(struct.pack(">i", len(body)) + body)
        stream = connection.makefile("rb")
        answer = stream.read(struct.unpack(">i", stream.read(4))[0])
    # correlation, throttle, topics, name, partitions, partition, error, watermark, stable, aborted
    at = 4 + 4 + 4 + 2 + len(name) + 4 + 4
    error, = struct.unpack_from(">h", answer, at)
    at += 2 + 8 + 8
    aborted, = struct.unpack_from(">i", answer, at)
    at += 4 + 16 * max(aborted, 0)
    size, = struct.unpack_from(">i", answer, at)
    data = answer[at + 4:at + 4 + max(size, 0)]
    if error:
        raise AssertionError(f"fetch: error {error}")
    found = []
    while data:
        batch = Batch(data)
        found.append(batch)
        data = data[12 + batch.length:]
    return found


class Theme(unittest.TestCase):
    """One hub and one client for a class. `reference` is another client, for the other side."""

    name = ""  # of the client
    config = {}
    extra = ""
    needs = frozenset()

    @classmethod
    def setUpClass(cls):
        cls.hub = KafkaHub(cls.extra, **cls.config)
        cls.addClassCleanup(cls.hub.remove)
        cls.before_start(cls.hub)
        cls.hub.start()
        cls.client = CLIENTS[cls.name](cls.hub)
        cls.addClassCleanup(cls.client.close)
        cls.reference = Confluent(cls.hub)
        cls.reference.environment = {"KAFKA_CLIENT_ID": "reference"}
        cls.addClassCleanup(cls.reference.close)

    @classmethod
    def before_start(cls, the_hub):
        """What the configuration needs beside it."""

    def tearDown(self):
        if not self.hub.alive():
            self.fail(self.hub.log())

    def batches(self, topic, partition=0):
        """All batches of a partition."""
        found, offset = [], 0
        while True:
            more = fetch(self.hub, topic, partition, offset)
            if not more:
                return found
            found += more
            offset = more[-1].base_offset + more[-1].last_delta + 1

    def end(self, topic, partition=0):
        """The offset that the next record gets."""
        found = self.batches(topic, partition)
        return found[-1].base_offset + found[-1].last_delta + 1 if found else 0


def run(*themes):
    """`THEME CLIENT [TEST…]`: only the tests of what the client can do are run."""
    name = sys.argv.pop(1)
    suite = unittest.TestSuite()
    for theme in themes:
        theme.name = name
        for test in unittest.defaultTestLoader.loadTestsFromTestCase(theme):
            wanted = getattr(getattr(theme, test._testMethodName), "needs", frozenset())
            chosen = len(sys.argv) < 2 or any(word in test.id() for word in sys.argv[1:])
            if wanted <= CLIENTS[name].can and chosen:
                suite.addTest(test)
    if suite.countTestCases() == 0:
        sys.exit(f"{name} has no test of this theme")
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(not result.wasSuccessful())


def needs(*operations):
    """A test for the clients that have these operations."""

    def mark(test):
        test.needs = frozenset(operations)
        return test

    return mark
