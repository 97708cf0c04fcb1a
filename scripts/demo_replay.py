"""The part of scripts/demo that runs the hub: publish, kill -9, publish on, read back, count.

Every reading in scripts/data is published with QoS 1 by Debian's mosquitto_pub, one process for
each MQTT topic, all at once. Its debug output names each PUBACK by packet id; the process numbers
its packets from 1 in the order of its lines, so that we know which reading was acknowledged. When
a quarter is, the hub is killed. The publishers notice, come back by themselves, send again what
had no acknowledgement, and go on. At the end every record is read back over HTTP and compared.
"""

import argparse
import base64
import collections
import contextlib
import json
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

DATA = pathlib.Path(__file__).resolve().parent / "data"
KILL_AT = 0.25  # of all readings acknowledged
START_TIMEOUT_S = 30
PUBLISH_TIMEOUT_S = 180
PUBLISH_ROUNDS_MAX = 5

CONFIG = """\
[mqtt]
listen = ["127.0.0.1:{mqtt}"]

[http]
listen = ["127.0.0.1:{http}"]

[kafka]
listen = []

[storage]
dir = "{data}"
limit = "128MiB"
generation = "32MiB"

[[topic]]
name = "quakes"

[[topic]]
name = "weather"

[[route]]
filter = "usgs/quake/+"
topic = "quakes"

[[route]]
filter = "noaa/#"
topic = "weather"
"""

PUBACK = re.compile(r"received PUBACK \(Mid: (\d+), RC:(\d+)\)")
SENDING = re.compile(r"sending PUBLISH \(")


def say(text: str) -> None:
    print(f"demo: {text}", flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Hub:
    """The hub's process, in a folder of its own."""

    def __init__(self, runnel: str, folder: pathlib.Path) -> None:
        self.runnel = str(pathlib.Path(runnel).resolve())
        self.mqtt, self.http = free_port(), free_port()
        self.data = folder / "data"
        self.config = folder / "runnel.toml"
        self.config.write_text(CONFIG.format(mqtt=self.mqtt, http=self.http, data=self.data))
        self.log = folder / "runnel.log"
        self.process: subprocess.Popen | None = None
        self.written = 0

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [self.runnel, "serve", "--config", self.config], stdout=log, stderr=log
            )
        until = time.monotonic() + START_TIMEOUT_S
        while self.process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(OSError):
                self.get("/healthz")
                return
            time.sleep(0.02)
        sys.exit(f"demo: the hub did not start; its log says:\n{self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        self.count_written()
        self.process.kill()
        self.process.wait()

    def stop(self) -> int | None:
        """Its exit status, or nothing when it was not running."""
        if self.process is None or self.process.poll() is not None:
            return None
        self.process.terminate()
        try:
            return self.process.wait(START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.returncode

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as reply:
            return reply.read()

    def records(self, topic: str) -> list[tuple[str, str]]:
        """Key and value of everything in partition 0 of `topic`, in order."""
        found, offset = [], 0
        while True:
            path = f"/api/v1/topics/{topic}/records?partition=0&offset={offset}&max=1000"
            page = json.loads(self.get(path))
            found += [(text(r["key"]), text(r["value"])) for r in page["records"]]
            if page["next_offset"] >= page["high_watermark"]:
                return found
            offset = page["next_offset"]

    def bytes_set_aside(self) -> int:
        """What the folder takes from the file system: generations have their full size at once."""
        return sum(512 * f.stat().st_blocks for f in self.data.rglob("*") if f.is_file())

    def bytes_in_use(self) -> int:
        """The pages of it that hold something, as LMDB's two meta pages say."""
        return sum(pages_in_use(path) for path in self.data.glob("*.mdb"))

    def count_written(self) -> None:
        """Adds what the kernel wrote for this process. To be called while it runs."""
        counters = pathlib.Path(f"/proc/{self.process.pid}/io").read_text()
        self.written += int(re.search(r"^write_bytes: (\d+)", counters, re.MULTILINE)[1])


def pages_in_use(environment: pathlib.Path) -> int:
    """Bytes up to the last page in use, from the newer of the meta pages of an LMDB environment."""
    with environment.open("rb") as file:
        page_size = struct.unpack("=I", file.read(44)[40:])[0]
        newest, last_page = -1, 0
        for number in (0, 1):
            file.seek(number * page_size + 136)
            page, transaction = struct.unpack("=QQ", file.read(16))
            if transaction > newest:
                newest, last_page = transaction, page
    return (last_page + 1) * page_size


def text(value) -> str:
    """A key or a value of the HTTP interface."""
    if isinstance(value, dict):
        return base64.b64decode(value["base64"]).decode("utf-8", "replace")
    return "" if value is None else value


class Publisher:
    """One mosquitto_pub that plays `lines` to one MQTT topic, and what it reports."""

    def __init__(self, port: int, mqtt_topic: str, lines: list[str], tally: "Tally") -> None:
        self.mqtt_topic = mqtt_topic
        self.lines = lines
        self.acknowledged: set[int] = set()
        version = "mqttv5" if mqtt_topic.startswith("usgs") else "mqttv311"
        client_id = "demo-" + mqtt_topic.replace("/", "-")
        command = ["stdbuf", "-oL", "mosquitto_pub", "-h", "127.0.0.1", "-p", str(port)]
        command += ["-V", version, "-i", client_id, "-q", "1", "-t", mqtt_topic, "-l", "-d"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.threads = [
            threading.Thread(target=self._feed), threading.Thread(target=self._watch, args=[tally])
        ]
        for thread in self.threads:
            thread.start()

    def _feed(self) -> None:
        with contextlib.suppress(OSError):
            self.process.stdin.write("".join(line + "\n" for line in self.lines).encode())
            self.process.stdin.close()

    def _watch(self, tally: "Tally") -> None:
        for raw in self.process.stdout:
            said = raw.decode("utf-8", "replace")
            puback = PUBACK.search(said)
            if puback and int(puback[2]) < 0x80:
                self.acknowledged.add(int(puback[1]) - 1)
                tally.count(acknowledged=1)
            elif SENDING.search(said):
                tally.count(publishes=1)

    def finish(self, until: float) -> None:
        try:
            self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.stop()
        for thread in self.threads:
            thread.join()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def unacknowledged(self) -> list[str]:
        return [line for i, line in enumerate(self.lines) if i not in self.acknowledged]


class Tally:
    """What all publishers did, counted as it happens."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self.publishes = 0
        self.last_puback = time.monotonic()
        self.first_after: float | None = None
        self._changed = threading.Condition()

    def count(self, acknowledged: int = 0, publishes: int = 0) -> None:
        with self._changed:
            self.acknowledged += acknowledged
            self.publishes += publishes
            if acknowledged:
                self.last_puback = time.monotonic()
                if self.first_after is None:
                    self.first_after = self.last_puback
            self._changed.notify_all()

    def wait_for(self, acknowledged: int, timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.acknowledged >= acknowledged, timeout_s)


def readings() -> dict[str, list[str]]:
    """The payloads of each MQTT topic."""
    return {
        str(path.relative_to(DATA).with_suffix("")): path.read_text().splitlines()
        for path in sorted(DATA.rglob("*.jsonl"))
    }


def publish(hub: Hub, data: dict[str, list[str]], publishers: list[Publisher]) -> tuple:
    """Plays everything, with the kill in the middle. Returns the tally and the seconds spent
    publishing, without those for which the hub was dead."""
    total = sum(map(len, data.values()))
    tally = Tally()
    say(f"publishing {total:,} readings with QoS 1, one mosquitto_pub for each MQTT topic")
    began = time.monotonic()
    publishers += [Publisher(hub.mqtt, topic, lines, tally) for topic, lines in data.items()]
    if not tally.wait_for(int(total * KILL_AT), PUBLISH_TIMEOUT_S):
        sys.exit(f"demo: only {tally.acknowledged} acknowledgements in {PUBLISH_TIMEOUT_S} s")
    hub.kill()
    took = time.monotonic() - began
    say(f"kill -9 after {tally.acknowledged:,} acknowledgements; starting the hub again")
    hub.start()
    tally.first_after = None
    say("up again; the publishers come back, send again what had no acknowledgement, and go on")
    until = time.monotonic() + PUBLISH_TIMEOUT_S
    round_of = publishers[:]
    for _ in range(PUBLISH_ROUNDS_MAX):
        for publisher in round_of:
            publisher.finish(until)
        rest = {p.mqtt_topic: p.unacknowledged() for p in round_of if p.unacknowledged()}
        if not rest:
            break
        say(f"{sum(map(len, rest.values()))} readings are without acknowledgement: once more")
        round_of = [Publisher(hub.mqtt, topic, lines, tally) for topic, lines in rest.items()]
        publishers += round_of
    took += tally.last_puback - (tally.first_after or tally.last_puback)
    return tally, took


def compare(data: dict[str, list[str]], stored: list[tuple[str, str]]) -> dict[str, int]:
    sent = {(topic, line) for topic, lines in data.items() for line in lines}
    times = collections.Counter(stored)
    order = collections.defaultdict(list)
    for topic, line in times:  # in order of first appearance
        order[topic].append(line)
    return {
        "lost": len(sent - times.keys()),
        "duplicated": sum(times.values()) - len(times),
        "unknown": len(times.keys() - sent),
        "out of order": sum(order[topic] != lines for topic, lines in data.items()),
    }


def report(rows: list[tuple[str, str, str]]) -> None:
    print()
    for name, value, remark in rows:
        print(f"  {name:<32}{value:>10}   {remark}".rstrip())
    print(flush=True)


def run(hub: Hub, publishers: list[Publisher]) -> bool:
    data = readings()
    total = sum(map(len, data.values()))
    payload_bytes = sum(len(line) for lines in data.values() for line in lines)
    say(f"starting the hub on 127.0.0.1:{hub.mqtt} (MQTT) and :{hub.http} (HTTP)")
    hub.start()
    tally, took = publish(hub, data, publishers)
    say("reading everything back")
    stored = hub.records("quakes") + hub.records("weather")
    found = compare(data, stored)
    in_use, set_aside = hub.bytes_in_use(), hub.bytes_set_aside()
    hub.count_written()
    status = hub.stop()
    report([
        ("sent", f"{total:,}", f"and {tally.publishes - total} sent again after the kill"),
        ("acknowledged", f"{tally.acknowledged:,}", ""),
        ("stored", f"{len(stored):,}", ""),
        ("lost", f"{found['lost']:,}", ""),
        ("duplicated", f"{found['duplicated']:,}", "stored before the kill, unacknowledged, sent again"),
        ("events/s", f"{tally.acknowledged / took:,.0f}", "acknowledged, each after its flush"),
        ("bytes on disk per payload byte", f"{in_use / payload_bytes:.2f}",
         f"{in_use:,} in use, {set_aside:,} set aside, for {payload_bytes:,}"),
        ("bytes written per payload byte", f"{hub.written / payload_bytes:.2f}",
         "by the kernel's account of the process"),
    ])
    wrong = [f"{found[what]} {what}" for what in ("lost", "unknown", "out of order") if found[what]]
    if tally.acknowledged != total:
        wrong.append(f"{total - tally.acknowledged} never acknowledged")
    if status != 0:
        wrong.append(f"the hub's exit status was {status}, not 0")
    for what in wrong:
        say(f"WRONG: {what}")
    if not wrong:
        say("nothing lost, and every MQTT topic in order")
    return not wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runnel", required=True)
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="runnel-demo-"))
    hub = Hub(args.runnel, folder)
    publishers: list[Publisher] = []
    try:
        return 0 if run(hub, publishers) else 1
    except KeyboardInterrupt:
        return 130
    finally:
        for publisher in publishers:
            publisher.stop()
        hub.stop()
        if args.keep:
            say(f"kept {folder}; to look around: {args.runnel} serve --config {hub.config}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
