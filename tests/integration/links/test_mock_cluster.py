"""A link to librdkafka's mock cluster of three brokers, with the errors that Kafka clusters make: whatever
they answer, the link goes on, and everything arrives in order.

The mock shows what aborted transactions wrote, so that repeats are left out before the comparison.
"""

import os
import subprocess
import unittest

from link_hub import LinkHub, all_of, header, kafka_hub, producer, read
from support import eventually

TOPIC = "t"
PARTITIONS = 3

PRODUCE, ADD_OFFSETS, ADD_PARTITIONS, INIT, END, OFFSET_COMMIT, FIND = 0, 25, 24, 22, 26, 28, 10
TIMED_OUT, LEADER_GONE, NOT_LEADER, TOO_FEW = 7, 5, 6, 19
LOADING, NO_COORDINATOR, NOT_COORDINATOR, CONCURRENT, FENCED, EPOCH = 14, 15, 16, 51, 90, 47


class MockCluster:
    def __init__(self):
        program = os.environ["MOCK_CLUSTER_BIN"]
        self.process = subprocess.Popen([program, TOPIC, str(PARTITIONS)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.bootstrap = self.process.stdout.readline().strip()

    def say(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def remove(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


class MockClusterTest(unittest.TestCase):
    def setUp(self):
        self.cluster = MockCluster()
        self.addCleanup(self.cluster.remove)
        link = {"name": "up", "bootstrap": self.cluster.bootstrap.split(","), "topics": [TOPIC]}
        self.hub = LinkHub("here", f'\n[[topic]]\nname = "{TOPIC}"\npartitions = {PARTITIONS}\n', [link])
        self.addCleanup(self.hub.remove)
        self.hub.start()
        self.sent = 0

    def send(self, count=60):
        writer = producer(self.hub)
        for i in range(self.sent, self.sent + count):
            writer.produce(TOPIC, b"%d" % i, b"k%d" % (i % PARTITIONS), i % PARTITIONS)
        self.assertEqual(writer.flush(30), 0)
        self.sent += count

    def arrived(self):
        """Each record once, partition by partition, in the order in which it came first."""
        out = {}
        for partition, messages in read(self.cluster.bootstrap, TOPIC).items():
            seen = dict.fromkeys(int(header(m, "hub.offset")) for m in messages)
            out[partition] = list(seen)
        return out

    def check(self):
        self.hub.caught_up("up", 60)
        per_partition = self.sent // PARTITIONS
        self.assertEqual(self.arrived(), {p: list(range(per_partition)) for p in range(PARTITIONS)})

    def over(self, *errors):
        """Sends with these errors in the way."""
        self.send()
        self.hub.caught_up("up", 60)
        for api, *codes in errors:
            self.cluster.say("errors", api, *codes)
        self.send()
        self.check()
        self.assertEqual(self.hub.link("up")["delivery"], "exactly-once")

    def test_leaders_that_move_and_brokers_that_time_out(self):
        self.over((PRODUCE, NOT_LEADER, LEADER_GONE, TIMED_OUT, TOO_FEW, NOT_LEADER))

    def test_coordinators_that_load_and_move(self):
        self.over((ADD_PARTITIONS, LOADING, NOT_COORDINATOR, CONCURRENT),
                  (ADD_OFFSETS, NO_COORDINATOR, CONCURRENT),
                  (OFFSET_COMMIT, LOADING, NOT_COORDINATOR),
                  (END, NOT_COORDINATOR, LOADING), (FIND, NO_COORDINATOR))

    def test_an_end_that_is_refused_because_somebody_has_our_id(self):
        self.over((END, FENCED))
        self.assertRegex(self.hub.stderr.read_text(), "up: waiting: .*(?i:fenced|newer instance|epoch)")

    def test_an_epoch_that_is_not_ours_any_more(self):
        self.over((PRODUCE, EPOCH), (ADD_OFFSETS, EPOCH))
        self.assertIn("up: waiting: ", self.hub.stderr.read_text())

    def test_a_first_word_that_is_answered_late(self):
        self.cluster.say("errors", INIT, LOADING, NOT_COORDINATOR, CONCURRENT)
        self.send()
        self.check()

    def test_partitions_and_coordinators_that_go_from_broker_to_broker(self):
        name = "runnel-link"
        for node in (1, 2, 3, 1):
            self.send()
            for partition in range(PARTITIONS):
                self.cluster.say("leader", partition, (node + partition) % 3 + 1)
            self.cluster.say("coordinator", "transaction", name, node)
        self.check()

    def test_brokers_that_go_down_one_after_the_other(self):
        for node in (1, 2, 3):
            self.cluster.say("down", node)
            self.send()
            self.cluster.say("up", node)
        self.check()

    def test_a_slow_cluster(self):
        self.cluster.say("rtt", 200)
        self.send()
        self.check()


if __name__ == "__main__":
    unittest.main()
