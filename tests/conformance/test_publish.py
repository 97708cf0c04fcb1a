"""PUBLISH from a client, and the copies that subscribers get (MQTT 5.0 §3.3, §3.4, §3.5, §4.6)."""

import unittest

import wire
from cases import HubTestCase, both_versions, for_each
from client import Closed
from wire import Prop, Type, V311, V5

PROPERTIES = [
    (Prop.PAYLOAD_FORMAT, 1),
    (Prop.CONTENT_TYPE, "text/plain; charset=utf-8; naïve"),
    (Prop.RESPONSE_TOPIC, "answers/é/1"),
    (Prop.CORRELATION_DATA, b"\0\xff\x80 not text"),
    (Prop.USER_PROPERTY, ("b", "2")),
    (Prop.USER_PROPERTY, ("a", "1")),
    (Prop.USER_PROPERTY, ("b", "2")),
    (Prop.USER_PROPERTY, ("", "")),
    (Prop.USER_PROPERTY, ("B", "é\u00a0\ufeff")),
    (Prop.USER_PROPERTY, ("mqtt.qos", "mine, not the hub's")),
]
USER_PROPERTIES = [value for name, value in PROPERTIES if name == Prop.USER_PROPERTY]


class Delivery(HubTestCase):

    @for_each({f"{sender} to {receiver}": (sender, receiver)
               for sender in (V311, V5) for receiver in (V311, V5)})
    def test_a_message_arrives_with_the_lower_of_its_and_the_granted_qos(self, sender, receiver):
        """[MQTT-3.8.4-8] [MQTT311-3.8.4-6] [MQTT-3.3.2-3] [MQTT311-3.3.2-3] [MQTT-2.2.1-2]
        [MQTT311-2.3.1-5] [MQTT-4.3.1-1] [MQTT311-4.3.1-1] [MQTT-4.3.2-2] [MQTT-4.3.3-2]
        [MQTT-4.5.0-1] [MQTT311-4.5.0-1]
        """
        publisher = self.client(sender, "pub")
        for granted in (0, 1, 2):
            subscriber = self.client(receiver, f"sub{granted}")
            topic = self.topic(f"granted/{granted}")
            self.assertEqual(subscriber.subscribe((topic, granted)).reasons, [granted])
            for qos in (0, 1, 2):
                payload = f"{qos} for {granted}".encode()
                publisher.publish(topic, payload, qos)
                found = subscriber.message()
                self.assertEqual(
                    (found.topic, found.payload, found.qos, found.dup, found.retain),
                    (topic, payload, min(qos, granted), False, False))

    @both_versions
    def test_each_qos_has_its_own_answer_with_the_identifier_of_the_message(self, version):
        """[MQTT-3.3.4-1] [MQTT311-3.3.4-1] [MQTT-2.2.1-5] [MQTT311-2.3.1-6] [MQTT-4.3.2-4]
        [MQTT311-4.3.2-2] [MQTT-4.3.3-8] [MQTT-4.3.3-11] [MQTT311-4.3.3-2] [MQTT-3.4.2-1]
        [MQTT-3.5.2-1] [MQTT-3.7.2-1]
        """
        client = self.client(version)
        topic = self.topic()
        success = 0 if version == V5 else None
        for number in (1, 0x1234, 65535):
            client.send(wire.publish(version, topic, b"x", 0))
            client.send(wire.publish(version, topic, b"x", 1, number))
            client.expect(Type.PUBACK, packet_id=number, reason=success)
            client.send(wire.publish(version, topic, b"x", 2, number))
            client.expect(Type.PUBREC, packet_id=number, reason=success)
            client.send(wire.ack(Type.PUBREL, number))
            client.expect(Type.PUBCOMP, packet_id=number, reason=success)

    @both_versions
    def test_payloads_of_any_size_and_any_bytes_arrive_unaltered(self, version):
        """[MQTT-4.5.0-1] [MQTT311-4.5.0-1]"""
        client = self.client(version)
        client.subscribe((self.topic(), 1))
        every_byte = bytes(range(256))
        for payload in (b"", b"\0", every_byte, every_byte * 1024):
            client.publish(self.topic(), payload, qos=1)
            self.assertEqual(client.message().payload, payload)

    @both_versions
    def test_messages_of_one_publisher_keep_their_order_in_each_qos(self, version):
        """[MQTT-4.6.0-5] [MQTT311-4.6.0-5] [MQTT-4.6.0-6] [MQTT311-4.6.0-6]"""
        count = 200
        for qos in (0, 1, 2):
            subscriber = self.client(version, f"sub{qos}")
            publisher = self.client(version, f"pub{qos}")
            topic = self.topic(f"qos{qos}")
            subscriber.subscribe((topic, qos))
            payloads = [str(number).encode() for number in range(count)]
            publisher.publish_all(topic, payloads, qos)
            found = [m.payload for m in subscriber.messages(count)]
            self.assertEqual(found, payloads)

    @both_versions
    def test_dup_of_an_incoming_message_is_not_passed_on(self, version):
        """[MQTT-3.3.1-3] [MQTT311-3.3.1-3] [MQTT-4.3.2-2]"""
        client = self.client(version)
        client.subscribe((self.topic(), 2))
        for qos in (1, 2):
            client.publish(self.topic(), b"again", qos, dup=True)
            self.assertFalse(client.message().dup)


class Properties(HubTestCase):
    """What a 5.0 message carries reaches subscribers unaltered, whichever way it goes."""

    def check(self, found):
        sent = [p for p in PROPERTIES if p[0] != Prop.USER_PROPERTY]
        arrived = [p for p in found.properties
                   if p[0] not in (Prop.USER_PROPERTY, Prop.TOPIC_ALIAS)]
        self.assertEqual(sorted(arrived), sorted(sent))
        self.assertEqual(found.all(Prop.USER_PROPERTY), USER_PROPERTIES)
        self.assertEqual(found.payload, "päyload".encode())

    def publish(self, retain=False):
        self.client(V5, "pub").publish(self.topic(), "päyload", 1, retain, PROPERTIES)

    def test_a_live_message_keeps_its_properties(self):
        """[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18]
        [MQTT-3.3.2-20]
        """
        subscribers = [self.client(V5, f"sub{qos}") for qos in (0, 1, 2)]
        for qos, subscriber in enumerate(subscribers):
            subscriber.subscribe((self.topic(), qos))
        self.publish()
        for subscriber in subscribers:
            self.check(subscriber.message())

    def test_a_retained_message_keeps_its_properties(self):
        """[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18]
        [MQTT-3.3.2-20]
        """
        self.publish(retain=True)
        client = self.client(V5)
        client.subscribe(self.topic())
        self.check(client.message())

    def test_a_message_for_an_absent_client_keeps_its_properties(self):
        """[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18]
        [MQTT-3.3.2-20]
        """
        client = self.lasting(V5)
        client.subscribe((self.topic(), 1))
        client.disconnect()
        self.publish()
        self.check(self.lasting(V5).message())

    def test_a_subscriber_of_3_1_1_gets_the_message_without_properties(self):
        """[MQTT-4.5.0-1] [MQTT311-4.5.0-1]"""
        client = self.client(V311)
        client.subscribe((self.topic(), 1))
        self.publish()
        self.assertEqual(client.message().payload, "päyload".encode())

    def test_payload_format_zero_is_passed_on_too(self):
        """[MQTT-3.3.2-4]"""
        client = self.client(V5)
        client.subscribe(self.topic())
        client.publish(self.topic(), b"\xff", properties=[(Prop.PAYLOAD_FORMAT, 0)])
        self.assertEqual(client.message().get(Prop.PAYLOAD_FORMAT), 0)


class TopicNames(HubTestCase):

    @both_versions
    def test_topics_are_compared_as_they_are_without_any_normalization(self, version):
        """[MQTT-4.7.3-4] [MQTT311-4.7.3-4] [MQTT-1.5.4-3] [MQTT311-1.4.0-3]"""
        names = ["a", "A", "a/", "/a", "//a", "a//b", "a/b", "a/./b", "a/../b", "a b", " a", "a ",
                 "é", "e\u0301", "\ufeffa", "a\ufeff", "\ufeff", "ß", "ss", "%61", "a\\b", "a\tb",
                 "\u0001", "\ufffe", "\U0010ffff"]
        names = [self.topic(name) for name in names]
        client = self.client(version)
        client.subscribe(*((name, 1) for name in names))
        for name in names:
            client.publish(name, name.encode(), qos=1)
            found = client.message()
            self.assertEqual((found.topic, found.payload), (name, name.encode()))
        self.assertEqual(self.payloads(client), [])

    @both_versions
    def test_the_separator_alone_and_leading_dollars_are_names_too(self, version):
        """[MQTT-4.7.3-1] [MQTT311-4.7.3-1]"""
        client = self.client(version)
        for name in ("/", "//", f"$own/{self.client_id()}"):
            client.subscribe((name, 1))
            client.publish(name, name, qos=1)
            self.assertEqual(client.message().topic, name)
            client.unsubscribe(name)

    @both_versions
    def test_the_longest_topic_name_works(self, version):
        """[MQTT-4.7.3-3] [MQTT311-4.7.3-3]"""
        client = self.client(version)
        name = self.topic("").ljust(65535, "x")
        self.assertEqual(client.subscribe((name, 1)).reasons, [1])
        client.publish(name, b"live", qos=1)
        self.assertEqual(client.message().topic, name)
        client.publish(name, b"kept", qos=1, retain=True)
        self.assertEqual(client.message().payload, b"kept")
        late = self.client(version, "late")
        late.subscribe((name, 1))
        self.assertEqual(late.message().topic, name)
        late.publish(name, b"", qos=1, retain=True)
        client.unsubscribe(name)
        self.assertEqual(self.payloads(client), [b""])


class Refusal(HubTestCase):

    def test_sys_is_the_hubs_own_and_a_publisher_of_5_0_is_told(self):
        """[MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-4.3.3-9]"""
        watcher = self.client(V5, "watcher")
        watcher.subscribe(("$SYS/broker/mine/#", 2))
        client = self.client(V5)
        client.publish("$SYS/broker/mine/0", b"no", 0)
        self.assertEqual(client.publish("$SYS/broker/mine/1", b"no", 1).reason, 0x87)
        self.assertEqual(client.publish("$SYS/broker/mine/2", b"no", 2).reason, 0x87)
        self.assertEqual(self.payloads(watcher), [])

    def test_a_publisher_of_3_1_1_to_sys_is_acknowledged_or_disconnected(self):
        """[MQTT311-3.3.5-2]"""
        watcher = self.client(V311, "watcher")
        watcher.subscribe(("$SYS/broker/mine/#", 2))
        for qos in (1, 2):
            client = self.client(V311)
            client.send(wire.publish(V311, "$SYS/broker/mine/1", b"no", qos, 1))
            try:
                client.expect(Type.PUBACK if qos == 1 else Type.PUBREC, packet_id=1)
            except Closed:
                pass
        self.assertEqual(self.payloads(watcher), [])

    def test_an_identifier_is_free_again_after_a_refusing_pubrec(self):
        """[MQTT-4.3.3-9]"""
        client = self.client(V5)
        client.subscribe((self.topic(), 2))
        client.send(wire.publish(V5, "$SYS/broker/mine", b"no", 2, 5000))
        client.expect(Type.PUBREC, packet_id=5000, reason=0x87)
        client.send(wire.publish(V5, self.topic(), b"yes", 2, 5000))
        client.expect(Type.PUBREC, packet_id=5000, reason=0)
        client.send(wire.ack(Type.PUBREL, 5000))
        client.wait_for(Type.PUBCOMP, 5000)
        self.assertEqual(client.message().payload, b"yes")


if __name__ == "__main__":
    unittest.main()
