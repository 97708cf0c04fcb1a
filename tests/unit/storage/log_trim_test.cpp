// What is trimmed is hidden from every way of reading, for good, and is counted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/batches.h"
#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

using namespace std::chrono_literals;
using test::kMiB;
using test::LogFixture;

constexpr PartitionId kOne{1};
constexpr PartitionId kTwo{2};

struct LogTrim : ::testing::Test {
  LogTrim() { f.open(); }

  // `count` records of a partition in one batch, a second apart.
  void append(PartitionId partition, int count, std::int64_t first_ms = 1'000'000) {
    Group group;
    for (int i = 0; i < count; ++i) {
      NewRecord record;
      record.value = "v";
      record.timestamp_ms = first_ms + 1000 * i;
      group.append(partition, record);
    }
    ASSERT_EQ(f.log().commit(group), Errc::ok);
  }

  Errc trim(PartitionId partition, std::int64_t start) {
    Group group;
    group.trim(partition, Offset(start));
    return f.log().commit(group);
  }

  [[nodiscard]] std::pair<std::int64_t, std::int64_t> range(PartitionId partition) {
    const PartitionRange r = f.log().range(partition);
    return {r.log_start.value, r.high_watermark.value};
  }

  using Range = std::pair<std::int64_t, std::int64_t>;

  void pass(std::chrono::milliseconds time) {
    f.clock.advance(time);
    f.log().maintain();
  }

  LogFixture f;
};

TEST_F(LogTrim, APartitionBeginsWhereItWasTrimmedAlsoAfterARestart) {
  append(kOne, 10);
  append(kTwo, 5);
  ASSERT_EQ(trim(kOne, 4), Errc::ok);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(range(kOne), Range(4, 10));
    EXPECT_EQ(range(kTwo), Range(0, 5));
    const auto below = f.log().fetch(kOne, Offset(3), 1000);
    ASSERT_FALSE(below);
    EXPECT_EQ(errc_of(below.error()), Errc::not_found);
    EXPECT_TRUE(f.log().fetch(kOne, Offset(4), 1000));
    f.reopen();
  }
}

TEST_F(LogTrim, AStartNeverGoesBackAndNeverBeyondTheEnd) {
  append(kOne, 10);
  ASSERT_EQ(trim(kOne, 6), Errc::ok);
  ASSERT_EQ(trim(kOne, 3), Errc::ok);
  EXPECT_EQ(range(kOne), Range(6, 10));
  ASSERT_EQ(trim(kOne, 60), Errc::ok);
  EXPECT_EQ(range(kOne), Range(10, 10));
  append(kOne, 1);
  EXPECT_EQ(range(kOne), Range(10, 11));
}

TEST_F(LogTrim, ASearchByTimeFindsNothingThatWasTrimmed) {
  append(kOne, 10, 1'000'000);  // to 1009 s
  append(kOne, 10, 500'000);    // older ones
  ASSERT_EQ(trim(kOne, 3), Errc::ok);
  const auto first = f.log().find_time(kOne, 0);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->offset, Offset(3));
  auto newest = f.log().find_time(kOne, kNewestTime);
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->offset, Offset(9));
  ASSERT_EQ(trim(kOne, 12), Errc::ok);
  newest = f.log().find_time(kOne, kNewestTime);
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->offset, Offset(19));
  EXPECT_EQ(newest->timestamp_ms, 509'000);
  EXPECT_FALSE(f.log().find_time(kOne, 1'000'000));
}

TEST_F(LogTrim, TheNewestTimeOfABatchThatIsTrimmedInItsMiddleIsThatOfWhatIsLeft) {
  Group group;
  for (const std::int64_t ms : {5000, 9000, 7000, 6000}) {
    NewRecord record;
    record.timestamp_ms = ms;
    group.append(kOne, record);
  }
  ASSERT_EQ(f.log().commit(group), Errc::ok);
  ASSERT_EQ(trim(kOne, 2), Errc::ok);
  const auto newest = f.log().find_time(kOne, kNewestTime);
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->offset, Offset(2));
  EXPECT_EQ(newest->timestamp_ms, 7000);
}

TEST_F(LogTrim, APartitionThatIsGoneHidesAlsoWhatItsOwnGroupHolds) {
  append(kOne, 3);
  Group group;
  NewRecord record;
  group.append(kOne, record);
  group.trim(kOne, kGone);
  ASSERT_EQ(f.log().commit(group), Errc::ok);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(range(kOne), Range(4, 4));
    EXPECT_TRUE(f.log().trims()->gone(kOne));
    f.reopen();
  }
  EXPECT_EQ(f.log().totals().trimmed_on_request, 4U);
}

TEST_F(LogTrim, TheSumHoldsAndWhatIsHiddenIsCountedOnce) {
  append(kOne, 10);
  append(kTwo, 10);
  ASSERT_EQ(trim(kOne, 4), Errc::ok);
  ASSERT_EQ(trim(kOne, 7), Errc::ok);
  ASSERT_EQ(trim(kTwo, 2), Errc::ok);
  for (int i = 0; i < 2; ++i) {
    const Log::Totals t = f.log().totals();
    EXPECT_EQ(t.trimmed_on_request, 9U);
    EXPECT_EQ(t.trimmed_by_age_or_size, 0U);
    EXPECT_EQ(t.hidden, 9U);
    EXPECT_EQ(t.accepted, t.stored + t.expired + t.discarded);
    EXPECT_EQ(t.stored, 20U);
    f.reopen();
  }
}

TEST_F(LogTrim, ItsRowsGoWithTheGenerationThatHeldTheRecords) {
  test::Random random;
  f.close();
  f.options.limit_bytes = 4 * kMiB;
  f.open();
  append(kOne, 3);
  ASSERT_EQ(trim(kOne, 2), Errc::ok);
  ASSERT_EQ(f.state("l/").size(), 1U);
  while (f.log().totals().discarded == 0) {
    Group group;
    const std::string value = random.bytes(4000);
    NewRecord record;
    record.value = value;
    for (int i = 0; i < 10; ++i) group.append(kTwo, record);
    ASSERT_EQ(f.log().commit(group), Errc::ok);
  }
  EXPECT_TRUE(f.state("l/").empty());
  EXPECT_EQ(range(kOne), Range(3, 3));
  EXPECT_EQ(f.log().totals().hidden, 0U);
  EXPECT_EQ(f.log().totals().trimmed_on_request, 2U);
}

TEST_F(LogTrim, HiddenRecordsOfABlockAreNamedByTheirPlaces) {
  Group group;
  NewRecord record;
  for (int i = 0; i < 4; ++i) group.append(kOne, record);
  for (int i = 0; i < 3; ++i) group.append(kTwo, record);
  ASSERT_EQ(f.log().commit(group), Errc::ok);
  const auto block = f.log().read_block(Position(0));
  ASSERT_TRUE(block);
  EXPECT_TRUE(f.log().trims()->hidden((*block)->head()).empty());
  Group trims;
  trims.trim(kOne, Offset(2));
  trims.trim(kTwo, kGone);
  ASSERT_EQ(f.log().commit(trims), Errc::ok);
  EXPECT_THAT(
      f.log().trims()->hidden((*block)->head()),
      ::testing::ElementsAre(std::pair(0U, 2U), std::pair(4U, 7U))
  );
}

TEST_F(LogTrim, ATopicsAgeTakesTheRecordsThatAreOlderByHubTimeToTheCommit) {
  PartitionRules rules;
  rules.retention = 10min;
  f.log().set_rules({{kOne, rules}});
  for (int i = 0; i < 30; ++i) {
    append(kOne, 1);
    append(kTwo, 1);
    pass(1min);
  }
  // Thirty minutes, looked at every minute: what is left was committed in the last ten.
  EXPECT_EQ(range(kOne), Range(20, 30));
  EXPECT_EQ(range(kTwo), Range(0, 30));
  EXPECT_EQ(f.log().totals().trimmed_by_age_or_size, 20U);
  pass(11min);
  EXPECT_EQ(range(kOne), Range(30, 30));
  const auto t = f.log().totals();
  EXPECT_EQ(t.accepted, t.stored + t.expired + t.discarded);
}

TEST_F(LogTrim, AnAgeCountsOverGenerations) {
  test::Random random;
  PartitionRules rules;
  rules.retention = 10min;
  f.log().set_rules({{kOne, rules}});
  f.log().maintain();
  f.fill_generations(random, 3);
  const auto before = range(kOne);
  f.clock.advance(5min);
  append(kOne, 2);
  pass(6min);
  EXPECT_EQ(range(kOne), Range(before.second, before.second + 2));
}

TEST_F(LogTrim, OfATopicWithASizeTheNewestBytesStay) {
  PartitionRules rules;
  rules.retention_bytes = 400'000;
  f.log().set_rules({{kOne, rules}});
  const std::string value(10'000, 'x');
  const auto fill = [&](int records) {
    for (int i = 0; i < records; ++i) {
      Group group;
      NewRecord record;
      record.value = value;
      group.append(kOne, record);
      group.append(kTwo, record);
      ASSERT_EQ(f.log().commit(group), Errc::ok);
    }
  };
  fill(200);  // several generations of 1 MiB
  ASSERT_GE(f.log().totals().generations, 3U);
  pass(61s);
  const auto [start, end] = range(kOne);
  EXPECT_EQ(end, 200);
  EXPECT_LE(start, 160);  // at least that many bytes stay
  EXPECT_GE(start, 150);  // and not many more
  EXPECT_EQ(range(kTwo), Range(0, 200));
  f.reopen();  // sizes of sealed generations are counted anew
  f.log().set_rules({{kOne, rules}});
  fill(20);
  pass(61s);
  EXPECT_GE(range(kOne).first, 170);
  EXPECT_LE(range(kOne).first, 180);
}

TEST_F(LogTrim, WithAppendTimeEveryRecordHasTheTimeOfItsCommit) {
  PartitionRules rules;
  rules.append_time = true;
  f.log().set_rules({{kOne, rules}});
  const std::int64_t now = f.clock.wall_ms();
  Group group;
  NewRecord record;
  record.timestamp_ms = 5;
  group.append(kOne, record);
  group.append(kTwo, record);
  test::OwnedRecord sent;
  sent.timestamp_ms = 7;
  const Bytes batch = test::produced({sent, sent});
  group.append_batch(kOne, batch);
  group.append_batch(kTwo, batch);
  ASSERT_EQ(f.log().commit(group), Errc::ok);
  EXPECT_EQ(group.outcome.batches.at(0).append_time_ms, now);
  EXPECT_EQ(group.outcome.batches.at(1).append_time_ms, -1);
  const auto block = f.reopen().read_block(Position(0));
  ASSERT_TRUE(block);
  ASSERT_EQ((*block)->damaged(), 0U);
  for (std::uint32_t i = 0; i < 6; ++i) {
    const auto stored = (*block)->record(i);
    ASSERT_TRUE(stored);
    if ((*block)->partition(i) == kOne) {
      EXPECT_EQ(stored->timestamp_ms, now);
    } else {
      EXPECT_LT(stored->timestamp_ms, 10);
    }
  }
  const auto found = f.log().find_time(kOne, now);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->offset, Offset(0));
  EXPECT_EQ(found->timestamp_ms, now);
}

}  // namespace
}  // namespace runnel::log
