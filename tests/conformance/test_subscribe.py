"""SUBSCRIBE, UNSUBSCRIBE and topic filters (MQTT 5.0 §3.8 to §3.11, §4.7)."""

import unittest

import wire
from cases import HubTestCase, both_versions, for_each
from wire import Prop, Type, V311, V5, options

TOPIC_FILTER_INVALID = 0x8F
NO_SUBSCRIPTION_EXISTED = 0x11


class Filters(HubTestCase):

    # Topic filter: names it matches, names it does not; below a level of each test's own.
    MATCHES = {
        "a": (["a"], ["A", "a/", "/a", "a/b", "aa"]),
        "#": (["a", "a/b", "a/b/c", "", "/", "//", "$x"], []),
        "a/#": (["a", "a/", "a/b", "a/b/c"], ["b", "b/a", "ab"]),
        "+": (["a", "ab", "", "$x"], ["a/b", "/", "a/"]),
        "+/": (["a/", "/"], ["a", "a/b"]),
        "a/+": (["a/b", "a/"], ["a", "a/b/c", "b/a"]),
        "+/b": (["a/b", "/b"], ["b", "a/b/", "a/a/b"]),
        "+/+": (["a/b", "/", "/b", "a/"], ["a", "a/b/c"]),
        "a/+/c": (["a/b/c", "a//c"], ["a/c", "a/b/d", "a/b/c/d"]),
        "a/+/#": (["a/b", "a/", "a/b/c", "a/b/c/d"], ["a", "b/c"]),
        "+/b/#": (["a/b", "/b", "a/b/c"], ["a", "b", "a/c"]),
        "/+": (["/a", "/"], ["a", "/a/b"]),
        "/#": (["/", "/a", "", "/a/b"], ["a", "a/b"]),
        "+/+/+": (["a/b/c", "//"], ["a/b", "a/b/c/d"]),
    }

    @for_each({f"{topic_filter} in {version}": (version, topic_filter)
               for topic_filter in MATCHES for version in (V311, V5)})
    def test_filters_match_what_they_should_and_nothing_else(self, version, topic_filter):
        """[MQTT-4.7.1-1] [MQTT311-4.7.1-2] [MQTT-4.7.1-2] [MQTT311-4.7.1-3] [MQTT-3.3.2-3]
        [MQTT311-3.3.2-3]
        """
        root = self.topic("r")
        matching, others = self.MATCHES[topic_filter]
        client = self.client(version)
        client.subscribe((f"{root}/{topic_filter}", 1))
        sent = [f"{root}/{name}" for name in matching + others]
        if topic_filter == "#":
            sent.append(root)
            matching = matching + [None]
        for name in sent:
            client.publish(name, name, qos=1)
        expected = [root if name is None else f"{root}/{name}" for name in matching]
        self.assertEqual(sorted(m.topic for m in self.everything(client)), sorted(expected))

    @both_versions
    def test_a_leading_wildcard_does_not_match_a_leading_dollar(self, version):
        """[MQTT-4.7.2-1] [MQTT311-4.7.2-1]"""
        client = self.client(version)
        own = self.client_id("own")
        for topic_filter in ("#", f"+/{own}", "+/#", f"+/{own}/#"):
            client.subscribe((topic_filter, 0))
        client.publish(f"$dollar/{own}", b"hidden", qos=1)
        client.publish(f"dollar/{own}", b"seen", qos=1)
        found = {m.payload for m in self.everything(client)}
        self.assertEqual(found, {b"seen"})
        client.subscribe((f"$dollar/{own}/#", 0))
        client.publish(f"$dollar/{own}", b"asked for", qos=1)
        self.assertEqual(client.message().payload, b"asked for")

    @both_versions
    def test_malformed_filters_fail_one_by_one(self, version):
        """[MQTT-4.7.1-1] [MQTT311-4.7.1-2] [MQTT-4.7.1-2] [MQTT311-4.7.1-3] [MQTT-4.7.3-1]
        [MQTT311-4.7.3-1] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT311-3.8.4-5] [MQTT-3.9.3-1]
        [MQTT311-3.9.3-1] [MQTT-3.9.3-2] [MQTT311-3.9.3-2]
        """
        client = self.client(version)
        bad = ["", "a#", "#/a", "a/#/b", "##", "a+", "+a", "a/b+/c", "++", "#+", "a/+#"]
        entries = []
        for topic_filter in bad:
            entries += [(topic_filter, 1), (self.topic(f"good{len(entries)}"), 1)]
        failure = TOPIC_FILTER_INVALID if version == V5 else 0x80
        self.assertEqual(client.subscribe(*entries).reasons, [failure, 1] * len(bad))
        client.publish(self.topic("good0"), b"x", qos=1)
        self.assertEqual(client.message().payload, b"x")


class Subscribe(HubTestCase):

    @both_versions
    def test_suback_has_the_identifier_and_one_code_for_each_filter_in_order(self, version):
        """[MQTT-3.8.4-1] [MQTT311-3.8.4-1] [MQTT-3.8.4-2] [MQTT311-3.8.4-2] [MQTT-2.2.1-6]
        [MQTT311-2.3.1-7] [MQTT-3.8.4-5] [MQTT311-3.8.4-4] [MQTT-3.8.4-6] [MQTT-3.8.4-7]
        [MQTT311-3.8.4-5] [MQTT-3.9.3-1] [MQTT311-3.9.3-1] [MQTT-3.9.3-2] [MQTT311-3.9.3-2]
        """
        client = self.client(version)
        requested = [2, 0, 1, 1, 0, 2, 2]
        for number in (1, 0x8001, 65535):
            client.send(wire.subscribe(version, number, *(
                (self.topic(str(position)), qos) for position, qos in enumerate(requested))))
            client.expect(Type.SUBACK, packet_id=number, reasons=requested)
        for position, qos in enumerate(requested):
            client.publish(self.topic(str(position)), b"x", qos=2)
            self.assertEqual(client.message().qos, qos)

    @both_versions
    def test_a_later_filter_in_the_same_packet_replaces_an_earlier_one(self, version):
        """[MQTT-3.8.4-5] [MQTT311-3.8.4-4] [MQTT-3.8.4-3] [MQTT311-3.8.4-3]"""
        client = self.client(version)
        self.assertEqual(
            client.subscribe((self.topic(), 2), (self.topic(), 0)).reasons, [2, 0])
        client.publish(self.topic(), b"once", qos=2)
        found = self.everything(client)
        self.assertEqual([(m.payload, m.qos) for m in found], [(b"once", 0)])

    @both_versions
    def test_subscribing_again_replaces_the_subscription(self, version):
        """[MQTT-3.8.4-3] [MQTT311-3.8.4-3]"""
        client = self.client(version)
        for granted in (0, 2, 1):
            client.subscribe((self.topic("+"), granted))
            client.publish(self.topic("x"), b"once", qos=2)
            self.assertEqual([m.qos for m in self.everything(client)], [granted])

    @both_versions
    def test_no_message_is_lost_while_a_subscription_is_replaced(self, version):
        """[MQTT-3.8.4-4] [MQTT311-3.8.4-3]"""
        client, publisher = self.client(version), self.client(version, "pub")
        client.subscribe((self.topic(), 1))
        count = 50
        for number in range(1, count + 1):
            publisher.send(wire.publish(version, self.topic(), str(number), 1, number))
            if number % 5 == 0:
                client.send(wire.subscribe(version, 100 + number, (self.topic(), 1)))
        for number in range(1, count + 1):
            publisher.wait_for(Type.PUBACK, number)
        for number in range(5, count + 1, 5):
            client.wait_for(Type.SUBACK, 100 + number)
        found = self.payloads(client)
        self.assertEqual(found, [str(number).encode() for number in range(1, count + 1)])

    def test_retained_messages_are_sent_again_when_a_subscription_is_replaced(self):
        """[MQTT-3.8.4-4] [MQTT311-3.8.4-3]"""
        for version in (V311, V5):
            self.begin()
            client = self.client(version)
            client.publish(self.topic("1"), b"one", qos=1, retain=True)
            client.publish(self.topic("2"), b"two", qos=1, retain=True)
            for _ in range(3):
                client.subscribe((self.topic("+"), 1))
                found = client.messages(2)
                self.assertEqual({m.payload for m in found}, {b"one", b"two"})
                self.assertTrue(all(m.retain for m in found))

    @both_versions
    def test_wildcards_in_filters_are_supported(self, version):
        """[MQTT311-3.8.3-2]"""
        client = self.client(version)
        self.assertEqual(client.subscribe(("a/+/b", 2), ("a/#", 1)).reasons, [2, 1])


class Overlapping(HubTestCase):

    @both_versions
    def test_overlapping_subscriptions_give_the_highest_qos_of_them(self, version):
        """[MQTT-3.3.4-2] [MQTT311-3.3.5-1]"""
        client = self.client(version)
        client.subscribe((self.topic("#"), 0), (self.topic("a/+"), 2), (self.topic("a/b"), 1))
        for qos in (0, 1, 2):
            client.publish(self.topic("a/b"), b"x", qos)
            self.assertEqual([m.qos for m in self.everything(client)], [qos])

    def test_one_copy_has_the_identifiers_of_all_matching_subscriptions(self):
        """[MQTT-3.3.4-3] [MQTT-3.3.4-4]"""
        client = self.client(V5)
        for topic_filter, number in (("#", 1), ("a/+", 268_435_455), ("a/b", 128), ("+/b", None),
                                     ("b", 7)):
            client.subscribe(
                (self.topic(topic_filter), 1),
                properties=[] if number is None else [(Prop.SUBSCRIPTION_ID, number)])
        client.publish(self.topic("a/b"), b"x", qos=1)
        found, = self.everything(client)
        self.assertEqual(sorted(found.all(Prop.SUBSCRIPTION_ID)), [1, 128, 268_435_455])

    def test_a_subscription_without_identifier_gives_none(self):
        """[MQTT-3.3.4-3]"""
        client = self.client(V5)
        client.subscribe((self.topic(), 1), properties=[(Prop.SUBSCRIPTION_ID, 5)])
        client.subscribe((self.topic(), 1))
        client.publish(self.topic(), b"x", qos=1)
        self.assertEqual(client.message().all(Prop.SUBSCRIPTION_ID), [])

    def test_retained_and_stored_messages_have_the_identifier_too(self):
        """[MQTT-3.3.4-3]"""
        publisher = self.client(V5, "pub")
        publisher.publish(self.topic("kept"), b"kept", qos=1, retain=True)
        client = self.lasting(V5)
        client.subscribe((self.topic("+"), 1), properties=[(Prop.SUBSCRIPTION_ID, 9)])
        self.assertEqual(client.message().all(Prop.SUBSCRIPTION_ID), [9])
        client.disconnect()
        publisher.publish(self.topic("later"), b"later", qos=1)
        client = self.lasting(V5)
        self.assertEqual(client.message().all(Prop.SUBSCRIPTION_ID), [9])


class NoLocal(HubTestCase):

    def test_no_local_keeps_a_clients_own_messages_from_it(self):
        """[MQTT-3.8.3-3]"""
        client, other = self.client(V5), self.client(V5, "other")
        client.subscribe((self.topic("#"), options(1, no_local=True)))
        client.publish(self.topic("a"), b"mine", qos=1)
        other.publish(self.topic("a"), b"theirs", qos=1)
        self.assertEqual(self.payloads(client), [b"theirs"])

    def test_another_subscription_without_no_local_still_gets_them(self):
        """[MQTT-3.8.3-3]"""
        client = self.client(V5)
        client.subscribe((self.topic("#"), options(1, no_local=True)), (self.topic("a"), 0))
        client.publish(self.topic("a"), b"mine", qos=1)
        self.assertEqual(self.payloads(client), [b"mine"])

    def test_no_local_goes_by_client_identifier_not_by_connection(self):
        """[MQTT-3.8.3-3]"""
        client = self.lasting(V5)
        client.subscribe((self.topic("#"), options(1, no_local=True)))
        client.send(wire.publish(V5, self.topic("a"), b"mine", 1, 77))
        client.wait_for(Type.PUBACK, 77)
        client.drop()
        self.assertEqual(self.payloads(self.lasting(V5)), [])


class Unsubscribe(HubTestCase):

    @both_versions
    def test_unsuback_has_the_identifier_and_a_code_for_each_filter(self, version):
        """[MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT311-3.10.4-4] [MQTT311-3.10.4-5] [MQTT-2.2.1-6]
        [MQTT311-2.3.1-7] [MQTT-3.10.4-6] [MQTT311-3.10.4-6] [MQTT-3.11.3-1] [MQTT-3.11.3-2]
        """
        client = self.client(version)
        client.subscribe((self.topic("a"), 1), (self.topic("b"), 1), (self.topic("c"), 1))
        client.send(wire.unsubscribe(
            version, 0x9001, self.topic("c"), self.topic("never"), self.topic("a"),
            self.topic("a")))
        codes = [0, NO_SUBSCRIPTION_EXISTED, 0, NO_SUBSCRIPTION_EXISTED] if version == V5 else []
        client.expect(Type.UNSUBACK, packet_id=0x9001, reasons=codes)
        for name in "abc":
            client.publish(self.topic(name), name, qos=1)
        self.assertEqual(self.payloads(client), [b"b"])

    @both_versions
    def test_filters_are_compared_character_by_character(self, version):
        """[MQTT-3.10.4-1] [MQTT311-3.10.4-1]"""
        client = self.client(version)
        client.subscribe((self.topic("+/x"), 1))
        client.unsubscribe(self.topic("a/x"), self.topic("#"), self.topic("+/X"), self.topic("+"))
        client.publish(self.topic("a/x"), b"still", qos=1)
        self.assertEqual(self.payloads(client), [b"still"])
        client.unsubscribe(self.topic("+/x"))
        client.publish(self.topic("a/x"), b"gone", qos=1)
        self.assertEqual(self.payloads(client), [])

    @both_versions
    def test_nothing_new_comes_after_unsubscribe(self, version):
        """[MQTT-3.10.4-2] [MQTT311-3.10.4-2]"""
        client = self.client(version)
        for qos in (0, 1, 2):
            client.subscribe((self.topic(), qos))
            client.unsubscribe(self.topic())
            client.publish(self.topic(), b"x", qos)
        self.assertEqual(self.payloads(client), [])

    @both_versions
    def test_a_delivery_that_has_begun_is_finished_after_unsubscribe(self, version):
        """[MQTT-3.10.4-3] [MQTT311-3.10.4-3]"""
        client = self.lasting(version)
        client.subscribe((self.topic("1"), 1), (self.topic("2"), 2))
        client.publish(self.topic("1"), b"one", qos=1)
        client.publish(self.topic("2"), b"two", qos=1)
        client.publish(self.topic("2"), b"three", qos=2)
        one, two, three = client.messages(3, ack=False)
        client.send_ack(Type.PUBREC, three.packet_id)
        client.wait_for(Type.PUBREL, three.packet_id)
        client.unsubscribe(self.topic("1"), self.topic("2"))
        client.drop()
        client = self.lasting(version)
        self.assertTrue(client.connack.session_present)
        again = [client.wait_for(Type.PUBLISH) for _ in range(2)]
        for message in again:
            client.acknowledge(message)
        self.assertEqual([(m.payload, m.packet_id, m.dup) for m in again],
                         [(b"one", one.packet_id, True), (b"two", two.packet_id, True)])
        client.wait_for(Type.PUBREL, three.packet_id)
        client.send_ack(Type.PUBCOMP, three.packet_id)
        self.assertEqual(self.payloads(client), [])

    def test_a_shared_subscription_is_left_by_its_whole_filter(self):
        """[MQTT-3.10.4-1] [MQTT-3.11.3-2]"""
        client = self.client(V5)
        client.subscribe((f"$share/g/{self.topic()}", 1))
        self.assertEqual(client.unsubscribe(self.topic()).reasons, [NO_SUBSCRIPTION_EXISTED])
        self.assertEqual(client.unsubscribe(f"$share/g/{self.topic()}").reasons, [0])
        client.publish(self.topic(), b"x", qos=1)
        self.assertEqual(self.payloads(client), [])


class Ping(HubTestCase):

    @both_versions
    def test_a_pingreq_is_answered(self, version):
        """[MQTT-3.12.4-1] [MQTT311-3.12.4-1]"""
        client = self.client(version)
        client.send(wire.PINGREQ * 3)
        for _ in range(3):
            client.expect(Type.PINGRESP)


if __name__ == "__main__":
    unittest.main()
