"""The brokers: how each is configured, started in a fresh directory, and stopped.

Every class says in `notes` what differs from that broker's defaults, and the report prints it.
"""

import dataclasses
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

READY_TIMEOUT_S = 30
STOP_TIMEOUT_S = 60
PORTS_PER_BROKER = 3


class BrokerError(Exception):
    """A broker did not start, or did not stay up."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a scenario may ask of a broker; brokers without such a setting ignore it."""

    commit_interval: str | None = None


class Running:
    """A started broker. Use as a context manager: leaving it stops the broker."""

    def __init__(self, process: subprocess.Popen, port: int, log: pathlib.Path):
        self.process = process
        self.port = port
        self._log = log

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_ready(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise BrokerError(f"exit code {self.process.returncode}:\n{self._log_tail()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise BrokerError(f"not ready after {READY_TIMEOUT_S} s:\n{self._log_tail()}")

    def check_alive(self) -> None:
        if self.process.poll() is not None:
            raise BrokerError(f"died, exit code {self.process.returncode}:\n{self._log_tail()}")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                print(f"not stopped after {STOP_TIMEOUT_S} s, killed", file=sys.stderr)
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _log_tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-10:])


class Broker:
    name = ""
    stores = ""  # what of a publish is on disk when it is acknowledged
    notes = ""

    def __init__(self, binary: str, port: int):
        self.binary = binary
        self.port = port

    def version(self) -> str:
        raise NotImplementedError

    def configure(self, directory: pathlib.Path, settings: Settings) -> list[str]:
        """Writes what is needed into `directory`; returns the command."""
        raise NotImplementedError

    def start(self, directory: pathlib.Path, settings: Settings) -> Running:
        command = self.configure(directory, settings)
        log = directory / "log"
        with open(log, "wb") as out:
            process = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        running = Running(process, self.port, log)
        try:
            running.wait_ready()
        except BaseException:
            running.stop()
            raise
        return running

    def found(self) -> bool:
        return shutil.which(self.binary) is not None

    def stripped_bytes(self, directory: pathlib.Path) -> int | None:
        """The size of the program without symbols; None without `strip`."""
        if shutil.which("strip") is None:
            return None
        copy = directory / "stripped"
        subprocess.run(["strip", "-o", str(copy), shutil.which(self.binary)], check=True)
        return copy.stat().st_size


class Runnel(Broker):
    name = "runnel"
    stores = "everything, flushed"
    notes = "defaults, except a disk limit that nothing reaches"

    def version(self) -> str:
        return _first_line([self.binary, "--version"])

    def configure(self, directory, settings):
        limit_mib = min(16 * 1024, shutil.disk_usage(directory).free // 2**20 // 2)
        lines = [
            "[mqtt]",
            f'listen = ["127.0.0.1:{self.port}"]',
            "[http]",
            f'listen = ["127.0.0.1:{self.port + 1}"]',
            "[kafka]",
            f'listen = ["127.0.0.1:{self.port + 2}"]',
            "[storage]",
            f'dir = "{directory / "data"}"',
            f'limit = "{limit_mib}MiB"',
        ]
        if settings.commit_interval is not None:
            lines.append(f'commit_interval = "{settings.commit_interval}"')
        config = directory / "runnel.toml"
        config.write_text("\n".join(lines) + "\n")
        return [self.binary, "serve", "--config", str(config)]


class Mosquitto(Broker):
    """As Debian ships it, without persistence."""

    name = "mosquitto"
    stores = "nothing"
    notes = (
        "persistence false; max_queued_messages 0 and max_inflight_messages 1000 (defaults 1000 "
        "and 20) so that it may keep what its subscribers are owed; Nagle as by default"
    )
    persistence = ["persistence false"]

    def version(self) -> str:
        return _first_line([self.binary, "-h"])

    def configure(self, directory, settings):
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            # 0 would be "no limit", and then packet ids may wrap around among those in flight.
            "max_inflight_messages 1000",
            "max_queued_messages 0",
            "log_type error",
            "log_type warning",
            *self.persistence,
        ]
        if any(line == "persistence true" for line in self.persistence):
            lines.append(f"persistence_location {directory}/")
        if os.geteuid() == 0:
            lines.append("user root")  # or it could not write into our directory
        config = directory / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n")
        return [self.binary, "-c", str(config)]


class MosquittoDurable(Mosquitto):
    """Saves its whole state after every change, as near to durable as it can be set."""

    name = "mosquitto-durable"
    stores = "nothing yet; what sessions are owed is saved soon after, not flushed"
    notes = (
        "as mosquitto, and persistence true, autosave_on_changes true, autosave_interval 1; with "
        "no session to owe anything to, it has nothing to write"
    )
    persistence = ["persistence true", "autosave_on_changes true", "autosave_interval 1"]


class Nats(Broker):
    name = "nats"
    stores = "what sessions are owed, not flushed (that happens every 2 minutes)"
    notes = (
        "JetStream in files, max_ack_pending 10000 (default 1024); what nobody is subscribed to is "
        "acknowledged and not stored"
    )
    sync = ""

    def version(self) -> str:
        return _first_line([self.binary, "--version"])

    def configure(self, directory, settings):
        config = directory / "nats.conf"
        config.write_text(
            "server_name: bench\n"
            f"listen: 127.0.0.1:{self.port + 1}\n"
            "max_connections: 64K\n"
            f'jetstream {{ store_dir: "{directory / "data"}"{self.sync} }}\n'
            f"mqtt {{ listen: 127.0.0.1:{self.port}, max_ack_pending: 10000 }}\n"
        )
        return [self.binary, "-c", str(config)]


class NatsSync(Nats):
    name = "nats-sync"
    stores = "what sessions are owed, flushed"
    notes = "as nats, and sync_interval: always"
    sync = ", sync_interval: always"
    first_version = (2, 10)

    def supported(self) -> bool:
        found = re.search(r"v(\d+)\.(\d+)", self.version())
        return found is not None and (int(found[1]), int(found[2])) >= self.first_version


class Sink(Broker):
    """runnel-load's own: what it acknowledges shows what the load generator can do here."""

    name = "sink"
    stores = "nothing: acknowledges and forgets"
    notes = "part of runnel-load; the ceiling of the load generator on this machine"

    def version(self) -> str:
        return _first_line([self.binary, "--version"])

    def configure(self, directory, settings):
        return [self.binary, "--sink", "--port", str(self.port)]


ALL = [Runnel, Mosquitto, MosquittoDurable, Nats, NatsSync]


def _first_line(command: list[str]) -> str:
    """Of what a program prints about itself; some use stderr, some a non-zero exit code."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown version"
