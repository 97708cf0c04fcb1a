"""Keep Alive (MQTT 5.0 §3.1.2.10, §3.2.2.3.14)."""

import time
import unittest

import wire
from cases import HubTestCase
from client import Closed
from wire import Prop, Type, V311, V5

KEEP_ALIVE_TIMEOUT = 0x8D
KEEP_ALIVE_S = 1
# One and a half times the keep alive, and room for a busy machine.
NOT_BEFORE_S = 1.4
AT_MOST_S = 5.0


class KeepAlive(HubTestCase):

    def closing_times(self, clients, active=(), dribble=b""):
        """Seconds from the last packet of each client to its end.

        `active` clients ping meanwhile and must stay; `dribble` is sent meanwhile and is no packet.
        """
        began = time.monotonic()
        last_packet = {name: client.sent_at for name, client in clients.items()}
        times = {}
        while len(times) < len(clients) and time.monotonic() - began < AT_MOST_S:
            for client in active:
                client.ping()
            for name, client in clients.items():
                if name in times:
                    continue
                client.send(dribble)
                try:
                    found = client.receive(0.1)
                    self.assertEqual((found.type, found.reason),
                                     (Type.DISCONNECT, KEEP_ALIVE_TIMEOUT))
                    self.assertEqual(client.version, V5)
                except Closed:
                    self.assertTrue(client.disconnected or client.version == V311,
                                    "closed without DISCONNECT")
                    times[name] = time.monotonic() - last_packet[name]
                except AssertionError as nothing_yet:
                    if "nothing came" not in str(nothing_yet):
                        raise
        return times


class OfTheClient(KeepAlive):

    def test_a_silent_client_is_closed_after_one_and_a_half_times_its_keep_alive(self):
        """[MQTT-3.1.2-22] [MQTT311-3.1.2-24] [MQTT-3.2.2-22] [MQTT-3.1.2-8] [MQTT311-3.1.2-8]
        [MQTT-3.1.2-20]
        """
        watcher = self.client(V5, "watcher")
        watcher.subscribe(self.topic("#"))
        silent = {version: self.client(version, f"silent{version}", keep_alive=KEEP_ALIVE_S,
                                       will=wire.Will(self.topic(str(version))))
                  for version in (V311, V5)}
        active = [self.client(version, f"active{version}", keep_alive=KEEP_ALIVE_S)
                  for version in (V311, V5)]
        free = [self.client(version, f"free{version}") for version in (V311, V5)]
        for client in silent.values():
            if client.version == V5:
                self.assertIn(client.connack.get(Prop.SERVER_KEEP_ALIVE, 1), (1,))
        times = self.closing_times(silent, active)
        self.assertEqual(set(times), {V311, V5})
        for seconds in times.values():
            self.assertGreaterEqual(seconds, NOT_BEFORE_S)
            self.assertLessEqual(seconds, AT_MOST_S)
        self.assertEqual({m.topic for m in watcher.messages(2)},
                         {self.topic(str(V311)), self.topic(str(V5))})
        for client in active + free:
            client.ping()


    def test_a_packet_that_never_becomes_whole_keeps_nobody_alive(self):
        """[MQTT-3.1.2-22] [MQTT311-3.1.2-24]"""
        clients = {version: self.client(version, f"slow{version}", keep_alive=KEEP_ALIVE_S)
                   for version in (V311, V5)}
        for client in clients.values():
            client.send(b"\x30\xff\x01\0\1t")
        times = self.closing_times(clients, dribble=b"x")
        self.assertEqual(set(times), {V311, V5})
        self.assertLessEqual(max(times.values()), AT_MOST_S)


class OfTheHub(KeepAlive):

    MQTT = {"keep_alive_max": f"{KEEP_ALIVE_S}s"}

    def test_the_hubs_keep_alive_is_announced_and_used_instead_of_a_longer_one(self):
        """[MQTT-3.1.2-22] [MQTT-3.1.2-21] [MQTT-3.2.2-21]"""
        clients = {wish: self.client(V5, f"c{wish}", keep_alive=wish) for wish in (0, 60, 65535)}
        for client in clients.values():
            self.assertEqual(client.connack.get(Prop.SERVER_KEEP_ALIVE), KEEP_ALIVE_S)
        active = self.client(V5, "active", keep_alive=60)
        times = self.closing_times(clients, [active])
        self.assertEqual(set(times), {0, 60, 65535})
        for seconds in times.values():
            self.assertGreaterEqual(seconds, NOT_BEFORE_S)
            self.assertLessEqual(seconds, AT_MOST_S)
        active.ping()


if __name__ == "__main__":
    unittest.main()
