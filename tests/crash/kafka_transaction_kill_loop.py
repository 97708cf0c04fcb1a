#!/usr/bin/python3
"""Kills the hub with SIGKILL at random moments under transactional producers, many times, on one
directory.

    kafka_transaction_kill_loop.py [--rounds N] [--seed S]

Each producer (by hand, see kafka_wire.py; short transaction timeouts) writes transactions over all
partitions, commits offsets of a group of its own with some of them, aborts some, and leaves some open
for ever, to go on as another one with the same transactional id or a new one. It makes each call until
it is answered, through every crash, so that it learns how each transaction ended. What must hold after
every restart for what a producer was told before the kill, and at the end for everything, by what
librdkafka reads:

  - every record of a transaction whose commit was acknowledged is there, once;
  - no record of a transaction that was aborted, by its producer or after its timeout, or left open is
    read by a consumer of committed records; so each transaction is there as a whole or not at all;
  - records of one producer and partition are in the order in which they were sent;
  - at the end the offset of each producer's group is that of its last transaction that was committed
    with one;
  - no transaction is open for longer than its timeout: the last stable offset reaches the end of each
    partition, and the hub lists no open transaction.

RUNNEL_BIN names the binary. The seed is printed; kills hit other instructions each time all the
same. Needs python3-confluent-kafka.
"""
import argparse
import collections
import dataclasses
import random
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaError, TopicPartition

from crash_hub import CrashHub
from kafka_kill_loop import free_port
from kafka_wire import Fenced, Producer, ends, open_transactions

TOPIC = "crash"
PARTITIONS = 3
TABLES = f"""
[[topic]]
name = "{TOPIC}"
partitions = {PARTITIONS}
"""
STORAGE = {"limit": "4GiB", "generation": "16MiB", "group_max": "2MiB"}
SENDERS = 5
TIMEOUT_MS = (200, 2_000)
RECORDS = (1, 16)  # of a transaction
BATCH = 6
ABORTED, LEFT_OPEN, LATE, WITH_OFFSETS = 0.2, 0.03, 0.02, 0.4
ROUND_S = (0.05, 1.2)
AWAY_S = (0.2, 1)  # some of the times
SETTLE_S = 30
CLIENT = {"retry.backoff.ms": 20, "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100,
          "log_level": 2}


@dataclasses.dataclass
class Transaction:
    name: str
    number: int
    records: int
    offset: bool  # whether it commits one
    outcome: str = "open"  # committed, aborted

    def value(self, index):
        return f"{self.name} {self.number} {index}".encode()


class Sender(threading.Thread):
    def __init__(self, name, hub, seed, stop):
        super().__init__(name=name)
        self.hub = hub
        self.dice = random.Random(seed)
        self.stop = stop
        self.all = []
        self.ids = 0
        self.late = 0
        self.failure = None

    def client(self):
        """With an id of its own, or that of the client before."""
        self.ids += self.dice.random() < 0.5
        made = Producer(self.hub.kafka_port, f"{self.name} {self.ids}",
                        self.dice.randint(*TIMEOUT_MS))
        made.init()
        return made

    def run(self):
        try:
            client = self.client()
            while not self.stop.is_set():
                t = Transaction(self.name, len(self.all), self.dice.randint(*RECORDS),
                                self.dice.random() < WITH_OFFSETS)
                self.all.append(t)
                try:
                    self.transact(client, t)
                    going_on = t.outcome != "open"
                except Fenced:  # also when the answer to a commit was lost: it was none
                    t.outcome = "aborted"
                    self.late += 1
                    going_on = False
                if not going_on:
                    client.connection.close()
                    client = self.client()
        except Exception as error:  # a thread's exception would be nobody's
            self.failure = f"{self.name}: {error!r}"

    def transact(self, client, t):
        end = self.dice.random()
        client.add_partitions(TOPIC, range(PARTITIONS))
        numbers = list(range(t.records))
        for first in range(0, t.records, BATCH):  # some in several batches of a partition
            for partition in range(PARTITIONS):
                values = [t.value(i) for i in numbers[first:first + BATCH]
                          if i % PARTITIONS == partition]
                if values:
                    client.produce(TOPIC, partition, values)
        if t.offset:
            client.add_group(self.group)
            client.commit_offset(self.group, TOPIC, 0, t.number + 1)
        if end < LEFT_OPEN:
            return
        if self.dice.random() < LATE:
            time.sleep(client.timeout_ms / 1000 + 0.5)
        commit = end >= LEFT_OPEN + ABORTED
        client.end(commit)
        t.outcome = "committed" if commit else "aborted"

    @property
    def group(self):
        return f"by {self.name}"


class Audit:
    """What a consumer of committed records has read so far, in order."""

    def __init__(self, servers):
        self.servers = servers
        self.values = [[] for _ in range(PARTITIONS)]
        self.at = [0] * PARTITIONS

    def read_on(self, hub):
        """Up to what is the end now; waits for transactions that are open."""
        wanted = [high for _, high in ends(hub.kafka_port, TOPIC, PARTITIONS)]
        consumer = Consumer({
            "bootstrap.servers": self.servers, "group.id": "audit", "enable.auto.commit": False,
            "isolation.level": "read_committed", "enable.partition.eof": True,
            "fetch.wait.max.ms": 20, **CLIENT})
        consumer.assign([TopicPartition(TOPIC, p, self.at[p]) for p in range(PARTITIONS)])
        deadline = time.monotonic() + SETTLE_S
        late = None
        while any(at < end for at, end in zip(self.at, wanted)):
            if time.monotonic() > deadline:
                late = f"read to {self.at} of {wanted} only, in {SETTLE_S} s"
                break
            for m in consumer.consume(500, 0.05):
                if m.error() is None:
                    self.values[m.partition()].append(m.value().decode())
                    self.at[m.partition()] = m.offset() + 1
                elif m.error().code() == KafkaError._PARTITION_EOF:
                    self.at[m.partition()] = max(self.at[m.partition()], m.offset())
        consumer.close()
        return [late] if late else []


def check(transactions, values):
    problems = []
    stored = collections.Counter(v for part in values for v in part)
    problems += [f"read {n} times: {v}" for v, n in stored.items() if n > 1]
    for t in transactions:
        missing = [i for i in range(t.records) if t.value(i).decode() not in stored]
        if t.outcome == "committed" and missing:
            problems.append(f"committed, and records {missing} are missing: {t}")
        elif t.outcome in ("aborted", "open") and len(missing) < t.records:
            problems.append(f"{t.outcome}, and {t.records - len(missing)} are read: {t}")
    for partition, part in enumerate(values):
        last = {}
        for value in part:
            name, number, index = value.rsplit(" ", 2)
            place = int(number), int(index)
            if place <= last.get(name, (-1, -1)):
                problems.append(f"out of order in {partition}: {value}")
            last[name] = place
    return problems


def check_offsets(senders, servers):
    problems = []
    for sender in senders:
        there = [t.number for t in sender.all if t.offset and t.outcome == "committed"]
        asked = Consumer({"bootstrap.servers": servers, "group.id": sender.group, **CLIENT})
        found = asked.committed([TopicPartition(TOPIC, 0)], timeout=10)[0].offset
        asked.close()
        wanted = there[-1] + 1 if there else -1001
        if found != wanted:
            problems.append(f"group of {sender.name}: offset {found} instead of {wanted}")
    return problems


def settled(hub):
    """What is still open though every timeout has passed."""
    deadline = time.monotonic() + TIMEOUT_MS[1] / 1000 + 5
    while True:
        listed = open_transactions(hub.kafka_port)
        behind = [(p, stable, high) for p, (stable, high) in
                  enumerate(ends(hub.kafka_port, TOPIC, PARTITIONS)) if stable != high]
        if not listed and not behind:
            return []
        if time.monotonic() > deadline:
            return [f"{listed} transactions are open; (partition, stable, end) {behind}"]
        time.sleep(0.05)


def told(senders):
    """What producers know by now of their transactions, as it is now."""
    return [dataclasses.replace(t) for s in senders for t in list(s.all)
            if t.outcome in ("committed", "aborted")]


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
    hub.start()
    senders = [Sender(f"s{i}", hub, dice.random(), stop) for i in range(SENDERS)]
    for sender in senders:
        sender.start()
    audit = Audit(servers)
    problems, kills = [], 0
    for _ in range(options.rounds):
        time.sleep(dice.uniform(*ROUND_S))
        known = told(senders)
        hub.kill()
        kills += 1
        if dice.random() < 0.3:
            time.sleep(dice.uniform(*AWAY_S))
        hub.start()
        if dice.random() < 0.2:  # and once more while clients come back
            time.sleep(dice.uniform(0, 0.05))
            hub.kill()
            kills += 1
            hub.start()
        problems += audit.read_on(hub)
        problems += check(known, audit.values)
        if problems:
            break
    stop.set()
    for sender in senders:
        sender.join()
    problems += [s.failure for s in senders if s.failure]
    hub.kill()
    hub.start()
    problems += settled(hub)
    last = Audit(servers)
    problems += last.read_on(hub)
    everything = [t for s in senders for t in s.all]
    problems += check(everything, last.values)
    problems += check_offsets(senders, servers)
    hub.stop()
    outcomes = collections.Counter(t.outcome for t in everything)
    print(f"{kills} kills, transactions {dict(outcomes)}, {sum(s.late for s in senders)} of them late, "
          f"{sum(map(len, last.values))} records read of {sum(last.at)} offsets")
    for problem in problems[:20]:
        print(problem)
    hub.remove()
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
