"""Half published over MQTT, half produced by Kafka, and read through both doors, before and after
the hub was killed: every payload, key and header byte for byte, every record once, every order kept.

    million.py [--records N] [--seed S]

The clients are in million_clients.py; what the records are is in million_records.py.
"""

import argparse
import re
import resource
import sys
import threading
import time

from kafka_hub import KafkaHub
from million_clients import (QUIET_S, KafkaProducers, Publisher, Subscriber, errors,
                             read_by_kafka)
from million_records import CONFIG, Expected, Mixture, Wrong

PUBLISHERS = (5, 5, 3.1)  # their MQTT versions


class MillionHub(KafkaHub):
    """With room for all of it, and for values of 1 MiB beside their headers."""

    def __init__(self):
        super().__init__(CONFIG, message_max="2MiB")
        self.mqtt = {"packet_max": "2MiB"}

    def _config(self):
        return re.sub('limit = "256MiB"\ngeneration = "32MiB"', 'limit = "8GiB"', super()._config())


class Steps:
    def __init__(self):
        self._began = self._last = time.monotonic()

    def say(self, words):
        now = time.monotonic()
        print(f"{now - self._began:7.1f} s (+{now - self._last:.1f}) {words}", flush=True)
        self._last = now


def write(hub, records, seed, at_mqtt, at_kafka):
    """All at once: publishers in threads of their own, and all producers in one."""
    share = records // 2 // len(PUBLISHERS)
    publishers = [Publisher(hub, number, version) for number, version in enumerate(PUBLISHERS)]
    work = [(publisher.run, share) for publisher in publishers]
    work.append((KafkaProducers(hub).run, records - share * len(publishers)))
    threads = [
        threading.Thread(target=run, args=(count, Mixture(f"{seed}/{i}"), at_mqtt, at_kafka))
        for i, (run, count) in enumerate(work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    errors.check()


def run(hub, records, seed):
    steps = Steps()
    began_ms = time.time() * 1000
    at_mqtt, at_kafka = Expected(), Expected()
    away = Subscriber(hub, "away", at_mqtt)
    away.subscribe()
    away.disconnect()
    live = Subscriber(hub, "live", at_mqtt)
    live.subscribe()
    write(hub, records, seed, at_mqtt, at_kafka)
    steps.say(f"{at_kafka.count} records written, {at_mqtt.count} of them for MQTT too; "
              f"{live.seen.count} read live meanwhile")
    live.wait_whole()
    steps.say(f"{live.seen.count} read live over MQTT")
    steps.say(f"{read_by_kafka(hub, 'before', at_kafka, began_ms)} read over Kafka")
    live.paho.loop_stop()  # it would connect again when it likes
    hub.kill()
    hub.start()
    steps.say("killed and started")
    steps.say(f"{read_by_kafka(hub, 'after', at_kafka, began_ms)} read over Kafka")
    away.connect()
    away.wait_whole()
    steps.say(f"{away.seen.count} read over MQTT by the session that was away")
    live.after = 0
    live.connect()
    time.sleep(QUIET_S)
    errors.check()
    if not (away.present and live.present):
        raise Wrong("a session is gone")
    steps.say(f"{live.after} QoS 1 messages came again to the session that had them all")
    for client in (away, live):
        client.disconnect()
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    steps.say(f"done; this test had {peak_kib / 1024:.0f} MiB of memory at most")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--records", type=int, default=4000, help="half by either door (4000)")
    parser.add_argument("--seed", type=int, default=1, help="of the mixture (1)")
    args = parser.parse_args()
    print(f"{args.records} records, seed {args.seed}", flush=True)
    with MillionHub() as hub:
        try:
            run(hub, args.records, args.seed)
            if not hub.alive() or hub.stop() != 0:
                raise Wrong("the hub did not stay up and stop as asked")
        except Exception:
            print(hub.log(), file=sys.stderr)
            raise


if __name__ == "__main__":
    main()
