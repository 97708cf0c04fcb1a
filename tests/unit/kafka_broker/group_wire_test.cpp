// Consumer groups as clients see them. What the coordinator does in all its states is tested in
// tests/unit/core/group_*_test.cpp.
#include <gmock/gmock.h>

#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

JoinGroupRequest joining(Text member_id = "") {
  JoinGroupRequest request;
  request.group_id = "g";
  request.session_timeout_ms = 10'000;
  request.rebalance_timeout_ms = 60'000;
  request.member_id = member_id;
  request.protocol_type = "consumer";
  request.protocols.push_back({"range", {"topics"}});
  return request;
}

OffsetCommitRequest committing(std::int64_t offset, NullableText metadata = std::nullopt) {
  OffsetCommitRequest request;
  request.group_id = "g";
  request.topics.push_back({"t", {{0, offset, -1, -1, metadata}}});
  return request;
}

struct KafkaGroups : ::testing::Test {
  KafkaGroups() { peer.create("t", 2); }

  struct Membership {
    std::string id;
    std::int32_t generation = -1;
  };

  // The only member of a stable group.
  Membership form() {
    const auto first = peer.ask<JoinGroupResponse>(joining());
    EXPECT_EQ(first.error_code, ErrorCode::member_id_required);
    Membership out{std::string(first.member_id)};
    const auto joined = peer.ask<JoinGroupResponse>(joining(out.id));
    EXPECT_EQ(joined.error_code, ErrorCode::none);
    EXPECT_EQ(joined.leader, out.id);
    EXPECT_EQ(joined.members.size(), 1U);
    EXPECT_EQ(joined.protocol_name, "range");
    out.generation = joined.generation_id;
    SyncGroupRequest sync;
    sync.group_id = "g";
    sync.generation_id = out.generation;
    sync.member_id = out.id;
    sync.assignments.push_back({out.id, {"all of it"}});
    const auto synced = peer.ask<SyncGroupResponse>(sync);
    EXPECT_EQ(synced.error_code, ErrorCode::none);
    EXPECT_EQ(synced.assignment.bytes, "all of it");
    return out;
  }

  ErrorCode heartbeat(const Membership& m) {
    HeartbeatRequest request;
    request.group_id = "g";
    request.generation_id = m.generation;
    request.member_id = m.id;
    return peer.ask<HeartbeatResponse>(request).error_code;
  }

  ErrorCode commit(const OffsetCommitRequest& request, Version v = OffsetCommitRequest::kApi.max) {
    const auto answer = peer.ask<OffsetCommitResponse>(request, v);
    return answer.topics.at(0).partitions.at(0).error_code;
  }

  OffsetFetchResponse::Partition committed(Version v = 7) {
    OffsetFetchRequest request;
    request.group_id = "g";
    request.topics.emplace();
    request.topics->push_back({"t", {0}});
    const auto answer = peer.ask<OffsetFetchResponse>(request, v);
    EXPECT_EQ(answer.error_code, ErrorCode::none);
    return answer.topics.at(0).partitions.at(0);
  }

  KafkaHub hub;
  Peer peer{hub};
};

TEST_F(KafkaGroups, AreJoinedSyncedAndKeptAlive) {
  const Membership member = form();
  EXPECT_EQ(heartbeat(member), ErrorCode::none);
  EXPECT_EQ(heartbeat({member.id, member.generation + 1}), ErrorCode::illegal_generation);
  EXPECT_EQ(heartbeat({"somebody", member.generation}), ErrorCode::unknown_member_id);
  DescribeGroupsRequest describe;
  describe.groups = {"g"};
  const auto group = peer.ask<DescribeGroupsResponse>(describe).groups.at(0);
  EXPECT_EQ(group.group_state, "Stable");
  EXPECT_EQ(group.protocol_data, "range");
  EXPECT_EQ(group.members.at(0).client_id, "tester");
  EXPECT_EQ(group.members.at(0).client_host, "/10.0.0.7");
  EXPECT_EQ(group.members.at(0).member_assignment.bytes, "all of it");
}

TEST_F(KafkaGroups, OldVersionsJoinDirectly) {
  const auto joined = peer.ask<JoinGroupResponse>(joining(), 0);
  EXPECT_EQ(joined.error_code, ErrorCode::none);
  EXPECT_EQ(joined.leader, joined.member_id);
}

TEST_F(KafkaGroups, AJoinWaitsForTheOthersAndHoldsUpWhatIsBehindIt) {
  const Membership first = form();
  Peer second(hub);
  second.send(joining(), 3);
  second.send(MetadataRequest{});
  hub.run();
  EXPECT_FALSE(second.answered());
  EXPECT_EQ(heartbeat(first), ErrorCode::rebalance_in_progress);
  const auto again = peer.ask<JoinGroupResponse>(joining(first.id));
  EXPECT_EQ(again.members.size(), 2U);
  const auto joined = second.take<JoinGroupResponse>();
  EXPECT_EQ(joined.error_code, ErrorCode::none);
  EXPECT_EQ(joined.generation_id, again.generation_id);
  EXPECT_THAT(joined.members, IsEmpty());
  EXPECT_EQ(second.take<MetadataResponse>().topics.size(), 1U);
}

TEST_F(KafkaGroups, AMemberThatGoesSilentIsOut) {
  const Membership member = form();
  hub.advance(milliseconds(10'001));
  EXPECT_EQ(heartbeat(member), ErrorCode::unknown_member_id);
}

TEST_F(KafkaGroups, AConnectionThatGoesInTheMiddleOfAJoinDoesNoHarm) {
  const Membership first = form();
  Peer second(hub);
  second.send(joining(), 3);
  hub.close(second.link());
  hub.run();
  hub.advance(milliseconds(100));
  const auto again = peer.ask<JoinGroupResponse>(joining(first.id));
  EXPECT_EQ(again.error_code, ErrorCode::none);
  EXPECT_EQ(again.members.size(), 1U);
}

TEST_F(KafkaGroups, AreLeft) {
  const Membership member = form();
  LeaveGroupRequest request;
  request.group_id = "g";
  request.members.push_back({member.id, std::nullopt, std::nullopt});
  request.members.push_back({"somebody", std::nullopt, std::nullopt});
  const auto left = peer.ask<LeaveGroupResponse>(request);
  EXPECT_EQ(left.error_code, ErrorCode::none);
  EXPECT_EQ(left.members.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(left.members.at(1).error_code, ErrorCode::unknown_member_id);
  EXPECT_EQ(heartbeat(member), ErrorCode::unknown_member_id);
}

TEST_F(KafkaGroups, MembersGoOnAfterARestart) {
  const Membership member = form();
  hub.restart();
  peer.reconnect();
  EXPECT_EQ(heartbeat(member), ErrorCode::none);
}

TEST_F(KafkaGroups, OffsetsAreCommittedAndFetchedWithTheirMetadata) {
  EXPECT_EQ(commit(committing(41, "note")), ErrorCode::none);
  for (Version v = 1; v < 8; ++v) {
    EXPECT_EQ(committed(v).committed_offset, 41);
    EXPECT_EQ(committed(v).metadata, "note");
  }
  EXPECT_EQ(commit(committing(42)), ErrorCode::none);
  EXPECT_EQ(committed().committed_offset, 42);
  EXPECT_EQ(committed().metadata, "");
}

TEST_F(KafkaGroups, AnOffsetIsAcknowledgedAndSeenWhenItIsDurable) {
  peer.send(committing(41));
  EXPECT_FALSE(peer.answered());
  hub.commit();
  EXPECT_FALSE(peer.answered());
  hub.settle();
  EXPECT_EQ(
      peer.take<OffsetCommitResponse>().topics.at(0).partitions.at(0).error_code, ErrorCode::none
  );
  hub.restart();
  peer.reconnect();
  EXPECT_EQ(committed().committed_offset, 41);
}

TEST_F(KafkaGroups, OfAnUnknownGroupEveryOffsetIsMinusOneWithoutAnError) {
  for (Version v = 1; v < 8; ++v) {
    const auto none = committed(v);
    EXPECT_EQ(none.error_code, ErrorCode::none);
    EXPECT_EQ(none.committed_offset, -1);
    EXPECT_EQ(none.committed_leader_epoch, -1);
    EXPECT_EQ(none.metadata, "") << "null is a broken answer to some clients";
  }
}

TEST_F(KafkaGroups, SeveralGroupsAreAskedForAtOnce) {
  commit(committing(41));
  OffsetFetchRequest request;
  request.groups.push_back({"g", std::nullopt, -1, std::nullopt});
  request.groups.push_back({"unknown", std::nullopt, -1, Vector<ByTopic<std::int32_t>>{{"t", {0}}}}
  );
  request.groups.push_back({"g", std::nullopt, -1, std::nullopt});
  const auto answer = peer.ask<OffsetFetchResponse>(request);
  ASSERT_EQ(answer.groups.size(), 2U) << "each once";
  EXPECT_EQ(answer.groups[0].topics.at(0).partitions.at(0).committed_offset, 41);
  EXPECT_EQ(answer.groups[1].group_id, "unknown");
  EXPECT_EQ(answer.groups[1].error_code, ErrorCode::none);
  EXPECT_EQ(answer.groups[1].topics.at(0).partitions.at(0).committed_offset, -1);
}

TEST_F(KafkaGroups, AllOffsetsOfAGroupAreAskedForByNull) {
  commit(committing(41));
  const auto answer = peer.ask<OffsetFetchResponse>(OffsetFetchRequest{"g", {}, {}}, 5);
  ASSERT_EQ(answer.topics.size(), 1U);
  EXPECT_EQ(answer.topics[0].name, "t");
  EXPECT_EQ(answer.topics[0].partitions.size(), 1U);
}

TEST_F(KafkaGroups, ACommitThatIsRefusedIsAnsweredAtOnce) {
  const std::string long_note(5000, 'x');
  peer.send(committing(41, long_note));
  ASSERT_TRUE(peer.answered()) << "no commit of the log will come";
  const auto answer = peer.take<OffsetCommitResponse>();
  EXPECT_EQ(answer.topics.at(0).partitions.at(0).error_code, ErrorCode::offset_metadata_too_large);
}

TEST_F(KafkaGroups, ACommitForATopicThatIsNotThereIsRefused) {
  OffsetCommitRequest request;
  request.group_id = "g";
  request.topics.push_back({"nothing", {{0, 1, -1, -1, {}}}});
  EXPECT_EQ(commit(request), ErrorCode::unknown_topic_or_partition);
}

TEST_F(KafkaGroups, ACommitFromOutsideOfAGroupThatHasMembersIsRefused) {
  const Membership member = form();
  EXPECT_EQ(commit(committing(1)), ErrorCode::unknown_member_id);
  OffsetCommitRequest request = committing(1);
  request.member_id = member.id;
  request.generation_id = member.generation + 1;
  EXPECT_EQ(commit(request), ErrorCode::illegal_generation);
  request.generation_id = member.generation;
  EXPECT_EQ(commit(request), ErrorCode::none);
}

TEST_F(KafkaGroups, AreListedAndDescribedThoughTheyOnlyHaveOffsets) {
  commit(committing(41));
  const auto listed = peer.ask<ListGroupsResponse>(ListGroupsRequest{});
  ASSERT_EQ(listed.groups.size(), 1U);
  EXPECT_EQ(listed.groups[0].group_id, "g");
  EXPECT_EQ(listed.groups[0].group_state, "Empty");
  EXPECT_EQ(listed.groups[0].group_type, "classic");
  ListGroupsRequest filtered;
  filtered.states_filter = {"Stable"};
  EXPECT_THAT(peer.ask<ListGroupsResponse>(filtered).groups, IsEmpty());
  DescribeGroupsRequest describe;
  describe.groups = {"g", "unknown", "g"};
  const auto described = peer.ask<DescribeGroupsResponse>(describe);
  ASSERT_EQ(described.groups.size(), 2U) << "each once";
  EXPECT_EQ(described.groups[0].group_state, "Empty");
  EXPECT_EQ(described.groups[1].group_state, "Dead");
}

TEST_F(KafkaGroups, AreDeletedWithTheirOffsets) {
  commit(committing(41));
  DeleteGroupsRequest request;
  request.group_ids = {"g", "unknown"};
  peer.send(request);
  EXPECT_FALSE(peer.answered()) << "nothing is durable yet";
  hub.run();
  const auto answer = peer.take<DeleteGroupsResponse>();
  EXPECT_EQ(answer.results.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(answer.results.at(1).error_code, ErrorCode::group_id_not_found);
  EXPECT_EQ(committed().committed_offset, -1);
  request.group_ids = {"unknown"};
  peer.send(request);
  EXPECT_TRUE(peer.answered()) << "no commit of the log will come";
}

TEST_F(KafkaGroups, OneWithMembersIsNotDeleted) {
  form();
  DeleteGroupsRequest request;
  request.group_ids = {"g"};
  EXPECT_EQ(
      peer.ask<DeleteGroupsResponse>(request).results.at(0).error_code, ErrorCode::non_empty_group
  );
}

TEST_F(KafkaGroups, SingleOffsetsAreDeleted) {
  commit(committing(41));
  OffsetDeleteRequest request;
  request.group_id = "g";
  request.topics.push_back({"t", {0, 1}});
  const auto answer = peer.ask<OffsetDeleteResponse>(request);
  EXPECT_EQ(answer.error_code, ErrorCode::none);
  EXPECT_EQ(answer.topics.at(0).partitions.size(), 2U);
  EXPECT_EQ(committed().committed_offset, -1);
  EXPECT_EQ(peer.ask<OffsetDeleteResponse>(request).error_code, ErrorCode::group_id_not_found);
}

}  // namespace
}  // namespace runnel::kafka::test
