"""CONNECT and CONNACK (MQTT 5.0 §3.1, §3.2; 3.1.1 §3.1, §3.2)."""

import unittest

import wire
from cases import HubTestCase, both_versions, for_each
from client import Closed
from wire import Prop, Type, V311, V5

# CONNACK "unacceptable protocol version" in the form of either version.
REFUSED_311 = bytes([0x20, 2, 0, 1])
REFUSED_5 = bytes([0x20, 3, 0, 0x84, 0])

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Opening(HubTestCase):

    @for_each({
        "CONNACK": bytes([0x20, 2, 0, 0]),
        "PUBLISH": wire.publish(V311, "t"),
        "PUBACK": wire.ack(Type.PUBACK, 1),
        "PUBREC": wire.ack(Type.PUBREC, 1),
        "PUBREL": wire.ack(Type.PUBREL, 1),
        "PUBCOMP": wire.ack(Type.PUBCOMP, 1),
        "SUBSCRIBE": wire.subscribe(V311, 1, ("t", 0)),
        "UNSUBSCRIBE": wire.unsubscribe(V311, 1, "t"),
        "PINGREQ": wire.PINGREQ,
        "DISCONNECT": wire.disconnect(),
        "AUTH": wire.auth(),
        "type 0": b"\0\0",
        "an HTTP request": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    })
    def test_anything_but_connect_at_first_ends_the_connection_without_an_answer(self, data):
        """[MQTT-3.1.0-1] [MQTT311-3.1.0-1] [MQTT-3.14.0-1]"""
        client = self.open(V5)
        client.send(data)
        client.expect_closed()

    @both_versions
    def test_a_connect_is_acknowledged_with_success(self, version):
        """[MQTT-3.1.4-5] [MQTT311-3.1.4-4] [MQTT-3.2.2-1] [MQTT-3.2.2-8]"""
        client = self.client(version)
        self.assertEqual(client.connack.reason, 0)
        self.assertFalse(client.connack.session_present)

    @both_versions
    def test_connack_comes_first_though_other_packets_came_with_connect(self, version):
        """[MQTT-3.2.0-1] [MQTT311-3.2.0-1]"""
        client = self.open(version)
        topic = self.topic()
        client.send(
            wire.connect(version, self.client_id()) + wire.subscribe(version, 1, (topic, 1))
            + wire.publish(version, topic, b"early", 1, 2) + wire.PINGREQ)
        client.expect(Type.CONNACK, reason=0)
        client.wait_for(Type.SUBACK, 1)
        client.wait_for(Type.PUBACK, 2)
        client.wait_for(Type.PINGRESP)
        self.assertEqual(client.message().payload, b"early")

    @both_versions
    def test_connack_comes_before_what_a_returning_session_is_owed(self, version):
        """[MQTT-3.2.0-1] [MQTT311-3.2.0-1]"""
        client = self.lasting(version)
        client.subscribe((self.topic(), 1))
        client.disconnect()
        self.client(version, "pub").publish(self.topic(), b"owed", qos=1)
        client = self.lasting(version)  # expects the CONNACK as the first packet
        self.assertTrue(client.connack.session_present)
        self.assertEqual(client.message().payload, b"owed")

    @both_versions
    def test_a_second_connect_is_a_protocol_error(self, version):
        """[MQTT-3.1.0-2] [MQTT311-3.1.0-2] [MQTT-3.2.0-2]"""
        client = self.client(version)
        client.send(wire.connect(version, self.client_id()))
        client.expect_closed(0x82)

    @both_versions
    def test_a_connect_in_pieces_of_one_byte_is_understood(self, version):
        """[MQTT-4.2.0-1] [MQTT311-7.1.1-1]"""
        client = self.open(version)
        will = wire.Will(self.topic(), b"will")
        for byte in wire.connect(version, self.client_id(), will=will, user="u", password="p"):
            client.send(bytes([byte]))
        client.expect(Type.CONNACK, reason=0)


class Protocol(HubTestCase):

    @for_each({f"{name!r} level {level}": (name, level)
               for name in ("MQTX", "mqtt", "MQTTT", "MQT", "") for level in (4, 5)})
    def test_a_wrong_protocol_name_is_refused(self, name, level):
        """[MQTT-3.1.2-1] [MQTT311-3.1.2-1]"""
        client = self.open(level)
        client.send(wire.connect(level, self.client_id(), name=name))
        self.assertIn(client.rest(), (b"", REFUSED_311, REFUSED_5))  # its level means nothing

    @for_each({f"level {level}": level for level in (0, 1, 2, 3, 6, 127, 255)})
    def test_an_unknown_protocol_level_is_refused_with_its_code(self, level):
        """[MQTT-3.1.2-2] [MQTT311-3.1.2-2] [MQTT-3.2.2-7] [MQTT311-3.2.2-5]"""
        client = self.open(V311)
        client.send(wire.connect(V311, self.client_id(), level=level))
        self.assertIn(client.rest(), (REFUSED_311, REFUSED_5))

    @both_versions
    def test_the_reserved_connect_flag_must_be_zero(self, version):
        """[MQTT-3.1.2-3] [MQTT311-3.1.2-3] [MQTT-3.1.4-1] [MQTT311-3.1.4-1] [MQTT311-3.2.2-6]"""
        self.assert_connect_refused(version, wire.connect(version, self.client_id(), flags=3), 0x81)


class Flags(HubTestCase):
    """Connect flags against the payload (MQTT 5.0 §3.1.2.3 to §3.1.2.9)."""

    @both_versions
    def test_a_will_qos_without_the_will_flag_is_refused(self, version):
        """[MQTT-3.1.2-11] [MQTT311-3.1.2-11] [MQTT311-3.1.2-13]"""
        for flags in (0x0A, 0x12):
            data = wire.connect(version, self.client_id(), flags=flags)
            self.assert_connect_refused(version, data, 0x81)

    @both_versions
    def test_a_will_qos_of_three_is_refused(self, version):
        """[MQTT-3.1.2-12] [MQTT311-3.1.2-14]"""
        will = wire.Will(self.topic(), qos=3)
        data = wire.connect(version, self.client_id(), will=will)
        self.assert_connect_refused(version, data, 0x81)

    @both_versions
    def test_will_retain_without_the_will_flag_is_refused(self, version):
        """[MQTT-3.1.2-13] [MQTT311-3.1.2-11] [MQTT311-3.1.2-15]"""
        data = wire.connect(version, self.client_id(), flags=0x22)
        self.assert_connect_refused(version, data, 0x81)

    @both_versions
    def test_a_will_flag_without_will_fields_is_refused(self, version):
        """[MQTT-3.1.2-9] [MQTT311-3.1.2-9]"""
        client_id = wire.utf8(self.client_id())
        properties = wire.props() if version == V5 else b""
        for payload in (client_id, client_id + properties + wire.utf8("topic")):
            data = wire.connect(version, "", flags=0x06, payload=payload)
            self.assert_connect_refused(version, data, 0x81)

    @both_versions
    def test_a_user_name_without_its_flag_is_refused(self, version):
        """[MQTT-3.1.2-16] [MQTT311-3.1.2-18]"""
        data = wire.connect(version, self.client_id(), tail=wire.utf8("user"))
        self.assert_connect_refused(version, data, 0x81)

    @both_versions
    def test_a_user_name_flag_without_user_name_is_refused(self, version):
        """[MQTT-3.1.2-17] [MQTT311-3.1.2-19]"""
        data = wire.connect(version, self.client_id(), flags=0x82)
        self.assert_connect_refused(version, data, 0x81)

    @both_versions
    def test_a_password_without_its_flag_is_refused(self, version):
        """[MQTT-3.1.2-18] [MQTT311-3.1.2-20]"""
        data = wire.connect(version, self.client_id(), user="user", tail=wire.utf8("secret"))
        self.assert_connect_refused(version, data, 0x81)

    @both_versions
    def test_a_password_flag_without_password_is_refused(self, version):
        """[MQTT-3.1.2-19] [MQTT311-3.1.2-21]"""
        payload = wire.utf8(self.client_id()) + wire.utf8("user")
        data = wire.connect(version, "", flags=0xC2, payload=payload)
        self.assert_connect_refused(version, data, 0x81)

    def test_a_password_needs_a_user_name_in_3_1_1_only(self):
        """[MQTT311-3.1.2-22]"""
        data = wire.connect(V311, self.client_id(), password=b"secret")
        self.assert_connect_refused(V311, data)
        self.client(V5, password=b"secret")

    @both_versions
    def test_a_payload_with_every_field_is_read_in_its_order(self, version):
        """[MQTT-3.1.3-1] [MQTT311-3.1.3-1] [MQTT-3.1.2-17] [MQTT-3.1.2-19]"""
        watcher = self.client(version, "watcher")
        watcher.subscribe((self.topic("will"), 2))
        will = wire.Will(self.topic("will"), b"\0last\xff", qos=2)
        self.client(version, will=will, user="user", password=b"\0\xffsecret").drop()
        found = watcher.message()
        self.assertEqual((found.payload, found.qos), (b"\0last\xff", 2))


class ClientIdentifier(HubTestCase):

    @both_versions
    def test_a_connect_without_client_identifier_is_refused(self, version):
        """[MQTT-3.1.3-3] [MQTT311-3.1.3-3]"""
        self.assert_connect_refused(version, wire.connect(version, "", payload=b""), 0x81)

    @both_versions
    def test_every_length_up_to_23_and_every_letter_and_digit_is_accepted(self, version):
        """[MQTT-3.1.3-5] [MQTT311-3.1.3-5]"""
        for length in range(1, 24):
            start = 2 * length
            name = (ALPHABET * 2)[start:start + length]
            client = self.open(version)
            self.assertEqual(client.connect(name).reason, 0, name)
            client.disconnect()

    @both_versions
    def test_sessions_belong_to_client_identifiers_and_these_are_case_sensitive(self, version):
        """[MQTT-3.1.3-2] [MQTT311-3.1.3-2]"""
        for name, topic in (("id", "one"), ("ID", "two"), ("id ", "three")):
            client = self.lasting(version, name)
            self.assertFalse(client.connack.session_present)
            client.subscribe((self.topic(topic), 1))
            client.disconnect()
        publisher = self.client(version, "pub")
        for topic in ("one", "two", "three"):
            publisher.publish(self.topic(topic), topic.encode(), qos=1)
        for name, topic in (("id", "one"), ("ID", "two"), ("id ", "three")):
            client = self.lasting(version, name)
            self.assertTrue(client.connack.session_present)
            self.assertEqual(self.payloads(client), [topic.encode()])

    def test_an_empty_client_identifier_is_given_a_name_that_nobody_has(self):
        """[MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]"""
        names = set()
        for _ in range(5):
            client = self.open(V5)
            connack = client.connect("", properties=[(Prop.SESSION_EXPIRY, 300)])
            self.assertEqual(connack.reason, 0)
            names.add(connack.get(Prop.ASSIGNED_CLIENT_ID))
        self.assertEqual(len(names), 5)
        self.assertNotIn(None, names)
        self.assertNotIn("", names)

    def test_an_assigned_client_identifier_is_good_for_coming_back(self):
        """[MQTT-3.1.3-7] [MQTT-3.2.2-16]"""
        client = self.open(V5)
        name = client.connect("", properties=[(Prop.SESSION_EXPIRY, 300)]).get(
            Prop.ASSIGNED_CLIENT_ID)
        client.subscribe((self.topic(), 1))
        client.disconnect()
        client = self.open(V5)
        connack = client.connect(name, clean=False)
        self.assertTrue(connack.session_present)
        self.assertIsNone(connack.get(Prop.ASSIGNED_CLIENT_ID))

    def test_an_empty_client_identifier_needs_a_clean_session_in_3_1_1(self):
        """[MQTT311-3.1.3-6] [MQTT311-3.1.3-7] [MQTT311-3.1.3-8] [MQTT311-3.2.2-4] [MQTT311-3.2.2-5]
        """
        first, second, refused = self.open(V311), self.open(V311), self.open(V311)
        self.assertEqual(first.connect("").reason, 0)
        self.assertEqual(second.connect("").reason, 0)
        first.ping()  # the second was not taken for the first
        refused.send_connect("", clean=False)
        refused.expect_refused(2)


class Takeover(HubTestCase):

    def take_over(self, old_version, new_version):
        old = self.lasting(old_version)
        old.subscribe((self.topic(), 1))
        new = self.lasting(new_version)
        old.expect_closed(0x8E)
        self.assertTrue(new.connack.session_present)
        new.publish(self.topic(), b"for the new one", qos=1)
        self.assertEqual(new.message().payload, b"for the new one")

    @for_each({"3.1.1 by 3.1.1": (V311, V311), "3.1.1 by 5.0": (V311, V5),
               "5.0 by 3.1.1": (V5, V311), "5.0 by 5.0": (V5, V5)})
    def test_a_new_connection_of_the_same_client_ends_the_old_one(self, old, new):
        """[MQTT-3.1.4-3] [MQTT311-3.1.4-2]"""
        self.take_over(old, new)

    @both_versions
    def test_a_clean_start_takes_over_too_and_forgets(self, version):
        """[MQTT-3.1.4-3] [MQTT311-3.1.4-2] [MQTT-3.1.4-4] [MQTT311-3.1.4-3]"""
        old = self.lasting(version)
        old.subscribe((self.topic(), 1))
        new = self.client(version)
        old.expect_closed(0x8E)
        self.assertFalse(new.connack.session_present)
        self.client(version, "pub").publish(self.topic(), b"nobody wants it", qos=1)
        self.assertEqual(self.payloads(new), [])


class Refusal(HubTestCase):

    def test_what_follows_a_refused_connect_is_not_processed(self):
        """[MQTT-3.1.4-6] [MQTT311-3.1.4-5]"""
        watcher = self.client(V5, "watcher")
        watcher.subscribe((self.topic("#"), 1))
        bad_method = [(Prop.AUTH_METHOD, "no such method")]
        refusals = (
            (V5, wire.connect(V5, self.client_id(), properties=bad_method), 0x8C),
            (V311, wire.connect(V311, "", clean=False), 2))
        for version, connect, reason in refusals:
            client = self.open(version)
            client.send(connect + wire.publish(version, self.topic(), b"no", 1, 1, retain=True))
            client.expect_refused(reason)
        self.assertEqual(self.payloads(watcher), [])

    def test_a_refusal_says_no_session_though_there_is_one(self):
        """[MQTT-3.2.2-6] [MQTT-3.2.2-7]"""
        self.lasting(V5).disconnect()
        client = self.open(V5)
        client.send_connect(
            self.client_id(), clean=False, properties=[(Prop.AUTH_METHOD, "no such method")])
        client.expect_refused(0x8C)
        self.assertTrue(self.lasting(V5).connack.session_present)


class Announcements(HubTestCase):
    """What CONNACK tells a 5.0 client (§3.2.2.3)."""

    def test_connack_announces_the_limits_and_takes_nothing_away(self):
        """[MQTT-3.2.2-8]"""
        connack = self.client(V5).connack
        self.assertEqual(connack.get(Prop.TOPIC_ALIAS_MAXIMUM), 32)
        self.assertEqual(connack.get(Prop.RECEIVE_MAXIMUM), 1024)
        self.assertIsNone(connack.get(Prop.MAXIMUM_QOS))
        for available in (Prop.RETAIN_AVAILABLE, Prop.WILDCARD_AVAILABLE,
                          Prop.SUBSCRIPTION_ID_AVAILABLE, Prop.SHARED_AVAILABLE):
            self.assertEqual(connack.get(available, 1), 1)

    def test_response_information_is_not_sent_unless_it_was_asked_for(self):
        """[MQTT-3.1.2-28]"""
        for properties in ([], [(Prop.REQUEST_RESPONSE_INFO, 0)]):
            connack = self.client(V5, properties=properties).connack
            self.assertIsNone(connack.get(Prop.RESPONSE_INFO))

    def test_no_reason_string_on_acknowledgements_for_a_client_that_wants_none(self):
        """[MQTT-3.1.2-29]"""
        client = self.client(V5, properties=[(Prop.REQUEST_PROBLEM_INFO, 0)])
        answers = [
            client.subscribe("a#", (self.topic(), 0), "$share//x"),
            client.unsubscribe(self.topic("never")),
            client.publish("$SYS/broker/mine", qos=1),
            client.publish("$SYS/broker/mine", qos=2),
        ]
        client.send(wire.ack(Type.PUBREL, 4711))
        answers.append(client.wait_for(Type.PUBCOMP, 4711))
        client.send(wire.ack(Type.PUBREC, 4711))
        answers.append(client.wait_for(Type.PUBREL, 4711))
        for answer in answers:
            self.assertEqual(answer.properties, [], repr(answer))

    def test_connack_fits_into_the_maximum_packet_size_or_is_not_sent(self):
        """[MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.1.2-24]"""
        for size in list(range(1, 60)) + [100, 200]:
            for client_id, method in (("", ()), ("", [(Prop.AUTH_METHOD, "no such method")])):
                client = self.open(V5)
                try:
                    # Client refuses any packet that is larger.
                    client.connect(
                        client_id, properties=[(Prop.MAXIMUM_PACKET_SIZE, size), *method])
                except Closed:
                    self.assertLess(size, 60)
                client.drop()


if __name__ == "__main__":
    unittest.main()
