"""The QoS 1 and QoS 2 exchanges in both directions (MQTT 5.0 §2.2.1, §4.3, §4.4)."""

import time
import unittest

import wire
from cases import HubTestCase, both_versions
from wire import Prop, Type, V5

PACKET_IDENTIFIER_NOT_FOUND = 0x92
NO_RESEND_S = 1.0


class FromTheHub(HubTestCase):
    """The hub is the sender."""

    def owed(self, version, *payloads, qos=2, granted=2):
        """A lasting client that has been sent these messages and has not answered."""
        client = self.lasting(version)
        client.subscribe((self.topic(), granted))
        publisher = self.client(version, "pub")
        publisher.publish_all(self.topic(), payloads, qos)
        return client, client.messages(len(payloads), ack=False)

    @both_versions
    def test_identifiers_are_not_zero_and_not_in_use(self, version):
        """[MQTT-2.2.1-4] [MQTT311-2.3.1-1] [MQTT311-2.3.1-4] [MQTT-4.3.2-1] [MQTT311-4.3.2-1]
        [MQTT-4.3.3-1] [MQTT311-4.3.3-1]
        """
        # Client refuses identifier 0 and one that is in use.
        client, messages = self.owed(version, *(str(number) for number in range(40)))
        self.assertEqual(len({m.packet_id for m in messages}), 40)
        for message in messages[1::3]:
            client.acknowledge(message)
        publisher = self.client(version, "more")
        for number in range(40):
            publisher.publish(self.topic(), str(number), qos=1 + number % 2)
        client.messages(40, ack=False)

    @both_versions
    def test_a_qos_1_message_is_sent_again_until_it_is_acknowledged(self, version):
        """[MQTT-4.3.2-3] [MQTT311-4.3.2-1] [MQTT-4.4.0-1] [MQTT311-4.4.0-1] [MQTT-3.3.1-1]
        [MQTT311-3.3.1-1] [MQTT311-2.3.1-4] [MQTT-4.3.2-2]
        """
        client, sent = self.owed(version, "1", "2", "3", qos=1)
        self.assertFalse(any(m.dup for m in sent))
        client.acknowledge(sent[1])
        client.ping()
        for _ in range(2):
            client.drop()
            client = self.lasting(version)
            again = client.messages(2, ack=False)
            self.assertEqual(
                [(m.payload, m.packet_id, m.qos, m.dup) for m in again],
                [(b"1", sent[0].packet_id, 1, True), (b"3", sent[2].packet_id, 1, True)])
        for message in again:
            client.acknowledge(message)
        self.assertEqual(self.payloads(client), [])
        client.drop()
        self.assertEqual(self.payloads(self.lasting(version)), [])

    @both_versions
    def test_a_qos_2_message_is_sent_again_until_pubrec(self, version):
        """[MQTT-4.3.3-3] [MQTT311-4.3.3-1] [MQTT-4.4.0-1] [MQTT311-4.4.0-1] [MQTT-3.3.1-1]
        [MQTT311-3.3.1-1] [MQTT-4.3.3-2]
        """
        client, (sent,) = self.owed(version, "x")
        for _ in range(2):
            client.drop()
            client = self.lasting(version)
            again = client.message(ack=False)
            self.assertEqual((again.payload, again.packet_id, again.qos, again.dup),
                             (b"x", sent.packet_id, 2, True))
        client.acknowledge(again)
        client.drop()
        self.assertEqual(self.payloads(self.lasting(version)), [])

    @both_versions
    def test_after_pubrec_only_pubrel_is_sent_until_pubcomp(self, version):
        """[MQTT-4.3.3-4] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT311-4.3.3-1] [MQTT-4.4.0-1]
        [MQTT311-4.4.0-1] [MQTT-2.2.1-5] [MQTT311-2.3.1-6] [MQTT-3.6.2-1]
        """
        client, (sent,) = self.owed(version, "x")
        number = sent.packet_id
        success = 0 if version == V5 else None
        client.send_ack(Type.PUBREC, number)
        client.expect(Type.PUBREL, packet_id=number, reason=success)
        for _ in range(2):
            client.drop()
            client = self.lasting(version)
            client.expect(Type.PUBREL, packet_id=number, reason=success)
        client.send_ack(Type.PUBCOMP, number)
        self.assertEqual(self.payloads(client), [])
        client.drop()
        self.assertEqual(self.payloads(self.lasting(version)), [])

    @both_versions
    def test_pubrels_follow_the_order_of_the_pubrecs(self, version):
        """[MQTT-4.3.3-4] [MQTT311-4.6.0-4] [MQTT311-4.6.0-6]"""
        client, sent = self.owed(version, *(str(number) for number in range(10)))
        identifiers = [m.packet_id for m in sent[5:] + sent[:5]]
        for number in identifiers:
            client.send_ack(Type.PUBREC, number)
        for number in identifiers:
            client.expect(Type.PUBREL, packet_id=number)
            client.send_ack(Type.PUBCOMP, number)

    @both_versions
    def test_a_repeated_pubrec_is_answered_by_pubrel_again(self, version):
        """[MQTT-4.3.3-4] [MQTT311-4.3.3-1]"""
        client, (sent,) = self.owed(version, "x")
        for _ in range(3):
            client.send_ack(Type.PUBREC, sent.packet_id)
            client.expect(Type.PUBREL, packet_id=sent.packet_id,
                          reason=0 if version == V5 else None)
        client.send_ack(Type.PUBCOMP, sent.packet_id)
        self.assertEqual(self.payloads(client), [])

    @both_versions
    def test_what_was_in_flight_comes_again_in_its_order_before_what_is_new(self, version):
        """[MQTT-4.4.0-1] [MQTT311-4.4.0-1] [MQTT311-4.6.0-1] [MQTT-4.6.0-5] [MQTT311-4.6.0-5]"""
        client, sent = self.owed(version, *(str(number) for number in range(5)), qos=1)
        client.drop()
        publisher = self.client(version, "later")
        for number in range(5, 10):
            publisher.publish(self.topic(), str(number), qos=1)
        client = self.lasting(version)
        found = client.messages(10)
        self.assertEqual([m.payload for m in found], [str(n).encode() for n in range(10)])
        self.assertEqual([m.dup for m in found], [True] * 5 + [False] * 5)
        self.assertEqual([m.packet_id for m in found[:5]], [m.packet_id for m in sent])

    @both_versions
    def test_a_takeover_brings_what_was_in_flight_to_the_new_connection(self, version):
        """[MQTT-4.4.0-1] [MQTT311-4.4.0-1] [MQTT-3.1.4-3] [MQTT311-3.1.4-2]"""
        old, (sent,) = self.owed(version, "x", qos=1)
        new = self.lasting(version)
        old.expect_closed(0x8E)
        again = new.message()
        self.assertEqual((again.packet_id, again.dup), (sent.packet_id, True))

    @both_versions
    def test_nothing_is_sent_again_while_the_connection_lasts(self, version):
        """[MQTT-4.4.0-1]"""
        client, _ = self.owed(version, "1", "2")
        client.send_ack(Type.PUBREC, 0x7FFF)  # belongs to no message: no reason to resend either
        client.wait_for(Type.PUBREL, 0x7FFF)
        time.sleep(NO_RESEND_S)
        client.send(wire.PINGREQ)
        client.expect(Type.PINGRESP)

    def test_a_message_that_the_client_refused_is_not_sent_again(self):
        """[MQTT-4.4.0-2] [MQTT-4.3.2-3] [MQTT-4.3.3-3]"""
        client = self.lasting(V5)
        client.subscribe((self.topic(), 2))
        publisher = self.client(V5, "pub")
        for qos, reason in ((1, 0x80), (2, 0x80), (1, 0x99), (2, 0x97)):
            publisher.publish(self.topic(), b"unwanted", qos)
            client.acknowledge(client.message(ack=False), reason)
        client.ping()
        client.drop()
        self.assertEqual(self.payloads(self.lasting(V5)), [])

    @both_versions
    def test_acknowledgements_of_nothing_do_no_harm(self, version):
        """[MQTT-3.6.2-1]"""
        client = self.client(version)
        for kind in (Type.PUBACK, Type.PUBCOMP):
            client.send(wire.ack(kind, 4711))
        client.send(wire.ack(Type.PUBREC, 4711))
        answer = client.expect(Type.PUBREL, packet_id=4711)
        if version == V5:
            self.assertEqual(answer.reason, PACKET_IDENTIFIER_NOT_FOUND)
        client.send(wire.ack(Type.PUBCOMP, 4711))
        client.ping()


class ToTheHub(HubTestCase):
    """The hub is the receiver."""

    def watch(self, version):
        watcher = self.client(version, "watcher")
        watcher.subscribe((self.topic("#"), 2))
        return watcher

    @both_versions
    def test_a_repeated_qos_2_publish_gets_pubrec_again_and_is_delivered_once(self, version):
        """[MQTT-4.3.3-10] [MQTT311-4.3.3-2] [MQTT-4.3.3-8]"""
        watcher = self.watch(version)
        client = self.client(version)
        for dup in (False, True, True, False):
            client.send(wire.publish(version, self.topic(), b"once", 2, 7, dup=dup))
            answer = client.expect(Type.PUBREC, packet_id=7)
            if version == V5:
                self.assertLess(answer.reason, 0x80)
        client.send(wire.ack(Type.PUBREL, 7))
        client.expect(Type.PUBCOMP, packet_id=7)
        self.assertEqual(self.payloads(watcher), [b"once"])

    @both_versions
    def test_a_qos_2_publish_repeated_on_a_new_connection_is_delivered_once(self, version):
        """[MQTT-4.3.3-10] [MQTT311-4.3.3-2] [MQTT-4.4.0-1] [MQTT-3.1.2-5] [MQTT311-3.1.2-4]"""
        watcher = self.watch(version)
        client = self.lasting(version)
        client.send(wire.publish(version, self.topic(), b"once", 2, 7))
        client.expect(Type.PUBREC, packet_id=7)
        client.drop()
        client = self.lasting(version)
        client.send(wire.publish(version, self.topic(), b"once", 2, 7, dup=True))
        client.expect(Type.PUBREC, packet_id=7)
        client.drop()
        client = self.lasting(version)
        client.send(wire.ack(Type.PUBREL, 7))
        client.expect(Type.PUBCOMP, packet_id=7, reason=0 if version == V5 else None)
        self.assertEqual(self.payloads(watcher), [b"once"])

    @both_versions
    def test_an_identifier_is_new_after_pubcomp(self, version):
        """[MQTT-4.3.3-12] [MQTT311-4.3.3-2] [MQTT-4.3.3-11]"""
        watcher = self.watch(version)
        client = self.client(version)
        for payload in (b"1", b"2", b"3"):
            client.send(wire.publish(version, self.topic(), payload, 2, 7, dup=payload == b"3"))
            client.expect(Type.PUBREC, packet_id=7)
            client.send(wire.ack(Type.PUBREL, 7))
            client.expect(Type.PUBCOMP, packet_id=7)
        self.assertEqual(self.payloads(watcher), [b"1", b"2", b"3"])

    @both_versions
    def test_an_identifier_is_new_after_puback_whatever_dup_says(self, version):
        """[MQTT-4.3.2-5] [MQTT311-4.3.2-2]"""
        watcher = self.watch(version)
        client = self.client(version)
        for payload, dup in ((b"1", False), (b"2", True), (b"3", False)):
            client.send(wire.publish(version, self.topic(), payload, 1, 7, dup=dup))
            client.expect(Type.PUBACK, packet_id=7)
        self.assertEqual(self.payloads(watcher), [b"1", b"2", b"3"])

    @both_versions
    def test_a_pubrel_is_answered_even_if_nothing_waits_for_it(self, version):
        """[MQTT-4.3.3-11] [MQTT311-4.3.3-2] [MQTT-3.7.2-1]"""
        client = self.client(version)
        client.send(wire.ack(Type.PUBREL, 99))
        answer = client.expect(Type.PUBCOMP, packet_id=99)
        if version == V5:
            self.assertEqual(answer.reason, PACKET_IDENTIFIER_NOT_FOUND)

    @both_versions
    def test_a_clean_start_forgets_identifiers_that_waited_for_pubrel(self, version):
        """[MQTT-3.1.2-4] [MQTT311-3.1.2-6]"""
        watcher = self.watch(version)
        client = self.lasting(version)
        client.send(wire.publish(version, self.topic(), b"1", 2, 7))
        client.expect(Type.PUBREC, packet_id=7)
        client.drop()
        client = self.client(version)
        client.send(wire.publish(version, self.topic(), b"2", 2, 7))
        client.expect(Type.PUBREC, packet_id=7)
        client.send(wire.ack(Type.PUBREL, 7))
        client.expect(Type.PUBCOMP, packet_id=7)
        found = self.payloads(watcher)
        # The first was either taken at PUBLISH or, its session gone, never to be released.
        self.assertIn(found, ([b"1", b"2"], [b"2"]))

    @both_versions
    def test_the_long_and_the_short_form_of_acknowledgements_mean_the_same(self, version):
        """[MQTT-4.3.3-11] [MQTT-4.3.2-3]"""
        forms = [()] if version != V5 else [(), (0,), (0, []), (0, [
            (Prop.REASON_STRING, "fine"), (Prop.USER_PROPERTY, ("n", "v"))])]
        client = self.client(version)
        client.subscribe((self.topic(), 1))
        for number, form in enumerate(forms, 1):
            client.send(wire.publish(version, self.topic("other"), b"x", 2, number))
            client.expect(Type.PUBREC, packet_id=number)
            client.send(wire.ack(Type.PUBREL, number, *form))
            client.expect(Type.PUBCOMP, packet_id=number, reason=0 if version == V5 else None)
            client.publish(self.topic(), b"x", qos=1)
            message = client.message(ack=False)
            client.unsettled.clear()
            client.send(wire.ack(Type.PUBACK, message.packet_id, *form))
            client.ping()


if __name__ == "__main__":
    unittest.main()
