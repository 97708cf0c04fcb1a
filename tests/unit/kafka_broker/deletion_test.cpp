// Topics and records that a client deletes.
#include <gmock/gmock.h>

#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

using ::testing::HasSubstr;

struct KafkaDeletion : ::testing::Test {
  DeleteTopicsResponse::Topic erase(const DeleteTopicsRequest::Topic& topic) {
    DeleteTopicsRequest request;
    request.topics.push_back(topic);
    return peer.ask<DeleteTopicsResponse>(request).responses.at(0);
  }

  ErrorCode erase_named(Text name) {
    return erase(DeleteTopicsRequest::Topic{name, {}}).error_code;
  }

  DeleteRecordsResponse::Partition trim(
      Text topic,
      std::int32_t index,
      std::int64_t offset,
      Version v = DeleteRecordsRequest::kApi.max
  ) {
    DeleteRecordsRequest request;
    request.topics.push_back({topic, {{index, offset}}});
    const auto answer = peer.ask<DeleteRecordsResponse>(request, v);
    return answer.topics.at(0).partitions.at(0);
  }

  std::int64_t offset_at(std::int64_t timestamp) {
    ListOffsetsRequest request;
    request.topics.push_back({"t", {{0, -1, timestamp}}});
    return peer.ask<ListOffsetsResponse>(request).topics.at(0).partitions.at(0).offset;
  }

  Uuid id_of(Text name) {
    return hub.broker().cluster().topic_id(hub.topics().find(name)->front());
  }

  KafkaHub hub;
  Peer peer{hub};
};

TEST_F(KafkaDeletion, RecordsBelowAnOffsetAreGoneForEverybodyAndForGood) {
  peer.create("t");
  peer.produce(batch_of({"a", "b", "c", "d"}));
  const auto deleted = trim("t", 0, 2);
  EXPECT_EQ(deleted.error_code, ErrorCode::none);
  EXPECT_EQ(deleted.low_watermark, 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(offset_at(kEarliestOffset), 2);
    EXPECT_EQ(offset_at(0), 2);
    EXPECT_EQ(peer.fetch({{"t", 0, 1}}).at(0).error_code, ErrorCode::offset_out_of_range);
    const auto fetched = peer.fetch({{"t", 0, 2}}).at(0);
    EXPECT_EQ(fetched.error_code, ErrorCode::none);
    EXPECT_EQ(fetched.log_start_offset, 2);
    hub.restart();
    peer.reconnect();
  }
}

TEST_F(KafkaDeletion, RecordsCanBeDeletedUpToTheHighWatermarkAndNotBeyond) {
  peer.create("t");
  peer.produce(batch_of({"a", "b", "c"}));
  EXPECT_EQ(trim("t", 0, 4).error_code, ErrorCode::offset_out_of_range);
  EXPECT_EQ(trim("t", 0, -2).error_code, ErrorCode::offset_out_of_range);
  EXPECT_EQ(trim("t", 1, 0).error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(trim("u", 0, 0).error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(trim("t", 0, 4).low_watermark, -1);
  EXPECT_EQ(trim("t", 0, 1, 0).low_watermark, 1);
  EXPECT_EQ(trim("t", 0, 0, 1).low_watermark, 1);  // it does not go back
  EXPECT_EQ(trim("t", 0, -1).low_watermark, 3);
  EXPECT_EQ(peer.produce(batch_of({"d"})).base_offset, 3);
  EXPECT_THAT(words(peer.fetch({{"t", 0, 3}}).at(0).records.bytes), ::testing::ElementsAre("3=d"));
}

TEST_F(KafkaDeletion, ATopicGoesWithItsRecordsAndItsNameBeginsAnew) {
  peer.create("t", 2);
  peer.produce(batch_of({"a", "b"}));
  const Uuid before = id_of("t");
  const auto deleted = erase({"t", {}});
  EXPECT_EQ(deleted.error_code, ErrorCode::none);
  EXPECT_EQ(deleted.topic_id, before);
  EXPECT_EQ(hub.topics().find("t"), nullptr);
  EXPECT_EQ(peer.fetch({{}}).at(0).error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(peer.produce(batch_of({"x"})).error_code, ErrorCode::unknown_topic_or_partition);
  hub.restart();
  peer.reconnect();
  EXPECT_EQ(hub.topics().find("t"), nullptr);
  peer.create("t");
  EXPECT_NE(id_of("t"), before);
  EXPECT_EQ(peer.produce(batch_of({"c"})).base_offset, 0);
  EXPECT_THAT(words(peer.fetch({{}}).at(0).records.bytes), ::testing::ElementsAre("0=c"));
}

TEST_F(KafkaDeletion, ATopicIsNamedByItsIdToo) {
  peer.create("t");
  const Uuid id = id_of("t");
  const auto deleted = erase({std::nullopt, id});
  EXPECT_EQ(deleted.error_code, ErrorCode::none);
  EXPECT_EQ(deleted.name, "t");
  EXPECT_EQ(erase({std::nullopt, id}).error_code, ErrorCode::unknown_topic_id);
  EXPECT_EQ(erase({std::nullopt, id}).name, std::nullopt);
  EXPECT_EQ(erase({"t", id}).error_code, ErrorCode::invalid_request);
}

TEST_F(KafkaDeletion, OldVersionsNameTopicsAndEachHasItsOwnAnswer) {
  for (Version v = 0; v <= 5; ++v) {
    peer.create("t");
    DeleteTopicsRequest request;
    request.topic_names = {"t", "nothing", "twice", "twice"};
    const auto answer = peer.ask<DeleteTopicsResponse>(request, v);
    ASSERT_EQ(answer.responses.size(), 4U);
    EXPECT_EQ(answer.responses[0].error_code, ErrorCode::none);
    EXPECT_EQ(answer.responses[1].error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(answer.responses[2].error_code, ErrorCode::invalid_request);
    EXPECT_EQ(answer.responses[3].error_code, ErrorCode::invalid_request);
  }
}

TEST_F(KafkaDeletion, ATopicOfTheConfigurationStays) {
  log::Group group;
  hub.topics().configure({{"mqtt", 1}, {"listed", 1}}, group);
  ASSERT_EQ(hub.files.log().commit(group), Errc::ok);
  for (const Text name : {"mqtt", "listed"}) {
    const auto refused = erase({name, {}});
    EXPECT_EQ(refused.error_code, ErrorCode::policy_violation);
    EXPECT_THAT(std::string(refused.error_message.value_or("")), HasSubstr("configuration"));
    EXPECT_NE(hub.topics().find(name), nullptr);
  }
}

TEST_F(KafkaDeletion, AFetchThatWaitsIsToldAtOnce) {
  peer.create("t");
  peer.send_fetch({{}}, {1, 60'000});
  hub.run();
  ASSERT_FALSE(peer.answered());
  Peer other(hub);
  DeleteTopicsRequest request;
  request.topics.push_back({"t", {}});
  other.ask<DeleteTopicsResponse>(request);
  ASSERT_TRUE(peer.answered());
  EXPECT_EQ(peer.take_fetched().at(0).error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(hub.broker().fetches().waiting(), 0U);
}

TEST_F(KafkaDeletion, AFetchThatReadsMeanwhileHasNothingOfTheTopic) {
  peer.create("t");
  peer.create("u");
  peer.produce(batch_of({"a"}));
  peer.produce(batch_of({"b"}), {"u", 0});
  peer.send_fetch({{"t", 0}, {"u", 0}});
  ASSERT_EQ(hub.waiting_reads(), 1U);
  Peer other(hub);
  DeleteTopicsRequest request;
  request.topics.push_back({"t", {}});
  other.ask<DeleteTopicsResponse>(request);
  const auto fetched = peer.take_fetched();
  ASSERT_EQ(fetched.size(), 2U);
  EXPECT_EQ(fetched[0].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_TRUE(fetched[0].records.bytes.empty());
  EXPECT_EQ(words(fetched[1].records.bytes), Words{"0=b"});
}

TEST_F(KafkaDeletion, WhatGroupsHaveCommittedOfATopicGoesWithIt) {
  peer.create("t");
  OffsetCommitRequest commit;
  commit.group_id = "g";
  commit.generation_id = -1;
  commit.topics.push_back({"t", {{0, 5, -1, -1, ""}}});
  ASSERT_EQ(
      peer.ask<OffsetCommitResponse>(commit, 7).topics.at(0).partitions.at(0).error_code,
      ErrorCode::none
  );
  EXPECT_EQ(erase_named("t"), ErrorCode::none);
  peer.create("t");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(hub.broker().groups().offsets().find("g", "t", 0), nullptr);
    hub.restart();
    peer.reconnect();
  }
}

TEST_F(KafkaDeletion, ADeletedTopicMayBeMadeAgainBeforeTheCommit) {
  peer.create("t", 3);
  const Uuid before = id_of("t");
  DeleteTopicsRequest deletion;
  deletion.topics.push_back({"t", {}});
  peer.send(deletion);
  CreateTopicsRequest creation;
  creation.topics.push_back({"t", 1, 1, {}, {}});
  peer.send(creation);
  hub.run();
  EXPECT_EQ(peer.take<DeleteTopicsResponse>().responses.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(peer.take<CreateTopicsResponse>().topics.at(0).error_code, ErrorCode::none);
  hub.restart();
  ASSERT_NE(hub.topics().find("t"), nullptr);
  EXPECT_EQ(hub.topics().find("t")->size(), 1U);
  EXPECT_NE(id_of("t"), before);
}

}  // namespace
}  // namespace runnel::kafka::test
