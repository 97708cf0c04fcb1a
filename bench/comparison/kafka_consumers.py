"""Scenario: many consumers that wait by long polling, and then all read at once."""

import dataclasses
import threading
import time

from . import procfs, tables
from .bench import Contender
from .kafka_bench import KafkaBench
from .load import LoadError
from .tables import Table

TOPIC = "wait"
RECORD_BYTES = 1024
READ_SECONDS = 5
SETTLE_S = 3  # after the start, and after the consumers have come
SAMPLE_S = 0.02
FETCH_BYTES = 1 << 20
LOG_MIB_MAX = 256


@dataclasses.dataclass
class WaitRun:
    report: dict
    idle_bytes: int  # before there was a consumer
    waiting_bytes: int
    reading_bytes: int  # the most that was seen
    cpu_at_rest: float  # part of one core

    def words(self) -> str:
        return (f"{self.cpu_at_rest:.2%} of a core at rest; {self.idle_bytes / 2**20:.1f} MiB, "
                f"{self.waiting_bytes / 2**20:.1f} waiting, "
                f"{self.reading_bytes / 2**20:.1f} reading"
                + ("" if self.report["good"] else f" (NOT GOOD {self.report})"))


class Watch:
    """Looks at a hub while the load tool says in which phase it is."""

    def __init__(self, pid: int, rest_s: float):
        self._pid = pid
        self._rest_s = rest_s
        self._stop = threading.Event()
        self._sampler: threading.Thread | None = None
        self._rest: threading.Thread | None = None
        self.waiting_bytes = 0
        self.reading_bytes = 0
        self.cpu_at_rest = 0.0

    def on_phase(self, phase: str) -> None:
        if phase == "waiting":
            self._rest = threading.Thread(target=self._measure_rest)
            self._rest.start()
        elif phase == "waited":
            self._rest.join()
        elif phase == "reading":
            self._sampler = threading.Thread(target=self._sample)
            self._sampler.start()
        elif phase == "read":
            self._stop.set()
            self._sampler.join()

    def _measure_rest(self) -> None:
        time.sleep(SETTLE_S)
        cpu_s, began = procfs.cpu_seconds(self._pid), time.monotonic()
        time.sleep(self._rest_s)
        self.cpu_at_rest = (procfs.cpu_seconds(self._pid) - cpu_s) / (time.monotonic() - began)
        self.waiting_bytes = procfs.anonymous_bytes(self._pid)

    def _sample(self) -> None:
        while not self._stop.is_set():
            try:
                now = procfs.anonymous_bytes(self._pid)
            except (KeyError, FileNotFoundError):  # the hub has ended
                return
            self.reading_bytes = max(self.reading_bytes, now)
            time.sleep(SAMPLE_S)


def wait_once(
    bench: KafkaBench, contender: Contender, partitions: int, max_wait_ms: int
) -> WaitRun:
    topic = ["--topic", TOPIC, "--partitions", str(partitions)]
    with bench.directory() as directory:
        with contender.broker.start(directory, contender.settings) as running:
            records = (min(bench.log_mib, LOG_MIB_MAX) << 20) // RECORD_BYTES
            bench.tool.run(running.port, [
                *topic, "produce", "--connections", str(partitions), "--in-flight", "5",
                *("--record", str(RECORD_BYTES), "--records", str(records)),
            ])
        # A new process, or what producing has left behind would be taken for the consumers'.
        with contender.broker.start(directory, contender.settings) as running:
            time.sleep(SETTLE_S)
            idle_bytes = procfs.anonymous_bytes(running.pid)
            watch = Watch(running.pid, bench.rest_seconds)
            report = bench.tool.run(running.port, [
                *topic, "wait", "--consumers", str(bench.consumers),
                *("--max-wait", str(max_wait_ms), "--max-bytes", str(FETCH_BYTES)),
                *("--seconds", str(bench.rest_seconds + SETTLE_S + 1)),
                *("--read-seconds", str(READ_SECONDS)),
            ], watch.on_phase)
            running.check_alive()
    if not watch.waiting_bytes or not watch.reading_bytes:
        raise LoadError(f"it did not come to waiting and reading: {report}")
    return WaitRun(report, idle_bytes, watch.waiting_bytes, watch.reading_bytes, watch.cpu_at_rest)


def consumers(bench: KafkaBench) -> list[Table]:
    table = Table(
        f"consumers: {bench.consumers} that wait, one connection each, and then all read at once",
        ["partitions", "max_wait ms", "CPU at rest", "MiB before",
         "KiB per consumer, waiting", "KiB per consumer, reading", "MB/s reading"],
        notes=[
            f"CPU at rest: user and system time of the hub over {bench.rest_seconds:g} s, of one "
            "core. MiB: anonymous memory (RssAnon), before there is a consumer, on a log of "
            f"{min(bench.log_mib, LOG_MIB_MAX)} MiB; KiB per consumer: what came on top, "
            f"divided; reading: the most that was seen in {READ_SECONDS} s, every "
            f"{SAMPLE_S * 1e3:.0f} ms."
        ],
    )
    for partitions in sorted({1, bench.consumers}, reverse=True):
        for max_wait_ms in bench.max_waits_ms:
            runs = bench.take_turns(
                f"consumers, {partitions} partitions, max_wait {max_wait_ms} ms",
                [Contender(bench.hub.name, bench.hub)],
                lambda c, p=partitions, w=max_wait_ms: wait_once(bench, c, p, w),
                WaitRun.words)[bench.hub.name]
            table.rows.append(row(bench, partitions, max_wait_ms, runs))
            if any(not run.report["good"] for run in runs):
                table.notes.append(
                    f"{partitions} partitions, {max_wait_ms} ms: some answers came too early or "
                    "too late.")
    return [table]


def row(bench: KafkaBench, partitions: int, max_wait_ms: int, runs: list[WaitRun]) -> list[str]:
    each = bench.consumers
    waiting = [(run.waiting_bytes - run.idle_bytes) / each for run in runs]
    reading = [(run.reading_bytes - run.idle_bytes) / each for run in runs]
    return [
        str(partitions),
        str(max_wait_ms),
        tables.median_and_spread([100 * run.cpu_at_rest for run in runs]) + " %",
        tables.median_and_spread(tables.mib([run.idle_bytes for run in runs])),
        tables.median_and_spread(tables.kib(waiting)),
        tables.median_and_spread(tables.kib(reading)),
        tables.median([run.report["read_mb_per_s"] for run in runs]),
    ]
