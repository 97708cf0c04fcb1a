"""runnel-kafka-load against a broker that does wrong on purpose, and against its own peers.

Usage: kafka_load.py RUNNEL-KAFKA-LOAD [unittest arguments]
"""

import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
here = pathlib.Path(__file__).resolve()
sys.path[:0] = [str(here.parent), str(here.parents[1])]

import faulty_kafka  # noqa: E402
from comparison import page_cache  # noqa: E402
from faulty_kafka import FaultyKafka, Faults  # noqa: E402

TOOL = ""
RECORDS = 600
EXIT_GOOD, EXIT_NOT_GOOD = 0, 1


def run_load(port: int, *arguments: str) -> tuple[int, dict]:
    done = subprocess.run(
        [TOOL, "--port", str(port), *arguments], capture_output=True, text=True, timeout=60,
        check=False)
    if not done.stdout:
        raise AssertionError(f"exit code {done.returncode}: {done.stderr}")
    return done.returncode, json.loads(done.stdout)


class Peer:
    """A peer of the tool on a free port."""

    def __init__(self, *arguments: str):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self._process = subprocess.Popen([TOOL, "--port", str(self.port), *arguments])
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.02)
        self.__exit__()
        raise RuntimeError("the peer does not listen")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()


class ProduceTest(unittest.TestCase):
    """One connection, one partition and single records, so that it is known what a fault costs."""

    def produce(self, faults: Faults, *more: str) -> tuple[int, dict]:
        arguments = more or ("--batch", "0")
        with FaultyKafka(faults) as broker:
            code, report = run_load(
                broker.port, "produce", "--records", str(RECORDS), "--verify", *arguments)
        self.assertEqual(broker.complaints, [])
        return code, report

    def expect(self, faults: Faults, **counts: int) -> None:
        code, report = self.produce(faults)
        self.assertEqual(report["acknowledged"], RECORDS)
        expected = dict.fromkeys(
            ("lost", "repeats", "reordered", "misrouted", "invented", "misplaced", "foreign",
             "damaged", "gaps"), 0) | counts
        self.assertEqual({name: report["kept"][name] for name in expected}, expected)
        self.assertEqual(code, EXIT_NOT_GOOD if counts else EXIT_GOOD)

    def test_nothing_is_found_where_nothing_is_wrong(self):
        self.expect(Faults())

    def test_batches_of_many_records_and_connections_are_as_kafka_has_them(self):
        with FaultyKafka(Faults()) as broker:
            code, report = run_load(
                broker.port, "--partitions", "2", "produce", "--connections", "5",
                *("--in-flight", "7", "--record", "333", "--batch", "4000", "--records", "2000"),
                "--verify")
        self.assertEqual(broker.complaints, [])
        self.assertEqual(code, EXIT_GOOD, report)
        self.assertEqual(report["records_per_batch"], (4000 - 61) // (333 + 9))
        self.assertGreaterEqual(report["acknowledged"], 2000)
        self.assertEqual(report["kept"]["found"], report["acknowledged"])
        self.assertEqual(
            report["ack_latency_us"]["count"],
            report["acknowledged"] // report["records_per_batch"])

    def test_every_lost_record_is_found(self):
        self.expect(Faults(kept=lambda b: [x for i, x in enumerate(b) if i % 100 != 7]), lost=6,
                    misplaced=1)

    def test_lost_records_at_the_end_are_found(self):
        self.expect(Faults(kept=lambda b: b[:-4]), lost=4)

    def test_every_repeat_is_found(self):
        self.expect(Faults(kept=lambda b: b + b[10:30]), repeats=20)

    def test_every_record_that_comes_late_is_found(self):
        def exchange(batches):
            out = list(batches)
            for i in range(0, 100, 10):
                out[i], out[i + 1] = out[i + 1], out[i]
            return out

        self.expect(Faults(kept=exchange), reordered=10)

    def test_a_flipped_bit_is_found(self):
        def flip(batches):
            broken = bytearray(batches[5])
            broken[-20] ^= 1
            return [*batches[:5], bytes(broken), *batches[6:]]

        self.expect(Faults(kept=flip), damaged=1, lost=1)

    def test_a_hole_in_the_offsets_is_found(self):
        self.expect(Faults(shift=3), gaps=1, misplaced=1)

    def test_answers_with_offsets_that_do_not_go_up_are_found(self):
        code, report = self.produce(Faults(answer=lambda offset: offset - offset % 2))
        self.assertEqual(report["wrong_offsets"], RECORDS // 2)
        self.assertEqual(code, EXIT_NOT_GOOD)

    def test_a_refused_request_ends_the_load_and_is_named(self):
        code, report = self.produce(Faults(error=lambda number: 87 if number == 50 else 0))
        self.assertEqual(code, EXIT_NOT_GOOD)
        self.assertEqual((report["acknowledged"], report["first_error"]), (50, "produce: error 87"))
        self.assertEqual(report["acknowledged"] + report["refused"], report["sent"])
        self.assertEqual(report["kept"]["lost"], 0)


class WaitTest(unittest.TestCase):
    def wait(self, faults: Faults, *more: str) -> tuple[int, dict]:
        with FaultyKafka(faults) as broker:
            run_load(broker.port, "-p", "3", "produce", "-c", "3", "--records", "3000")
            code, report = run_load(
                broker.port, "-p", "3", "wait", "--consumers", "6", "--max-wait", "200",
                *("--seconds", "0.5", *more))
        self.assertEqual(broker.complaints, [])
        return code, report

    def test_consumers_wait_as_long_as_they_asked_and_then_all_read(self):
        code, report = self.wait(Faults(), "--read-seconds", "0.5", "--max-bytes", "50000")
        self.assertEqual(code, EXIT_GOOD, report)
        self.assertEqual(report["polls"], 6 * 3)
        self.assertGreaterEqual(report["whole_reads"], 6)

    def test_answers_before_their_time_are_found(self):
        code, report = self.wait(Faults(empty_wait=lambda seconds: 0.1))
        self.assertEqual(code, EXIT_NOT_GOOD)
        self.assertEqual(report["early"], report["polls"])

    def test_answers_long_after_their_time_are_found(self):
        code, report = self.wait(Faults(empty_wait=lambda seconds: seconds + 1.1))
        self.assertEqual(code, EXIT_NOT_GOOD)
        self.assertEqual(report["late"], report["polls"])


class PeersTest(unittest.TestCase):
    def setUp(self):
        self._directory = tempfile.TemporaryDirectory()
        self.addCleanup(self._directory.cleanup)
        self.file = pathlib.Path(self._directory.name) / "file"

    def produce(self, peer: Peer) -> dict:
        code, report = run_load(
            peer.port, "--partitions", "4", "produce", "--no-setup", "--connections", "4",
            *("--in-flight", "9", "--records", "3000", "--batch", "2000"))
        self.assertEqual(code, EXIT_GOOD, report)
        self.assertEqual(report["acknowledged"], report["sent"])
        return report

    def test_the_bare_file_holds_every_acknowledged_batch(self):
        with Peer("append-peer", "--file", str(self.file)) as peer:
            report = self.produce(peer)
        data, records, streams = self.file.read_bytes(), 0, {}
        while data:
            size = 12 + int.from_bytes(data[8:12], "big")
            batch, data = data[:size], data[size:]
            records += faulty_kafka.check_batch(batch)
            stream, sequence = batch_stamp(batch)
            self.assertGreater(sequence, streams.get(stream, -1))
            streams[stream] = sequence
        self.assertEqual(records, report["acknowledged"])
        self.assertEqual(len(streams), 4)

    def test_a_file_that_is_laid_out_keeps_its_size(self):
        size = 1 << 20
        with Peer("append-peer", "--file", str(self.file), "--laid-out", str(size)) as peer:
            self.assertEqual(self.file.stat().st_size, size)
            self.produce(peer)
            self.produce(peer)
            self.produce(peer)
            self.produce(peer)  # 4 x 320 KB: over its end
        self.assertEqual(self.file.stat().st_size, size)

    def test_both_bytes_peers_send_what_is_asked_for(self):
        content = random.Random(7).randbytes(300_000)
        self.file.write_bytes(content)
        for how in ([], ["--copy"]):
            with self.subTest(how=how), Peer("bytes-peer", "--file", str(self.file), *how) as peer:
                with socket.create_connection(("127.0.0.1", peer.port)) as client:
                    for at, size in ((0, 300_000), (123, 45_678), (299_999, 1)):
                        client.sendall(at.to_bytes(8, "big") + size.to_bytes(4, "big"))
                        answer = client.makefile("rb").read(4 + size)
                        self.assertEqual(answer[:4], size.to_bytes(4, "big"))
                        self.assertEqual(answer[4:], content[at : at + size])
                code, report = run_load(
                    peer.port, "consume", "--raw", "300000", "--max-bytes", "7777")
                self.assertEqual(code, EXIT_GOOD)
                self.assertEqual((report["bytes"], report["fetches"]), (300_000, 39))


class PageCacheTest(unittest.TestCase):
    def test_what_was_read_is_resident_and_what_was_dropped_is_not(self):
        with tempfile.TemporaryDirectory(dir=os.path.dirname(TOOL)) as name:
            directory = pathlib.Path(name)
            (directory / "a").write_bytes(bytes(1 << 20))
            (directory / "empty").touch()
            self.assertEqual(page_cache.resident_bytes(directory), 1 << 20)
            page_cache.drop(directory)
            resident = page_cache.resident_bytes(directory)
        if resident:
            self.skipTest("this file system keeps its pages")  # a tmpfs has nothing else


def batch_stamp(batch: bytes) -> tuple[int, int]:
    """Stream and number of the first record, in host byte order."""
    at = faulty_kafka.BATCH_HEAD.size
    _, at = faulty_kafka.varint(batch, at)
    at += 4  # attributes, time, offset and no key: a byte each
    _, at = faulty_kafka.varint(batch, at)
    return (int.from_bytes(batch[at + 4 : at + 8], sys.byteorder),
            int.from_bytes(batch[at + 8 : at + 16], sys.byteorder))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    TOOL = os.path.abspath(sys.argv.pop(1))
    unittest.main()
