// Time: sessions, rebalances, the initial delay, and members that go.
#include <gmock/gmock.h>

#include "tests/unit/core/group_hub.h"

namespace runnel::core::test {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class GroupRebalance : public GroupHub {
 protected:
  // Heartbeats of these members while time passes.
  void beat(const std::vector<std::string>& ids, std::int32_t generation, seconds how_long) {
    for (auto passed = seconds(0); passed < how_long; passed += seconds(3)) {
      advance(seconds(3));
      for (const std::string& id : ids) heartbeat(id, generation);
    }
  }
};

TEST_F(GroupRebalance, AHeartbeatSaysHowTheGroupIs) {
  const auto ids = form({{}, {}});
  EXPECT_EQ(heartbeat(ids[1], 2), GroupError::none);
  EXPECT_EQ(heartbeat(ids[1], 1), GroupError::illegal_generation);
  EXPECT_EQ(heartbeat("nobody", 2), GroupError::unknown_member_id);
  EXPECT_EQ(heartbeat(ids[1], 2, "h"), GroupError::unknown_member_id);
  const auto leader = join({.id = ids[0]});
  EXPECT_EQ(heartbeat(ids[1], 2), GroupError::rebalance_in_progress);
  join({.id = ids[1]});
  EXPECT_EQ(answer(leader).generation, 3);
  EXPECT_EQ(heartbeat(ids[1], 3), GroupError::none) << "it knows of the rebalance";
}

TEST_F(GroupRebalance, ASilentMemberIsOutAfterItsSession) {
  const auto ids = form({{.session = seconds(30)}, {.session = seconds(10)}});
  advance(milliseconds(9'999));
  EXPECT_EQ(state(), GroupState::stable);
  EXPECT_EQ(heartbeat(ids[0], 2), GroupError::none);
  advance(milliseconds(1));
  EXPECT_EQ(heartbeat(ids[1], 2), GroupError::unknown_member_id);
  EXPECT_EQ(heartbeat(ids[0], 2), GroupError::rebalance_in_progress);
  const Answer again = answer(join({.id = ids[0]}));
  EXPECT_EQ(again.generation, 3);
  EXPECT_THAT(again.members, SizeIs(1));
}

TEST_F(GroupRebalance, HeartbeatsKeepAMemberIn) {
  const auto ids = form({{}, {}});
  beat(ids, 2, seconds(100));
  EXPECT_EQ(state(), GroupState::stable);
  EXPECT_EQ(member_count(), 2U);
}

TEST_F(GroupRebalance, CommitsKeepAMemberIn) {
  const auto ids = form({{}});
  for (int i = 0; i < 10; ++i) {
    advance(seconds(9));
    EXPECT_EQ(check_commit(ids[0], 1), GroupError::none);
  }
}

TEST_F(GroupRebalance, WhenTheLastMemberIsSilentTheGroupIsEmpty) {
  form({{}, {}});
  advance(seconds(100));
  EXPECT_EQ(state(), GroupState::empty);
  EXPECT_EQ(member_count(), 0U);
}

TEST_F(GroupRebalance, WhoDoesNotRejoinWithinTheRebalanceTimeoutIsOut) {
  const auto ids = form({
      {.session = seconds(100), .rebalance = seconds(40)},
      {.session = seconds(100), .rebalance = seconds(20)},
  });
  const auto leader = join({.id = ids[0], .session = seconds(100), .rebalance = seconds(40)});
  advance(milliseconds(39'999));
  EXPECT_FALSE(answered(leader));
  advance(milliseconds(1));
  EXPECT_EQ(answer(leader).generation, 3);
  EXPECT_THAT(answer(leader).members, SizeIs(1));
  EXPECT_EQ(heartbeat(ids[1], 3), GroupError::unknown_member_id);
}

TEST_F(GroupRebalance, ARebalanceTimeoutOfNothingIsTheSessionTimeout) {
  const auto ids = form(
      {{.session = seconds(30), .rebalance = milliseconds(0)},
       {.session = seconds(30), .rebalance = milliseconds(-1)}}
  );
  const auto leader = join({.id = ids[0], .session = seconds(30), .rebalance = milliseconds(0)});
  advance(seconds(29));
  EXPECT_FALSE(answered(leader));
  EXPECT_EQ(heartbeat(ids[1], 2), GroupError::rebalance_in_progress);
  advance(seconds(1));
  EXPECT_TRUE(answered(leader));
}

TEST_F(GroupRebalance, WhoWaitsForOthersToJoinIsNotSilent) {
  const auto ids = form({{.rebalance = seconds(120)}, {.rebalance = seconds(120)}});
  const auto leader = join({.id = ids[0], .rebalance = seconds(120)});
  beat({ids[1]}, 2, seconds(60));
  join({.id = ids[1]});
  EXPECT_EQ(error(leader), GroupError::none);
}

TEST_F(GroupRebalance, WhoWaitsForTheLeadersAssignmentIsNotSilent) {
  const auto ids = form({{.session = seconds(60)}, {}});
  join({.id = ids[0], .session = seconds(60)});
  join({.id = ids[1]});
  const auto follower = sync({"g", ids[1], std::nullopt, 3});
  advance(seconds(30));
  EXPECT_FALSE(answered(follower));
  const auto leader = sync({"g", ids[0], std::nullopt, 3}, {{ids[1], "all"}});
  commit();
  EXPECT_EQ(answer(follower).assignment, "all");
  EXPECT_EQ(error(leader), GroupError::none);
}

TEST_F(GroupRebalance, ALeaderThatNeverSendsItsAssignmentIsOutAndTheOthersAreToldToRejoin) {
  const auto ids = form({{.rebalance = seconds(20)}, {.rebalance = seconds(20)}});
  join({.id = ids[0], .rebalance = seconds(20)});
  join({.id = ids[1], .rebalance = seconds(20)});
  const auto follower = sync({"g", ids[1], std::nullopt, 3});
  beat({ids[0]}, 3, seconds(18));  // alive, but with nothing to say
  EXPECT_FALSE(answered(follower));
  beat({ids[0]}, 3, seconds(3));
  EXPECT_EQ(error(follower), GroupError::rebalance_in_progress);
  EXPECT_EQ(heartbeat(ids[0], 3), GroupError::unknown_member_id);
  const Answer next = answer(join({.id = ids[1]}));
  EXPECT_EQ(next.leader, ids[1]);
  EXPECT_EQ(next.generation, 4);
}

TEST_F(GroupRebalance, AFollowerThatNeverAsksForItsPartIsOutToo) {
  const auto ids = form({{.rebalance = seconds(20)}, {.rebalance = seconds(20)}});
  join({.id = ids[0], .rebalance = seconds(20)});
  join({.id = ids[1], .rebalance = seconds(20)});
  sync({"g", ids[0], std::nullopt, 3});
  commit();
  EXPECT_EQ(state(), GroupState::stable);
  beat(ids, 3, seconds(21));
  EXPECT_EQ(heartbeat(ids[1], 3), GroupError::unknown_member_id);
  EXPECT_EQ(heartbeat(ids[0], 3), GroupError::rebalance_in_progress);
}

TEST_F(GroupRebalance, AMemberThatLeavesSetsTheOthersFree) {
  const auto ids = form({{}, {}, {}});
  EXPECT_EQ(leave(ids[2]), GroupError::none);
  EXPECT_EQ(heartbeat(ids[0], 2), GroupError::rebalance_in_progress);
  const auto a = join({.id = ids[0]});
  join({.id = ids[1]});
  EXPECT_THAT(answer(a).members, SizeIs(2));
  EXPECT_EQ(leave(ids[2]), GroupError::unknown_member_id);
}

TEST_F(GroupRebalance, WhenTheLeaderLeavesAnotherLeads) {
  const auto ids = form({{}, {}});
  leave(ids[0]);
  EXPECT_EQ(answer(join({.id = ids[1]})).leader, ids[1]);
}

TEST_F(GroupRebalance, ALeaderThatDoesNotRejoinLeadsNoMore) {
  const auto ids = form({{.rebalance = seconds(20)}, {.rebalance = seconds(20)}});
  const auto other =
      join({.id = ids[1], .protocols = {{"range", "new"}}, .rebalance = seconds(20)});
  beat({ids[0]}, 2, seconds(21));
  EXPECT_EQ(answer(other).leader, ids[1]);
}

TEST_F(GroupRebalance, WhenAllLeaveTheGroupIsEmptyInANewGeneration) {
  const auto ids = form({{}, {}});
  EXPECT_THAT(
      leave({{ids[0], std::nullopt}, {ids[1], std::nullopt}}),
      ElementsAre(GroupError::none, GroupError::none)
  );
  EXPECT_EQ(state(), GroupState::empty);
  EXPECT_EQ(answer(join({})).generation, 4);
}

TEST_F(GroupRebalance, WhoLeavesWhileItWaitsIsTold) {
  const auto ids = form({{}, {}});
  const auto waiting = join({.id = ids[0]});
  leave(ids[0]);
  EXPECT_EQ(error(waiting), GroupError::unknown_member_id);
  join({.id = ids[1]});
  const auto syncing = sync({"g", ids[1], std::nullopt, 3});
  leave(ids[1]);
  EXPECT_EQ(error(syncing), GroupError::unknown_member_id);
  commit();
  EXPECT_EQ(state(), GroupState::empty);
}

TEST_F(GroupRebalance, TheLastToLeaveDuringARebalanceCompletesIt) {
  const auto ids = form({{}, {}});
  const auto waiting = join({.id = ids[0]});
  EXPECT_EQ(leave(ids[1]), GroupError::none);
  EXPECT_EQ(answer(waiting).generation, 3);
}

TEST_F(GroupRebalance, AnIdThatIsNotUsedIsForgottenAfterASession) {
  const std::string id = answer(join({.id_required = true})).member_id;
  EXPECT_EQ(groups().groups(), 1U);
  advance(seconds(10));
  EXPECT_EQ(groups().groups(), 0U) << "nobody was ever in it";
  EXPECT_EQ(error(join({.id = id})), GroupError::unknown_member_id);
}

TEST_F(GroupRebalance, AnIdThatWasGivenOutCanLeave) {
  const std::string id = answer(join({.id_required = true})).member_id;
  EXPECT_EQ(leave(id), GroupError::none);
  EXPECT_EQ(leave(id), GroupError::unknown_member_id);
}

TEST_F(GroupRebalance, ARebalanceWaitsForThoseWhoHaveAskedForAnId) {
  const std::string first = answer(join({.id_required = true})).member_id;
  const std::string second = answer(join({.id_required = true})).member_id;
  const auto a = join({.id = first});
  EXPECT_FALSE(answered(a));
  const auto b = join({.id = second});
  EXPECT_EQ(answer(a).generation, 1);
  EXPECT_EQ(answer(b).generation, 1);
}

TEST_F(GroupRebalance, ButNotLongerThanTheirIdHolds) {
  const auto ids = form({{}, {}});
  join({.session = seconds(7), .id_required = true});
  const auto a = join({.id = ids[0]});
  const auto b = join({.id = ids[1]});
  advance(milliseconds(6'999));
  EXPECT_FALSE(answered(a));
  advance(milliseconds(1));
  EXPECT_THAT(answer(a).members, SizeIs(2));
  EXPECT_TRUE(answered(b));
}

TEST_F(GroupRebalance, AndTheFirstOfAGroupNotLongerThanThreeSeconds) {
  const std::string slow = answer(join({.id_required = true})).member_id;
  const auto a = join({});
  advance(milliseconds(2'999));
  EXPECT_FALSE(answered(a));
  advance(milliseconds(1));
  EXPECT_THAT(answer(a).members, SizeIs(1));
  const auto b = join({.id = slow});
  join({.id = answer(a).member_id});
  EXPECT_EQ(answer(b).generation, 2) << "it is only late";
}

TEST_F(GroupRebalance, TheInitialDelayGathersTheFirstMembers) {
  limits.initial_rebalance_delay = seconds(3);
  start();
  const auto a = join({});
  advance(seconds(2));
  const auto b = join({});
  advance(milliseconds(999));
  EXPECT_FALSE(answered(a));
  advance(milliseconds(1));
  EXPECT_FALSE(answered(a)) << "others may follow the second";
  advance(seconds(3));
  EXPECT_EQ(answer(a).generation, 1);
  EXPECT_THAT(answer(a).members, SizeIs(2));
  EXPECT_EQ(answer(b).generation, 1);
}

TEST_F(GroupRebalance, TheInitialDelayEndsWithTheRebalanceTimeout) {
  limits.initial_rebalance_delay = seconds(3);
  start();
  const auto a = join({.rebalance = seconds(10)});
  for (int i = 0; i < 4; ++i) {
    advance(milliseconds(2'400));
    join({.rebalance = seconds(10)});
  }
  EXPECT_FALSE(answered(a));
  advance(milliseconds(400));
  EXPECT_THAT(answer(a).members, SizeIs(5));
}

TEST_F(GroupRebalance, OnlyAnEmptyGroupIsDelayed) {
  limits.initial_rebalance_delay = seconds(3);
  start();
  const auto a = join({});
  advance(seconds(3));
  const std::string id = answer(a).member_id;
  const auto b = join({});
  const auto again = join({.id = id});
  EXPECT_EQ(answer(again).generation, 2);
  EXPECT_TRUE(answered(b));
}

TEST_F(GroupRebalance, AMemberWhoseConnectionIsGoneCanComeBackWithinItsSession) {
  const auto ids = form({{.owner = 1}, {.owner = 2}});
  const auto lost = join({.id = ids[0], .owner = 5});
  forget(5);
  advance(seconds(9));
  EXPECT_EQ(member_count(), 2U);
  const auto back = join({.id = ids[0], .owner = 6});
  join({.id = ids[1], .owner = 2});
  EXPECT_FALSE(answered(lost));
  EXPECT_EQ(answer(back).generation, 3);
}

TEST_F(GroupRebalance, AMemberWhoseConnectionIsGoneHasNotRejoined) {
  const auto ids = form({{}, {}});
  join({.id = ids[0], .owner = 5});
  forget(5);
  const auto other = join({.id = ids[1]});
  EXPECT_FALSE(answered(other));
  advance(seconds(10));
  EXPECT_THAT(answer(other).members, SizeIs(1));
}

TEST_F(GroupRebalance, WhoNeverLearntItsIdGoesWithItsConnection) {
  const auto ids = form({{}});
  join({.owner = 5});
  EXPECT_EQ(member_count(), 2U);
  forget(5);
  EXPECT_EQ(member_count(), 1U);
  EXPECT_EQ(answer(join({.id = ids[0]})).generation, 2);
}

TEST_F(GroupRebalance, TheAssignmentOfALeaderWhoseConnectionIsGoneHolds) {
  const auto ids = form({{}, {}});
  join({.id = ids[0]});
  join({.id = ids[1]});
  const auto follower = sync({"g", ids[1], std::nullopt, 3});
  sync({"g", ids[0], std::nullopt, 3}, {{ids[0], "A"}, {ids[1], "B"}}, 5);
  forget(5);
  commit();
  EXPECT_EQ(answer(follower).assignment, "B");
  EXPECT_EQ(answer(sync({"g", ids[0], std::nullopt, 3})).assignment, "A");
}

TEST_F(GroupRebalance, ANewMemberThatWaitsForFiveMinutesIsTakenForGone) {
  const auto ids = form({{.rebalance = std::chrono::minutes(20)}});
  const auto waiting = join({});
  for (int i = 0; i < 99; ++i) {
    advance(seconds(3));
    heartbeat(ids[0], 1);
  }
  EXPECT_FALSE(answered(waiting));
  advance(seconds(3));
  EXPECT_EQ(error(waiting), GroupError::unknown_member_id);
}

TEST_F(GroupRebalance, NothingIsDueWhereThereIsNobody) {
  EXPECT_EQ(groups().next_deadline(), std::nullopt);
  join({});
  EXPECT_EQ(groups().next_deadline(), now() + seconds(10));
}

}  // namespace
}  // namespace runnel::core::test
