// What a mirror's log is: every record at the offset that it has in the log that is mirrored, to the
// byte, with all that is known of producers and transactions; what was never here is no damage.
#include <gtest/gtest.h>

#include "storage/log/batch_head.h"
#include "storage/log/doctor.h"
#include "storage/log/foreign_batch.h"
#include "storage/log/group.h"
#include "tests/support/batches.h"
#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

constexpr std::int64_t kNow = 1'750'000'000'000;
constexpr PartitionId kFrom{3};
constexpr PartitionId kTo{8};  // partitions have other ids in another log

std::vector<Bytes> split(ByteView batches) {
  std::vector<Bytes> out;
  while (!batches.empty()) {
    const auto head = read_batch_head(batches);
    EXPECT_TRUE(head);
    out.emplace_back(batches.substr(0, head->bytes));
    batches.remove_prefix(head->bytes);
  }
  return out;
}

Bytes stamped(std::int64_t producer, std::int32_t sequence, bool transactional, const std::string& value) {
  using test::with_field;
  Bytes batch = test::produced({{"key", value, {}, kNow}, {"key", value + "+", {}, kNow}});
  if (transactional) batch = with_field<std::uint16_t>(batch, head::kAttributesAt, head::kTransactionalBit);
  batch = with_field<std::int64_t>(batch, head::kProducerIdAt, producer);
  batch = with_field<std::int16_t>(batch, head::kProducerEpochAt, 0);
  return with_field<std::int32_t>(batch, head::kBaseSequenceAt, sequence);
}

struct LogReplica : ::testing::Test {
  LogReplica() {
    origin.open();
    mirror.open();
  }

  void produce(const Bytes& batch) {
    Group group;
    group.append_batch(kFrom, batch);
    ASSERT_EQ(origin.log().commit(group), Errc::ok);
    ASSERT_EQ(group.outcome.batches.at(0).verdict, Producers::Verdict::store);
  }

  void plain(const std::string& value) { produce(test::produced({{"key", value, {}, kNow}})); }

  void end(std::int64_t producer, bool commit) {
    Group group;
    group.append_marker(kFrom, {producer, 0, commit, 0, kNow});
    ASSERT_EQ(origin.log().commit(group), Errc::ok);
  }

  // Everything that the mirror does not have, in commits of about so many bytes.
  void follow(std::size_t bytes = 4096) {
    for (;;) {
      const PartitionRange there = origin.log().range(kFrom);
      const Offset at = std::max(mirror.log().range(kTo).high_watermark, there.log_start);
      Group group;
      group.leap(kTo, at);
      const auto fetched = origin.log().fetch(kFrom, at, bytes);
      ASSERT_TRUE(fetched);
      for (const Bytes& batch : split(fetched->batches)) group.append_replica(kTo, batch);
      ASSERT_EQ(mirror.log().commit(group), Errc::ok);
      for (const auto& appended : group.outcome.batches) {
        ASSERT_EQ(appended.verdict, Producers::Verdict::store);
      }
      if (mirror.log().range(kTo).high_watermark == there.high_watermark) return;
    }
  }

  void expect_same() {
    const PartitionRange there = origin.log().range(kFrom);
    const PartitionRange here = mirror.log().range(kTo);
    EXPECT_EQ(here.high_watermark, there.high_watermark);
    EXPECT_EQ(here.last_stable, there.last_stable);
    for (Offset at = std::max(here.log_start, there.log_start); at < there.high_watermark; ++at.value) {
      for (const Isolation isolation : {Isolation::read_uncommitted, Isolation::read_committed}) {
        const auto a = origin.log().fetch(kFrom, at, 1000, isolation);
        const auto b = mirror.log().fetch(kTo, at, 1000, isolation);
        ASSERT_TRUE(a && b) << at.value;
        ASSERT_EQ(a->batches, b->batches) << at.value;
        ASSERT_EQ(a->aborted.size(), b->aborted.size()) << at.value;
        EXPECT_EQ(b->damaged, 0U);
      }
    }
    const auto a = origin.log().producers(kFrom);
    const auto b = mirror.log().producers(kTo);
    ASSERT_TRUE(a && b);
    ASSERT_EQ(a->size(), b->size());
    for (std::size_t i = 0; i < a->size(); ++i) {
      EXPECT_EQ((*a)[i].first, (*b)[i].first);
      EXPECT_EQ((*a)[i].second.epoch, (*b)[i].second.epoch);
      EXPECT_EQ((*a)[i].second.count, (*b)[i].second.count);
      EXPECT_EQ((*a)[i].second.open, (*b)[i].second.open);
    }
  }

  void expect_healthy(test::LogFixture& files) {
    const DoctorReport report = examine(files.dir());
    EXPECT_TRUE(report.healthy) << (report.findings.empty() ? "" : report.findings.front());
    const Log::Totals t = files.log().totals();
    EXPECT_EQ(t.accepted, t.stored + t.expired + t.discarded);
    EXPECT_EQ(t.hidden, 0U);
    EXPECT_EQ(t.trimmed_on_request, 0U);
  }

  test::LogFixture origin;
  test::LogFixture mirror;
};

TEST_F(LogReplica, HasTheSameBytesAtTheSameOffsetsAlsoAfterARestart) {
  plain("a");
  produce(stamped(7, 0, false, "b"));
  produce(stamped(9, 0, true, "c"));
  produce(stamped(7, 2, false, "d"));
  end(9, false);
  produce(stamped(9, 2, true, "e"));
  end(9, true);
  produce(stamped(9, 4, true, "f"));
  follow();
  expect_same();
  mirror.reopen();
  expect_same();
  expect_healthy(mirror);
  end(9, false);
  plain("g");
  follow();
  expect_same();
}

TEST_F(LogReplica, KnowsProducersSoThatTheyGoOnThereWithoutARepeat) {
  produce(stamped(7, 0, false, "a"));
  follow();
  Group group;
  group.append_batch(kTo, stamped(7, 0, false, "a"));
  group.append_batch(kTo, stamped(7, 2, false, "b"));
  ASSERT_EQ(mirror.log().commit(group), Errc::ok);
  EXPECT_EQ(group.outcome.batches.at(0).verdict, Producers::Verdict::duplicate);
  EXPECT_EQ(group.outcome.batches.at(0).base, Offset(0));
  EXPECT_EQ(group.outcome.batches.at(1).verdict, Producers::Verdict::store);
}

TEST_F(LogReplica, BeginsWhereTheOriginBegins) {
  for (int i = 0; i < 10; ++i) plain(std::to_string(i));
  Group group;
  group.trim(kFrom, Offset(6));
  ASSERT_EQ(origin.log().commit(group), Errc::ok);
  follow();
  EXPECT_EQ(mirror.log().range(kTo).log_start, Offset(6));
  expect_same();
  mirror.reopen();
  EXPECT_EQ(mirror.log().range(kTo).log_start, Offset(6));
  expect_same();
  expect_healthy(mirror);
}

TEST_F(LogReplica, OfAnEmptyPartitionGoesOnAtTheSameOffset) {
  for (int i = 0; i < 10; ++i) plain(std::to_string(i));
  Group group;
  group.trim(kFrom, Offset(10));
  ASSERT_EQ(origin.log().commit(group), Errc::ok);
  Group begins;
  begins.leap(kTo, Offset(10));
  ASSERT_EQ(mirror.log().commit(begins), Errc::ok);
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_EQ(mirror.log().range(kTo).log_start, Offset(10));
    EXPECT_EQ(mirror.log().range(kTo).high_watermark, Offset(10));
    mirror.reopen();
  }
  expect_healthy(mirror);
  plain("after");
  follow();
  expect_same();
  // A record of its own, once it is no mirror any more.
  Group own;
  own.append_batch(kTo, test::produced({{"key", "own", {}, kNow}}));
  ASSERT_EQ(mirror.log().commit(own), Errc::ok);
  EXPECT_EQ(own.outcome.batches.at(0).base, Offset(11));
}

TEST_F(LogReplica, HolesOfTheOriginAreHolesAndNoDamage) {
  Group group;
  for (const std::int64_t at : {5, 9, 20}) {
    Bytes batch = test::produced({{"key", std::to_string(at), {}, kNow}});
    place_batch(batch, Offset(at), 0);
    group.append_replica(kTo, batch);
  }
  ASSERT_EQ(mirror.log().commit(group), Errc::ok);
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_EQ(mirror.log().range(kTo).log_start, Offset(5));
    EXPECT_EQ(mirror.log().range(kTo).high_watermark, Offset(21));
    const auto fetched = mirror.log().fetch(kTo, Offset(6), 1 << 20);
    ASSERT_TRUE(fetched);
    EXPECT_EQ(fetched->damaged, 0U);
    const auto batches = split(fetched->batches);
    ASSERT_EQ(batches.size(), 2U);
    EXPECT_EQ(read_batch_head(batches[0])->base, Offset(9));
    EXPECT_EQ(read_batch_head(batches[1])->base, Offset(20));
    mirror.reopen();
  }
  EXPECT_EQ(mirror.log().totals().accepted, 3U);
  expect_healthy(mirror);
}

TEST_F(LogReplica, WhatItHasAlreadyIsNotStoredAgain) {
  for (int i = 0; i < 3; ++i) plain(std::to_string(i));
  follow();
  const auto fetched = origin.log().fetch(kFrom, Offset(0), 1 << 20);
  Group group;
  for (const Bytes& batch : split(fetched->batches)) group.append_replica(kTo, batch);
  ASSERT_EQ(mirror.log().commit(group), Errc::ok);
  for (const auto& appended : group.outcome.batches) {
    EXPECT_EQ(appended.verdict, Producers::Verdict::out_of_order);
  }
  expect_same();
}

TEST_F(LogReplica, RefusedRecordsLeaveNoLeap) {
  mirror.options.reject_when_full = true;
  mirror.options.limit_bytes = 2 * test::kMiB;
  mirror.reopen();
  test::Random random;
  while (mirror.commit_random(random, 10, 6000) == Errc::ok) {
  }
  Group group;
  Bytes batch = test::produced({{"key", std::string(60'000, 'x'), {}, kNow}});
  place_batch(batch, Offset(500), 0);
  group.append_replica(kTo, batch);
  group.put_state("row", "value");
  ASSERT_EQ(mirror.log().commit(group), Errc::log_full);
  EXPECT_EQ(group.outcome.state, Errc::ok);
  EXPECT_EQ(mirror.log().range(kTo).high_watermark, Offset(0));
  mirror.reopen();
  EXPECT_EQ(mirror.log().range(kTo).high_watermark, Offset(0));
}

// Holes, generations and restarts at random.
TEST_F(LogReplica, IsTheSameOverGenerationsRestartsAndHoles) {
  test::Random random;
  mirror.options.limit_bytes = 6 * test::kMiB;
  mirror.reopen();
  std::map<std::int64_t, Bytes> expected;
  std::int64_t at = static_cast<std::int64_t>(random.between(0, 50));
  for (int round = 0; round < 150; ++round) {
    Group group;
    const std::size_t batches = random.between(1, 8);
    for (std::size_t i = 0; i < batches; ++i) {
      if (random.between(0, 3) == 0) at += static_cast<std::int64_t>(random.between(1, 1000));
      Bytes batch = test::produced({{"key", std::string(random.between(0, 12'000), 'v'), {}, kNow}});
      place_batch(batch, Offset(at), 0);
      group.append_replica(kTo, batch);
      expected.emplace(at++, batch);
    }
    if (random.between(0, 5) == 0) {
      at += static_cast<std::int64_t>(random.between(0, 100));
      ASSERT_EQ(mirror.log().commit(group), Errc::ok);
      Group leap;
      leap.leap(kTo, Offset(at));
      ASSERT_EQ(mirror.log().commit(leap), Errc::ok);
    } else {
      ASSERT_EQ(mirror.log().commit(group), Errc::ok);
    }
    if (random.between(0, 20) == 0) mirror.reopen();
    ASSERT_EQ(mirror.log().range(kTo).high_watermark, Offset(at));
  }
  mirror.reopen();
  ASSERT_EQ(mirror.log().range(kTo).high_watermark, Offset(at));
  Offset next = mirror.log().range(kTo).log_start;
  EXPECT_GT(mirror.log().totals().discarded, 0U) << "nothing was retired: the test shows less than it says";
  expected.erase(expected.begin(), expected.lower_bound(next.value));
  while (next < Offset(at)) {
    const auto fetched = mirror.log().fetch(kTo, next, 100'000);
    ASSERT_TRUE(fetched);
    EXPECT_EQ(fetched->damaged, 0U);
    for (const Bytes& batch : split(fetched->batches)) {
      ASSERT_FALSE(expected.empty());
      ASSERT_EQ(batch, expected.begin()->second);
      expected.erase(expected.begin());
    }
    ASSERT_GT(fetched->next, next);
    next = fetched->next;
  }
  EXPECT_TRUE(expected.empty());
  const DoctorReport report = examine(mirror.dir());
  EXPECT_TRUE(report.healthy) << (report.findings.empty() ? "" : report.findings.front());
}

}  // namespace
}  // namespace runnel::log
