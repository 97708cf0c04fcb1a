#include "storage/log/committer.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "tests/support/disk_faults.h"
#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

using namespace std::chrono_literals;
using test::Disk;
using test::LogFixture;

// What the io thread does with groups that come back: takes them, looks, gives them back.
class Returns {
 public:
  struct Group {
    Errc outcome = Errc::ok;
    std::uint64_t records = 0;
    std::uint64_t end = 0;  // of the log, when the group came back
    Instant at{};
    std::vector<Ticket> tickets;
  };

  explicit Returns(const LogFixture& fixture) : fixture_(fixture) {}

  Committer::Done done(Log& log) {
    return [this, &log](std::unique_ptr<log::Group> group) {
      Group g{
          group->outcome.records,
          group->records(),
          log.end().value,
          Clock::now(),
          group->tickets()};
      const std::lock_guard lock(mutex_);
      groups_.push_back(std::move(g));
      back_.push_back(std::move(group));
      changed_.notify_all();
    };
  }

  // Waits until `n` tickets have come back; false when that takes too long.
  bool wait_for_tickets(std::size_t n) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return tickets_so_far() >= n; });
  }

  void recycle_all(Committer& committer) {
    std::vector<std::unique_ptr<log::Group>> back;
    {
      const std::lock_guard lock(mutex_);
      back.swap(back_);
    }
    for (auto& group : back) committer.recycle(std::move(group));
  }

  std::vector<Group> groups() {
    const std::lock_guard lock(mutex_);
    return groups_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] std::size_t tickets_so_far() const {
    std::size_t n = 0;
    for (const Group& g : groups_) n += g.tickets.size();
    return n;
  }

  const LogFixture& fixture_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Group> groups_;
  std::vector<std::unique_ptr<log::Group>> back_;
};

void put(Group& group, ByteView value, std::uint32_t tag, std::uint32_t partition = 0) {
  NewRecord r;
  r.value = value;
  group.append(PartitionId(partition), r);
  group.wait({.tag = tag, .needs_records = true});
}

void expect_tags_in_order(const std::vector<Returns::Group>& groups, std::uint32_t n) {
  std::uint32_t next = 0;
  for (const Returns::Group& g : groups) {
    for (const Ticket& t : g.tickets) ASSERT_EQ(t.tag, next++);
  }
  EXPECT_EQ(next, n);
}

struct RoomyLog : LogFixture {
  RoomyLog() { options.generation_bytes = 8 * test::kMiB; }
};

struct CommitterTest : ::testing::Test {
  RoomyLog f;
  Log& log = f.open();
  Returns returns{f};
};

// Promise 1.
TEST_F(CommitterTest, AGroupComesBackOnlyAfterItsCommitHasReturned) {
  Committer committer(log, {}, returns.done(log));
  committer.start();
  for (std::uint32_t i = 0; i < 50; ++i) {
    put(*committer.fill(), "value", i);
    ASSERT_TRUE(returns.wait_for_tickets(i + 1));
    returns.recycle_all(committer);
  }
  std::uint64_t records = 0;
  for (const Returns::Group& g : returns.groups()) {
    records += g.records;
    EXPECT_EQ(g.outcome, Errc::ok);
    EXPECT_EQ(g.end, records) << "the log held the group's records when it came back";
  }
  EXPECT_EQ(records, 50U);
}

// Promise 2.
TEST_F(CommitterTest, GroupsComeBackInTheOrderOfFillingWhileCommitsRun) {
  constexpr std::uint32_t kRecords = 20'000;
  Committer committer(log, {}, returns.done(log));
  committer.start();
  const std::string value(100, 'v');
  for (std::uint32_t i = 0; i < kRecords; ++i) {
    put(*committer.fill(), value, i, i % 7);
    // However busy the machine is, there is more than one.
    if (i == 100) {
      ASSERT_TRUE(returns.wait_for_tickets(i + 1));
    }
    if (i % 100 == 0) returns.recycle_all(committer);
  }
  ASSERT_TRUE(returns.wait_for_tickets(kRecords));
  committer.stop();
  const auto groups = returns.groups();
  expect_tags_in_order(groups, kRecords);
  EXPECT_GT(groups.size(), 1U);
  EXPECT_LT(groups.size(), kRecords) << "what queued during a flush goes together";
  EXPECT_EQ(log.end().value, kRecords);
  std::uint64_t end = 0;
  for (const Returns::Group& g : groups) {
    EXPECT_EQ(g.outcome, Errc::ok);
    EXPECT_EQ(g.end, end += g.records);
  }
}

// Promise 3.
TEST_F(CommitterTest, StopCommitsWhatWasPutInBefore) {
  for (std::uint32_t round = 0; round < 20; ++round) {
    const std::size_t before = returns.groups().size();
    Committer committer(log, {.interval = 10s}, returns.done(log));
    committer.start();
    put(*committer.fill(), "value", round);
    committer.stop();
    const auto groups = returns.groups();
    ASSERT_EQ(groups.size(), before + 1);
    EXPECT_EQ(groups.back().tickets.at(0).tag, round);
    EXPECT_EQ(log.end().value, round + 1);
    committer.stop();  // asking twice is no harm
  }
}

TEST_F(CommitterTest, StopWithNothingToDoEndsTheThread) {
  Committer committer(log, {}, returns.done(log));
  committer.start();
  committer.stop();
  EXPECT_TRUE(returns.groups().empty());
}

TEST_F(CommitterTest, WhatIsPutInDuringOneFillingIsCommittedTogether) {
  Committer committer(log, {}, returns.done(log));
  committer.start();
  for (std::uint32_t i = 0; i < 200; i += 10) {
    auto filling = committer.fill();
    for (std::uint32_t k = 0; k < 10; ++k) put(*filling, "value", i + k);
  }
  ASSERT_TRUE(returns.wait_for_tickets(200));
  for (const Returns::Group& g : returns.groups()) EXPECT_EQ(g.tickets.size() % 10, 0U);
  expect_tags_in_order(returns.groups(), 200);
}

TEST_F(CommitterTest, AnIntervalGathersOneGroup) {
  Committer committer(log, {.interval = 150ms}, returns.done(log));
  committer.start();
  const Instant begun = std::chrono::steady_clock::now();
  for (std::uint32_t i = 0; i < 5; ++i) {
    put(*committer.fill(), "value", i);
    std::this_thread::sleep_for(5ms);
  }
  ASSERT_TRUE(returns.wait_for_tickets(5));
  const auto groups = returns.groups();
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_GE(groups[0].at - begun, 150ms);
}

TEST_F(CommitterTest, WithoutAnIntervalNobodyWaitsForATimer) {
  Committer committer(log, {}, returns.done(log));
  committer.start();
  for (std::uint32_t i = 0; i < 10; ++i) {
    put(*committer.fill(), "value", i);
    ASSERT_TRUE(returns.wait_for_tickets(i + 1));
  }
  EXPECT_EQ(returns.groups().size(), 10U);
}

TEST_F(CommitterTest, AnUrgentGroupDoesNotWaitForTheInterval) {
  Committer committer(log, {.interval = 1h}, returns.done(log));
  committer.start();
  put(*committer.fill(), "patient", 0);
  std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(returns.groups().empty());
  {
    auto filling = committer.fill();
    put(*filling, "urgent", 1);
    filling->hurry();
  }
  ASSERT_TRUE(returns.wait_for_tickets(2));
  EXPECT_EQ(returns.groups().size(), 1U);
}

TEST_F(CommitterTest, AFullGroupSaysSoAndDoesNotWaitForTheInterval) {
  Committer committer(log, {.interval = 1h, .group_bytes_max = 10'000}, returns.done(log));
  committer.start();
  const std::string value(1000, 'v');
  std::uint32_t i = 0;
  for (bool full = false; !full; ++i) {
    auto filling = committer.fill();
    put(*filling, value, i);
    full = filling.full();
    ASSERT_LT(i, 20U);
  }
  EXPECT_GE(i, 9U);
  ASSERT_TRUE(returns.wait_for_tickets(i));
}

TEST_F(CommitterTest, AShorterIntervalTakesEffectForWhatAlreadyWaits) {
  Committer committer(log, {.interval = 1h}, returns.done(log));
  committer.start();
  put(*committer.fill(), "value", 0);
  std::this_thread::sleep_for(20ms);
  committer.set_limits({});
  EXPECT_TRUE(returns.wait_for_tickets(1));
}

TEST_F(CommitterTest, AGroupOfTicketsAndStateAloneComesBackToo) {
  Committer committer(log, {}, returns.done(log));
  committer.start();
  committer.fill()->wait({.tag = 0});
  ASSERT_TRUE(returns.wait_for_tickets(1));
  {
    auto filling = committer.fill();
    filling->put_state("a", "1");
    filling->wait({.tag = 1});
  }
  ASSERT_TRUE(returns.wait_for_tickets(2));
  committer.stop();
  EXPECT_EQ(f.state().at("a"), "1");
}

TEST_F(CommitterTest, AfterAFailedFlushEveryGroupComesBackAsFailed) {
  Committer committer(log, {}, returns.done(log));
  committer.start();
  put(*committer.fill(), "good", 0);
  ASSERT_TRUE(returns.wait_for_tickets(1));
  Disk disk(f.dir());
  disk.fail(0, EIO, false, {Disk::Kind::flush});
  for (std::uint32_t i = 1; i < 10; ++i) {
    put(*committer.fill(), "bad", i);
    ASSERT_TRUE(returns.wait_for_tickets(i + 1));
  }
  committer.stop();
  const auto groups = returns.groups();
  EXPECT_EQ(groups.front().outcome, Errc::ok);
  for (std::size_t i = 1; i < groups.size(); ++i) EXPECT_EQ(groups[i].outcome, Errc::log_failed);
  EXPECT_EQ(log.end(), Position(1));
}

TEST_F(CommitterTest, FinishCommitsWhatWasPutInAfterTheStop) {
  Committer committer(log, {}, returns.done(log));
  committer.start();
  put(*committer.fill(), "before", 0);
  committer.stop();
  {
    auto filling = committer.fill();
    put(*filling, "after", 1);
    filling->put_state("session", "gone");
  }
  committer.finish();
  committer.finish();
  EXPECT_EQ(log.end(), Position(2));
  EXPECT_EQ(f.state().at("session"), "gone");
  EXPECT_EQ(returns.groups().size(), 1U) << "nobody is told";
}

TEST_F(CommitterTest, TellsSinceWhenACommitHasBeenRunning) {
  Committer committer(log, {}, returns.done(log));
  EXPECT_EQ(committer.committing_since(), std::nullopt);
  committer.start();
  Disk disk(f.dir());
  disk.stall();
  const Instant begun = std::chrono::steady_clock::now();
  put(*committer.fill(), "value", 0);
  const Instant until = begun + 10s;
  while (!committer.committing_since() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(1ms);
  }
  const auto since = committer.committing_since();
  ASSERT_TRUE(since);
  EXPECT_GE(*since, begun);
  EXPECT_LE(*since, std::chrono::steady_clock::now());
  EXPECT_TRUE(returns.groups().empty()) << "a group came back before its flush";
  EXPECT_EQ(log.end(), Position(0)) << "a record was readable before its flush";
  disk.heal();
  ASSERT_TRUE(returns.wait_for_tickets(1));
  EXPECT_EQ(committer.committing_since(), std::nullopt);
}

TEST_F(CommitterTest, RetentionGoesOnWhileRecordsKeepComing) {
  f.options.retention = 10s;
  log.set_limits(f.options);
  Committer committer(log, {}, returns.done(log));
  committer.start();
  const Instant until = std::chrono::steady_clock::now() + 5s;
  std::uint32_t n = 0;
  while (log.totals().expired == 0 && std::chrono::steady_clock::now() < until) {
    put(*committer.fill(), "value", n++);
    f.clock.advance(100ms);
    returns.recycle_all(committer);
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_GT(log.totals().expired, 0U) << "no maintenance was done under steady traffic";
}

TEST_F(CommitterTest, RetentionGoesOnWhileNothingComes) {
  f.options.retention = 10s;
  log.set_limits(f.options);
  Committer committer(log, {}, returns.done(log));
  committer.start();
  put(*committer.fill(), "value", 0);
  ASSERT_TRUE(returns.wait_for_tickets(1));
  f.clock.advance(1h);
  const Instant until = std::chrono::steady_clock::now() + 10s;
  while (log.totals().expired == 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(log.totals().expired, 1U);
}

}  // namespace
}  // namespace runnel::log
