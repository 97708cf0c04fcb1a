"""The hub behind its Kafka door, and the servers of runnel-kafka-load that do the least there is to
do: append and flush, or send bytes."""

import dataclasses
import pathlib
import shutil

from .brokers import Broker, Runnel, Settings

# Written before the load, and over again during it.
LAID_OUT_BYTES = 256 << 20


class KafkaRunnel(Runnel):
    """Listens for Kafka on `port`, and for MQTT and HTTP on the two above."""

    notes = "defaults, except a disk limit that nothing reaches"

    def configure(self, directory, settings):
        limit_mib = min(16 * 1024, shutil.disk_usage(directory).free // 2**20 // 2)
        config = directory / "runnel.toml"
        config.write_text(
            f'[kafka]\nlisten = ["127.0.0.1:{self.port}"]\n'
            f'[mqtt]\nlisten = ["127.0.0.1:{self.port + 1}"]\n'
            f'[http]\nlisten = ["127.0.0.1:{self.port + 2}"]\n'
            f'[storage]\ndir = "{self.data(directory)}"\nlimit = "{limit_mib}MiB"\n')
        return [self.binary, "serve", "--config", str(config)]

    @staticmethod
    def data(directory: pathlib.Path) -> pathlib.Path:
        return directory / "data"


class AppendPeer(Broker):
    """Takes the same produce requests; what it does with the batches is in the name."""

    def __init__(self, binary, port, name, stores, arguments):
        super().__init__(binary, port)
        self.name = name
        self.stores = stores
        self.notes = "part of runnel-kafka-load"
        self._arguments = arguments

    def version(self):
        return "no broker"

    def configure(self, directory, settings):
        words = [str(directory / "batches") if word == "FILE" else word for word in self._arguments]
        return [self.binary, "--port", str(self.port), "append-peer", *words]


def append_peers(binary: str, port: int) -> list[AppendPeer]:
    return [
        AppendPeer(
            binary, port, "bare file", "everything, flushed: appended to one file as it came, "
            "one fdatasync for all that came while the last one ran", ["--file", "FILE"]),
        AppendPeer(
            binary, port + 3, "bare file, laid out", "the same, into a file that is there already "
            f"({LAID_OUT_BYTES >> 20} MiB, written over and over), so that its size and its blocks "
            "never change", ["--file", "FILE", "--laid-out", str(LAID_OUT_BYTES)]),
        AppendPeer(
            binary, port + 6, "no file", "nothing: answers at once; the ceiling of the load tool",
            []),
    ]


@dataclasses.dataclass(frozen=True)
class BytesSettings(Settings):
    file: pathlib.Path | None = None


class BytesPeer(Broker):
    """Sends bytes of the file in its settings."""

    def __init__(self, binary, port, name, arguments):
        super().__init__(binary, port)
        self.name = name
        self._arguments = arguments

    def configure(self, directory, settings):
        return [self.binary, "--port", str(self.port), "bytes-peer", "--file", str(settings.file),
                *self._arguments]


def bytes_peers(binary: str, port: int) -> list[BytesPeer]:
    return [BytesPeer(binary, port, "sendfile", []),
            BytesPeer(binary, port + 3, "read and write", ["--copy"])]
