"""Receive Maximum and Maximum Packet Size, both ways (MQTT 5.0 §3.1.2.11, §4.9)."""

import unittest

import wire
from cases import HubTestCase, both_versions, for_each
from wire import Prop, Type, V311, V5

RECEIVE_MAXIMUM_EXCEEDED = 0x93
PACKET_TOO_LARGE = 0x95


class ReceiveMaximumOfTheClient(HubTestCase):

    def limited(self, maximum, name="c"):
        return self.lasting(V5, name, properties=[(Prop.RECEIVE_MAXIMUM, maximum)])

    def flood(self, count, qos):
        self.client(V5, "pub").publish_all(
            self.topic(), [str(number) for number in range(count)], qos)

    @for_each({f"maximum {maximum}, QoS {qos}": (maximum, qos)
               for maximum in (1, 2, 7) for qos in (1, 2)})
    def test_no_more_messages_are_unsettled_than_the_client_allows(self, maximum, qos):
        """[MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2]"""
        client = self.limited(maximum)
        client.subscribe((self.topic(), qos))
        self.flood(20, qos)
        waiting, found = [], []
        while len(found) < 20:
            while len(waiting) < min(maximum, 20 - len(found)):
                waiting.append(client.expect(Type.PUBLISH))
            # The hub has sent all it may: what it sends next is an answer, not a message.
            client.send(wire.PINGREQ)
            client.expect(Type.PINGRESP)
            message = waiting.pop(0)
            client.acknowledge(message)  # Client counts, and refuses one more than the maximum
            found.append(int(message.payload))
        self.assertEqual(found, list(range(20)))

    def test_a_message_between_pubrec_and_pubcomp_still_counts(self):
        """[MQTT-3.3.4-9] [MQTT-4.9.0-2]"""
        client = self.limited(1)
        client.subscribe((self.topic(), 2))
        self.flood(2, 2)
        first = client.message(ack=False)
        client.send_ack(Type.PUBREC, first.packet_id)
        client.expect(Type.PUBREL, packet_id=first.packet_id)
        client.send(wire.PINGREQ)
        client.expect(Type.PINGRESP)
        client.send_ack(Type.PUBCOMP, first.packet_id)
        self.assertEqual(client.message().payload, b"1")

    def test_a_refusing_acknowledgement_makes_room_too(self):
        """[MQTT-3.3.4-9] [MQTT-4.9.0-2] [MQTT-4.4.0-2]"""
        for qos in (1, 2):
            self.begin()
            client = self.limited(1)
            client.subscribe((self.topic(), qos))
            self.flood(5, qos)
            for number in range(5):
                message = client.message(ack=False)
                self.assertEqual(message.payload, str(number).encode())
                client.acknowledge(message, 0x80)

    def test_the_maximum_holds_for_what_is_sent_again_after_a_return(self):
        """[MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.4.0-1]"""
        client = self.limited(3)
        client.subscribe((self.topic(), 2))
        self.flood(6, 2)
        client.messages(3, ack=False)
        client.drop()
        client = self.limited(2)
        self.assertEqual([m.payload for m in client.messages(6)],
                         [str(number).encode() for number in range(6)])

    def test_everything_but_publish_goes_on_while_the_quota_is_zero(self):
        """[MQTT-3.3.4-10] [MQTT-4.9.0-3]"""
        client = self.limited(1)
        client.subscribe((self.topic(), 2))
        self.flood(3, 2)
        message = client.message(ack=False)
        client.ping()
        self.assertEqual(client.subscribe((self.topic("x"), 1)).reasons, [1])
        self.assertEqual(client.unsubscribe(self.topic("x")).reasons, [0])
        client.publish(self.topic("y"), b"y", qos=1)
        client.publish(self.topic("y"), b"y", qos=2)
        client.send_ack(Type.PUBREC, message.packet_id)
        client.expect(Type.PUBREL, packet_id=message.packet_id)
        client.send_ack(Type.PUBCOMP, message.packet_id)
        self.assertEqual(client.message().payload, b"1")

    def test_retained_messages_keep_to_the_maximum_too(self):
        """[MQTT-3.3.4-9] [MQTT-4.9.0-2] [MQTT-3.3.1-9]"""
        publisher = self.client(V5, "pub")
        for number in range(8):
            publisher.publish(self.topic(str(number)), b"kept", 1 + number % 2, retain=True)
        client = self.limited(2)
        client.subscribe((self.topic("+"), 2))
        found = client.messages(8)
        self.assertEqual({m.topic for m in found}, {self.topic(str(n)) for n in range(8)})
        self.assertEqual(self.payloads(client), [])

    def test_a_silent_subscriber_of_3_1_1_gets_all_other_packets(self):
        """[MQTT-4.9.0-3]"""
        client = self.client(V311)
        client.subscribe((self.topic(), 1))
        self.flood(300, 1)  # more than the hub has in flight for one client
        client.ping()
        client.publish(self.topic("y"), b"y", qos=2)
        found = client.messages(300)
        self.assertEqual([m.payload for m in found], [str(n).encode() for n in range(300)])


class ReceiveMaximumOfTheHub(HubTestCase):

    MQTT = {"receive_maximum": 10}

    def test_the_hubs_receive_maximum_is_announced(self):
        """[MQTT-3.3.4-7]"""
        self.assertEqual(self.client(V5).connack.get(Prop.RECEIVE_MAXIMUM), 10)

    def test_more_unsettled_messages_than_the_hub_allows_are_refused(self):
        """[MQTT-3.3.4-7] [MQTT-4.13.2-1]"""
        client = self.client(V5)
        for number in range(1, 11):
            client.send(wire.publish(V5, self.topic(), b"x", 2, number))
            client.expect(Type.PUBREC, packet_id=number)
        client.send(wire.publish(V5, self.topic(), b"x", 2, 11))
        client.expect_closed(RECEIVE_MAXIMUM_EXCEEDED)

    def test_a_settled_message_no_longer_counts(self):
        """[MQTT-3.3.4-7]"""
        client = self.client(V5)
        for number in range(1, 10):
            client.send(wire.publish(V5, self.topic(), b"x", 2, number))
            client.expect(Type.PUBREC, packet_id=number)
        for _ in range(20):
            client.publish(self.topic(), b"x", qos=2)
            client.publish(self.topic(), b"x", qos=1)
            client.publish(self.topic(), b"x", qos=0)

    def test_a_message_said_twice_counts_once(self):
        """[MQTT-4.3.3-10]"""
        client = self.client(V5)
        for number in range(1, 11):
            for dup in (False, True):
                client.send(wire.publish(V5, self.topic(), b"x", 2, number, dup=dup))
                client.expect(Type.PUBREC, packet_id=number)

    def test_3_1_1_has_no_such_limit(self):
        """[MQTT311-4.3.3-2]"""
        client = self.client(V311)
        for number in range(1, 41):
            client.send(wire.publish(V311, self.topic(), b"x", 2, number))
            client.expect(Type.PUBREC, packet_id=number)


class PacketSizeOfTheClient(HubTestCase):

    def limited(self, size, *more, name="c", lasting=True):
        start = self.lasting if lasting else self.client
        return start(V5, name, properties=[(Prop.MAXIMUM_PACKET_SIZE, size), *more])

    @for_each({f"QoS {qos}": qos for qos in (0, 1, 2)})
    def test_a_message_too_large_is_skipped_as_if_it_had_been_sent(self, qos):
        """[MQTT-3.1.2-24] [MQTT-3.1.2-25]"""
        client = self.limited(100, (Prop.RECEIVE_MAXIMUM, 1))
        client.subscribe((self.topic(), qos))
        other = self.client(V5, "other")
        other.subscribe((self.topic(), qos))
        publisher = self.client(V5, "pub")
        for payload in (b"1", b"x" * 100, b"2", b"x" * 5000, b"x" * 5000, b"3"):
            publisher.publish(self.topic(), payload, qos)
        self.assertEqual(self.payloads(client), [b"1", b"2", b"3"])
        self.assertEqual(len(self.payloads(other)), 6)
        client.drop()
        self.assertEqual(self.payloads(self.lasting(V5)), [])  # not kept for a larger limit

    def test_a_message_of_just_the_size_is_sent(self):
        """[MQTT-3.1.2-24]"""
        client = self.limited(200, lasting=False)
        client.subscribe((self.topic(), 0))
        empty = len(wire.publish(V5, self.topic(), b""))
        for length in (198 - empty, 199 - empty, 200 - empty - 1, 200 - empty, 201 - empty):
            client.publish(self.topic(), b"x" * length)
        sizes = [len(wire.publish(V5, m.topic, m.payload)) for m in self.everything(client)]
        # A remaining length of two bytes begins at 128: the packet is one byte longer than `empty`.
        self.assertEqual(sizes, [199, 200, 200])

    def test_a_topic_alias_does_not_make_a_message_too_large(self):
        """[MQTT-3.1.2-24] [MQTT-3.1.2-26]"""
        # Client refuses what is larger; the bytes of the alias count too.
        client = self.limited(200, (Prop.TOPIC_ALIAS_MAXIMUM, 100), lasting=False)
        client.subscribe((self.topic("#"), 0), (self.topic("+"), 1))
        empty = len(wire.publish(V5, self.topic("000"), b"", 1, 1))
        for number, length in enumerate(range(185 - empty, 205 - empty)):
            for _ in range(2):
                client.publish(self.topic(f"{number:03}"), b"x" * length, 1)
        self.assertGreaterEqual(len(self.everything(client)), 20)

    def test_stored_and_retained_messages_too_large_are_skipped(self):
        """[MQTT-3.1.2-24] [MQTT-3.1.2-25]"""
        client = self.limited(100)
        client.subscribe((self.topic("+"), 1))
        client.disconnect()
        publisher = self.client(V5, "pub")
        publisher.publish(self.topic("a"), b"x" * 200, 1, retain=True)
        publisher.publish(self.topic("b"), b"small", 1, retain=True)
        client = self.limited(100)
        self.assertEqual(self.payloads(client), [b"small"])
        client.subscribe((self.topic("+"), 1))
        self.assertEqual(self.payloads(client), [b"small"])

    def test_acknowledgements_leave_out_what_would_not_fit(self):
        """[MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.6.2-2]
        [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2]
        [MQTT-3.11.2-1] [MQTT-3.11.2-2] [MQTT-3.1.2-24]
        """
        # Client refuses what is larger; here each answer must come all the same.
        client = self.limited(30)
        self.assertEqual(client.publish("$SYS/broker/mine", b"", 1).reason, 0x87)
        self.assertEqual(client.publish("$SYS/broker/mine", b"", 2).reason, 0x87)
        self.assertEqual(client.subscribe("a#", "b").reasons, [0x8F, 0])
        self.assertEqual(client.unsubscribe("never").reasons, [0x11])
        client.send(wire.ack(Type.PUBREL, 9))
        self.assertEqual(client.wait_for(Type.PUBCOMP, 9).reason, 0x92)
        client.send(wire.ack(Type.PUBREC, 9))
        self.assertEqual(client.wait_for(Type.PUBREL, 9).reason, 0x92)

    def test_a_disconnect_leaves_out_what_would_not_fit(self):
        """[MQTT-3.14.2-3] [MQTT-3.14.2-4] [MQTT-3.1.2-24]"""
        for data, reason in ((b"\0\0", (0x81, 0x82)), (wire.publish(V5, b"\xff"), (0x81,)),
                             (wire.connect(V5, "again"), (0x82,))):
            client = self.limited(30)
            client.send(data)
            client.expect_closed(*reason)


class PacketSizeOfTheHub(HubTestCase):

    MQTT = {"packet_max": "4KiB"}
    SIZE = 4096

    def sized(self, version, size):
        """A PUBLISH of exactly this many bytes."""
        empty = len(wire.publish(version, self.topic(), b"x" * 1000)) - 1000
        data = wire.publish(version, self.topic(), b"x" * (size - empty))
        self.assertEqual(len(data), size)
        return data

    def test_the_hubs_maximum_packet_size_is_announced(self):
        """[MQTT-3.2.2-15]"""
        self.assertEqual(self.client(V5).connack.get(Prop.MAXIMUM_PACKET_SIZE), self.SIZE)

    @both_versions
    def test_a_packet_of_just_the_size_is_taken_and_a_larger_one_is_not(self, version):
        """[MQTT-3.2.2-15] [MQTT-4.13.2-1]"""
        client = self.client(version)
        client.subscribe(self.topic())
        client.send(self.sized(version, self.SIZE))
        client.message()
        client.send(self.sized(version, self.SIZE + 1))
        client.expect_closed(PACKET_TOO_LARGE)

    @both_versions
    def test_a_connect_that_is_too_large_is_refused(self, version):
        """[MQTT-3.1.4-2] [MQTT-3.2.2-15]"""
        client = self.open(version)
        client.send(wire.connect(version, self.client_id(), user="u" * self.SIZE))
        refusal = bytes([0x20, 3, 0, PACKET_TOO_LARGE, 0]) if version == V5 else b""
        self.assertIn(client.rest(), (b"", refusal))


if __name__ == "__main__":
    unittest.main()
