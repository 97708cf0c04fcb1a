// Configurations of topics and of the broker, as clients read and change them, and what they do.
#include <gmock/gmock.h>

#include "hub/kafka_broker/cluster.h"
#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

using Operation = IncrementalAlterConfigsRequest::Operation;
using ::testing::HasSubstr;

struct KafkaConfigs : ::testing::Test {
  CreateTopicsResponse::Topic create(
      Text name, const Vector<CreateTopicsRequest::Config>& configs, bool only_check = false
  ) {
    CreateTopicsRequest request;
    request.topics.push_back({name, 1, 1, {}, configs});
    request.validate_only = only_check;
    return peer.ask<CreateTopicsResponse>(request).topics.at(0);
  }

  DescribeConfigsResponse::Result describe(
      Text name,
      ResourceType type = ResourceType::topic,
      const NullableVector<Text>& keys = std::nullopt
  ) {
    DescribeConfigsRequest request;
    request.resources.push_back({type, name, keys});
    request.include_synonyms = true;
    request.include_documentation = true;
    return peer.ask<DescribeConfigsResponse>(request).results.at(0);
  }

  // The one value; its source too.
  std::pair<std::string, ConfigSource> value(Text topic, Text key) {
    const auto found = describe(topic, ResourceType::topic, Vector<Text>{key});
    if (found.configs.size() != 1) return {"not one", ConfigSource::unknown};
    return {std::string(found.configs[0].value.value_or("null")), found.configs[0].config_source};
  }

  ErrorCode alter(
      Text topic,
      const Vector<AlterConfigsRequest::Config>& configs,
      ResourceType type = ResourceType::topic,
      bool only_check = false
  ) {
    AlterConfigsRequest request;
    request.resources.push_back({type, topic, configs});
    request.validate_only = only_check;
    return peer.ask<AlterConfigsResponse>(request).responses.at(0).error_code;
  }

  ErrorCode change(Text topic, Text key, Operation operation, NullableText to) {
    IncrementalAlterConfigsRequest request;
    request.resources.push_back({ResourceType::topic, topic, {{key, operation, to}}});
    return peer.ask<IncrementalAlterConfigsResponse>(request).responses.at(0).error_code;
  }

  using Value = std::pair<std::string, ConfigSource>;

  KafkaHub hub;
  Peer peer{hub};
};

TEST_F(KafkaConfigs, AreToldOnceHoweverOftenTheyAreAskedFor) {
  create("t", {});
  DescribeConfigsRequest request;
  for (int i = 0; i < 3; ++i) request.resources.push_back({ResourceType::topic, "t", std::nullopt});
  EXPECT_EQ(peer.ask<DescribeConfigsResponse>(request).results.size(), 1U);
}

TEST_F(KafkaConfigs, ATopicIsMadeWithWhatItAsksForAndKeepsItOverARestart) {
  const auto made = create("t", {{"retention.ms", "60000"}, {"segment.bytes", "1048576"}});
  ASSERT_EQ(made.error_code, ErrorCode::none);
  ASSERT_TRUE(made.configs);
  EXPECT_EQ(made.configs->size(), core::topic_config_keys().size());
  hub.restart();
  peer.reconnect();
  EXPECT_EQ(value("t", "retention.ms"), Value("60000", ConfigSource::dynamic_topic_config));
  EXPECT_EQ(value("t", "segment.bytes"), Value("1048576", ConfigSource::dynamic_topic_config));
  EXPECT_EQ(value("t", "cleanup.policy"), Value("delete", ConfigSource::default_config));
}

TEST_F(KafkaConfigs, AnUnknownKeyOrABadValueCostsItsTopicOnly) {
  CreateTopicsRequest request;
  request.topics.push_back({"unknown", 1, 1, {}, {{"dummy.config", "1"}}});
  request.topics.push_back({"good", 1, 1, {}, {{"retention.ms", "1000"}}});
  request.topics.push_back({"bad", 1, 1, {}, {{"retention.ms", "x"}}});
  request.topics.push_back({"null", 1, 1, {}, {{"retention.ms", std::nullopt}}});
  request.topics.push_back({"compact", 1, 1, {}, {{"cleanup.policy", "compress"}}});
  const auto answer = peer.ask<CreateTopicsResponse>(request);
  ASSERT_EQ(answer.topics.size(), 5U);
  EXPECT_EQ(answer.topics[0].error_code, ErrorCode::invalid_config);
  EXPECT_EQ(answer.topics[1].error_code, ErrorCode::none);
  EXPECT_EQ(answer.topics[2].error_code, ErrorCode::invalid_config);
  EXPECT_EQ(answer.topics[3].error_code, ErrorCode::invalid_config);
  EXPECT_EQ(answer.topics[4].error_code, ErrorCode::invalid_config);
  EXPECT_THAT(std::string(answer.topics[0].error_message.value_or("")), HasSubstr("dummy.config"));
  EXPECT_EQ(hub.topics().find("unknown"), nullptr);
  EXPECT_NE(hub.topics().find("good"), nullptr);
  EXPECT_EQ(hub.topics().find("compact"), nullptr);
}

TEST_F(KafkaConfigs, EveryVersionOfTheirRequestsIsAnswered) {
  peer.create("t");
  for (Version v = 0; v <= DescribeConfigsRequest::kApi.max; ++v) {
    DescribeConfigsRequest request;
    request.resources.push_back({ResourceType::topic, "t", std::nullopt});
    const auto answer = peer.ask<DescribeConfigsResponse>(request, v);
    ASSERT_EQ(answer.results.size(), 1U);
    EXPECT_EQ(answer.results[0].configs.size(), core::topic_config_keys().size()) << v;
  }
  for (Version v = 0; v <= AlterConfigsRequest::kApi.max; ++v) {
    AlterConfigsRequest request;
    request.resources.push_back({ResourceType::topic, "t", {{"retention.ms", "1000"}}});
    const auto answer = peer.ask<AlterConfigsResponse>(request, v);
    EXPECT_EQ(answer.responses.at(0).error_code, ErrorCode::none) << v;
  }
}

TEST_F(KafkaConfigs, AreDescribedWithTypesSynonymsAndWords) {
  create("t", {{"max.message.bytes", "5000"}});
  const auto set = describe("t", ResourceType::topic, Vector<Text>{"max.message.bytes"});
  ASSERT_EQ(set.configs.size(), 1U);
  const auto& config = set.configs[0];
  EXPECT_EQ(config.config_type, ConfigType::int32);
  EXPECT_FALSE(config.read_only);
  EXPECT_TRUE(config.documentation);
  ASSERT_EQ(config.synonyms.size(), 2U);
  EXPECT_EQ(config.synonyms[0].name, "max.message.bytes");
  EXPECT_EQ(config.synonyms[0].value, "5000");
  EXPECT_EQ(config.synonyms[1].name, "message.max.bytes");
  EXPECT_EQ(config.synonyms[1].value, "1048588");
  EXPECT_EQ(config.synonyms[1].source, ConfigSource::default_config);
  EXPECT_EQ(describe("nothing").error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(describe("no/name").error_code, ErrorCode::invalid_topic_exception);
}

TEST_F(KafkaConfigs, OfTheBrokerAreItsLimitsAndCannotBeAltered) {
  const auto found = describe(
      "0", ResourceType::broker, Vector<Text>{"num.partitions", "message.max.bytes", "nothing"}
  );
  ASSERT_EQ(found.error_code, ErrorCode::none);
  ASSERT_EQ(found.configs.size(), 2U);
  EXPECT_EQ(found.configs[0].name, "message.max.bytes");
  EXPECT_EQ(found.configs[0].value, "1048588");
  EXPECT_TRUE(found.configs[0].read_only);
  EXPECT_EQ(found.configs[1].value, "1");
  EXPECT_GT(describe("0", ResourceType::broker).configs.size(), 15U);
  EXPECT_EQ(describe("7", ResourceType::broker).error_code, ErrorCode::invalid_request);
  EXPECT_EQ(describe("g", ResourceType::group).error_code, ErrorCode::invalid_request);
  EXPECT_EQ(
      alter("0", {{"num.partitions", "3"}}, ResourceType::broker), ErrorCode::invalid_request
  );
}

TEST_F(KafkaConfigs, AlterSetsAllAtOnceAndWhatIsNotNamedHasItsDefaultAgain) {
  create("t", {{"retention.ms", "1000"}, {"retention.bytes", "2000"}});
  EXPECT_EQ(alter("t", {{"retention.ms", "3000"}}, ResourceType::topic, true), ErrorCode::none);
  EXPECT_EQ(value("t", "retention.ms").first, "1000");
  EXPECT_EQ(alter("t", {{"retention.ms", "3000"}}), ErrorCode::none);
  EXPECT_EQ(value("t", "retention.ms").first, "3000");
  EXPECT_EQ(value("t", "retention.bytes"), Value("-1", ConfigSource::default_config));
  EXPECT_EQ(alter("t", {{"retention.ms", "x"}}), ErrorCode::invalid_config);
  EXPECT_EQ(alter("nothing", {}), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(value("t", "retention.ms").first, "3000");
}

TEST_F(KafkaConfigs, SingleValuesAreSetRemovedAndTheirListsChanged) {
  create("t", {{"retention.ms", "1000"}});
  EXPECT_EQ(change("t", "retention.bytes", Operation::set, "2000"), ErrorCode::none);
  EXPECT_EQ(value("t", "retention.ms").first, "1000");
  EXPECT_EQ(change("t", "retention.ms", Operation::remove, std::nullopt), ErrorCode::none);
  EXPECT_EQ(value("t", "retention.ms"), Value("-1", ConfigSource::default_config));
  constexpr Text kList = "follower.replication.throttled.replicas";
  EXPECT_EQ(change("t", kList, Operation::append, "0:0"), ErrorCode::none);
  EXPECT_EQ(change("t", kList, Operation::append, "1:0"), ErrorCode::none);
  EXPECT_EQ(value("t", kList).first, "0:0,1:0");
  EXPECT_EQ(change("t", kList, Operation::subtract, "0:0"), ErrorCode::none);
  EXPECT_EQ(value("t", kList).first, "1:0");
  EXPECT_EQ(change("t", "retention.ms", Operation::append, "1"), ErrorCode::invalid_config);
  EXPECT_EQ(change("t", "retention.ms", Operation::set, std::nullopt), ErrorCode::invalid_request);
  EXPECT_EQ(change("t", "retention.ms", Operation{9}, "1"), ErrorCode::invalid_request);
}

TEST_F(KafkaConfigs, AResourceThatIsNamedTwiceIsNotAltered) {
  peer.create("t");
  AlterConfigsRequest request;
  for (const Text ms : {"1000", "2000"}) {
    request.resources.push_back({ResourceType::topic, "t", {{"retention.ms", ms}}});
  }
  for (const auto& r : peer.ask<AlterConfigsResponse>(request).responses) {
    EXPECT_EQ(r.error_code, ErrorCode::invalid_request);
  }
  EXPECT_EQ(value("t", "retention.ms").second, ConfigSource::default_config);
}

TEST_F(KafkaConfigs, ABatchThatIsTooLargeForItsTopicIsRefused) {
  create("small", {{"max.message.bytes", "200"}});
  peer.create("t");
  const Bytes batch = batch_of({std::string(300, 'x')});
  EXPECT_EQ(peer.produce(batch, {"small", 0}).error_code, ErrorCode::message_too_large);
  EXPECT_EQ(peer.produce(batch, {"t", 0}).error_code, ErrorCode::none);
  EXPECT_EQ(change("small", "max.message.bytes", Operation::set, "2000"), ErrorCode::none);
  EXPECT_EQ(peer.produce(batch, {"small", 0}).error_code, ErrorCode::none);
}

TEST_F(KafkaConfigs, WithLogAppendTimeTheAnswerAndTheBatchHaveTheTimeOfTheHub) {
  create("t", {{"message.timestamp.type", "LogAppendTime"}});
  const std::int64_t now = hub.files.clock.wall_ms();
  EXPECT_EQ(peer.produce(batch_of({"a", "b"}, 1000)).log_append_time_ms, now);
  const auto fetched = peer.fetch({{}});
  const ByteView records = fetched.at(0).records.bytes;
  const auto head = log::read_batch_head(records);
  ASSERT_TRUE(head);
  EXPECT_TRUE(head->append_time());
  EXPECT_EQ(head->max_timestamp_ms, now);
  EXPECT_EQ(head->crc, log::batch_crc(records.substr(0, head->bytes)));
  EXPECT_EQ(change("t", "message.timestamp.type", Operation::remove, {}), ErrorCode::none);
  EXPECT_EQ(peer.produce(batch_of({"c"}, 1000)).log_append_time_ms, -1);
}

}  // namespace
}  // namespace runnel::kafka::test
