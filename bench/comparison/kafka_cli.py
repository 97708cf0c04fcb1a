"""The command line of bench/kafka: which scenarios, what becomes of the tables."""

import argparse
import datetime
import pathlib
import shutil

from . import cli, kafka_consume, kafka_consumers, kafka_peers, kafka_produce, procfs
from .kafka_bench import KafkaBench
from .load import KafkaLoadTool

COMMAND = "bench/kafka"
SCENARIOS = {
    "produce": (kafka_produce.produce, "acks=all, beside bare appending and flushing"),
    "consume": (kafka_consume.consume, "a cold and a hot log, beside sendfile and read+write"),
    "consumers": (kafka_consumers.consumers, "memory and CPU of many that wait and read"),
}


def number_list(text: str) -> list[int]:
    return [int(part) for part in cli.comma_list(text)]


def parser() -> argparse.ArgumentParser:
    scenarios = "; ".join(f"{name}: {words}" for name, (_, words) in SCENARIOS.items())
    p = argparse.ArgumentParser(
        prog=COMMAND,
        description="Measures Runnel's Kafka door beside what disk and loopback cost alone, taking "
        "turns run by run, and prints medians, spreads and ratios.",
    )
    p.add_argument("--only", type=cli.comma_list, metavar="NAMES",
                   help=f"scenarios, with commas. {scenarios}")
    p.add_argument("--rounds", type=int, default=5, help="runs of each (default 5)")
    p.add_argument("--seconds", type=float, default=5, help="of producing in a run (default 5)")
    for name, default, words in (
        ("connections", [1, 10, 50], "of produce"),
        ("in-flight", [1, 5, 100], "produce requests per connection"),
        ("record-bytes", [100, 1024], "of produce"),
        ("batch-bytes", [kafka_produce.BATCH_BYTES, 0], "of produce; 0: single records"),
        ("max-wait", [500, 5000], "ms, of consumers"),
    ):
        shown = ",".join(map(str, default))
        p.add_argument(f"--{name}", type=number_list, default=default, metavar="NUMBERS",
                       help=f"{words} (default {shown})")
    p.add_argument("--log-mib", type=int, default=512, help="log of consume (default 512)")
    p.add_argument("--consumers", type=int, default=200, help="of consumers (default 200)")
    p.add_argument("--rest-seconds", type=float, default=20, help="of rest, measured (default 20)")
    p.add_argument("--port-base", type=int, default=21940, help="the first of 20 ports (21940)")
    p.add_argument("--data", type=pathlib.Path, metavar="DIR",
                   help="where data is kept meanwhile (build/bench-data)")
    for name, default in (("runnel", "runnel"), ("load", "runnel-kafka-load")):
        p.add_argument(f"--{name}", type=cli.program, metavar="PROGRAM",
                       default=str(cli.ROOT / "build/release" / default))
    p.add_argument("--record", action="store_true", help="append the report to bench/RESULTS.md")
    return p


def head(bench: KafkaBench, argv: list[str]) -> str:
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    out = [f"## {date}", "", f"Command: `{cli.shown_arguments(argv, COMMAND)}`", ""]
    out += [f"- {name}: {value}" for name, value in procfs.machine(bench.data_root).items()]
    out += [
        f"- work: produce: {bench.seconds:g} s after {kafka_produce.WARMUP_S:g} s of warm-up, a "
        f"partition for each connection; {bench.rounds} rounds in turn; figures are medians "
        "(lowest to highest)",
        f"- load generator: {bench.tool.version()}",
        "",
        "Servers:",
        "",
    ]
    for server in (bench.hub, *bench.append_peers):
        out.append(f"- **{server.name}**: {server.version()}. On disk when acknowledged: "
                   f"{server.stores}. Set: {server.notes}.")
    out.append(
        "- **sendfile**, **read and write**: send as many bytes of one file to the same reader.")
    return "\n".join(out) + "\n"


def run(args: argparse.Namespace, argv: list[str]) -> int:
    names = args.only or list(SCENARIOS)
    unknown = set(names) - set(SCENARIOS)
    if unknown:
        raise ValueError(f"no such scenario: {', '.join(sorted(unknown))}")
    for program in (args.runnel, args.load):
        if shutil.which(program) is None:
            name = pathlib.Path(program).name
            raise ValueError(f"no program {name}: build it, or say where it is")
    data_root = (args.data or cli.ROOT / "build" / "bench-data").resolve()
    data_root.mkdir(parents=True, exist_ok=True)
    cli.allow_files(max(args.consumers, *args.connections) + 1024)
    bench = KafkaBench(
        tool=KafkaLoadTool(args.load),
        hub=kafka_peers.KafkaRunnel(args.runnel, args.port_base),
        append_peers=kafka_peers.append_peers(args.load, args.port_base + 3),
        bytes_peers=kafka_peers.bytes_peers(args.load, args.port_base + 12),
        rounds=args.rounds,
        seconds=args.seconds,
        connections=args.connections,
        in_flight=args.in_flight,
        record_bytes=args.record_bytes,
        batch_bytes=args.batch_bytes,
        log_mib=args.log_mib,
        consumers=args.consumers,
        max_waits_ms=args.max_wait,
        rest_seconds=args.rest_seconds,
        data_root=data_root,
    )
    scenarios = [SCENARIOS[name][0] for name in names]
    return cli.run_scenarios(bench, head(bench, argv), scenarios, args.record)


def main(argv: list[str]) -> int:
    return cli.finish(COMMAND, lambda: run(parser().parse_args(argv), argv))
