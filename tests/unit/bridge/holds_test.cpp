#include <gtest/gtest.h>

#include "tests/support/log_fixture.h"

namespace runnel::log {
namespace {

using runnel::test::kMiB;

struct LogHolds : ::testing::Test {
  LogHolds() {
    files.options.limit_bytes = 5 * kMiB;
    files.open();
  }

  // Until the log has no room, or that many records are in it.
  Errc fill(int records) {
    for (int i = 0; i < records; ++i) {
      const Errc outcome = files.commit_value(1, std::string(50'000, 'x'));
      if (outcome != Errc::ok) return outcome;
    }
    return Errc::ok;
  }

  [[nodiscard]] Offset start() { return files.log().range(PartitionId(1)).log_start; }

  runnel::test::LogFixture files;
};

TEST_F(LogHolds, KeepTheCeilingFromTakingWhatIsNeededAndRefuseWhatDoesNotFit) {
  files.log().set_holds({{PartitionId(1), Offset(0)}});
  EXPECT_EQ(fill(1000), Errc::log_full);
  EXPECT_EQ(start(), Offset(0));
  EXPECT_LE(runnel::test::bytes_in(files.dir()), 5 * kMiB);
}

TEST_F(LogHolds, LetGoAsTheyMove) {
  files.log().set_holds({{PartitionId(1), Offset(0)}});
  ASSERT_EQ(fill(1000), Errc::log_full);
  const Offset end = files.log().range(PartitionId(1)).high_watermark;
  files.log().set_holds({{PartitionId(1), end}});
  EXPECT_EQ(fill(10), Errc::ok);
  EXPECT_GT(start(), Offset(0));
  EXPECT_LE(start(), end);
}

TEST_F(LogHolds, LetGoOfWhatIsDeletedOnRequest) {
  files.log().set_holds({{PartitionId(1), Offset(0)}});
  ASSERT_EQ(fill(1000), Errc::log_full);
  log::Group group;
  group.trim(PartitionId(1), files.log().range(PartitionId(1)).high_watermark);
  ASSERT_EQ(files.log().commit(group), Errc::ok);
  EXPECT_EQ(fill(10), Errc::ok);
}

TEST_F(LogHolds, AreForTheirPartitionsAlone) {
  files.log().set_holds({{PartitionId(2), Offset(0)}});
  EXPECT_EQ(fill(500), Errc::ok);
  EXPECT_GT(start(), Offset(0));
}

TEST_F(LogHolds, KeepRetentionByAgeFromTakingWhatIsNeeded) {
  ASSERT_EQ(fill(50), Errc::ok);
  files.options.retention = std::chrono::hours(1);
  files.log().set_limits(files.options);
  files.log().set_holds({{PartitionId(1), Offset(3)}});
  files.clock.advance(std::chrono::hours(30));
  files.log().maintain();
  EXPECT_LE(start(), Offset(3));
  files.log().set_holds({});
  files.log().maintain();
  EXPECT_GT(start(), Offset(3));
}

TEST_F(LogHolds, KeepTheRetentionOfATopicFromTakingWhatIsNeeded) {
  PartitionRules rules;
  rules.retention_bytes = 100'000;
  files.log().set_rules({{PartitionId(1), rules}});
  files.log().set_holds({{PartitionId(1), Offset(5)}});
  ASSERT_EQ(fill(30), Errc::ok);
  files.log().maintain();
  EXPECT_EQ(start(), Offset(5));
  files.log().set_holds({});
  files.clock.advance(std::chrono::minutes(2));
  files.log().maintain();
  EXPECT_GT(start(), Offset(20));
}

TEST_F(LogHolds, BytesFromAnOffsetAreAboutWhatIsThere) {
  ASSERT_EQ(fill(40), Errc::ok);  // over several generations
  ASSERT_GT(files.log().totals().generations, 2U);
  const auto all = static_cast<double>(files.log().bytes_from(PartitionId(1), Offset(0)));
  EXPECT_NEAR(all, 40 * 50'100.0, 40 * 200.0);
  EXPECT_NEAR(static_cast<double>(files.log().bytes_from(PartitionId(1), Offset(20))), all / 2, all / 50);
  EXPECT_EQ(files.log().bytes_from(PartitionId(1), Offset(40)), 0U);
  EXPECT_EQ(files.log().bytes_from(PartitionId(7), Offset(0)), 0U);
}

}  // namespace
}  // namespace runnel::log
