"""One log, two doors: what Kafka writes MQTT reads, and the other way round.

    theme_mqtt.py CLIENT
"""

from kafka_hub import Record, support
from matrix import Theme, run

PROPERTIES = [("unit", "C"), ("place", "roof"), ("unit", "K"), ("a", "last")]
EVENT = [("specversion", "1.0"), ("id", "7"), ("source", "/plant/7"), ("type", "temp")]
ROUTES = """
[[route]]
filter = "plant/+/oil"
topic = "oils"
key = "{1}"

[[route]]
filter = "named/#"
topic = "named"
mqtt_topic = "site/{topic}/{partition}/{key}"
"""


class Mqtt(Theme):
    extra = ROUTES

    def subscriber(self, topic_filter, version="mqttv5"):
        process = support.Subscriber(self.hub, version, topic_filter)
        self.addCleanup(process.stop)
        return process

    def test_a_record_of_every_codec_reaches_mqtt_subscribers(self):
        for version in support.VERSIONS:
            subscriber = self.subscriber("kafka-side/from/#", version)
            for codec in self.client.codecs:
                with self.subTest(version=version, codec=codec):
                    self.client.produce("kafka-side", [
                        Record(b"from/kafka/%d" % i, b"%s %d " % (codec.encode(), i) * 50)
                        for i in range(5)], codec=codec)
                    for i in range(5):
                        message = subscriber.message()
                        self.assertEqual(message["topic"], f"kafka-side/from/kafka/{i}")
                        self.assertEqual(message["payload"], f"{codec} {i} " * 50)
                        self.assertEqual(message["qos"], 1)
            subscriber.stop()

    def test_headers_of_a_record_are_user_properties_in_their_order(self):
        subscriber = self.subscriber("kafka-side/from/headers")
        headers = (("z", b"1"), ("a", b"2"), ("m", b"3"))
        self.client.produce("kafka-side", [Record(b"from/headers", b"value", headers)])
        self.assertEqual(subscriber.user_properties(), [("z", "1"), ("a", "2"), ("m", "3")])

    def test_the_route_read_backwards_says_the_mqtt_topic(self):
        subscriber = self.subscriber("#")
        for topic, key, wanted in (
                ("oils", b"7", "plant/7/oil"), ("oils", b"7/8", "oils/7/8"),
                ("named", b"x", "site/named/0/x"),
                ("nobodys", b"k", "nobodys/k"), ("nobodys", b"", "nobodys")):
            with self.subTest(topic=topic, key=key):
                self.client.produce(topic, [Record(key, b"value")])
                self.assertEqual(subscriber.message()["topic"], wanted)

    def test_a_header_may_name_the_mqtt_topic(self):
        subscriber = self.subscriber("somewhere/else")
        self.client.produce(
            "oils", [Record(b"7", b"value", (("mqtt.topic", b"somewhere/else"),))])
        self.assertEqual(subscriber.message()["payload"], "value")

    def test_null_keys_and_tombstones_arrive(self):
        subscriber = self.subscriber("nulls/#")
        for record, topic in ((Record(None, b"no key"), "nulls"), (Record(b"k", None), "nulls/k")):
            if not self.client.producible(record):
                continue
            self.client.produce("nulls", [record])
            message = subscriber.message()
            self.assertEqual(message["topic"], topic)
            self.assertEqual(message.get("payload") or "", (record.value or b"").decode())
            self.assertEqual(message["retain"], 0)

    def test_what_mqtt_cannot_carry_is_counted_and_the_rest_arrives(self):
        subscriber = self.subscriber("binary/#")
        before = self.hub.metrics()
        self.client.produce("binary", [
            Record(b"no+topic", b"lost to MQTT"),
            Record(b"k", b"value", (("good", b"1"), ("bad", b"\xff\xfe"), ("good", b"2")))])
        self.assertEqual(subscriber.user_properties(), [("good", "1"), ("good", "2")])
        after = self.hub.metrics()
        for name in ("records_without_topic", "headers_left_out"):
            metric = f"runnel_mqtt_{name}_total"
            self.assertGreaterEqual(after[metric] - before[metric], 1, metric)
        kept = self.hub.records("binary")
        self.assertIn(b"no+topic", [record["key"] for record in kept])
        self.assertIn(("bad", b"\xff\xfe"), kept[-1]["headers"])

    def test_cloud_events_have_the_names_of_the_side_that_they_are_on(self):
        subscriber = self.subscriber("events/#")
        headers = tuple(("ce_" + name, value.encode()) for name, value in EVENT)
        self.client.produce(
            "events", [Record(b"k", b"{}", (("content-type", b"application/json"), *headers))])
        line = subscriber.line(lambda line: line.startswith(b"MESSAGE "))
        self.assertIn(b'"content-type":"application/json"', line)
        for name, value in EVENT:
            self.assertIn(f'"{name}":"{value}"'.encode(), line)
        options = [word for name, value in EVENT
                   for word in ("-D", "publish", "user-property", name, value)]
        itself = self.subscriber("named/#")  # what MQTT published keeps its MQTT topic
        support.publish(self.hub, "mqttv5", "named/event", "-m", "{}", "-i", "sensor-7",
                        "-D", "publish", "content-type", "application/json", *options)
        self.assertEqual(itself.user_properties(), EVENT)
        newest = len(self.hub.records("named")) - 1
        record, = self.client.consume("named", 0, newest, count=1)
        wanted = self.client.carried(Record(
            b"named/event", b"{}",
            (("mqtt.client", b"sensor-7"), ("content-type", b"application/json"), *headers)))
        self.assertEqual((record.key, record.headers), (wanted.key, wanted.headers))

    def test_a_publish_is_read_with_its_key_time_and_user_properties_in_order(self):
        options = [word for name, value in PROPERTIES
                   for word in ("-D", "publish", "user-property", name, value)]
        support.publish(
            self.hub, "mqttv5", "plant/7/temp", "-m", "21.5", "-i", "sensor-7", *options)
        support.publish(self.hub, "mqttv311", "plant/8/temp", "-m", "ü" * 1000)
        support.publish(self.hub, "mqttv5", "plant/9/temp", "-n")
        first, second, third = self.client.consume("mqtt", 0, "earliest", count=3)
        wanted = self.client.carried(Record(
            b"plant/7/temp", b"21.5",
            (("mqtt.client", b"sensor-7"), *((n, v.encode()) for n, v in PROPERTIES))))
        self.assertEqual((first.key, first.value, first.headers),
                         (wanted.key, wanted.value, wanted.headers))
        kept = self.hub.records("mqtt")
        self.assertEqual([r.timestamp for r in (first, second, third)],
                         [r["timestamp_ms"] for r in kept])
        self.assertEqual((second.key, second.value), (b"plant/8/temp", "ü".encode() * 1000))
        self.assertEqual((third.key, third.value), (b"plant/9/temp", b""))


if __name__ == "__main__":
    run(Mqtt)
