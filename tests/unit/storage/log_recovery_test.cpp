// What the log knows again after it was closed, killed, or left half way through a change of files.

#include <gtest/gtest.h>

#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using test::kMiB;
using test::LogFixture;
using test::Random;

TEST(LogRecovery, EndsStartsAndStateComeBack) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 3 * kMiB;
  f.open();
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 8; ++i) ASSERT_EQ(f.commit_random(random, 12, 4000), Errc::ok);
    ASSERT_EQ(f.put_state("round", std::to_string(round)), Errc::ok);
    const Position first = f.log().first();
    const Log& log = f.reopen();
    EXPECT_EQ(log.first(), first);
    f.model.expect_same(log);
    EXPECT_EQ(f.state().at("round"), std::to_string(round));
  }
  EXPECT_GT(f.log().totals().discarded, 0U) << "the test must have seen a retirement";
}

TEST(LogRecovery, StateSurvivesTheGenerationItWasWrittenIn) {
  LogFixture f;
  f.options.limit_bytes = 4 * kMiB;
  f.open();
  ASSERT_EQ(f.put_state("early", "kept"), Errc::ok);
  ASSERT_EQ(f.put_state("gone", "x"), Errc::ok);
  Group erase;
  erase.erase_state("gone");
  ASSERT_EQ(f.log().commit(erase), Errc::ok);
  while (f.log().totals().discarded == 0) {
    ASSERT_EQ(f.commit_value(0, std::string(50'000, 'x')), Errc::ok);
  }
  const std::map<std::string, std::string> expected = {{"early", "kept"}};
  EXPECT_EQ(f.state(), expected);
  f.reopen();
  EXPECT_EQ(f.state(), expected);
}

TEST(LogRecovery, CountsHowOftenTheHubHasStarted) {
  LogFixture f;
  f.open();
  for (std::uint32_t boot = 1; boot < 6; ++boot) {
    EXPECT_EQ(f.log().boot(), boot);
    Group group;
    f.model.append(group, PartitionId(0), {"k", "v", {}, 0});
    ASSERT_EQ(f.settle(group), Errc::ok);
    EXPECT_EQ(group.outcome.blocks.at(0)->head().boot, boot);
    f.reopen();
  }
}

TEST(LogRecovery, RetiredCountersComeBack) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 4 * kMiB;
  f.options.retention = 1h;
  f.open();
  while (f.log().totals().discarded == 0) ASSERT_EQ(f.commit_random(random, 10, 4000), Errc::ok);
  f.clock.advance(2h);
  f.log().maintain();
  const Log::Totals before = f.log().totals();
  EXPECT_GT(before.expired, 0U);
  const Log::Totals after = f.reopen().totals();
  EXPECT_EQ(after.accepted, before.accepted);
  EXPECT_EQ(after.stored, before.stored);
  EXPECT_EQ(after.expired, before.expired);
  EXPECT_EQ(after.discarded, before.discarded);
  EXPECT_EQ(after.generations, before.generations);
  EXPECT_EQ(after.disk_bytes, before.disk_bytes);
}

TEST(LogRecovery, HubTimeGoesOnFromTheLastBlock) {
  LogFixture f;
  f.clock.set_synchronized(false);
  f.open();
  f.clock.advance(1h);
  ASSERT_EQ(f.commit_value(0, "a"), Errc::ok);
  EXPECT_EQ(f.log().hub_ms(), 3'600'000);
  f.close();
  f.clock.step_wall(-1000h);
  f.open();
  EXPECT_EQ(f.log().hub_ms(), 3'600'000);
  f.clock.advance(1s);
  EXPECT_EQ(f.log().hub_ms(), 3'601'000);
}

TEST(LogRecovery, LeftoversOfAnUnfinishedGenerationAreRemoved) {
  LogFixture f;
  f.open();
  ASSERT_EQ(f.commit_value(0, "a"), Errc::ok);
  f.close();
  test::write_file(f.file(2).string() + ".new", std::string(kMiB, 'x'));
  test::write_file(f.file(2).string() + ".new-lock", "x");
  test::write_file(f.file(7).string() + "-lock", "x");
  test::write_file(f.dir() / "notes.txt", "the operator's own");
  const Log& log = f.open();
  EXPECT_FALSE(fs::exists(f.file(2).string() + ".new"));
  EXPECT_FALSE(fs::exists(f.file(2).string() + ".new-lock"));
  EXPECT_FALSE(fs::exists(f.file(7).string() + "-lock"));
  EXPECT_TRUE(fs::exists(f.dir() / "notes.txt"));
  f.model.expect_same(log);
}

TEST(LogRecovery, AGenerationThatWasRetiredButNotUnlinkedIsRemoved) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 4 * kMiB;
  f.open();
  f.fill_generations(random, 2);
  const auto kept = f.dir().parent_path() / "kept";
  fs::copy_file(f.file(1), kept);
  while (f.log().totals().discarded == 0) ASSERT_EQ(f.commit_random(random, 10, 4000), Errc::ok);
  const Log::Totals before = f.log().totals();
  f.close();
  fs::rename(kept, f.file(1));
  const Log& log = f.open();
  EXPECT_FALSE(fs::exists(f.file(1)));
  EXPECT_EQ(log.totals().discarded, before.discarded);
  f.model.expect_same(log);
}

// A copy of the directory between two commits is what a kill would have left.
TEST(LogRecovery, ACopyTakenAfterAnyCommitOpensWithAllThatWasAcknowledged) {
  Random random;
  LogFixture f;
  f.options.limit_bytes = 4 * kMiB;
  f.open();
  const auto copy = f.dir().parent_path() / "copy";
  for (int i = 0; i < 90; ++i) {
    ASSERT_EQ(f.commit_random(random, random.between(1, 25), 5000), Errc::ok);
    if (i % 9 != 0) continue;
    fs::remove_all(copy);
    fs::copy(f.dir(), copy);
    LogOptions options = f.options;
    options.dir = copy;
    const auto log = Log::open(options, f.clock);
    ASSERT_TRUE(log);
    f.model.expect_same(**log);
  }
  EXPECT_GT(f.log().totals().discarded, 0U);
}

TEST(LogRecovery, ANewGenerationWhoseForerunnerWasNotSealedIsNoHarm) {
  Random random;
  LogFixture f;
  f.open();
  f.fill_generations(random, 2);
  // Between the two steps of a roll-over: the next generation is there, the seal is not.
  f.close();
  {
    const auto one = Generation::open(f.dir(), GenerationId(1), Env::Mode::writable);
    ASSERT_TRUE(one);
    auto txn = WriteTxn::begin((*one)->env());
    ASSERT_TRUE(txn->erase(kSealKey));
    ASSERT_TRUE(txn->commit());
  }
  f.open();
  ASSERT_EQ(f.commit_random(random, 5, 100), Errc::ok);
  f.model.expect_same(f.log());
}

TEST(LogRecovery, ASealedNewestGenerationIsFollowedByAnotherAtOnce) {
  Random random;
  LogFixture f;
  f.open();
  ASSERT_EQ(f.commit_random(random, 30, 100), Errc::ok);
  f.close();
  {
    const auto one = Generation::open(f.dir(), GenerationId(1), Env::Mode::writable);
    ASSERT_TRUE(one);
    ASSERT_TRUE((*one)->seal());
  }
  EXPECT_EQ(f.open().totals().generations, 2U);
  ASSERT_EQ(f.commit_random(random, 30, 100), Errc::ok);
  f.model.expect_same(f.log());
  f.model.expect_same(f.reopen());
}

TEST(LogRecovery, AFileKeepsItsSizeWhenTheConfigurationChanges) {
  Random random;
  LogFixture f;
  f.open();
  f.fill_generations(random, 2);
  f.close();
  f.options.generation_bytes = 2 * kMiB;
  f.open();
  EXPECT_EQ(f.log().totals().disk_bytes, 2 * kMiB);
  f.fill_generations(random, 4);
  EXPECT_EQ(f.log().totals().disk_bytes, 6 * kMiB);
  f.model.expect_same(f.log());
  f.model.expect_same(f.reopen());
}

TEST(LogRecovery, TheDirectoryIsMadeWithItsParents) {
  LogFixture f;
  f.options.dir = f.dir() / "a" / "b";
  f.open();
  EXPECT_EQ(f.commit_value(0, "x"), Errc::ok);
  EXPECT_TRUE(fs::exists(f.options.dir / "0000000001.mdb"));
}

TEST(LogRecovery, LockFilesOfSealedGenerationsDoNotPileUp) {
  Random random;
  LogFixture f;
  f.open();
  f.fill_generations(random, 6);
  std::size_t locks = 0;
  for (const auto& entry : fs::directory_iterator(f.dir())) {
    if (entry.path().string().ends_with("-lock")) ++locks;
  }
  EXPECT_EQ(locks, 1U);
}

}  // namespace
}  // namespace runnel::log
