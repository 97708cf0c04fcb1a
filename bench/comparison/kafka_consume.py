"""Scenario: reading a log from its start, cold and hot, beside as many bytes of a file."""

import dataclasses
import pathlib

from . import page_cache, tables
from .bench import Contender, CpuMeter
from .brokers import Running
from .kafka_bench import KafkaBench
from .kafka_peers import BytesSettings
from .tables import Table

TOPIC = "log"
RECORD_BYTES = 1024
FETCH_BYTES = (1 << 20, 4 << 20)
# More than this in memory, and it was no cold read.
COLD_MAX = 0.05


@dataclasses.dataclass
class Log:
    """A hub's directory with a log in it, and a file that holds as many bytes."""

    directory: pathlib.Path
    bytes: int

    @property
    def file(self) -> pathlib.Path:
        return self.directory / "bytes"


@dataclasses.dataclass
class ReadRun:
    report: dict
    server_cpu_s: float
    resident: float  # part of what is read that was in memory when reading began

    @property
    def rate(self) -> float:
        return self.report["mb_per_s"]

    @property
    def cpu_ms_per_mb(self) -> float:
        return self.server_cpu_s * 1e9 / self.report["bytes"]

    def words(self) -> str:
        return f"{self.rate:,.0f} MB/s, {self.resident:.0%} in memory before"


def fill(bench: KafkaBench, directory: pathlib.Path) -> Log:
    records = (bench.log_mib << 20) // RECORD_BYTES
    with start_on(bench, directory) as running:
        bench.tool.run(running.port, [
            *("--topic", TOPIC, "produce", "--connections", "1", "--in-flight", "50"),
            *("--record", str(RECORD_BYTES), "--records", str(records)),
        ])
        report = bench.tool.run(running.port, ["--topic", TOPIC, "consume"])
    log = Log(directory, report["bytes"])
    with open(log.file, "wb") as out:
        block = bytes(range(256)) * 4096
        for at in range(0, log.bytes, len(block)):
            out.write(block[: log.bytes - at])
    return log


def start_on(bench: KafkaBench, directory: pathlib.Path) -> Running:
    """The hub on what it finds in the directory."""
    return bench.hub.start(directory, Contender("", bench.hub).settings)


def read_once(bench: KafkaBench, log: Log, contender: Contender, cold: bool, max_bytes: int):
    is_hub = contender.broker is bench.hub
    data = bench.hub.data(log.directory) if is_hub else log.file
    if cold:
        page_cache.drop(data)  # while nobody has it mapped
    settings = contender.settings if is_hub else BytesSettings(file=log.file)
    with contender.broker.start(log.directory, settings) as running:
        what = [] if is_hub else ["--raw", str(log.bytes)]
        command = ["--topic", TOPIC, "consume", "--max-bytes", str(max_bytes), *what]
        if not cold:
            bench.tool.run(running.port, command)
        resident = page_cache.resident_bytes(data) / log.bytes
        meter = CpuMeter(running.pid)
        report = bench.tool.run(running.port, command, meter.on_phase)
        running.check_alive()
    return ReadRun(report, meter.seconds, resident)


def read_table(title: str, results: dict[str, list[ReadRun]], hub: str, cold: bool) -> Table:
    columns = ["", "MB/s", "its CPU ms/MB", "fetches", "in memory before", "Runnel does"]
    table = Table(title, columns)
    ours = [run.rate for run in results[hub]]
    for label, runs in results.items():
        rates = [run.rate for run in runs]
        table.rows.append([
            label,
            tables.median_and_spread(rates),
            tables.median([run.cpu_ms_per_mb for run in runs]),
            tables.median([run.report["fetches"] for run in runs]),
            tables.median([100 * run.resident for run in runs]) + " %",
            "" if label == hub else tables.ratio(ours, rates),
        ])
        if cold and any(run.resident > COLD_MAX for run in runs):
            table.notes.append(
                f"{label}: the kernel kept more than {COLD_MAX:.0%} in memory in some runs: those "
                "were no cold reads.")
    table.notes.append(
        "in memory before: pages of the data files in the page cache when reading began, by the "
        "bytes read; the hub's files also hold room for more.")
    return table


def consume(bench: KafkaBench) -> list[Table]:
    contenders = [Contender(b.name, b) for b in (bench.hub, *bench.bytes_peers)]
    out = []
    with bench.directory() as directory:
        log = fill(bench, directory)
        for cold in (True, False):
            for max_bytes in FETCH_BYTES:
                kind = "cold" if cold else "hot"
                what = f"consume, {kind}, {max_bytes >> 20} MiB a fetch"
                results = bench.take_turns(
                    what, contenders,
                    lambda c, cold=cold, n=max_bytes: read_once(bench, log, c, cold, n),
                    ReadRun.words)
                title = (f"{what}: {log.bytes / 1e6:,.0f} MB of {RECORD_BYTES}-byte records in "
                         "batches of 16 KiB, one connection, one fetch at a time")
                out.append(read_table(title, results, bench.hub.name, cold))
    return out
