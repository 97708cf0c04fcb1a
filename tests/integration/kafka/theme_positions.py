"""Offsets by position and by time, and simple consumers: commits without a group's protocol.

    theme_positions.py CLIENT
"""

from kafka_hub import CODECS, T0, Record
from matrix import Theme, needs, run


class Positions(Theme):
    extra = '[[topic]]\nname = "two"\npartitions = 2\n'

    @needs("offset_at")
    def test_an_offset_by_time_is_the_first_record_that_is_not_older(self):
        times = [0, 10, 20, 20, 15, 40, 50]  # offset 4 goes back
        for codec in CODECS:
            with self.subTest(codec=codec):
                topic = f"times-{codec}"
                records = [Record(value=b"the same words " * 100, timestamp=T0 + t) for t in times]
                self.reference.produce(topic, records, codec=codec)
                self.reference.produce(topic, [Record(value=b"x", timestamp=T0 + 100)], codec=codec)
                for time, offset in ((-1, 0), (0, 0), (1, 1), (11, 2), (20, 2), (21, 5), (45, 6),
                                     (51, 7), (100, 7)):
                    self.assertEqual(self.client.offset_at(topic, 0, T0 + time), offset, time)

    @needs("offset_at")
    def test_a_time_after_the_last_record_has_no_offset(self):
        self.reference.produce("past", [Record(value=b"x", timestamp=T0)] * 3)
        # kafkajs answers with the end in this case.
        self.assertIn(self.client.offset_at("past", 0, T0 + 1),
                      (3,) if self.name == "kafkajs" else (None,))

    @needs("ends")
    def test_the_ends_of_a_partition_are_the_first_and_the_next_offset(self):
        self.reference.create_topic("ends", 2)
        self.reference.produce("ends", [Record(value=b"x", partition=1)] * 7)
        self.assertEqual(self.client.ends("ends", 0), [0, 0])
        self.assertEqual(self.client.ends("ends", 1), [0, 7])

    @needs("commit", "committed")
    def test_a_simple_consumer_commits_and_finds_it_again_after_a_restart(self):
        self.reference.produce("two", [Record(value=b"x", partition=p) for p in (0, 1)] * 10)
        self.assertEqual(self.client.committed("simple", "two", [0, 1]), [None, None])
        self.client.commit("simple", "two", [[0, 3], [1, 8]])
        self.client.commit("simple", "two", [[0, 5]])
        self.assert_committed(self.client)
        self.client.close()
        self.hub.kill()
        self.hub.start()
        self.assert_committed(self.client)
        self.assert_committed(self.reference)

    def assert_committed(self, client):
        found = client.committed("simple", "two", [0, 1])
        self.assertEqual([offset for offset, _ in found], [5, 8])

    @needs("metadata")
    def test_what_is_committed_with_an_offset_comes_back(self):
        self.reference.produce("two", [Record(value=b"x", partition=0)])
        self.client.commit("noted", "two", [[0, 1]], metadata="by hand: ü")
        self.assertEqual(self.client.committed("noted", "two", [0]), [[1, "by hand: ü"]])


if __name__ == "__main__":
    run(Positions)
