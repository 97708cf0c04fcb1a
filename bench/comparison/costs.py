"""Scenarios about what a broker costs: bytes written to flash, memory, the size of the program."""

import dataclasses
import os
import subprocess
import time

from . import procfs, tables
from .bench import Bench, Contender
from .brokers import Settings
from .load import LoadError
from .tables import Table

EVENTS_PER_S = 100
PAYLOAD_BYTES = 100
WRITE_SECONDS = 20
SETTLE_S = 3  # after a start, and after a load before its writes are counted
BACKGROUND_S = 4
IDLE_SETTLE_S = 3


@dataclasses.dataclass
class WriteRun:
    process: float  # bytes per payload byte, by the kernel's account of the process
    device: float | None  # by the block device, whoever wrote
    background_bytes_per_s: float | None  # of the device, before the broker was started
    lost: int
    good: bool

    def words(self) -> str:
        out = f"{self.process:.1f} bytes per payload byte by the process"
        if self.device is not None:
            out += f", {self.device:.1f} by the device"
            out += f" (background {self.background_bytes_per_s:,.0f} B/s)"
        return out if self.good else out + " (NOT GOOD)"


class WriteMeter:
    """Bytes written by a process and by the device below its directory, since the last reset()."""

    def __init__(self, pid: int | None, bench: Bench):
        self._pid = pid
        self._stat = procfs.block_stat_path(bench.data_root)
        self.reset()

    def _now(self) -> tuple[int, int | None]:
        os.sync()  # what is dirty in memory is not written yet, and the device does not know of it
        io = procfs.process_io(self._pid).write_bytes if self._pid is not None else 0
        return io, procfs.device_written_bytes(self._stat) if self._stat else None

    def reset(self) -> None:
        self._from = self._now()

    def read(self) -> tuple[int, int | None]:
        now = self._now()
        return now[0] - self._from[0], None if now[1] is None else now[1] - self._from[1]


def write_once(bench: Bench, contender: Contender, with_session: bool) -> WriteRun:
    background = WriteMeter(None, bench)
    time.sleep(BACKGROUND_S)
    background_bytes = background.read()[1]
    arguments = [
        *("--connections", "10", "--window", "100", "--qos", "1"),
        *("--payload", str(PAYLOAD_BYTES), "--rate", str(EVENTS_PER_S)),
        *("--seconds", str(WRITE_SECONDS)),
    ]
    if with_session:
        arguments += ["--offline-session", "--hold", str(SETTLE_S * 2)]
    written = []
    with bench.started(contender) as running:
        time.sleep(SETTLE_S)
        meter = WriteMeter(running.pid, bench)

        def on_phase(phase: str) -> None:
            if phase == "connected" and with_session:
                meter.reset()  # the making of the session is not part of the load
            elif phase == "loaded":
                time.sleep(SETTLE_S)
                written.append(meter.read())

        report = bench.tool.run(running.port, arguments, on_phase)
    if not written or not report["acknowledged"]:
        raise LoadError(f"no load: {report['first_error']}")
    payload = report["acknowledged"] * PAYLOAD_BYTES
    process, device = written[0]
    return WriteRun(
        process / payload,
        None if device is None else device / payload,
        None if background_bytes is None else background_bytes / BACKGROUND_S,
        report.get("offline", {}).get("lost", 0),
        report["good"],
    )


def write_amplification(bench: Bench) -> list[Table]:
    plain, owing = [], []
    if runnel := bench.broker("runnel"):
        for interval in ("100ms", "1s"):
            settings = Settings(commit_interval=interval)
            plain.append(Contender(f"runnel, commit_interval {interval}", runnel, settings))
            owing.append(Contender(f"runnel, {interval}, session", runnel, settings))
    for name in ("mosquitto-durable", "nats", "nats-sync"):
        if broker := bench.broker(name):
            owing.append(Contender(f"{name}, session", broker))
    results = {}
    for contenders, with_session in ((plain, False), (owing, True)):
        results |= bench.take_turns(
            "write amplification",
            contenders,
            lambda c, s=with_session: write_once(bench, c, s),
            WriteRun.words,
        )
    table = Table(
        f"write-amplification: {EVENTS_PER_S} events/s of {PAYLOAD_BYTES} bytes, {WRITE_SECONDS} s",
        ["broker", "process B/B", "device B/B", "background KiB/s", "lost"],
    )
    for label, runs in results.items():
        seen = [run for run in runs if run.device is not None]
        table.rows.append([
            label,
            tables.median_and_spread([run.process for run in runs]),
            tables.median_and_spread([run.device for run in seen]),
            tables.median(tables.kib([run.background_bytes_per_s for run in seen])),
            str(sum(run.lost for run in runs)),
        ])
    one = EVENTS_PER_S * PAYLOAD_BYTES / 1024
    table.notes = [
        "B/B: bytes written per payload byte. process: write_bytes of /proc/<pid>/io. device: "
        "sectors of the block device, with the file system's journal and whatever else wrote "
        f"meanwhile; background: what wrote in the {BACKGROUND_S} s before, of which {one:.1f} "
        "KiB/s would be 1 B/B. Kernels whose file system uses large folios count a whole folio for "
        "every page of it that a process dirties: where the two differ much, the device is right.",
        "session: an offline session is owed everything; the peers write nothing without one.",
    ]
    return [table]


@dataclasses.dataclass
class FootprintRun:
    idle_bytes: int
    loaded_bytes: int
    connections: int

    @property
    def per_connection(self) -> float:
        return (self.loaded_bytes - self.idle_bytes) / self.connections

    def words(self) -> str:
        return (
            f"{self.idle_bytes / 2**20:.2f} MiB idle, {self.loaded_bytes / 2**20:.1f} MiB with "
            f"{self.connections} connections: {self.per_connection / 1024:.2f} KiB each"
        )


def footprint_once(bench: Bench, contender: Contender) -> FootprintRun:
    with bench.started(contender) as running:
        time.sleep(IDLE_SETTLE_S)
        idle_bytes = procfs.anonymous_bytes(running.pid)
        # Long: it is we who end it.
        load = bench.tool.start(running.port, ["--idle", str(bench.idle), "--seconds", "600"])
        measured = []

        def on_phase(phase: str) -> None:
            if phase == "connected":
                time.sleep(IDLE_SETTLE_S)
                measured.append(procfs.anonymous_bytes(running.pid))
                _terminate(load)

        report = bench.tool.finish(load, on_phase)
        if not measured or not report["good"]:
            raise LoadError(f"{report['opened']} of {bench.idle} open: {report['first_error']}")
    return FootprintRun(idle_bytes, measured[0], report["opened"])


def footprint(bench: Bench) -> list[Table]:
    results = bench.take_turns(
        "footprint", bench.contenders(), lambda c: footprint_once(bench, c), FootprintRun.words
    )
    table = Table(
        f"footprint: anonymous memory (RssAnon), also with {bench.idle} idle connections; program",
        ["broker", "idle MiB", "with connections MiB", "KiB per connection", "stripped MiB"],
    )
    for label, runs in results.items():
        with bench.directory() as path:
            size = bench.broker(label).stripped_bytes(path)
        table.rows.append([
            label,
            tables.median_and_spread(tables.mib([run.idle_bytes for run in runs])),
            tables.median_and_spread(tables.mib([run.loaded_bytes for run in runs])),
            tables.median_and_spread(tables.kib([run.per_connection for run in runs])),
            "-" if size is None else tables.number(size / 2**20),
        ])
    table.notes = ["Stripped size is of the program alone; shared libraries are not in it."]
    return [table]


def _terminate(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.terminate()
