"""Clients that are programs, run once per operation: librdkafka from C and C++, and kcat."""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

from kafka_client import BASICS, PATIENCE_S, Client, ClientError
from kafka_hub import Record, support


class Program(Client):
    """librdkafka_c and librdkafka_cpp: see drivers/librdkafka.c."""

    file = ""
    can = frozenset(
        BASICS | {"idempotent", "transact", "isolation", "transform", "resumes"})
    _STARTS = {"latest": -1, "earliest": -2}

    def __init__(self, the_hub):
        super().__init__(the_hub)
        self._transactional = {}  # processes by their ids

    def _command(self, *words, **properties):
        folder = pathlib.Path(os.environ["KAFKA_PROGRAM_FOLDER"])
        properties = {
            "bootstrap.servers": self.hub.bootstrap, "reconnect.backoff.max.ms": "500",
            "topic.metadata.propagation.max.ms": "2000", **self.login_properties(), **properties}
        return [str(folder / self.file), *map(str, words),
                *(f"{key}={value}" for key, value in properties.items())]

    def _run(self, *words, stdin=b"", **properties):
        done = subprocess.run(
            self._command(*words, **properties), input=stdin, capture_output=True,
            timeout=PATIENCE_S)
        lines = done.stdout.decode().splitlines()
        errors = [line[2:] for line in lines if line.startswith("E ")]
        if errors or done.returncode != 0:
            raise ClientError("; ".join(errors) or f"status {done.returncode}: {done.stderr!r}")
        return [line.split(" ") for line in lines]

    @staticmethod
    def _word(data):
        return "-" if data is None else "x" + data.hex()

    def _line(self, r):
        headers = "".join(f" {name}= {self._word(value)}" for name, value in r.headers)
        return (f"R {r.partition} 0 {r.timestamp or 0} {self._word(r.key)} {self._word(r.value)}"
                f"{headers}\n").encode()

    def produce(self, topic, records, codec="none", acks="all", idempotent=False):
        lines = self._run("produce", topic, stdin=b"".join(map(self._line, records)), **{
            "compression.type": codec, "acks": acks, "linger.ms": 20,
            "enable.idempotence": str(idempotent).lower(), "message.max.bytes": 16 << 20})
        offsets = {int(index): int(offset) for _, index, offset in lines}
        return [offsets[i] for i in range(len(records))]

    def produce_slowly(self, topic, count, acknowledged, idempotent=False):
        process = feed(
            self._command("produce", topic, **{
                "enable.idempotence": str(idempotent).lower(), "linger.ms": 5}),
            (self._line(Record(value=b"%d" % n)) for n in range(count)))
        for line in process.stdout:
            if not line.startswith(b"D "):
                raise ClientError(line.decode())
            acknowledged.append(int(line.split()[1]))
        process.wait()

    def transact(self, id, topic, records, end="commit", timeout_ms=60_000, offsets=()):
        process = self._transactional.get(id)
        if process is None:
            process = self._transactional[id] = subprocess.Popen(
                self._command("transact", topic, **{
                    "transactional.id": id, "transaction.timeout.ms": timeout_ms, "linger.ms": 5}),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        lines = [self._line(r) for r in records]
        lines += [" ".join(["O", *map(str, where)]).encode() + b"\n" for where in offsets]
        try:
            process.stdin.write(b"".join(lines) + f"{end}\n".encode())
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it has said why
        watch = threading.Timer(PATIENCE_S, process.kill)
        watch.start()
        stored = []
        for line in process.stdout:
            word, _, rest = line.decode().rstrip().partition(" ")
            if word == "OK":
                watch.cancel()
                return stored
            if word == "E":
                watch.cancel()
                raise ClientError(rest)
            stored.append(int(rest.split()[1]))
        raise AssertionError(f"transact: the client gave no answer within {PATIENCE_S} s")

    def close(self):
        for process in self._transactional.values():
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()
        self._transactional = {}

    def transformer(self, source, target, group, id):
        return support.Process(*self._command("transform", source, target, group, id))

    def consume(self, topic, partition, start, count, isolation="read_committed"):
        start = self._STARTS.get(start, start)
        return [self._found(words) for words in self._run(
            "consume", topic, partition, start, count,
            **{"group.id": "none", "isolation.level": isolation})]

    @staticmethod
    def _found(words):
        def data(word):
            return None if word == "-" else bytes.fromhex(word[1:])

        _, partition, offset, timestamp, key, value, *headers = words
        pairs = zip(headers[::2], headers[1::2], strict=True)
        return Record(data(key), data(value), tuple((n[:-1], data(v)) for n, v in pairs),
                      int(timestamp), int(partition), int(offset))

    def _numbers(self, *words, **properties):
        return [int(number) for _, number in self._run(*words, **properties)]

    def commit(self, group, topic, offsets):
        for partition, offset in offsets:
            self._run("commit", topic, partition, offset, **{"group.id": group})

    def committed(self, group, topic, partitions):
        found = [self._numbers("committed", topic, p, **{"group.id": group})[0]
                 for p in partitions]
        return [None if offset < 0 else [offset, ""] for offset in found]

    def offset_at(self, topic, partition, timestamp):
        found = self._numbers("offset_at", topic, partition, timestamp, **{"group.id": "none"})[0]
        return None if found < 0 else found

    def ends(self, topic, partition):
        return self._numbers("ends", topic, partition, **{"group.id": "none"})

    def member(self, topic, group):
        return support.Process(*self._command("member", topic, **{
            "group.id": group, "auto.offset.reset": "earliest", "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500, "enable.auto.commit": "false"}))


def feed(command, lines):
    """Starts a program and gives it the lines, one every few milliseconds."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def write():
        with process.stdin as pipe:
            for line in lines:
                pipe.write(line)
                pipe.flush()
                time.sleep(0.003)

    threading.Thread(target=write, daemon=True).start()
    return process


class LibrdkafkaC(Program):
    file = "librdkafka_c"


class LibrdkafkaCpp(Program):
    file = "librdkafka_cpp"


class Kcat(Client):
    """kcat sends no times of its own, only text as key, and one set of headers for a file."""

    can = frozenset({"produce", "consume", "offset_at", "idempotent", "topics", "properties", "isolation"})
    # Sizes first, so that any bytes may follow.
    _END = b"<end of head>"
    _FORMAT = "%p %o %T %K %S %h<end of head>%k%s\\n"

    def _run(self, *words, stdin=None):
        login = [part for item in self.login_properties().items() for part in ("-X", "=".join(item))]
        done = subprocess.run(
            ["kcat", "-b", self.hub.bootstrap, *login, *map(str, words)], input=stdin,
            capture_output=True, timeout=PATIENCE_S)
        if done.returncode != 0 or b"Delivery failed" in done.stderr:
            raise ClientError(f"status {done.returncode}: {done.stderr.decode()}")
        return done.stdout

    def carried(self, record):
        """Headers come as one text."""
        text = ",".join(
            f"{name}=" + ("NULL" if value is None else value.decode(errors="surrogateescape"))
            for name, value in record.headers)
        return dataclasses.replace(record, headers=text)

    def producible(self, record):
        text = (record.key or b"", *(value or b"" for _, value in record.headers))
        return (record.key != b"" and record.value != b"" and (record.key or record.value)
                and all(value for _, value in record.headers)
                and not any(b"\0" in word for word in text))

    def produce(self, topic, records, codec="none", acks="all", idempotent=False):
        for r in records:
            words = ["-P", "-t", topic, "-p", r.partition, "-z", codec, "-X", f"acks={acks}", "-X",
                     f"enable.idempotence={str(idempotent).lower()}", "-X",
                     f"message.max.bytes={16 << 20}",
                     "-X", "topic.metadata.propagation.max.ms=2000"]
            for name, value in r.headers:
                words += ["-H", f"{name}={os.fsdecode(value)}"]
            if r.value is None:  # an empty file would be no record at all
                self._run(*words, "-Z", "-K", ":", stdin=r.key + b":\n")
                continue
            with tempfile.NamedTemporaryFile() as file:
                file.write(r.value)
                file.flush()
                key = ["-k", os.fsdecode(r.key)] if r.key is not None else []
                self._run(*words, *key, file.name)

    def produce_slowly(self, topic, count, acknowledged, idempotent=False):
        """It tells by its status, at the end, that all were delivered."""
        process = feed(
            ["kcat", "-b", self.hub.bootstrap, "-q", "-E", "-P", "-t", topic, "-p", "0", "-X",
             f"enable.idempotence={str(idempotent).lower()}", "-X", "reconnect.backoff.max.ms=500"],
            (b"%d\n" % n for n in range(count)))
        if process.wait() != 0:
            raise ClientError(f"kcat: status {process.returncode}")
        acknowledged.extend(range(count))

    def consume(self, topic, partition, start, count, isolation="read_committed"):
        words = {"latest": "end", "earliest": "beginning"}
        # -E: a hub that is away for a while is no end.
        out = self._run(
            "-C", "-E", "-t", topic, "-p", partition, "-o", words.get(start, start), "-c", count,
            "-f", self._FORMAT, "-X", "fetch.wait.max.ms=200", "-X", f"isolation.level={isolation}")
        found = []
        while out:
            head, _, out = out.partition(self._END)
            p, offset, time, key, value, headers = head.split(b" ", 5)
            sizes = max(int(key), 0), max(int(value), 0)
            found.append(Record(
                None if int(key) < 0 else out[:sizes[0]],
                None if int(value) < 0 else out[sizes[0]:sum(sizes)],
                headers.decode(errors="surrogateescape"), int(time), int(p), int(offset)))
            out = out[sum(sizes) + 1:]
        return found

    def offset_at(self, topic, partition, timestamp):
        out = self._run("-Q", "-t", f"{topic}:{partition}:{timestamp}").decode()
        found = int(re.search(r"offset (-?\d+)", out)[1])
        return None if found < 0 else found

    def topics(self):
        found = json.loads(self._run("-L", "-J"))
        return {topic["topic"]: len(topic["partitions"]) for topic in found["topics"]}

    def member(self, topic, group, *properties):
        """kcat commits by itself what it has printed; it tells of assignments on stderr."""
        return support.Process(
            sys.executable, "-B", pathlib.Path(__file__).with_name("kcat_member.py"),
            self.hub.bootstrap, topic, group, *properties)
