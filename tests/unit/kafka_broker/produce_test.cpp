#include <gmock/gmock.h>

#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

using runnel::test::with_field;
using ::testing::ElementsAre;

struct KafkaProduce : ::testing::Test {
  KafkaProduce() { peer.create("t", 2); }

  std::vector<std::string> stored(std::int32_t index = 0) {
    return words(Peer(hub).fetch({{"t", index}}, {0}).at(0).records.bytes);
  }

  KafkaHub hub;
  Peer peer{hub};
};

TEST_F(KafkaProduce, AnAcknowledgementComesOnlyAfterTheCommit) {
  for (const int acks : {-1, 1}) {
    peer.send_produce(batch_of({"a"}), {}, static_cast<std::int16_t>(acks));
    EXPECT_FALSE(peer.answered());
    ASSERT_TRUE(hub.commit());
    EXPECT_FALSE(peer.answered());
    ASSERT_TRUE(hub.settle());
    EXPECT_EQ(peer.take_produced().error_code, ErrorCode::none);
  }
}

TEST_F(KafkaProduce, WithoutAcksThereIsNoAnswer) {
  peer.send_produce(batch_of({"a"}), {}, 0);
  peer.send(MetadataRequest{});
  hub.run();
  EXPECT_EQ(peer.take<MetadataResponse>().topics.size(), 1U);
  EXPECT_FALSE(peer.answered());
  EXPECT_FALSE(peer.closed());
  EXPECT_THAT(stored(), ElementsAre("0=a"));
}

TEST_F(KafkaProduce, WithoutAcksARefusalClosesTheConnection) {
  peer.send_produce(batch_of({"a"}), {"nothing"}, 0);
  EXPECT_TRUE(peer.closed());
  Peer other(hub);
  other.send_produce(stamped(batch_of({"a"}), 5, 0, 0), {}, 0);
  other.send_produce(stamped(batch_of({"c"}), 5, 0, 2), {}, 0);
  hub.run();
  EXPECT_TRUE(other.closed());
  EXPECT_FALSE(other.answered());
  EXPECT_THAT(stored(), ElementsAre("0=a"));
}

TEST_F(KafkaProduce, TellsWhereEachBatchStands) {
  EXPECT_EQ(peer.produce(batch_of({"a", "b"})).base_offset, 0);
  ProduceRequest request;
  request.acks = -1;
  const Bytes one = batch_of({"c", "d", "e"});
  const Bytes two = batch_of({"f"});
  request.topics.push_back({"t", {{0, Blob{one}}, {1, Blob{two}}}});
  const auto answer = peer.ask<ProduceResponse>(request);
  ASSERT_EQ(answer.topics.size(), 1U);
  ASSERT_EQ(answer.topics[0].partitions.size(), 2U);
  EXPECT_EQ(answer.topics[0].partitions[0].base_offset, 2);
  EXPECT_EQ(answer.topics[0].partitions[0].log_start_offset, 0);
  EXPECT_EQ(answer.topics[0].partitions[0].log_append_time_ms, -1);
  EXPECT_EQ(answer.topics[0].partitions[1].base_offset, 0);
  EXPECT_THAT(stored(0), ElementsAre("0=a", "1=b", "2=c", "3=d", "4=e"));
  EXPECT_THAT(stored(1), ElementsAre("0=f"));
}

TEST_F(KafkaProduce, OneBadPartitionDoesNotSpoilTheOthers) {
  ProduceRequest request;
  request.acks = 1;
  const Bytes good = batch_of({"a"});
  request.topics.push_back({"nothing", {{0, Blob{good}}}});
  request.topics.push_back({"t", {{0, Blob{good}}, {7, Blob{good}}}});
  const auto answer = peer.ask<ProduceResponse>(request);
  ASSERT_EQ(answer.topics.size(), 2U);
  const auto& nothing = answer.topics[0].partitions.at(0);
  EXPECT_EQ(nothing.error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(nothing.base_offset, -1);
  EXPECT_EQ(nothing.log_append_time_ms, -1);
  EXPECT_EQ(answer.topics[1].partitions.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(answer.topics[1].partitions.at(1).error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(KafkaProduce, AcksAreMinusOneZeroOrOne) {
  peer.send_produce(batch_of({"a"}), {}, 2);
  EXPECT_EQ(peer.take_produced().error_code, ErrorCode::invalid_required_acks);
  peer.send_produce(batch_of({"a"}), {}, -2);
  EXPECT_EQ(peer.take_produced().error_code, ErrorCode::invalid_required_acks);
}

TEST_F(KafkaProduce, NoBatchAtAllIsAnInvalidRecord) {
  for (const bool null : {true, false}) {
    ProduceRequest request;
    request.acks = -1;
    request.topics.push_back({"t", {{0, null ? NullableBlob{} : NullableBlob{Blob{}}}}});
    const auto answer = peer.ask<ProduceResponse>(request);
    EXPECT_EQ(answer.topics.at(0).partitions.at(0).error_code, ErrorCode::invalid_record);
  }
}

TEST_F(KafkaProduce, BadBatchesAreRefusedWithTheRightError) {
  using namespace log::head;
  const Bytes good = batch_of({"a", "b"});
  Bytes damaged = good;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  const std::pair<Bytes, ErrorCode> kCases[] = {
      {damaged, ErrorCode::corrupt_message},
      {with_field<std::int8_t>(good, kMagicAt, 1), ErrorCode::unsupported_for_message_format},
      {with_field<std::uint16_t>(good, kAttributesAt, 5), ErrorCode::unsupported_compression_type},
      {with_field<std::int32_t>(good, kCountAt, 3), ErrorCode::invalid_record},
      {with_field<std::uint16_t>(good, kAttributesAt, kControlBit), ErrorCode::invalid_record},
      {good + good, ErrorCode::invalid_record},
  };
  for (const auto& [batch, error] : kCases) {
    const auto refused = peer.produce(batch);
    EXPECT_EQ(refused.error_code, error);
    EXPECT_EQ(refused.base_offset, -1);
    EXPECT_TRUE(refused.error_message && !refused.error_message->empty());
  }
  EXPECT_TRUE(stored().empty());
}

TEST_F(KafkaProduce, ABatchOverTheLimitIsTooLarge) {
  hub.limits.message_bytes_max = 200;
  hub.broker().set_limits(hub.limits);
  EXPECT_EQ(
      peer.produce(batch_of({std::string(300, 'x')})).error_code, ErrorCode::message_too_large
  );
  EXPECT_EQ(peer.produce(batch_of({std::string(50, 'x')})).error_code, ErrorCode::none);
}

TEST_F(KafkaProduce, WhatAProducerCompressedIsStoredAsItCame) {
  for (const log::Codec codec : runnel::test::kCodecs) {
    const Bytes sent = runnel::test::packed(batch_of({"a", "b", "c"}), codec);
    const auto base = peer.produce(sent).base_offset;
    const auto fetched = peer.fetch({{"t", 0, base}}).at(0).records.bytes;
    // Base offset and leader epoch are the broker's.
    ASSERT_EQ(fetched.size(), sent.size());
    EXPECT_EQ(fetched.substr(log::head::kMagicAt), ByteView(sent).substr(log::head::kMagicAt));
  }
}

// A log that is full, and whose policy is to refuse.
struct KafkaProduceFull : ::testing::Test {
  KafkaProduceFull() {
    peer.create("t");
    hub.files.options.limit_bytes = 9 * runnel::test::kMiB;
    hub.files.options.reject_when_full = true;
    hub.files.log().set_limits(hub.files.options);
    for (int i = 0; i < 1000 && last == ErrorCode::none; ++i) {
      last = peer.produce(batch_of({std::string(100'000, 'x')})).error_code;
    }
  }

  KafkaHub hub;
  Peer peer{hub};
  ErrorCode last = ErrorCode::none;
};

TEST_F(KafkaProduceFull, RecordsAreRefusedWithARetriableErrorAndTheConnectionLives) {
  EXPECT_EQ(last, ErrorCode::not_enough_replicas);
  EXPECT_FALSE(peer.closed());
  const auto refused = peer.produce(batch_of({std::string(100'000, 'x')}));
  EXPECT_EQ(refused.error_code, ErrorCode::not_enough_replicas);
  EXPECT_EQ(refused.base_offset, -1);
  hub.files.options.limit_bytes = 32 * runnel::test::kMiB;
  hub.files.log().set_limits(hub.files.options);
  EXPECT_EQ(peer.produce(batch_of({std::string(100'000, 'x')})).error_code, ErrorCode::none);
}

TEST_F(KafkaProduceFull, GroupsGoOn) {
  OffsetCommitRequest request;
  request.group_id = "g";
  request.topics.push_back({"t", {{0, 4, -1, -1, {}}}});
  const auto answer = peer.ask<OffsetCommitResponse>(request);
  EXPECT_EQ(answer.topics.at(0).partitions.at(0).error_code, ErrorCode::none);
}

TEST_F(KafkaProduceFull, WithoutAcksTheConnectionIsClosed) {
  peer.send_produce(batch_of({std::string(100'000, 'x')}), {}, 0);
  EXPECT_FALSE(peer.closed());
  hub.run();
  EXPECT_TRUE(peer.closed());
}

TEST_F(KafkaProduceFull, AnIdempotentBatchThatWasRefusedIsStoredWhenItIsSentAgain) {
  const Bytes batch = stamped(batch_of({std::string(100'000, 'x')}), 9, 0, 0);
  EXPECT_EQ(peer.produce(batch).error_code, ErrorCode::not_enough_replicas);
  hub.files.options.limit_bytes = 32 * runnel::test::kMiB;
  hub.files.log().set_limits(hub.files.options);
  const auto stored = peer.produce(batch);
  EXPECT_EQ(stored.error_code, ErrorCode::none);
  EXPECT_EQ(peer.produce(batch).base_offset, stored.base_offset);
}

}  // namespace
}  // namespace runnel::kafka::test
