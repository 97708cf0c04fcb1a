"""runnel-load against a broker that does wrong on purpose, and against its own sink.

Usage: load_tool.py RUNNEL-LOAD [unittest arguments]
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from faulty_broker import FaultyBroker  # noqa: E402

TOOL = ""
MESSAGES = 600
EXIT_GOOD, EXIT_NOT_GOOD = 0, 1


def run_load(port: int, *arguments: str) -> tuple[int, dict]:
    done = subprocess.run(
        [TOOL, "--port", str(port), "--json", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )
    return done.returncode, json.loads(done.stdout)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Sink:
    def __init__(self, port: int):
        self.port = port
        self._process = subprocess.Popen([TOOL, "--sink", "--port", str(port)])
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise RuntimeError("the sink does not listen")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class FaultyBrokerTest(unittest.TestCase):
    """One publisher and one MQTT topic, so that it is known what each fault costs."""

    def deliver(self, fault) -> tuple[int, dict]:
        with FaultyBroker(MESSAGES, fault) as broker:
            code, report = run_load(
                broker.port,
                *("--connections", "1", "--messages", str(MESSAGES), "--subscribe", "1"),
                *("--drain-timeout", "0.5"),
            )
        self.assertEqual(report["acknowledged"], MESSAGES)
        return code, report["live"]

    def expect(self, fault, **counts: int) -> None:
        code, live = self.deliver(fault)
        expected = {"lost": 0, "repeats": 0, "reordered": 0, "misrouted": 0, "invented": 0} | counts
        self.assertEqual({key: live[key] for key in expected}, expected)
        self.assertEqual(live["received"], MESSAGES - expected["lost"])
        bad = any(counts[key] for key in counts if key != "repeats")  # QoS 1 may repeat
        self.assertEqual(code, EXIT_NOT_GOOD if bad else EXIT_GOOD)

    def test_nothing_is_found_where_nothing_is_wrong(self):
        self.expect(lambda messages: messages)

    def test_every_lost_message_is_found(self):
        self.expect(lambda messages: [m for i, m in enumerate(messages) if i % 100 != 7], lost=6)

    def test_lost_messages_at_both_ends_are_found(self):
        self.expect(lambda messages: messages[3:-4], lost=7)

    def test_every_repeat_is_found(self):
        self.expect(lambda messages: messages + messages[10:30], repeats=20)

    def test_every_message_that_comes_late_is_found(self):
        def exchange(messages):
            out = list(messages)
            for i in range(0, 100, 10):
                out[i], out[i + 1] = out[i + 1], out[i]
            return out

        self.expect(exchange, reordered=10)

    def test_a_message_on_another_mqtt_topic_is_found_and_is_missing_on_its_own(self):
        self.expect(
            lambda messages: [*messages[:-1], (b"load/elsewhere", messages[-1][1])],
            lost=1, misrouted=1,
        )


class SinkTest(unittest.TestCase):
    def test_every_message_is_acknowledged_once_in_both_versions_and_every_qos(self):
        with Sink(free_port()) as sink:
            for protocol in ("3.1.1", "5"):
                for qos in ("0", "1", "2"):
                    with self.subTest(protocol=protocol, qos=qos):
                        code, report = run_load(
                            sink.port,
                            *("--protocol", protocol, "--qos", qos, "--window", "7"),
                            *("--connections", "9", "--messages", "5001", "--topics", "3"),
                            *("--threads", "2"),
                        )
                        self.assertEqual(code, EXIT_GOOD, report)
                        self.assertEqual((report["sent"], report["acknowledged"]), (5001, 5001))
                        timed = 0 if qos == "0" else 5001
                        self.assertEqual(report["ack_latency_us"]["count"], timed)

    def test_what_is_in_flight_when_the_broker_dies_is_sent_again(self):
        port = free_port()
        first = Sink(port)
        load = subprocess.Popen(
            [TOOL, "--port", str(port), "--json", "--progress", "-c", "5", "--seconds", "3"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        self.assertEqual(load.stderr.readline(), "phase connected\n")
        time.sleep(0.2)
        first.stop()
        with Sink(port):
            report = json.loads(load.communicate(timeout=30)[0])
        self.assertEqual(report["reconnects"], 5)
        self.assertGreater(report["acknowledged"], 0)
        self.assertEqual(report["sent"], report["acknowledged"])
        self.assertEqual(report["unacknowledged"], 0)
        self.assertEqual(load.returncode, EXIT_NOT_GOOD)  # losing connections is not good

    def test_a_rate_is_kept(self):
        with Sink(free_port()) as sink:
            code, report = run_load(sink.port, "--rate", "500", "--seconds", "2")
        self.assertEqual(code, EXIT_GOOD, report)
        self.assertAlmostEqual(report["acknowledged"], 1000, delta=10)

    def test_idle_connections_ping_and_are_answered(self):
        with Sink(free_port()) as sink:
            code, report = run_load(sink.port, "--idle", "50", "-s", "2.5", "--keep-alive", "2")
        self.assertEqual(code, EXIT_GOOD, report)
        self.assertEqual(report["opened"], 50)
        self.assertGreaterEqual(report["pings"], 50)
        self.assertEqual(report["pings"], report["pongs"])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    TOOL = os.path.abspath(sys.argv.pop(1))
    unittest.main()
