"""What every scenario needs: the brokers, the load tool, fresh directories, and taking turns."""

import contextlib
import dataclasses
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import TypeVar

from . import procfs
from .brokers import Broker, BrokerError, Running, Settings
from .load import LoadError, LoadTool

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Contender:
    """A broker with the settings it runs with, under the name it has in the tables."""

    label: str
    broker: Broker
    settings: Settings = Settings()


@dataclasses.dataclass(kw_only=True)
class Turns:
    """Rounds of runs, each with a broker of its own in a directory of its own."""

    rounds: int
    data_root: pathlib.Path
    failures: list[str] = dataclasses.field(default_factory=list)

    @contextlib.contextmanager
    def directory(self) -> Iterator[pathlib.Path]:
        """Fresh, on the file system under test, gone afterwards."""
        path = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=self.data_root))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def started(self, contender: Contender) -> Iterator[Running]:
        """A fresh broker, alive when it is left."""
        with self.directory() as path:
            with contender.broker.start(path, contender.settings) as running:
                yield running
                running.check_alive()

    def take_turns(
        self, what: str, contenders: list[Contender], once: Callable[[Contender], T],
        words: Callable[[T], str],
    ) -> dict[str, list[T]]:
        """Every contender once, then every one again, for all rounds: what slows the machine for a
        while slows them all. A failure is kept for the end and costs that one run."""
        results: dict[str, list[T]] = {contender.label: [] for contender in contenders}
        for number in range(1, self.rounds + 1):
            for contender in contenders:
                head = f"{what}, round {number}/{self.rounds}, {contender.label}: "
                try:
                    result = once(contender)
                except (BrokerError, LoadError) as error:
                    self.failures.append(head + str(error))
                    print(f"{head}FAILED: {error}", file=sys.stderr, flush=True)
                    continue
                results[contender.label].append(result)
                print(head + words(result), file=sys.stderr, flush=True)
        return results

@dataclasses.dataclass(kw_only=True)
class Bench(Turns):
    tool: LoadTool
    brokers: list[Broker]
    sink: Broker
    seconds: float
    windows: list[int]
    connections: int
    idle: int
    narrow: int

    def contenders(self) -> list[Contender]:
        return [Contender(broker.name, broker) for broker in self.brokers]

    def broker(self, name: str) -> Broker | None:
        return next((broker for broker in self.brokers if broker.name == name), None)



class CpuMeter:
    """Processor time of a broker between the phases "connected" and "loaded" of a run."""

    def __init__(self, pid: int):
        self._pid = pid
        self._from = 0.0
        self.seconds = 0.0

    def on_phase(self, phase: str) -> None:
        if phase == "connected":
            self._from = procfs.cpu_seconds(self._pid)
        elif phase == "loaded":
            self.seconds = procfs.cpu_seconds(self._pid) - self._from
