"""Records through every codec: what was sent is what is read, byte for byte.

    theme_records.py CLIENT
"""

import dataclasses
import threading

from kafka_hub import CODECS, T0, Record, big_record, small_records
from matrix import Theme, run


class Records(Theme):
    def assert_same(self, sent, found, timestamps=True):
        for expected, got in zip(sent, found, strict=True):
            expected = self.client.carried(dataclasses.replace(expected, offset=got.offset))
            if not timestamps:
                expected.timestamp = got.timestamp
            if expected != got:
                self.fail(f"\nsent {str(expected)[:600]}\ngot  {str(got)[:600]}")

    def sample(self):
        return [r for r in small_records() if self.client.producible(r)] + [big_record()]

    def test_every_codec_of_the_client_carries_every_kind_of_record(self):
        sample = self.sample()
        for codec in self.client.codecs:
            with self.subTest(codec=codec):
                topic = f"codec-{codec}"
                self.client.produce(topic, sample[:-1], codec=codec)
                self.client.produce(topic, sample[-1:], codec=codec)
                found = self.client.consume(topic, 0, "earliest", count=len(sample))
                self.assert_same(sample, found, timestamps=self.name != "kcat")
                self.assertEqual([r.offset for r in found], list(range(len(sample))))
                # The hub keeps what came. librdkafka sends a batch as it is when its codec makes
                # it no smaller.
                kept = {CODECS[batch.codec] for batch in self.batches(topic)}
                self.assertLessEqual(kept, {codec, "none"})
                self.assertIn(codec, kept)

    def test_every_codec_of_another_client_is_read(self):
        sample = small_records() + [big_record()]
        for codec in self.client.codecs:
            with self.subTest(codec=codec):
                topic = f"other-{codec}"
                self.reference.produce(topic, sample[:-1], codec=codec)
                self.reference.produce(topic, sample[-1:], codec=codec)
                found = self.client.consume(topic, 0, "earliest", count=len(sample))
                self.assert_same(sample, found)

    def test_reading_begins_at_any_offset_also_inside_a_batch(self):
        records = [Record(b"k", b"%d" % i, (), T0) for i in range(30)]
        for codec in ("none", "gzip"):
            self.reference.produce(f"offsets-{codec}", records, codec=codec)
            for start in (0, 1, 17, 29):
                found = self.client.consume(f"offsets-{codec}", 0, start, count=30 - start)
                self.assertEqual([(r.offset, r.value) for r in found],
                                 [(i, b"%d" % i) for i in range(start, 30)])

    def test_reading_from_the_latest_sees_only_what_is_new(self):
        self.reference.produce("latest", [Record(value=b"old")] * 5)
        found = []
        reading = threading.Thread(
            target=lambda: found.extend(self.client.consume("latest", 0, "latest", count=1)))
        reading.start()
        while reading.is_alive():  # nobody can tell when a client has found the end
            self.reference.produce("latest", [Record(value=b"new")])
            reading.join(0.1)
        self.assertEqual([r.value for r in found], [b"new"])


if __name__ == "__main__":
    run(Records)
