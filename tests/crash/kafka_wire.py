"""Requests to the Kafka door by hand: those that no client of ours can make, and a transactional
producer that comes back at once after a crash of the hub and learns how each transaction ended."""

import itertools
import socket
import struct
import time

TIMEOUT_S = 20
GIVE_UP_S = 30  # on a hub that does not come back
RETRY_S = 0.005
NOT_AVAILABLE, INVALID_EPOCH, CONCURRENT, FENCED = 15, 47, 51, 90
TRANSACTIONAL = 0x10  # attribute of a batch

_CASTAGNOLI = []
for _n in range(256):
    for _ in range(8):
        _n = _n >> 1 ^ 0x82F63B78 if _n & 1 else _n >> 1
    _CASTAGNOLI.append(_n)


def _crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CASTAGNOLI[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _varint(number):
    rest = number << 1 ^ number >> 63
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _text(word):
    return struct.pack(">h", len(word)) + word.encode()


def _one(topic, partitions):
    """An array of one topic with an array of what is packed for its partitions."""
    return (struct.pack(">i", 1) + _text(topic) + struct.pack(">i", len(partitions))
            + b"".join(partitions))


class Connection:
    def __init__(self, port):
        self.port = port
        self.socket = self.stream = None
        self.correlations = itertools.count()

    def ask(self, key, version, body, flexible=False):
        """What follows the correlation. OSError: the hub went away."""
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S)
            self.stream = self.socket.makefile("rb")
        head = struct.pack(">hhih", key, version, next(self.correlations), -1)  # no client id
        request = head + (b"\0" if flexible else b"") + body
        self.socket.sendall(struct.pack(">i", len(request)) + request)
        size = self.stream.read(4)
        answer = self.stream.read(struct.unpack(">i", size)[0]) if len(size) == 4 else b""
        if len(answer) < 4:
            raise ConnectionResetError("the hub went away")
        return answer[4 + flexible:]

    def close(self):
        if self.socket is not None:
            self.stream.close()
            self.socket.close()
            self.socket = None


class Fenced(Exception):
    """The hub has aborted the transaction: it was open for too long."""


class Producer:
    """One transactional id. Each call is made until the hub has answered it."""

    def __init__(self, port, id, timeout_ms):
        self.connection = Connection(port)
        self.id = id
        self.timeout_ms = timeout_ms
        self.sequences = {}
        self.producer, self.epoch = -1, -1

    def _ask(self, key, version, body, errors):
        """`errors` finds them in the answer."""
        deadline = time.monotonic() + GIVE_UP_S
        while True:
            try:
                answer = self.connection.ask(key, version, body)
            except OSError:
                self.connection.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_S)
                continue
            found = {error for error in errors(answer) if error}
            if not found:
                return answer
            if found & {INVALID_EPOCH, FENCED}:
                raise Fenced
            if not found <= {NOT_AVAILABLE, CONCURRENT} or time.monotonic() > deadline:
                raise AssertionError(f"API {key} was answered with errors {found}")
            time.sleep(RETRY_S)

    @staticmethod
    def _error_at(at):
        return lambda answer: struct.unpack_from(">h", answer, at)

    @staticmethod
    def _of_partitions(topic, at):
        """Errors of an array of one topic: of (partition, error) each."""
        def errors(answer):
            begin = at + 4 + 2 + len(topic)
            count, = struct.unpack_from(">i", answer, begin)
            return [struct.unpack_from(">ih", answer, begin + 4 + 6 * i)[1] for i in range(count)]

        return errors

    def _who(self):
        return _text(self.id) + struct.pack(">qh", self.producer, self.epoch)

    def init(self):
        answer = self._ask(22, 1, _text(self.id) + struct.pack(">i", self.timeout_ms),
                           self._error_at(4))
        self.producer, self.epoch = struct.unpack_from(">qh", answer, 6)
        self.sequences = {}

    def add_partitions(self, topic, partitions):
        body = self._who() + _one(topic, [struct.pack(">i", p) for p in partitions])
        self._ask(24, 1, body, self._of_partitions(topic, 8))

    def add_group(self, group):
        self._ask(25, 1, self._who() + _text(group), self._error_at(4))

    def commit_offset(self, group, topic, partition, offset):
        body = (_text(self.id) + _text(group) + struct.pack(">qh", self.producer, self.epoch)
                + _one(topic, [struct.pack(">iqh", partition, offset, -1)]))
        self._ask(28, 0, body, self._of_partitions(topic, 8))

    def produce(self, topic, partition, values):
        sequence = self.sequences.get(partition, 0)
        batch = self._batch(values, sequence)
        body = _text(self.id) + struct.pack(">hi", -1, 10_000) + _one(
            topic, [struct.pack(">ii", partition, len(batch)) + batch])
        self._ask(0, 7, body, self._error_at(4 + 2 + len(topic) + 4 + 4))
        self.sequences[partition] = sequence + len(values)

    def _batch(self, values, sequence):
        records = b""
        for i, value in enumerate(values):
            record = b"\0\0" + _varint(i) + _varint(-1) + _varint(len(value)) + value + b"\0"
            records += _varint(len(record)) + record
        now = int(time.time() * 1000)
        tail = struct.pack(">hiqqqhii", TRANSACTIONAL, len(values) - 1, now, now, self.producer,
                           self.epoch, sequence, len(values)) + records
        return struct.pack(">qiibI", 0, len(tail) + 9, -1, 2, _crc32c(tail)) + tail

    def end(self, commit):
        self._ask(26, 1, self._who() + struct.pack(">b", commit), self._error_at(4))


def ends(port, topic, partitions):
    """(last stable offset, high watermark) of each partition: ListOffsets 2 of both isolations."""
    connection = Connection(port)

    def latest(isolation):
        body = struct.pack(">ib", -1, isolation) + _one(
            topic, [struct.pack(">iq", p, -1) for p in range(partitions)])
        answer = connection.ask(2, 2, body)
        at = 4 + 4 + 2 + len(topic) + 4  # throttle, topics, name, partitions
        found = {}
        for i in range(partitions):
            partition, error, _, offset = struct.unpack_from(">ihqq", answer, at + 22 * i)
            if error:
                raise AssertionError(f"ListOffsets: error {error}")
            found[partition] = offset
        return [found[p] for p in range(partitions)]

    stable = latest(1)  # first, or a transaction that ends between might put it behind the end
    found = list(zip(stable, latest(0), strict=True))
    connection.close()
    return found


def open_transactions(port):
    """How many the hub lists: ListTransactions 0, which is flexible."""
    state = b"Ongoing"
    connection = Connection(port)
    answer = connection.ask(66, 0, bytes([2, len(state) + 1]) + state + b"\1\0", flexible=True)
    connection.close()
    error, = struct.unpack_from(">h", answer, 4)
    if error or answer[6] != 1:
        raise AssertionError(f"ListTransactions: error {error}, or it knows no state Ongoing")
    count = shift = 0
    for byte in answer[7:]:
        count |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return max(count - 1, 0)
    raise AssertionError("ListTransactions: the answer ends too early")
