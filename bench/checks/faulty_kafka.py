"""A Kafka broker of the smallest kind (the five requests that runnel-kafka-load sends) that does
wrong on purpose, so that the checks can see whether the tool notices. Shares no code with the tool:
it reads requests and batches by its own reading of the protocol."""

import dataclasses
import socket
import struct
import threading
import time
from collections.abc import Callable

PRODUCE, FETCH, LIST_OFFSETS, METADATA, CREATE_TOPICS = 0, 1, 2, 3, 19
VERSIONS = {PRODUCE: 7, FETCH: 11, LIST_OFFSETS: 1, METADATA: 1, CREATE_TOPICS: 2}
BATCH_HEAD = struct.Struct(">qiibIhiqqqhii")


class Fields:
    """Takes big-endian fields off the front of a request."""

    def __init__(self, data: bytes):
        self._data = data
        self._at = 0

    def take(self, code: str):
        value, = struct.unpack_from(">" + code, self._data, self._at)
        self._at += struct.calcsize(">" + code)
        return value

    def bytes(self, count: int) -> bytes:
        found = self._data[self._at : self._at + count]
        if len(found) != count:
            raise ValueError("a request is cut short")
        self._at += count
        return found

    def string(self) -> bytes:
        return self.bytes(max(self.take("h"), 0))

    def end(self) -> None:
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data) - self._at} bytes too many in a request")


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def check_batch(batch: bytes) -> int:
    """The number of records of a batch; ValueError when it is not as Kafka has it."""
    head = BATCH_HEAD.unpack_from(batch)
    _, length, _, magic, crc, attributes, last_delta, _, _, producer, _, _, count = head
    if (magic, attributes, producer) != (2, 0, -1) or length != len(batch) - 12:
        raise ValueError(f"head of a batch: {head}")
    if count != last_delta + 1 or crc != crc32c(batch[21:]):
        raise ValueError(f"count or checksum of a batch: {head}")
    data, at, seen = batch[BATCH_HEAD.size :], 0, 0
    while at < len(data):
        size, at = varint(data, at)
        check_record(data[at : at + size], seen)
        at, seen = at + size, seen + 1
    if at != len(data) or seen != count:
        raise ValueError("the records of a batch")
    return count


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at


def check_record(record: bytes, number: int) -> None:
    at = 1  # attributes
    _, at = varint(record, at)
    delta, at = varint(record, at)
    key, at = varint(record, at)
    value, at = varint(record, at + max(key, 0))
    headers, at = varint(record, at + value)
    if (delta, key, headers, at) != (number, -1, 0, len(record)):
        raise ValueError(f"record {number}")


@dataclasses.dataclass
class Faults:
    """What is done wrong. `kept` makes the batches of a partition that are read of those that were
    produced; they then get dense offsets, unless `shift` moves all behind the first."""

    kept: Callable[[list[bytes]], list[bytes]] = lambda batches: batches
    shift: int = 0
    error: Callable[[int], int] = lambda number: 0  # of the n-th produce request
    answer: Callable[[int], int] = lambda offset: offset
    empty_wait: Callable[[float], float] = lambda seconds: seconds


class FaultyKafka:
    def __init__(self, faults: Faults):
        self._faults = faults
        self._lock = threading.Lock()
        self._logs: dict[int, list[bytes]] = {}
        self._read: dict[int, list[tuple[int, bytes]]] = {}
        self._produced = 0
        self._partitions = 0
        self.complaints: list[str] = []  # what the tool did wrong
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as stream:
            while size := stream.read(4):
                request = Fields(stream.read(struct.unpack(">i", size)[0]))
                try:
                    answer = self._answer(request)
                    request.end()
                except (ValueError, struct.error) as error:
                    self.complaints.append(str(error))
                    return
                try:
                    peer.sendall(struct.pack(">i", len(answer)) + answer)
                except OSError:
                    return

    def _answer(self, request: Fields) -> bytes:
        api, version = request.take("h"), request.take("h")
        correlation = struct.pack(">i", request.take("i"))
        request.string()
        if VERSIONS.get(api) != version:
            raise ValueError(f"request {api} version {version}")
        handlers = {
            PRODUCE: self._on_produce, FETCH: self._on_fetch, LIST_OFFSETS: self._on_list_offsets,
            METADATA: self._on_metadata, CREATE_TOPICS: self._on_create_topics}
        return correlation + handlers[api](request)

    def _one_partition(self, request: Fields) -> tuple[bytes, int]:
        """Topic and number of the only partition of a request, as every request has it."""
        if request.take("i") != 1:
            raise ValueError("one topic was expected")
        topic = request.string()
        if request.take("i") != 1:
            raise ValueError("one partition was expected")
        number = request.take("i")
        return struct.pack(">ih", 1, len(topic)) + topic + struct.pack(">ii", 1, number), number

    def _on_create_topics(self, request: Fields) -> bytes:
        count, topic = request.take("i"), request.string()
        self._partitions, replicas = request.take("i"), request.take("h")
        assigned, configs, _, validate = (request.take(code) for code in "iiib")
        if (count, replicas, assigned, configs, validate) != (1, 1, 0, 0, 0):
            raise ValueError("CreateTopics")
        return struct.pack(">iih", 0, 1, len(topic)) + topic + struct.pack(">hh", 0, -1)

    def _on_metadata(self, request: Fields) -> bytes:
        count, topic = request.take("i"), request.string()
        if count != 1:
            raise ValueError("Metadata")
        host = b"127.0.0.1"
        out = struct.pack(">iih", 1, 0, len(host)) + host + struct.pack(">ih", self.port, -1)
        out += struct.pack(">iihh", 0, 1, 0, len(topic)) + topic + b"\0"
        out += struct.pack(">i", self._partitions)
        for number in range(self._partitions):
            out += struct.pack(">hiiiiii", 0, number, 0, 1, 0, 1, 0)
        return out

    def _on_produce(self, request: Fields) -> bytes:
        if (request.take("h"), request.take("h")) != (-1, -1):
            raise ValueError("a transactional id, or not acks=all")
        request.take("i")
        where, number = self._one_partition(request)
        batch = request.bytes(request.take("i"))
        check_batch(batch)
        with self._lock:
            error = self._faults.error(self._produced)
            self._produced += 1
            log = self._logs.setdefault(number, [])
            offset = self._faults.answer(sum(check_count(b) for b in log))
            if not error:
                log.append(batch)
        return where + struct.pack(">hqqqi", error, -1 if error else offset, -1, 0, 0)

    def _kept(self, number: int) -> list[tuple[int, bytes]]:
        """Offset and batch of all that can be read, the same at every reading."""
        with self._lock:
            if number not in self._read:
                found, offset = [], 0
                for batch in self._faults.kept(self._logs.get(number, [])):
                    found.append((offset, struct.pack(">q", offset) + batch[8:]))
                    offset += check_count(batch) + (self._faults.shift if len(found) == 1 else 0)
                self._read[number] = found
            return self._read[number]

    def _end(self, number: int) -> int:
        kept = self._kept(number)
        return kept[-1][0] + check_count(kept[-1][1]) if kept else 0

    def _on_list_offsets(self, request: Fields) -> bytes:
        request.take("i")
        where, number = self._one_partition(request)
        if request.take("q") != -1:
            raise ValueError("not the latest offset")
        return where + struct.pack(">hqq", 0, -1, self._end(number))

    def _on_fetch(self, request: Fields) -> bytes:
        _, wait_ms, _, max_bytes, isolation = (request.take(code) for code in "iiiib")
        if (isolation, request.take("i"), request.take("i")) != (0, 0, -1):
            raise ValueError("isolation level or fetch session")
        where, number = self._one_partition(request)
        _, offset, _, _ = (request.take(code) for code in "iqqi")
        if request.take("i") != 0 or request.string():
            raise ValueError("forgotten topics or a rack")
        found = b""
        for base, batch in self._kept(number):
            if base + check_count(batch) > offset and (not found or len(found) < max_bytes):
                found += batch  # the last may be cut off, as by Kafka
        found = found[: max(max_bytes, BATCH_HEAD.size + len(found) // 2)]
        if not found:
            time.sleep(self._faults.empty_wait(wait_ms / 1e3))
        end = self._end(number)
        body = struct.pack(">hqqqiii", 0, end, end, 0, 0, -1, len(found)) + found
        return struct.pack(">ihi", 0, 0, 0) + where + body


def check_count(batch: bytes) -> int:
    return BATCH_HEAD.unpack_from(batch)[-1]
