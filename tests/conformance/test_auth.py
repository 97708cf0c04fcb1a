"""User names are taken as they are; enhanced authentication is not offered (MQTT 5.0 §4.12)."""

import unittest

import wire
from cases import HubTestCase, both_versions
from wire import Prop, V5

BAD_AUTHENTICATION_METHOD = 0x8C
PROTOCOL_ERROR = 0x82


class Enhanced(HubTestCase):

    def test_an_authentication_method_is_refused(self):
        """[MQTT-4.12.0-1] [MQTT-4.12.0-4] [MQTT-3.1.4-2] [MQTT-3.2.2-7]"""
        for properties in ([(Prop.AUTH_METHOD, "SCRAM-SHA-256")],
                           [(Prop.AUTH_METHOD, "PLAIN"), (Prop.AUTH_DATA, b"\0me\0secret")],
                           [(Prop.AUTH_METHOD, "")]):
            client = self.open(V5)
            client.send_connect(self.client_id(), properties=properties)
            client.expect_refused(BAD_AUTHENTICATION_METHOD)

    def test_what_follows_a_refused_method_is_not_processed(self):
        """[MQTT-3.1.4-6] [MQTT-4.12.0-4]"""
        client = self.open(V5)
        client.send(
            wire.connect(V5, self.client_id(), properties=[(Prop.AUTH_METHOD, "m")])
            + wire.auth(0x18, [(Prop.AUTH_METHOD, "m")]) + wire.subscribe(V5, 1, ("t", 0)))
        client.expect_refused(BAD_AUTHENTICATION_METHOD)

    def test_a_client_without_method_gets_no_auth_and_no_method(self):
        """[MQTT-4.12.0-6]"""
        client = self.client(V5, user="user", password=b"secret")
        self.assertIsNone(client.connack.get(Prop.AUTH_METHOD))
        self.assertIsNone(client.connack.get(Prop.AUTH_DATA))
        client.ping()

    def test_an_auth_packet_without_a_method_in_connect_is_refused(self):
        """[MQTT-4.12.0-7] [MQTT-4.12.1-2]"""
        for data in (wire.auth(0x19, [(Prop.AUTH_METHOD, "m")]),
                     wire.auth(0x18, [(Prop.AUTH_METHOD, "m")]), wire.auth()):
            client = self.client(V5)
            client.send(data)
            client.expect_closed(PROTOCOL_ERROR)


class UserNames(HubTestCase):

    @both_versions
    def test_user_name_and_password_are_accepted(self, version):
        """[MQTT-3.1.4-2] [MQTT-3.1.4-5]"""
        for user, password in (("user", b"secret"), ("user", None), ("", b""), ("é", bytes(256))):
            self.client(version, user=user, password=password).disconnect()


if __name__ == "__main__":
    unittest.main()
