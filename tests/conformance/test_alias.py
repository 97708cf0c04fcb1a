"""Topic aliases, both ways (MQTT 5.0 §3.3.2.3.4)."""

import unittest

import wire
from cases import HubTestCase
from wire import Prop, Type, V5

TOPIC_ALIAS_INVALID = 0x94
ALIAS_MAXIMUM = 32


class AliasesToTheHub(HubTestCase):

    def alias(self, topic, number, payload=b"", qos=0, packet_id=None):
        return wire.publish(
            V5, topic, payload, qos, packet_id, properties=[(Prop.TOPIC_ALIAS, number)])

    def test_every_alias_up_to_the_announced_maximum_works(self):
        """[MQTT-3.3.2-12]"""
        client = self.client(V5)
        client.subscribe(self.topic("#"))
        for number in range(1, ALIAS_MAXIMUM + 1):
            client.send(self.alias(self.topic(str(number)), number, b"named"))
            self.assertEqual(client.message().payload, b"named")
        for number in range(ALIAS_MAXIMUM, 0, -1):
            client.send(self.alias("", number, b"by alias"))
            found = client.message()
            self.assertEqual((found.topic, found.payload), (self.topic(str(number)), b"by alias"))

    def test_an_alias_can_be_given_another_name(self):
        """[MQTT-3.3.2-12]"""
        client = self.client(V5)
        client.subscribe(self.topic("#"))
        for name in ("a", "b", "a"):
            client.send(self.alias(self.topic(name), 1))
            client.send(self.alias("", 1))
            self.assertEqual([m.topic for m in client.messages(2)], [self.topic(name)] * 2)

    def test_aliases_work_in_every_qos_and_for_retained_messages(self):
        """[MQTT-3.3.2-12] [MQTT-3.3.1-5]"""
        client = self.client(V5)
        client.subscribe((self.topic(), 2))
        for qos, identifier in ((1, 1), (2, 2), (0, None)):
            for topic in (self.topic(), ""):
                client.send(self.alias(topic, 1, b"x", qos, identifier))
                if qos:
                    client.wait_for(Type.PUBACK if qos == 1 else Type.PUBREC, identifier)
                if qos == 2:
                    client.send(wire.ack(Type.PUBREL, identifier))
                    client.wait_for(Type.PUBCOMP, identifier)
                self.assertEqual(client.message().topic, self.topic())
        client.publish("", b"kept", 1, retain=True, properties=[(Prop.TOPIC_ALIAS, 1)])
        late = self.client(V5, "late")
        late.subscribe(self.topic())
        self.assertEqual(late.message().payload, b"kept")

    def test_aliases_end_with_the_connection(self):
        """[MQTT-3.3.2-7]"""
        client = self.lasting(V5)
        client.send(self.alias(self.topic(), 1))
        client.ping()
        client.drop()
        client = self.lasting(V5)
        client.send(self.alias("", 1))
        client.expect_closed(0x82)

    def test_each_connection_has_its_own_aliases(self):
        """[MQTT-3.3.2-7]"""
        one, two, watcher = self.client(V5, "1"), self.client(V5, "2"), self.client(V5, "w")
        watcher.subscribe(self.topic("#"))
        for client, name in ((one, "1"), (two, "2")):
            client.send(self.alias(self.topic(name), 1))
            self.assertEqual(watcher.message().topic, self.topic(name))
        for client, name in ((one, "1"), (two, "2")):
            client.send(self.alias("", 1))
            self.assertEqual(watcher.message().topic, self.topic(name))

    def test_an_alias_is_not_passed_on(self):
        """[MQTT-3.1.2-27]"""
        client = self.client(V5)
        client.subscribe(self.topic())
        client.send(self.alias(self.topic(), 1))
        self.assertIsNone(client.message().get(Prop.TOPIC_ALIAS))


class NoAliasesToTheHub(HubTestCase):

    MQTT = {"topic_alias_max": 0}

    def test_a_hub_without_topic_aliases_announces_none_and_refuses_all(self):
        """[MQTT-3.2.2-18] [MQTT-3.2.2-17]"""
        client = self.client(V5)
        self.assertEqual(client.connack.get(Prop.TOPIC_ALIAS_MAXIMUM, 0), 0)
        client.send(wire.publish(V5, self.topic(), b"", properties=[(Prop.TOPIC_ALIAS, 1)]))
        client.expect_closed(TOPIC_ALIAS_INVALID)


class AliasesFromTheHub(HubTestCase):

    def check(self, maximum):
        """Client resolves aliases and refuses those it did not allow."""
        properties = [] if maximum is None else [(Prop.TOPIC_ALIAS_MAXIMUM, maximum)]
        client = self.lasting(V5, properties=properties)
        client.subscribe((self.topic("#"), 1))
        publisher = self.client(V5, "pub")
        for turn in range(3):
            for name in ("a", "b", "c", "d", "e"):
                publisher.publish(self.topic(name), f"{turn}{name}", qos=1)
                found = client.message()
                self.assertEqual((found.topic, found.payload),
                                 (self.topic(name), f"{turn}{name}".encode()))
        return client, publisher

    def test_no_alias_above_the_clients_maximum_is_used(self):
        """[MQTT-3.1.2-26] [MQTT-3.3.2-11] [MQTT-3.3.2-8]"""
        for maximum in (1, 2, 5, 65535):
            self.begin()
            self.check(maximum)

    def test_no_alias_is_used_for_a_client_that_allows_none(self):
        """[MQTT-3.1.2-27]"""
        for maximum in (None, 0):
            self.begin()
            self.check(maximum)

    def test_aliases_begin_anew_with_each_connection(self):
        """[MQTT-3.3.2-7]"""
        client, publisher = self.check(5)
        publisher.publish(self.topic("a"), b"in flight", qos=1)
        client.message(ack=False)
        client.drop()
        publisher.publish(self.topic("b"), b"waiting", qos=1)
        client = self.lasting(V5, properties=[(Prop.TOPIC_ALIAS_MAXIMUM, 5)])
        found = client.messages(2)
        self.assertEqual([(m.topic, m.payload) for m in found],
                         [(self.topic("a"), b"in flight"), (self.topic("b"), b"waiting")])
        client.drop()
        client = self.lasting(V5)  # allows none now
        publisher.publish(self.topic("a"), b"again", qos=1)
        self.assertEqual(client.message().topic, self.topic("a"))


if __name__ == "__main__":
    unittest.main()
