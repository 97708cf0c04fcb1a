// The numbered promises of storage/log/log.h.

#include "storage/log/log.h"

#include <atomic>
#include <cerrno>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/disk_faults.h"
#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

using test::Disk;
using test::kMiB;
using test::LogFixture;
using test::Random;
using Kind = Disk::Kind;

TEST(Log, ANewOneIsEmpty) {
  LogFixture f;
  const Log& log = f.open();
  EXPECT_EQ(log.first(), Position(0));
  EXPECT_EQ(log.end(), Position(0));
  EXPECT_EQ(log.boot(), 1U);
  EXPECT_FALSE(log.failed());
  EXPECT_EQ(log.totals().generations, 1U);
  EXPECT_EQ(log.totals().disk_bytes, kMiB);
  EXPECT_FALSE(log.read_block(Position(0)));
  EXPECT_EQ(log.range(PartitionId(9)).high_watermark, Offset(0));
}

TEST(Log, AnEmptyGroupIsCommittedWithoutAWrite) {
  LogFixture f;
  Log& log = f.open();
  const Disk disk(f.dir());
  Group group;
  group.wait({});
  EXPECT_EQ(log.commit(group), Errc::ok);
  EXPECT_EQ(disk.calls(Kind::write), 0U);
  EXPECT_EQ(log.end(), Position(0));
}

TEST(Log, TellsWhatItStored) {
  LogFixture f;
  Log& log = f.open();
  ASSERT_EQ(f.commit_value(1, "first"), Errc::ok);
  Group group;
  f.model.append(group, PartitionId(2), {"k", "second", {}, 0});
  f.model.append(group, PartitionId(1), {"k", "third", {}, 0});
  ASSERT_EQ(f.settle(group), Errc::ok);
  EXPECT_EQ(group.outcome.first, Position(1));
  EXPECT_EQ(group.outcome.records, Errc::ok);
  EXPECT_EQ(group.outcome.state, Errc::ok);
  ASSERT_EQ(group.outcome.blocks.size(), 1U);
  const BlockPtr block = group.outcome.blocks[0];
  EXPECT_EQ(block->first(), Position(1));
  EXPECT_EQ(block->record(0)->value, "second");
  EXPECT_EQ(block->record(1)->value, "third");
  EXPECT_EQ(block->record(1)->offset, Offset(1));
  f.model.expect_same(log);
  EXPECT_EQ(log.metrics().payload_bytes.value(), 5U + 6U + 5U);
}

// Promise 1.
TEST(Log, ReportsSuccessOnlyAfterTheGroupIsOnStableStorage) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 4 * kMiB;
  Log& log = f.open();
  const Disk disk(f.dir());
  std::uint64_t flushes = 0;
  while (log.totals().discarded == 0) {
    ASSERT_EQ(f.commit_random(random, random.between(1, 20), 5000), Errc::ok);
    ASSERT_EQ(disk.unflushed_files(), 0U) << "success was reported before a flush";
    ASSERT_EQ(disk.overtaken(), 0U) << "a meta page went out before the pages that it names";
    ASSERT_GT(disk.calls(Kind::flush), flushes) << "success was reported without a flush";
    flushes = disk.calls(Kind::flush);
  }
  EXPECT_GE(disk.calls(Kind::rename), 2U)
      << "the test must have seen generations follow each other";
}

// Promise 2, at every call that reaches the disk.
TEST(Log, RecordsAndStateOfAGroupBecomeDurableTogetherOrNotAtAll) {
  std::uint64_t struck = 0;
  for (const Kind kind : {Kind::write, Kind::flush}) {
    for (std::uint64_t n = 0;; ++n) {
      LogFixture f;
      f.open();
      ASSERT_EQ(f.commit_value(0, std::string(5000, 'a')), Errc::ok);
      ASSERT_EQ(f.put_state("speaks-of", "1"), Errc::ok);
      Group group;
      f.model.append(group, PartitionId(0), {"k", std::string(9000, 'b'), {}, 0});
      group.put_state("speaks-of", "2", Group::Tie::records);
      Disk disk(f.dir());
      disk.fail(n, EIO, true, {kind});
      const Errc outcome = f.log().commit(group);
      if (disk.failed() == 0) {
        EXPECT_EQ(outcome, Errc::ok);
        break;
      }
      ++struck;
      EXPECT_EQ(outcome, Errc::log_failed) << "call " << n;
      EXPECT_EQ(group.outcome.records, Errc::log_failed);
      EXPECT_EQ(group.outcome.state, Errc::log_failed);
      EXPECT_TRUE(group.outcome.blocks.empty());
      disk.heal();
      const Log& log = f.reopen();
      const std::string state = f.state().at("speaks-of");
      EXPECT_EQ(state, log.end() == Position(2) ? "2" : "1") << "call " << n;
    }
  }
  EXPECT_GE(struck, 3U) << "pages, their flush, and the meta page";
}

// Promise 3.
TEST(Log, OffsetsAndPositionsAreDenseAndARefusedGroupUsesNone) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 3 * kMiB;
  f.options.reject_when_full = true;
  Log& log = f.open();
  std::size_t refused = 0;
  for (int round = 0; round < 3; ++round) {
    Errc outcome = Errc::ok;
    while (outcome == Errc::ok) outcome = f.commit_random(random, 10, 4000);
    ASSERT_EQ(outcome, Errc::log_full);
    for (int i = 0; i < 5; ++i) {
      const Position end = log.end();
      if (f.commit_random(random, 10, 60'000) == Errc::ok) continue;
      ++refused;
      EXPECT_EQ(log.end(), end);
    }
    f.model.expect_same(log);
    f.options.limit_bytes += kMiB;
    log.set_limits(f.options);
  }
  EXPECT_GT(refused, 5U);
  EXPECT_EQ(f.commit_random(random, 10, 4000), Errc::ok);
  f.model.expect_same(log);
  f.model.expect_same(f.reopen());
}

// Commits until the log has rolled over and retired, or something fails.
Errc commit_until_retired(LogFixture& f) {
  Errc outcome = Errc::ok;
  for (std::uint32_t i = 0; outcome == Errc::ok && f.log().totals().discarded == 0; ++i) {
    Group group;
    f.model.append(group, PartitionId(i % 3), {"k", std::string(60'000, 'x'), {}, 0});
    group.put_state("last", std::to_string(i));
    outcome = f.settle(group);
  }
  return outcome;
}

// Promise 4, for every call of a scenario that rolls over and retires.
// As when all of many sessions have moved within a second.
TEST(Log, TakesTensOfThousandsOfStateRowsInOneCommit) {
  LogFixture f;
  f.options.generation_bytes = 16 * kMiB;
  f.open();
  for (int round = 0; round < 5; ++round) {
    Group group;
    for (int i = 0; i < 20'000; ++i) {
      group.put_state("session " + std::to_string(i * 7919 % 20'000), std::string(80, 'v'));
    }
    ASSERT_EQ(f.log().commit(group), Errc::ok) << round;
  }
  EXPECT_EQ(f.state().size(), 20'000U);
  f.reopen();
  EXPECT_EQ(f.state().size(), 20'000U);
}

TEST(Log, AfterAFailedWriteOrFlushNothingSucceedsAgain) {
  for (const Kind kind : {Kind::write, Kind::flush}) {
    for (const int error : {EIO, ENOSPC}) {
      std::uint64_t n = 0;
      for (;; ++n) {
        SCOPED_TRACE(
            std::to_string(n) + (kind == Kind::write ? " writes, " : " flushes, ") +
            std::to_string(error)
        );
        LogFixture f;
        f.options.generation_bytes = kMiB / 2;
        f.options.limit_bytes = 2 * kMiB;
        f.open();
        Disk disk(f.dir());
        disk.fail(n, error, false, {kind});  // once; the disk is fine again afterwards
        const Errc outcome = commit_until_retired(f);
        if (disk.failed() == 0) break;
        // A file that is only being made may be thrown away for want of room.
        if (disk.failed_path().ends_with(".new") && !f.log().failed()) {
          EXPECT_EQ(error, ENOSPC);
          f.model.expect_same(f.reopen());
          continue;
        }
        EXPECT_EQ(outcome, Errc::log_failed) << disk.failed_path();
        EXPECT_TRUE(f.log().failed());
        EXPECT_EQ(f.commit_value(0, "more"), Errc::log_failed);
        EXPECT_EQ(f.put_state("more", "more"), Errc::log_failed);
        f.log().maintain();
        const std::size_t acknowledged = f.model.end();
        const Log& log = f.reopen();
        EXPECT_GE(log.end().value, acknowledged);
        EXPECT_LE(log.end().value, acknowledged + 1);
        EXPECT_EQ(f.state().size(), log.end().value == 0 ? 0U : 1U);
      }
      EXPECT_GT(n, 15U) << "the scenario has more calls than that";
    }
  }
}

// Promise 5.
TEST(Log, TheFilesNeverTakeMoreThanTheCeiling) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 5 * kMiB;
  Log& log = f.open();
  std::atomic<bool> done = false;
  std::uint64_t most = 0;
  std::uint64_t samples = 0;
  std::thread sampler([&] {
    while (!done) {
      most = std::max(most, test::bytes_in(f.dir()));
      ++samples;
    }
  });
  const std::uint64_t written = 10 * f.options.limit_bytes;
  for (std::uint64_t bytes = 0; bytes < written; bytes += 60'000) {
    if (f.commit_value(0, std::string(60'000, 'x')) != Errc::ok) break;
  }
  done = true;
  sampler.join();
  EXPECT_EQ(log.end().value, (written + 59'999) / 60'000) << "every group was accepted";
  EXPECT_GT(samples, 1000U);
  EXPECT_LE(most, f.options.limit_bytes);
  EXPECT_GE(most, 4 * kMiB) << "the ceiling is used";
  EXPECT_GT(log.totals().discarded, 0U);
  f.model.expect_same(log);
}

// Promise 6.
TEST(Log, AcceptedIsStoredPlusExpiredPlusDiscardedOverRestarts) {
  using namespace std::chrono_literals;
  Random random;
  LogFixture f;
  f.options.limit_bytes = 5 * kMiB;
  f.options.retention = 100s;
  f.open();
  Log::Totals before;
  for (int round = 0; round < 150 || before.expired == 0 || before.discarded == 0; ++round) {
    ASSERT_LT(round, 5000);
    ASSERT_EQ(f.commit_random(random, random.between(1, 30), 5000), Errc::ok);
    f.clock.advance(std::chrono::milliseconds(random.between(0, 1500)));
    if (random.one_in(40)) f.clock.advance(60s);
    f.log().maintain();
    if (random.one_in(25)) f.reopen();
    const Log::Totals t = f.log().totals();
    ASSERT_EQ(t.accepted, f.model.end());
    ASSERT_EQ(t.accepted, t.stored + t.expired + t.discarded);
    ASSERT_EQ(t.stored, f.log().end().value - f.log().first().value);
    ASSERT_GE(t.expired, before.expired);
    ASSERT_GE(t.discarded, before.discarded);
    before = t;
  }
  EXPECT_GT(before.expired, 0U);
  EXPECT_GT(before.discarded, 0U);
  f.model.expect_same(f.log());
}

TEST(Log, TwoOpensOfOneDirectoryAreRefused) {
  LogFixture f;
  f.open();
  const auto second = Log::open(f.options, f.clock);
  ASSERT_FALSE(second);
  EXPECT_EQ(errc_of(second.error()), Errc::already_running);
  EXPECT_EQ(f.commit_value(0, "the first is not disturbed"), Errc::ok);
  f.close();
  EXPECT_TRUE(Log::open(f.options, f.clock));
}

}  // namespace
}  // namespace runnel::log
