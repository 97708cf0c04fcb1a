"""The command line of bench/compare: which brokers, which scenarios, what becomes of the tables."""

import argparse
import datetime
import pathlib
import resource
import shlex
import shutil
import signal
import sys
from collections.abc import Callable

from . import brokers, costs, procfs, rates
from .bench import Bench, Turns
from .load import LoadTool

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "RESULTS.md"

SCENARIOS = {
    "ceiling": (rates.ceiling, "the load generator against its own sink"),
    "publish": (rates.publish, "nobody is subscribed"),
    "live": (rates.live, "one live subscriber of everything"),
    "offline": (rates.offline, "one offline session owed everything"),
    "narrow": (rates.narrow, "many subscribers with one MQTT topic each"),
    "write-amplification": (costs.write_amplification, "bytes written per payload byte"),
    "footprint": (costs.footprint, "anonymous memory, idle connections, program size"),
}

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2


def comma_list(text: str) -> list[str]:
    return [part for part in (piece.strip() for piece in text.split(",")) if part]


def parser() -> argparse.ArgumentParser:
    names = [broker.name for broker in brokers.ALL]
    scenarios = "; ".join(f"{name}: {words}" for name, (_, words) in SCENARIOS.items())
    p = argparse.ArgumentParser(
        prog="bench/compare",
        description="Runs MQTT brokers side by side on the same work, taking turns run by run, and "
        "prints medians, spreads and ratios.",
    )
    p.add_argument(
        "--only", type=comma_list, metavar="NAMES", help=f"scenarios, with commas. {scenarios}"
    )
    p.add_argument(
        "--brokers", type=comma_list, metavar="NAMES",
        help=f"with commas, of {', '.join(names)}; default: Runnel and all that are installed",
    )
    p.add_argument("--rounds", type=int, default=5, help="runs of each broker (default 5)")
    p.add_argument("--seconds", type=float, default=5, help="of load in a run (default 5)")
    p.add_argument("--windows", type=comma_list, default="1,10,100", help="default 1,10,100")
    p.add_argument("--connections", type=int, default=50, help="publishers (default 50)")
    p.add_argument("--idle", type=int, default=10_000, help="connections of footprint (10000)")
    p.add_argument("--narrow", type=int, default=1000, help="subscribers of narrow (default 1000)")
    p.add_argument("--port-base", type=int, default=21900, help="the first of 20 ports (21900)")
    p.add_argument(
        "--data", type=pathlib.Path, metavar="DIR",
        help="where the brokers keep their data (build/bench-data)",
    )
    for name, default in (
        ("runnel", str(ROOT / "build/release/runnel")),
        ("load", str(ROOT / "build/release/runnel-load")),
        ("mosquitto", default_program("mosquitto")),
        ("nats", default_program("nats-server")),
    ):
        p.add_argument(f"--{name}", type=program, default=default, metavar="PROGRAM")
    p.add_argument("--record", action="store_true", help="append the report to bench/RESULTS.md")
    return p


def program(text: str) -> str:
    """A path stays valid when a broker is started in another directory; a name is looked up."""
    return str(pathlib.Path(text).absolute()) if "/" in text else text


def default_program(name: str) -> str:
    """Debian keeps daemons where an ordinary PATH does not look."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin") or name


def choose_brokers(args: argparse.Namespace) -> tuple[list[brokers.Broker], list[str]]:
    """The brokers to run and a line about each that stays out. Raises ValueError for one that was
    asked for by name and cannot run."""
    programs = {
        brokers.Runnel: args.runnel,
        brokers.Mosquitto: args.mosquitto,
        brokers.MosquittoDurable: args.mosquitto,
        brokers.Nats: args.nats,
        brokers.NatsSync: args.nats,
    }
    unknown = set(args.brokers or []) - {cls.name for cls in programs}
    if unknown:
        raise ValueError(f"no such broker: {', '.join(sorted(unknown))}")
    chosen, left_out = [], []
    for index, (cls, program) in enumerate(programs.items()):
        if args.brokers is not None and cls.name not in args.brokers:
            continue
        broker = cls(program, args.port_base + index * brokers.PORTS_PER_BROKER)
        why = None
        if not broker.found():
            why = f"{cls.name}: no program {pathlib.Path(program).name}"
        elif isinstance(broker, brokers.NatsSync) and not broker.supported():
            why = f"{cls.name}: {broker.version()} has no sync_interval: always (2.10 has)"
        if why is None:
            chosen.append(broker)
        elif args.brokers is not None or cls is brokers.Runnel:
            raise ValueError(why)
        else:
            left_out.append(why)
    return chosen, left_out


def allow_files(count: int) -> None:
    """For each process that we start. Raises ValueError when the system does not let us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in (soft, hard):
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), max(hard, count)))
    except (OSError, ValueError):
        raise ValueError(f"cannot have {count} open files: raise the limit (ulimit -Hn)") from None


def shown_arguments(argv: list[str], command: str = "bench/compare") -> str:
    """As typed, but without what is above this checkout or beside it."""

    def shown(arg: str) -> str:
        path = pathlib.Path(arg)
        if not path.is_absolute():
            return arg
        return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name

    return shlex.join([command, *map(shown, argv)])


def head(bench: Bench, left_out: list[str], argv: list[str], machine: dict[str, str]) -> str:
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    out = [f"## {date}", "", f"Command: `{shown_arguments(argv)}`", ""]
    out += [f"- {name}: {value}" for name, value in machine.items()]
    out += [
        f"- work: QoS 1, 100-byte payloads, MQTT 3.1.1, {bench.connections} connections with an "
        f"MQTT topic each, TCP_NODELAY, {bench.seconds:g} s after 0.5 s of warm-up, {bench.rounds} "
        "rounds in turn; figures are medians (lowest to highest)",
        f"- load generator: {bench.tool.version()}",
        "",
        "Brokers:",
        "",
    ]
    for broker in bench.brokers:
        out.append(
            f"- **{broker.name}**: {broker.version()}. On disk when acknowledged: {broker.stores}. "
            f"Set: {broker.notes}."
        )
    out += [f"- not run: {words}." for words in left_out]
    return "\n".join(out) + "\n"


def run(args: argparse.Namespace, argv: list[str]) -> int:
    chosen, left_out = choose_brokers(args)
    names = args.only or list(SCENARIOS)
    unknown = set(names) - set(SCENARIOS)
    if unknown:
        raise ValueError(f"no such scenario: {', '.join(sorted(unknown))}")
    if shutil.which(args.load) is None:
        raise ValueError("no load generator: build it, or say --load PROGRAM")
    data_root = (args.data or ROOT / "build" / "bench-data").resolve()
    data_root.mkdir(parents=True, exist_ok=True)
    allow_files(max(args.idle, args.narrow + args.connections) + 1024)
    bench = Bench(
        tool=LoadTool(args.load),
        brokers=chosen,
        sink=brokers.Sink(args.load, args.port_base + 5 * brokers.PORTS_PER_BROKER),
        rounds=args.rounds,
        seconds=args.seconds,
        windows=[int(window) for window in args.windows],
        connections=args.connections,
        idle=args.idle,
        narrow=args.narrow,
        data_root=data_root,
    )
    beginning = head(bench, left_out, argv, procfs.machine(data_root))
    return run_scenarios(bench, beginning, [SCENARIOS[name][0] for name in names], args.record)


def run_scenarios(bench: Turns, beginning: str, scenarios: list, recorded: bool) -> int:
    """Prints each table as soon as it is there; returns the exit code."""
    report = [beginning]
    print(report[0], flush=True)
    for scenario in scenarios:
        for table in scenario(bench):
            report.append(table.markdown())
            print(report[-1], flush=True)
    if bench.failures:
        lines = "".join(f"- {failure}\n" for failure in bench.failures)
        report.append(f"Runs that failed and are in no figure:\n\n{lines}")
        print(report[-1], flush=True)
    if recorded:
        record("\n".join(report))
    return EXIT_FAILED if bench.failures else EXIT_OK


def record(text: str) -> None:
    new = not RESULTS.exists()
    with open(RESULTS, "a", encoding="utf-8") as file:
        if new:
            file.write("# Results\n\n")
            file.write("Appended by `bench/compare --record` and `bench/kafka --record`; what they mean is in `README.md`.\n")
        file.write("\n" + text)
    print(f"recorded in {RESULTS.relative_to(ROOT)}", file=sys.stderr)


def main(argv: list[str]) -> int:
    return finish("bench/compare", lambda: run(parser().parse_args(argv), argv))


def finish(command: str, work: Callable[[], int]) -> int:
    """The exit code of a command; ValueError is bad usage."""
    # So that whatever has been started is stopped, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_FAILED))
    try:
        return work()
    except ValueError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_FAILED
