#include <gmock/gmock.h>

#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

struct KafkaTopics : ::testing::Test {
  CreateTopicsResponse::Topic create(
      const CreateTopicsRequest::Topic& topic, bool only_check = false
  ) {
    CreateTopicsRequest request;
    request.topics.push_back(topic);
    request.validate_only = only_check;
    return peer.ask<CreateTopicsResponse>(request).topics.at(0);
  }

  CreatePartitionsResponse::Result grow(Text name, std::int32_t count, bool only_check = false) {
    CreatePartitionsRequest request;
    request.topics.push_back({name, count, std::nullopt});
    request.validate_only = only_check;
    return peer.ask<CreatePartitionsResponse>(request).results.at(0);
  }

  KafkaHub hub;
  Peer peer{hub};
};

TEST_F(KafkaTopics, AreMadeAndToldWhenTheyLast) {
  CreateTopicsRequest request;
  request.topics.push_back({"t", 3, 1, {}, {}});
  peer.send(request);
  EXPECT_FALSE(peer.answered());
  hub.commit();
  EXPECT_FALSE(peer.answered());
  hub.settle();
  const auto made = peer.take<CreateTopicsResponse>().topics.at(0);
  EXPECT_EQ(made.error_code, ErrorCode::none);
  EXPECT_EQ(made.num_partitions, 3);
  EXPECT_EQ(made.replication_factor, 1);
  EXPECT_FALSE(made.topic_id == Uuid{});
  EXPECT_TRUE(made.configs.has_value()) << "null makes admin clients fail";
  hub.restart();
  EXPECT_EQ(hub.topics().find("t")->size(), 3U);
}

TEST_F(KafkaTopics, AnyReplicationFactorIsTakenAndIsOne) {
  for (const int factor : {-1, 1, 3}) {
    const std::string name = "t" + std::to_string(factor);
    const auto made = create({name, 1, static_cast<std::int16_t>(factor), {}, {}});
    EXPECT_EQ(made.error_code, ErrorCode::none);
    EXPECT_EQ(made.replication_factor, 1);
  }
  EXPECT_EQ(create({"x", 1, 0, {}, {}}).error_code, ErrorCode::invalid_replication_factor);
  EXPECT_EQ(create({"x", 1, -2, {}, {}}).error_code, ErrorCode::invalid_replication_factor);
}

TEST_F(KafkaTopics, HaveTheHubsNumberOfPartitionsUnlessItIsNamed) {
  hub.limits.default_partitions = 5;
  hub.broker().set_limits(hub.limits);
  EXPECT_EQ(create({"t", -1, -1, {}, {}}).num_partitions, 5);
  EXPECT_EQ(create({"u", -1, -1, {{0, {0}}, {1, {0}}}, {}}).num_partitions, 2);
}

TEST_F(KafkaTopics, WhatCannotBeMadeIsRefusedWithItsReason) {
  create({"t", 1, 1, {}, {}});
  const std::pair<CreateTopicsRequest::Topic, ErrorCode> kCases[] = {
      {{"t", 1, 1, {}, {}}, ErrorCode::topic_already_exists},
      {{"a/b", 1, 1, {}, {}}, ErrorCode::invalid_topic_exception},
      {{"", 1, 1, {}, {}}, ErrorCode::invalid_topic_exception},
      {{"x", 0, 1, {}, {}}, ErrorCode::invalid_partitions},
      {{"x", -2, 1, {}, {}}, ErrorCode::invalid_partitions},
      {{"x", 257, 1, {}, {}}, ErrorCode::invalid_partitions},
  };
  for (const auto& [topic, error] : kCases) {
    const auto refused = create(topic);
    EXPECT_EQ(refused.error_code, error) << topic.name << topic.num_partitions;
    EXPECT_TRUE(refused.error_message.has_value());
    EXPECT_EQ(refused.num_partitions, -1);
  }
  EXPECT_EQ(hub.topics().all().size(), 1U);
}

TEST_F(KafkaTopics, OneThatIsRefusedDoesNotSpoilTheOthers) {
  CreateTopicsRequest request;
  request.topics.push_back({"a/b", 1, 1, {}, {}});
  request.topics.push_back({"good", 1, 1, {}, {}});
  const auto answer = peer.ask<CreateTopicsResponse>(request);
  EXPECT_EQ(answer.topics.at(0).error_code, ErrorCode::invalid_topic_exception);
  EXPECT_EQ(answer.topics.at(1).error_code, ErrorCode::none);
}

TEST_F(KafkaTopics, OneThatIsNamedTwiceIsNotMade) {
  CreateTopicsRequest request;
  request.topics.assign(2, {"twice", 1, 1, {}, {}});
  const auto answer = peer.ask<CreateTopicsResponse>(request);
  EXPECT_EQ(answer.topics.at(0).error_code, ErrorCode::invalid_request);
  EXPECT_EQ(hub.topics().find("twice"), nullptr);
}

TEST_F(KafkaTopics, ManyWithOneNameAreRefusedQuickly) {
  CreateTopicsRequest request;
  request.topics.assign(20'000, {"twice", 1, 1, {}, {}});
  const auto answer = peer.ask<CreateTopicsResponse>(request);
  EXPECT_EQ(answer.topics.at(19'999).error_code, ErrorCode::invalid_request);
}

TEST_F(KafkaTopics, NothingIsMadeWhenOnlyACheckIsAskedFor) {
  EXPECT_EQ(create({"t", 1, 1, {}, {}}, true).error_code, ErrorCode::none);
  EXPECT_EQ(hub.topics().find("t"), nullptr);
}

TEST_F(KafkaTopics, HaveALimit) {
  hub.limits.topics_max = 1;
  hub.broker().set_limits(hub.limits);
  EXPECT_EQ(create({"t", 1, 1, {}, {}}).error_code, ErrorCode::none);
  EXPECT_EQ(create({"u", 1, 1, {}, {}}).error_code, ErrorCode::policy_violation);
}

TEST_F(KafkaTopics, MayGetMorePartitionsButNotFewer) {
  create({"t", 2, 1, {}, {}});
  EXPECT_EQ(grow("t", 4, true).error_code, ErrorCode::none);
  EXPECT_EQ(hub.topics().find("t")->size(), 2U);
  EXPECT_EQ(grow("t", 4).error_code, ErrorCode::none);
  EXPECT_EQ(peer.produce(batch_of({"a"}), {"t", 3}).error_code, ErrorCode::none);
  EXPECT_EQ(grow("t", 4).error_code, ErrorCode::invalid_partitions);
  EXPECT_EQ(grow("t", 1).error_code, ErrorCode::invalid_partitions);
  EXPECT_EQ(grow("t", 257).error_code, ErrorCode::invalid_partitions);
  EXPECT_EQ(grow("nothing", 4).error_code, ErrorCode::unknown_topic_or_partition);
}

}  // namespace
}  // namespace runnel::kafka::test
