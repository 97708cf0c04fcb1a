"""DISCONNECT in both directions (MQTT 5.0 §3.14)."""

import unittest

import wire
from cases import HubTestCase, both_versions, for_each
from wire import Prop, Type, V5

FROM_CLIENTS = (0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99)


class FromTheClient(HubTestCase):

    @both_versions
    def test_the_hub_closes_after_disconnect_and_says_nothing(self, version):
        """[MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT311-3.14.4-1]"""
        self.client(version).disconnect()

    @both_versions
    def test_what_follows_a_disconnect_is_not_processed(self, version):
        """[MQTT-3.14.4-1] [MQTT311-3.14.4-2]"""
        watcher = self.client(version, "watcher")
        watcher.subscribe((self.topic(), 1))
        client = self.client(version)
        client.send(wire.disconnect() + wire.publish(version, self.topic(), b"no", 1, 1))
        client.expect_closed()
        self.assertEqual(self.payloads(watcher), [])

    @both_versions
    def test_what_came_before_a_disconnect_is_processed(self, version):
        """[MQTT-4.3.1-1] [MQTT-4.5.0-1] [MQTT311-4.5.0-1]"""
        watcher = self.client(version, "watcher")
        watcher.subscribe((self.topic(), 1))
        client = self.open(version)
        client.send(
            wire.connect(version, self.client_id()) + wire.publish(version, self.topic(), b"0")
            + wire.publish(version, self.topic(), b"1", 1, 1) + wire.disconnect())
        self.assertEqual([m.payload for m in watcher.messages(2)], [b"0", b"1"])

    @for_each({f"0x{reason:02x}": reason for reason in FROM_CLIENTS})
    def test_every_reason_a_client_may_give_is_accepted(self, reason):
        """[MQTT-3.14.2-1]"""
        pair = (Prop.USER_PROPERTY, ("n", "v"))
        for properties in (None, [], [(Prop.REASON_STRING, "enough"), pair, pair]):
            self.client(V5).disconnect(reason, properties)


class FromTheHub(HubTestCase):

    ERRORS = {
        "malformed": (0x81, wire.publish(V5, b"\xff")),
        "protocol error": (0x82, wire.connect(V5, "again")),
        "topic alias": (0x94, wire.publish(V5, "t", properties=[(Prop.TOPIC_ALIAS, 9999)])),
        "too large": (0x95, b"\x30\xff\xff\xff\x7f"),
    }

    @for_each(ERRORS)
    def test_an_error_is_answered_by_its_reason_and_then_the_end(self, reason, data):
        """[MQTT-3.14.2-1] [MQTT-3.14.2-2] [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-4.13.1-1]
        [MQTT-4.13.2-1] [MQTT-3.14.0-1]
        """
        # parsing.parse refuses reasons and properties that a server may not send.
        client = self.client(V5)
        client.send(data + wire.PINGREQ + wire.publish(V5, "t", b"", 1, 1))
        client.expect_closed(reason)

    def test_no_session_has_an_error_of_another(self):
        """[MQTT-4.13.2-1]"""
        bystander = self.client(V5, "bystander")
        for reason, data in self.ERRORS.values():
            client = self.client(V5)
            client.send(data)
            client.expect_closed(reason)
            bystander.send(wire.PINGREQ)
            bystander.expect(Type.PINGRESP)

    @both_versions
    def test_a_connection_that_breaks_in_the_middle_of_a_packet_harms_nobody(self, version):
        """[MQTT-4.13.1-1] [MQTT311-4.8.0-1]"""
        whole = wire.publish(version, self.topic(), b"x" * 100, 1, 1)
        for length in (1, 2, 10, len(whole) - 1):
            client = self.client(version)
            client.send(whole[:length])
            client.drop()
        self.assert_still_works(version)


if __name__ == "__main__":
    unittest.main()
