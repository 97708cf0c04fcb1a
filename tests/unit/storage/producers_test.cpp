// The rules of storage/log/producers.h, one by one; and what becomes of them in the log.
#include "storage/log/producers.h"

#include <gmock/gmock.h>

#include "storage/log/group.h"
#include "tests/support/batches.h"
#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

using Verdict = Producers::Verdict;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::int32_t kLastSequence = 0x7fffffff;

struct ProducersTest : ::testing::Test {
  // A batch with these sequences; it is stored when it may be.
  Verdict take(std::int32_t first, std::int32_t records = 1, std::int16_t epoch = 0) {
    const ProducerStamp stamp{7, epoch, first, records};
    Producers::Stage stage(producers);
    const auto judged = stage.judge(partition, stamp);
    duplicate_of = judged.base;
    if (judged.verdict == Verdict::store) {
      stage.store(partition, stamp, Offset(next), hub_ms);
      next += records;
      producers.apply(stage);
    }
    return judged.verdict;
  }

  Producers producers;
  PartitionId partition{3};
  std::int64_t next = 100;  // offset
  std::int64_t hub_ms = 1000;
  Offset duplicate_of{};
};

TEST_F(ProducersTest, AnUnknownProducerMayBeginAnywhere) {
  EXPECT_EQ(take(500, 3), Verdict::store);
  EXPECT_EQ(take(503), Verdict::store);
}

TEST_F(ProducersTest, WhatFollowsTheLastIsStored) {
  EXPECT_EQ(take(0, 5), Verdict::store);
  EXPECT_EQ(take(5, 1), Verdict::store);
  EXPECT_EQ(take(6, 10), Verdict::store);
}

TEST_F(ProducersTest, EachOfTheLastFiveIsADuplicateWithItsOldOffset) {
  for (int i = 0; i < 6; ++i) EXPECT_EQ(take(i * 2, 2), Verdict::store);
  for (int i = 1; i < 6; ++i) {
    EXPECT_EQ(take(i * 2, 2), Verdict::duplicate);
    EXPECT_EQ(duplicate_of, Offset(100 + i * 2));
  }
}

TEST_F(ProducersTest, WhatIsOlderThanThoseIsForgotten) {
  for (int i = 0; i < 6; ++i) take(i * 2, 2);
  EXPECT_EQ(take(0, 2), Verdict::forgotten);
}

TEST_F(ProducersTest, AnythingElseIsOutOfOrder) {
  for (int i = 0; i < 3; ++i) take(i * 2, 2);
  EXPECT_EQ(take(7), Verdict::out_of_order) << "a gap";
  EXPECT_EQ(take(5), Verdict::out_of_order) << "part of a batch";
  EXPECT_EQ(take(4, 3), Verdict::out_of_order) << "more than that batch";
  EXPECT_EQ(take(2, 4), Verdict::out_of_order) << "two batches in one";
  EXPECT_EQ(take(6), Verdict::store);
}

TEST_F(ProducersTest, ALowerEpochIsFencedOff) {
  take(0, 1, 5);
  EXPECT_EQ(take(0, 1, 4), Verdict::fenced);
  EXPECT_EQ(take(1, 1, 4), Verdict::fenced);
}

TEST_F(ProducersTest, AHigherEpochBeginsAtZero) {
  take(0, 4, 5);
  EXPECT_EQ(take(4, 1, 6), Verdict::out_of_order);
  EXPECT_EQ(take(0, 4, 6), Verdict::store) << "no duplicate of what an older epoch has sent";
  EXPECT_EQ(take(0, 4, 6), Verdict::duplicate);
  EXPECT_EQ(take(4, 1, 5), Verdict::fenced);
}

TEST_F(ProducersTest, ZeroFollowsTheLastSequence) {
  EXPECT_EQ(take(kLastSequence - 1, 2), Verdict::store);
  EXPECT_EQ(take(0, 3), Verdict::store);
  EXPECT_EQ(take(kLastSequence - 1, 2), Verdict::duplicate);
  EXPECT_EQ(duplicate_of, Offset(100));
  EXPECT_EQ(take(3), Verdict::store);
}

TEST_F(ProducersTest, ABatchMayReachOverTheLastSequence) {
  EXPECT_EQ((ProducerStamp{7, 0, kLastSequence, 3}.last_sequence()), 1);
  EXPECT_EQ(take(kLastSequence - 1, 4), Verdict::store);  // ..., 2^31 - 1, 0, 1
  EXPECT_EQ(take(1), Verdict::out_of_order);
  EXPECT_EQ(take(2), Verdict::store);
  EXPECT_EQ(take(kLastSequence - 1, 4), Verdict::duplicate);
}

TEST_F(ProducersTest, WhatIsOldIsForgottenAlsoAcrossTheLastSequence) {
  for (const std::int32_t first : {kLastSequence - 2, kLastSequence - 1, kLastSequence, 0, 1, 2}) {
    EXPECT_EQ(take(first), Verdict::store);
  }
  EXPECT_EQ(take(kLastSequence - 2), Verdict::forgotten);
  EXPECT_EQ(take(kLastSequence - 1), Verdict::duplicate);
  EXPECT_EQ(take(4), Verdict::out_of_order);
}

TEST_F(ProducersTest, PartitionsAndProducersAreKeptApart) {
  take(0);
  partition = PartitionId(4);
  EXPECT_EQ(take(0), Verdict::store);
  Producers::Stage stage(producers);
  EXPECT_EQ(stage.judge(partition, {8, 0, 0, 1}).verdict, Verdict::store);
}

TEST_F(ProducersTest, AStageJudgesByItselfAndChangesNothingUntilItIsApplied) {
  const ProducerStamp stamp{7, 0, 0, 2};
  {
    Producers::Stage refused(producers);
    refused.store(partition, stamp, Offset(100), hub_ms);
    EXPECT_EQ(refused.judge(partition, stamp).verdict, Verdict::duplicate);
    EXPECT_EQ(refused.judge(partition, {7, 0, 2, 1}).verdict, Verdict::store);
    EXPECT_EQ(refused.changes().size(), 1U);
  }
  EXPECT_EQ(take(0, 2), Verdict::store);
}

TEST_F(ProducersTest, RowsSurvive) {
  for (int i = 0; i < 7; ++i) take(i * 2, 2, 3);
  Producers::Stage stage(producers);
  stage.store(partition, {7, 3, 14, 1}, Offset(next), hub_ms);
  const auto& [name, entry] = *stage.changes().begin();
  const Bytes row = Producers::row_name(name);
  EXPECT_EQ(Producers::name_of(row), name);
  producers = Producers();
  ASSERT_TRUE(producers.load(row, Producers::encode(entry)));
  EXPECT_EQ(take(14, 1, 3), Verdict::duplicate);
  EXPECT_EQ(duplicate_of, Offset(114));
  EXPECT_EQ(take(6, 2, 3), Verdict::duplicate);
  EXPECT_EQ(duplicate_of, Offset(106));
  EXPECT_EQ(take(4, 2, 3), Verdict::forgotten);
  EXPECT_EQ(take(15, 1, 2), Verdict::fenced);
  EXPECT_EQ(take(15, 1, 3), Verdict::store);
}

TEST_F(ProducersTest, RowsThatMakeNoSenseAreRefused) {
  const Bytes name = Producers::row_name({partition, 7});
  Producers::Entry entry;
  entry.count = 2;
  const Bytes row = Producers::encode(entry);
  EXPECT_FALSE(producers.load(name, row.substr(1)));
  EXPECT_FALSE(producers.load(name, row + "x"));
  EXPECT_FALSE(producers.load(name, ""));
  EXPECT_FALSE(producers.load(name.substr(0, name.size() - 1), row));
  EXPECT_FALSE(producers.load(name + "x", row));
  EXPECT_FALSE(producers.load("q/" + name.substr(2), row));
  Bytes six = row;
  six[10] = 6;  // batches
  EXPECT_FALSE(producers.load(name, six));
  EXPECT_EQ(producers.size(), 0U);
  EXPECT_TRUE(producers.load(name, row));
}

TEST_F(ProducersTest, ForgetsTheSilent) {
  take(0);
  hub_ms = 2000;
  partition = PartitionId(4);
  take(0);
  EXPECT_THAT(producers.forget(1000, 10), IsEmpty());
  EXPECT_THAT(producers.forget(1001, 10), ElementsAre(Producers::Name{PartitionId(3), 7}));
  EXPECT_THAT(producers.forget(1001, 10), IsEmpty());
  EXPECT_EQ(producers.size(), 1U);
  EXPECT_EQ(take(5), Verdict::out_of_order);
  partition = PartitionId(3);
  EXPECT_EQ(take(5), Verdict::store) << "it is unknown again";
}

TEST_F(ProducersTest, ForgetsTheLongestSilentOfTooMany) {
  for (std::uint32_t i = 0; i < 5; ++i) {
    partition = PartitionId(i);
    hub_ms = 1000 + (i * 3) % 5;  // 0, 3, 1, 4, 2
    take(0);
  }
  EXPECT_THAT(
      producers.forget(0, 3),
      UnorderedElementsAre(Producers::Name{PartitionId(0), 7}, Producers::Name{PartitionId(2), 7})
  );
  EXPECT_EQ(producers.size(), 3U);
}

TEST_F(ProducersTest, ForgetsSomeOfTooManyThatSpokeLastAtTheSameTime) {
  for (std::uint32_t i = 0; i < 5; ++i) {
    partition = PartitionId(i);
    take(0);
  }
  EXPECT_EQ(producers.forget(0, 3).size(), 2U);
  EXPECT_EQ(producers.size(), 3U);
  EXPECT_EQ(producers.forget(0, 0).size(), 3U);
  EXPECT_EQ(producers.size(), 0U);
}

// --- in the log ---

Bytes batch_of(std::int64_t producer, std::int32_t sequence) {
  using test::with_field;
  Bytes batch = test::produced({{"key", "value", {}, 1'750'000'000'000}});
  batch = with_field<std::int64_t>(batch, head::kProducerIdAt, producer);
  batch = with_field<std::int16_t>(batch, head::kProducerEpochAt, 0);
  return with_field<std::int32_t>(batch, head::kBaseSequenceAt, sequence);
}

struct ProducersInLog : ::testing::Test {
  ProducersInLog() { files.open(); }

  Errc commit(std::int64_t first_producer, std::int64_t producers, std::int32_t sequence) {
    Group group;
    for (std::int64_t i = 0; i < producers; ++i) {
      group.append_batch(PartitionId(0), batch_of(first_producer + i, sequence));
    }
    const Errc outcome = files.log().commit(group);
    if (outcome == Errc::ok) last = group.outcome.batches.back();
    return outcome;
  }

  test::LogFixture files;
  Group::Appended last;
};

TEST_F(ProducersInLog, AGroupOfRepetitionsAloneIsNoCommitAndSucceeds) {
  ASSERT_EQ(commit(1, 1, 0), Errc::ok);
  const Position end = files.log().end();
  ASSERT_EQ(commit(1, 1, 0), Errc::ok);
  EXPECT_EQ(last.verdict, Verdict::duplicate);
  EXPECT_EQ(last.base, Offset(0));
  EXPECT_EQ(files.log().end(), end);
}

TEST_F(ProducersInLog, AreKnownAfterTheirRecordsAreRetired) {
  files.options.limit_bytes = 4 * test::kMiB;
  files.log().set_limits(files.options);
  ASSERT_EQ(commit(1, 1, 0), Errc::ok);
  for (int i = 0; i < 200; ++i) files.commit_value(1, std::string(50'000, 'x'));
  ASSERT_GT(files.log().range(PartitionId(0)).log_start, Offset(0));
  files.reopen();
  ASSERT_EQ(commit(1, 1, 0), Errc::ok);
  EXPECT_EQ(last.verdict, Verdict::duplicate);
}

TEST_F(ProducersInLog, ThatAreSilentForADayAreForgottenWithTheirRows) {
  ASSERT_EQ(commit(1, 3, 0), Errc::ok);
  EXPECT_EQ(files.state("p/").size(), 3U);
  files.clock.advance(std::chrono::hours(25));
  files.log().maintain();
  ASSERT_EQ(commit(9, 1, 0), Errc::ok);
  EXPECT_EQ(files.state("p/").size(), 1U);
}

TEST_F(ProducersInLog, OneThatIsForgottenAndComesBackKeepsItsRow) {
  ASSERT_EQ(commit(1, 1, 0), Errc::ok);
  files.clock.advance(std::chrono::hours(25));
  files.log().maintain();
  ASSERT_EQ(commit(1, 1, 40), Errc::ok);
  files.reopen();
  ASSERT_EQ(commit(1, 1, 40), Errc::ok);
  EXPECT_EQ(last.verdict, Verdict::duplicate);
}

// The rows of all of them do not fit into one commit.
TEST_F(ProducersInLog, ManyThatAreForgottenAtOnceDoNotStopTheLog) {
  for (std::int64_t i = 0; i < 500; i += 10) ASSERT_EQ(commit(i, 10, 0), Errc::ok);
  files.clock.advance(std::chrono::hours(25));
  files.log().maintain();
  EXPECT_EQ(commit(1000, 1, 0), Errc::ok);
  EXPECT_EQ(files.put_state("x", "y"), Errc::ok);
  for (int i = 0; i < 100; ++i) {
    files.log().maintain();
    files.put_state("x", std::to_string(i));
  }
  EXPECT_EQ(files.state("p/").size(), 1U);
}

}  // namespace
}  // namespace runnel::log
