"""Runs runnel-load or runnel-kafka-load and hands back what it reports."""

import json
import pathlib
import subprocess
import threading
from collections.abc import Callable

RUN_TIMEOUT_S = 900


class LoadError(Exception):
    """The load tool did not report."""


class LoadTool:
    def __init__(self, binary: pathlib.Path):
        self.binary = str(binary)

    def run(
        self, port: int, arguments: list[str], on_phase: Callable[[str], None] | None = None
    ) -> dict:
        """Runs to the end; `on_phase` is told of "connected", "loaded", "settled", … as they
        come, while the load goes on."""
        running = self.start(port, arguments)
        return self.finish(running, on_phase)

    def command(self, port: int, arguments: list[str]) -> list[str]:
        return [self.binary, "--port", str(port), "--json", "--progress", *arguments]

    def start(self, port: int, arguments: list[str]) -> subprocess.Popen:
        command = self.command(port, arguments)
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def finish(
        self, running: subprocess.Popen, on_phase: Callable[[str], None] | None = None
    ) -> dict:
        watchdog = threading.Timer(RUN_TIMEOUT_S, running.kill)
        watchdog.start()
        complaints = []
        try:
            for line in running.stderr:
                phase = line.removeprefix("phase ").strip()
                if not line.startswith("phase "):
                    complaints.append(line.strip())
                elif on_phase is not None:
                    on_phase(phase)
            out = running.stdout.read()
            running.wait()
        finally:
            watchdog.cancel()
            if running.poll() is None:
                running.kill()
                running.wait()
        try:
            return json.loads(out)
        except json.JSONDecodeError:
            raise LoadError(f"exit code {running.returncode}: {' '.join(complaints)}") from None

    def version(self) -> str:
        return subprocess.run(
            [self.binary, "--version"], capture_output=True, text=True, check=True
        ).stdout.strip()


class KafkaLoadTool(LoadTool):
    """runnel-kafka-load, which reports in JSON always."""

    def command(self, port: int, arguments: list[str]) -> list[str]:
        return [self.binary, "--port", str(port), "--progress", *arguments]
