#!/usr/bin/python3
"""Kills the hub with SIGKILL at random moments under Kafka producers, many times, on one directory.

    kafka_kill_loop.py [--rounds N] [--seed S]

Idempotent producers (librdkafka, acks=all, several batches in flight, each codec) and a consumer
group of two go on through every crash. What must hold at the end, by what a consumer reads:

  - every acknowledged record is in the log, once, and none that was sent is there twice;
  - records of one producer and partition are in the order in which they were sent;
  - the group's committed offsets never go back, and what it consumed up to them leaves nothing out.

RUNNEL_BIN names the binary. The seed is printed; kills hit other instructions each time all the
same. Needs python3-confluent-kafka.
"""
import argparse
import collections
import random
import socket
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from crash_hub import CrashHub

TOPIC = "crash"
PARTITIONS = 3
TABLES = f"""
[[topic]]
name = "{TOPIC}"
partitions = {PARTITIONS}
"""
STORAGE = {"limit": "4GiB", "generation": "16MiB", "group_max": "2MiB"}
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
ROUND_S = (0.05, 1.0)
SETTLE_S = 60


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Sender(threading.Thread):
    """One idempotent producer; it numbers what it sends to each partition."""

    def __init__(self, name, servers, codec, stop):
        super().__init__(name=name)
        self.stop = stop
        self.sent = [0] * PARTITIONS
        self.acknowledged = set()
        self.refused = []
        self.producer = Producer({
            "bootstrap.servers": servers, "enable.idempotence": True, "compression.type": codec,
            "linger.ms": 2, "message.timeout.ms": 0x7FFFFFFF, "retry.backoff.ms": 20,
            "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100, "log_level": 2,
            "error_cb": self.on_error})

    def on_error(self, error):
        if error.fatal():
            self.refused.append(str(error))

    def settled(self, error, message):
        if error is None:
            self.acknowledged.add(message.value())
        else:
            self.refused.append(str(error))

    def run(self):
        while not self.stop.is_set() and not self.refused:
            for partition in range(PARTITIONS):
                number = self.sent[partition]
                self.sent[partition] += 1
                value = f"{self.name} {partition} {number} ".encode() + b"x" * (number % 300)
                while True:
                    try:
                        self.producer.produce(TOPIC, value, partition=partition,
                                              on_delivery=self.settled)
                        break
                    except BufferError:
                        self.producer.poll(0.05)
            self.producer.poll(0.001)
            time.sleep(0.001)

    def finish(self):
        self.join()
        left = self.producer.flush(SETTLE_S)
        assert left == 0, f"{self.name}: {left} records are never acknowledged"


class Reader(threading.Thread):
    """A member of the group: notes what it was given, and commits it."""

    def __init__(self, name, servers, stop, group):
        super().__init__(name=name)
        self.stop = stop
        self.group = group
        self.consumer = Consumer({
            "bootstrap.servers": servers, "group.id": "readers", "auto.offset.reset": "earliest",
            "enable.auto.commit": False, "session.timeout.ms": 6000, "heartbeat.interval.ms": 300,
            "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100, "log_level": 2,
            "isolation.level": "read_uncommitted"})

    def run(self):
        self.consumer.subscribe([TOPIC])
        while not self.stop.is_set():
            messages = self.consumer.consume(200, 0.1)
            good = [m for m in messages if m.error() is None]
            for m in good:
                self.group[m.partition()].add(m.offset())
            if not good:
                continue
            try:
                self.consumer.commit(asynchronous=False)
            except KafkaException:
                pass  # the hub is down, or there is a rebalance: they come again
        self.consumer.close()


def read_all(servers):
    """partition -> values, in order."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "audit",
                         "enable.partition.eof": True, "enable.auto.commit": False,
                         "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(TOPIC, p, 0) for p in range(PARTITIONS)])
    values = [[] for _ in range(PARTITIONS)]
    ended = set()
    while len(ended) < PARTITIONS:
        for m in consumer.consume(1000, 5):
            if m.error() is None:
                assert m.offset() == len(values[m.partition()]), "offsets are dense"
                values[m.partition()].append(m.value())
            elif m.error().code() == KafkaError._PARTITION_EOF:
                ended.add(m.partition())
            else:
                raise AssertionError(m.error())
    committed = {}
    asked = Consumer({"bootstrap.servers": servers, "group.id": "readers"})
    for tp in asked.committed([TopicPartition(TOPIC, p) for p in range(PARTITIONS)], timeout=10):
        committed[tp.partition] = max(tp.offset, 0)
    asked.close()
    consumer.close()
    return values, committed


def check(senders, values, committed, group):
    problems = []
    stored = collections.Counter(v for part in values for v in part)
    for value, times in stored.items():
        if times > 1:
            problems.append(f"stored {times} times: {value[:40]}")
    for sender in senders:
        problems += [f"{sender.name}: {r}" for r in sender.refused]
        missing = [v for v in sender.acknowledged if v not in stored]
        problems += [f"acknowledged and missing: {v[:40]}" for v in missing[:5]]
    for partition, part in enumerate(values):
        last = {}
        for value in part:
            name, _, number = value.split(b" ")[:3]
            if int(number) <= last.get(name, -1):
                problems.append(f"out of order in {partition}: {value[:40]}")
            last[name] = int(number)
        skipped = [o for o in range(committed[partition]) if o not in group[partition]]
        if skipped:
            problems.append(f"committed to {committed[partition]} in {partition}, never consumed: "
                            f"{skipped[:5]}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    dice = random.Random(options.seed)
    hub = CrashHub(STORAGE, TABLES, kafka_port=free_port())
    servers = f"127.0.0.1:{hub.kafka_port}"
    stop = threading.Event()
    group = collections.defaultdict(set)
    hub.start()
    senders = [Sender(f"{codec}", servers, codec, stop) for codec in CODECS]
    readers = [Reader(f"reader {i}", servers, stop, group) for i in range(2)]
    for thread in senders + readers:
        thread.start()
    kills = 0
    for _ in range(options.rounds):
        time.sleep(dice.uniform(*ROUND_S))
        hub.kill()
        kills += 1
        hub.start()
        if dice.random() < 0.2:  # and once more while clients come back
            time.sleep(dice.uniform(0, 0.05))
            hub.kill()
            kills += 1
            hub.start()
    time.sleep(1)
    stop.set()
    for sender in senders:
        sender.finish()
    for reader in readers:
        reader.join()
    hub.kill()
    hub.start()
    values, committed = read_all(servers)
    problems = check(senders, values, committed, group)
    hub.stop()
    acknowledged = sum(len(s.acknowledged) for s in senders)
    stored = sum(map(len, values))
    print(f"{kills} kills, {acknowledged} acknowledged, {stored} stored, committed {committed}")
    for problem in problems[:20]:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
