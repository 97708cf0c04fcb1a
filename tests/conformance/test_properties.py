"""Properties that 5.0 does not allow where they stand (MQTT 5.0 §2.2.2)."""

import unittest

import wire
from cases import HubTestCase, for_each
from wire import Prop, Type, V5

MALFORMED = 0x81
PROTOCOL_ERROR = 0x82
UNKNOWN = [b"\x7e\0"]  # a property list
CUT_SHORT = [b"\x26\0\5name"]


class Properties(HubTestCase):
    CONNECT_ERRORS = {
        "Receive Maximum 0": (PROTOCOL_ERROR, [(Prop.RECEIVE_MAXIMUM, 0)]),
        "Maximum Packet Size 0": (PROTOCOL_ERROR, [(Prop.MAXIMUM_PACKET_SIZE, 0)]),
        "Request Response Information 2": (PROTOCOL_ERROR, [(Prop.REQUEST_RESPONSE_INFO, 2)]),
        "Request Problem Information 2": (PROTOCOL_ERROR, [(Prop.REQUEST_PROBLEM_INFO, 2)]),
        "data without method": (PROTOCOL_ERROR, [(Prop.AUTH_DATA, b"data")]),
        "an unknown property": (MALFORMED, UNKNOWN),
        "a property of PUBLISH": (MALFORMED, [(Prop.TOPIC_ALIAS, 1)]),
        "a property of the will": (MALFORMED, [(Prop.WILL_DELAY, 1)]),
        "a value cut short": (MALFORMED, [b"\x11\0\0"]),
        **{f"{name.name} twice": (PROTOCOL_ERROR, [(name, value), (name, value)])
           for name, value in ((Prop.SESSION_EXPIRY, 1), (Prop.RECEIVE_MAXIMUM, 1),
                               (Prop.MAXIMUM_PACKET_SIZE, 100), (Prop.TOPIC_ALIAS_MAXIMUM, 1),
                               (Prop.REQUEST_RESPONSE_INFO, 0), (Prop.REQUEST_PROBLEM_INFO, 0),
                               (Prop.AUTH_METHOD, "m"))},
    }

    @for_each(CONNECT_ERRORS)
    def test_a_connect_with_wrong_properties_is_refused(self, reason, properties):
        """[MQTT-3.1.4-1] [MQTT-4.13.1-1] [MQTT-4.13.2-1]"""
        data = wire.connect(V5, self.client_id(), properties=properties)
        self.assert_connect_refused(V5, data, reason)

    WILL_ERRORS = {
        "Payload Format Indicator 2": (PROTOCOL_ERROR, [(Prop.PAYLOAD_FORMAT, 2)]),
        "an unknown property": (MALFORMED, UNKNOWN),
        "a property of CONNECT": (MALFORMED, [(Prop.SESSION_EXPIRY, 1)]),
        "a property of PUBLISH": (MALFORMED, [(Prop.TOPIC_ALIAS, 1)]),
        **{f"{name.name} twice": (PROTOCOL_ERROR, [(name, value), (name, value)])
           for name, value in ((Prop.WILL_DELAY, 1), (Prop.PAYLOAD_FORMAT, 1),
                               (Prop.MESSAGE_EXPIRY, 1), (Prop.CONTENT_TYPE, "c"),
                               (Prop.RESPONSE_TOPIC, "r"), (Prop.CORRELATION_DATA, b"d"))},
    }

    @for_each(WILL_ERRORS)
    def test_a_will_with_wrong_properties_is_refused(self, reason, properties):
        """[MQTT-3.1.4-1] [MQTT-4.13.1-1]"""
        will = wire.Will("t", properties=properties)
        data = wire.connect(V5, self.client_id(), will=will)
        accepted = (reason, MALFORMED) if "FORMAT" in repr(properties) else (reason,)
        self.assert_connect_refused(V5, data, *accepted)

    LATER_ERRORS = {
        "PUBLISH: unknown": (MALFORMED, wire.publish(V5, "t", properties=UNKNOWN)),
        "PUBLISH: cut short": (MALFORMED, wire.publish(V5, "t", properties=CUT_SHORT)),
        "PUBLISH: of CONNECT": (
            MALFORMED, wire.publish(V5, "t", properties=[(Prop.SESSION_EXPIRY, 1)])),
        **{f"PUBLISH: {name.name} twice": (
            PROTOCOL_ERROR, wire.publish(V5, "t", properties=[(name, value), (name, value)]))
           for name, value in ((Prop.PAYLOAD_FORMAT, 1), (Prop.MESSAGE_EXPIRY, 1),
                               (Prop.CONTENT_TYPE, "c"), (Prop.RESPONSE_TOPIC, "r"),
                               (Prop.CORRELATION_DATA, b"d"), (Prop.TOPIC_ALIAS, 1))},
        "SUBSCRIBE: unknown": (MALFORMED, wire.subscribe(V5, 1, ("t", 0), properties=UNKNOWN)),
        "SUBSCRIBE: of DISCONNECT": (
            MALFORMED, wire.subscribe(V5, 1, ("t", 0), properties=[(Prop.REASON_STRING, "r")])),
        "SUBSCRIBE: identifier twice": (PROTOCOL_ERROR, wire.subscribe(
            V5, 1, ("t", 0), properties=[(Prop.SUBSCRIPTION_ID, 1), (Prop.SUBSCRIPTION_ID, 2)])),
        "UNSUBSCRIBE: unknown": (MALFORMED, wire.unsubscribe(V5, 1, "t", properties=UNKNOWN)),
        "UNSUBSCRIBE: of SUBSCRIBE": (
            MALFORMED, wire.unsubscribe(V5, 1, "t", properties=[(Prop.SUBSCRIPTION_ID, 1)])),
        "DISCONNECT: unknown": (MALFORMED, wire.disconnect(0, UNKNOWN)),
        "DISCONNECT: of CONNECT": (MALFORMED, wire.disconnect(0, [(Prop.RECEIVE_MAXIMUM, 1)])),
        "DISCONNECT: expiry twice": (
            PROTOCOL_ERROR, wire.disconnect(0, 2 * [(Prop.SESSION_EXPIRY, 0)])),
        "DISCONNECT: reason twice": (
            PROTOCOL_ERROR, wire.disconnect(0, 2 * [(Prop.REASON_STRING, "r")])),
        **{f"{kind.name}: unknown": (MALFORMED, wire.ack(kind, 1, 0, UNKNOWN))
           for kind in (Type.PUBACK, Type.PUBREC, Type.PUBREL, Type.PUBCOMP)},
        **{f"{kind.name}: of PUBLISH": (MALFORMED, wire.ack(kind, 1, 0, [(Prop.TOPIC_ALIAS, 1)]))
           for kind in (Type.PUBACK, Type.PUBREC, Type.PUBREL, Type.PUBCOMP)},
        **{f"{kind.name}: reason twice": (
            PROTOCOL_ERROR, wire.ack(kind, 1, 0, 2 * [(Prop.REASON_STRING, "r")]))
           for kind in (Type.PUBACK, Type.PUBREC, Type.PUBREL, Type.PUBCOMP)},
    }

    @for_each(LATER_ERRORS)
    def test_a_packet_with_wrong_properties_closes_the_connection(self, reason, data):
        """[MQTT-4.13.1-1] [MQTT-4.13.2-1] [MQTT-3.14.4-2]"""
        client = self.client(V5)
        client.send(data)
        client.expect_closed(reason)

    def test_a_payload_format_of_two_closes_the_connection(self):
        """[MQTT-4.13.1-1]"""
        client = self.client(V5)
        client.send(wire.publish(V5, "t", properties=[(Prop.PAYLOAD_FORMAT, 2)]))
        client.expect_closed(MALFORMED, PROTOCOL_ERROR, 0x99)

    @for_each({f"{kind.name} 0x{reason:02x}": (kind, reason) for kind, reason in (
        (Type.PUBACK, 0x03), (Type.PUBREC, 0x18), (Type.PUBREL, 0x80), (Type.PUBCOMP, 0x01),
        (Type.DISCONNECT, 0x03), (Type.DISCONNECT, 0xED))})
    def test_a_reason_code_that_a_packet_does_not_have_closes_the_connection(self, kind, reason):
        """[MQTT-4.13.1-1]"""
        client = self.client(V5)
        client.send(wire.disconnect(reason) if kind == Type.DISCONNECT
                    else wire.ack(kind, 1, reason))
        client.expect_closed(MALFORMED, PROTOCOL_ERROR)


if __name__ == "__main__":
    unittest.main()
