// JoinGroup and SyncGroup without time: who is let in, what leader and followers are told.
#include <gmock/gmock.h>

#include "tests/unit/core/group_hub.h"

namespace runnel::core::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

class GroupJoin : public GroupHub {};

TEST_F(GroupJoin, TheFirstMemberLeadsGenerationOneAtOnceWhenThereIsNoInitialDelay) {
  const Answer first = answer(join({}));
  EXPECT_EQ(first.error, GroupError::none);
  EXPECT_EQ(first.generation, 1);
  EXPECT_EQ(first.leader, first.member_id);
  EXPECT_EQ(first.type, "consumer");
  EXPECT_EQ(first.protocol, "range");
  EXPECT_THAT(first.members, ElementsAre(Pair(first.member_id, "topics")));
  EXPECT_FALSE(first.skip_assignment);
  EXPECT_EQ(state(), GroupState::completing_rebalance);
}

TEST_F(GroupJoin, AMemberIdIsTheClientIdAndAUuid) {
  EXPECT_THAT(
      answer(join({.client = "sensor"})).member_id,
      MatchesRegex("sensor-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
  );
  EXPECT_THAT(answer(join({.instance = "pump", .group = "h"})).member_id, StartsWith("pump-"));
}

TEST_F(GroupJoin, ALongClientIdIsCutBetweenCharactersInTheMemberId) {
  std::string client = "x";
  while (client.size() < 1000) client += "\u00e4";
  const std::string id = answer(join({.client = client})).member_id;
  EXPECT_LT(id.size(), 300U);
  EXPECT_EQ(id.substr(0, id.size() - 37), client.substr(0, id.size() - 37));
  EXPECT_EQ((id.size() - 37) % 2, 1U) << "a character of two bytes was cut";
}

TEST_F(GroupJoin, AMemberThatAsksForItsIdIsToldToComeBackWithIt) {
  const Answer given = answer(join({.id_required = true}));
  EXPECT_EQ(given.error, GroupError::member_id_required);
  EXPECT_THAT(given.member_id, StartsWith("client-"));
  EXPECT_EQ(member_count(), 0U);
  const Answer in = answer(join({.id = given.member_id, .id_required = true}));
  EXPECT_EQ(in.error, GroupError::none);
  EXPECT_EQ(in.member_id, given.member_id);
}

TEST_F(GroupJoin, AnIdThatWasNeverGivenOutIsUnknown) {
  EXPECT_EQ(error(join({.id = "made-up"})), GroupError::unknown_member_id);
  join({});
  EXPECT_EQ(error(join({.id = "made-up"})), GroupError::unknown_member_id);
  EXPECT_EQ(groups().groups(), 1U);
}

TEST_F(GroupJoin, AStaticMemberNeedNotAskForItsId) {
  const Answer in = answer(join({.instance = "pump", .id_required = true}));
  EXPECT_EQ(in.error, GroupError::none);
  EXPECT_THAT(in.instances, ElementsAre(Pair(in.member_id, "pump")));
}

TEST_F(GroupJoin, TheLeaderIsToldOfAllAndFollowersOfNobody) {
  const std::string leader = answer(join({.protocols = {{"range", "A"}}})).member_id;
  const auto b = join({.protocols = {{"range", "B"}}});
  EXPECT_FALSE(answered(b)) << "the others have to rejoin first";
  const auto a = join({.id = leader, .protocols = {{"range", "A"}}});
  EXPECT_THAT(
      answer(a).members, UnorderedElementsAre(Pair(leader, "A"), Pair(answer(b).member_id, "B"))
  );
  EXPECT_THAT(answer(b).members, IsEmpty());
  EXPECT_EQ(answer(b).leader, leader);
  EXPECT_EQ(answer(a).generation, 2);
  EXPECT_EQ(answer(b).generation, 2);
}

TEST_F(GroupJoin, MetadataIsThatOfTheChosenProtocol) {
  const std::string leader =
      answer(join({.protocols = {{"sticky", "S1"}, {"range", "R1"}}})).member_id;
  const auto b = join({.protocols = {{"range", "R2"}}});
  const auto a = join({.id = leader, .protocols = {{"sticky", "S1"}, {"range", "R1"}}});
  EXPECT_EQ(answer(a).protocol, "range");
  EXPECT_EQ(answer(b).protocol, "range");
  EXPECT_THAT(
      answer(a).members, UnorderedElementsAre(Pair(leader, "R1"), Pair(answer(b).member_id, "R2"))
  );
}

TEST_F(GroupJoin, TheProtocolThatMostPutFirstIsChosenAndAmongEqualsTheLeadersOwn) {
  using Offer = std::vector<std::pair<std::string, std::string>>;
  const Offer x_first{{"x", ""}, {"y", ""}};
  const Offer y_first{{"y", ""}, {"x", ""}};
  const std::string leader = answer(join({.protocols = x_first})).member_id;
  const auto second = join({.protocols = y_first});
  EXPECT_EQ(answer(join({.id = leader, .protocols = x_first})).protocol, "x");
  const std::string other = answer(second).member_id;
  join({.protocols = y_first});
  join({.id = other, .protocols = y_first});
  EXPECT_EQ(answer(join({.id = leader, .protocols = x_first})).protocol, "y");
}

TEST_F(GroupJoin, WhoHasNoProtocolInCommonWithAllOthersStaysOutside) {
  form({{.protocols = {{"range", ""}, {"sticky", ""}}}, {.protocols = {{"range", ""}}}});
  EXPECT_EQ(error(join({.protocols = {{"sticky", ""}}})), GroupError::inconsistent_group_protocol);
  EXPECT_EQ(error(join({.protocols = {}})), GroupError::inconsistent_group_protocol);
  EXPECT_EQ(error(join({.type = "connect"})), GroupError::inconsistent_group_protocol);
  EXPECT_EQ(state(), GroupState::stable) << "and nobody is disturbed";
}

TEST_F(GroupJoin, NoProtocolTypeIsNone) {
  EXPECT_EQ(error(join({.type = ""})), GroupError::inconsistent_group_protocol);
  EXPECT_EQ(groups().groups(), 0U);
}

TEST_F(GroupJoin, AnEmptyGroupTakesAnotherKindOfMembers) {
  const auto ids = form({{}});
  EXPECT_EQ(leave(ids[0]), GroupError::none);
  const Answer in = answer(join({.type = "connect", .protocols = {{"sessioned", "\x01\x02"}}}));
  EXPECT_EQ(in.type, "connect");
  EXPECT_EQ(in.generation, 3);
}

TEST_F(GroupJoin, AMemberAloneMayChangeItsProtocols) {
  const auto ids = form({{.protocols = {{"range", ""}}}});
  EXPECT_EQ(answer(join({.id = ids[0], .protocols = {{"sticky", ""}}})).protocol, "sticky");
}

TEST_F(GroupJoin, AGroupNeedsAName) {
  EXPECT_EQ(error(join({.group = ""})), GroupError::invalid_group_id);
  EXPECT_EQ(error(join({.group = std::string(2000, 'g')})), GroupError::invalid_group_id);
  EXPECT_EQ(error(sync({"", "id", std::nullopt, 1})), GroupError::invalid_group_id);
  EXPECT_EQ(heartbeat("id", 1, ""), GroupError::invalid_group_id);
}

TEST_F(GroupJoin, SessionTimeoutsHaveBounds) {
  EXPECT_EQ(error(join({.session = milliseconds(5'999)})), GroupError::invalid_session_timeout);
  EXPECT_EQ(error(join({.session = milliseconds(1'800'001)})), GroupError::invalid_session_timeout);
  EXPECT_EQ(error(join({.session = milliseconds(6'000)})), GroupError::none);
  EXPECT_EQ(error(join({.group = "h", .session = milliseconds(1'800'000)})), GroupError::none);
}

TEST_F(GroupJoin, AFollowerThatRejoinsUnchangedIsToldWhatItKnows) {
  const auto ids = form({{}, {}});
  const Answer again = answer(join({.id = ids[1]}));
  EXPECT_EQ(again.error, GroupError::none);
  EXPECT_EQ(again.generation, 2);
  EXPECT_EQ(again.leader, ids[0]);
  EXPECT_THAT(again.members, IsEmpty());
  EXPECT_EQ(state(), GroupState::stable);
}

TEST_F(GroupJoin, ALeaderThatRejoinsWantsARebalance) {
  const auto ids = form({{}, {}});
  const auto leader = join({.id = ids[0]});
  EXPECT_FALSE(answered(leader));
  EXPECT_EQ(heartbeat(ids[1], 2), GroupError::rebalance_in_progress);
  EXPECT_EQ(answer(join({.id = ids[1]})).generation, 3);
  EXPECT_THAT(answer(leader).members, SizeIs(2));
}

TEST_F(GroupJoin, AFollowerWithAnotherOfferBeginsARebalance) {
  const auto ids = form({{}, {}});
  EXPECT_FALSE(answered(join({.id = ids[1], .protocols = {{"range", "more topics"}}})));
  EXPECT_THAT(
      answer(join({.id = ids[0]})).members,
      ElementsAre(
          Pair(std::min(ids[0], ids[1]), ids[0] < ids[1] ? "topics" : "more topics"),
          Pair(std::max(ids[0], ids[1]), ids[0] < ids[1] ? "more topics" : "topics")
      )
  );
}

TEST_F(GroupJoin, AMemberThatMissedItsAnswerGetsItAgain) {
  const Answer first = answer(join({}));
  const Answer again = answer(join({.id = first.member_id}));
  EXPECT_EQ(again.generation, first.generation);
  EXPECT_EQ(again.members, first.members);
}

TEST_F(GroupJoin, WhoAsksTwiceGetsTheFirstAnswerAtOnceAndTheSecondInTime) {
  const auto ids = form({{}, {}});
  const auto once = join({.id = ids[0]});
  const auto twice = join({.id = ids[0], .owner = 2});
  EXPECT_EQ(error(once), GroupError::rebalance_in_progress);
  EXPECT_FALSE(answered(twice));
  join({.id = ids[1]});
  EXPECT_EQ(error(twice), GroupError::none);
}

TEST_F(GroupJoin, SyncGivesEachMemberItsPartWhenTheLeadersAssignmentIsDurable) {
  const std::string a = answer(join({})).member_id;
  const auto joined_b = join({});
  join({.id = a});
  const std::string b = answer(joined_b).member_id;
  const auto follower = sync({"g", b, std::nullopt, 2});
  EXPECT_FALSE(answered(follower));
  const auto leader = sync({"g", a, std::nullopt, 2}, {{a, "1, 2"}, {b, "3"}, {"gone", "4"}});
  EXPECT_FALSE(answered(leader)) << "not durable yet";
  EXPECT_EQ(state(), GroupState::completing_rebalance);
  commit();
  EXPECT_EQ(answer(leader).assignment, "1, 2");
  EXPECT_EQ(answer(follower).assignment, "3");
  EXPECT_EQ(answer(follower).type, "consumer");
  EXPECT_EQ(answer(follower).protocol, "range");
  EXPECT_EQ(state(), GroupState::stable);
}

TEST_F(GroupJoin, AMemberThatTheLeaderForgotGetsAnEmptyPart) {
  const std::string a = answer(join({})).member_id;
  const auto tag = sync({"g", a, std::nullopt, 1});
  commit();
  EXPECT_EQ(error(tag), GroupError::none);
  EXPECT_EQ(answer(tag).assignment, "");
}

TEST_F(GroupJoin, AssignmentsAreOpaque) {
  const std::string bytes("\0\xff\x01 not text", 12);
  const std::string a = answer(join({})).member_id;
  const auto tag = sync({"g", a, std::nullopt, 1}, {{a, bytes}});
  commit();
  EXPECT_EQ(answer(tag).assignment, bytes);
}

TEST_F(GroupJoin, SyncInAStableGroupGivesThePartAgain) {
  const auto ids = form({{}, {}});
  EXPECT_EQ(answer(sync({"g", ids[1], std::nullopt, 2})).assignment, "1");
}

TEST_F(GroupJoin, SyncOfAnotherGenerationIsIllegal) {
  const auto ids = form({{}});
  EXPECT_EQ(error(sync({"g", ids[0], std::nullopt, 0})), GroupError::illegal_generation);
  EXPECT_EQ(error(sync({"g", ids[0], std::nullopt, 2})), GroupError::illegal_generation);
  EXPECT_EQ(error(sync({"g", "nobody", std::nullopt, 1})), GroupError::unknown_member_id);
  EXPECT_EQ(error(sync({"h", ids[0], std::nullopt, 1})), GroupError::unknown_member_id);
}

TEST_F(GroupJoin, SyncWhileMembersStillJoinIsTooEarly) {
  const auto ids = form({{}, {}});
  join({.id = ids[0]});
  EXPECT_EQ(error(sync({"g", ids[1], std::nullopt, 2})), GroupError::rebalance_in_progress);
}

TEST_F(GroupJoin, SyncThatNamesAnotherProtocolIsInconsistent) {
  const auto ids = form({{}});
  const auto ask = [&](std::optional<ByteView> type, std::optional<ByteView> protocol) {
    SyncRequest r;
    r.member = {"g", ids[0], std::nullopt, 1};
    r.protocol_type = type;
    r.protocol = protocol;
    GroupTurn t = turn();
    const Waiter waiter{1, 1'000'000 + std::uint64_t{type.has_value()} * 2 + protocol.has_value()};
    groups().sync(waiter, r, t);
    return error(waiter.tag);
  };
  EXPECT_EQ(ask("connect", std::nullopt), GroupError::inconsistent_group_protocol);
  EXPECT_EQ(ask(std::nullopt, "sticky"), GroupError::inconsistent_group_protocol);
  EXPECT_EQ(ask("consumer", "range"), GroupError::none);
  EXPECT_EQ(ask(std::nullopt, std::nullopt), GroupError::none);
}

TEST_F(GroupJoin, WhenTheAssignmentCannotBeStoredTheGroupBeginsAnew) {
  const std::string a = answer(join({})).member_id;
  const auto tag = sync({"g", a, std::nullopt, 1}, {{a, "1"}});
  broken = true;
  commit();
  EXPECT_EQ(error(tag), GroupError::coordinator_not_available);
  EXPECT_EQ(state(), GroupState::preparing_rebalance);
  broken = false;
  const Answer again = answer(join({.id = a}));
  EXPECT_EQ(again.generation, 2);
  const auto synced_again = sync({"g", a, std::nullopt, 2}, {{a, "1"}});
  commit();
  EXPECT_EQ(answer(synced_again).assignment, "1");
}

TEST_F(GroupJoin, ARebalanceDuringTheCommitOfAnAssignmentPrevails) {
  const std::string a = answer(join({})).member_id;
  const auto tag = sync({"g", a, std::nullopt, 1}, {{a, "1"}});
  const auto late = join({});
  EXPECT_EQ(error(tag), GroupError::rebalance_in_progress);
  commit();
  EXPECT_EQ(state(), GroupState::preparing_rebalance);
  EXPECT_EQ(answer(join({.id = a})).generation, 2);
  EXPECT_EQ(answer(late).generation, 2);
}

}  // namespace
}  // namespace runnel::core::test
