"""The harness bites: packets that no server may send are refused by the parser and the client.

Many statements about the format of what a server sends are proved by every packet of every test,
because parsing.parse and client.Client refuse the rest. These tests show that they do.
"""

import socket
import unittest

import check_table
import parsing
import wire
from cases import HubTestCase, both_versions, for_each
from client import Client, Closed
from parsing import ServerBrokeTheFormat
from wire import V311, V5

CONNACK = bytes([0x20, 3, 0, 0, 0])


def publish(topic=b"\0\1t", rest=b"\0", flags=0):
    body = topic + rest
    return bytes([0x30 | flags, len(body)]) + body


class Parser(unittest.TestCase):

    REFUSED = {
        "a length that is not the shortest": (V5, b"\xd0\x80\x00"),
        "a property length that is not the shortest": (V5, b"\x20\4\0\0\x80\0"),
        "reserved flags in SUBACK": (V311, b"\x91\3\0\1\0"),
        "reserved flags in PUBREL": (V311, b"\x60\2\0\1"),
        "reserved flags in PINGRESP": (V5, b"\xd1\0"),
        "reserved acknowledge flags": (V5, b"\x20\3\2\0\0"),
        "no property length in CONNACK": (V5, b"\x20\2\0\0"),
        "no reason code in SUBACK": (V5, b"\x90\3\0\1\0"),
        "no property length in PUBLISH": (V5, publish(rest=b"")),
        "a packet of clients": (V5, b"\xc0\0"),
        "DISCONNECT in 3.1.1": (V311, b"\xe0\0"),
        "AUTH in 3.1.1": (V311, b"\xf0\0"),
        "a return code 3.1.1 does not have": (V311, b"\x20\2\0\6"),
        "a SUBACK code 3.1.1 does not have": (V311, b"\x90\3\0\1\x87"),
        "a CONNACK reason of DISCONNECT": (V5, b"\x20\3\0\x8e\0"),
        "a PUBACK reason of PUBREL": (V5, b"\x40\3\0\1\x92"),
        "a PUBREC reason of PUBREL": (V5, b"\x50\3\0\1\x92"),
        "a PUBREL reason of PUBACK": (V5, b"\x62\3\0\1\x10"),
        "a PUBCOMP reason of PUBACK": (V5, b"\x70\3\0\1\x80"),
        "a SUBACK reason of PUBACK": (V5, b"\x90\4\0\1\0\x10"),
        "an UNSUBACK reason of SUBACK": (V5, b"\xb0\4\0\1\0\x01"),
        "a DISCONNECT reason of clients": (V5, b"\xe0\1\x04"),
        "an AUTH reason of clients": (V5, b"\xf0\1\x19"),
        "QoS 3": (V5, publish(rest=b"\0\1\0", flags=6)),
        "DUP with QoS 0": (V5, publish(flags=8)),
        "packet identifier 0": (V5, publish(rest=b"\0\0\0", flags=2)),
        "a wildcard in a topic name": (V5, publish(b"\0\3a/#")),
        "an empty topic name without alias": (V5, publish(b"\0\0")),
        "a surrogate": (V5, publish(b"\0\3\xed\xa0\x80")),
        "U+0000": (V5, publish(b"\0\1\0")),
        "an ill-formed user property": (V5, b"\xe0\x08\x81\x06\x26\0\1\xff\0\0"),
        "an unknown property": (V5, b"\xe0\4\x81\2\x7e\0"),
        "a property of another packet": (V5, b"\xe0\5\x81\3\x21\0\1"),
        "Session Expiry Interval in DISCONNECT": (V5, b"\xe0\7\x81\5\x11\0\0\0\1"),
        "a property twice": (V5, b"\x20\x09\0\0\6\x21\0\1\x21\0\1"),
        "bytes too many": (V5, b"\xd0\1\0"),
        "bytes too few": (V5, b"\x40\1\0"),
        "a value cut short": (V5, b"\x20\5\0\0\2\x21\0"),
    }

    @for_each(REFUSED)
    def test_what_a_server_may_not_send_is_refused(self, version, data):
        """[MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-1.5.5-1] [MQTT-1.5.7-1] [MQTT-2.1.3-1]
        [MQTT311-2.2.2-1] [MQTT-2.2.2-1] [MQTT-3.2.2-1] [MQTT-3.2.2-8] [MQTT-3.4.2-1]
        [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.9.3-2] [MQTT311-3.9.3-2]
        [MQTT-3.11.3-2] [MQTT-3.14.2-1] [MQTT-3.14.2-2] [MQTT-3.3.1-2] [MQTT311-3.3.1-2]
        [MQTT-4.3.1-1]
        """
        with self.assertRaises(ServerBrokeTheFormat):
            parsing.parse(version, data)

    def begin(self):
        """for_each() calls this; there are no names to keep apart here."""

    def test_what_a_server_may_send_is_taken(self):
        """[MQTT-2.2.2-1]"""
        identifiers_and_payload = publish(rest=b"\0\1\4\x0b\1\x0b\2xyz", flags=0x0D)
        for version, data in (
                (V5, CONNACK), (V311, b"\x20\2\1\0"), (V5, publish()), (V5, b"\xe0\0"),
                (V5, b"\x40\2\0\1"), (V5, b"\x40\4\0\1\0\0"), (V311, b"\xb0\2\0\1"),
                (V5, b"\xb0\4\0\1\0\x11"), (V5, b"\xd0\0"), (V5, identifiers_and_payload)):
            parsing.parse(version, data)


class Connection(unittest.TestCase):
    """The rules that client.Client holds a server to."""

    def setUp(self):
        ours, self.server = socket.socketpair()
        self.client = Client(ours, V5)
        self.addCleanup(self.server.close)
        self.addCleanup(ours.close)

    def receive(self, *packets):
        self.server.sendall(b"".join(packets))
        self.server.shutdown(socket.SHUT_WR)
        with self.assertRaises(ServerBrokeTheFormat):
            for _ in packets:
                self.client.receive()

    def test_a_packet_before_connack_is_refused(self):
        """[MQTT-3.2.0-1] [MQTT-3.14.0-1]"""
        self.receive(b"\xe0\1\x81")

    def test_a_second_connack_is_refused(self):
        """[MQTT-3.2.0-2]"""
        self.receive(CONNACK, CONNACK)

    def test_a_packet_above_the_maximum_size_is_refused(self):
        """[MQTT-3.1.2-24]"""
        self.client.max_packet = 5
        self.receive(CONNACK, publish(rest=b"\0xyz"))

    def test_an_alias_above_the_maximum_is_refused(self):
        """[MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.3.2-11]"""
        self.client.alias_maximum = 1
        self.receive(CONNACK, publish(rest=b"\3\x23\0\1"), publish(rest=b"\3\x23\0\2"))

    def test_an_alias_without_a_name_is_refused(self):
        """[MQTT-3.3.2-7]"""
        self.client.alias_maximum = 1
        self.receive(CONNACK, publish(b"\0\0", b"\3\x23\0\1"))

    def test_an_identifier_in_use_is_refused(self):
        """[MQTT-2.2.1-4]"""
        self.receive(CONNACK, publish(rest=b"\0\1\0", flags=2), publish(rest=b"\0\1\0", flags=2))

    def test_more_than_the_receive_maximum_is_refused(self):
        """[MQTT-3.3.4-9]"""
        self.client.receive_maximum = 1
        self.receive(CONNACK, publish(rest=b"\0\1\0", flags=2), publish(rest=b"\0\2\0", flags=4))

    def test_anything_after_disconnect_is_refused(self):
        """[MQTT-3.14.4-1]"""
        self.receive(CONNACK, b"\xe0\1\x81", b"\xd0\0")

    def test_a_packet_that_never_ends_is_refused(self):
        """[MQTT-4.2.0-1]"""
        self.receive(CONNACK, b"\x30\5\0")

    def test_the_end_of_a_connection_is_seen(self):
        """[MQTT-3.14.4-2]"""
        self.server.close()
        with self.assertRaises(Closed):
            self.client.receive()


class WellFormed(HubTestCase):

    @both_versions
    def test_every_packet_of_a_whole_conversation_is_well_formed(self, version):
        """[MQTT-1.5.5-1] [MQTT-2.1.3-1] [MQTT311-2.2.2-1] [MQTT-2.2.2-1] [MQTT-3.2.2-1]
        [MQTT-2.2.1-2] [MQTT311-2.3.1-5] [MQTT-3.2.0-2]
        """
        client = self.client(version, keep_alive=60)
        client.subscribe((self.topic("#"), 2))
        sizes = (0, 1, 127, 128, 16_383, 16_384, 100_000)  # lengths of one, two and three bytes
        for qos in (0, 1, 2):
            for size in sizes:
                client.publish(self.topic("a/b"), b"x" * size, qos)
                self.assertEqual(len(client.message().payload), size)
        client.ping()
        client.unsubscribe(self.topic("#"))
        client.send(wire.connect(version, "again"))
        client.expect_closed(0x82)


class Table(unittest.TestCase):

    def test_the_table_and_the_tests_agree(self):
        """docs/mqtt-conformance.md names every statement, and for each the tests that name it."""
        self.assertEqual(check_table.complaints(), [])


if __name__ == "__main__":
    unittest.main()
