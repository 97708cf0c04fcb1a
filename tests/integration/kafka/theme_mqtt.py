"""One log, two doors: what Kafka writes MQTT reads, and the other way round.

    theme_mqtt.py CLIENT
"""

from kafka_hub import Record, support
from matrix import Theme, run

PROPERTIES = [("unit", "C"), ("place", "roof"), ("unit", "K"), ("a", "last")]


class Mqtt(Theme):
    def subscriber(self, topic_filter, version="mqttv5"):
        process = support.Subscriber(self.hub, version, topic_filter)
        self.addCleanup(process.stop)
        return process

    def test_a_record_of_every_codec_reaches_mqtt_subscribers(self):
        for version in support.VERSIONS:
            subscriber = self.subscriber("from/kafka/#", version)
            for codec in self.client.codecs:
                with self.subTest(version=version, codec=codec):
                    self.client.produce("kafka-side", [
                        Record(b"from/kafka/%d" % i, b"%s %d " % (codec.encode(), i) * 50)
                        for i in range(5)], codec=codec)
                    for i in range(5):
                        message = subscriber.message()
                        self.assertEqual(message["topic"], f"from/kafka/{i}")
                        self.assertEqual(message["payload"], f"{codec} {i} " * 50)
                        self.assertEqual(message["qos"], 1)
            subscriber.stop()

    def test_headers_of_a_record_are_user_properties_in_their_order(self):
        subscriber = self.subscriber("from/headers")
        headers = (("z", b"1"), ("a", b"2"), ("m", b"3"))
        self.client.produce("kafka-side", [Record(b"from/headers", b"value", headers)])
        self.assertEqual(subscriber.user_properties(), [("z", "1"), ("a", "2"), ("m", "3")])

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
