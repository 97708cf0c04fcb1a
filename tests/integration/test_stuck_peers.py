"""Peers that send and never read: what the hub has for them stays in its hands, but not for ever."""

import contextlib
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "kafka"))
from kafka_hub import KafkaHub  # noqa: E402
from support import eventually, publish  # noqa: E402

API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)  # version 0, correlation id 1, no client id
PATIENCE_S = 30
MIB = 1 << 20

# Version 4 of everything that topic mqtt has, up to 4 MiB.
FETCH = struct.pack(
    ">hhihiiiibih4siiqi", 1, 4, 1, -1, -1, 0, 1, 4 * MIB, 0, 1, 4, b"mqtt", 1, 0, 0, 4 * MIB)
FETCH = struct.pack(">i", len(FETCH)) + FETCH

# The beginning of a produce request of nearly 8 MiB.
BEGINNING = struct.pack(">ihhi", 8 * MIB - 4, 0, 3, 1)


def sockets(hub):
    """How many sockets its process holds."""
    directory = pathlib.Path("/proc", str(hub.process.pid), "fd")
    found = 0
    for entry in directory.iterdir():
        try:
            found += os.readlink(entry).startswith("socket:")
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


def memory(hub):
    """Its anonymous memory, in bytes."""
    status = pathlib.Path("/proc", str(hub.process.pid), "status").read_text()
    return 1024 * int(re.search(r"RssAnon:\s+(\d+)", status).group(1))


def deaf(port):
    """A connection that takes next to nothing."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    peer.connect(("127.0.0.1", port))
    return peer


class StuckPeers(unittest.TestCase):
    def setUp(self):
        self.hub = KafkaHub(
            '[[user]]\nname = "alice"\npassword_file = "password"\n', sasl_mechanisms=["PLAIN"])
        password = self.hub.directory / "password"
        password.write_text("secret\n")
        password.chmod(0o600)
        self.hub.start()
        self.addCleanup(self.hub.remove)
        self.rest = self.at_rest()

    def at_rest(self):
        """Its sockets, once whoever asked whether it is ready has gone."""
        seen = [sockets(self.hub)]
        while len(seen) < 5 or len(set(seen[-5:])) > 1:
            time.sleep(0.05)
            seen.append(sockets(self.hub))
        return seen[-1]

    def gone(self):
        return sockets(self.hub) <= self.rest

    def test_a_stranger_at_the_kafka_door_that_does_not_read_loses_its_connection(self):
        with deaf(self.hub.kafka_port) as peer:
            eventually("the connection", lambda: sockets(self.hub) > self.rest)
            peer.settimeout(1)
            with self.assertRaises((TimeoutError, ConnectionError)):
                while True:  # until nobody takes any more
                    peer.sendall(API_VERSIONS * 1000)
            eventually("the end of it", self.gone, PATIENCE_S)

    def test_an_mqtt_client_that_reads_nothing_loses_its_connection_after_its_keep_alive(self):
        with deaf(self.hub.port) as peer:
            peer.sendall(bytes.fromhex("10 0d 0004 4d515454 04 02 0001 0001 78"))  # keep alive 1 s
            peer.sendall(bytes.fromhex("82 06 0001 0001 23 00"))  # everything, QoS 0
            eventually("the connection", lambda: sockets(self.hub) > self.rest)
            for _ in range(20):
                publish(self.hub, "mqttv311", "a", "-s", stdin=b"x" * 500_000)
            eventually("the end of it", self.gone, PATIENCE_S)


class ManyStuckPeers(unittest.TestCase):
    PEERS = 30

    def setUp(self):
        self.hub = KafkaHub(buffers_max="16MiB")
        self.hub.start()
        self.addCleanup(self.hub.remove)
        for _ in range(20):
            publish(self.hub, "mqttv311", "a", "-s", stdin=b"x" * 500_000)
        self.before = memory(self.hub)

    def someone_reads(self):
        out = subprocess.run(
            ["kcat", "-b", f"127.0.0.1:{self.hub.kafka_port}", "-C", "-t", "mqtt", "-e", "-q", "-f", "%S "],
            capture_output=True, timeout=60, check=True)
        return out.stdout.split()

    def test_consumers_that_do_not_read_take_no_more_than_the_memory_that_all_may_take(self):
        with contextlib.ExitStack() as peers:
            for _ in range(self.PEERS):
                peers.enter_context(deaf(self.hub.kafka_port)).sendall(FETCH)
            self.assertEqual(self.someone_reads(), [b"500000"] * 20)
            # Beside it: two reads of a fetch in hand, what is encoded and what malloc keeps.
            self.assertLess(memory(self.hub) - self.before, 40 * MIB)

    def test_producers_that_do_not_go_on_take_no_more_than_the_memory_that_all_may_take(self):
        with contextlib.ExitStack() as peers:
            for _ in range(self.PEERS):
                peer = peers.enter_context(deaf(self.hub.kafka_port))
                peer.settimeout(0.05)
                with contextlib.suppress(TimeoutError):
                    peer.sendall(BEGINNING + bytes(7 * MIB))
            self.assertEqual(self.someone_reads(), [b"500000"] * 20)
            self.assertLess(memory(self.hub) - self.before, 40 * MIB)


if __name__ == "__main__":
    unittest.main()
