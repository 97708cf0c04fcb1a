"""Retained messages (MQTT 5.0 §3.3.1.3, §3.8.3.1)."""

import unittest

import wire
from cases import HubTestCase, both_versions
from wire import Prop, Type, V311, V5, options


class Retain(HubTestCase):

    def kept(self, version, topic_filter, qos=1):
        """What a new subscriber gets at once: payload, QoS and RETAIN of each message."""
        client = self.client(version, f"new{self.serial()}")
        client.subscribe((topic_filter, qos))
        return [(m.payload, m.qos, m.retain) for m in self.everything(client)]

    def serial(self):
        self._serial = getattr(self, "_serial", 0) + 1
        return self._serial

    @both_versions
    def test_a_retained_message_waits_for_subscribers_with_its_qos(self, version):
        """[MQTT-3.3.1-5] [MQTT311-3.3.1-5] [MQTT-3.3.1-9] [MQTT311-3.3.1-6] [MQTT311-3.3.1-8]
        [MQTT-3.8.4-8] [MQTT311-3.8.4-6]
        """
        publisher = self.client(version, "pub")
        for qos in (0, 1, 2):
            publisher.publish(self.topic(str(qos)), b"kept", qos, retain=True)
        publisher.disconnect()
        for qos in (0, 1, 2):
            for granted in (0, 1, 2):
                self.assertEqual(self.kept(version, self.topic(str(qos)), granted),
                                 [(b"kept", min(qos, granted), True)])

    @both_versions
    def test_a_new_retained_message_replaces_the_old_one(self, version):
        """[MQTT-3.3.1-5] [MQTT311-3.3.1-5] [MQTT311-3.3.1-7]"""
        publisher = self.client(version, "pub")
        for qos in (2, 1, 0):
            payload = f"at {qos}".encode()
            publisher.publish(self.topic(), payload, qos, retain=True)
            self.assertEqual(self.kept(version, self.topic(), 2), [(payload, qos, True)])

    @both_versions
    def test_every_matching_retained_message_is_sent(self, version):
        """[MQTT-3.3.1-9] [MQTT311-3.3.1-6]"""
        publisher = self.client(version, "pub")
        for name in ("a", "a/b", "a/b/c", "b", "a/d"):
            publisher.publish(self.topic(name), name, 1, retain=True)
        for topic_filter, names in (("#", ["a", "a/b", "a/b/c", "a/d", "b"]), ("a", ["a"]),
                                    ("a/+", ["a/b", "a/d"]), ("+/+/c", ["a/b/c"]),
                                    ("+", ["a", "b"]), ("c/#", [])):
            found = self.kept(version, self.topic(topic_filter))
            self.assertEqual(sorted(payload.decode() for payload, _, _ in found), names)

    @both_versions
    def test_an_empty_payload_is_delivered_and_removes_the_retained_message(self, version):
        """[MQTT-3.3.1-6] [MQTT311-3.3.1-10] [MQTT-3.3.1-7] [MQTT311-3.3.1-11]"""
        watcher = self.client(version, "watcher")
        watcher.subscribe((self.topic(), 1))
        publisher = self.client(version, "pub")
        for qos in (0, 1, 2):
            publisher.publish(self.topic(), b"kept", 1, retain=True)
            publisher.publish(self.topic(), b"", qos, retain=True)
            self.assertEqual([m.payload for m in watcher.messages(2)], [b"kept", b""])
            self.assertEqual(self.kept(version, self.topic()), [])

    @both_versions
    def test_a_message_without_retain_leaves_the_retained_one_alone(self, version):
        """[MQTT-3.3.1-8] [MQTT311-3.3.1-12]"""
        publisher = self.client(version, "pub")
        publisher.publish(self.topic("none"), b"live", 1)
        publisher.publish(self.topic("one"), b"kept", 1, retain=True)
        publisher.publish(self.topic("one"), b"live", 1)
        publisher.publish(self.topic("one"), b"", 1)
        self.assertEqual(self.kept(version, self.topic("none")), [])
        self.assertEqual(self.kept(version, self.topic("one")), [(b"kept", 1, True)])

    @both_versions
    def test_a_message_retained_just_before_a_subscription_is_not_delivered_twice(self, version):
        """[MQTT-3.3.1-9] [MQTT311-3.3.1-6] [MQTT-4.3.3-10] [MQTT311-4.3.3-2]"""
        for qos in (0, 1, 2):
            client = self.client(version, f"c{qos}")
            topic = self.topic(f"{qos}")
            client.send(
                wire.publish(version, topic, b"once", qos, 7 if qos else None, retain=True)
                + wire.subscribe(version, 8, (topic, 2)))
            client.wait_for(Type.SUBACK, 8)
            if qos == 2:
                client.wait_for(Type.PUBREC, 7)
                client.send(wire.ack(Type.PUBREL, 7))
                client.wait_for(Type.PUBCOMP, 7)
            elif qos == 1:
                client.wait_for(Type.PUBACK, 7)
            self.assertEqual([(m.payload, m.retain) for m in self.everything(client)],
                             [(b"once", True)])

    @both_versions
    def test_retain_is_clear_for_those_who_were_already_subscribed(self, version):
        """[MQTT-3.3.1-12] [MQTT311-3.3.1-9]"""
        client = self.client(version)
        client.subscribe((self.topic(), 1))
        client.publish(self.topic(), b"x", 1, retain=True)
        self.assertFalse(client.message().retain)

    @both_versions
    def test_retained_messages_outlive_the_session_that_published_them(self, version):
        """[MQTT311-3.1.2-7]"""
        publisher = self.client(version, "pub")
        publisher.publish(self.topic(), b"kept", 1, retain=True)
        publisher.disconnect()
        self.client(version, "pub").disconnect()  # a clean start discards what was the session's
        self.assertEqual(self.kept(version, self.topic()), [(b"kept", 1, True)])


class Options(HubTestCase):
    """Retain Handling and Retain As Published (5.0 only)."""

    def setUp(self):
        super().setUp()
        self.publisher = self.client(V5, "pub")
        self.publisher.publish(self.topic("a"), b"kept", 1, retain=True)

    def subscribe(self, client, **choices):
        client.subscribe((self.topic("+"), options(1, **choices)))
        return self.payloads(client)

    def test_handling_zero_sends_at_every_subscribe(self):
        """[MQTT-3.3.1-9]"""
        client = self.client(V5)
        for _ in range(3):
            self.assertEqual(self.subscribe(client, handling=0), [b"kept"])

    def test_handling_one_sends_only_when_the_subscription_is_new(self):
        """[MQTT-3.3.1-10]"""
        client = self.lasting(V5)
        self.assertEqual(self.subscribe(client, handling=1), [b"kept"])
        self.assertEqual(self.subscribe(client, handling=1), [])
        client.disconnect()
        client = self.lasting(V5)
        self.assertEqual(self.subscribe(client, handling=1), [])
        client.unsubscribe(self.topic("+"))
        self.assertEqual(self.subscribe(client, handling=1), [b"kept"])

    def test_handling_two_never_sends(self):
        """[MQTT-3.3.1-11]"""
        client = self.client(V5)
        self.assertEqual(self.subscribe(client, handling=2), [])
        self.assertEqual(self.subscribe(client, handling=2), [])
        self.publisher.publish(self.topic("a"), b"live", 1)
        self.assertEqual(client.message().payload, b"live")

    def test_retain_as_published_keeps_the_flag(self):
        """[MQTT-3.3.1-13] [MQTT-3.3.1-12]"""
        keeping, clearing = self.client(V5, "keeping"), self.client(V5, "clearing")
        self.subscribe(keeping, handling=2, as_published=True)
        self.subscribe(clearing, handling=2)
        for retain in (True, False):
            self.publisher.publish(self.topic("b"), b"x", 1, retain)
            self.assertEqual(keeping.message().retain, retain)
            self.assertFalse(clearing.message().retain)

    def test_retain_as_published_keeps_the_flag_for_an_absent_client(self):
        """[MQTT-3.3.1-13] [MQTT-3.3.1-12]"""
        for as_published in (True, False):
            self.begin()
            client = self.lasting(V5)
            self.subscribe(client, handling=2, as_published=as_published)
            client.disconnect()
            self.publisher.publish(self.topic("b"), b"1", 1, retain=True)
            self.publisher.publish(self.topic("b"), b"2", 1, retain=False)
            found = self.lasting(V5).messages(2)
            self.assertEqual([(m.payload, m.retain) for m in found],
                             [(b"1", as_published), (b"2", False)])

    def test_retained_messages_have_the_flag_whatever_retain_as_published_says(self):
        """[MQTT-3.3.1-9]"""
        for as_published in (False, True):
            client = self.client(V5, f"c{as_published}")
            client.subscribe((self.topic("a"), options(1, as_published=as_published)))
            self.assertTrue(client.message().retain)

    def test_a_shared_subscription_gets_no_retained_messages(self):
        """[MQTT-3.3.1-9]"""
        client = self.client(V5)
        client.subscribe((f"$share/g/{self.topic('+')}", 1))
        self.assertEqual(self.payloads(client), [])

    def test_several_filters_in_one_packet_each_get_their_retained_messages(self):
        """[MQTT-3.8.4-5] [MQTT-3.3.1-9]"""
        self.publisher.publish(self.topic("b"), b"other", 1, retain=True)
        client = self.client(V5)
        client.send(wire.subscribe(
            V5, 1, (self.topic("a"), options(1)), (self.topic("b"), options(1, handling=2)),
            (self.topic("+"), options(0)), properties=[(Prop.SUBSCRIPTION_ID, 3)]))
        client.wait_for(Type.SUBACK, 1)
        found = sorted(m.payload for m in self.everything(client))
        self.assertEqual(found, [b"kept", b"kept", b"other"])


class Mixed(HubTestCase):

    def test_a_message_retained_by_one_version_is_read_by_the_other(self):
        """[MQTT-3.3.1-5] [MQTT311-3.3.1-5]"""
        for writer, reader in ((V311, V5), (V5, V311)):
            self.begin()
            self.client(writer, "pub").publish(self.topic(), b"kept", 1, retain=True)
            client = self.client(reader)
            client.subscribe((self.topic(), 1))
            found = client.message()
            self.assertEqual((found.payload, found.retain), (b"kept", True))


if __name__ == "__main__":
    unittest.main()
