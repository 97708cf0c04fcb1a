// Who may commit offsets, and what administrators see and take away.
#include <gmock/gmock.h>

#include "tests/unit/core/group_hub.h"

namespace runnel::core::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Kind = GroupCoordinator::CommitKind;

// A consumer's metadata: version 0, topics, no user data.
std::string subscription(const std::vector<std::string>& topics) {
  Bytes out;
  ByteWriter w(out);
  w.be16(0);
  w.be32(static_cast<std::uint32_t>(topics.size()));
  for (const std::string& t : topics) {
    w.be16(static_cast<std::uint16_t>(t.size()));
    w.bytes(t);
  }
  w.be32(0xffff'ffff);
  return out;
}

class GroupCommit : public GroupHub {};

TEST_F(GroupCommit, ASimpleConsumerCommitsWhileNobodyIsAMember) {
  EXPECT_EQ(check_commit("", -1), GroupError::none);
  const auto ids = form({{}});
  EXPECT_EQ(check_commit("", -1), GroupError::unknown_member_id);
  leave(ids[0]);
  EXPECT_EQ(check_commit("", -1), GroupError::none);
}

TEST_F(GroupCommit, AMemberCommitsInItsGeneration) {
  const auto ids = form({{}, {}});
  EXPECT_EQ(check_commit(ids[1], 2), GroupError::none);
  EXPECT_EQ(check_commit(ids[1], 1), GroupError::illegal_generation);
  EXPECT_EQ(check_commit(ids[1], 3), GroupError::illegal_generation);
  EXPECT_EQ(check_commit(ids[1], -1), GroupError::illegal_generation);
  EXPECT_EQ(check_commit("nobody", 2), GroupError::unknown_member_id);
}

TEST_F(GroupCommit, AGenerationOfAGroupThatIsNotThereIsIllegal) {
  EXPECT_EQ(check_commit("member", 4), GroupError::illegal_generation);
}

TEST_F(GroupCommit, AGenerationOfAnEmptyGroupHasNoMembers) {
  const auto ids = form({{}});
  leave(ids[0]);
  EXPECT_EQ(check_commit(ids[0], 1), GroupError::unknown_member_id);
}

TEST_F(GroupCommit, AMemberCommitsWhileOthersRejoin) {
  const auto ids = form({{}, {}});
  join({.id = ids[0]});
  EXPECT_EQ(check_commit(ids[1], 2), GroupError::none);
  join({.id = ids[1]});
  EXPECT_EQ(check_commit(ids[1], 2), GroupError::illegal_generation);
}

TEST_F(GroupCommit, NobodyCommitsBetweenJoinAndSync) {
  const auto ids = form({{}, {}});
  join({.id = ids[0]});
  join({.id = ids[1]});
  EXPECT_EQ(check_commit(ids[0], 3), GroupError::rebalance_in_progress);
  sync({"g", ids[0], std::nullopt, 3});
  commit();
  EXPECT_EQ(check_commit(ids[0], 3), GroupError::none);
}

TEST_F(GroupCommit, ATransactionMayNameNoMember) {
  form({{}});
  EXPECT_EQ(check_commit("", -1, Kind::transactional), GroupError::none);
}

TEST_F(GroupCommit, ATransactionThatNamesItsMemberIsFencedLikeAnybody) {
  const auto ids = form({{}});
  EXPECT_EQ(check_commit(ids[0], 1, Kind::transactional), GroupError::none);
  EXPECT_EQ(check_commit(ids[0], 0, Kind::transactional), GroupError::illegal_generation);
  EXPECT_EQ(check_commit("nobody", 1, Kind::transactional), GroupError::unknown_member_id);
  join({.id = ids[0]});
  EXPECT_EQ(check_commit(ids[0], 2, Kind::transactional), GroupError::none) << "not yet synced";
}

TEST_F(GroupCommit, AStableGroupIsDescribedWithMetadataAndAssignment) {
  const auto ids = form({{.instance = "pump", .client = "c1"}});
  const GroupDescription d = groups().describe("g");
  EXPECT_EQ(name_of(d.state), "Stable");
  EXPECT_EQ(d.protocol_type, "consumer");
  EXPECT_EQ(d.protocol, "range");
  ASSERT_EQ(d.members.size(), 1U);
  EXPECT_EQ(d.members[0].member_id, ids[0]);
  EXPECT_EQ(d.members[0].instance_id, "pump");
  EXPECT_EQ(d.members[0].client_id, "c1");
  EXPECT_EQ(d.members[0].client_host, "/10.0.0.7");
  EXPECT_EQ(d.members[0].metadata, "topics");
  EXPECT_EQ(d.members[0].assignment, "0");
}

TEST_F(GroupCommit, AGroupInARebalanceIsDescribedWithoutThem) {
  const auto ids = form({{}, {}});
  join({.id = ids[0]});
  const GroupDescription d = groups().describe("g");
  EXPECT_EQ(name_of(d.state), "PreparingRebalance");
  EXPECT_EQ(d.protocol, "");
  ASSERT_EQ(d.members.size(), 2U);
  EXPECT_EQ(d.members[0].metadata, "");
  EXPECT_EQ(d.members[0].assignment, "");
}

TEST_F(GroupCommit, AGroupThatIsNotThereIsDead) {
  EXPECT_EQ(name_of(groups().describe("h").state), "Dead");
}

TEST_F(GroupCommit, AGroupOfOffsetsAloneIsEmpty) {
  put_offset("simple", "t", 0, 5);
  commit();
  EXPECT_EQ(name_of(groups().describe("simple").state), "Empty");
  EXPECT_EQ(groups().describe("simple").protocol_type, "");
}

TEST_F(GroupCommit, AllGroupsAreListedInOrder) {
  form({{.group = "b"}});
  put_offset("a", "t", 0, 5);
  put_offset("b", "t", 0, 5);
  commit();
  join({.group = "c", .type = "connect"});
  std::vector<std::string> lines;
  for (const GroupListing& g : groups().list()) {
    lines.push_back(
        std::string(g.group_id) + " " + std::string(g.protocol_type) + " " +
        std::string(name_of(g.state))
    );
  }
  EXPECT_THAT(lines, ElementsAre("a  Empty", "b consumer Stable", "c connect CompletingRebalance"));
}

TEST_F(GroupCommit, AGroupWithMembersIsNotDeleted) {
  form({{}});
  EXPECT_EQ(remove("g"), GroupError::non_empty_group);
  EXPECT_EQ(remove("h"), GroupError::group_id_not_found);
}

TEST_F(GroupCommit, AnEmptyGroupIsDeletedWithItsOffsets) {
  const auto ids = form({{}});
  put_offset("g", "t", 0, 5);
  put_offset("other", "t", 0, 6);
  leave(ids[0]);
  commit();
  EXPECT_EQ(remove("g"), GroupError::none);
  EXPECT_EQ(offset("g", "t", 0), 5) << "not durable yet";
  commit();
  EXPECT_EQ(offset("g", "t", 0), -1);
  EXPECT_EQ(offset("other", "t", 0), 6);
  EXPECT_EQ(remove("g"), GroupError::group_id_not_found);
  start();
  EXPECT_EQ(groups().describe("g").state, GroupState::dead);
}

TEST_F(GroupCommit, AGroupOfOffsetsAloneIsDeletedToo) {
  put_offset("simple", "t", 0, 5);
  commit();
  EXPECT_EQ(remove("simple"), GroupError::none);
  commit();
  EXPECT_THAT(groups().list(), IsEmpty());
}

TEST_F(GroupCommit, AGroupThatIsDeletedWhileItsRowIsWrittenStaysDeleted) {
  const auto ids = form({{}});
  join({.id = ids[0]});
  sync({"g", ids[0], std::nullopt, 2});
  leave(ids[0]);
  EXPECT_EQ(remove("g"), GroupError::none);
  commit();
  start();
  EXPECT_EQ(groups().groups(), 0U);
}

TEST_F(GroupCommit, OffsetsOfTopicsThatMembersReadAreNotDeleted) {
  form({{.protocols = {{"range", subscription({"t", "u"})}}}});
  put_offset("simple", "t", 0, 5);
  EXPECT_EQ(groups().check_offset_delete("g", "t"), GroupError::group_subscribed_to_topic);
  EXPECT_EQ(groups().check_offset_delete("g", "v"), GroupError::none);
  EXPECT_EQ(groups().check_offset_delete("simple", "t"), GroupError::none);
  EXPECT_EQ(groups().check_offset_delete("nobody", "t"), GroupError::group_id_not_found);
}

TEST_F(GroupCommit, OfMembersWhoseTopicsNobodyCanReadAllAreKept) {
  const auto ids = form({{.protocols = {{"range", "?"}}}});
  EXPECT_EQ(groups().check_offset_delete("g", "v"), GroupError::group_subscribed_to_topic);
  leave(ids[0]);
  EXPECT_EQ(groups().check_offset_delete("g", "v"), GroupError::none);
  form({{.group = "h", .type = "connect"}});
  EXPECT_EQ(groups().check_offset_delete("h", "v"), GroupError::non_empty_group);
}

// --- expiry ---

constexpr std::chrono::hours kWeek{24 * 7};

TEST_F(GroupCommit, OffsetsExpireSevenDaysAfterTheGroupBecameEmpty) {
  const auto ids = form({{.session = milliseconds(1'800'000)}});
  put_offset("g", "t", 0, 5);
  for (int i = 0; i < 10 * 24; ++i) {
    advance(std::chrono::minutes(29));
    ASSERT_EQ(heartbeat(ids[0], 1), GroupError::none);
    advance(std::chrono::minutes(29));
    ASSERT_EQ(heartbeat(ids[0], 1), GroupError::none);
  }
  EXPECT_EQ(offset("g", "t", 0), 5) << "in use, however old";
  leave(ids[0]);
  commit();
  advance(kWeek - seconds(1));
  EXPECT_EQ(offset("g", "t", 0), 5);
  EXPECT_EQ(state(), GroupState::empty);
  advance(std::chrono::minutes(20));
  EXPECT_EQ(offset("g", "t", 0), -1);
  EXPECT_EQ(state(), GroupState::dead) << "there is nothing left of it";
  start();
  EXPECT_EQ(groups().groups(), 0U);
  EXPECT_EQ(offsets().entries(), 0U);
}

TEST_F(GroupCommit, OffsetsOfSimpleConsumersExpireSevenDaysAfterTheirCommit) {
  put_offset("simple", "t", 0, 5);
  commit();
  advance(kWeek / 2);
  put_offset("simple", "t", 1, 6);
  commit();
  advance(kWeek / 2 + std::chrono::minutes(10));
  EXPECT_EQ(offset("simple", "t", 0), -1);
  EXPECT_EQ(offset("simple", "t", 1), 6);
}

TEST_F(GroupCommit, AnOffsetThatIsCommittedToAnEmptyGroupStaysForAsLong) {
  const auto ids = form({{}});
  leave(ids[0]);
  put_offset("g", "t", 0, 5);
  commit();
  advance(kWeek - seconds(1));
  put_offset("g", "t", 1, 6);
  commit();
  advance(std::chrono::hours(1));
  EXPECT_EQ(offset("g", "t", 0), -1);
  EXPECT_EQ(offset("g", "t", 1), 6);
}

TEST_F(GroupCommit, AClientMayAskForAShorterOrLongerRetention) {
  put_offset("simple", "t", 0, 5, "", std::chrono::hours(1));
  put_offset("simple", "t", 1, 6, "", 2 * kWeek);
  put_offset("simple", "t", 2, 7, "", milliseconds(-1));
  commit();
  advance(std::chrono::hours(2));
  EXPECT_EQ(offset("simple", "t", 0), -1);
  EXPECT_EQ(offset("simple", "t", 2), 7);
  advance(kWeek);
  EXPECT_EQ(offset("simple", "t", 1), 6);
  EXPECT_EQ(offset("simple", "t", 2), -1);
}

TEST_F(GroupCommit, OfAGroupAtWorkOffsetsOfTopicsThatItLeftExpire) {
  const auto ids =
      form({{.protocols = {{"range", subscription({"t"})}}, .session = milliseconds(1'800'000)}});
  put_offset("g", "t", 0, 5);
  put_offset("g", "left", 0, 6);
  for (int i = 0; i < 8 * 24 * 3; ++i) {
    advance(std::chrono::minutes(20));
    ASSERT_EQ(heartbeat(ids[0], 1), GroupError::none);
  }
  EXPECT_EQ(offset("g", "t", 0), 5);
  EXPECT_EQ(offset("g", "left", 0), -1);
}

TEST_F(GroupCommit, ExpiryGoesInStepsThatACommitCanHold) {
  offset_limits.group_entries_max = 2000;
  start();
  for (std::int32_t p = 0; p < 1200; ++p) {
    put_offset("simple", "t", p, 5);
    if (p % 40 == 0) commit();
  }
  commit();
  log().close();
  log().options.generation_bytes = 16 << 20;
  start();
  advance(kWeek);
  EXPECT_EQ(offsets().entries(), 700U);
  advance(seconds(2));
  EXPECT_EQ(offsets().entries(), 0U);
}

}  // namespace
}  // namespace runnel::core::test
