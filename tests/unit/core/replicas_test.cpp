// The numbered promises of hub/core/replicas.h.
#include "hub/core/replicas.h"

#include <gmock/gmock.h>

namespace runnel::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Taking = Replicas::Taking;

constexpr PartitionId kMeter{1};
constexpr PartitionId kAlarm{2};
constexpr PartitionId kOther{3};

class ReplicasTest : public ::testing::Test {
 protected:
  ReplicasTest() {
    replicas.configure({{kMeter, {"meter", 2, true}}, {kAlarm, {"alarm", 2, false}}}, seconds(10));
  }

  void wait(std::uint64_t lane, PartitionId partition, std::int64_t end, const std::string& name) {
    replicas.when(lane, {{partition, Offset(end)}}, now, [this, name](bool replicated, Turn&) {
      ended.push_back(name + (replicated ? "" : " refused"));
    });
    turn();
  }

  void has(const std::string& mirror, PartitionId partition, std::int64_t at, std::int64_t end) {
    replicas.has(mirror, partition, Offset(at), Offset(end), now);
    turn();
  }

  void turn() {
    Turn t{group, 1 << 20, now, 0, 0};
    replicas.run(t);
  }

  void pass(milliseconds time) {
    now += time;
    Turn t{group, 1 << 20, now, 0, 0};
    replicas.tick(t);
  }

  Replicas replicas;
  log::Group group;
  Instant now{seconds(1000)};
  std::vector<std::string> ended;
};

TEST_F(ReplicasTest, AWaitEndsWhenAMirrorHasItsPlace) {
  has("b", kMeter, 5, 5);
  wait(7, kMeter, 8, "first");
  EXPECT_THAT(ended, IsEmpty());
  has("b", kMeter, 7, 8);
  EXPECT_THAT(ended, IsEmpty());
  has("b", kMeter, 8, 8);
  EXPECT_THAT(ended, ElementsAre("first"));
}

TEST_F(ReplicasTest, AWaitForSeveralPlacesEndsWhenAllAreThere) {
  has("b", kAlarm, 3, 3);
  replicas.when(7, {{kMeter, Offset(3)}, {kAlarm, Offset(4)}}, now, [this](bool replicated, Turn&) {
    ended.emplace_back(replicated ? "yes" : "no");
  });
  has("b", kAlarm, 0, 4);
  has("b", kMeter, 3, 3);
  EXPECT_THAT(ended, IsEmpty());
  has("b", kAlarm, 4, 4);
  EXPECT_THAT(ended, ElementsAre("yes"));
}

TEST_F(ReplicasTest, AnotherPartitionIsNotWaitedFor) {
  EXPECT_FALSE(replicas.waits(kOther));
  wait(7, kOther, 8, "other");
  EXPECT_THAT(ended, ElementsAre("other"));
}

TEST_F(ReplicasTest, WaitsOfOneLaneEndInOrder) {
  has("b", kMeter, 0, 0);
  wait(7, kMeter, 8, "first");
  wait(7, kOther, 1, "second");
  wait(8, kOther, 1, "of another lane");
  EXPECT_TRUE(replicas.waiting(7));
  EXPECT_THAT(ended, ElementsAre("of another lane"));
  has("b", kMeter, 8, 8);
  EXPECT_THAT(ended, ElementsAre("of another lane", "first", "second"));
  EXPECT_FALSE(replicas.waiting(7));
}

TEST_F(ReplicasTest, WhereTheTopicRefusesAWaitIsToldSoInTime) {
  has("b", kMeter, 0, 0);
  wait(7, kMeter, 8, "first");
  pass(milliseconds(9'999));
  EXPECT_THAT(ended, IsEmpty());
  EXPECT_EQ(replicas.deadline(), now + milliseconds(1));
  pass(milliseconds(1));
  EXPECT_THAT(ended, ElementsAre("first refused"));
  EXPECT_EQ(replicas.deadline(), std::nullopt);
}

TEST_F(ReplicasTest, WhereTheTopicGoesOnNobodyWaitsForAMirrorThatIsAway) {
  wait(7, kAlarm, 8, "nobody there");
  EXPECT_THAT(ended, ElementsAre("nobody there"));
  has("b", kAlarm, 8, 8);
  wait(7, kAlarm, 9, "in step");
  EXPECT_EQ(ended.size(), 1U);
  pass(seconds(9));
  EXPECT_EQ(ended.size(), 1U);
  pass(milliseconds(1'001));
  EXPECT_THAT(ended, ElementsAre("nobody there", "in step"));
  wait(7, kAlarm, 10, "away since");
  EXPECT_EQ(ended.size(), 3U);
}

TEST_F(ReplicasTest, NothingIsTakenWhileTooFewAreInStep) {
  EXPECT_EQ(replicas.taking(kMeter, now), Taking::too_few);
  EXPECT_EQ(replicas.taking(kAlarm, now), Taking::yes);
  EXPECT_EQ(replicas.taking(kOther, now), Taking::yes);
  has("b", kMeter, 3, 10);
  EXPECT_EQ(replicas.taking(kMeter, now), Taking::too_few) << "it has yet to catch up";
  has("b", kMeter, 10, 10);
  EXPECT_EQ(replicas.taking(kMeter, now), Taking::yes);
  pass(milliseconds(10'001));
  EXPECT_EQ(replicas.taking(kMeter, now), Taking::too_few);
}

TEST_F(ReplicasTest, AMirrorIsInStepWhileItHasWhatThereWasWhenItLastAsked) {
  has("b", kMeter, 10, 10);
  for (std::int64_t end = 20; end < 500; end += 10) {
    pass(seconds(1));
    has("b", kMeter, end - 10, end);
    ASSERT_EQ(replicas.taking(kMeter, now), Taking::yes) << end;
  }
  for (std::int64_t end = 1000; end < 13'000; end += 1000) {
    pass(seconds(1));
    has("b", kMeter, 500, end);
  }
  EXPECT_EQ(replicas.taking(kMeter, now), Taking::too_few);
}

TEST_F(ReplicasTest, AMirrorThatHasLostItsDiskIsBelieved) {
  has("b", kMeter, 10, 10);
  has("b", kMeter, 0, 10);
  wait(7, kMeter, 10, "not there any more");
  EXPECT_THAT(ended, IsEmpty());
}

TEST_F(ReplicasTest, TwoMirrorsAreWaitedForWhereThreeHubsAreAskedFor) {
  replicas.configure({{kMeter, {"meter", 3, true}}}, seconds(10));
  has("b", kMeter, 5, 5);
  EXPECT_EQ(replicas.taking(kMeter, now), Taking::too_few);
  wait(7, kMeter, 5, "first");
  has("b", kMeter, 5, 5);
  EXPECT_THAT(ended, IsEmpty());
  has("c", kMeter, 5, 5);
  EXPECT_THAT(ended, ElementsAre("first"));
}

TEST_F(ReplicasTest, CommitsOfGroupsWaitAsTheStrictestTopicDoes) {
  EXPECT_TRUE(replicas.waits(kGroupOffsets));
  wait(0, kGroupOffsets, 3, "commit");
  pass(seconds(10));
  EXPECT_THAT(ended, ElementsAre("commit refused"));
  replicas.configure({}, seconds(10));
  EXPECT_FALSE(replicas.waits(kGroupOffsets));
}

TEST_F(ReplicasTest, TopicsThatAreShortOfMirrorsAreNamed) {
  has("b", kMeter, 5, 5);
  pass(milliseconds(1));
  EXPECT_THAT(replicas.short_of(), ElementsAre("alarm"));
  has("b", kAlarm, 5, 5);
  pass(milliseconds(1));
  EXPECT_THAT(replicas.short_of(), IsEmpty());
  pass(seconds(11));
  EXPECT_THAT(replicas.short_of(), ElementsAre("alarm", "meter"));
  ASSERT_EQ(replicas.mirrors(now).size(), 1U);
  EXPECT_EQ(replicas.mirrors(now).front().partitions, 2U);
  EXPECT_EQ(replicas.mirrors(now).front().in_step, 0U);
}

TEST_F(ReplicasTest, PartitionsOfAMirrorTakeNoRecords) {
  replicas.set_mirrored({kOther});
  EXPECT_EQ(replicas.taking(kOther, now), Taking::mirrored);
  replicas.set_mirrored({});
  EXPECT_EQ(replicas.taking(kOther, now), Taking::yes);
}

}  // namespace
}  // namespace runnel::core
