"""Shared subscriptions (MQTT 5.0 §4.8.2)."""

import unittest

import wire
from cases import HubTestCase, for_each
from wire import Prop, Type, V5, options

TOPIC_FILTER_INVALID = 0x8F


class Shared(HubTestCase):

    def share(self, name="t", group="g"):
        return f"$share/{group}/{self.topic(name)}"

    def member(self, name, granted=1, lasting=False, **more):
        start = self.lasting if lasting else self.client
        client = start(V5, name, **more)
        client.subscribe((self.share("#"), granted))
        return client


class Filters(Shared):

    def test_malformed_shared_filters_fail_one_by_one(self):
        """[MQTT-4.8.2-1] [MQTT-4.8.2-2] [MQTT-3.8.4-7]"""
        client = self.client(V5)
        bad = ["$share/", "$share//t", "$share/g", "$share/g/", "$share/+/t", "$share/#/t",
               "$share/g+/t", "$share/g#/t", "$share/#", "$share/g/t#", "$share/g/#/t",
               "$share/g/a+"]
        entries = [(topic_filter, 1) for topic_filter in bad] + [(self.share(), 1)]
        self.assertEqual(client.subscribe(*entries).reasons,
                         [TOPIC_FILTER_INVALID] * len(bad) + [1])
        client.publish(self.topic(), b"x", qos=1)
        self.assertEqual(self.payloads(client), [b"x"])

    def test_the_filter_begins_after_the_name_of_the_group(self):
        """[MQTT-4.8.2-2]"""
        client = self.client(V5)
        client.subscribe((f"$share/g/{self.topic('a/+')}", 1))
        client.publish(self.topic("a/b"), b"yes", qos=1)
        client.publish(self.topic("a/b/c"), b"no", qos=1)
        client.publish(f"$share/g/{self.topic('a/b')}", b"no", qos=1)
        self.assertEqual(self.payloads(client), [b"yes"])

    def test_a_filter_may_begin_with_a_separator(self):
        """[MQTT-4.8.2-2]"""
        client = self.client(V5)
        client.subscribe((f"$share/g//{self.topic()}", 1))
        client.publish(f"/{self.topic()}", b"yes", qos=1)
        client.publish(self.topic(), b"no", qos=1)
        self.assertEqual(self.payloads(client), [b"yes"])


class Sharing(Shared):

    def test_each_message_goes_to_one_member_of_each_group(self):
        """[MQTT-4.5.0-1] [MQTT-4.8.2-1]"""
        count = 60
        members = [self.member(str(number)) for number in range(3)]
        alone = self.client(V5, "alone")
        alone.subscribe((self.share("+", "another group"), 1))
        everyone = self.client(V5, "everyone")
        everyone.subscribe((self.topic("+"), 1))
        publisher = self.client(V5, "pub")
        sent = [str(number).encode() for number in range(count)]
        publisher.publish_all(self.topic("t"), sent, 1)
        shares = [self.payloads(member) for member in members]
        self.assertEqual(sorted(sum(shares, [])), sorted(sent))
        self.assertEqual(self.payloads(alone), sent)
        self.assertEqual(self.payloads(everyone), sent)

    @for_each({f"published with {qos}": qos for qos in (0, 1, 2)})
    def test_the_qos_granted_to_each_member_is_respected(self, qos):
        """[MQTT-4.8.2-3] [MQTT-3.8.4-8]"""
        members = {granted: self.member(str(granted), granted) for granted in (0, 1, 2)}
        publisher = self.client(V5, "pub")
        publisher.publish_all(self.topic("t"), [str(number) for number in range(12)], qos)
        found = 0
        for granted, member in members.items():
            for message in self.everything(member):
                found += 1
                self.assertEqual(message.qos, min(qos, granted))
        self.assertEqual(found, 12)

    def test_a_member_that_leaves_leaves_the_rest_to_the_others(self):
        """[MQTT-4.5.0-1] [MQTT-3.10.4-2]"""
        staying = self.member("staying")
        self.member("disconnects").disconnect()
        leaving = self.member("leaves")
        leaving.unsubscribe(self.share("#"))
        publisher = self.client(V5, "pub")
        sent = [str(number).encode() for number in range(10)]
        publisher.publish_all(self.topic("t"), sent, 1)
        self.assertEqual(self.payloads(staying), sent)
        self.assertEqual(self.payloads(leaving), [])

    def test_members_with_a_narrow_window_get_everything_between_them(self):
        """[MQTT-3.3.4-9] [MQTT-4.5.0-1]"""
        members = [self.member(name, properties=[(Prop.RECEIVE_MAXIMUM, 1)]) for name in "ab"]
        publisher = self.client(V5, "pub")
        publisher.publish_all(self.topic("t"), [str(number) for number in range(20)], 1)
        found = []
        for _ in range(20):
            for member in members:
                # An answer in any case, so that a member with nothing in its window is seen.
                member.send(wire.PINGREQ)
                while (packet := member.receive()).type == Type.PUBLISH:
                    found.append(int(packet.payload))
                    member.acknowledge(packet)
        self.assertEqual(sorted(found), list(range(20)))

    def test_a_shared_wildcard_does_not_match_a_leading_dollar(self):
        """[MQTT-4.7.2-1] [MQTT-4.8.2-2]"""
        client = self.client(V5)
        client.subscribe(("$share/g/#", 1), (f"$share/g/+/{self.client_id()}", 1))
        client.publish(f"$own/{self.client_id()}", b"hidden", 1)
        found = self.payloads(client)
        self.assertNotIn(b"hidden", found)

    def test_a_group_whose_only_member_is_away_gets_its_messages_later(self):
        """[MQTT-4.5.0-1]"""
        self.member("away", lasting=True).disconnect()
        publisher = self.client(V5, "pub")
        publisher.publish_all(self.topic("t"), [str(number) for number in range(5)], 1)
        client = self.lasting(V5, "away")
        self.assertTrue(client.connack.session_present)
        self.assertEqual(self.payloads(client), [b"0", b"1", b"2", b"3", b"4"])

    def test_messages_of_a_shared_subscription_have_its_identifier(self):
        """[MQTT-3.3.4-3]"""
        client = self.client(V5)
        client.subscribe((self.share(), 1), properties=[(Prop.SUBSCRIPTION_ID, 77)])
        client.publish(self.topic(), b"x", qos=1)
        self.assertEqual(client.message().all(Prop.SUBSCRIPTION_ID), [77])

    def test_subscribing_again_changes_the_options_of_a_membership(self):
        """[MQTT-4.8.2-3]"""
        client = self.client(V5)
        client.subscribe((self.share(), 0))
        client.subscribe((self.share(), options(2, as_published=True)))
        client.publish(self.topic(), b"x", 2, retain=True)
        found, = self.everything(client)
        self.assertEqual((found.qos, found.retain), (2, True))


class Exchange(Shared):
    """What happens to a message that one member is about to take."""

    def halfway(self):
        """Two members, one of which was sent a message; it, the other's client, the message."""
        first, second = self.member("a", 2, lasting=True), self.member("b", 2, lasting=True)
        self.client(V5, "pub").publish(self.topic("t"), b"one", qos=2)
        # Whichever gets it; a marker tells for the other that nothing came.
        for taker, other in ((first, second), (second, first)):
            found = self.everything(taker, ack=False)
            if found:
                return taker, other, found[0]
        raise AssertionError("neither member got the message")

    def test_a_qos_2_exchange_is_completed_when_the_member_comes_back(self):
        """[MQTT-4.8.2-4]"""
        for with_pubrec in (False, True):
            self.begin()
            taker, other, message = self.halfway()
            if with_pubrec:
                taker.send_ack(Type.PUBREC, message.packet_id)
                taker.wait_for(Type.PUBREL, message.packet_id)
            taker.drop()
            again = self.lasting(V5, taker.name)
            if with_pubrec:
                again.wait_for(Type.PUBREL, message.packet_id)
                again.send_ack(Type.PUBCOMP, message.packet_id)
            else:
                found = again.wait_for(Type.PUBLISH, message.packet_id)
                self.assertEqual((found.payload, found.dup), (b"one", True))
                again.acknowledge(found)
            self.assertEqual(self.payloads(other), [])

    def test_a_qos_2_message_does_not_move_on_when_its_session_ends(self):
        """[MQTT-4.8.2-5]"""
        taker, other, message = self.halfway()
        taker.send_ack(Type.PUBREC, message.packet_id)
        taker.wait_for(Type.PUBREL, message.packet_id)
        taker.disconnect(0, [(Prop.SESSION_EXPIRY, 0)])
        self.assertEqual(self.payloads(other), [])

    def test_a_qos_1_message_of_a_member_whose_session_ends_goes_to_another(self):
        """Not a numbered statement; §4.8.2 says that the server should."""
        first, second = self.member("a"), self.member("b")
        publisher = self.client(V5, "pub")
        publisher.publish(self.topic("t"), b"0", 1)
        publisher.publish(self.topic("t"), b"1", 1)
        self.everything(first, ack=False)
        first.disconnect()
        found = second.messages(2)
        self.assertEqual(sorted(m.payload for m in found), [b"0", b"1"])
        self.assertEqual(self.payloads(second), [])

    def test_a_message_that_a_member_refuses_goes_to_nobody_else(self):
        """[MQTT-4.8.2-6] [MQTT-4.4.0-2]"""
        for qos in (1, 2):
            self.begin()
            first, second = self.member("a", qos), self.member("b", qos)
            publisher = self.client(V5, "pub")
            sent = [str(number).encode() for number in range(8)]
            publisher.publish_all(self.topic("t"), sent, qos)
            kind = Type.PUBACK if qos == 1 else Type.PUBREC
            found = []
            for member in (first, second):
                for message in self.everything(member, ack=False):
                    found.append(message.payload)
                    member.send_ack(kind, message.packet_id, 0x83)
                member.ping()
            self.assertEqual(sorted(found), sent)
            self.assertEqual(self.payloads(first) + self.payloads(second), [])


if __name__ == "__main__":
    unittest.main()
