#!/usr/bin/python3
"""Writes the seeds of corpus/record_batch that real clients make: their batches, as a broker gets them.

A broker of a few lines says yes to everything and keeps what it is sent. Clients, each with all of its
codecs: librdkafka (python3-confluent-kafka, also idempotent and in a transaction), kafka-python
(python3-kafka with python3-snappy, python3-lz4 and python3-zstandard), kafkajs (when NODE_PATH has it
and kafkajs-snappy). Then the streams that Kafka's Java clients compress with, put under librdkafka's
head (libsnappy-java, liblz4-java, libzstd-jni-java). What is not installed is left out.

Every batch holds the same five records; tests/unit/storage/client_batches_test.cpp has them as well.
"""

import gzip
import json
import os
import pathlib
import shutil
import socketserver
import struct
import subprocess
import threading

FOLDER = pathlib.Path(__file__).parent / "corpus" / "record_batch"
TOPIC = "t"
BASE_MS = 1_700_000_000_000


def records(codec):
    """Key, value, headers, ms. The fourth is over 64 KiB where that costs little: several blocks."""
    long = b"0123456789abcdef" * (10 if codec == "none" else 6400)
    return [
        (b"sensor-1", b'{"celsius": 21.5}', [("unit", b"C"), ("empty", b"")], BASE_MS),
        (None, b"", [], BASE_MS + 30),
        (b"", None, [], BASE_MS + 10),
        (b"long", long, [], BASE_MS + 40),
        (b"bytes", bytes(range(256)), [("h", b"1"), ("h", b"2")], BASE_MS + 20),
    ]


# The broker: versions before the flexible ones only.
VERSIONS = {0: (0, 7), 1: (0, 11), 2: (0, 2), 3: (0, 4), 8: (0, 3), 9: (0, 2), 10: (0, 2), 11: (0, 2),
            12: (0, 1), 13: (0, 1), 14: (0, 1), 17: (0, 1), 18: (0, 0), 22: (0, 1), 24: (0, 1),
            25: (0, 1), 26: (0, 1)}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def num(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(form)))[0]

    def text(self):
        n = self.num("h")
        return self.take(n) if n >= 0 else None


def text(raw):
    return struct.pack(">h", len(raw)) + raw


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        while size := self.rfile.read(4):
            request = Reader(self.rfile.read(struct.unpack(">i", size)[0]))
            key, version, correlation = request.num("h"), request.num("h"), request.num("i")
            request.text()
            body = self.answer(key, version, request)
            if body is not None:
                frame = struct.pack(">i", correlation) + body
                self.wfile.write(struct.pack(">i", len(frame)) + frame)

    def answer(self, key, version, request):
        names = {0: self.produce, 3: self.metadata, 10: self.coordinator, 18: self.versions,
                 22: self.producer_id, 24: self.add_partitions, 26: self.end}
        return names[key](version, request)

    def versions(self, version, _):
        entries = b"".join(struct.pack(">hhh", k, *ends) for k, ends in VERSIONS.items())
        return struct.pack(">hi", 35 if version > 0 else 0, len(VERSIONS)) + entries

    def address(self):
        return text(b"127.0.0.1") + struct.pack(">i", self.server.server_address[1])

    def metadata(self, version, _):
        out = struct.pack(">i", 0) if version >= 3 else b""
        out += struct.pack(">ii", 1, 1) + self.address()
        out += struct.pack(">h", -1) if version >= 1 else b""
        out += text(b"a-cluster-of-one") if version >= 2 else b""
        out += struct.pack(">i", 1) if version >= 1 else b""
        out += struct.pack(">ih", 1, 0) + text(TOPIC.encode()) + (b"\0" if version >= 1 else b"")
        return out + struct.pack(">ihiiiiii", 1, 0, 0, 1, 1, 1, 1, 1)

    def coordinator(self, version, _):
        head = struct.pack(">ihh", 0, 0, -1) if version >= 1 else struct.pack(">h", 0)
        return head + struct.pack(">i", 1) + self.address()

    def producer_id(self, *_):
        return struct.pack(">ihqh", 0, 0, 7000, 3)

    def add_partitions(self, *_):
        return struct.pack(">ii", 0, 1) + text(TOPIC.encode()) + struct.pack(">iih", 1, 0, 0)

    def end(self, *_):
        return struct.pack(">ih", 0, 0)

    def produce(self, version, request):
        request.text()
        acks, _, _ = request.num("h"), request.num("i"), request.num("i")
        topic, _, partition = request.text(), request.num("i"), request.num("i")
        self.server.batches.append(request.take(request.num("i")))
        if acks == 0:
            return None
        out = struct.pack(">i", 1) + text(topic) + struct.pack(">iihqq", 1, partition, 0, 0, -1)
        return out + (struct.pack(">q", 0) if version >= 5 else b"") + struct.pack(">i", 0)


class Broker(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Connection)
        self.batches = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def captured(self):
        """The one batch of a client's run."""
        assert len(self.batches) == 1, [len(b) for b in self.batches]
        return self.batches.pop()


def librdkafka(address, codec, **more):
    import confluent_kafka
    producer = confluent_kafka.Producer({
        "bootstrap.servers": address, "compression.type": codec, "linger.ms": 300, **more})
    transactional = "transactional.id" in more
    if transactional:
        producer.init_transactions(10)
        producer.begin_transaction()
    for key, value, headers, ms in records(codec):
        producer.produce(TOPIC, value, key, partition=0, timestamp=ms, headers=headers)
    producer.flush(10)
    if transactional:
        producer.commit_transaction(10)


def kafka_python(address, codec):
    import kafka
    producer = kafka.KafkaProducer(
        bootstrap_servers=address, compression_type=None if codec == "none" else codec, linger_ms=300,
        batch_size=200_000, api_version=(2, 1, 0))
    for key, value, headers, ms in records(codec):
        producer.send(TOPIC, value, key, headers, 0, ms)
    producer.flush(10)
    producer.close(10)


KAFKAJS = """
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require('kafkajs');
CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy');
const [address, codec] = process.argv.slice(1);
const json = require('fs').readFileSync(0, 'utf8');
const bytes = (hex) => (hex === null ? null : Buffer.from(hex, 'hex'));
const messages = JSON.parse(json).map(([key, value, headers, ms]) => ({
  key: bytes(key), value: bytes(value), timestamp: String(ms), partition: 0,
  headers: headers.reduce((all, [name, v]) => {
    all[name] = all[name] === undefined ? bytes(v) : [].concat(all[name], bytes(v));
    return all;
  }, {}),
}));
(async () => {
  const producer = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  const compression = { none: 0, gzip: 1, snappy: 2 }[codec];
  await producer.send({ topic: 't', compression, messages });
  await producer.disconnect();
})();
"""


def kafkajs(address, codec):
    plain = [(k if k is None else k.hex(), v if v is None else v.hex(), [(n, h.hex()) for n, h in hs], ms)
             for k, v, hs, ms in records(codec)]
    subprocess.run(["node", "-e", KAFKAJS, address, codec], input=json.dumps(plain), text=True,
                   check=True, timeout=60)


JAVA = """
import java.io.*;
public class Codec {
  static OutputStream over(String codec, OutputStream out) throws IOException {
    switch (codec) {
      case "gzip": return new java.util.zip.GZIPOutputStream(out);
      case "snappy": return new org.xerial.snappy.SnappyOutputStream(out);
      case "lz4": return new net.jpountz.lz4.LZ4FrameOutputStream(
          out, net.jpountz.lz4.LZ4FrameOutputStream.BLOCKSIZE.SIZE_64KB);
      default: return new com.github.luben.zstd.ZstdOutputStream(
          out, Integer.parseInt(codec.substring(4)));
    }
  }
  public static void main(String[] args) throws IOException {
    byte[] in = System.in.readAllBytes();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (OutputStream o = over(args[0], out)) { o.write(in); }
    System.out.write(out.toByteArray());
    System.out.flush();
  }
}
"""


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def with_payload(batch, codec_number, payload):
    covered = struct.pack(">h", codec_number) + batch[23:61] + payload
    return batch[:8] + struct.pack(">i", 49 + len(payload)) + batch[12:17] + struct.pack(
        ">I", crc32c(covered)) + covered


def java(gzip_batch):
    """Each stream over the records of a batch that librdkafka made."""
    source = FOLDER / "Codec.java"
    source.write_text(JAVA)
    jars = ":".join(f"/usr/share/java/{name}.jar" for name in ("snappy-java", "lz4-java", "zstd-jni"))
    inner = gzip.decompress(gzip_batch[61:])
    for codec, number in (("gzip", 1), ("snappy", 2), ("lz4", 3), ("zstd3", 4), ("zstd22", 4)):
        done = subprocess.run(["java", "-cp", jars, source, codec], input=inner, capture_output=True,
                              check=True, timeout=60)
        write(f"java_{codec}", with_payload(gzip_batch, number, done.stdout))
    source.unlink()


def write(name, batch):
    (FOLDER / name).write_bytes(batch)
    print(f"{name}: {len(batch)} bytes")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    broker = Broker()
    address = "127.0.0.1:%d" % broker.server_address[1]
    runs = [(librdkafka, c, c, {}) for c in ("none", "gzip", "snappy", "lz4", "zstd")]
    runs += [(librdkafka, "idempotent", "none", {"enable.idempotence": True}),
             (librdkafka, "transactional", "lz4", {"transactional.id": "x"})]
    runs += [(kafka_python, c, c, {}) for c in ("none", "gzip", "snappy", "lz4", "zstd")]
    if "NODE_PATH" in os.environ:
        runs += [(kafkajs, c, c, {}) for c in ("none", "gzip", "snappy")]
    for client, name, codec, more in runs:
        client(address, codec, **more)
        write(f"{client.__name__}_{name}", broker.captured())
    if shutil.which("java"):
        java((FOLDER / "librdkafka_gzip").read_bytes())


if __name__ == "__main__":
    main()
