#!/usr/bin/env python3
"""Kills the hub with SIGKILL at random moments under load, many times, on one data directory.

    kill_loop.py [--rounds N] [--check-every K] [--seed S] [--port-base P]

Four publishers (QoS 1 and 2, MQTT 3.1.1 and 5.0) and two subscribers with persistent QoS 2
sessions, one of them mostly away, carry their sessions through every crash. Some rounds kill the
hub while it still recovers from the one before, some end it with SIGTERM. Every K rounds, and at
the end, the log is read through the HTTP API. What must hold:

  - every acknowledged message is in the log, and reaches both subscribers;
  - a message published with QoS 2 is in the log once, and is delivered once;
  - messages of one publisher and MQTT topic are in the log, and arrive, in the order in which they
    were published (repeats of QoS 1 aside);
  - sessions are never forgotten; accepted = stored + expired + discarded.

RUNNEL_BIN names the binary. The seed is printed; kills hit other instructions each time all the
same.
"""
import argparse
import random
import selectors
import subprocess
import sys
import threading
import time

from crash_hub import CrashHub
from exchange import Broken, Numbers, Publisher, Subscriber

import wire

TOPIC = "crash"
PARTITIONS = 4
TABLES = f"""
[[topic]]
name = "{TOPIC}"
partitions = {PARTITIONS}

[[route]]
filter = "crash/#"
topic = "{TOPIC}"
key = "{{topic}}"
"""
STORAGE = {"limit": "8GiB", "generation": "16MiB", "group_max": "2MiB"}
ROUND_S = (0.02, 0.3)
DRAIN_S = 60


class Loop:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.hub = CrashHub(STORAGE, TABLES, options.port_base)
        self.publishers = [
            Publisher(version, f"pub-{version}-{qos}", qos, 5, 20, options.seed + version + qos)
            for version in (wire.V311, wire.V5)
            for qos in (1, 2)
        ]
        self.constant = Subscriber(wire.V5, "constant", "crash/#", 64)
        self.seldom = Subscriber(wire.V311, "seldom", "crash/#", 64)
        self.stored = Numbers("the log", lambda topic: topic.startswith("crash/q2/"))
        self.next_offset = [0] * PARTITIONS
        self.kills = self.early_kills = self.stops = 0
        self.start_s = []

    # --- One round ----------------------------------------------------------------------------

    def round(self, number):
        if number > 0 and self.random.random() < 0.1:
            self.kill_while_starting()
        self.start()
        # The first round lets both subscribers make their sessions, before anything is published.
        clients = [self.constant, *self.publishers]
        if number == 0 or self.random.random() < 0.1:
            clients.append(self.seldom)
        if number == 0:
            self.talk([self.constant, self.seldom], until=lambda: (
                self.constant.must_resume and self.seldom.must_resume))
        gentle = self.random.random() < 0.05
        end = self.hub.process.terminate if gentle else self.hub.process.kill
        timer = threading.Timer(self.random.uniform(*ROUND_S), end)
        timer.start()
        self.talk(clients)
        timer.join()
        code = self.hub.process.wait(DRAIN_S)
        if gentle and code != 0:
            raise Broken(f"SIGTERM: exit code {code}\n{self.hub.log()}")
        self.stops += gentle
        self.kills += not gentle

    def start(self):
        begun = time.monotonic()
        self.hub.start()
        self.start_s.append(time.monotonic() - begun)

    def kill_while_starting(self):
        process = subprocess.Popen(
            self.hub._command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd=self.hub.directory)
        time.sleep(self.random.uniform(0, 0.05))
        process.kill()
        process.wait()
        self.early_kills += 1

    def talk(self, clients, until=None):
        """Lets the clients work until the hub is gone, or `until` says so."""
        selector = selectors.DefaultSelector()
        try:
            for client in clients:
                if client.socket is None:
                    client.connect(self.hub.port)
                selector.register(client.socket, selectors.EVENT_READ, client)
            deadline, behind = time.monotonic() + DRAIN_S, None
            while selector.get_map() and not (until and until()):
                if time.monotonic() > deadline:
                    # These clients are slow, and a long run leaves them far behind: only a stand-still
                    # is a fault.
                    if behind == self.behind():
                        raise Broken(f"nothing moved for {DRAIN_S} s: {behind}")
                    deadline, behind = time.monotonic() + DRAIN_S, self.behind()
                ready = {key.data for key, _ in selector.select(0.005)}
                for key in list(selector.get_map().values()):
                    if not key.data.turn(key.data in ready):
                        selector.unregister(key.fileobj)
                        key.data.close()
                        if until:
                            raise Broken(f"{key.data.client_id} was disconnected\n{self.hub.log()}")
        except ConnectionError:
            pass  # the hub went while a client was connecting
        finally:
            selector.close()
            if not until:
                for client in clients:
                    client.close()

    # --- Checks -------------------------------------------------------------------------------

    def acknowledged(self):
        promised = {}
        for publisher in self.publishers:
            promised.update(publisher.acknowledged)
        return promised

    def behind(self):
        return {c.client_id: c.numbers.read for c in (self.constant, self.seldom)}

    def check_log(self):
        """Reads what has come to the log since the last check; the hub must be up."""
        promised = self.acknowledged()
        for partition, start, end in self.hub.partitions(TOPIC):
            if start != 0:
                raise Broken(f"partition {partition} begins at {start}: something was discarded")
            offset = self.next_offset[partition]
            for record in self.hub.records(TOPIC, partition, offset):
                if record["offset"] != offset:
                    raise Broken(f"partition {partition}: offset {record['offset']} after {offset}")
                self.stored.note(record["key"], record["value"])
                offset += 1
            if offset < end:
                raise Broken(f"partition {partition} ends at {offset}, it said {end}")
            self.next_offset[partition] = offset
        self.stored.expect(promised, "acknowledged")
        status = self.hub.get("status")
        if status["accepted"] != status["stored"] + status["expired"] + status["discarded"]:
            raise Broken(f"the sum does not hold: {status}")
        return status

    def finish(self):
        """A last start without an end: everything is settled, delivered and read."""
        self.start()
        for publisher in self.publishers:
            publisher.stopping = True
        clients = [self.constant, self.seldom, *self.publishers]
        self.talk(clients, until=lambda: all(p.idle() for p in self.publishers))
        sent = {}
        for publisher in self.publishers:
            sent.update(publisher.sent)
        if sent != self.acknowledged():
            raise Broken("settled is not what was sent")
        subscribers = (self.constant, self.seldom)
        self.talk(clients, until=lambda: all(
            s.numbers.last[topic] >= number for s in subscribers for topic, number in sent.items()))
        # What is delivered once too often comes late, too.
        quiet = time.monotonic() + 0.5
        self.talk(clients, until=lambda: time.monotonic() > quiet)
        status = self.check_log()
        for subscriber in subscribers:
            subscriber.numbers.expect(sent, "sent")
        for client in clients:
            client.close()
        if self.hub.stop() != 0:
            raise Broken(f"the last stop failed\n{self.hub.log()}")
        return sum(sent.values()), status

    def run(self):
        for number in range(self.options.rounds):
            self.round(number)
            if (number + 1) % self.options.check_every == 0:
                self.start()
                self.check_log()
                self.hub.kill()
                print(f"round {number + 1}: {self.stored.read} in the log", flush=True)
        sent, status = self.finish()
        starts = sorted(self.start_s)
        print(f"""
rounds                     {self.options.rounds} ({self.kills} killed, {self.stops} stopped, \
{self.early_kills} killed while starting)
published = acknowledged   {sent}
missing, QoS 2 twice       0, 0
generations                {status['generations']}
start, median and worst    {starts[len(starts) // 2]:.3f} s, {starts[-1]:.3f} s""")
        for numbers in (self.stored, self.constant.numbers, self.seldom.numbers):
            print(f"{numbers.name:26} {numbers.read}, of which {numbers.repeats} repeats of QoS 1")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--check-every", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    parser.add_argument("--port-base", type=int, default=0)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    loop = Loop(options)
    try:
        loop.run()
    except BaseException:
        if loop.hub.alive():
            loop.hub.kill()
        print(loop.hub.log(), f"the data stays in {loop.hub.directory}", file=sys.stderr, sep="\n")
        raise
    loop.hub.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
