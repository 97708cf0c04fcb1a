"""Acknowledgements, idempotence, refusals and topics that are made or not.

    theme_producers.py CLIENT
"""

from kafka_client import ClientError
from kafka_hub import Record, numbered, support
from matrix import Theme, needs, run


class Producers(Theme):
    config = {"message_max": "64KiB"}
    extra = '[[topic]]\nname = "three"\npartitions = 3\n'

    def test_acks_of_each_kind_deliver(self):
        for acks in (0, 1, "all"):
            with self.subTest(acks=acks):
                topic = f"acks-{acks}"
                self.client.produce(topic, [Record(value=b"first")])  # the topic is there after it
                self.client.produce(topic, [Record(value=b"%d" % i) for i in range(20)], acks=acks)
                support.eventually("21 records", lambda t=topic: self.end(t) == 21)
                found = self.client.consume(topic, 0, 1, count=20)
                self.assertEqual([r.value for r in found], [b"%d" % i for i in range(20)])

    @needs("idempotent")
    def test_an_idempotent_producer_delivers_once_and_in_order(self):
        records = [Record(b"%d" % i, b"%d" % i) for i in range(200)]
        for part in range(0, 200, 50):
            self.client.produce("idempotent", records[part:part + 50], idempotent=True)
        found = self.client.consume("idempotent", 0, "earliest", count=200)
        self.assertEqual([r.value for r in found], [r.value for r in records])
        self.assertEqual(self.end("idempotent"), 200)

    def test_each_record_goes_to_the_partition_that_was_asked_for(self):
        for partition in range(3):
            self.client.produce("three", numbered(5, 10 * partition, partition))
        for partition in range(3):
            found = self.client.consume("three", partition, "earliest", count=5)
            self.assertEqual([int(r.key) for r in found], [10 * partition + i for i in range(5)])
            self.assertEqual({r.partition for r in found}, {partition})

    def test_a_message_that_is_too_large_is_refused_and_the_next_is_not(self):
        self.client.produce("large", [Record(value=b"before")])
        with self.assertRaisesRegex(ClientError, r"(?i)too.?large|MSG_SIZE|larger than"):
            self.client.produce("large", [Record(value=bytes(100_000))])
        self.client.produce("large", [Record(value=b"after")])
        found = self.client.consume("large", 0, "earliest", count=2)
        self.assertEqual([r.value for r in found], [b"before", b"after"])

    def test_a_topic_is_made_by_the_first_record(self):
        self.client.produce("made-by-a-record", [Record(value=b"1")])
        self.assertEqual(len(self.hub.records("made-by-a-record")), 1)


class ProducersWithoutAutoCreation(Theme):
    config = {"auto_create_topics": False}

    def test_an_unknown_topic_is_refused_and_not_made(self):
        with self.assertRaisesRegex(
                ClientError, r"(?i)unknown.?(topic|partition)|does not host|Failed to update"):
            self.client.produce("unknown", [Record(value=b"1")])
        topics = [topic["name"] for topic in self.hub.json("/api/v1/topics")["topics"]]
        self.assertNotIn("unknown", topics)


if __name__ == "__main__":
    run(Producers, ProducersWithoutAutoCreation)
