"""Scenario: producing with acks=all."""

import dataclasses

from . import tables
from .bench import Contender, CpuMeter
from .kafka_bench import KafkaBench
from .tables import Table

BATCH_BYTES = 16 * 1024
WARMUP_S = 0.5


@dataclasses.dataclass(frozen=True)
class Work:
    record_bytes: int
    batch_bytes: int
    in_flight: int
    connections: int

    @property
    def words(self) -> str:
        batch = f"batches of {self.batch_bytes >> 10} KiB" if self.batch_bytes else "single records"
        return f"{self.record_bytes}-byte records, {batch}"


@dataclasses.dataclass
class ProduceRun:
    report: dict
    broker_cpu_s: float

    @property
    def rate(self) -> float:
        return self.report["acknowledged_per_s"]

    @property
    def cpu_us_per_record(self) -> float:
        return self.broker_cpu_s * 1e6 / max(self.report["acknowledged"], 1)

    @property
    def wrong(self) -> int | None:
        """Records that are not kept as they were acknowledged; None where nobody can ask."""
        kept = self.report.get("kept")
        if kept is None:
            return None
        return sum(count for name, count in kept.items() if name not in ("found", "foreign"))

    def words(self) -> str:
        out = f"{self.rate:,.0f} records/s"
        return out if self.report["good"] else f"{out} (NOT GOOD {self.report['first_error']})"


def produce_once(bench: KafkaBench, contender: Contender, work: Work) -> ProduceRun:
    is_hub = contender.broker is bench.hub
    with bench.started(contender) as running:
        meter = CpuMeter(running.pid)
        report = bench.tool.run(running.port, [
            *("--partitions", str(work.connections), "produce"),
            *("--connections", str(work.connections), "--in-flight", str(work.in_flight)),
            *("--record", str(work.record_bytes), "--batch", str(work.batch_bytes)),
            *("--seconds", str(bench.seconds), "--warmup", str(WARMUP_S)),
            "--verify" if is_hub else "--no-setup",
        ], meter.on_phase)
    return ProduceRun(report, meter.seconds)


def row(work: Work, label: str, runs: list[ProduceRun], ours: list[ProduceRun]) -> list[str]:
    latency = [run.report["ack_latency_us"] for run in runs]
    rates = [run.rate for run in runs]
    wrong = [run.wrong for run in runs if run.wrong is not None]
    return [
        label,
        str(work.connections),
        str(work.in_flight),
        tables.median_and_spread(rates),
        tables.median([run.report["payload_mb_per_s"] for run in runs]),
        tables.median([entry["p50"] / 1e3 for entry in latency]),
        tables.median([entry["p99"] / 1e3 for entry in latency]),
        tables.median([run.cpu_us_per_record for run in runs]),
        "" if runs is ours else tables.ratio([run.rate for run in ours], rates),
        str(sum(wrong)) if wrong else "-",
    ]


def produce(bench: KafkaBench) -> list[Table]:
    contenders = [Contender(b.name, b) for b in (bench.hub, *bench.append_peers)]
    out = []
    for record_bytes in bench.record_bytes:
        for batch_bytes in bench.batch_bytes:
            table = Table(
                f"produce: {Work(record_bytes, batch_bytes, 0, 0).words}, acks=all",
                ["", "connections", "in flight", "records/s", "MB/s", "p50 ms", "p99 ms",
                 "its CPU us/record", "Runnel does", "wrong"],
                notes=["MB/s: of values, 10^6 bytes. wrong: records that were read back lost, "
                       "repeated, reordered, out of place or damaged, in all rounds."],
            )
            for connections in bench.connections:
                for in_flight in bench.in_flight:
                    work = Work(record_bytes, batch_bytes, in_flight, connections)
                    results = bench.take_turns(
                        f"produce, {work.words}, {connections} x {in_flight}", contenders,
                        lambda c, w=work: produce_once(bench, c, w), ProduceRun.words)
                    ours = results[bench.hub.name]
                    table.rows += [row(work, label, runs, ours) for label, runs in results.items()]
            out.append(table)
    return out
