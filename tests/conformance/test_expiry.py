"""Message Expiry Interval (MQTT 5.0 §3.3.2.3.3, §4.3.3)."""

import time
import unittest

import wire
from cases import HubTestCase
from wire import Prop, Type, V311, V5

EXPIRED_S = 2.1  # after a message of one second, however the hub rounds
LONG_S = 100


def expiry(seconds):
    return [(Prop.MESSAGE_EXPIRY, seconds)]


class Immediate(HubTestCase):

    def test_a_live_message_has_the_interval_it_was_given(self):
        """[MQTT-3.3.2-6]"""
        client = self.client(V5)
        client.subscribe((self.topic(), 1))
        for seconds in (LONG_S, 0xFFFFFFFF):
            client.publish(self.topic(), b"x", 1, properties=expiry(seconds))
            found = client.message().get(Prop.MESSAGE_EXPIRY)
            self.assertIsNotNone(found)
            self.assertIn(seconds - found, (0, 1))

    def test_a_message_without_interval_gets_none(self):
        """[MQTT-3.3.2-6]"""
        client = self.client(V5)
        client.subscribe((self.topic(), 1))
        client.publish(self.topic(), b"x", 1)
        self.assertIsNone(client.message().get(Prop.MESSAGE_EXPIRY))


class Waiting(HubTestCase):

    def test_what_waits_too_long_is_deleted_and_the_rest_has_less_time(self):
        """[MQTT-3.3.2-5] [MQTT-3.3.2-6] [MQTT-4.3.3-7] [MQTT-4.3.3-13] [MQTT-3.3.1-5]"""
        # One wait for four situations: an absent client of each version, retained messages, and
        # QoS 2 exchanges that had begun in either direction.
        publisher = self.client(V5, "pub")
        for version in (V311, V5):
            absent = self.lasting(version, f"absent{version}")
            absent.subscribe((self.topic("+"), 2))
            absent.disconnect()
        halfway = self.lasting(V5, "halfway")
        halfway.subscribe((self.topic("begun"), 2))
        publisher.publish(self.topic("begun"), b"begun", 2, properties=expiry(1))
        begun = halfway.message(ack=False)
        halfway.drop()
        for qos in (1, 2):
            publisher.publish(self.topic("short"), b"short", qos, True, expiry(1))
            publisher.publish(self.topic("long"), b"long", qos, True, expiry(LONG_S))
            publisher.publish(self.topic("forever"), b"forever", qos, True)
        publisher.send(wire.publish(V5, self.topic("short"), b"slow", 2, 999, properties=expiry(1)))
        publisher.wait_for(Type.PUBREC, 999)

        time.sleep(EXPIRED_S)

        for version in (V311, V5):
            found = self.everything(self.lasting(version, f"absent{version}"))
            self.assertEqual([m.payload for m in found], [b"long", b"forever"] * 2)
            self.check_intervals(version, found)
        new = self.client(V5, "new")
        new.subscribe((self.topic("+"), 1))
        found = self.everything(new)
        self.assertEqual(sorted(m.payload for m in found), [b"forever", b"long"])
        self.check_intervals(V5, found)
        halfway = self.lasting(V5, "halfway")
        again = halfway.message()
        self.assertEqual((again.payload, again.packet_id, again.dup),
                         (b"begun", begun.packet_id, True))
        publisher.send(wire.ack(Type.PUBREL, 999))
        publisher.wait_for(Type.PUBCOMP, 999)

    def check_intervals(self, version, messages):
        for message in messages:
            left = message.get(Prop.MESSAGE_EXPIRY)
            if version == V5 and message.payload == b"long":
                self.assertIn(left, range(LONG_S - 10, LONG_S - 1))
            else:
                self.assertIsNone(left)


if __name__ == "__main__":
    unittest.main()
