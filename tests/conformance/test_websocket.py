"""MQTT over WebSocket (MQTT 5.0 §6; RFC 6455)."""

import unittest

import websocket
import wire
from cases import HubTestCase, both_versions
from client import Client, Closed
from websocket import BINARY, CLOSE, CONTINUATION, PING, TEXT, Refused, WebSocket, frame
from wire import Prop, Type, V5


class OverWebSocket(HubTestCase):

    def shake_hands(self, **more):
        stream = self.hub.websocket()
        self.addCleanup(stream.close)
        return WebSocket(stream, **more)

    def open(self, version):
        return Client(self.shake_hands(), version)

    def expect_end(self, client):
        """The end, with or without a DISCONNECT: the error is the WebSocket's, not MQTT's."""
        try:
            client.expect(Type.DISCONNECT)
            client.expect_closed()
        except Closed:
            pass


class Opening(OverWebSocket):

    def test_the_hub_chooses_the_subprotocol_mqtt(self):
        """[MQTT-6.0.0-4] [MQTT311-6.0.0-4]"""
        for offer in ("mqtt", "mqttv3.1, mqtt", "mqtt,chat", "chat , mqtt"):
            self.assertEqual(self.shake_hands(subprotocols=offer).subprotocol, "mqtt", offer)

    def test_without_mqtt_among_the_offers_the_hub_does_not_pretend(self):
        """[MQTT-6.0.0-3] [MQTT311-6.0.0-3]"""
        for offer in (None, "chat", "MQTT", "mqttv3.1"):
            try:
                self.assertIsNone(self.shake_hands(subprotocols=offer).subprotocol)
            except Refused as refused:
                self.assertIn(refused.status, (websocket.NO_ANSWER, *range(400, 500)))

    def test_a_plain_http_request_is_refused(self):
        """[MQTT-6.0.0-3]"""
        stream = self.hub.websocket()
        self.addCleanup(stream.close)
        stream.sendall(b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            status, _ = websocket.read_http(stream, bytearray())
            self.assertIn(status, range(400, 500))
        except Refused:
            pass  # closed without an answer

    def test_mqtt_without_a_handshake_is_refused(self):
        """[MQTT-6.0.0-1]"""
        stream = self.hub.websocket()
        self.addCleanup(stream.close)
        stream.sendall(wire.connect(V5, self.client_id()) + b"\r\n\r\n")
        answer = b""
        while more := stream.recv(4096):
            answer += more
        self.assertFalse(answer.startswith(b"\x20"), answer)


class Frames(OverWebSocket):

    @both_versions
    def test_packets_travel_in_binary_frames_in_both_directions(self, version):
        """[MQTT-6.0.0-1] [MQTT311-6.0.0-1]"""
        client = self.client(version)
        client.subscribe((self.topic(), 2))
        for qos in (0, 1, 2):
            client.publish(self.topic(), str(qos), qos)
            found = client.message()
            self.assertEqual((found.payload, found.qos), (str(qos).encode(), qos))
        client.disconnect()

    @both_versions
    def test_a_text_frame_closes_the_connection(self, version):
        """[MQTT-6.0.0-1] [MQTT311-6.0.0-1]"""
        watcher = self.client(version, "watcher")
        watcher.subscribe((self.topic(), 1))
        client = self.client(version)
        client.stream.send_frames(
            frame(TEXT, wire.PINGREQ),
            frame(BINARY, wire.publish(version, self.topic(), b"no", 1, 1)))
        self.expect_end(client)
        self.assertEqual(self.payloads(watcher), [])

    def test_a_text_frame_instead_of_connect_closes_the_connection(self):
        """[MQTT-6.0.0-1] [MQTT311-6.0.0-1]"""
        client = self.open(V5)
        client.stream.send_frames(frame(TEXT, b"hello"))
        client.expect_closed()

    @both_versions
    def test_a_packet_may_be_spread_over_many_frames(self, version):
        """[MQTT-6.0.0-2] [MQTT311-6.0.0-2]"""
        client = self.open(version)
        for byte in wire.connect(version, self.client_id()):
            client.stream.send_frames(frame(BINARY, bytes([byte])))
        client.expect(Type.CONNACK, reason=0)
        data = wire.subscribe(version, 1, (self.topic(), 1))
        client.stream.send_frames(
            *(frame(BINARY, data[at:at + 2]) for at in range(0, len(data), 2)))
        client.expect(Type.SUBACK, packet_id=1)
        data = wire.publish(version, self.topic(), b"x" * 1000, 1, 2)
        client.stream.send_frames(
            frame(BINARY, data[:500]), frame(BINARY), frame(BINARY, data[500:]))
        client.wait_for(Type.PUBACK, 2)
        self.assertEqual(client.message().payload, b"x" * 1000)

    @both_versions
    def test_a_frame_may_hold_many_packets_and_a_part_of_the_next(self, version):
        """[MQTT-6.0.0-2] [MQTT311-6.0.0-2]"""
        client = self.open(version)
        data = (
            wire.connect(version, self.client_id())
            + wire.subscribe(version, 1, (self.topic(), 0))
            + wire.publish(version, self.topic(), b"x") + wire.PINGREQ)
        client.stream.send_frames(frame(BINARY, data[:-1]))
        client.expect(Type.CONNACK, reason=0)
        client.wait_for(Type.SUBACK, 1)
        self.assertEqual(client.message().payload, b"x")
        client.stream.send_frames(frame(BINARY, data[-1:]))
        client.expect(Type.PINGRESP)

    def test_fragmented_messages_and_frames_cut_anywhere_are_understood(self):
        """[MQTT-6.0.0-2] [MQTT311-6.0.0-2]"""
        client = self.open(V5)
        data = wire.connect(V5, self.client_id())
        client.stream.send_frames(
            frame(BINARY, data[:3], final=False), frame(CONTINUATION, data[3:5], final=False),
            frame(PING, b"between"), frame(CONTINUATION, data[5:]))
        client.expect(Type.CONNACK, reason=0)
        for byte in frame(BINARY, wire.PINGREQ):
            client.stream.stream.sendall(bytes([byte]))
        client.expect(Type.PINGRESP)
        self.assertEqual(client.stream.pongs, [b"between"])

    def test_large_messages_arrive_whole(self):
        """[MQTT-6.0.0-1] [MQTT-6.0.0-2]"""
        client = self.client(V5)
        client.subscribe((self.topic(), 1))
        for length in (125, 126, 65535, 65536, 500_000):
            payload = bytes(range(256)) * (length // 256 + 1)
            client.publish(self.topic(), payload[:length], 1)
            self.assertEqual(client.message().payload, payload[:length])

    def test_a_websocket_client_and_a_tcp_client_talk_to_each_other(self):
        """[MQTT-6.0.0-1] [MQTT-4.2.0-1] [MQTT311-7.1.1-1]"""
        over_tcp = HubTestCase.open(self, V5)
        over_tcp.connect(self.client_id("tcp"))
        over_websocket = self.client(V5, "websocket")
        for client in (over_tcp, over_websocket):
            client.subscribe((self.topic(), 1))
        for client in (over_tcp, over_websocket):
            client.publish(self.topic(), b"x", 1, properties=[(Prop.CONTENT_TYPE, "t")])
            for receiver in (over_tcp, over_websocket):
                self.assertEqual(receiver.message().get(Prop.CONTENT_TYPE), "t")


class Ending(OverWebSocket):

    def test_a_ping_is_answered_by_a_pong(self):
        """[MQTT-6.0.0-1]"""
        client = self.client(V5)
        client.stream.send_frames(frame(PING, b"are you there"))
        client.send(wire.PINGREQ)
        client.expect(Type.PINGRESP)
        self.assertEqual(client.stream.pongs, [b"are you there"])

    @both_versions
    def test_closing_the_websocket_is_not_a_disconnect_of_mqtt(self, version):
        """[MQTT-3.1.2-8] [MQTT311-3.1.2-8]"""
        watcher = self.client(version, "watcher")
        watcher.subscribe(self.topic())
        client = self.client(version, will=wire.Will(self.topic(), b"gone"))
        client.stream.send_frames(frame(CLOSE, b"\x03\xe8"))
        self.expect_end(client)
        self.assertEqual(watcher.message().payload, b"gone")

    def test_an_unmasked_frame_closes_the_connection(self):
        """[MQTT-6.0.0-1]"""
        client = self.client(V5)
        client.stream.send_frames(frame(BINARY, wire.PINGREQ, masked=False))
        self.expect_end(client)

    def test_errors_of_mqtt_are_answered_in_mqtt(self):
        """[MQTT-4.13.1-1] [MQTT-3.14.4-2]"""
        client = self.client(V5)
        client.send(wire.publish(V5, b"\xff"))
        client.expect_closed(0x81)

    def test_a_dropped_websocket_publishes_the_will(self):
        """[MQTT-3.1.2-8]"""
        watcher = self.client(V5, "watcher")
        watcher.subscribe(self.topic())
        self.client(V5, will=wire.Will(self.topic(), b"gone")).drop()
        self.assertEqual(watcher.message().payload, b"gone")

    def test_a_frame_that_promises_too_much_is_refused_before_it_is_sent(self):
        """[MQTT-3.2.2-15]"""
        client = self.client(V5)
        client.stream.send_frames(b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"mask" + b"\x30")
        self.expect_end(client)


if __name__ == "__main__":
    unittest.main()
