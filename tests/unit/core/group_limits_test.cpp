// What does not fit is refused, and what nobody uses makes room.
#include <gmock/gmock.h>

#include "tests/unit/core/group_hub.h"

namespace runnel::core::test {
namespace {

using ::testing::SizeIs;

class GroupLimitsTest : public GroupHub {
 protected:
  void begin_with(const std::function<void()>& change) {
    change();
    start();
  }
};

TEST_F(GroupLimitsTest, AFullGroupTakesNoMore) {
  begin_with([&] { limits.members_max = 2; });
  const auto ids = form({{}, {}});
  EXPECT_EQ(error(join({})), GroupError::group_max_size_reached);
  EXPECT_EQ(error(join({.instance = "pump"})), GroupError::group_max_size_reached);
  EXPECT_EQ(error(join({.id_required = true})), GroupError::group_max_size_reached);
  EXPECT_EQ(state(), GroupState::stable) << "and nobody is disturbed";
  EXPECT_EQ(error(join({.id = ids[1]})), GroupError::none) << "members are in already";
}

TEST_F(GroupLimitsTest, IdsThatWereGivenOutHoldAPlace) {
  begin_with([&] { limits.members_max = 2; });
  const std::string a = answer(join({.id_required = true})).member_id;
  const std::string b = answer(join({.id_required = true})).member_id;
  EXPECT_EQ(error(join({.id_required = true})), GroupError::group_max_size_reached);
  const auto first = join({.id = a});
  const auto second = join({.id = b});
  EXPECT_EQ(error(first), GroupError::none);
  EXPECT_EQ(error(second), GroupError::none);
}

TEST_F(GroupLimitsTest, InARebalanceThoseThatDoNotComeBackHoldNoPlace) {
  begin_with([&] { limits.members_max = 2; });
  const auto ids = form({{.rebalance = seconds(8)}, {.rebalance = seconds(8)}});
  const auto a = join({.id = ids[0], .rebalance = seconds(8)});
  const auto instead = join({.rebalance = seconds(8)});
  EXPECT_EQ(error(join({})), GroupError::group_max_size_reached);
  advance(seconds(8));
  EXPECT_THAT(answer(a).members, SizeIs(2));
  EXPECT_EQ(error(instead), GroupError::none);
}

TEST_F(GroupLimitsTest, AStaticMemberThatComesBackNeedsNoNewPlace) {
  begin_with([&] { limits.members_max = 1; });
  form({{.instance = "pump"}});
  const auto back = join({.instance = "pump"});
  commit();
  EXPECT_EQ(error(back), GroupError::none);
}

TEST_F(GroupLimitsTest, AMemberHasABound) {
  begin_with([&] { limits.member_bytes_max = 10'000; });
  EXPECT_EQ(
      error(join({.protocols = {{"range", std::string(10'000, 'm')}}})), GroupError::invalid_request
  );
  EXPECT_EQ(groups().groups(), 0U);
  EXPECT_EQ(
      error(join({.protocols = std::vector<std::pair<std::string, std::string>>(33)})),
      GroupError::invalid_request
  );
}

TEST_F(GroupLimitsTest, MembersOfAGroupHaveABoundTogether) {
  begin_with([&] { limits.group_bytes_max = 10'000; });
  const std::string large(6'000, 'm');
  const auto ids = form({{.protocols = {{"range", large}}}});
  EXPECT_EQ(error(join({.protocols = {{"range", large}}})), GroupError::group_max_size_reached);
  EXPECT_EQ(error(join({.id = ids[0], .protocols = {{"range", large + "!"}}})), GroupError::none)
      << "what it replaces does not count";
}

TEST_F(GroupLimitsTest, AllGroupsHaveABoundTogether) {
  begin_with([&] { limits.bytes_max = 10'000; });
  const std::string large(6'000, 'm');
  form({{.protocols = {{"range", large}}}});
  EXPECT_EQ(
      error(join({.group = "h", .protocols = {{"range", large}}})),
      GroupError::coordinator_not_available
  );
  advance(seconds(10));
  EXPECT_EQ(error(join({.group = "h", .protocols = {{"range", large}}})), GroupError::none);
}

TEST_F(GroupLimitsTest, AnAssignmentThatIsTooLargeFailsTheRebalance) {
  begin_with([&] { limits.group_bytes_max = 10'000; });
  const std::string a = answer(join({})).member_id;
  const auto synced = sync({"g", a, std::nullopt, 1}, {{a, std::string(10'000, 'x')}});
  EXPECT_EQ(error(synced), GroupError::group_max_size_reached);
  EXPECT_EQ(state(), GroupState::preparing_rebalance);
}

TEST_F(GroupLimitsTest, TheSumOfBytesIsThatOfWhatIsThere) {
  EXPECT_EQ(groups().bytes(), 0U);
  const auto ids = form({{}, {.instance = "pump"}, {}});
  join({.id_required = true});
  EXPECT_GT(groups().bytes(), 0U);
  join({.instance = "pump"});
  join({.id = ids[0], .protocols = {{"range", "more"}}});
  advance(seconds(100));
  EXPECT_EQ(groups().bytes(), 0U);
}

TEST_F(GroupLimitsTest, AnEmptyGroupWithoutOffsetsMakesRoomForANewOne) {
  begin_with([&] { limits.groups_max = 2; });
  const auto a = form({{.group = "a"}});
  const auto b = form({{.group = "b"}});
  leave({{b[0], std::nullopt}}, "b");
  put_offset("b", "t", 0, 5);
  commit();
  EXPECT_EQ(error(join({.group = "c"})), GroupError::coordinator_not_available)
      << "b still says where to go on";
  leave({{a[0], std::nullopt}}, "a");
  EXPECT_EQ(error(join({.group = "c"})), GroupError::none);
  EXPECT_EQ(state("a"), GroupState::dead);
  commit();
  start();
  EXPECT_EQ(state("a"), GroupState::dead);
  EXPECT_EQ(state("b"), GroupState::empty);
}

TEST_F(GroupLimitsTest, ARefusedMemberLeavesNoGroupBehind) {
  EXPECT_EQ(error(join({.protocols = {}})), GroupError::inconsistent_group_protocol);
  EXPECT_EQ(groups().groups(), 0U);
  EXPECT_EQ(groups().next_deadline(), std::nullopt);
}

}  // namespace
}  // namespace runnel::core::test
