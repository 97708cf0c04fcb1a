#!/usr/bin/env python3
"""Writes many times what the hub may keep, and holds its files against the ceiling all the while.

    ceiling.py --load EXE [--limit-mib N] [--generation-mib N] [--times N] [--port-base P]

A session with QoS 1 stays connected and never reads, another one is away. What must hold:

  - at no moment do the files take more than the ceiling: neither their sizes nor their blocks;
  - accepted = stored + expired + discarded, to the record: by /metrics, by /api/v1/status, by
    counting what can be read from the log, and again after a SIGKILL and a restart;
  - everything that the load generator was acknowledged was accepted;
  - with the policy to reject, a full hub says so (MQTT 5: reason 0x97; 3.1.1: no acknowledgement,
    and the end of the connection), and counts nothing that it refused.

RUNNEL_BIN names the hub.
"""
import argparse
import json
import subprocess
import sys
import threading
import time

from crash_hub import CrashHub

import wire
from client import Client, Closed
from wire import Prop

TOPIC = "mqtt"
PAYLOAD_BYTES = 1000
SAMPLE_S = 0.01
LOAD_S = 600
QUOTA_EXCEEDED = 0x97


class Sampler(threading.Thread):
    """The most that the files took, looked at all the time."""

    def __init__(self, directory):
        super().__init__(daemon=True)
        self.directory = directory
        self.sizes = self.blocks = self.samples = 0
        self.stopping = False

    def run(self):
        while not self.stopping:
            sizes = blocks = 0
            for path in self.directory.iterdir():
                try:
                    found = path.stat()
                except FileNotFoundError:
                    continue
                sizes += found.st_size
                blocks += found.st_blocks * 512
            self.sizes = max(self.sizes, sizes)
            self.blocks = max(self.blocks, blocks)
            self.samples += 1
            time.sleep(SAMPLE_S)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def discarded(metrics):
    return sum(value for name, value in metrics.items()
               if name.startswith("runnel_messages_discarded_total"))


def check_sum(hub):
    """The equation by every way there is to ask. Returns (accepted, stored, lost by policy)."""
    metrics = hub.metrics()
    status = hub.get("status")
    accepted = int(metrics["runnel_messages_accepted_total"])
    stored = int(metrics["runnel_messages_stored"])
    gone = int(discarded(metrics))
    check(accepted == stored + gone, f"metrics: {accepted} is not {stored} + {gone}")
    by_status = status["stored"] + status["expired"] + status["discarded"]
    check(status["accepted"] == by_status, f"status: {status}")
    check(status["accepted"] == accepted, f"status says {status['accepted']}, metrics {accepted}")
    partitions = hub.partitions(TOPIC)
    starts = sum(start for _, start, _ in partitions)
    check(starts == gone, f"the log begins after {starts} records, {gone} were discarded")
    read = 0
    for partition, start, _ in partitions:
        read += sum(1 for _ in hub.records(TOPIC, partition, start))
    check(read == stored, f"{read} records can be read, {stored} are stored")
    return accepted, stored, gone


def load(options, hub, messages):
    """Publishes so many messages with QoS 1; returns how many were acknowledged."""
    done = subprocess.run(
        [options.load, "--port", str(hub.port), "--qos", "1", "--connections", "8",
         "--window", "50", "--payload", str(PAYLOAD_BYTES), "--prefix", "load", "--topics", "4",
         "--messages", str(messages), "--json"],
        stdout=subprocess.PIPE, timeout=LOAD_S, check=False)
    check(done.returncode == 0, f"the load generator: {done.returncode}\n{hub.log()}")
    return json.loads(done.stdout)["acknowledged"]


def session(hub, client_id):
    client = Client(hub.tcp(), wire.V5)
    client.connect(client_id, properties=((Prop.SESSION_EXPIRY, 0xFFFFFFFF),), clean=False)
    client.subscribe(("load/#", wire.options(qos=1)))
    return client


def discard_oldest(options):
    limit = options.limit_mib << 20
    hub = CrashHub(
        {"limit": f"{options.limit_mib}MiB", "generation": f"{options.generation_mib}MiB",
         "group_max": "2MiB", "on_full": "discard-oldest"}, port_base=options.port_base)
    try:
        hub.start()
        sampler = Sampler(hub.data)
        sampler.start()
        deaf = session(hub, "never-reads")
        session(hub, "away").disconnect()
        begun = time.monotonic()
        # Payload alone is so many times the ceiling; what is written is more.
        acknowledged = load(options, hub, options.times * limit // PAYLOAD_BYTES)
        seconds = time.monotonic() - begun
        before = check_sum(hub)
        check(before[0] == acknowledged, f"{acknowledged} acknowledged, {before[0]} accepted")
        check(before[2] > 0, "nothing was discarded")
        deaf.drop()
        hub.kill()
        hub.start()
        after = check_sum(hub)
        check(after[0] == before[0], f"{before[0]} accepted before the restart, {after[0]} after")
        sampler.stopping = True
        sampler.join()
        check(sampler.sizes <= limit, f"sizes reached {sampler.sizes}, the ceiling is {limit}")
        check(sampler.blocks <= limit, f"blocks reached {sampler.blocks}, the ceiling is {limit}")
        check(hub.stop() == 0, f"SIGTERM\n{hub.log()}")
        print(f"discard-oldest: {acknowledged} accepted in {seconds:.1f} s, {before[1]} stored, "
              f"{before[2]} discarded; at most {sampler.sizes} bytes in files and {sampler.blocks} "
              f"in blocks of {limit}, {sampler.samples} samples")
    finally:
        hub.remove()


def fill(client, deadline):
    """Publishes one by one until the hub refuses; returns how many it took and its last word."""
    taken = 0
    while time.monotonic() < deadline:
        try:
            answer = client.publish(f"load/{taken % 7}", b"x" * 50_000, qos=1)
        except Closed:
            return taken, None
        if answer.reason:
            return taken, answer.reason
        taken += 1
    raise AssertionError(f"not full after {taken}")


def reject(options):
    limit = 64 << 20
    hub = CrashHub({"limit": "64MiB", "generation": "16MiB", "group_max": "2MiB",
                    "on_full": "reject"}, port_base=options.port_base)
    try:
        hub.start()
        sampler = Sampler(hub.data)
        sampler.start()
        client = Client(hub.tcp(), wire.V5)
        client.connect("fills")
        taken, reason = fill(client, time.monotonic() + 60)
        check(reason == QUOTA_EXCEEDED, f"refused with {reason}")
        old = Client(hub.tcp(), wire.V311)
        old.connect("fills-too")
        more, reason = fill(old, time.monotonic() + 60)
        check(reason is None, "MQTT 3.1.1 has no way to refuse but to hang up")
        accepted, stored, gone = check_sum(hub)
        check(accepted == stored == taken + more, f"{taken} + {more} taken, {accepted} accepted")
        check(gone == 0, f"{gone} discarded")
        sampler.stopping = True
        sampler.join()
        check(max(sampler.sizes, sampler.blocks) <= limit, f"{sampler.sizes}, {sampler.blocks}")
        check(hub.stop() == 0, f"SIGTERM\n{hub.log()}")
        print(f"reject: {accepted} accepted, then refused; {sampler.sizes} bytes of {limit}")
    finally:
        hub.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--load", required=True, help="runnel-load")
    parser.add_argument("--limit-mib", type=int, default=96)
    parser.add_argument("--generation-mib", type=int, default=16)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--port-base", type=int, default=0)
    options = parser.parse_args()
    discard_oldest(options)
    reject(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
