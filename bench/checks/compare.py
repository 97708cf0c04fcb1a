"""The parts of bench/compare that can be wrong without a broker."""

import os
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from comparison import brokers, cli, procfs, tables  # noqa: E402

MOUNTINFO = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:5 / /data/old\040disk rw,nosuid - xfs /dev/sdb1 rw
24 22 0:6 / /data rw - btrfs /dev/sdc rw
25 24 0:7 / /data rw,noatime shared:9 master:2 - tmpfs none rw
"""


class ProcfsTest(unittest.TestCase):
    def test_cpu_time_is_read_behind_any_program_name(self):
        stat = "77 (a) b (c) S 1 77 77 0 -1 4194560 1 2 3 4 150 25 7 8 20 0 1 0 100"
        self.assertEqual(procfs.parse_cpu_ticks(stat), 175)

    def test_the_deepest_and_latest_mount_holds_a_path(self):
        mounts = procfs.parse_mounts(MOUNTINFO)
        kinds = {
            path: procfs.mount_of(pathlib.Path(path), mounts).fs_type
            for path in ("/data/x", "/data/old disk/x", "/database", "/")
        }
        self.assertEqual(
            kinds, {"/data/x": "tmpfs", "/data/old disk/x": "xfs", "/database": "ext4", "/": "ext4"}
        )

    def test_sectors_written_is_the_seventh_number(self):
        self.assertEqual(procfs.parse_sectors_written("  1 2 3 4 5 6 4096 8 9 10 11"), 4096)

    def test_a_size_that_is_not_in_kib_is_refused(self):
        self.assertEqual(procfs.parse_kib("12 kB"), 12288)
        with self.assertRaises(ValueError):
            procfs.parse_kib("12 MB")

    def test_anonymous_memory_grows_by_what_is_allocated(self):
        before = procfs.anonymous_bytes(os.getpid())
        block = bytearray(b"x") * (32 * 2**20)
        grown = procfs.anonymous_bytes(os.getpid()) - before
        self.assertGreaterEqual(grown, len(block) * 9 // 10)
        self.assertLess(grown, len(block) * 2)


class TablesTest(unittest.TestCase):
    def test_a_ratio_is_ours_by_theirs_and_of_medians(self):
        self.assertEqual(tables.ratio([30.0, 10.0, 1000.0], [10.0, 11.0, 1.0]), "3.00 x")
        self.assertEqual(tables.ratio([1.0], []), "-")
        self.assertEqual(tables.ratio([1.0], [0.0]), "-")

    def test_a_spread_names_the_lowest_and_the_highest(self):
        self.assertEqual(
            tables.median_and_spread([12345.0, 99.5, 2_000_000.0]), "12,345 (99.5 to 2,000,000)"
        )

    def test_rows_of_a_table_are_aligned(self):
        table = tables.Table("t", ["broker", "n"], [["a", "1,000"], ["longer", "2"]])
        lines = table.markdown().splitlines()[2:]
        self.assertEqual(lines, [
            "| broker |     n |",
            "|:-------|------:|",
            "| a      | 1,000 |",
            "| longer |     2 |",
        ])


class NatsTest(unittest.TestCase):
    def test_sync_always_needs_the_version_that_brought_it(self):
        class Of(brokers.NatsSync):
            def version(self):
                return self.binary

        versions = ["v2.9.10", "v2.10.0", "v2.11.4-beta", "v3.0.0", "unknown"]
        supported = [Of(f"nats-server: {version}", 0).supported() for version in versions]
        self.assertEqual(supported, [False, True, True, True, False])


class ReportTest(unittest.TestCase):
    def test_the_recorded_command_says_nothing_of_the_machines_folders(self):
        shown = cli.shown_arguments(["--load", f"{cli.ROOT}/build/x", "--data", "/srv/disk/d"])
        self.assertEqual(shown, "bench/compare --load build/x --data d")
        self.assertEqual(cli.shown_arguments(["--record"], "bench/kafka"), "bench/kafka --record")


if __name__ == "__main__":
    unittest.main()
