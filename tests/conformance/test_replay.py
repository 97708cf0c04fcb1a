"""Replay: user property hub.from on SUBSCRIBE (docs/mqtt.md), held to the rules of MQTT 5.0."""

import unittest

import wire
from cases import HubTestCase
from wire import Prop, V5

REFUSED = 0x83


def asking(start):
    return [(Prop.USER_PROPERTY, ("hub.from", start))]


def words(packet):
    return dict(value for name, value in packet.properties if name == Prop.USER_PROPERTY)


class Replay(HubTestCase):

    def past(self, count, qos=1):
        client = self.client(V5, "publisher")
        payloads = [b"%d" % i for i in range(count)]
        client.publish_all(self.topic("t"), payloads, qos)
        return payloads

    def test_suback_says_what_was_understood_and_where_live_begins(self):
        """[MQTT-3.8.4-6]"""
        payloads = self.past(3)
        client = self.client(V5)
        suback = client.subscribe((self.topic("t"), 1), properties=asking("earliest"))
        self.assertEqual(suback.reasons, [1])
        said = words(suback)
        self.assertEqual(said["hub.from"], "earliest")
        self.assertLess(int(said["hub.position"]), int(said["hub.live"]))
        for payload in payloads:
            message = client.message()
            self.assertEqual(message.payload, payload)
            marks = words(message)
            self.assertEqual((marks["hub.replay"], marks["hub.topic"]), ("1", "mqtt"))
            self.assertLess(int(marks["hub.position"]), int(said["hub.live"]))
        client.publish(self.topic("t"), b"live", qos=1)
        message = client.message()
        self.assertEqual(message.payload, b"live")
        self.assertNotIn("hub.replay", words(message))

    def test_a_replay_keeps_to_receive_maximum(self):
        """[MQTT-3.3.4-9]: the client checks it with every message."""
        payloads = self.past(50)
        for qos in (1, 2):
            client = self.client(V5, f"q{qos}", properties=[(Prop.RECEIVE_MAXIMUM, 3)])
            client.subscribe((self.topic("t"), qos), properties=asking("earliest"))
            self.assertEqual(self.payloads(client), payloads)

    def test_what_cannot_be_had_is_refused_for_each_filter_with_a_reason(self):
        """[MQTT-3.9.3-1]"""
        client = self.client(V5)
        for start in ("yesterday", "mqtt/0:999999", "mqtt/9:0", "nobody/0:0"):
            suback = client.subscribe("a", "b", properties=asking(start))
            self.assertEqual(suback.reasons, [REFUSED] * 2)
            reasons = [v for name, v in suback.properties if name == Prop.REASON_STRING]
            self.assertEqual(len(reasons), 1)
            self.assertIn(start, reasons[0])

    def test_no_explanation_where_it_is_not_wanted(self):
        """[MQTT-3.1.2-29]"""
        client = self.client(V5, properties=[(Prop.REQUEST_PROBLEM_INFO, 0)])
        self.assertEqual(client.subscribe("a", properties=asking("x")).properties, [])
        self.assertEqual(client.subscribe("a", properties=asking("earliest")).properties, [])

    def test_no_explanation_that_makes_suback_too_large(self):
        """[MQTT-3.9.2-1] [MQTT-3.9.2-2]"""
        client = self.client(V5, properties=[(Prop.MAXIMUM_PACKET_SIZE, 30)])
        self.assertEqual(client.subscribe("a", properties=asking("x")).properties, [])
        self.assertEqual(client.subscribe("a", properties=asking("earliest")).properties, [])

    def test_what_follows_a_subscribe_that_waits_is_answered_after_it(self):
        self.past(1)
        client = self.client(V5)
        client.send(
            wire.subscribe(V5, 7, (self.topic("t"), 0), properties=asking("2001-01-01T00:00:00Z"))
            + wire.PINGREQ)
        self.assertEqual(client.expect(wire.Type.SUBACK).packet_id, 7)
        client.wait_for(wire.Type.PINGRESP)


if __name__ == "__main__":
    unittest.main()
