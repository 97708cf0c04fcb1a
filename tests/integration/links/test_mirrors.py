"""Mirrors between real hubs: the same partitions and offsets, group offsets too, so that consumers move
over and go on; and acknowledgements that wait for a mirror's disk."""

import os
import random
import shutil
import signal
import socket
import struct
import threading
import time
import unittest

import confluent_kafka
import confluent_kafka.admin
import paho.mqtt.client as mqtt

from link_hub import LinkHub, all_of, kafka_hub, link_to, producer
from support import Subscriber, eventually, publish


def mirror_of(hub, name="copy", **keys):
    return link_to(hub, name, direction="mirror", **keys)


def shape(messages):
    return [(m.partition(), m.offset(), m.timestamp(), m.key(), m.value(), m.headers()) for m in messages]


class MirrorTest(unittest.TestCase):
    def hub(self, name, *links, extra="", start=True, **kafka):
        made = LinkHub(name, extra, links, **kafka)
        self.addCleanup(made.remove)
        if start:
            made.start()
        return made

    def pair(self, extra="", **keys):
        origin = self.hub("origin", extra=extra)
        return origin, self.hub("copy", mirror_of(origin, **keys))

    def send(self, hub, records, topic="t"):
        writer = producer(hub)
        for r in records:
            writer.produce(topic, r.value, r.key, r.partition, timestamp=r.timestamp, headers=list(r.headers))
        self.assertEqual(writer.flush(30), 0)

    def ends(self, hub, topic="t"):
        """{partition: (first, end)}"""
        client = confluent_kafka.Consumer({"bootstrap.servers": hub.bootstrap, "group.id": "asks"})
        try:
            found = client.list_topics(topic, timeout=10).topics[topic]
            if found.error is not None:
                return {}
            return {p: client.get_watermark_offsets(confluent_kafka.TopicPartition(topic, p), timeout=10)
                    for p in found.partitions}
        finally:
            client.close()

    def same_ends(self, origin, copy, topic="t"):
        eventually(f"{topic} has the same ends", lambda: self.ends(origin, topic) == self.ends(copy, topic), 30)

    def create(self, hub, topic, partitions=1):
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": hub.bootstrap})
        for future in admin.create_topics([confluent_kafka.admin.NewTopic(topic, partitions)]).values():
            future.result(10)

    def promote(self, copy):
        copy.links = []
        copy.write_config()
        os.kill(copy.process.pid, signal.SIGHUP)
        eventually("the copy is no mirror any more", lambda: "is no mirror" in copy.log(), 20)

    def in_step(self, origin, topic):
        eventually(f"a mirror of {topic} is in step", lambda: f"topic {topic}: enough mirrors" in origin.log(), 20)


def kafka_text(text):
    return struct.pack(">h", len(text)) + text.encode()


def ask(hub, api, version, body):
    """A question that no Python client of Debian's asks; its answer."""
    frame = struct.pack(">hhi", api, version, 7) + kafka_text("tester") + body
    with socket.create_connection(("127.0.0.1", hub.kafka_port), timeout=10) as peer:
        peer.sendall(struct.pack(">i", len(frame)) + frame)
        size = struct.unpack(">i", peer.recv(4, socket.MSG_WAITALL))[0]
        return peer.recv(size, socket.MSG_WAITALL)


def destroy(hub):
    """Process and disk."""
    hub.kill()
    shutil.rmtree(hub.directory / "data")


ASKS = """
[[topic]]
name = "t"
min_replicas = 2
%s
[[route]]
filter = "t/#"
topic = "t"
"""
ASKS_AND_REFUSES = ASKS % ""
ASKS_AND_GOES_ON = ASKS % 'too_few_replicas = "continue"\n'


class Mirrors(MirrorTest):
    def test_a_mirror_has_the_same_partitions_offsets_and_records(self):
        origin, copy = self.pair()
        self.create(origin, "t", 3)
        self.send(origin, [*kafka_hub.small_records(), kafka_hub.big_record(), *kafka_hub.numbered(500)])
        self.same_ends(origin, copy)
        for restart in (False, True):
            if restart:
                copy.kill()
                copy.start()
            there, here = origin.read("t"), copy.read("t")
            self.assertEqual(sorted(there), sorted(here))
            for partition in there:
                self.assertEqual(shape(there[partition]), shape(here[partition]))
        self.send(origin, kafka_hub.numbered(100, first=500))
        self.same_ends(origin, copy)

    def test_a_mirror_begins_where_its_origin_begins(self):
        origin = self.hub("origin")
        self.send(origin, kafka_hub.numbered(100))
        self.delete_records(origin, "t", 60)
        copy = self.hub("copy", mirror_of(origin))
        self.same_ends(origin, copy)
        self.assertEqual(self.ends(copy), {0: (60, 100)})
        self.delete_records(origin, "t", 100)
        late = self.hub("late", mirror_of(origin))
        self.same_ends(origin, late)
        self.assertEqual(self.ends(late), {0: (100, 100)})

    def delete_records(self, hub, topic, before):
        ask(hub, 21, 0, b"\0\0\0\1" + kafka_text(topic) + b"\0\0\0\1" + struct.pack(">iqi", 0, before, 5000))

    def test_transactions_are_the_same_on_a_mirror_and_end_there_when_their_origin_is_lost(self):
        origin, copy = self.pair()
        open_one = confluent_kafka.Producer({
            "bootstrap.servers": origin.bootstrap, "transactional.id": "open"})
        open_one.init_transactions(10)
        for name, commit in (("kept", True), ("dropped", False), ("kept too", True)):
            writer = confluent_kafka.Producer({
                "bootstrap.servers": origin.bootstrap, "transactional.id": name})
            writer.init_transactions(10)
            writer.begin_transaction()
            writer.produce("t", name)
            writer.flush(10)
            writer.commit_transaction(10) if commit else writer.abort_transaction(10)
        open_one.begin_transaction()
        open_one.produce("t", "never ended")
        open_one.flush(10)
        self.same_ends(origin, copy)
        self.assertEqual([m.value() for m in all_of(origin.read("t"))], [b"kept", b"kept too"])
        self.assertEqual(shape(all_of(origin.read("t"))), shape(all_of(copy.read("t"))))
        origin.kill()
        copy.kill()
        copy.start()
        self.promote(copy)
        self.send(copy, kafka_hub.numbered(3))
        values = [m.value() for m in all_of(copy.read("t"))]
        self.assertEqual(values, [b"kept", b"kept too", b"value 0", b"value 1", b"value 2"])

    def test_a_producer_of_the_origin_goes_on_at_the_promoted_mirror_and_new_ones_are_not_taken_for_it(self):
        origin, copy = self.pair()
        self.send(origin, kafka_hub.numbered(5))
        self.same_ends(origin, copy)
        origin.kill()
        self.promote(copy)
        for first in (5, 10, 15):
            self.send(copy, kafka_hub.numbered(5, first=first))  # each a producer of its own
        self.assertEqual([int(m.key()) for m in all_of(copy.read("t"))], list(range(20)))

    def test_consumers_of_a_group_move_to_the_mirror_and_go_on(self):
        for attempt in range(3):
            with self.subTest(attempt=attempt):
                self.move_a_group(random.Random(attempt))

    def move_a_group(self, rng):
        origin, copy = self.pair()
        self.create(origin, "t", 2)
        records = [r for i in range(400) for r in kafka_hub.numbered(1, first=i, partition=i % 2)]
        self.send(origin, records)
        self.same_ends(origin, copy)
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": f"{origin.bootstrap},{copy.bootstrap}", "group.id": "movers",
            "enable.auto.commit": False, "auto.offset.reset": "error",
            "session.timeout.ms": 6000, "reconnect.backoff.max.ms": 500})
        self.addCleanup(consumer.close)
        # From the beginning, which the group knows before it begins.
        consumer.commit(offsets=[confluent_kafka.TopicPartition("t", p, 0) for p in (0, 1)], asynchronous=False)
        consumer.subscribe(["t"])
        seen, committed = [], 0
        until = rng.randrange(60, 300)
        while len(seen) < until:
            message = consumer.poll(1)
            if message is None or message.error():
                continue
            seen.append(int(message.key()))
            if len(seen) % 20 == 0:
                consumer.commit(asynchronous=False)
                committed = len(seen)
        stood = {p.partition: p.offset for p in consumer.committed(
            [confluent_kafka.TopicPartition("t", n) for n in (0, 1)], timeout=10)}
        eventually("the mirror knows what was committed", lambda: self.committed(copy, "movers") == stood, 20)
        origin.kill()
        deadline = time.monotonic() + 60
        while len(set(seen)) < 400:
            self.assertLess(time.monotonic(), deadline, f"{len(set(seen))} of 400 came\n{copy.log()}")
            message = consumer.poll(1)
            if message is not None and not message.error():
                seen.append(int(message.key()))
        self.assertEqual(sorted(set(seen)), list(range(400)))
        repeated = sorted(n for n in set(seen) if seen.count(n) > 1)
        self.assertFalse(set(repeated) & set(seen[:committed]), "repeated in front of the last commit")
        self.assertLessEqual(len(seen), 400 + until - committed)

    def committed(self, hub, group):
        client = confluent_kafka.Consumer({"bootstrap.servers": hub.bootstrap, "group.id": group})
        try:
            found = client.committed([confluent_kafka.TopicPartition("t", n) for n in (0, 1)], timeout=10)
            return {p.partition: p.offset for p in found}
        finally:
            client.close()

    def test_a_mirror_takes_nobody_elses_records_and_says_why(self):
        origin = self.hub("origin")
        copy = self.hub("copy", mirror_of(origin), extra='[[route]]\nfilter = "t/#"\ntopic = "t"\n')
        self.send(origin, kafka_hub.numbered(5))
        self.same_ends(origin, copy)
        errors = []
        writer = producer(copy)
        writer.produce("t", "no", on_delivery=lambda error, _: errors.append(error))
        writer.flush(20)
        self.assertEqual(errors[0].name(), "POLICY_VIOLATION")
        refused = publish(copy, "mqttv5", "t/1", "-m", "no")
        self.assertIn(b"Topic Name invalid", refused.stderr)
        self.assertEqual(self.ends(copy), {0: (0, 5)})

    def test_a_topic_with_records_of_its_own_is_left_alone_and_named(self):
        origin = self.hub("origin")
        copy = self.hub("copy")
        self.send(origin, kafka_hub.numbered(5))
        self.send(origin, kafka_hub.numbered(5), "u")
        self.send(copy, kafka_hub.numbered(3, first=100))
        copy.links = [mirror_of(origin)]
        copy.write_config()
        os.kill(copy.process.pid, signal.SIGHUP)
        self.same_ends(origin, copy, "u")
        self.assertEqual([int(m.key()) for m in all_of(copy.read("t"))], [100, 101, 102])
        self.assertIn("has records of its own", copy.cli("links", "copy").stdout)
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": copy.bootstrap})
        admin.delete_topics(["t"])["t"].result(10)
        self.same_ends(origin, copy, "t")

    def test_an_origin_that_begins_anew_is_noticed(self):
        origin, copy = self.pair()
        self.send(origin, kafka_hub.numbered(5))
        self.same_ends(origin, copy)
        destroy(origin)
        origin.start()
        self.send(origin, kafka_hub.numbered(3, first=100))
        eventually("the mirror says so", lambda: "is another there" in copy.cli("links", "copy").stdout, 30)
        self.assertEqual([int(m.key()) for m in all_of(copy.read("t"))], list(range(5)))

    def test_a_topic_that_is_made_anew_at_the_origin_is_not_taken_for_the_old_one(self):
        origin, copy = self.pair()
        self.send(origin, kafka_hub.numbered(5))
        self.same_ends(origin, copy)
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": origin.bootstrap})
        admin.delete_topics(["t"])["t"].result(10)
        self.create(origin, "t")
        self.send(origin, kafka_hub.numbered(9, first=100))
        eventually("the mirror says so", lambda: "is another there" in copy.cli("links", "copy").stdout, 30)
        self.assertEqual([int(m.key()) for m in all_of(copy.read("t"))], list(range(5)))

    def test_a_compacted_topic_is_mirrored_with_its_configuration(self):
        origin, copy = self.pair()
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": origin.bootstrap})
        admin.create_topics([confluent_kafka.admin.NewTopic(
            "t", 1, config={"cleanup.policy": "compact"})])["t"].result(10)
        writer = producer(origin)
        for i in range(60_000):
            writer.produce("t", b"%d" % i, b"key %d" % (i % 20_000))
            if i % 1000 == 0:
                writer.poll(0)
        self.assertEqual(writer.flush(30), 0)
        self.same_ends(origin, copy)
        self.assertEqual(shape(all_of(origin.read("t"))), shape(all_of(copy.read("t"))))
        resource = confluent_kafka.admin.ConfigResource("topic", "t")
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": copy.bootstrap})
        self.assertEqual(admin.describe_configs([resource])[resource].result(10)["cleanup.policy"].value, "compact")

    def test_many_offsets_and_large_records_come_over_a_small_budget(self):
        origin = self.hub("origin")
        self.create(origin, "t", 8)
        self.send(origin, [r for p in range(8) for r in kafka_hub.numbered(1000, first=1000 * p, partition=p)])
        for group in range(60):
            client = confluent_kafka.Consumer({"bootstrap.servers": origin.bootstrap, "group.id": f"group {group}"})
            client.commit(offsets=[confluent_kafka.TopicPartition("t", p, 900) for p in range(8)], asynchronous=False)
            client.close()
        copy = self.hub("copy", mirror_of(origin, bytes_per_second="64KiB"))
        self.same_ends(origin, copy)
        eventually("the last group is here", lambda: self.committed(copy, "group 59") == {0: 900, 1: 900}, 30)

    def test_what_mqtt_published_at_the_origin_reaches_those_who_subscribed_at_the_mirror(self):
        origin, copy = self.pair()
        subscriber = Subscriber(copy, "mqttv5", "plant/#")
        self.addCleanup(subscriber.stop)
        publish(origin, "mqttv5", "plant/1", "-m", "21.5")
        message = subscriber.message()
        self.assertEqual((message["topic"], message["payload"]), ("plant/1", "21.5"))

    def test_a_mirror_logs_in_where_it_is_asked_to(self):
        for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            with self.subTest(mechanism=mechanism):
                secrets = self.hub("nobody", start=False).directory
                (secrets / "password").write_text("open sesame\n")
                user = f'[[user]]\nname = "copier"\npassword_file = "{secrets}/password"\n'
                origin = self.hub("origin", extra=user, sasl_mechanisms=[mechanism])
                copy = self.hub("copy", mirror_of(
                    origin, user="copier", password_file=f"{secrets}/password", mechanism=mechanism))
                publish(origin, "mqttv5", "plant/1", "-m", "21.5")
                eventually("it has come", lambda: len(copy.records("mqtt")) == 1, 20)


class Replicas(MirrorTest):
    def test_an_acknowledgement_waits_for_the_mirrors_disk(self):
        origin, copy = self.pair(extra=ASKS_AND_REFUSES)
        self.in_step(origin, "t")
        for i in range(20):
            publish(origin, "mqttv5" if i % 2 else "mqttv311", "t/1", "-m", i, qos=1 + i % 2)
            copy.kill()  # as soon as it is acknowledged
            copy.start()
            self.assertEqual(len(copy.records("t")), i + 1)
            eventually("it is in step again", lambda: self.accepts(origin), 20)

    def accepts(self, origin):
        mirrors = origin.json("/api/v1/links")["mirrors"]
        return mirrors and all(m["partitions"] == m["in_step"] and m["silent_s"] < 1 for m in mirrors)

    def test_without_a_mirror_records_are_refused_or_go_on_as_the_topic_says(self):
        refuses = self.hub("refuses", extra=ASKS_AND_REFUSES)
        self.assertIn(b"Quota exceeded", publish(refuses, "mqttv5", "t/1", "-m", "no").stderr)
        with self.assertRaises(AssertionError):  # 3.1.1 can only be cut off
            publish(refuses, "mqttv311", "t/1", "-m", "no")
        publish(refuses, "mqttv5", "free/1", "-m", "yes")
        goes_on = self.hub("goes-on", extra=ASKS_AND_GOES_ON)
        publish(goes_on, "mqttv5", "t/1", "-m", "yes")
        self.assertIn("this hub's disk alone", goes_on.log())
        self.assertIn('runnel_topic_short_of_replicas{topic="t"} 1', goes_on.get("/metrics").decode())
        self.assertEqual(len(refuses.records("t")), 0)
        self.assertEqual(len(goes_on.records("t")), 1)

    def test_a_mirror_that_goes_away_holds_nobody_up_for_longer_than_it_may(self):
        origin, copy = self.pair(extra=ASKS_AND_GOES_ON)
        origin.kill()
        origin.hub_keys = {"replica_timeout": "2s"}
        origin.start()
        eventually("a mirror is there", lambda: self.accepts(origin), 20)
        copy.kill()
        begun = time.monotonic()
        publish(origin, "mqttv5", "t/1", "-m", "late")
        self.assertGreater(time.monotonic() - begun, 0.5)
        publish(origin, "mqttv5", "t/1", "-m", "at once")
        self.assertEqual(len(origin.records("t")), 2)

    def test_nothing_acknowledged_is_lost_with_the_origins_disk(self):
        for seed in range(int(os.environ.get("LOST_DISKS", "3"))):
            with self.subTest(seed=seed):
                self.lose_a_disk(random.Random(seed))

    def lose_a_disk(self, rng):
        origin, copy = self.pair(extra=ASKS_AND_REFUSES)
        self.in_step(origin, "t")
        acknowledged, stop = [set(), set()], threading.Event()

        def over_kafka():
            def told(error, message):
                if error is None:
                    acknowledged[0].add(bytes(message.value()))
            writer = producer(origin, **{"message.timeout.ms": 3000})
            n = 0
            while not stop.is_set():
                writer.produce("t", b"kafka %d" % n, on_delivery=told)
                writer.poll(0.0005)
                n += 1
            writer.flush(4)

        def over_mqtt():
            client = mqtt.Client(client_id="sensor", protocol=mqtt.MQTTv5)
            names = {}

            def on_publish(_client, _data, mid):
                acknowledged[1].add(names[mid])
            client.on_publish = on_publish
            client.connect("127.0.0.1", origin.port)
            client.loop_start()
            n = 0
            while not stop.is_set():
                name = b"mqtt %d" % n
                with lock:
                    info = client.publish("t/1", name, qos=1)
                    names[info.mid] = name
                n += 1
                time.sleep(0.0007)
            client.loop_stop()

        lock = threading.Lock()
        threads = [threading.Thread(target=over_kafka), threading.Thread(target=over_mqtt)]
        for thread in threads:
            thread.start()
        time.sleep(rng.uniform(0.5, 2.5))
        destroy(origin)
        stop.set()
        for thread in threads:
            thread.join()
        self.promote(copy)
        there = {m.value() for m in all_of(copy.read("t"))}
        for door in acknowledged:
            self.assertGreater(len(door), 20)
            self.assertEqual(door - there, set())


if __name__ == "__main__":
    unittest.main(verbosity=2)
