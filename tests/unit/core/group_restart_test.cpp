// What the hub knows of groups after a restart.
#include <gmock/gmock.h>

#include "hub/core/groups/group_row.h"
#include "tests/unit/core/group_hub.h"

namespace runnel::core::test {
namespace {

using ::testing::SizeIs;

class GroupRestart : public GroupHub {};

TEST_F(GroupRestart, MembersGoOnWithIdGenerationAndAssignment) {
  const auto ids = form({{}, {.instance = "pump"}});
  start();
  EXPECT_EQ(state(), GroupState::stable);
  EXPECT_EQ(heartbeat(ids[0], 2), GroupError::none);
  EXPECT_EQ(heartbeat_as("pump", ids[1], 2), GroupError::none);
  EXPECT_EQ(check_commit(ids[0], 2), GroupError::none);
  EXPECT_EQ(answer(sync({"g", ids[1], "pump", 2})).assignment, "1");
  const GroupDescription d = groups().describe("g");
  EXPECT_EQ(d.protocol, "range");
  EXPECT_EQ(d.protocol_type, "consumer");
  ASSERT_THAT(d.members, SizeIs(2));
  EXPECT_EQ(d.members[0].metadata, "topics");
  EXPECT_EQ(d.members[0].client_id, "client");
}

TEST_F(GroupRestart, AStaleGenerationStaysStale) {
  const auto ids = form({{}, {}});
  join({.id = ids[0]});
  join({.id = ids[1]});
  sync({"g", ids[0], std::nullopt, 3});
  commit();
  start();
  EXPECT_EQ(check_commit(ids[1], 2), GroupError::illegal_generation);
  EXPECT_EQ(check_commit(ids[1], 3), GroupError::none);
}

TEST_F(GroupRestart, WhoWasOutStaysOut) {
  const auto ids = form({{}, {}});
  leave(ids[1]);
  join({.id = ids[0]});
  sync({"g", ids[0], std::nullopt, 3});
  commit();
  start();
  EXPECT_EQ(check_commit(ids[1], 2), GroupError::unknown_member_id);
  EXPECT_EQ(check_commit(ids[1], 3), GroupError::unknown_member_id);
}

TEST_F(GroupRestart, AGenerationThatWasNotYetDurableIsBegunAgain) {
  const auto ids = form({{}, {}});
  join({.id = ids[0]});
  join({.id = ids[1]});
  sync({"g", ids[0], std::nullopt, 3}, {{ids[0], "lost"}});
  start();
  EXPECT_EQ(heartbeat(ids[0], 3), GroupError::illegal_generation);
  EXPECT_FALSE(answered(join({.id = ids[0]})));
  const auto other = join({.id = ids[1]});
  EXPECT_EQ(answer(other).generation, 3);
  EXPECT_EQ(answer(other).leader, ids[0]);
}

TEST_F(GroupRestart, AStaticMemberKeepsItsAssignmentWithoutARebalance) {
  form({{.instance = "a"}, {.instance = "b"}});
  start();
  const auto back = join({.instance = "b"});
  commit();
  EXPECT_EQ(answer(back).generation, 2);
  EXPECT_EQ(answer(sync({"g", answer(back).member_id, "b", 2})).assignment, "1");
  EXPECT_EQ(state(), GroupState::stable);
}

TEST_F(GroupRestart, TheNewIdOfAStaticMemberIsKnownAfterwards) {
  const auto ids = form({{.instance = "a"}});
  const auto back = join({.instance = "a"});
  commit();
  start();
  EXPECT_EQ(heartbeat_as("a", answer(back).member_id, 1), GroupError::none);
  EXPECT_EQ(heartbeat_as("a", ids[0], 1), GroupError::fenced_instance_id);
}

TEST_F(GroupRestart, SessionsBeginAnew) {
  form({{}, {}});
  advance(seconds(9));
  start();
  advance(milliseconds(9'999));
  EXPECT_EQ(state(), GroupState::stable);
  advance(milliseconds(1));
  EXPECT_EQ(state(), GroupState::empty) << "nobody came back";
}

TEST_F(GroupRestart, AnEmptyGroupKeepsItsGeneration) {
  const auto ids = form({{}, {}});
  leave({{ids[0], std::nullopt}, {ids[1], std::nullopt}});
  commit();
  start();
  EXPECT_EQ(state(), GroupState::empty);
  EXPECT_EQ(groups().describe("g").protocol_type, "consumer");
  EXPECT_EQ(answer(join({})).generation, 4);
}

TEST_F(GroupRestart, IdsThatWereNotYetUsedAreForgotten) {
  const std::string id = answer(join({.id_required = true})).member_id;
  commit();
  start();
  EXPECT_EQ(error(join({.id = id})), GroupError::unknown_member_id);
}

TEST_F(GroupRestart, LongNamesAreKeptWhole) {
  limits.id_bytes_max = 40'000;
  limits.member_bytes_max = 1 << 20;
  start();
  const std::string name(30'000, 'g');
  const std::string instance(30'000, 'i');
  form({{.instance = instance + "1", .group = name + "1"}});
  form({{.instance = instance + "2", .group = name + "2"}});
  start();
  ASSERT_EQ(groups().groups(), 2U);
  EXPECT_EQ(groups().describe(name + "1").members.at(0).instance_id, instance + "1");
  EXPECT_EQ(groups().describe(name + "2").members.at(0).instance_id, instance + "2");
}

TEST_F(GroupRestart, ARowThatIsNoneIsPassedOver) {
  form({{}});
  EXPECT_EQ(log().put_state("gc/odd", "what is this"), Errc::ok);
  EXPECT_EQ(log().put_state("o/odd", "and this"), Errc::ok);
  start();
  EXPECT_EQ(groups().groups(), 1U);
  EXPECT_EQ(state(), GroupState::stable);
}

TEST_F(GroupRestart, NoCutRowIsAGroup) {
  form({{}, {.instance = "pump"}});
  const std::string row = log().state("gc/").at("gc/g");
  ASSERT_NE(decode_group_row(row, now()), nullptr);
  for (std::size_t size = 0; size < row.size(); ++size) {
    EXPECT_EQ(decode_group_row(row.substr(0, size), now()), nullptr) << size;
  }
  EXPECT_EQ(decode_group_row(row + "!", now()), nullptr);
}

TEST_F(GroupRestart, ARowThatNamesAMemberTwiceIsNone) {
  ConsumerGroup group("g");
  group.protocol = "range";
  Member m;
  m.id = "same";
  group.set_protocols(m, {{"range", ""}});
  group.add(m);
  m.id = "SAME";
  group.add(m);
  std::string row = encode_group_row(group);
  ASSERT_NE(decode_group_row(row, now()), nullptr);
  row.replace(row.find("SAME"), 4, "same");
  EXPECT_EQ(decode_group_row(row, now()), nullptr);
}

}  // namespace
}  // namespace runnel::core::test
