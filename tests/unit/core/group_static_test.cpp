// Static members: KIP-345, and KIP-814 for their leader.
#include <gmock/gmock.h>

#include "tests/unit/core/group_hub.h"

namespace runnel::core::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A consumer's metadata: version 1, topics, then what an assignor keeps to itself.
std::string subscription(const std::vector<std::string>& topics, const std::string& own = "") {
  Bytes out;
  ByteWriter w(out);
  w.be16(1);
  w.be32(static_cast<std::uint32_t>(topics.size()));
  for (const std::string& t : topics) {
    w.be16(static_cast<std::uint16_t>(t.size()));
    w.bytes(t);
  }
  w.bytes(own);
  return out;
}

class GroupStatic : public GroupHub {
 protected:
  Ask pump(const std::string& instance, const std::string& metadata = subscription({"t"})) {
    return {.instance = instance, .protocols = {{"range", metadata}}};
  }
};

TEST_F(GroupStatic, AMemberThatComesBackKeepsItsPartWithoutARebalance) {
  const auto ids = form({pump("a"), pump("b")});
  const auto back = join(pump("b"));
  EXPECT_FALSE(answered(back)) << "its new id is not durable yet";
  commit();
  const Answer in = answer(back);
  EXPECT_EQ(in.error, GroupError::none);
  EXPECT_EQ(in.generation, 2);
  EXPECT_NE(in.member_id, ids[1]);
  EXPECT_EQ(in.leader, ids[0]);
  EXPECT_EQ(state(), GroupState::stable);
  EXPECT_EQ(answer(sync({"g", in.member_id, "b", 2})).assignment, "1");
  EXPECT_EQ(heartbeat(ids[0], 2), GroupError::none);
}

TEST_F(GroupStatic, WhoStillHasTheOldIdIsFenced) {
  const auto ids = form({pump("a"), pump("b")});
  join(pump("b"));
  commit();
  EXPECT_EQ(heartbeat_as("b", ids[1], 2), GroupError::fenced_instance_id);
  EXPECT_EQ(error(sync({"g", ids[1], "b", 2})), GroupError::fenced_instance_id);
  Ask old = pump("b");
  old.id = ids[1];
  EXPECT_EQ(error(join(old)), GroupError::fenced_instance_id);
  EXPECT_EQ(
      groups().check_commit({"g", ids[1], "b", 2}, GroupCoordinator::CommitKind::plain, now()),
      GroupError::fenced_instance_id
  );
  EXPECT_THAT(leave({{ids[1], "b"}}), ElementsAre(GroupError::fenced_instance_id));
  EXPECT_EQ(heartbeat(ids[1], 2), GroupError::unknown_member_id) << "without its name";
}

TEST_F(GroupStatic, AnInstanceThatNobodyIsIsUnknown) {
  const auto ids = form({pump("a")});
  EXPECT_EQ(heartbeat_as("b", ids[0], 1), GroupError::unknown_member_id);
}

TEST_F(GroupStatic, WhoWaitsUnderTheOldIdIsFencedAtOnce) {
  const auto ids = form({pump("a"), pump("b")});
  Ask again = pump("a");
  again.id = ids[0];
  const auto waiting = join(again);
  const auto stranger = join(pump("a"));
  EXPECT_EQ(error(waiting), GroupError::fenced_instance_id);
  EXPECT_FALSE(answered(stranger));
  Ask other = pump("b");
  other.id = ids[1];
  join(other);
  EXPECT_THAT(answer(stranger).members, SizeIs(2));
}

TEST_F(GroupStatic, DuringASyncAReturningMemberBeginsARebalance) {
  const std::string a = answer(join(pump("a"))).member_id;
  const auto syncing = sync({"g", a, "a", 1});
  const auto back = join(pump("a"));
  EXPECT_EQ(error(syncing), GroupError::fenced_instance_id);
  EXPECT_EQ(answer(back).generation, 2);
  commit();
  EXPECT_EQ(state(), GroupState::completing_rebalance);
}

TEST_F(GroupStatic, AnotherSubscriptionIsARebalance) {
  form({pump("a"), pump("b")});
  const auto back = join(pump("b", subscription({"t", "u"})));
  commit();
  EXPECT_FALSE(answered(back));
  EXPECT_EQ(state(), GroupState::preparing_rebalance);
}

TEST_F(GroupStatic, WhatAnAssignorRemembersIsNoSubscription) {
  form({pump("a"), pump("b", subscription({"t", "u"}, "owned: 1, 2, 3"))});
  const auto back = join(pump("b", subscription({"u", "t"}, "owned: nothing")));
  commit();
  EXPECT_EQ(error(back), GroupError::none);
  EXPECT_EQ(state(), GroupState::stable);
}

TEST_F(GroupStatic, OfMetadataThatNobodyCanReadEveryByteCounts) {
  Ask worker{.instance = "a", .type = "connect", .protocols = {{"sessioned", "url 1"}}};
  form({worker});
  join(worker);
  commit();
  EXPECT_EQ(state(), GroupState::stable);
  worker.protocols = {{"sessioned", "url 2"}};
  join(worker);
  EXPECT_NE(state(), GroupState::stable);
}

TEST_F(GroupStatic, AnotherChosenProtocolIsARebalance) {
  Ask both{.instance = "a", .protocols = {{"range", "m"}, {"sticky", "m"}}};
  form({both});
  Ask sticky{.instance = "a", .protocols = {{"sticky", "m"}}};
  EXPECT_EQ(answer(join(sticky)).protocol, "sticky");
}

TEST_F(GroupStatic, ALeaderThatComesBackDoesNotTakeItselfForTheLeader) {
  const auto ids = form({pump("a"), pump("b")});
  const auto back = join(pump("a"));
  commit();
  EXPECT_EQ(answer(back).leader, ids[0]) << "its own old id, so that it assigns nothing";
  EXPECT_THAT(answer(back).members, IsEmpty());
  EXPECT_FALSE(answer(back).skip_assignment);
  EXPECT_EQ(answer(sync({"g", answer(back).member_id, "a", 2})).assignment, "0");
}

TEST_F(GroupStatic, ALeaderThatCanSkipTheAssignmentIsToldToAndSeesItsGroup) {
  form({pump("a"), pump("b")});
  Ask again = pump("a");
  again.can_skip = true;
  const auto back = join(again);
  commit();
  EXPECT_TRUE(answer(back).skip_assignment);
  EXPECT_EQ(answer(back).leader, answer(back).member_id);
  EXPECT_THAT(answer(back).members, SizeIs(2));
  Ask follower = pump("b");
  follower.can_skip = true;
  const auto other = join(follower);
  commit();
  EXPECT_FALSE(answer(other).skip_assignment);
  EXPECT_EQ(answer(other).leader, answer(back).member_id);
  EXPECT_THAT(answer(other).members, IsEmpty());
}

TEST_F(GroupStatic, ALeaderUnderANewIdLeadsTheNextGeneration) {
  const auto ids = form({pump("a"), pump("b")});
  const auto back = join(pump("a"));
  commit();
  Ask leader = pump("a");
  leader.id = answer(back).member_id;
  const auto wants = join(leader);
  Ask other = pump("b");
  other.id = ids[1];
  join(other);
  EXPECT_EQ(answer(wants).leader, leader.id);
  EXPECT_THAT(answer(wants).members, SizeIs(2));
}

TEST_F(GroupStatic, ARebalanceTakesInWhoWaitsForItsNewIdToBeDurable) {
  const auto ids = form({pump("a"), pump("b")});
  const auto back = join(pump("b"));
  const auto third = join(pump("c"));
  commit();
  EXPECT_FALSE(answered(back));
  Ask leader = pump("a");
  leader.id = ids[0];
  EXPECT_THAT(answer(join(leader)).members, SizeIs(3));
  EXPECT_EQ(answer(back).generation, 3);
  EXPECT_EQ(answer(third).generation, 3);
}

TEST_F(GroupStatic, WhenTheNewIdCannotBeStoredTheMemberMayTryAgain) {
  form({pump("a")});
  const auto back = join(pump("a"));
  broken = true;
  commit();
  EXPECT_EQ(error(back), GroupError::coordinator_not_available);
  broken = false;
  const auto again = join(pump("a"));
  commit();
  EXPECT_EQ(error(again), GroupError::none);
  EXPECT_EQ(answer(sync({"g", answer(again).member_id, "a", 1})).assignment, "0");
}

TEST_F(GroupStatic, AStaticMemberThatDoesNotRejoinKeepsItsPlaceForItsSession) {
  Ask away = pump("b");
  away.session = seconds(300);
  away.rebalance = seconds(20);
  Ask leader = pump("a");
  leader.session = seconds(300);
  leader.rebalance = seconds(20);
  const auto ids = form({leader, away});
  leader.id = ids[0];
  const auto first = join(leader);
  advance(seconds(20));
  EXPECT_THAT(answer(first).members, SizeIs(2)) << "and gets its part of the work";
  const auto synced = sync({"g", ids[0], "a", 3}, {{ids[0], "A"}, {ids[1], "B"}});
  commit();
  EXPECT_EQ(error(synced), GroupError::none);
  advance(seconds(100));
  const auto back = join(away);
  commit();
  EXPECT_EQ(answer(sync({"g", answer(back).member_id, "b", 3})).assignment, "B");
}

TEST_F(GroupStatic, WhenAllAreAwayTheirSessionsEndTheGroup) {
  Ask a = pump("a");
  a.session = seconds(100);
  a.rebalance = seconds(20);
  Ask b = pump("b");
  b.session = seconds(30);
  b.rebalance = seconds(20);
  form({a, b});
  advance(seconds(30));
  EXPECT_EQ(state(), GroupState::preparing_rebalance);
  advance(seconds(69));
  EXPECT_EQ(member_count(), 1U) << "nobody joined: the rebalance goes on";
  advance(seconds(1));
  EXPECT_EQ(state(), GroupState::empty);
}

TEST_F(GroupStatic, ClosingAConnectionRemovesNobody) {
  const auto ids = form({pump("a")});
  Ask again = pump("b");
  again.owner = 9;
  join(again);
  forget(9);
  EXPECT_EQ(member_count(), 2U);
  EXPECT_EQ(heartbeat(ids[0], 1), GroupError::rebalance_in_progress);
}

TEST_F(GroupStatic, AnAdministratorTakesMembersOutByTheirInstance) {
  const auto ids = form({pump("a"), pump("b"), pump("c")});
  EXPECT_THAT(
      leave({{"", "b"}, {"", "nobody"}, {ids[2], "c"}, {"", std::nullopt}}),
      ElementsAre(
          GroupError::none,
          GroupError::unknown_member_id,
          GroupError::none,
          GroupError::unknown_member_id
      )
  );
  EXPECT_EQ(member_count(), 1U);
}

TEST_F(GroupStatic, AnIdThatWasAskedForIsNotAStaticMembers) {
  const std::string id = answer(join({.id_required = true})).member_id;
  Ask odd = pump("a");
  odd.id = id;
  EXPECT_EQ(error(join(odd)), GroupError::unknown_member_id);
}

}  // namespace
}  // namespace runnel::core::test
