"""Bytes that the specification forbids: its reason code, the end of the connection, no crash."""

import unittest

import wire
from cases import HubTestCase, both_versions, for_each
from client import Closed
from wire import Prop, Type, V311, V5

MALFORMED = 0x81
PROTOCOL_ERROR = 0x82
TOPIC_NAME_INVALID = 0x90
TOPIC_ALIAS_INVALID = 0x94
PACKET_TOO_LARGE = 0x95

ILL_FORMED = {
    "a lone continuation byte": b"a\x80",
    "a byte that UTF-8 never has": b"a\xff",
    "a sequence cut short": b"a\xe2\x82",
    "an overlong null": b"a\xc0\x80",
    "an overlong slash": b"a\xe0\x80\xaf",
    "an overlong slash of four bytes": b"a\xf0\x80\x80\xaf",
    "U+D800": b"a\xed\xa0\x80",
    "U+DFFF": b"a\xed\xbf\xbf",
    "U+D83D U+DE00 as a pair": b"a\xed\xa0\xbd\xed\xb8\x80",
    "above U+10FFFF": b"a\xf4\x90\x80\x80",
}
NULL = {"U+0000": b"a\0b", "only U+0000": b"\0"}


def connects(version, text):
    """CONNECT packets with `text` in each string they can have."""
    yield "client identifier", wire.connect(version, text)
    yield "will topic", wire.connect(version, "utf8", will=wire.Will(text))
    yield "user name", wire.connect(version, "utf8", user=text)
    if version == V5:
        for name in (Prop.CONTENT_TYPE, Prop.RESPONSE_TOPIC):
            will = wire.Will("topic", properties=[(name, text)])
            yield f"will {name.name}", wire.connect(version, "utf8", will=will)
        for pair in ((text, "value"), ("name", text)):
            properties = [(Prop.USER_PROPERTY, pair)]
            yield "user property", wire.connect(version, "utf8", properties=properties)
            will = wire.Will("topic", properties=properties)
            yield "will user property", wire.connect(version, "utf8", will=will)
        method = [(Prop.AUTH_METHOD, text)]
        yield "authentication method", wire.connect(version, "utf8", properties=method)


def later_packets(version, text):
    """Packets of a connected client with `text` in each string they can have."""
    yield "topic name", wire.publish(version, text)
    yield "topic filter", wire.subscribe(version, 1, ("fine", 0), (text, 0))
    yield "topic filter to remove", wire.unsubscribe(version, 1, "fine", text)
    if version == V5:
        for name in (Prop.RESPONSE_TOPIC, Prop.CONTENT_TYPE):
            yield name.name, wire.publish(version, "topic", properties=[(name, text)])
        for pair in ((text, "value"), ("name", text)):
            properties = [(Prop.USER_PROPERTY, pair)]
            yield "of PUBLISH", wire.publish(version, "topic", properties=properties)
            yield "of SUBSCRIBE", wire.subscribe(version, 1, ("f", 0), properties=properties)
            yield "of UNSUBSCRIBE", wire.unsubscribe(version, 1, "f", properties=properties)
            yield "of DISCONNECT", wire.disconnect(0, properties)
        for kind in (Type.PUBACK, Type.PUBREC, Type.PUBREL, Type.PUBCOMP):
            yield f"reason of {kind.name}", wire.ack(kind, 1, 0, [(Prop.REASON_STRING, text)])
        yield "reason of DISCONNECT", wire.disconnect(0, [(Prop.REASON_STRING, text)])


class Strings(HubTestCase):

    def refuse_everywhere(self, version, text):
        for where, data in connects(version, text):
            with self.subTest(where=where):
                self.assert_connect_refused(version, data, MALFORMED)
        for where, data in later_packets(version, text):
            with self.subTest(where=where):
                client = self.client(version)
                client.send(data)
                client.expect_closed(MALFORMED)

    @for_each({f"{name} in {version}": (version, text)
               for name, text in ILL_FORMED.items() for version in (V311, V5)})
    def test_a_string_that_is_not_utf_8_closes_the_connection(self, version, text):
        """[MQTT-1.5.4-1] [MQTT311-1.4.0-1] [MQTT-1.5.7-1] [MQTT-3.1.3-4] [MQTT311-3.1.3-4]
        [MQTT-3.1.3-11] [MQTT311-3.1.3-10] [MQTT-3.1.3-12] [MQTT311-3.1.3-11] [MQTT-3.3.2-1]
        [MQTT311-3.3.2-1] [MQTT-3.3.2-13] [MQTT-3.3.2-19] [MQTT-3.8.3-1] [MQTT311-3.8.3-1]
        [MQTT-3.10.3-1] [MQTT311-3.10.3-1]
        """
        self.refuse_everywhere(version, text)

    @for_each({f"{name} in {version}": (version, text)
               for name, text in NULL.items() for version in (V311, V5)})
    def test_a_string_with_a_null_character_closes_the_connection(self, version, text):
        """[MQTT-1.5.4-2] [MQTT311-1.4.0-2] [MQTT-1.5.7-1] [MQTT-4.7.3-2] [MQTT311-4.7.3-2]"""
        self.refuse_everywhere(version, text)


class FixedHeader(HubTestCase):

    RESERVED = {
        "PUBACK": (0, wire.ack(Type.PUBACK, 1)),
        "PUBREC": (0, wire.ack(Type.PUBREC, 1)),
        "PUBREL": (2, wire.ack(Type.PUBREL, 1)),
        "PUBCOMP": (0, wire.ack(Type.PUBCOMP, 1)),
        "SUBSCRIBE": (2, None),
        "UNSUBSCRIBE": (2, None),
        "PINGREQ": (0, wire.PINGREQ),
        "DISCONNECT": (0, wire.disconnect()),
    }

    @for_each({f"{name} of {version}": (name, version)
               for name in RESERVED for version in (V311, V5)})
    def test_reserved_flags_must_have_their_value(self, name, version):
        """[MQTT-2.1.3-1] [MQTT311-2.2.2-1] [MQTT311-2.2.2-2] [MQTT-3.6.1-1] [MQTT311-3.6.1-1]
        [MQTT-3.8.1-1] [MQTT311-3.8.1-1] [MQTT-3.10.1-1] [MQTT311-3.10.1-1] [MQTT-3.14.1-1]
        [MQTT311-3.14.1-1]
        """
        right, data = self.RESERVED[name]
        if data is None:
            build = wire.subscribe if name == "SUBSCRIBE" else wire.unsubscribe
            data = build(version, 1, ("t", 0) if name == "SUBSCRIBE" else "t")
        for flags in set(range(16)) - {right}:
            client = self.client(version)
            client.send(bytes([data[0] & 0xF0 | flags]) + data[1:])
            client.expect_closed(MALFORMED)

    @both_versions
    def test_reserved_flags_of_connect_must_be_zero(self, version):
        """[MQTT-2.1.3-1] [MQTT311-2.2.2-2] [MQTT-3.1.4-1] [MQTT311-3.1.4-1]"""
        data = wire.connect(version, self.client_id())
        for flags in range(1, 16):
            client = self.open(version)
            client.send(bytes([data[0] | flags]) + data[1:])
            refusal = bytes([0x20, 3, 0, MALFORMED, 0]) if version == V5 else b""
            self.assertIn(client.rest(), (b"", refusal))

    def test_reserved_flags_of_auth_must_be_zero(self):
        """[MQTT-3.15.1-1]"""
        for flags in range(1, 16):
            client = self.client(V5)
            client.send(wire.auth(0x19, [(Prop.AUTH_METHOD, "m")], flags))
            client.expect_closed(MALFORMED)

    @both_versions
    def test_packets_that_only_a_server_sends_are_refused(self, version):
        """[MQTT-4.13.1-1] [MQTT311-4.8.0-1]"""
        bodies = {Type.CONNACK: b"\0\0", Type.SUBACK: b"\0\1\0", Type.UNSUBACK: b"\0\1",
                  Type.PINGRESP: b""}
        for kind, body in bodies.items():
            client = self.client(version)
            client.send(wire.packet(kind, 0, body))
            client.expect_closed(MALFORMED, PROTOCOL_ERROR)

    @both_versions
    def test_packet_type_zero_is_refused(self, version):
        """[MQTT-4.13.1-1] [MQTT311-4.8.0-1]"""
        client = self.client(version)
        client.send(b"\0\0")
        client.expect_closed(MALFORMED, PROTOCOL_ERROR)

    def test_packet_type_fifteen_is_refused_in_3_1_1(self):
        """[MQTT311-2.2.2-2] [MQTT311-4.8.0-1]"""
        client = self.client(V311)
        client.send(wire.auth())
        client.expect_closed()

    @both_versions
    def test_a_remaining_length_of_more_than_four_bytes_is_refused(self, version):
        """[MQTT-4.13.1-1] [MQTT311-4.8.0-1]"""
        for data in (b"\xc0\x80\x80\x80\x80\x00", b"\x30\xff\xff\xff\xff\x01"):
            client = self.client(version)
            client.send(data)
            client.expect_closed(MALFORMED)

    def test_a_variable_byte_integer_must_have_its_shortest_form(self):
        """[MQTT-1.5.5-1]"""
        topic = wire.utf8("topic")
        for where, data in (
                ("remaining length", b"\xc0\x80\x00"),
                ("property length of PUBLISH", wire.packet(Type.PUBLISH, 0, topic + b"\x80\0")),
                ("subscription identifier", wire.packet(
                    Type.SUBSCRIBE, 2, b"\0\1\3\x0b\x81\0" + topic + b"\0"))):
            with self.subTest(where=where):
                client = self.client(V5)
                client.send(data)
                client.expect_closed(MALFORMED)

    @both_versions
    def test_a_length_beyond_the_limit_is_refused_before_its_bytes_are_sent(self, version):
        """[MQTT-3.2.2-15] [MQTT-4.13.1-1]"""
        for length in (2 * 1024 * 1024, 268_435_455):
            client = self.client(version)
            client.send(b"\x30" + wire.varint(length) + wire.utf8("topic"))
            client.expect_closed(PACKET_TOO_LARGE)


class PacketIdentifiers(HubTestCase):

    @both_versions
    def test_a_packet_identifier_of_zero_is_refused(self, version):
        """[MQTT-2.2.1-3] [MQTT311-2.3.1-1]"""
        for where, data in (
                ("SUBSCRIBE", wire.subscribe(version, 0, ("t", 0))),
                ("UNSUBSCRIBE", wire.unsubscribe(version, 0, "t")),
                ("QoS 1", wire.publish(version, "t", qos=1, packet_id=0)),
                ("QoS 2", wire.publish(version, "t", qos=2, packet_id=0))):
            with self.subTest(where=where):
                client = self.client(version)
                client.send(data)
                client.expect_closed(MALFORMED, PROTOCOL_ERROR)


class Publish(HubTestCase):

    def refuse(self, version, data, *reasons):
        client = self.client(version)
        client.send(data)
        client.expect_closed(*reasons)

    @both_versions
    def test_a_publish_of_qos_three_is_refused(self, version):
        """[MQTT-3.3.1-4] [MQTT311-3.3.1-4]"""
        self.refuse(version, wire.publish(version, "t", qos=3, packet_id=1), MALFORMED)

    @both_versions
    def test_a_duplicate_of_qos_zero_is_refused(self, version):
        """[MQTT-3.3.1-2] [MQTT311-3.3.1-2]"""
        self.refuse(version, wire.publish(version, "t", dup=True), MALFORMED, PROTOCOL_ERROR)

    @both_versions
    def test_a_publish_without_a_whole_topic_name_is_refused(self, version):
        """[MQTT-3.3.2-1] [MQTT311-3.3.2-1]"""
        for body in (b"", b"\0", b"\0\5top"):
            self.refuse(version, wire.packet(Type.PUBLISH, 0, body), MALFORMED)

    @both_versions
    def test_a_topic_name_with_a_wildcard_is_refused(self, version):
        """[MQTT-3.3.2-2] [MQTT311-3.3.2-2] [MQTT-4.7.0-1] [MQTT311-4.7.1-1]"""
        for topic in ("#", "+", "a/#", "a/+/b", "a+", "a#b"):
            for qos in (0, 1, 2):
                data = wire.publish(version, topic, b"", qos, 1 if qos else None)
                self.refuse(version, data, MALFORMED, PROTOCOL_ERROR, TOPIC_NAME_INVALID)

    @both_versions
    def test_an_empty_topic_name_is_refused(self, version):
        """[MQTT-4.7.3-1] [MQTT311-4.7.3-1]"""
        self.refuse(version, wire.publish(version, ""), PROTOCOL_ERROR)

    def test_a_publish_of_5_0_needs_a_property_length(self):
        """[MQTT-2.2.2-1]"""
        self.refuse(V5, wire.packet(Type.PUBLISH, 0, wire.utf8("t")), MALFORMED)

    def test_topic_alias_zero_is_refused(self):
        """[MQTT-3.3.2-8]"""
        data = wire.publish(V5, "t", properties=[(Prop.TOPIC_ALIAS, 0)])
        self.refuse(V5, data, TOPIC_ALIAS_INVALID, PROTOCOL_ERROR)

    def test_a_topic_alias_above_the_maximum_is_refused(self):
        """[MQTT-3.3.2-9] [MQTT-3.2.2-17]"""
        for alias in (33, 65535):
            data = wire.publish(V5, "t", properties=[(Prop.TOPIC_ALIAS, alias)])
            self.refuse(V5, data, TOPIC_ALIAS_INVALID)

    def test_a_topic_alias_that_was_never_given_is_refused(self):
        """[MQTT-3.3.2-7]"""
        self.refuse(V5, wire.publish(V5, "", properties=[(Prop.TOPIC_ALIAS, 1)]), PROTOCOL_ERROR)

    def test_a_response_topic_with_a_wildcard_is_refused(self):
        """[MQTT-3.3.2-14]"""
        for topic in ("#", "answers/+", "a/#"):
            data = wire.publish(V5, "t", properties=[(Prop.RESPONSE_TOPIC, topic)])
            self.refuse(V5, data, MALFORMED, PROTOCOL_ERROR, TOPIC_NAME_INVALID)

    def test_a_subscription_identifier_from_a_client_is_refused(self):
        """[MQTT-3.3.4-6]"""
        data = wire.publish(V5, "t", properties=[(Prop.SUBSCRIPTION_ID, 1)])
        self.refuse(V5, data, PROTOCOL_ERROR)


class Subscribe(HubTestCase):

    def refuse(self, version, data, *reasons):
        client = self.client(version)
        client.send(data)
        client.expect_closed(*reasons)

    @both_versions
    def test_a_subscribe_without_topic_filter_is_refused(self, version):
        """[MQTT-3.8.3-2] [MQTT311-3.8.3-3]"""
        self.refuse(version, wire.subscribe(version, 1), MALFORMED, PROTOCOL_ERROR)

    @both_versions
    def test_an_unsubscribe_without_topic_filter_is_refused(self, version):
        """[MQTT-3.10.3-2] [MQTT311-3.10.3-2]"""
        self.refuse(version, wire.unsubscribe(version, 1), MALFORMED, PROTOCOL_ERROR)

    @both_versions
    def test_a_topic_filter_without_options_is_refused(self, version):
        """[MQTT-3.8.3-2] [MQTT311-3.8.3-3]"""
        head = b"\0\1" + (b"\0" if version == V5 else b"")
        data = wire.packet(Type.SUBSCRIBE, 2, head + wire.utf8("t"))
        self.refuse(version, data, MALFORMED)

    @both_versions
    def test_reserved_bits_of_the_options_must_be_zero(self, version):
        """[MQTT-3.8.3-5] [MQTT311-3.8.3-4]"""
        for bit in ((6, 7) if version == V5 else (2, 3, 4, 5, 6, 7)):
            data = wire.subscribe(version, 1, ("t", 1 << bit))
            self.refuse(version, data, MALFORMED)

    @both_versions
    def test_a_requested_qos_of_three_is_refused(self, version):
        """[MQTT-3.8.3-5] [MQTT311-3.8.3-4]"""
        data = wire.subscribe(version, 1, ("t", 3))
        self.refuse(version, data, MALFORMED, PROTOCOL_ERROR)

    def test_a_retain_handling_of_three_is_refused(self):
        """[MQTT-4.13.1-1]"""
        data = wire.subscribe(V5, 1, ("t", wire.options(handling=3)))
        self.refuse(V5, data, MALFORMED, PROTOCOL_ERROR)

    def test_no_local_on_a_shared_subscription_is_refused(self):
        """[MQTT-3.8.3-4]"""
        data = wire.subscribe(V5, 1, ("$share/g/t", wire.options(no_local=True)))
        self.refuse(V5, data, PROTOCOL_ERROR)

    def test_subscription_identifier_zero_is_refused(self):
        """[MQTT-4.13.1-1]"""
        data = wire.subscribe(V5, 1, ("t", 0), properties=[(Prop.SUBSCRIPTION_ID, 0)])
        self.refuse(V5, data, PROTOCOL_ERROR)


class Lengths(HubTestCase):
    """Every packet cut at every byte, and every packet with a byte too many."""

    def whole_packets(self, version):
        yield wire.publish(version, "topic/name", b"", 1, 7, properties=[
            (Prop.MESSAGE_EXPIRY, 9), (Prop.USER_PROPERTY, ("n", "v"))])
        yield wire.subscribe(version, 7, ("filter/+", 1), ("x", 0), properties=[
            (Prop.SUBSCRIPTION_ID, 200)])
        yield wire.unsubscribe(version, 7, "filter/+", "x", properties=[
            (Prop.USER_PROPERTY, ("n", "v"))])
        yield wire.ack(Type.PUBREL, 7)
        yield wire.PINGREQ
        if version == V5:
            yield wire.ack(Type.PUBREL, 7, 0, [(Prop.REASON_STRING, "why")])
            yield wire.disconnect(0, [(Prop.REASON_STRING, "why")])

    def outcome(self, version, data):
        """True when the hub took `data` for a packet, False when it closed for a format error."""
        client = self.client(version)
        client.send(data + wire.PINGREQ)
        try:
            while True:
                found = client.receive()
                if found.type == Type.PINGRESP:
                    return True
                if found.type == Type.DISCONNECT:
                    self.assertIn(found.reason, (MALFORMED, PROTOCOL_ERROR), client.trace())
        except Closed:
            return data[0] >> 4 == Type.DISCONNECT and not client.disconnected

    @both_versions
    def test_a_packet_cut_short_or_too_long_closes_the_connection(self, version):
        """[MQTT-4.13.1-1] [MQTT311-4.8.0-1]"""
        for whole in self.whole_packets(version):
            body = whole[2:]
            self.assertTrue(self.outcome(version, whole), whole.hex(" "))
            whole_entries = 0
            for length in range(len(body)):
                cut = bytes([whole[0], length]) + body[:length]
                whole_entries += self.outcome(version, cut)
            # What is left may be a packet too: without its payload, second filter or reason.
            self.assertLessEqual(whole_entries, 2, whole.hex(" "))
            if whole[0] >> 4 != Type.PUBLISH:
                long = bytes([whole[0], len(body) + 1]) + body + b"\x01"
                self.assertFalse(self.outcome(version, long), long.hex(" "))
        self.assert_still_works(version)

    @both_versions
    def test_a_connect_cut_short_or_too_long_is_refused(self, version):
        """[MQTT-3.1.4-1] [MQTT311-3.1.4-1]"""
        will = wire.Will("t", b"payload", properties=[(Prop.WILL_DELAY, 5)])
        whole = wire.connect(version, self.client_id(), will=will, user="user", password=b"secret",
                             properties=[(Prop.USER_PROPERTY, ("n", "v"))])
        body = whole[2:]
        cuts = [bytes([0x10, length]) + body[:length] for length in range(len(body))]
        for data in cuts + [bytes([0x10, len(body) + 1]) + body + b"\0"]:
            client = self.open(version)
            client.send(data)
            answer = client.rest()
            # Before the hub has read the protocol level it cannot know how to answer.
            self.assertIn(answer, (b"", bytes([0x20, 3, 0, MALFORMED, 0])), data.hex(" "))
            if version == V311:
                self.assertEqual(answer, b"", data.hex(" "))
        self.assert_still_works(version)


if __name__ == "__main__":
    unittest.main()
