"""Three hubs, edge to site to cloud, in network namespaces of their own, over lines with delay and loss
that are cut again and again, while each hub is killed in turn: the cloud has every record of the edge
once, and in order.

    chain.py [--records N] [--kills N] [--cuts N] [--seed S] [--delay MS] [--loss P]

What the edge's log holds in the end is the truth; records are compared by (hub, partition, offset).
Exit status 77: this machine cannot make network namespaces.
"""

import argparse
import random
import sys
import threading
import time

import confluent_kafka
import netns
from link_hub import LinkHub, all_of, header, origin, producer

PARTITIONS = 4
KEYS = 50
TOPIC = "readings"
SKIPPED = 77
DRAIN_S = 300


class NetHub(LinkHub):
    """A hub inside a namespace, reached from outside of it by whoever enters."""

    def __init__(self, namespace, addresses, name, **keys):
        super().__init__(
            name, f'\n[[topic]]\nname = "{TOPIC}"\npartitions = {PARTITIONS}\n', **keys)
        self.namespace = namespace
        self.storage = {"limit": "8GiB", "generation": "64MiB"}
        self.addresses = addresses

    def _config(self):
        more = ", ".join(f'"{a}:{self.kafka_port}"' for a in self.addresses)
        return super()._config().replace(
            f'listen = ["{self.bootstrap}"]',
            f'listen = ["{self.bootstrap}", {more}]\nallow_anonymous_beyond_loopback = true')

    def start(self):
        with netns.inside(self.namespace):
            super().start()

    def get(self, path):
        with netns.inside(self.namespace):
            return super().get(path)


class Chain:
    def __init__(self, net, arguments):
        self.random = random.Random(arguments.seed)
        names = ("edge", "site", "cloud")
        spaces = [net.add(name) for name in names]
        line = {"delay_ms": arguments.delay, "jitter_ms": arguments.delay / 2,
                "loss": arguments.loss}
        self.lines = [
            net.line(spaces[0], "10.231.0.1", spaces[1], "10.231.0.2", seed=arguments.seed, **line),
            net.line(spaces[1], "10.231.0.5", spaces[2], "10.231.0.6", seed=-arguments.seed, **line)]
        addresses = (["10.231.0.1"], ["10.231.0.2", "10.231.0.5"], ["10.231.0.6"])
        self.hubs = [NetHub(*one) for one in zip(spaces, addresses, names)]
        self.edge, self.site, self.cloud = self.hubs
        for below, above, address in ((self.edge, self.site, "10.231.0.2"),
                                      (self.site, self.cloud, "10.231.0.6")):
            below.links = [{"name": "up", "topics": [TOPIC],
                            "bootstrap": [f"{address}:{above.kafka_port}"]}]
        for hub in self.hubs:
            hub.start()
        self.sent = 0
        self.done = threading.Event()
        self.failure = None

    def produce(self, count):
        """Into the edge, over all its deaths; a failed record may be there all the same."""
        with netns.inside(self.edge.namespace):
            writer = producer(self.edge, **{
                "message.timeout.ms": 60_000, "queue.buffering.max.messages": 20_000,
                "reconnect.backoff.max.ms": 500})
            lengths = random.Random(7)
            while self.sent < count:
                key = self.sent % KEYS
                value = b"%d " % self.sent + b"x" * lengths.randrange(150)
                try:
                    writer.produce(TOPIC, value, b"key %d" % key, key % PARTITIONS)
                except BufferError:
                    writer.poll(0.1)
                    continue
                self.sent += 1
                if self.sent % 1000 == 0:
                    writer.poll(0)
            writer.flush(90)
        self.done.set()

    def disturb(self, kills, cuts, records):
        """Spread over the time that producing takes, by how far it has come."""
        events = sorted(
            [(self.random.random() * 0.95, "kill", i % 3) for i in range(kills)] +
            [(self.random.random() * 0.95, "cut", i % 2) for i in range(cuts)])
        for at, what, which in events:
            while self.sent < at * records and not self.done.is_set():
                time.sleep(0.01)
            if what == "kill":
                self.hubs[which].kill()
                time.sleep(self.random.random() * 0.3)
                self.hubs[which].start()
            else:
                self.lines[which].cut()
                time.sleep(self.random.choice((0.02, 0.2, 0.2, 1.0, 3.0)))
                self.lines[which].mend()

    def read(self, hub):
        with netns.inside(hub.namespace):
            return hub.read(TOPIC, DRAIN_S)


def wrong(edge, cloud):
    """What the cloud has otherwise than the edge: sentences."""
    truth = {("edge", TOPIC, m.partition(), m.offset()): (m.key(), m.value()) for m in all_of(edge)}
    seen, last_of_key, inversions, repeats, strange = set(), {}, 0, 0, 0
    for message in all_of(cloud):
        place = origin(message)
        repeats += place in seen
        seen.add(place)
        strange += truth.get(place) != (message.key(), message.value())
        inversions += last_of_key.get(message.key(), -1) > place[3]
        last_of_key[message.key()] = place[3]
    found = {"lost": len(truth.keys() - seen), "twice": repeats, "not the edge's": strange,
             "out of order in their key": inversions}
    return len(truth), [f"{count} {what}" for what, count in found.items() if count]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=9)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--delay", type=float, default=5)
    parser.add_argument("--loss", type=float, default=0.01)
    arguments = parser.parse_args()
    if not netns.possible():
        print("network namespaces need root and /dev/net/tun")
        return SKIPPED
    begun = time.monotonic()
    with netns.Net() as net:
        chain = Chain(net, arguments)
        try:
            thread = threading.Thread(target=chain.produce, args=(arguments.records,))
            thread.start()
            chain.disturb(arguments.kills, arguments.cuts, arguments.records)
            thread.join()
            produced = time.monotonic() - begun
            for hub in (chain.edge, chain.site):
                hub.caught_up("up", DRAIN_S)
            took = time.monotonic() - begun
            count, faults = wrong(chain.read(chain.edge), chain.read(chain.cloud))
            print(f"{count} records, {arguments.kills} kills, {arguments.cuts} cuts, seed "
                  f"{arguments.seed}: produced in {produced:.1f} s, at the cloud after {took:.1f} s; "
                  f"{', '.join(faults) or 'none lost, none twice, none out of order'}")
            for hub in chain.hubs[:2]:
                print(f"  {hub.name}: {hub.link('up')}")
            if faults:
                for hub in chain.hubs:
                    print(hub.log())
            return 1 if faults or count < arguments.records * 0.9 else 0
        finally:
            for hub in chain.hubs:
                hub.remove()


if __name__ == "__main__":
    sys.exit(main())
