"""Transactions: what is committed is there once, what is aborted never was; consuming, transforming
and producing is exactly once while workers and the hub are killed.

    theme_transactions.py CLIENT
"""

import threading
import time

from clients import CLIENTS
from kafka_client import ClientError
from kafka_hub import Record, support
from matrix import Theme, needs, run

PARTITIONS = 2
WORKERS = 2
COUNT = 300  # records, or more until everything was killed that is to be
FEEDING_MAX_S = 80
SETTLING_MAX_S = 60
FENCED = r"(?i)fenced|newer (epoch|transactional)|old epoch|producer.?epoch"


def records(*numbers):
    return [Record(value=b"%d" % n, partition=n % PARTITIONS) for n in numbers]


def values(found):
    return [int(record.value) for record in found]


class Transactions(Theme):
    extra = "".join(f'[[topic]]\nname = "{name}"\npartitions = {PARTITIONS}\n'
                    for name in ("ends", "other", "offsets", "fenced", "left", "over"))

    def read(self, topic, partition, count, isolation, client=None):
        return values((client or self.client).consume(
            topic, partition, "earliest", count=count, isolation=isolation))

    @needs("transact")
    def test_what_is_committed_is_read_and_what_is_aborted_is_not(self):
        self.client.transact("ends", "ends", records(0, 1, 2, 3))
        self.client.transact("ends", "ends", records(10, 11, 12, 13), end="abort")
        self.client.transact("ends", "ends", records(20, 21))
        for reader in (self.client, self.reference):
            for partition in range(PARTITIONS):
                committed = self.read("ends", partition, 3, "read_committed", reader)
                self.assertEqual(committed, [partition, 2 + partition, 20 + partition])
                stored = self.read("ends", partition, 5, "read_uncommitted", reader)
                self.assertEqual(
                    stored, [n + partition for n in (0, 2, 10, 12, 20)])

    @needs("isolation")
    def test_what_another_client_has_aborted_is_not_read(self):
        self.reference.transact("other", "other", records(10, 12), end="abort")
        self.reference.transact("other", "other", records(0, 1))
        self.assertEqual(self.read("other", 0, 1, "read_committed"), [0])
        self.assertEqual(self.read("other", 0, 3, "read_uncommitted"), [10, 12, 0])

    @needs("transact")
    def test_offsets_are_committed_with_the_transaction_and_dropped_with_an_abort(self):
        def at(offset):
            return [["with-records", "offsets", 0, offset], ["with-records", "offsets", 1, offset]]

        def committed():
            found = self.reference.committed("with-records", "offsets", [0, 1])
            return [c and c[0] for c in found]

        self.client.transact("offsets", "offsets", records(*range(20)), offsets=at(5))
        self.assertEqual(committed(), [5, 5])
        self.client.transact("offsets", "offsets", records(20), offsets=at(7), end="abort")
        self.assertEqual(committed(), [5, 5])
        self.client.transact("offsets", "offsets", records(21), offsets=at(6))
        self.assertEqual(committed(), [6, 6])

    @needs("transact")
    def test_a_second_producer_with_the_same_id_fences_the_first(self):
        second = CLIENTS[self.name](self.hub)
        self.addCleanup(second.close)
        self.client.transact("fenced", "fenced", records(0), end="open")
        second.transact("fenced", "fenced", records(2))
        with self.assertRaisesRegex(ClientError, FENCED):
            self.client.transact("fenced", "fenced", records(4))
        second.transact("fenced", "fenced", records(6))
        self.client.close()  # what it has in its memory is of no use any more
        self.assertEqual(self.read("fenced", 0, 2, "read_committed"), [2, 6])
        self.assertEqual(self.read("fenced", 0, 3, "read_uncommitted"), [0, 2, 6])

    @needs("transact")
    def test_what_a_killed_producer_left_open_is_aborted_after_its_timeout(self):
        self.client.transact("left", "left", records(0))
        began = time.monotonic()
        self.client.transact("left too", "left", records(2), end="open", timeout_ms=4_000)
        self.client.close()  # SIGKILL
        self.reference.produce("left", records(4))
        self.assertEqual(self.read("left", 0, 3, "read_uncommitted"), [0, 2, 4])
        self.assertEqual(self.read("left", 0, 2, "read_committed"), [0, 4])
        self.assertGreater(time.monotonic() - began, 4)

    @needs("resumes")
    def test_a_transaction_goes_on_after_a_kill_of_the_hub(self):
        self.client.transact("over", "over", records(0, 1), end="open")
        self.hub.kill()
        self.hub.start()
        self.client.transact("over", "over", records(2, 3))
        self.assertEqual(self.read("over", 0, 2, "read_committed"), [0, 2])
        self.assertEqual(self.read("over", 1, 2, "read_committed"), [1, 3])


class Workers:
    """Transformers, each with a transactional id; one that has ended is replaced, every other time by
    one with its id."""

    def __init__(self, test, source, target, group):
        self.test, self.where, self.group = test, (source, target, group), group
        self.ended = [0] * WORKERS
        self.counts = {b"T": 0, b"X": 0}
        self.said = []
        self.running = [self._start(slot) for slot in range(WORKERS)]

    def _start(self, slot):
        id = f"{self.group}-{slot}-{self.ended[slot] // 2}"
        worker = self.test.client.transformer(*self.where, id)
        self.test.addCleanup(worker.kill)
        threading.Thread(target=self._read, args=(worker,), daemon=True).start()
        return worker

    def _read(self, worker):
        while (line := worker.line(patience_s=180)) is not None:
            words = line.split()
            if words and words[0] in self.counts:
                self.counts[words[0]] += int(words[1])
            else:
                self.said.append(line)

    def replace(self, slot):
        self.ended[slot] += 1
        self.running[slot] = self._start(slot)

    def kill(self, slot):
        self.running[slot].kill()
        self.replace(slot)

    def tend(self):
        """Those that gave up are replaced."""
        for slot, worker in enumerate(self.running):
            if worker.process.poll() is not None:
                self.replace(slot)


class ConsumeTransformProduce(Theme):
    def topics(self, name):
        for topic in (f"{name}-in", f"{name}-out"):
            self.reference.create_topic(topic, PARTITIONS)
        return f"{name}-in", f"{name}-out"

    def transformed(self, name, disturb, times):
        """Numbers go in while it is disturbed; returns those and what has come out."""
        source, target = self.topics(name)
        workers = Workers(self, source, target, name)
        self.addCleanup(lambda: [worker.kill() for worker in workers.running])
        sent, disturbances, next_at = 0, 0, 0
        deadline = time.monotonic() + FEEDING_MAX_S
        while sent < COUNT or disturbances < times:
            self.assertLess(time.monotonic(), deadline, workers.said[-20:])
            self.reference.produce(source, records(*range(sent, sent + 10)), idempotent=True)
            sent += 10
            if disturbances < times and workers.counts[b"T"] > next_at:
                disturb(workers, disturbances)
                disturbances += 1
                next_at = workers.counts[b"T"] + 20
            workers.tend()
            time.sleep(0.2)

        def done():
            workers.tend()
            found = self.reference.committed(name, source, list(range(PARTITIONS)))
            return [c and c[0] for c in found] == [sent // PARTITIONS] * PARTITIONS

        support.eventually(f"everything committed; {workers.said[-20:]}", done, SETTLING_MAX_S)
        for partition in range(PARTITIONS):
            self.reference.produce(target, [Record(value=b"-1", partition=partition)])
        found = []
        for partition in range(PARTITIONS):
            found += values(self.reference.consume(
                target, partition, "earliest", until=b"-1", isolation="read_committed"))[:-1]
        self.assertGreater(workers.counts[b"X"], 0, "something was aborted on purpose")
        return list(range(sent)), sorted(found)

    @needs("transform")
    def test_it_is_exactly_once_while_workers_are_killed(self):
        sent, found = self.transformed("workers", lambda all, i: all.kill(i % WORKERS), 5)
        self.assertEqual(found, sent)

    @needs("transform")
    def test_it_is_exactly_once_while_the_hub_is_killed(self):
        def restart(*_):
            self.hub.kill()
            self.hub.start()

        sent, found = self.transformed("hub", restart, 4)
        self.assertEqual(found, sent)


if __name__ == "__main__":
    run(Transactions, ConsumeTransformProduce)
