"""Topics and groups as an administrator sees them.

    theme_admin.py CLIENT
"""

import time

from kafka_client import ClientError
from kafka_hub import Record, support
from matrix import Theme, needs, run


class Admin(Theme):
    @needs("create_topic", "topics")
    def test_a_topic_is_made_with_its_partitions_and_seen(self):
        self.client.create_topic("made", 5)
        self.assertEqual(self.client.topics()["made"], 5)
        made = {t["name"]: t for t in self.hub.json("/api/v1/topics")["topics"]}
        self.assertEqual(len(made["made"]["partitions"]), 5)
        with self.assertRaisesRegex(ClientError, r"(?i)already.?exist|TOPIC_ALREADY_EXISTS"):
            self.client.create_topic("made", 5)

    @needs("topics")
    def test_topics_of_the_configuration_and_of_others_are_listed(self):
        self.reference.create_topic("by-another", 4)
        self.assertEqual(self.client.topics()["by-another"], 4)

    @needs("create_topic")
    def test_a_name_that_cannot_be_is_refused(self):
        with self.assertRaisesRegex(ClientError, r"(?i)invalid|illegal|not valid|TOPIC_EXCEPTION"):
            self.client.create_topic("no/slash", 1)

    @needs("create_partitions")
    def test_partitions_are_added_and_take_records(self):
        self.client.create_topic("grows", 1)
        self.client.create_partitions("grows", 3)
        self.assertEqual(self.client.topics()["grows"], 3)
        self.reference.produce("grows", [Record(value=b"in the last", partition=2)])
        found, = self.client.consume("grows", 2, "earliest", count=1)
        self.assertEqual(found.value, b"in the last")
        with self.assertRaisesRegex(ClientError, r"(?i)partition"):
            self.client.create_partitions("grows", 2)

    @needs("create_configured", "configs", "configure")
    def test_a_topic_is_made_with_a_configuration_that_is_read_and_changed(self):
        self.client.create_configured("configured", {"retention.ms": "60000"})
        found = self.client.configs("configured")
        self.assertEqual(found["retention.ms"], "60000")
        self.assertEqual(found["cleanup.policy"], "delete")
        self.client.configure("configured", {"retention.ms": "70000", "max.message.bytes": "300"})
        self.hub.kill()
        self.hub.start()
        found = self.client.configs("configured")
        self.assertEqual((found["retention.ms"], found["max.message.bytes"]), ("70000", "300"))
        with self.assertRaisesRegex(ClientError, r"(?i)large|size"):
            self.reference.produce("configured", [Record(value=b"x" * 600)])
        with self.assertRaises(ClientError):
            self.client.configure("configured", {"no.such.key": "1"})
        with self.assertRaises(ClientError):
            self.client.create_configured("refused", {"retention.ms": "soon"})
        self.assertNotIn("refused", self.client.topics())

    @needs("create_topic", "configs", "configure")
    def test_the_configuration_of_a_topic_is_changed(self):
        self.client.create_topic("changed", 1)
        self.client.configure("changed", {"max.message.bytes": "300"})
        self.assertEqual(self.client.configs("changed")["max.message.bytes"], "300")
        with self.assertRaisesRegex(ClientError, r"(?i)large|size"):
            self.reference.produce("changed", [Record(value=b"x" * 600)])

    @needs("create_configured")
    def test_records_of_a_topic_with_append_time_have_the_time_of_the_hub(self):
        self.client.create_configured("stamped", {"message.timestamp.type": "LogAppendTime"})
        begun = int(time.time() * 1000) - 1
        self.reference.produce("stamped", [Record(value=b"x", timestamp=1000)])
        found, = self.client.consume("stamped", 0, "earliest", count=1)
        self.assertGreaterEqual(found.timestamp, begun)
        self.assertEqual(self.reference.offset_at("stamped", 0, begun), 0)

    @needs("create_topic", "delete_topic", "topics")
    def test_a_deleted_topic_is_gone_and_its_name_begins_anew(self):
        self.client.create_topic("goes", 2)
        self.reference.produce("goes", [Record(value=b"old")] * 3)
        self.reference.commit("of-goes", "goes", [[0, 2]])
        self.reference.close()  # its producer would ask for the topic, which makes it
        self.client.delete_topic("goes")
        self.assertNotIn("goes", self.client.topics())
        self.hub.kill()
        self.hub.start()
        self.assertNotIn("goes", self.client.topics())
        self.assertEqual(self.reference.committed("of-goes", "goes", [0]), [None])
        self.client.create_topic("goes", 1)
        self.reference.produce("goes", [Record(value=b"new")])
        found, = self.client.consume("goes", 0, "earliest", count=1)
        self.assertEqual((found.offset, found.value), (0, b"new"))
        with self.assertRaises(ClientError):
            self.client.delete_topic("mqtt")

    @needs("sizes")
    def test_the_bytes_of_a_partition_are_told(self):
        self.client.create_topic("sized", 2)
        self.reference.produce("sized", [Record(value=bytes(10_000))] * 3)
        ((_, full), (_, empty)) = self.client.sizes("sized", [0, 1])
        self.assertGreater(full, 30_000)
        self.assertLess(full, 31_000)
        self.assertEqual(empty, 0)

    @needs("create_topic", "delete_records", "ends")
    def test_deleted_records_are_gone_and_the_rest_is_read(self):
        self.client.create_topic("trimmed", 1)
        self.reference.produce("trimmed", [Record(value=b"%d" % i) for i in range(5)])
        self.client.delete_records("trimmed", [[0, 3]])
        self.hub.kill()
        self.hub.start()
        self.assertEqual(self.client.ends("trimmed", 0), [3, 5])
        found = self.client.consume("trimmed", 0, "earliest", count=2)
        self.assertEqual([(r.offset, r.value) for r in found], [(3, b"3"), (4, b"4")])
        with self.assertRaises(ClientError):
            self.client.delete_records("trimmed", [[0, 6]])

    def group_with_a_member(self, group):
        self.reference.produce("grouped", [Record(value=b"x")] * 3)
        member = self.reference.member("grouped", group)
        self.addCleanup(member.kill)
        member.line(lambda line: line.startswith(b"R 0 2"))
        return member

    @needs("groups", "describe_group")
    def test_a_group_is_listed_and_described_from_its_first_member_to_its_last(self):
        member = self.group_with_a_member("described")
        self.assertIn("described", self.client.groups())
        self.assertEqual(self.client.describe_group("described"), self.state("STABLE", 1))
        member.stop()
        support.eventually("an empty group", lambda: self.client.describe_group("described")
                           == self.state("EMPTY", 0))
        self.assertIn("described", self.client.groups())

    def state(self, name, members):
        state = name if self.name == "platformatic" else name.capitalize()
        return {"state": state, "members": members}

    @needs("group_offsets")
    def test_all_offsets_of_a_group_are_listed(self):
        self.reference.produce("grouped", [Record(value=b"x")] * 3)
        self.reference.commit("listed", "grouped", [[0, 2]])
        self.assertEqual(self.client.group_offsets("listed"), [["grouped", 0, 2]])

    @needs("delete_group")
    def test_a_group_is_deleted_when_it_is_empty_only(self):
        member = self.group_with_a_member("deleted")
        with self.assertRaisesRegex(ClientError, r"(?i)non.?empty|not.?empty"):
            self.client.delete_group("deleted")
        member.stop()
        support.eventually("an empty group", lambda: self.reference.describe_group("deleted")
                           == {"state": "Empty", "members": 0})
        self.client.delete_group("deleted")
        self.assertNotIn("deleted", self.client.groups())
        self.assertEqual(self.reference.committed("deleted", "grouped", [0]), [None])

    @needs("delete_offsets")
    def test_offsets_of_a_group_are_deleted(self):
        self.reference.create_topic("kept", 2)
        self.reference.commit("forgets", "kept", [[0, 1], [1, 1]])
        self.client.delete_offsets("forgets", "kept", [1])
        self.assertEqual(self.reference.committed("forgets", "kept", [0, 1]), [[1, ""], None])


if __name__ == "__main__":
    run(Admin)
