"""What the specification calls stored is still there after SIGKILL and a new start.

Intervals go on over a restart; the time without a hub counts only if the clock of the machine is
known to be right, which these tests do not rely on.

Each test prepares both versions, kills the hub once and looks at both.
"""

import time
import unittest

import wire
from cases import HubTestCase
from wire import Prop, Type, V311, V5, options

VERSIONS = (V311, V5)
EXPIRED_S = 2.1  # after an interval of one second


class AfterAKill(HubTestCase):

    def restart(self):
        self.hub.kill()
        self.hub.start()

    def subscribed(self, version, qos, name="sub"):
        """A lasting client, subscribed to a topic of its version."""
        client = self.lasting(version, f"{name}{version}")
        client.subscribe((self.topic(f"v{version}"), qos))
        return client

    def returned(self, version, name="sub"):
        client = self.lasting(version, f"{name}{version}")
        self.assertTrue(client.connack.session_present)
        return client

    def publish(self, version, *payloads, qos):
        publisher = self.client(version, f"pub{version}")
        publisher.publish_all(self.topic(f"v{version}"), payloads, qos)
        publisher.disconnect()


class Sessions(AfterAKill):

    def test_sessions_and_their_subscriptions_survive(self):
        """[MQTT-3.1.2-23] [MQTT-3.1.2-5] [MQTT311-3.1.2-4] [MQTT311-4.1.0-1]"""
        for version in VERSIONS:
            client = self.subscribed(version, 1)
            client.subscribe((self.topic("gone"), 1))
            client.unsubscribe(self.topic("gone"))
            self.client(version, f"clean{version}").subscribe((self.topic("clean"), 1))
        self.restart()
        for version in VERSIONS:
            client = self.returned(version)
            self.publish(version, b"after", qos=1)
            self.client(version, "pub").publish(self.topic("gone"), b"no", qos=1)
            self.assertEqual(self.payloads(client), [b"after"])
            self.assertFalse(
                self.lasting(version, f"clean{version}").connack.session_present)

    def test_the_options_of_subscriptions_survive(self):
        """[MQTT-3.1.2-5] [MQTT-3.3.1-13] [MQTT-3.3.4-3] [MQTT-3.8.3-3]"""
        client = self.lasting(V5)
        client.subscribe((self.topic("a"), options(2, as_published=True)),
                         properties=[(Prop.SUBSCRIPTION_ID, 1234)])
        client.subscribe((self.topic("b"), options(1, no_local=True)))
        self.restart()
        client = self.lasting(V5)
        self.client(V5, "pub").publish(self.topic("a"), b"x", 2, retain=True)
        found = client.message()
        self.assertEqual((found.qos, found.retain, found.all(Prop.SUBSCRIPTION_ID)),
                         (2, True, [1234]))
        client.publish(self.topic("b"), b"mine", 1)
        self.assertEqual(self.payloads(client), [])

    def test_members_of_shared_subscriptions_survive(self):
        """[MQTT-3.1.2-5] [MQTT-4.5.0-1]"""
        for name in "ab":
            self.lasting(V5, name).subscribe((f"$share/g/{self.topic()}", 1))
        self.restart()
        members = [self.lasting(V5, name) for name in "ab"]
        publisher = self.client(V5, "pub")
        publisher.publish_all(self.topic(), [str(number) for number in range(10)], 1)
        found = sum((self.payloads(member) for member in members), [])
        self.assertEqual(sorted(found), [str(number).encode() for number in range(10)])

    def test_a_session_expires_over_a_restart(self):
        """[MQTT-4.1.0-2] [MQTT-3.1.2-23]"""
        self.lasting(V5, "short", expiry_s=1).disconnect()
        self.lasting(V5, "long").disconnect()
        self.restart()
        time.sleep(EXPIRED_S)
        self.assertFalse(self.lasting(V5, "short").connack.session_present)
        self.assertTrue(self.lasting(V5, "long").connack.session_present)

    def test_long_names_survive(self):
        """[MQTT-3.1.2-23] [MQTT-4.7.3-3]"""
        name, deep = "n" * 600, self.topic("d" * 3000)
        client = self.lasting(V5, name)
        client.subscribe((deep + "/+", 1))
        client.disconnect()
        publisher = self.client(V5, "pub")
        publisher.publish(deep + "/kept", b"kept", 1, retain=True)
        self.restart()
        client = self.lasting(V5, name)
        self.assertTrue(client.connack.session_present)
        self.assertEqual(client.message().topic, deep + "/kept")
        late = self.client(V5, "late")
        late.subscribe(deep + "/#")
        self.assertTrue(late.message().retain)

    def test_a_clean_stop_keeps_the_same_things(self):
        """[MQTT-3.1.2-23] [MQTT-4.5.0-1] [MQTT311-3.1.2-5]"""
        for version in VERSIONS:
            self.subscribed(version, 2).disconnect()
            self.publish(version, b"1", b"2", qos=2)
        self.assertEqual(self.hub.stop(), 0)
        self.hub.start()
        for version in VERSIONS:
            self.assertEqual(self.payloads(self.returned(version)), [b"1", b"2"])


class Messages(AfterAKill):

    def test_acknowledged_messages_for_absent_clients_survive_in_order(self):
        """[MQTT-4.3.2-4] [MQTT-4.3.3-8] [MQTT-4.5.0-1] [MQTT311-4.5.0-1] [MQTT311-3.1.2-5]"""
        sent = [str(number).encode() for number in range(20)]
        for version in VERSIONS:
            self.subscribed(version, 2).disconnect()
            self.publish(version, *sent[:10], qos=1)
            self.publish(version, *sent[10:], qos=2)
        self.restart()
        for version in VERSIONS:
            self.assertEqual(self.payloads(self.returned(version)), sent)

    def test_retained_messages_survive_and_removed_ones_stay_removed(self):
        """[MQTT-3.3.1-5] [MQTT311-3.3.1-5] [MQTT-3.3.1-6] [MQTT311-3.3.1-10]"""
        properties = [(Prop.CONTENT_TYPE, "text"), (Prop.USER_PROPERTY, ("n", "v")),
                      (Prop.USER_PROPERTY, ("n", "v"))]
        publisher = self.client(V5, "pub")
        publisher.publish(self.topic("kept"), b"kept", 2, True, properties)
        publisher.publish(self.topic("new"), b"old", 1, True)
        publisher.publish(self.topic("new"), b"new", 1, True)
        publisher.publish(self.topic("removed"), b"x", 1, True)
        publisher.publish(self.topic("removed"), b"", 1, True)
        publisher.publish(self.topic("expired"), b"x", 1, True, [(Prop.MESSAGE_EXPIRY, 1)])
        self.restart()
        time.sleep(EXPIRED_S)
        for version in VERSIONS:
            client = self.client(version, f"new{version}")
            client.subscribe((self.topic("+"), 2))
            found = self.everything(client)
            self.assertEqual(sorted((m.payload, m.qos, m.retain) for m in found),
                             [(b"kept", 2, True), (b"new", 1, True)])
            if version == V5:
                kept, = (m for m in found if m.payload == b"kept")
                self.assertEqual(kept.properties, properties)

    def test_settled_qos_2_messages_are_not_sent_again(self):
        """[MQTT-4.3.3-12] [MQTT-4.4.0-1] [MQTT311-4.3.3-1]"""
        for version in VERSIONS:
            client = self.subscribed(version, 2)
            self.publish(version, b"1", b"2", qos=2)
            self.assertEqual([m.payload for m in client.messages(2)], [b"1", b"2"])
            client.ping()
        self.restart()
        for version in VERSIONS:
            client = self.returned(version)
            # The hub may have forgotten PUBCOMPs that it had just received, but no more than that.
            client.subscribe((self.topic("marker"), 2))
            self.client(V5, "marker").publish(self.topic("marker"), b"marker", qos=2)
            while True:
                found = client.receive()
                if found.type == Type.PUBLISH:
                    break
                self.assertEqual(found.type, Type.PUBREL)
                client.send_ack(Type.PUBCOMP, found.packet_id)
            self.assertEqual(found.payload, b"marker")


    def test_the_will_of_a_client_that_lost_its_hub_is_published_after_the_restart(self):
        """[MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT311-3.1.2-8]"""
        for version in VERSIONS:
            watcher = self.lasting(version, f"watcher{version}")
            watcher.subscribe((self.topic(f"will/{version}"), 1))
            self.lasting(version, f"c{version}", will=wire.Will(
                self.topic(f"will/{version}"), b"gone", qos=1))
            self.lasting(version, f"left{version}", will=wire.Will(
                self.topic(f"will/{version}"), b"left", qos=1)).disconnect()
        # DISCONNECT has no answer; but this, which comes later, has one.
        self.publish(V5, b"and then", qos=1)
        self.restart()
        for version in VERSIONS:
            watcher = self.lasting(version, f"watcher{version}")
            self.assertEqual(watcher.message().payload, b"gone")
            self.assertEqual(self.payloads(watcher), [])

    def test_a_will_that_waits_survives(self):
        """[MQTT-3.1.2-8] [MQTT-3.1.3-9]"""
        watcher = self.lasting(V5, "watcher")
        watcher.subscribe((self.topic("will/+"), 1))
        for name in ("waits", "comes back"):
            self.lasting(V5, name, will=wire.Will(
                self.topic(f"will/{name}"), name, qos=1,
                properties=[(Prop.WILL_DELAY, 1), (Prop.USER_PROPERTY, ("n", "v"))])).drop()
        self.restart()
        self.lasting(V5, "comes back")
        watcher = self.lasting(V5, "watcher")
        found = watcher.message()
        self.assertEqual((found.payload, found.all(Prop.USER_PROPERTY)), (b"waits", [("n", "v")]))
        self.assertEqual(self.payloads(watcher), [])


class HalfDone(AfterAKill):
    """Exchanges that had begun when the hub was killed."""

    def test_a_qos_1_message_that_was_not_acknowledged_comes_again(self):
        """[MQTT-4.3.2-3] [MQTT311-4.3.2-1]"""
        for version in VERSIONS:
            client = self.subscribed(version, 1)
            self.publish(version, b"x", qos=1)
            client.message(ack=False)
        self.restart()
        for version in VERSIONS:
            self.assertEqual(self.payloads(self.returned(version)), [b"x"])

    def test_a_qos_2_message_without_pubrec_comes_again_as_itself(self):
        """[MQTT-4.3.3-3] [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT311-4.3.3-1] [MQTT311-4.4.0-1]"""
        sent = {}
        for version in VERSIONS:
            client = self.subscribed(version, 2)
            self.publish(version, b"1", b"2", qos=2)
            sent[version] = client.messages(2, ack=False)
        self.restart()
        for version in VERSIONS:
            found = self.everything(self.returned(version))
            self.assertEqual([(m.payload, m.packet_id, m.dup) for m in found],
                             [(m.payload, m.packet_id, True) for m in sent[version]])

    def test_a_qos_2_message_with_pubrec_goes_on_with_pubrel(self):
        """[MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-4.4.0-1] [MQTT311-4.3.3-1] [MQTT311-4.4.0-1]"""
        sent = {}
        for version in VERSIONS:
            client = self.subscribed(version, 2)
            self.publish(version, b"x", qos=2)
            sent[version] = client.message(ack=False).packet_id
            client.send_ack(Type.PUBREC, sent[version])
            client.wait_for(Type.PUBREL, sent[version])
        self.restart()
        for version in VERSIONS:
            client = self.returned(version)
            client.expect(Type.PUBREL, packet_id=sent[version])
            client.send_ack(Type.PUBCOMP, sent[version])
            self.assertEqual(self.payloads(client), [])

    def test_a_qos_2_publish_with_pubrec_is_not_taken_twice(self):
        """[MQTT-4.3.3-10] [MQTT-4.3.3-11] [MQTT311-4.3.3-2]"""
        for version in VERSIONS:
            self.subscribed(version, 2).disconnect()
            client = self.lasting(version, f"pub{version}")
            for number in (7, 8):
                client.send(wire.publish(
                    version, self.topic(f"v{version}"), str(number), 2, number))
                client.expect(Type.PUBREC, packet_id=number)
        self.restart()
        for version in VERSIONS:
            client = self.lasting(version, f"pub{version}")
            self.assertTrue(client.connack.session_present)
            topic = self.topic(f"v{version}")
            client.send(wire.publish(version, topic, b"7", 2, 7, dup=True))
            client.expect(Type.PUBREC, packet_id=7)
            for number in (7, 8):
                client.send(wire.ack(Type.PUBREL, number))
                client.expect(Type.PUBCOMP, packet_id=number,
                              reason=0 if version == V5 else None)
            client.publish(topic, b"new", 2)
            self.assertEqual(self.payloads(self.returned(version)), [b"7", b"8", b"new"])

    def test_an_identifier_that_was_released_is_new_after_the_restart(self):
        """[MQTT-4.3.3-12] [MQTT311-4.3.3-2]"""
        for version in VERSIONS:
            self.subscribed(version, 2).disconnect()
            client = self.lasting(version, f"pub{version}")
            client.send(wire.publish(version, self.topic(f"v{version}"), b"1", 2, 7))
            client.expect(Type.PUBREC, packet_id=7)
            client.send(wire.ack(Type.PUBREL, 7))
            client.expect(Type.PUBCOMP, packet_id=7)
        self.restart()
        for version in VERSIONS:
            client = self.lasting(version, f"pub{version}")
            client.send(wire.publish(version, self.topic(f"v{version}"), b"2", 2, 7))
            client.expect(Type.PUBREC, packet_id=7)
            client.send(wire.ack(Type.PUBREL, 7))
            client.expect(Type.PUBCOMP, packet_id=7)
            self.assertEqual(self.payloads(self.returned(version)), [b"1", b"2"])


if __name__ == "__main__":
    unittest.main()
