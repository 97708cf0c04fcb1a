#include <limits>

#include <gmock/gmock.h>

#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

using ::testing::ElementsAre;

struct KafkaIdempotence : ::testing::Test {
  KafkaIdempotence() { peer.create("t", 2); }

  std::vector<std::string> stored(std::int32_t index = 0) {
    Peer reader(hub);
    return words(reader.fetch({{"t", index}}, {0}).at(0).records.bytes);
  }

  ErrorCode error_of(const Bytes& batch) { return peer.produce(batch).error_code; }

  std::int64_t new_producer() {
    const auto answer = peer.ask<InitProducerIdResponse>(InitProducerIdRequest{});
    EXPECT_EQ(answer.error_code, ErrorCode::none);
    EXPECT_EQ(answer.producer_epoch, 0);
    return answer.producer_id;
  }

  KafkaHub hub;
  Peer peer{hub};
};

TEST_F(KafkaIdempotence, ARepetitionIsAcknowledgedWithItsFirstOffsetAndStoredOnce) {
  const Bytes first = stamped(batch_of({"a", "b"}), 7, 0, 0);
  const Bytes second = stamped(batch_of({"c"}), 7, 0, 2);
  EXPECT_EQ(peer.produce(first).base_offset, 0);
  EXPECT_EQ(peer.produce(second).base_offset, 2);
  const auto again = peer.produce(first);
  EXPECT_EQ(again.error_code, ErrorCode::none);
  EXPECT_EQ(again.base_offset, 0);
  EXPECT_EQ(peer.produce(second).base_offset, 2);
  EXPECT_THAT(stored(), ElementsAre("0=a", "1=b", "2=c"));
}

TEST_F(KafkaIdempotence, ARepetitionIsKnownAfterARestart) {
  const Bytes batch = stamped(batch_of({"a", "b"}), 7, 0, 0);
  peer.produce(stamped(batch_of({"x"}), 8, 0, 0));
  EXPECT_EQ(peer.produce(batch).base_offset, 1);
  hub.restart();
  Peer back(hub);
  EXPECT_EQ(back.produce(batch).base_offset, 1);
  EXPECT_EQ(back.produce(stamped(batch_of({"c"}), 7, 0, 2)).base_offset, 3);
  EXPECT_THAT(stored(), ElementsAre("0=x", "1=a", "2=b", "3=c"));
}

TEST_F(KafkaIdempotence, ARepetitionIsKnownWhileTheFirstIsInTheSameGroup) {
  const Bytes batch = stamped(batch_of({"a", "b"}), 7, 0, 0);
  peer.send_produce(batch);
  peer.send_produce(batch);
  peer.send_produce(stamped(batch_of({"c"}), 7, 0, 2));
  hub.run();
  EXPECT_EQ(peer.take_produced().base_offset, 0);
  EXPECT_EQ(peer.take_produced().base_offset, 0);
  EXPECT_EQ(peer.take_produced().base_offset, 2);
  EXPECT_THAT(stored(), ElementsAre("0=a", "1=b", "2=c"));
}

TEST_F(KafkaIdempotence, ARepetitionIsKnownWhileTheFirstIsNotYetAcknowledged) {
  const Bytes batch = stamped(batch_of({"a", "b"}), 7, 0, 0);
  Peer other(hub);
  peer.send_produce(batch);
  hub.commit();
  other.send_produce(batch);  // it lost its connection, say
  hub.commit();
  hub.run();
  EXPECT_EQ(peer.take_produced().base_offset, 0);
  EXPECT_EQ(other.take_produced().base_offset, 0);
  EXPECT_THAT(stored(), ElementsAre("0=a", "1=b"));
}

TEST_F(KafkaIdempotence, ARepetitionNextToAnotherProducersRecordsIsStillFound) {
  const Bytes batch = stamped(batch_of({"a"}), 7, 0, 0);
  peer.produce(batch);
  Peer other(hub);
  peer.send_produce(batch);
  other.send_produce(batch_of({"plain"}));
  hub.run();
  EXPECT_EQ(peer.take_produced().base_offset, 0);
  EXPECT_EQ(other.take_produced().base_offset, 1);
  EXPECT_THAT(stored(), ElementsAre("0=a", "1=plain"));
}

TEST_F(KafkaIdempotence, PartitionsHaveSequencesOfTheirOwn) {
  peer.produce(stamped(batch_of({"a"}), 7, 0, 0));
  EXPECT_EQ(peer.produce(stamped(batch_of({"b"}), 7, 0, 0), {"t", 1}).base_offset, 0);
  EXPECT_THAT(stored(1), ElementsAre("0=b"));
}

TEST_F(KafkaIdempotence, AGapIsOutOfOrder) {
  peer.produce(stamped(batch_of({"a"}), 7, 0, 0));
  EXPECT_EQ(error_of(stamped(batch_of({"c"}), 7, 0, 2)), ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(error_of(stamped(batch_of({"b"}), 7, 0, 1)), ErrorCode::none);
  EXPECT_THAT(stored(), ElementsAre("0=a", "1=b"));
}

TEST_F(KafkaIdempotence, ALowerEpochIsFencedOff) {
  peer.produce(stamped(batch_of({"a"}), 7, 3, 0));
  EXPECT_EQ(error_of(stamped(batch_of({"b"}), 7, 2, 1)), ErrorCode::invalid_producer_epoch);
  EXPECT_EQ(error_of(stamped(batch_of({"c"}), 7, 4, 1)), ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(error_of(stamped(batch_of({"d"}), 7, 4, 0)), ErrorCode::none);
  EXPECT_THAT(stored(), ElementsAre("0=a", "1=d"));
}

TEST_F(KafkaIdempotence, WhatIsOlderThanFiveBatchesIsADuplicateWithoutAnOffset) {
  for (int i = 0; i < 7; ++i) peer.produce(stamped(batch_of({"a"}), 7, 0, i));
  const auto old = peer.produce(stamped(batch_of({"a"}), 7, 0, 1));
  EXPECT_EQ(old.error_code, ErrorCode::duplicate_sequence_number);
  EXPECT_EQ(old.base_offset, -1);
  EXPECT_EQ(peer.produce(stamped(batch_of({"a"}), 7, 0, 2)).base_offset, 2);
}

TEST_F(KafkaIdempotence, ProducerIdsAreNeverGivenTwice) {
  const std::int64_t first = new_producer();
  const std::int64_t second = new_producer();
  EXPECT_NE(first, second);
  hub.restart();
  peer.reconnect();
  EXPECT_GT(new_producer(), std::max(first, second));
}

TEST_F(KafkaIdempotence, AProducerIdIsToldWhenItsRowIsDurable) {
  peer.send(InitProducerIdRequest{});
  EXPECT_FALSE(peer.answered());
  hub.commit();
  EXPECT_FALSE(peer.answered());
  hub.settle();
  EXPECT_TRUE(peer.answered());
}

TEST_F(KafkaIdempotence, AProducerIdWhoseRowWasLostIsNotGivenAgainWhileItIsRemembered) {
  new_producer();
  const std::int64_t id = new_producer();
  peer.produce(stamped(batch_of({"a"}), id, 0, 0));
  peer.produce(stamped(batch_of({"made up"}), std::numeric_limits<std::int64_t>::max(), 0, 0));
  log::Group lost;
  lost.erase_state("I");
  ASSERT_EQ(hub.files.log().commit(lost), Errc::ok);
  hub.restart();
  peer.reconnect();
  EXPECT_EQ(new_producer(), id + 1);
}

}  // namespace
}  // namespace runnel::kafka::test
