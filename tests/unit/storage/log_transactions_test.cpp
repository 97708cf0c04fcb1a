// What readers of committed records see: everything of transactions that were committed, in order, and
// nothing of others; from any offset, in pieces of any size, over generations and restarts.
#include <gmock/gmock.h>

#include <set>


#include "storage/log/batch_records.h"
#include "storage/log/control_batch.h"
#include "storage/log/group.h"
#include "tests/support/batches.h"
#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kNow = 1'750'000'000'000;

Bytes transactional(std::int64_t producer, std::int32_t sequence, const std::string& value) {
  using test::with_field;
  Bytes batch = test::produced({{"key", value, {}, kNow}});
  batch = with_field<std::uint16_t>(batch, head::kAttributesAt, head::kTransactionalBit);
  batch = with_field<std::int64_t>(batch, head::kProducerIdAt, producer);
  batch = with_field<std::int16_t>(batch, head::kProducerEpochAt, 0);
  return with_field<std::int32_t>(batch, head::kBaseSequenceAt, sequence);
}

// What a client makes of an answer, by the rules that clients follow (KIP-98): records of a producer
// are left out from the offset that is named to the producer's next abort marker.
std::vector<std::string> as_a_client(const Fetched& fetched) {
  std::vector<std::string> seen;
  std::multimap<std::int64_t, std::int64_t> begins;  // producer by first offset
  for (const auto& a : fetched.aborted) begins.emplace(a.first.value, a.producer);
  std::set<std::int64_t> aborting;
  ByteView rest = fetched.batches;
  while (!rest.empty()) {
    const auto facts = read_batch_head(rest);
    EXPECT_TRUE(facts);
    const ByteView batch = rest.substr(0, facts->bytes);
    rest.remove_prefix(facts->bytes);
    const std::int64_t last = facts->base.value + facts->last_offset_delta;
    while (!begins.empty() && begins.begin()->first <= last) {
      aborting.insert(begins.begin()->second);
      begins.erase(begins.begin());
    }
    if (facts->control()) {
      const auto marker = read_marker(batch);
      EXPECT_TRUE(marker);
      if (!marker->commit) aborting.erase(marker->producer_id);
      continue;
    }
    if (facts->transactional() && aborting.contains(facts->producer_id)) continue;
    auto records = BatchRecords::open(batch, 1 << 20);
    RecordView record;
    while (records->next(record)) seen.emplace_back(*record.value);
  }
  return seen;
}

struct LogTransactions : ::testing::Test {
  LogTransactions() { files.open(); }

  void write(std::int64_t producer, const std::string& value) {
    Group group;
    group.append_batch(partition, transactional(producer, sequences[producer]++, value));
    ASSERT_EQ(files.log().commit(group), Errc::ok);
    ASSERT_EQ(group.outcome.batches.at(0).verdict, Producers::Verdict::store);
  }

  void plain(const std::string& value) {
    Group group;
    group.append_batch(partition, test::produced({{"key", value, {}, kNow}}));
    ASSERT_EQ(files.log().commit(group), Errc::ok);
  }

  void end(std::int64_t producer, bool commit) {
    Group group;
    group.append_marker(partition, {producer, 0, commit, 0, kNow});
    ASSERT_EQ(files.log().commit(group), Errc::ok);
  }

  std::vector<std::string> committed(Offset from = Offset(0), std::size_t bytes = 1 << 20) {
    const auto fetched = files.log().fetch(partition, from, bytes, Isolation::read_committed);
    EXPECT_TRUE(fetched);
    return as_a_client(*fetched);
  }

  PartitionRange range() { return files.log().range(partition); }

  test::LogFixture files;
  PartitionId partition{3};
  std::map<std::int64_t, std::int32_t> sequences;
};

TEST_F(LogTransactions, AreNotReadBeforeTheyEndAndThenWhole) {
  write(7, "a");
  write(7, "b");
  EXPECT_EQ(range().last_stable, Offset(0));
  EXPECT_EQ(range().high_watermark, Offset(2));
  EXPECT_THAT(committed(), IsEmpty());
  end(7, true);
  EXPECT_EQ(range().last_stable, Offset(3)) << "the marker takes an offset";
  EXPECT_THAT(committed(), ElementsAre("a", "b"));
}

TEST_F(LogTransactions, ThatAreAbortedAreReadByNobodyWhoAsksForCommittedRecords) {
  write(7, "a");
  plain("p");
  end(7, false);
  EXPECT_THAT(committed(), ElementsAre("p"));
  const auto all = files.log().fetch(partition, Offset(0), 1 << 20);
  EXPECT_THAT(all->aborted, IsEmpty());
  EXPECT_THAT(as_a_client(*all), ElementsAre("a", "p"));
}

TEST_F(LogTransactions, HoldBackWhatWasStoredBehindTheirBeginning) {
  plain("before");
  write(7, "a");
  plain("behind");
  EXPECT_THAT(committed(), ElementsAre("before"));
  EXPECT_EQ(range().last_stable, Offset(1));
  end(7, true);
  EXPECT_THAT(committed(), ElementsAre("before", "a", "behind"));
}

TEST_F(LogTransactions, ThatOverlapAreToldApart) {
  write(7, "7");
  write(8, "8");
  end(8, false);
  EXPECT_EQ(range().last_stable, Offset(0)) << "7 is open";
  write(8, "8 again");
  end(7, true);
  EXPECT_EQ(range().last_stable, Offset(3)) << "8 is open again";
  end(8, true);
  EXPECT_THAT(committed(), ElementsAre("7", "8 again"));
}

TEST_F(LogTransactions, WithNothingInAPartitionStillGetTheirMarkerThere) {
  end(7, true);
  EXPECT_EQ(range().high_watermark, Offset(1));
  EXPECT_THAT(committed(), IsEmpty());
}

TEST_F(LogTransactions, MarkersAreNoRecordsOfAnybody) {
  end(7, true);
  plain("p");
  const auto marker = files.log().read_block(Position(0));
  ASSERT_TRUE(marker);
  EXPECT_EQ(errc_of((*marker)->record(0).error()), Errc::not_found);
  EXPECT_EQ((*marker)->damaged(), 0U);
  EXPECT_TRUE((*files.log().read_block(Position(1)))->record(0));
}

TEST_F(LogTransactions, OpenOrEndedAreTheSameAfterARestart) {
  write(7, "a");
  write(8, "b");
  end(8, false);
  files.reopen();
  EXPECT_EQ(range().last_stable, Offset(0));
  end(7, true);
  EXPECT_THAT(committed(), ElementsAre("a"));
  files.reopen();
  EXPECT_EQ(range().last_stable, range().high_watermark);
  EXPECT_THAT(committed(), ElementsAre("a"));
}

TEST_F(LogTransactions, EndWithTheirRowsOrNotAtAll) {
  write(7, "a");
  files.options.reject_when_full = true;
  files.options.limit_bytes = 2 * test::kMiB;
  files.reopen();
  for (const std::size_t bytes : {50'000U, 1U}) {
    while (files.commit_value(1, std::string(bytes, 'x')) == Errc::ok) {
    }
  }
  Group group;
  group.append_marker(partition, {7, 0, true, 0, kNow});
  group.put_state("row", "ended", Group::Tie::records);
  EXPECT_EQ(files.log().commit(group), Errc::log_full);
  EXPECT_EQ(range().last_stable, Offset(0));
  EXPECT_THAT(files.state("row"), IsEmpty());
}

TEST_F(LogTransactions, AMarkerWithAHigherEpochFencesTheProducer) {
  write(7, "a");
  Group group;
  group.append_marker(partition, {7, 1, false, 0, kNow});
  ASSERT_EQ(files.log().commit(group), Errc::ok);
  Group late;
  late.append_batch(partition, transactional(7, 1, "late"));
  ASSERT_EQ(files.log().commit(late), Errc::ok);
  EXPECT_EQ(late.outcome.batches.at(0).verdict, Producers::Verdict::fenced);
  EXPECT_THAT(committed(), IsEmpty());
}

TEST_F(LogTransactions, AProducerWithAnOpenOneIsNotForgotten) {
  write(7, "a");
  files.clock.advance(std::chrono::hours(25));
  files.log().maintain();
  EXPECT_EQ(range().last_stable, Offset(0));
  end(7, true);
  EXPECT_THAT(committed(), ElementsAre("a"));
}

TEST_F(LogTransactions, WhoseBeginningIsRetiredHoldBackFromTheLogStart) {
  files.options.limit_bytes = 4 * test::kMiB;
  files.log().set_limits(files.options);
  write(7, "a");
  for (int i = 0; i < 200; ++i) plain(std::string(50'000, 'x'));
  ASSERT_GT(range().log_start, Offset(0));
  EXPECT_EQ(range().last_stable, range().log_start);
  end(7, false);
  EXPECT_EQ(range().last_stable, range().high_watermark);
}

// Against a model: any mixture, read from everywhere in pieces, is what it should be.
TEST_F(LogTransactions, AreReadRightFromEverywhereInPiecesOfAnySize) {
  test::Random random;
  struct Written {
    Offset offset;
    std::int64_t producer;  // 0: of none
    std::string value;
    bool aborted = false;
  };
  std::vector<Written> log;
  std::map<std::int64_t, std::vector<std::size_t>> open;  // records, by producer
  std::int64_t next = 0;
  for (int step = 0; step < 1500; ++step) {
    const auto producer = static_cast<std::int64_t>(random.between(1, 4));
    const auto dice = random.between(0, 99);
    const std::string value =
        std::to_string(step) + std::string(random.between(0, dice < 5 ? 30'000 : 2'000), 'x');
    if (dice < 30) {
      plain(value);
      log.push_back({Offset(next++), 0, value});
    } else if (dice < 80) {
      write(producer, value);
      open[producer].push_back(log.size());
      log.push_back({Offset(next++), producer, value});
    } else if (open.contains(producer)) {
      const bool commit = random.between(0, 1) == 0;
      end(producer, commit);
      ++next;
      for (const std::size_t i : open[producer]) log[i].aborted = !commit;
      open.erase(producer);
    }
    if (dice == 99) files.reopen();
  }
  ASSERT_GT(files.log().totals().generations, 2U);
  Offset stable(next);
  for (const auto& [producer, records] : open) stable = std::min(stable, log[records[0]].offset);
  ASSERT_EQ(range().last_stable, stable);
  for (int i = 0; i < 200; ++i) {
    Offset from(static_cast<std::int64_t>(random.between(0, static_cast<std::uint64_t>(next))));
    const Offset begin = from;
    std::vector<std::string> seen;
    while (from < stable) {
      const std::size_t bytes = random.between(1, 100'000);
      const auto fetched = files.log().fetch(partition, from, bytes, Isolation::read_committed);
      ASSERT_TRUE(fetched);
      ASSERT_FALSE(fetched->batches.empty());
      for (auto& value : as_a_client(*fetched)) seen.push_back(std::move(value));
      ByteView rest = fetched->batches;
      while (!rest.empty()) {
        const auto facts = read_batch_head(rest);
        from = Offset(facts->base.value + facts->last_offset_delta + 1);
        rest.remove_prefix(facts->bytes);
      }
    }
    std::vector<std::string> expected;
    for (const Written& w : log) {
      if (w.offset >= begin && w.offset < stable && !w.aborted) expected.push_back(w.value);
    }
    ASSERT_EQ(seen, expected) << "from " << begin.value;
  }
}

}  // namespace
}  // namespace runnel::log
