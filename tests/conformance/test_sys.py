"""The hub's own topics, named as Mosquitto names them. The specification leaves them free."""

import unittest

from cases import HubTestCase, both_versions
from wire import V5

NAMES = [
    "version", "uptime", "clients/connected", "clients/disconnected", "clients/maximum",
    "clients/total", "messages/received", "messages/sent", "publish/messages/received",
    "publish/messages/sent", "bytes/received", "bytes/sent", "subscriptions/count",
    "shared_subscriptions/count", "retained messages/count",
]


class Sys(HubTestCase):

    MQTT = {"sys_interval": "1s"}

    def read(self, client, topic_filter="$SYS/#"):
        """Values by topic, as a new subscriber gets them at once."""
        client.subscribe(topic_filter)
        return {m.topic: m.payload.decode() for m in self.everything(client)}

    @both_versions
    def test_a_new_subscriber_gets_the_values_at_once(self, version):
        """[MQTT-4.7.2-1] [MQTT311-4.7.2-1]"""
        found = self.read(self.client(version))
        for name in NAMES:
            self.assertIn(f"$SYS/broker/{name}", found)
        self.assertIn("runnel", found["$SYS/broker/version"])
        self.assertRegex(found["$SYS/broker/uptime"], r"^\d+ seconds$")
        self.assertTrue(all(topic.startswith("$SYS/") for topic in found))

    def test_the_number_of_clients_follows(self):
        """[MQTT-4.7.2-1]"""
        watcher = self.client(V5, "watcher")
        topic = "$SYS/broker/clients/connected"
        self.read(watcher, topic)
        others = [self.client(V5, f"c{number}") for number in range(3)]
        while int(watcher.message().payload) < 4:
            pass
        for client in others:
            client.disconnect()
        while int(watcher.message().payload) > 1:
            pass

    def test_a_filter_that_begins_with_a_wildcard_gets_none_of_it(self):
        """[MQTT-4.7.2-1]"""
        client = self.client(V5)
        self.assertEqual(self.read(client, "+/broker/#"), {})


if __name__ == "__main__":
    unittest.main()
