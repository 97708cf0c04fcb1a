"""firmware-examples/linux-sensor against the hub: nothing that it read is missing, through kill -9."""

import json
import os
import signal
import unittest

from support import Hub, Process, eventually

SENSOR = os.environ["LINUX_SENSOR_BIN"]
INTERVAL_S = 0.02


def sensor(the_hub, *more):
    return Process(SENSOR, "--broker", f"tcp://127.0.0.1:{the_hub.port}", "--topic", "sensors/t",
                   "--interval", INTERVAL_S, *more)


def stored(the_hub):
    """Sequence numbers in the order of the log."""
    readings = [json.loads(record["value"]) for record in the_hub.records()]
    assert len({reading["run"] for reading in readings}) <= 1
    return [reading["seq"] for reading in readings]


def in_order_of_first_appearance(numbers):
    return list(dict.fromkeys(numbers))


class LinuxSensor(unittest.TestCase):
    def test_what_it_reads_is_real_and_stored_once_when_nothing_fails(self):
        with Hub() as the_hub:
            count = 25
            process = sensor(the_hub, "--count", count)
            self.assertEqual(process.wait(), 0, process.lines)
            self.assertIn(b"25 readings, 25 acknowledged, 0 dropped", process.lines)
            self.assertEqual(stored(the_hub), list(range(1, count + 1)))
            record = the_hub.records()[0]
            reading = json.loads(record["value"])
            self.assertEqual(record["key"], b"sensors/t")
            self.assertIn((b"mqtt.client".decode(), b"linux-sensor"), record["headers"])
            with open("/proc/uptime", encoding="ascii") as uptime:
                now_s = float(uptime.read().split()[0])
            self.assertTrue(now_s - 60 < reading["uptime_s"] <= now_s, reading)
            self.assertGreaterEqual(reading["load_1m"], 0)

    def test_kill_9_of_the_hub_three_times_leaves_no_reading_missing(self):
        with Hub() as the_hub:
            count = 300
            process = sensor(the_hub, "--count", count)
            for so_many in (40, 120, 200):
                eventually(f"{so_many} readings", lambda n=so_many: max(stored(the_hub), default=0) >= n)
                the_hub.kill()
                the_hub.start()
            self.assertEqual(process.wait(), 0, process.lines)
            numbers = stored(the_hub)
            self.assertEqual(in_order_of_first_appearance(numbers), list(range(1, count + 1)))
            self.assertGreaterEqual(sum(b"next try" in line for line in process.lines), 3)

    def test_readings_taken_while_the_hub_is_away_arrive_when_it_is_back(self):
        with Hub() as the_hub:
            process = sensor(the_hub, "--count", 100)
            eventually("ten readings", lambda: len(stored(the_hub)) >= 10)
            the_hub.kill()
            process.line(lambda line: b"failure" in line)
            the_hub.start()
            self.assertEqual(process.wait(), 0, process.lines)
            self.assertEqual(in_order_of_first_appearance(stored(the_hub)), list(range(1, 101)))

    def test_a_full_queue_drops_the_oldest_and_nothing_is_missing_that_it_did_not_say(self):
        the_hub = Hub()
        self.addCleanup(the_hub.remove)
        the_hub.start()
        the_hub.kill()
        process = sensor(the_hub, "--count", 60, "--queue", 10)
        process.line(lambda line: b"dropping reading 20," in line)
        the_hub.start()
        self.assertEqual(process.wait(), 1, process.lines)
        dropped = [int(line.split()[4].rstrip(b",")) for line in process.lines
                   if b"dropping reading" in line]
        self.assertEqual(dropped, list(range(1, len(dropped) + 1)))
        # One that was dropped while it was on its way may be stored all the same.
        missing = set(range(1, 61)) - set(stored(the_hub))
        self.assertGreaterEqual(len(missing), 10)
        self.assertEqual(missing - set(dropped), set())

    def test_sigterm_ends_it_with_every_reading_acknowledged(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), Hub() as the_hub:
                process = sensor(the_hub)
                eventually("ten readings", lambda h=the_hub: len(stored(h)) >= 10)
                process.process.send_signal(number)
                self.assertEqual(process.wait(), 0, process.lines)
                numbers = stored(the_hub)
                self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
                self.assertIn(f"{len(numbers)} readings, {len(numbers)} acknowledged, 0 dropped"
                              .encode(), process.lines)


if __name__ == "__main__":
    unittest.main(verbosity=2)
