#!/usr/bin/python3 -B
"""Links a hub of its own to a Kafka cluster that somebody has, kills the hub again and again while it
sends, and compares what readers of committed records see there with what the hub has.

    against.py BROKER:9092[,BROKER:9092] [--records N] [--kills N]

Makes topic runnel-link-test-{time} there, and leaves it. RUNNEL_BIN names the binary (default:
build/release/runnel).
"""

import argparse
import random
import sys
import time

from link_hub import LinkHub, all_of, header, origin, producer, read

PARTITIONS = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bootstrap")
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=10)
    arguments = parser.parse_args()
    topic = f"runnel-link-test-{int(time.time())}"
    link = {"name": "up", "bootstrap": arguments.bootstrap.split(","), "topics": ["t"],
            "destination": topic}
    hub = LinkHub("test", f'\n[[topic]]\nname = "t"\npartitions = {PARTITIONS}\n', [link])
    hub.start()
    try:
        for step in range(arguments.kills):
            writer = producer(hub)
            for i in range(arguments.records // arguments.kills):
                writer.produce("t", b"%d/%d" % (step, i), b"k%d" % (i % 20), i % 20 % PARTITIONS)
                writer.poll(0)
            writer.flush(60)
            time.sleep(random.random())
            hub.kill()
            hub.start()
        hub.caught_up("up", 300)
        truth = {("test", "t", m.partition(), m.offset()): m.value() for m in all_of(hub.read("t"))}
        there = all_of(read(arguments.bootstrap, topic, 300))
        places = [origin(m) for m in there]
        last, inversions = {}, 0
        for m in there:
            inversions += last.get(m.key(), -1) > int(header(m, "hub.offset"))
            last[m.key()] = int(header(m, "hub.offset"))
        lost, twice = len(truth.keys() - set(places)), len(places) - len(set(places))
        other = sum(truth.get(origin(m)) != m.value() for m in there)
        print(f"{topic}: {len(truth)} records, {arguments.kills} kills, {hub.link('up')['delivery']}: {lost} lost, "
              f"{twice} twice, {other} not as sent, {inversions} out of order in their key")
        return 1 if lost or twice or other or inversions else 0
    finally:
        hub.remove()


if __name__ == "__main__":
    sys.exit(main())
