"""The hub is killed in the middle of producing and of consuming.

    theme_restart.py CLIENT
"""

import threading
import time

from kafka_hub import Record
from matrix import Theme, needs, run
from support import eventually

COUNT = 600


class Restart(Theme):
    extra = '[[topic]]\nname = "numbers"\n[[topic]]\nname = "read"\n'

    def kill_and_start(self):
        self.hub.kill()
        time.sleep(0.3)
        self.hub.start()

    def produce_through_a_restart(self, idempotent):
        """Numbers in their order; returns those that were acknowledged."""
        acknowledged, errors = [], []

        def produce():
            try:
                self.client.produce_slowly("numbers", COUNT, acknowledged, idempotent=idempotent)
            except Exception as error:  # a thread's exception would be nobody's
                errors.append(error)

        wanted = self.end("numbers") + COUNT // 4
        producing = threading.Thread(target=produce)
        producing.start()
        while self.end("numbers") < wanted and producing.is_alive():
            time.sleep(0.005)
        self.assertTrue(producing.is_alive(), f"it ended before the kill: {errors}")
        self.kill_and_start()
        producing.join()
        self.assertEqual(errors, [])
        self.assertEqual(len(acknowledged), COUNT)
        return acknowledged

    def numbers(self):
        return [int(record["value"]) for record in self.hub.records("numbers")]

    def test_producing_goes_on_after_a_kill_and_nothing_acknowledged_is_lost(self):
        before = len(self.numbers())
        acknowledged = self.produce_through_a_restart(idempotent=False)
        found = self.numbers()[before:]
        self.assertEqual(set(acknowledged) - set(found), set())
        self.assertEqual(list(dict.fromkeys(found)), sorted(set(found)), "order")

    @needs("idempotent")
    def test_an_idempotent_producer_delivers_once_through_a_kill(self):
        before = len(self.numbers())
        acknowledged = self.produce_through_a_restart(idempotent=True)
        self.assertEqual(self.numbers()[before:], acknowledged)

    def test_consuming_goes_on_after_a_kill_with_every_record_once(self):
        self.reference.produce("read", [Record(value=b"%d" % i) for i in range(100)])
        found, errors = [], []

        def consume():
            try:
                found.extend(self.client.consume("read", 0, "earliest", count=200))
            except Exception as error:  # a thread's exception would be nobody's
                errors.append(error)

        reading = threading.Thread(target=consume)
        reading.start()
        # It has read what there was, and asks for more.
        eventually("a fetch", lambda: self.hub.metrics()["runnel_kafka_fetches_waiting"] > 0)
        self.kill_and_start()
        self.reference.produce("read", [Record(value=b"%d" % i) for i in range(100, 200)])
        reading.join()
        self.assertEqual(errors, [])
        self.assertEqual([int(r.value) for r in found], list(range(200)))


if __name__ == "__main__":
    run(Restart)
