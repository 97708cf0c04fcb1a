"""That million.py would notice: every kind of difference, one at a time."""

import dataclasses
import unittest

from million_records import MIB, Expected, Mixture, Seen, Wrong, digest


def differences(record):
    """The same record with one thing else: a field changed, its pairs exchanged, cut, repeated."""
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if isinstance(value, list):
            changed = [value[1:], value + value[:1], value[::-1],
                       [(name + "x", v) for name, v in value]]
            others = [v for v in changed if v != value]
        elif isinstance(value, bytes):
            others = [value + b"x", value[:-1] + b"?" if value[-1:] != b"?" else b""]
        elif isinstance(value, str):
            others = [value + "x"]
        elif isinstance(value, int):
            others = [value + 1]
        else:
            others = [b""] if field.name in ("key", "value", "correlation") else []
        for other in others:
            yield field.name, dataclasses.replace(record, **{field.name: other})


class MixtureTest(unittest.TestCase):
    def test_the_same_seed_gives_the_same_records_and_another_others(self):
        def some(seed):
            mixture = Mixture(seed)
            return [(mixture.publish(1, True), mixture.produce(2)) for _ in range(50)]

        self.assertEqual(some(3), some(3))
        self.assertNotEqual(some(3), some(4))

    def test_it_holds_nulls_empty_ones_repeats_and_values_of_1_mib(self):
        mixture = Mixture(1)
        produced = [mixture.produce(0) for _ in range(20_000)]
        values = {None if r.value is None else len(r.value) for r in produced}
        self.assertLessEqual({None, 0, MIB}, values)
        self.assertLessEqual({None, b""}, {r.key for r in produced})
        self.assertLessEqual({None, b""}, {v for r in produced for _, v in r.headers})
        self.assertTrue(any(len(dict(r.headers)) < len(r.headers) for r in produced))
        self.assertLess(sum(r.mqtt_topic is None for r in produced), len(produced) // 4)


class DigestTest(unittest.TestCase):
    def test_every_difference_of_a_record_is_seen_at_the_kafka_door(self):
        mixture = Mixture(1)
        for record in [mixture.produce(0) for _ in range(300)]:
            for name, other in differences(record):
                if name not in ("partition", "mqtt_topic"):  # these are the stream
                    self.assertNotEqual(record.at_kafka(), other.at_kafka(), (name, record))
        for record in [mixture.publish(1, True) for _ in range(300)]:
            for name, other in differences(record):
                if name != "qos" or record.qos == 1:  # 1 is not written; 2 is the other one used
                    self.assertNotEqual(record.at_kafka(), other.at_kafka(), (name, record))

    def test_every_difference_of_a_publish_is_seen_at_the_mqtt_door(self):
        mixture = Mixture(1)
        for record in [mixture.publish(1, True) for _ in range(300)]:
            for name, other in differences(record):
                if name not in ("topic", "client", "expiry"):  # stream; not shown; compared apart
                    self.assertNotEqual(record.at_mqtt(), other.at_mqtt(), (name, record))

    def test_none_empty_and_the_borders_of_fields_are_told_apart(self):
        made = [digest(*parts) for parts in (
            (None,), (b"",), ("",), ([],), (b"ab", b"c"), (b"a", b"bc"), ([b"a"], b"bc"), (0,),
            (b"0",))]
        self.assertEqual(len(set(made)), len(made))


class SeenTest(unittest.TestCase):
    def see(self, values):
        expected = Expected()
        for value in (10, 11, 12, 11):
            expected.add("s", value)
        seen = Seen("reader", expected)
        for value in values:
            seen.add("s", value)
        seen.check_whole()

    def test_what_is_as_expected_passes(self):
        self.see([10, 11, 12, 11])

    def test_loss_repeats_reordering_changes_and_surplus_do_not(self):
        for values in ([10, 11, 12], [11, 12, 11], [10, 10, 11, 12, 11], [10, 12, 11, 11],
                       [10, 11, 13, 11], [10, 11, 12, 11, 11], []):
            with self.subTest(values=values), self.assertRaises(Wrong):
                self.see(values)

    def test_an_unknown_stream_does_not(self):
        with self.assertRaises(Wrong):
            Seen("reader", Expected()).add("other", 1)


if __name__ == "__main__":
    unittest.main()
