"""The real binary in a process of its own: start, wait until it is ready, kill, start again.

RUNNEL_BIN names the binary (default: build/release/runnel below the repository). For looking at how
another broker reads the specification, RUNNEL_TEST_PEER=mosquitto starts Debian's Mosquitto.
"""

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PEER = os.environ.get("RUNNEL_TEST_PEER", "")
PORTS = (20_000, 32_000)
START_MAX_S = 30
STOP_MAX_S = 30
STDERR_LINES = 40

_MOSQUITTO_KEYS = {
    "receive_maximum": "max_inflight_messages",
    "keep_alive_max": "max_keepalive",
    "sys_interval": "sys_interval",
}


_given = set()


def free_ports(count):
    """Below the ports that outgoing connections take, or one of those might be gone by the time."""
    found = []
    for port in random.sample(range(*PORTS), PORTS[1] - PORTS[0]):
        if port in _given:
            continue  # to a hub that has not started yet
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue  # somebody has it
        found.append(port)
        _given.add(port)
        if len(found) == count:
            return found
    raise AssertionError("no free ports")


class Hub:
    """`mqtt` holds keys of the [mqtt] section, with numbers or the strings of the config file."""

    def __init__(self, **mqtt):
        self.mqtt = mqtt
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="runnel-conformance-"))
        self.stderr = self.directory / "stderr"
        self.process = None
        self.port = self.websocket_port = self.http_port = self.kafka_port = 0

    # --- Life ---------------------------------------------------------------------------------

    def start(self):
        """Starts on the ports of the last time, or on free ones; returns when it is ready."""
        self.draw_ports()
        with open(self.stderr, "ab") as stderr:
            self.process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                cwd=self.directory)
        deadline = time.monotonic() + START_MAX_S
        while not self._ready():
            if self.process.poll() is not None:
                raise AssertionError(
                    f"the hub ended with {self.process.returncode} while starting\n{self.log()}")
            if time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError(f"the hub was not ready in {START_MAX_S} s\n{self.log()}")
            time.sleep(0.01)

    def draw_ports(self):
        """All at once, so that no two are the same. One for Kafka may have been given."""
        if self.port:
            return
        self.port, self.websocket_port, self.http_port, kafka_port = free_ports(4)
        self.kafka_port = self.kafka_port or kafka_port

    def kill(self):
        """As a power switch would, as far as a process can tell."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_MAX_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"no end within {STOP_MAX_S} s of SIGTERM\n{self.log()}") from None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def remove(self):
        if self.alive():
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self):
        """The end of what the hub wrote to stderr."""
        lines = self.stderr.read_text(errors="replace").splitlines()
        return "\n".join(["--- stderr of the hub:"] + lines[-STDERR_LINES:])

    # --- Ways in ------------------------------------------------------------------------------

    def tcp(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=START_MAX_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def websocket(self):
        """A TCP connection to the WebSocket listener; the handshake is up to the caller."""
        return socket.create_connection(("127.0.0.1", self.websocket_port), timeout=START_MAX_S)

    # --- Details ------------------------------------------------------------------------------

    def _command(self):
        config = self.directory / "config"
        if PEER == "mosquitto":
            config.write_text(self._mosquitto_config())
            return ["mosquitto", "-c", str(config)]
        config.write_text(self._config())
        binary = os.environ.get("RUNNEL_BIN") or str(REPOSITORY / "build/release/runnel")
        return [binary, "serve", "--config", str(config)]

    def _config(self):
        def value(item):
            return f'"{item}"' if isinstance(item, str) else str(item)

        keys = "\n".join(f"{key} = {value(item)}" for key, item in self.mqtt.items())
        return f"""[mqtt]
listen = ["127.0.0.1:{self.port}"]
websocket_listen = ["127.0.0.1:{self.websocket_port}"]
{keys}

[http]
listen = ["127.0.0.1:{self.http_port}"]

[kafka]
listen = []

[storage]
dir = "{self.directory / 'data'}"
limit = "256MiB"
generation = "32MiB"
"""

    def _mosquitto_config(self):
        lines = [f"{_MOSQUITTO_KEYS[key]} {str(value).rstrip('s')}"
                 for key, value in self.mqtt.items() if key in _MOSQUITTO_KEYS]
        lines += ["user root", "log_dest stderr", "allow_anonymous true", "persistence true",
                  f"persistence_location {self.directory}/", "autosave_interval 1",
                  "autosave_on_changes true", f"listener {self.port} 127.0.0.1",
                  f"listener {self.websocket_port} 127.0.0.1", "protocol websockets"]
        return "\n".join(lines) + "\n"

    def _ready(self):
        try:
            if PEER == "mosquitto":
                self.tcp().close()
                self.websocket().close()
                return True
            url = f"http://127.0.0.1:{self.http_port}/healthz"
            with urllib.request.urlopen(url, timeout=START_MAX_S) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False
