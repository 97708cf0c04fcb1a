"""Sessions: start, resume, expiry (MQTT 5.0 §3.1.2.4, §3.1.2.11.2, §3.2.2.1, §4.1)."""

import time
import unittest

import wire
from cases import HubTestCase, both_versions, for_each
from wire import Prop, V311, V5

PROTOCOL_ERROR = 0x82
NEVER = 0xFFFFFFFF
AFTER_ONE_SECOND_S = 1.6  # the hub may look at its clock once in a while only


class CleanStart(HubTestCase):

    @both_versions
    def test_a_session_is_resumed_with_its_subscriptions(self, version):
        """[MQTT-3.1.2-5] [MQTT311-3.1.2-4] [MQTT-3.2.2-3] [MQTT311-3.2.2-2] [MQTT311-3.2.2-3]
        [MQTT-3.1.2-6] [MQTT-3.1.2-23] [MQTT-3.1.4-4] [MQTT311-3.1.4-3]
        """
        client = self.lasting(version)
        self.assertFalse(client.connack.session_present)
        client.subscribe((self.topic("a/+"), 1))
        client.disconnect()
        client = self.lasting(version)
        self.assertTrue(client.connack.session_present)
        client.publish(self.topic("a/b"), b"x", qos=1)
        self.assertEqual(client.message().payload, b"x")

    @both_versions
    def test_a_clean_start_discards_the_session(self, version):
        """[MQTT-3.1.2-4] [MQTT311-3.1.2-6] [MQTT-3.2.2-2] [MQTT311-3.2.2-1] [MQTT-3.1.4-4]
        [MQTT311-3.1.4-3]
        """
        client = self.lasting(version)
        client.subscribe((self.topic(), 2))
        publisher = self.client(version, "pub")
        publisher.publish(self.topic(), b"in flight", qos=2)
        client.message(ack=False)
        client.drop()
        publisher.publish(self.topic(), b"waiting", qos=2)
        client = self.lasting(version, clean=True)
        self.assertFalse(client.connack.session_present)
        publisher.publish(self.topic(), b"not subscribed", qos=2)
        self.assertEqual(self.payloads(client), [])
        client.disconnect()
        if version == V5:  # 3.1.1: a clean session ends with its connection
            self.assertTrue(self.lasting(version).connack.session_present)

    @both_versions
    def test_a_session_without_duration_ends_with_its_connection(self, version):
        """[MQTT-4.1.0-2] [MQTT311-3.1.2-6] [MQTT-3.2.2-3] [MQTT311-3.2.2-3] [MQTT-3.1.2-6]
        [MQTT311-3.1.2-4]
        """
        client = self.client(version)
        client.subscribe((self.topic(), 1))
        client.drop()
        # Not until the hub has seen the end of the connection; a new one makes it look.
        client = self.client(version, clean=False)
        self.assertFalse(client.connack.session_present)
        client.publish(self.topic(), b"x", qos=1)
        self.assertEqual(self.payloads(client), [])

    def test_without_clean_start_but_without_expiry_a_session_ends_too(self):
        """[MQTT-4.1.0-2]"""
        for _ in range(2):
            client = self.client(V5, clean=False)
            self.assertFalse(client.connack.session_present)
            client.disconnect()

    @both_versions
    def test_messages_for_an_absent_client_are_kept_in_order(self, version):
        """[MQTT-4.5.0-1] [MQTT311-4.5.0-1] [MQTT311-3.1.2-5] [MQTT-3.1.2-23] [MQTT-4.6.0-5]
        [MQTT311-4.6.0-5]
        """
        client = self.lasting(version)
        client.subscribe((self.topic("1"), 1), (self.topic("2"), 2))
        client.disconnect()
        publisher = self.client(version, "pub")
        expected = []
        for number in range(30):
            topic, qos = self.topic(str(1 + number % 2)), 1 + number % 2
            publisher.publish(topic, str(number), qos)
            expected.append((topic, str(number).encode(), qos))
        client = self.lasting(version)
        found = self.everything(client)
        for qos in (1, 2):  # each keeps its order; one may overtake the other
            self.assertEqual([(m.topic, m.payload, m.qos) for m in found if m.qos == qos],
                             [message for message in expected if message[2] == qos])
        self.assertEqual(len(found), len(expected))
        self.assertFalse(any(m.dup for m in found))

    @for_each({"3.1.1 then 5.0": (V311, V5), "5.0 then 3.1.1": (V5, V311)})
    def test_a_session_is_the_same_for_both_versions(self, first, second):
        """[MQTT-3.1.3-2] [MQTT311-3.1.3-2] [MQTT-3.1.2-5] [MQTT311-3.1.2-4]"""
        client = self.lasting(first)
        client.subscribe((self.topic(), 2))
        self.client(V5, "pub").publish(self.topic(), b"in flight", qos=2)
        sent = client.message(ack=False)
        client.drop()
        client = self.lasting(second)
        self.assertTrue(client.connack.session_present)
        again = client.message()
        self.assertEqual((again.payload, again.packet_id, again.dup),
                         (b"in flight", sent.packet_id, True))

    @both_versions
    def test_a_session_lasts_while_its_connection_does(self, version):
        """[MQTT-4.1.0-1] [MQTT311-4.1.0-1] [MQTT311-4.1.0-2]"""
        client = self.client(version)  # no duration beyond the connection
        client.subscribe((self.topic(), 2))
        for number in range(20):
            client.ping()
            client.publish(self.topic(), str(number), qos=2)
            self.assertEqual(client.message().payload, str(number).encode())


class Expiry(HubTestCase):
    """Session Expiry Interval, 5.0 only."""

    def test_disconnect_may_shorten_it_to_nothing(self):
        """[MQTT-4.1.0-2]"""
        self.lasting(V5).disconnect(0, [(Prop.SESSION_EXPIRY, 0)])
        self.assertFalse(self.lasting(V5).connack.session_present)

    def test_disconnect_may_lengthen_what_was_not_nothing(self):
        """[MQTT-3.1.2-23]"""
        self.lasting(V5, expiry_s=1).disconnect(0, [(Prop.SESSION_EXPIRY, NEVER)])
        time.sleep(AFTER_ONE_SECOND_S)
        self.assertTrue(self.lasting(V5).connack.session_present)

    def test_disconnect_may_not_turn_nothing_into_something(self):
        """[MQTT-4.13.1-1] [MQTT-3.14.4-2]"""
        client = self.client(V5)
        client.send(wire.disconnect(0, [(Prop.SESSION_EXPIRY, 10)]))
        client.expect_closed(PROTOCOL_ERROR)

    def test_sessions_expire_after_their_interval_and_not_before(self):
        """[MQTT-4.1.0-2] [MQTT-4.1.0-1] [MQTT-3.1.2-23] [MQTT-3.1.2-6]"""
        def start(name, expiry_s):
            client = self.lasting(V5, name, expiry_s=expiry_s)
            client.subscribe((self.topic(name), 1))
            return client

        start("short", 1).disconnect()
        start("dropped", 1).drop()
        start("by disconnect", 300).disconnect(0, [(Prop.SESSION_EXPIRY, 1)])
        start("long", 300).disconnect()
        start("never", NEVER).disconnect()
        start("renewed", 1).disconnect()
        self.lasting(V5, "renewed", expiry_s=300).disconnect()
        connected = start("connected", 1)
        time.sleep(AFTER_ONE_SECOND_S)
        connected.publish(self.topic("connected"), b"still here", qos=1)
        self.assertEqual(connected.message().payload, b"still here")
        for name, present in (("short", False), ("dropped", False), ("by disconnect", False),
                              ("long", True), ("never", True), ("renewed", True)):
            with self.subTest(session=name):
                client = self.lasting(V5, name)
                self.assertEqual(client.connack.session_present, present)
                client.publish(self.topic(name), b"x", qos=1)
                self.assertEqual(self.payloads(client), [b"x"] if present else [])

    def test_an_expired_sessions_messages_are_gone(self):
        """[MQTT-4.1.0-2]"""
        client = self.lasting(V5, expiry_s=1)
        client.subscribe((self.topic(), 1))
        client.disconnect()
        self.client(V5, "pub").publish(self.topic(), b"too late", qos=1)
        time.sleep(AFTER_ONE_SECOND_S)
        client = self.lasting(V5)
        self.assertFalse(client.connack.session_present)
        client.subscribe((self.topic(), 1))
        self.assertEqual(self.payloads(client), [])


if __name__ == "__main__":
    unittest.main()
