"""Wills: when they are published, when not, and what of them (MQTT 5.0 §3.1.2.5, §3.1.3.2)."""

import time
import unittest

import wire
from cases import HubTestCase, both_versions, for_each
from wire import Prop, Type, V311, V5, options

DELAY_S = 1


class Will(HubTestCase):

    def watch(self, version=V5, qos=2):
        watcher = self.client(version, "watcher")
        watcher.subscribe((self.topic("#"), qos))
        return watcher

    def will(self, payload=b"gone", name="will", **more):
        return wire.Will(self.topic(name), payload, **more)


class Published(Will):

    @both_versions
    def test_a_will_is_published_when_the_connection_breaks(self, version):
        """[MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT311-3.1.2-8] [MQTT-3.1.2-9] [MQTT311-3.1.2-9]
        [MQTT-3.1.2-12] [MQTT311-3.1.2-14]
        """
        watcher = self.watch(version)
        for qos in (0, 1, 2):
            self.client(version, will=self.will(f"at {qos}", qos=qos)).drop()
            found = watcher.message()
            self.assertEqual((found.topic, found.payload, found.qos),
                             (self.topic("will"), f"at {qos}".encode(), qos))

    @both_versions
    def test_a_will_is_published_after_an_error_of_the_client(self, version):
        """[MQTT-3.1.2-8] [MQTT311-3.1.2-8]"""
        watcher = self.watch(version)
        client = self.client(version, will=self.will())
        client.send(wire.connect(version, self.client_id()))
        client.expect_closed(0x82)
        self.assertEqual(watcher.message().payload, b"gone")

    @both_versions
    def test_a_will_is_published_after_malformed_bytes(self, version):
        """[MQTT-3.1.2-8] [MQTT311-3.1.2-8]"""
        watcher = self.watch(version)
        client = self.client(version, will=self.will())
        client.send(wire.publish(version, b"\xff"))
        client.expect_closed(0x81)
        self.assertEqual(watcher.message().payload, b"gone")

    @both_versions
    def test_a_will_is_published_when_another_connection_takes_over(self, version):
        """[MQTT-3.1.2-8] [MQTT311-3.1.2-8] [MQTT-3.1.4-3] [MQTT311-3.1.4-2]"""
        watcher = self.watch(version)
        old = self.lasting(version, will=self.will())
        self.lasting(version)
        old.expect_closed(0x8E)
        self.assertEqual(watcher.message().payload, b"gone")

    @for_each({f"0x{reason:02x}": reason
               for reason in (0x04, 0x80, 0x81, 0x98)})
    def test_a_will_is_published_after_a_disconnect_that_does_not_say_normal(self, reason):
        """[MQTT-3.1.2-8] [MQTT-3.1.2-10]"""
        watcher = self.watch()
        self.client(V5, will=self.will()).disconnect(reason)
        self.assertEqual(watcher.message().payload, b"gone")

    @both_versions
    def test_a_will_is_published_once(self, version):
        """[MQTT-3.1.2-10] [MQTT311-3.1.2-10]"""
        watcher = self.watch(version)
        self.lasting(version, will=self.will()).drop()
        self.assertEqual(watcher.message().payload, b"gone")
        self.lasting(version).drop()
        self.assertEqual(self.payloads(watcher), [])

    @both_versions
    def test_each_connection_has_its_own_will(self, version):
        """[MQTT-3.1.2-7] [MQTT311-3.1.2-8]"""
        watcher = self.watch(version)
        self.lasting(version, will=self.will(b"first")).disconnect()
        self.lasting(version, will=self.will(b"second")).drop()
        self.assertEqual(watcher.message().payload, b"second")
        self.assertEqual(self.payloads(watcher), [])

    @both_versions
    def test_a_will_without_payload_is_published(self, version):
        """[MQTT-3.1.2-7] [MQTT-3.1.2-9] [MQTT311-3.1.2-9]"""
        watcher = self.watch(version)
        self.client(version, will=self.will(b"")).drop()
        self.assertEqual(watcher.message().payload, b"")


    @both_versions
    def test_a_will_is_kept_for_an_absent_subscriber(self, version):
        """[MQTT-4.5.0-1] [MQTT311-4.5.0-1] [MQTT-3.1.2-8] [MQTT311-3.1.2-8]"""
        absent = self.lasting(version, "absent")
        absent.subscribe((self.topic("will"), 2))
        absent.disconnect()
        self.client(version, will=self.will(qos=2)).drop()
        self.assertEqual(self.lasting(version, "absent").message().payload, b"gone")


class NotPublished(Will):

    @both_versions
    def test_a_normal_disconnect_discards_the_will(self, version):
        """[MQTT-3.14.4-3] [MQTT311-3.14.4-3] [MQTT-3.1.2-10] [MQTT311-3.1.2-10] [MQTT-3.1.2-8]
        [MQTT311-3.1.2-8]
        """
        watcher = self.watch(version)
        self.client(version, will=self.will()).disconnect()
        if version == V5:
            self.client(version, will=self.will()).disconnect(0)
            self.client(version, will=self.will()).disconnect(0, [])
        self.assertEqual(self.payloads(watcher), [])

    @both_versions
    def test_no_will_flag_no_will(self, version):
        """[MQTT311-3.1.2-12] [MQTT-3.1.2-7]"""
        watcher = self.watch(version)
        self.client(version, user="user").drop()
        self.assertEqual(self.payloads(watcher), [])

    def test_a_refused_connect_leaves_no_will(self):
        """[MQTT-3.1.4-6] [MQTT311-3.1.2-8]"""
        watcher = self.watch()
        client = self.open(V5)
        client.send_connect(self.client_id(), will=self.will(),
                            properties=[(Prop.AUTH_METHOD, "no such method")])
        client.expect_refused(0x8C)
        client = self.open(V311)
        client.send_connect("", clean=False, will=self.will())
        client.expect_refused(2)
        self.assertEqual(self.payloads(watcher), [])

    @both_versions
    def test_a_will_topic_with_a_wildcard_is_refused(self, version):
        """[MQTT-3.1.4-1] [MQTT311-3.1.4-1] [MQTT-4.7.0-1] [MQTT311-4.7.1-1]"""
        for name in ("#", "a/+"):
            data = wire.connect(version, self.client_id(), will=self.will(name=name))
            self.assert_connect_refused(version, data, 0x81, 0x82, 0x90)


class Content(Will):

    @both_versions
    def test_will_retain_decides_whether_the_will_is_retained(self, version):
        """[MQTT-3.1.2-14] [MQTT311-3.1.2-16] [MQTT-3.1.2-15] [MQTT311-3.1.2-17]"""
        watcher = self.watch(version)
        self.client(version, will=self.will(name="live")).drop()
        self.client(version, will=self.will(name="kept", retain=True)).drop()
        self.assertFalse(any(m.retain for m in watcher.messages(2)))
        late = self.client(version, "late")
        late.subscribe((self.topic("#"), 1))
        self.assertEqual([(m.topic, m.retain) for m in self.everything(late)],
                         [(self.topic("kept"), True)])

    def test_a_will_has_the_properties_it_was_given(self):
        """[MQTT-3.1.3-10] [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17]
        [MQTT-3.3.2-20] [MQTT-3.1.2-9]
        """
        users = [("z", "1"), ("a", "2"), ("z", "1"), ("", "")]
        properties = [
            (Prop.PAYLOAD_FORMAT, 1), (Prop.MESSAGE_EXPIRY, 100), (Prop.CONTENT_TYPE, "text"),
            (Prop.RESPONSE_TOPIC, "answer/here"), (Prop.CORRELATION_DATA, b"\0\xff")]
        watcher = self.watch()
        will = self.will(properties=properties + [(Prop.USER_PROPERTY, pair) for pair in users])
        self.client(V5, will=will).drop()
        found = watcher.message()
        self.assertEqual(found.all(Prop.USER_PROPERTY), users)
        for name, value in properties:
            if name == Prop.MESSAGE_EXPIRY:
                self.assertIn(found.get(name), range(95, 101))
            else:
                self.assertEqual(found.get(name), value)
        self.assertIsNone(found.get(Prop.WILL_DELAY))

    def test_retain_as_published_applies_to_wills(self):
        """[MQTT-3.3.1-13] [MQTT-3.1.2-15]"""
        watcher = self.client(V5, "watcher")
        watcher.subscribe((self.topic("will"), options(1, as_published=True)))
        self.client(V5, will=self.will(retain=True)).drop()
        self.assertTrue(watcher.message().retain)


class Delay(Will):
    """Will Delay Interval, 5.0 only; the waits of one test run together."""

    def start(self, name, delay_s, expiry_s):
        will = self.will(name, name, properties=[(Prop.WILL_DELAY, delay_s)])
        return self.lasting(V5, name, expiry_s=expiry_s, will=will)

    def test_a_will_waits_for_its_delay_or_the_end_of_its_session(self):
        """[MQTT-3.1.2-8] [MQTT-3.1.3-9] [MQTT-3.1.2-10]"""
        watcher = self.watch()
        began = time.monotonic()
        self.start("delayed", DELAY_S, 300).drop()
        self.start("session ends first", 300, DELAY_S).drop()
        self.start("no session to wait in", 300, 0).drop()
        self.start("came back", DELAY_S, 300).drop()
        self.start("came back with a delay", DELAY_S, 300).drop()
        self.start("said goodbye", DELAY_S, 300).disconnect()
        self.start("never in this test", 300, 300).drop()
        self.assertEqual(watcher.message().payload, b"no session to wait in")
        self.lasting(V5, "came back")
        self.start("came back with a delay", 300, 300)
        found = {m.payload for m in watcher.messages(2)}
        self.assertGreaterEqual(time.monotonic() - began, DELAY_S * 0.9)
        self.assertEqual(found, {b"delayed", b"session ends first"})
        self.assertEqual(self.payloads(watcher), [])
        self.lasting(V5, "delayed").drop()  # its will was removed when it was published
        self.assertEqual(self.payloads(watcher), [])

    def test_a_clean_start_ends_the_session_and_its_will_does_not_wait(self):
        """[MQTT-3.1.2-8] [MQTT-3.1.2-4]"""
        watcher = self.watch()
        self.start("will", 300, 300).drop()
        self.client(V5, "will")
        self.assertEqual(watcher.message().payload, b"will")

    def test_a_takeover_within_the_delay_does_not_publish_the_will(self):
        """[MQTT-3.1.3-9] [MQTT-3.1.4-3]"""
        watcher = self.watch()
        old = self.start("will", 300, 300)
        self.lasting(V5, "will")
        old.expect_closed(0x8E)
        self.assertEqual(self.payloads(watcher), [])

    def test_a_disconnect_with_will_waits_too(self):
        """[MQTT-3.1.2-8] [MQTT-3.1.3-9]"""
        watcher = self.watch()
        self.start("waits", DELAY_S, 300).disconnect(0x04)
        self.start("does not", DELAY_S, 300).disconnect(0x04, [(Prop.SESSION_EXPIRY, 0)])
        self.assertEqual(watcher.message().payload, b"does not")
        watcher.send(wire.PINGREQ)
        watcher.expect(Type.PINGRESP)
        self.assertEqual(watcher.message().payload, b"waits")


if __name__ == "__main__":
    unittest.main()
