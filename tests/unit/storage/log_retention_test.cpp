// The ceiling with both policies, retention by age, and what may change while the log is open.

#include <cerrno>

#include <gtest/gtest.h>

#include "tests/support/disk_faults.h"
#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

using namespace std::chrono_literals;
using test::Disk;
using test::kMiB;
using test::LogFixture;
using test::Random;
using Kind = Disk::Kind;

TEST(LogRetention, AtTheCeilingTheOldestGenerationGoesWhole) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 4 * kMiB;
  Log& log = f.open();
  f.fill_generations(random, 3);
  const Position second = log.first();
  while (log.totals().discarded == 0) ASSERT_EQ(f.commit_random(random, 10, 4000), Errc::ok);
  EXPECT_GT(log.first(), second);
  EXPECT_EQ(log.totals().discarded, log.first().value);
  EXPECT_EQ(log.totals().generations, 3U);
  EXPECT_FALSE(std::filesystem::exists(f.file(1)));
  EXPECT_FALSE(std::filesystem::exists(f.file(1).string() + "-lock"));
  const auto gone = log.read_block(Position(0));
  ASSERT_FALSE(gone);
  EXPECT_EQ(errc_of(gone.error()), Errc::not_found);
  f.model.expect_same(log);
}

TEST(LogRetention, LogFullCommitsTheStateAloneAndNothingThatSpeaksOfRefusedRecords) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 3 * kMiB;
  f.options.reject_when_full = true;
  Log& log = f.open();
  ASSERT_EQ(f.put_state("gone", "1"), Errc::ok);
  ASSERT_EQ(f.put_state("stays", "1"), Errc::ok);
  while (f.commit_value(0, std::string(50'000, 'x')) == Errc::ok) continue;
  const Position end = log.end();
  Group group;
  f.model.append(group, PartitionId(0), {"k", std::string(100'000, 'y'), {}, 0});
  group.put_state("free", "yes");
  group.erase_state("gone");
  group.put_state("tied", "must not be written", Group::Tie::records);
  group.erase_state("stays", Group::Tie::records);
  EXPECT_EQ(f.settle(group), Errc::log_full);
  EXPECT_EQ(group.outcome.records, Errc::log_full);
  EXPECT_EQ(group.outcome.state, Errc::ok);
  EXPECT_TRUE(group.outcome.blocks.empty());
  EXPECT_EQ(log.end(), end);
  EXPECT_FALSE(log.failed());
  const std::map<std::string, std::string> expected = {{"free", "yes"}, {"stays", "1"}};
  EXPECT_EQ(f.state(), expected);
  f.model.expect_same(f.reopen());
  EXPECT_EQ(f.state(), expected);
}

TEST(LogRetention, WhileIntakeIsRefusedStateMayChangeHundredsOfTimes) {
  LogFixture f;
  f.options.limit_bytes = 3 * kMiB;
  f.options.reject_when_full = true;
  f.open();
  for (int i = 0; i < 20; ++i) ASSERT_EQ(f.put_state("row" + std::to_string(i), "0"), Errc::ok);
  while (f.commit_value(0, std::string(50'000, 'x')) == Errc::ok) continue;
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(f.put_state("row" + std::to_string(i % 20), std::to_string(i)), Errc::ok) << i;
  }
  f.reopen();
  EXPECT_EQ(f.state().at("row19"), "299");
}

TEST(LogRetention, StateThatGrowsIntoTheReserveDoesNotBlockTheLog) {
  LogFixture f;
  f.options.limit_bytes = 4 * kMiB;
  Log& log = f.open();
  while (log.totals().discarded == 0) {
    ASSERT_EQ(f.commit_value(0, std::string(50'000, 'x')), Errc::ok);
  }
  // Sessions come and each leaves a row: far more than a tenth of a generation in all.
  for (int i = 0; i < 150; ++i) {
    ASSERT_EQ(f.put_state("session" + std::to_string(i), std::string(2000, 's')), Errc::ok) << i;
  }
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(f.commit_value(0, std::string(50'000, 'y')), Errc::ok) << i;
  }
  EXPECT_EQ(f.state("session").size(), 150U);
  f.model.expect_same(f.reopen());
  EXPECT_EQ(f.state("session").size(), 150U);
}

TEST(LogRetention, AGroupLargerThanAGenerationIsRefusedAndHarmsNothing) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 6 * kMiB;
  Log& log = f.open();
  f.fill_generations(random, 3);
  const Log::Totals before = log.totals();
  EXPECT_EQ(f.commit_value(0, std::string(3 * kMiB, 'x')), Errc::log_full);
  EXPECT_FALSE(log.failed());
  EXPECT_EQ(log.totals().discarded, before.discarded);
  EXPECT_EQ(log.totals().generations, before.generations);
  EXPECT_EQ(f.commit_value(0, "after"), Errc::ok);
  f.model.expect_same(log);
}

TEST(LogRetention, ARefusedGenerationLosesNoRecordThatIsAcceptedAfterIt) {
  LogFixture f;
  f.options.reject_when_full = true;
  f.open();
  Disk disk(f.dir());
  disk.fail(0, ENOSPC, true, {Kind::allocate});
  // A large group does not fit any more and finds no room for the next generation ...
  Errc outcome = Errc::ok;
  while (outcome == Errc::ok) outcome = f.commit_value(0, std::string(100'000, 'x'));
  ASSERT_EQ(outcome, Errc::no_space);
  // ... but small ones still fit into this one.
  std::size_t accepted = 0;
  while (accepted < 5 && f.commit_value(1, "small") == Errc::ok) ++accepted;
  EXPECT_EQ(accepted, 5U);
  ASSERT_EQ(f.put_state("after", "1"), Errc::ok);
  EXPECT_FALSE(f.log().failed());
  f.model.expect_same(f.reopen());
  EXPECT_EQ(f.state().at("after"), "1");
  disk.heal();
  EXPECT_EQ(f.commit_value(0, std::string(100'000, 'x')), Errc::ok);
  f.model.expect_same(f.reopen());
}

TEST(LogRetention, WithoutRoomInTheFileSystemTheOldestGenerationMakesRoom) {
  Random random;
  LogFixture f;
  Log& log = f.open();
  f.fill_generations(random, 3);
  Disk disk(f.dir());
  disk.fail(0, ENOSPC, false, {Kind::allocate});
  while (log.totals().discarded == 0) ASSERT_EQ(f.commit_random(random, 10, 4000), Errc::ok);
  EXPECT_EQ(disk.failed(), 1U);
  EXPECT_EQ(log.totals().generations, 3U);
  f.model.expect_same(log);
  EXPECT_EQ(log.totals().accepted, log.totals().stored + log.totals().discarded);
}

TEST(LogRetention, ARecordGoesWhenItIsOldAndNotBefore) {
  LogFixture f;
  f.options.retention = 1h;
  Log& log = f.open();
  ASSERT_EQ(f.commit_value(0, "old"), Errc::ok);
  for (int minute = 0; minute < 59; ++minute) {
    f.clock.advance(1min);
    log.maintain();
  }
  EXPECT_EQ(log.first(), Position(0));
  ASSERT_EQ(f.commit_value(0, "young"), Errc::ok);
  for (int minute = 0; minute < 10; ++minute) {
    f.clock.advance(1min);
    log.maintain();
  }
  EXPECT_EQ(log.first(), Position(1));
  EXPECT_EQ(log.totals().expired, 1U);
  EXPECT_EQ(log.totals().discarded, 0U);
  f.model.expect_same(log);
  f.clock.advance(2h);
  for (int i = 0; i < 5; ++i) {
    f.clock.advance(2s);
    log.maintain();
  }
  EXPECT_EQ(log.first(), Position(2)) << "the last record goes too, though nothing follows it";
  EXPECT_EQ(log.totals().expired, 2U);
}

TEST(LogRetention, AgeIsHubTimeAndNotTheWallClock) {
  LogFixture f;
  f.options.retention = 1h;
  Log& log = f.open();
  ASSERT_EQ(f.commit_value(0, "a"), Errc::ok);
  f.clock.step_wall(24h * 365 * 56);
  log.maintain();
  f.clock.advance(10min);
  log.maintain();
  f.clock.step_wall(-24h * 365 * 100);
  ASSERT_EQ(f.commit_value(0, "b"), Errc::ok);
  log.maintain();
  EXPECT_EQ(log.totals().expired, 0U);
  f.model.expect_same(log);
}

TEST(LogRetention, TheTimeDownCountsAsAgeWhenTheClockWasSetBeforeAndAfter) {
  for (const bool synchronized : {true, false}) {
    LogFixture f;
    f.options.retention = 1h;
    f.clock.set_synchronized(synchronized);
    f.open();
    ASSERT_EQ(f.commit_value(0, "a"), Errc::ok);
    f.close();
    f.clock.step_wall(3h);
    f.clock.set_synchronized(true);
    Log& log = f.open();
    for (int i = 0; i < 3; ++i) {
      f.clock.advance(2s);
      log.maintain();
    }
    EXPECT_EQ(log.totals().expired, synchronized ? 1U : 0U);
  }
}

TEST(LogRetention, QuietTrafficNeverNeedsMoreGenerationsThanTheCeilingHas) {
  LogFixture f;
  f.options.limit_bytes = 8 * kMiB;
  f.options.retention = 1h;
  Log& log = f.open();
  for (int minute = 0; minute < 300; ++minute) {
    ASSERT_EQ(f.commit_value(0, "one a minute"), Errc::ok);
    f.clock.advance(1min);
    log.maintain();
    ASSERT_LE(test::bytes_in(f.dir()), f.options.limit_bytes);
  }
  EXPECT_EQ(log.totals().discarded, 0U) << "records went by the ceiling that were not an hour old";
  EXPECT_GT(log.totals().expired, 200U);
  EXPECT_GE(log.totals().stored, 60U);
}

TEST(LogRetention, ALowerCeilingIsKeptAfterTheNextMaintenance) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 9 * kMiB;
  Log& log = f.open();
  f.fill_generations(random, 8);
  f.options.limit_bytes = 4 * kMiB;
  log.set_limits(f.options);
  log.maintain();
  EXPECT_LE(test::bytes_in(f.dir()), 4 * kMiB);
  EXPECT_GT(log.totals().discarded, 0U);
  f.model.expect_same(log);
}

TEST(LogRetention, ALowerCeilingDiscardsNothingWhenThePolicyIsToReject) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 9 * kMiB;
  f.options.reject_when_full = true;
  Log& log = f.open();
  f.fill_generations(random, 8);
  f.options.limit_bytes = 4 * kMiB;
  log.set_limits(f.options);
  log.maintain();
  while (f.commit_random(random, 10, 4000) == Errc::ok) continue;
  EXPECT_EQ(log.totals().discarded, 0U);
  EXPECT_EQ(log.totals().generations, 8U);
  f.model.expect_same(log);
}

TEST(LogRetention, TheOutcomeOfAFullLogChangesWithThePolicy) {
  LogFixture f;
  f.options.limit_bytes = 3 * kMiB;
  f.options.reject_when_full = true;
  Log& log = f.open();
  while (f.commit_value(0, std::string(50'000, 'x')) == Errc::ok) continue;
  f.options.reject_when_full = false;
  log.set_limits(f.options);
  EXPECT_EQ(f.commit_value(0, std::string(50'000, 'x')), Errc::ok);
  EXPECT_GT(log.totals().discarded, 0U);
  f.model.expect_same(log);
}

TEST(LogRetention, FilesThatWereSetAsideCountAgainstTheCeiling) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 6 * kMiB;
  f.open();
  f.fill_generations(random, 4);
  f.close();
  test::write_file(f.file(2), std::string(kMiB, 'z'));
  Log& log = f.open();
  ASSERT_EQ(log.totals().damaged, 1U);
  for (int i = 0; i < 100; ++i) {
    Group group;
    const std::string value(50'000, 'x');
    NewRecord r;
    r.value = value;
    group.append(PartitionId(0), r);
    ASSERT_EQ(log.commit(group), Errc::ok);
    ASSERT_LE(test::bytes_in(f.dir()), f.options.limit_bytes);
  }
}

}  // namespace
}  // namespace runnel::log
