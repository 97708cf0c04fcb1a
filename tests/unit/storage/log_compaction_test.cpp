// A compacted partition keeps the newest record of every key, whatever is retired.
#include <gmock/gmock.h>

#include "storage/log/batch_records.h"
#include "storage/log/group.h"
#include "tests/support/batches.h"
#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

using ::testing::IsEmpty;

constexpr std::int64_t kNow = 1'750'000'000'000;

struct LogCompaction : ::testing::Test {
  LogCompaction() {
    files.options.limit_bytes = 4 * test::kMiB;
    start();
  }

  void start() {
    files.reopen();
    set_compacted(true);
  }

  void set_compacted(bool compacted) {
    PartitionRuleMap rules;
    if (compacted) rules[partition].compacted = true;
    files.log().set_rules(std::move(rules));
  }

  // A record; no value: a tombstone.
  Errc put(const std::string& key, std::optional<std::string> value) {
    Group group;
    NewRecord record;
    record.key = key;
    if (value) record.value = *value;
    record.timestamp_ms = kNow + next.value;
    group.append(partition, record);
    const Errc outcome = files.log().commit(group);
    if (outcome == Errc::ok) {
      newest[key] = {next, value};
      next = Offset(next.value + 1);
    }
    return outcome;
  }

  Bytes batch(
      std::int64_t producer, std::int32_t sequence, const std::string& key, const std::string& value
  ) {
    using test::with_field;
    Bytes out = test::produced({{key, value, {}, kNow}});
    out = with_field<std::uint16_t>(out, head::kAttributesAt, head::kTransactionalBit);
    out = with_field<std::int64_t>(out, head::kProducerIdAt, producer);
    out = with_field<std::int16_t>(out, head::kProducerEpochAt, 0);
    return with_field<std::int32_t>(out, head::kBaseSequenceAt, sequence);
  }

  void append(const Bytes& made) {
    Group group;
    group.append_batch(partition, made);
    ASSERT_EQ(files.log().commit(group), Errc::ok);
    next = Offset(next.value + 1);
  }

  void end(std::int64_t producer, bool commit) {
    Group group;
    group.append_marker(partition, {producer, 0, commit, 0, kNow});
    ASSERT_EQ(files.log().commit(group), Errc::ok);
    next = Offset(next.value + 1);
  }

  // Whether a record with a value of that size is admitted.
  bool takes(std::optional<std::size_t> value_bytes) {
    Group group;
    Growth growth;
    const std::string value(value_bytes.value_or(0), 'v');
    growth.add("some key", 0, value_bytes ? std::optional<ByteView>(value) : std::nullopt);
    const bool admitted = files.log().admit(growth, group);
    files.log().commit(group);
    return admitted;
  }

  void trim(Offset start) {
    Group group;
    group.trim(partition, start, TrimReason::deleted);
    ASSERT_EQ(files.log().commit(group), Errc::ok);
  }

  // What others write, until all that was there has been retired.
  void push_out() {
    const Position end = files.log().end();
    while (files.log().first() < end) {
      ASSERT_EQ(files.commit_value(0, std::string(50'000, 'x')), Errc::ok);
      files.log().maintain();
    }
  }

  struct Seen {
    Offset offset;
    std::optional<std::string> value;
    bool operator==(const Seen&) const = default;
  };

  // The last record of every key, read from the log's start in pieces; offsets must ascend.
  std::map<std::string, Seen> read(std::size_t piece = 1 << 20) {
    std::map<std::string, Seen> out;
    const PartitionRange range = files.log().range(partition);
    Offset at = range.log_start;
    while (at < range.last_stable) {
      const auto fetched = files.log().fetch(partition, at, piece, Isolation::read_committed);
      EXPECT_TRUE(fetched);
      if (!fetched) break;
      EXPECT_GT(fetched->next, at) << "a reader comes to the end";
      if (fetched->batches.empty()) at = fetched->next;
      ByteView rest = fetched->batches;
      while (!rest.empty()) {
        const auto facts = read_batch_head(rest);
        const ByteView bytes = rest.substr(0, facts->bytes);
        rest.remove_prefix(facts->bytes);
        EXPECT_TRUE(BatchView::parse(bytes, true)) << "its checksum";
        EXPECT_GE(facts->base.value + facts->last_offset_delta, at.value);
        auto records = BatchRecords::open(bytes, 1 << 20);
        for (RecordView r; records->next(r);) {
          if (facts->control()) continue;
          Seen seen{r.offset, std::nullopt};
          if (r.value) seen.value = std::string(*r.value);
          out[std::string(*r.key)] = seen;
        }
        at = Offset(facts->base.value + facts->last_offset_delta + 1);
      }
    }
    return out;
  }

  test::LogFixture files;
  PartitionId partition{3};
  Offset next{};
  std::map<std::string, Seen> newest;
};

TEST_F(LogCompaction, TheNewestOfEveryKeyOutlivesItsGeneration) {
  put("a", "1");
  put("b", "2");
  put("a", "3");
  push_out();
  EXPECT_EQ(read(), newest);
  EXPECT_EQ(files.log().range(partition).log_start, Offset(1)) << "the first that is there";
  files.reopen();
  EXPECT_EQ(read(), newest) << "before the rules are known again";
  set_compacted(true);
  push_out();
  EXPECT_EQ(read(), newest);
}

TEST_F(LogCompaction, WhatIsReplacedLosesItsRow) {
  put("a", "1");
  push_out();
  EXPECT_EQ(files.state("c/").size(), 1U);
  put("a", "2");
  put("b", "3");  // rows go with the next commit
  EXPECT_THAT(files.state("c/"), IsEmpty());
  push_out();
  EXPECT_EQ(files.state("c/").size(), 2U);
  EXPECT_EQ(read(), newest);
}

TEST_F(LogCompaction, ATombstoneGoesADayAfterItWasKept) {
  put("a", "1");
  put("a", std::nullopt);
  push_out();
  EXPECT_EQ(read(), newest);
  files.clock.advance(std::chrono::hours(25));
  files.log().maintain();
  files.commit_value(0, "x");
  EXPECT_THAT(files.state("c/"), IsEmpty());
}

TEST_F(LogCompaction, WhatATransactionAbortedIsNotKeptAndWhatItCommittedIs) {
  put("a", "1");
  append(batch(7, 0, "a", "aborted"));
  append(batch(8, 0, "b", "committed"));
  end(7, false);
  end(8, true);
  push_out();
  const auto seen = read();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen.at("a").value, "1");
  EXPECT_EQ(seen.at("b").value, "committed");
}

TEST_F(LogCompaction, ATransactionThatOutlivesItsGenerationMayStillCommit) {
  put("a", "1");
  append(batch(7, 0, "a", "committed"));
  append(batch(7, 1, "b", "committed too"));
  push_out();
  EXPECT_EQ(read().at("a").value, "1") << "it is still open";
  start();
  push_out();
  EXPECT_EQ(read().size(), 1U);
  end(7, true);
  start();
  push_out();
  const auto seen = read();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen.at("a").value, "committed");
  EXPECT_EQ(seen.at("b").value, "committed too");
  EXPECT_EQ(files.state("c/").size(), 2U) << "that of the older record has gone";
}

TEST_F(LogCompaction, ATransactionThatOutlivesItsGenerationMayStillAbort) {
  put("a", "1");
  append(batch(7, 0, "a", "aborted"));
  append(batch(7, 1, "b", "aborted too"));
  push_out();
  EXPECT_EQ(files.state("c/").size(), 3U);
  end(7, false);
  EXPECT_EQ(files.state("c/").size(), 1U) << "with the commit of its marker";
  start();
  push_out();
  EXPECT_EQ(read(), newest);
}

TEST_F(LogCompaction, ATransactionsRecordThatCommitsLateIsNotTakenForTheNewest) {
  append(batch(7, 0, "a", "older"));
  push_out();
  put("a", "1");
  end(7, true);
  push_out();
  EXPECT_EQ(read(), newest);
  files.commit_value(0, "x");
  EXPECT_EQ(files.state("c/").size(), 1U);
}

TEST_F(LogCompaction, WhatOpenTransactionsHoldCountsInWhatMayBeKept) {
  for (int i = 0; i < 1000 && takes(1000); ++i) {
    append(batch(7, i, "key " + std::to_string(i), std::string(1000, 'v')));
  }
  EXPECT_FALSE(takes(1000));
  end(7, false);
  EXPECT_TRUE(takes(1000));
}

TEST_F(LogCompaction, ATimeIsFoundInWhatIsKept) {
  put("a", "1");
  put("b", "2");
  put("b", "3");
  push_out();
  const auto found = files.log().find_time(partition, kNow + 1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->offset, Offset(2));
}

TEST_F(LogCompaction, ATopicThatIsNoLongerCompactedLetsGo) {
  put("a", "1");
  push_out();
  set_compacted(false);
  for (int i = 0; i < 3; ++i) files.commit_value(0, "x");
  EXPECT_THAT(files.state("c/"), IsEmpty());
  EXPECT_EQ(files.log().range(partition).log_start, files.log().range(partition).high_watermark);
}

TEST_F(LogCompaction, MoreThanMayBeKeptIsRefused) {
  int keys = 0;
  while (takes(1000)) {
    ASSERT_EQ(put("key " + std::to_string(keys), std::string(1000, 'v')), Errc::ok);
    ASSERT_LT(++keys, 1000);
  }
  push_out();
  EXPECT_EQ(read(), newest);
}

TEST_F(LogCompaction, WhoWantsToDeleteKeysHasRoomToSaySo) {
  int keys = 0;
  while (takes(1000)) put("key " + std::to_string(keys++), std::string(1000, 'v'));
  EXPECT_TRUE(takes(std::nullopt));
  for (int i = 0; i < keys / 2; ++i) put("key " + std::to_string(i), std::nullopt);
  EXPECT_TRUE(takes(1000));
}

TEST_F(LogCompaction, WhatIsAdmittedIsPromisedUntilItsGroupIsCommitted) {
  Group group;
  Growth growth;
  growth.add("key", 0, std::string(10'000, 'v'));
  int times = 0;
  while (files.log().admit(growth, group)) ASSERT_LT(++times, 100);
  EXPECT_GT(times, 1);
  files.log().commit(group);
  Group next_group;
  EXPECT_TRUE(files.log().admit(growth, next_group)) << "nothing came of it";
}

// However much gets in, the log goes on, and what others wrote stays.
TEST_F(LogCompaction, ABurstOfKeysDoesNotPushOutTheRest) {
  ASSERT_EQ(files.commit_value(0, "precious"), Errc::ok);
  const Position before = files.log().end();
  Group group;
  for (int i = 0; i < 3000; ++i) {
    NewRecord record;
    const std::string key = "key " + std::to_string(i);
    record.key = key;
    record.value = "v";
    group.append(partition, record);
  }
  ASSERT_EQ(files.log().commit(group), Errc::ok);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(files.commit_value(0, "x"), Errc::ok);
    files.log().maintain();
  }
  EXPECT_LT(files.log().first(), before);
}

TEST_F(LogCompaction, WhatWasTrimmedDoesNotComeBack) {
  put("a", "1");
  put("b", "2");
  put("c", "3");
  push_out();
  trim(Offset(2));
  newest.erase("a");
  newest.erase("b");
  EXPECT_EQ(read(), newest);
  push_out();
  start();
  push_out();
  EXPECT_EQ(files.log().range(partition).log_start, Offset(2));
  EXPECT_EQ(read(), newest);
  EXPECT_EQ(files.state("c/").size(), 1U);
}

TEST_F(LogCompaction, WhatWasTrimmedBeforeItsGenerationWentIsNotKept) {
  put("a", "1");
  put("b", "2");
  put("c", "3");
  trim(Offset(2));
  push_out();
  push_out();
  EXPECT_EQ(files.log().range(partition).log_start, Offset(2));
  EXPECT_EQ(files.state("c/").size(), 1U);
}

TEST_F(LogCompaction, ATopicThatIsCompactedAgainHasItsRowsAgain) {
  for (int i = 0; i < 200; ++i) put("key " + std::to_string(i), "v");
  push_out();
  set_compacted(false);
  files.commit_value(0, "x");
  set_compacted(true);
  for (int i = 0; i < 5; ++i) files.commit_value(0, "x");
  const auto seen = read();
  EXPECT_EQ(files.state("c/").size(), seen.size());
  EXPECT_GT(seen.size(), 100U) << "only what had gone by then is lost";
}

TEST_F(LogCompaction, RowsOfAPartitionThatNoRuleSpeaksOfStay) {
  put("a", "1");
  push_out();
  files.reopen();
  files.log().set_rules({});
  for (int i = 0; i < 3; ++i) files.commit_value(0, "x");
  EXPECT_EQ(read(), newest) << "the rule may be what is damaged";
}

TEST_F(LogCompaction, MaintenanceRetiresNothingBeforeTheNewestIsKept) {
  put("a", "1");
  for (int i = 0; i < 30; ++i) files.commit_value(0, std::string(50'000, 'x'));
  start();
  files.options.limit_bytes = 2 * test::kMiB;
  files.log().set_limits(files.options);
  files.log().maintain();
  EXPECT_GT(files.log().first(), Position(0));
  EXPECT_EQ(read(), newest);
}

// The batches of an aborted transaction stand behind rows of what is kept.
TEST_F(LogCompaction, AReaderThatBeginsInWhatIsKeptIsToldOfAbortedTransactions) {
  put("a", "1");
  push_out();
  append(batch(7, 0, "b", "aborted"));
  end(7, false);
  const auto fetched = files.log().fetch(partition, Offset(0), 1 << 20, Isolation::read_committed);
  ASSERT_TRUE(fetched);
  ASSERT_EQ(fetched->aborted.size(), 1U);
  EXPECT_EQ(fetched->aborted[0].producer, 7);
}

TEST_F(LogCompaction, TheNewestTimeMayBeThatOfWhatIsKept) {
  put("a", "1");
  put("b", "2");
  push_out();
  const auto found = files.log().find_time(partition, kNewestTime);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->offset, Offset(1));
}

// Against a model: whatever is written, retired, killed, the newest of every key is there.
TEST_F(LogCompaction, KeepsTheNewestOfEveryKeyOverRestartsAndRetirement) {
  test::Random random;
  for (int step = 0; step < 3000; ++step) {
    const std::string key = "key " + std::to_string(random.between(0, 60));
    const auto dice = random.between(0, 99);
    if (dice < 60) {
      ASSERT_EQ(put(key, std::string(random.between(0, 900), 'v')), Errc::ok);
    } else if (dice < 65) {
      ASSERT_EQ(put(key, std::nullopt), Errc::ok);
    } else if (dice < 97) {
      ASSERT_EQ(files.commit_value(0, std::string(random.between(0, 30'000), 'x')), Errc::ok);
    } else if (dice < 99) {
      files.log().maintain();
    } else {
      start();
    }
    if (step % 500 != 0) continue;
    ASSERT_EQ(read(random.between(1, 5000)), newest);
  }
  EXPECT_GT(files.log().first(), Position(0)) << "something was retired";
  EXPECT_EQ(read(random.between(1, 5000)), newest);
}

}  // namespace
}  // namespace runnel::log
