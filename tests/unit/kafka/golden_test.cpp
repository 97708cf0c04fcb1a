// Well-known packets, written by hand as the protocol guide has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/kafka/codec.h"
#include "hub/kafka/messages/api_versions.h"
#include "hub/kafka/messages/fetch.h"
#include "hub/kafka/messages/join_group.h"
#include "hub/kafka/messages/metadata.h"
#include "hub/kafka/messages/produce.h"
#include "tests/unit/kafka/wire_bytes.h"

namespace runnel::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

template <class Message>
void expect_body(const Message& message, Version version, const Bytes& expected) {
  Bytes out;
  encode_body(message, version, out);
  EXPECT_EQ(out, expected);
}

TEST(KafkaGolden, AVersionAgnosticClientAsksForApiVersions0WithNothing) {
  EXPECT_TRUE(decode_body<ApiVersionsRequest>("", 0));
}

TEST(KafkaGolden, ApiVersions3NamesTheClient) {
  const Bytes body = compact("apache-kafka-java") + compact("3.9.0") + i8(0);
  const auto request = decode_body<ApiVersionsRequest>(body, 3);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->client_software_name, "apache-kafka-java");
  EXPECT_EQ(request->client_software_version, "3.9.0");
}

TEST(KafkaGolden, ApiVersionsAnswersWithRanges) {
  ApiVersionsResponse response;
  response.api_keys = {{ApiKey::produce, 0, 11}, {ApiKey::api_versions, 0, 4}};
  const Bytes first = i16(0) + i16(0) + i16(11);
  const Bytes second = i16(18) + i16(0) + i16(4);
  expect_body(response, 0, i16(0) + i32(2) + first + second);
  expect_body(response, 1, i16(0) + i32(2) + first + second + i32(0));
  expect_body(
      response, 3, i16(0) + compact_count(2) + first + i8(0) + second + i8(0) + i32(0) + i8(0)
  );
}

TEST(KafkaGolden, AnUnknownApiVersionsIsAnsweredInTheFormOfVersion0) {
  ApiVersionsResponse response;
  response.error_code = ErrorCode::unsupported_version;
  response.api_keys = {{ApiKey::api_versions, 0, 4}};
  expect_body(response, 0, i16(35) + i32(1) + i16(18) + i16(0) + i16(4));
}

TEST(KafkaGolden, Metadata0HasOnlyNamesAndAnEmptyListForAll) {
  const Bytes two = i32(2) + str("alpha") + str("b");
  const auto request = decode_body<MetadataRequest>(two, 0);
  ASSERT_TRUE(request);
  ASSERT_TRUE(request->topics);
  ASSERT_EQ(request->topics->size(), 2u);
  EXPECT_THAT(request->topics->at(0).name, Optional(Text("alpha")));
  EXPECT_THAT(request->topics->at(1).name, Optional(Text("b")));
  EXPECT_TRUE(request->allow_auto_topic_creation);
  const auto all = decode_body<MetadataRequest>(i32(0), 0);
  ASSERT_TRUE(all);
  ASSERT_TRUE(all->topics);
  EXPECT_TRUE(all->topics->empty());
}

TEST(KafkaGolden, Metadata1HasNullForAll) {
  const auto all = decode_body<MetadataRequest>(i32(-1), 1);
  ASSERT_TRUE(all);
  EXPECT_FALSE(all->topics);
}

TEST(KafkaGolden, Metadata9IsCompact) {
  const Bytes body = compact_count(1) + compact("alpha") + i8(0) + i8(0) + i8(1) + i8(1) + i8(0);
  const auto request = decode_body<MetadataRequest>(body, 9);
  ASSERT_TRUE(request);
  ASSERT_TRUE(request->topics);
  EXPECT_THAT(request->topics->at(0).name, Optional(Text("alpha")));
  EXPECT_FALSE(request->allow_auto_topic_creation);
  EXPECT_TRUE(request->include_cluster_authorized_operations);
  EXPECT_TRUE(request->include_topic_authorized_operations);
}

TEST(KafkaGolden, Metadata12AsksByTopicId) {
  Bytes id;
  for (int i = 0; i < 16; ++i) id += i8(i);
  const Bytes body = compact_count(1) + id + i8(0) + i8(0) + i8(1) + i8(0) + i8(0);
  const auto request = decode_body<MetadataRequest>(body, 12);
  ASSERT_TRUE(request);
  ASSERT_TRUE(request->topics);
  EXPECT_EQ(request->topics->at(0).id.bytes[15], 15);
  EXPECT_EQ(request->topics->at(0).name, std::nullopt);
}

MetadataResponse one_topic() {
  MetadataResponse response;
  response.brokers = {{1, "hub", 9092, std::nullopt}};
  response.cluster_id = "cluster";
  response.controller_id = 1;
  MetadataResponse::Topic topic;
  topic.name = "alpha";
  topic.partitions.resize(1);
  topic.partitions[0].leader_id = 1;
  topic.partitions[0].leader_epoch = 4;
  topic.partitions[0].replica_nodes = {1};
  topic.partitions[0].isr_nodes = {1};
  response.topics.push_back(topic);
  return response;
}

TEST(KafkaGolden, MetadataAnswersInVersion1) {
  const Bytes broker = i32(1) + str("hub") + i32(9092) + i16(-1);
  const Bytes partition = i16(0) + i32(0) + i32(1) + i32(1) + i32(1) + i32(1) + i32(1);
  const Bytes topic = i16(0) + str("alpha") + i8(0) + i32(1) + partition;
  expect_body(one_topic(), 1, i32(1) + broker + i32(1) + i32(1) + topic);
}

TEST(KafkaGolden, MetadataAnswersInVersion9) {
  const Bytes none = i32(std::numeric_limits<std::int32_t>::min());
  const Bytes broker = i32(1) + compact("hub") + i32(9092) + i8(0) + i8(0);
  const Bytes nodes = compact_count(1) + i32(1);
  const Bytes partition =
      i16(0) + i32(0) + i32(1) + i32(4) + nodes + nodes + compact_count(0) + i8(0);
  const Bytes topic =
      i16(0) + compact("alpha") + i8(0) + compact_count(1) + partition + none + i8(0);
  expect_body(
      one_topic(),
      9,
      i32(0) + compact_count(1) + broker + compact("cluster") + i32(1) + compact_count(1) + topic +
          none + i8(0)
  );
}

const Bytes kRecords = "sixty-one bytes and records";

void expect_produce(const Bytes& body, Version version) {
  const auto request = decode_body<ProduceRequest>(body, version);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->transactional_id, std::nullopt);
  EXPECT_EQ(request->acks, -1);
  EXPECT_EQ(request->timeout_ms, 30'000);
  ASSERT_EQ(request->topics.size(), 1u);
  EXPECT_EQ(request->topics[0].name, "alpha");
  ASSERT_EQ(request->topics[0].partitions.size(), 1u);
  EXPECT_EQ(request->topics[0].partitions[0].index, 3);
  EXPECT_THAT(request->topics[0].partitions[0].records, Optional(Blob{kRecords}));
}

TEST(KafkaGolden, Produce3) {
  const Bytes partition = i32(3) + i32(static_cast<int>(kRecords.size())) + kRecords;
  expect_produce(i16(-1) + i16(-1) + i32(30'000) + i32(1) + str("alpha") + i32(1) + partition, 3);
}

TEST(KafkaGolden, Produce9) {
  const Bytes partition = i32(3) + compact(kRecords) + i8(0);
  const Bytes topic = compact("alpha") + compact_count(1) + partition + i8(0);
  expect_produce(i8(0) + i16(-1) + i32(30'000) + compact_count(1) + topic + i8(0), 9);
}

TEST(KafkaGolden, ProduceAnswers) {
  ProduceResponse response;
  response.topics.resize(1);
  response.topics[0].name = "alpha";
  response.topics[0].partitions.resize(1);
  auto& partition = response.topics[0].partitions[0];
  partition.index = 3;
  partition.error_code = ErrorCode::invalid_record;
  partition.base_offset = -1;
  partition.record_errors = {{2, "no key"}};
  const Bytes head = i32(3) + i16(87) + i64(-1) + i64(-1);
  expect_body(response, 3, i32(1) + str("alpha") + i32(1) + head + i32(0));
  expect_body(
      response,
      8,
      i32(1) + str("alpha") + i32(1) + head + i64(-1) + i32(1) + i32(2) + str("no key") + i16(-1) +
          i32(0)
  );
  expect_body(
      response,
      9,
      compact_count(1) + compact("alpha") + compact_count(1) + head + i64(-1) + compact_count(1) +
          i32(2) + compact("no key") + i8(0) + i8(0) + i8(0) + i8(0) + i32(0) + i8(0)
  );
}

TEST(KafkaGolden, Fetch4) {
  const Bytes partition = i32(3) + i64(77) + i32(1 << 20);
  const Bytes body = i32(-1) + i32(500) + i32(1) + i32(1 << 24) + i8(1) + i32(1) + str("alpha") +
                     i32(1) + partition;
  const auto request = decode_body<FetchRequest>(body, 4);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->max_wait_ms, 500);
  EXPECT_EQ(request->min_bytes, 1);
  EXPECT_EQ(request->max_bytes, 1 << 24);
  EXPECT_EQ(request->isolation_level, 1);
  EXPECT_EQ(request->session_epoch, -1);
  ASSERT_EQ(request->topics.size(), 1u);
  const auto& wanted = request->topics[0].partitions.at(0);
  EXPECT_EQ(wanted.index, 3);
  EXPECT_EQ(wanted.fetch_offset, 77);
  EXPECT_EQ(wanted.partition_max_bytes, 1 << 20);
  EXPECT_EQ(wanted.current_leader_epoch, -1);
}

TEST(KafkaGolden, Fetch12WithAClusterIdInItsTags) {
  const Bytes partition = i32(3) + i32(4) + i64(77) + i32(5) + i64(-1) + i32(1 << 20) + i8(0);
  const Bytes forgotten = compact("beta") + compact_count(2) + i32(0) + i32(9) + i8(0);
  const Bytes cluster = compact("cluster");
  const Bytes tags = i8(1) + i8(0) + i8(static_cast<int>(cluster.size())) + cluster;
  const Bytes body = i32(-1) + i32(500) + i32(1) + i32(1 << 24) + i8(0) + i32(8) + i32(2) +
                     compact_count(1) + compact("alpha") + compact_count(1) + partition + i8(0) +
                     compact_count(1) + forgotten + compact("rack") + tags;
  const auto request = decode_body<FetchRequest>(body, 12);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->session_id, 8);
  EXPECT_EQ(request->session_epoch, 2);
  const auto& wanted = request->topics.at(0).partitions.at(0);
  EXPECT_EQ(wanted.current_leader_epoch, 4);
  EXPECT_EQ(wanted.last_fetched_epoch, 5);
  EXPECT_EQ(wanted.partition_max_bytes, 1 << 20);
  EXPECT_EQ(request->forgotten_topics.at(0).name, "beta");
  EXPECT_THAT(request->forgotten_topics.at(0).partitions, ElementsAre(0, 9));
  EXPECT_EQ(request->rack_id, "rack");
}

FetchResponse fetched(ByteView records) {
  FetchResponse response;
  response.topics.resize(1);
  response.topics[0].name = "alpha";
  response.topics[0].partitions.resize(1);
  auto& partition = response.topics[0].partitions[0];
  partition.index = 3;
  partition.high_watermark = 80;
  partition.last_stable_offset = 79;
  partition.log_start_offset = 10;
  partition.records = {records};
  return response;
}

TEST(KafkaGolden, FetchAnswersInVersion4) {
  FetchResponse response = fetched(kRecords);
  response.topics[0].partitions[0].aborted_transactions = {{5, 70}};
  const Bytes partition = i32(3) + i16(0) + i64(80) + i64(79) + i32(1) + i64(5) + i64(70) +
                          i32(static_cast<int>(kRecords.size())) + kRecords;
  expect_body(response, 4, i32(0) + i32(1) + str("alpha") + i32(1) + partition);
}

TEST(KafkaGolden, FetchAnswersInVersion12) {
  const Bytes partition =
      i32(3) + i16(0) + i64(80) + i64(79) + i64(10) + i8(0) + i32(-1) + compact(kRecords) + i8(0);
  expect_body(
      fetched(kRecords),
      12,
      i32(0) + i16(0) + i32(0) + compact_count(1) + compact("alpha") + compact_count(1) +
          partition + i8(0) + i8(0)
  );
}

// librdkafka before 2.1 takes a null for a broken answer and asks again, for ever.
TEST(KafkaGolden, NoRecordsAreNoBytesAndNotNull) {
  const Bytes classic = i32(3) + i16(0) + i64(80) + i64(79) + i32(-1) + i32(0);
  expect_body(fetched({}), 4, i32(0) + i32(1) + str("alpha") + i32(1) + classic);
  const Bytes compact_one =
      i32(3) + i16(0) + i64(80) + i64(79) + i64(10) + i8(0) + i32(-1) + i8(1) + i8(0);
  expect_body(
      fetched({}),
      12,
      i32(0) + i16(0) + i32(0) + compact_count(1) + compact("alpha") + compact_count(1) +
          compact_one + i8(0) + i8(0)
  );
}

TEST(KafkaGolden, JoinGroup5) {
  const Bytes subscription = bytes({0, 1, 0xff, 0});
  const Bytes protocol = str("range") + i32(4) + subscription;
  const Bytes body = str("readers") + i32(45'000) + i32(300'000) + str("") + str("instance-1") +
                     str("consumer") + i32(1) + protocol;
  const auto request = decode_body<JoinGroupRequest>(body, 5);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->group_id, "readers");
  EXPECT_EQ(request->session_timeout_ms, 45'000);
  EXPECT_EQ(request->rebalance_timeout_ms, 300'000);
  EXPECT_EQ(request->member_id, "");
  EXPECT_THAT(request->group_instance_id, Optional(Text("instance-1")));
  EXPECT_EQ(request->protocol_type, "consumer");
  ASSERT_EQ(request->protocols.size(), 1u);
  EXPECT_EQ(request->protocols[0].name, "range");
  EXPECT_EQ(request->protocols[0].metadata.bytes, subscription);
}

TEST(KafkaGolden, JoinGroupAnswersInVersion5) {
  JoinGroupResponse response;
  response.generation_id = 7;
  response.protocol_type = "consumer";
  response.protocol_name = "range";
  response.leader = "m1";
  response.member_id = "m1";
  response.members = {{"m1", std::nullopt, {"\1\2"}}};
  const Bytes member = str("m1") + i16(-1) + i32(2) + bytes({1, 2});
  expect_body(
      response, 5, i32(0) + i16(0) + i32(7) + str("range") + str("m1") + str("m1") + i32(1) + member
  );
}

TEST(KafkaGolden, AnAnswerWithoutAProtocolHasAnEmptyNameUntilNullIsAllowed) {
  JoinGroupResponse response;
  response.error_code = ErrorCode::member_id_required;
  response.member_id = "m1";
  const Bytes head = i32(0) + i16(79) + i32(-1);
  expect_body(response, 5, head + str("") + str("") + str("m1") + i32(0));
  expect_body(
      response, 7, head + i8(0) + i8(0) + compact("") + compact("m1") + compact_count(0) + i8(0)
  );
}

}  // namespace
}  // namespace runnel::kafka
