"""Scenarios about speed: publish, live, offline, narrow, and the load generator's own ceiling."""

import dataclasses

from . import tables
from .bench import Bench, Contender, CpuMeter
from .load import LoadError
from .tables import Table

# A fast hub could owe an offline session more than it is worth waiting for.
OFFLINE_MESSAGES_MAX = 2_000_000


@dataclasses.dataclass
class RateRun:
    report: dict
    broker_cpu_s: float

    @property
    def rate(self) -> float:
        return self.report["acknowledged_per_s"]

    @property
    def cpu_us_per_message(self) -> float:
        return self.broker_cpu_s * 1e6 / max(self.report["acknowledged"], 1)

    @property
    def tool_cores(self) -> float:
        return self.report["cpu_seconds"] / max(self.report["load_seconds"], 1e-9)

    def words(self) -> str:
        out = f"{self.rate:,.0f}/s"
        for kind in ("live", "offline"):
            if kind in self.report:
                part = self.report[kind]
                out += f", {kind} {part['received_per_s']:,.0f}/s, {part['lost']} lost"
        if not self.report["good"]:
            out += f" (NOT GOOD {self.report['first_error']})"
        return out


def run_once(bench: Bench, contender: Contender, arguments: list[str]) -> RateRun:
    with bench.started(contender) as running:
        meter = CpuMeter(running.pid)
        report = bench.tool.run(running.port, arguments, meter.on_phase)
        running.check_alive()
    if not report["connected"]:
        raise LoadError(f"not every connection came up: {report['first_error']}")
    return RateRun(report, meter.seconds)


def measure(bench: Bench, what: str, contenders: list[Contender], arguments: list[str]):
    return bench.take_turns(
        what, contenders, lambda c: run_once(bench, c, arguments), RateRun.words
    )


def load_arguments(bench: Bench, window: int) -> list[str]:
    return [
        *("--connections", str(bench.connections), "--window", str(window)),
        *("--qos", "1", "--payload", "100", "--seconds", str(bench.seconds), "--warmup", "0.5"),
    ]


def rate_table(title: str, results: dict[str, list[RateRun]], kind: str | None) -> Table:
    """One row a broker; `kind` (live or offline) adds what its subscribers got."""
    columns = ["broker", "acknowledged/s", "Runnel does", "p50 ms", "p99 ms"]
    columns += ["broker CPU us/msg", "tool cores"]
    if kind:
        received = "received/s" if kind == "live" else "drained/s"
        columns += [received, "lost", "repeated", "reordered"]
    table = Table(title, columns)
    ours = [run.rate for run in results.get("runnel", [])]
    for label, runs in results.items():
        rates = [run.rate for run in runs]
        latency = [run.report["ack_latency_us"] for run in runs]
        row = [
            label,
            tables.median_and_spread(rates),
            "" if label == "runnel" else tables.ratio(ours, rates),
            tables.median([entry["p50"] / 1e3 for entry in latency]),
            tables.median([entry["p99"] / 1e3 for entry in latency]),
            tables.median([run.cpu_us_per_message for run in runs]),
            tables.median([run.tool_cores for run in runs]),
        ]
        if kind:
            parts = [run.report[kind] for run in runs]
            row.append(tables.median_and_spread([part["received_per_s"] for part in parts]))
            # Not a median: one lost message in one run is what there is to know.
            for key in ("lost", "repeats", "reordered"):
                row.append(str(sum(part[key] for part in parts)))
        table.rows.append(row)
        bad = [run for run in runs if not run.report["good"]]
        for error in sorted({run.report["first_error"] for run in bad} - {""}):
            table.notes.append(f"{label}: in some runs: {error}.")
    return table


def publish(bench: Bench) -> list[Table]:
    out = []
    for window in bench.windows:
        what = f"publish, window {window}"
        results = measure(bench, what, bench.contenders(), load_arguments(bench, window))
        title = f"{what}: {bench.connections} connections, nobody subscribed"
        out.append(rate_table(title, results, None))
    return out


def live(bench: Bench) -> list[Table]:
    out = []
    for window in bench.windows:
        what = f"live, window {window}"
        arguments = [*load_arguments(bench, window), "--subscribe", "1"]
        results = measure(bench, what, bench.contenders(), arguments)
        out.append(rate_table(f"{what}: and one subscriber of everything, QoS 1", results, "live"))
    return out


def offline(bench: Bench) -> list[Table]:
    out = []
    for window in bench.windows:
        what = f"offline, window {window}"
        arguments = [
            *load_arguments(bench, window),
            *("--offline-session", "--messages", str(OFFLINE_MESSAGES_MAX)),
        ]
        results = measure(bench, what, bench.contenders(), arguments)
        title = f"{what}: and one session owed everything that is away meanwhile, QoS 1"
        table = rate_table(title, results, "offline")
        table.notes.append(
            f"At most {OFFLINE_MESSAGES_MAX:,} messages a run. Drained/s: from its CONNACK to the "
            "last message."
        )
        out.append(table)
    return out


def narrow(bench: Bench) -> list[Table]:
    what = f"narrow {bench.narrow}"
    arguments = [*load_arguments(bench, 10), "--narrow", str(bench.narrow)]
    results = measure(bench, what, bench.contenders(), arguments)
    title = (
        f"narrow: window 10, {bench.narrow} subscribers with one MQTT topic each over "
        f"{bench.narrow} MQTT topics, QoS 1"
    )
    return [rate_table(title, results, "live")]


def ceiling(bench: Bench) -> list[Table]:
    table = Table(
        "ceiling: the load generator against its own sink, which acknowledges and forgets",
        ["window", "acknowledged/s", "p50 ms", "p99 ms", "tool cores"],
    )
    contender = Contender("sink", bench.sink)
    for window in bench.windows:
        what = f"ceiling, window {window}"
        runs = measure(bench, what, [contender], load_arguments(bench, window))["sink"]
        latency = [run.report["ack_latency_us"] for run in runs]
        table.rows.append([
            str(window),
            tables.median_and_spread([run.rate for run in runs]),
            tables.median([entry["p50"] / 1e3 for entry in latency]),
            tables.median([entry["p99"] / 1e3 for entry in latency]),
            tables.median([run.tool_cores for run in runs]),
        ])
    return [table]

