#include <limits>

#include <gmock/gmock.h>

#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

constexpr std::int64_t kBegin = 1'750'000'000'000;

struct KafkaListOffsets : ::testing::Test {
  KafkaListOffsets() { peer.create("t", 2); }

  ListOffsetsResponse::Partition look(
      std::int64_t timestamp, const Want& want = {}, Version v = 8
  ) {
    ListOffsetsRequest request;
    request.topics.push_back({want.topic, {{want.index, -1, timestamp}}});
    const auto answer = peer.ask<ListOffsetsResponse>(request, v);
    EXPECT_EQ(answer.topics.size(), 1U);
    EXPECT_EQ(answer.topics.at(0).name, want.topic);
    return answer.topics.at(0).partitions.at(0);
  }

  KafkaHub hub;
  Peer peer{hub};
};

TEST_F(KafkaListOffsets, KnowsEarliestAndLatest) {
  EXPECT_EQ(look(kLatestOffset).offset, 0);
  peer.produce(batch_of({"a", "b", "c"}));
  for (Version v = ListOffsetsRequest::kApi.min; v <= ListOffsetsRequest::kApi.max; ++v) {
    const auto latest = look(kLatestOffset, {}, v);
    EXPECT_EQ(latest.error_code, ErrorCode::none);
    EXPECT_EQ(latest.offset, 3);
    EXPECT_EQ(latest.timestamp, -1);
    EXPECT_EQ(look(kEarliestOffset, {}, v).offset, 0);
  }
  EXPECT_EQ(look(kEarliestLocalOffset).offset, 0);
}

TEST_F(KafkaListOffsets, FindsTheFirstRecordOfATimeInsideItsBatch) {
  peer.produce(batch_of({"a", "b"}, kBegin));
  peer.produce(batch_of({"c", "d", "e"}, kBegin + 10'000));
  EXPECT_EQ(look(0).offset, 0);
  EXPECT_EQ(look(kBegin + 1).offset, 1);
  const auto inside = look(kBegin + 10'500);
  EXPECT_EQ(inside.offset, 3);
  EXPECT_EQ(inside.timestamp, kBegin + 11'000);
  EXPECT_EQ(look(kBegin + 12'000).offset, 4);
}

TEST_F(KafkaListOffsets, FindsTimesInsideCompressedBatches) {
  std::int64_t base = 0;
  for (const log::Codec codec : runnel::test::kCodecs) {
    const std::int64_t begin = kBegin + base * 100'000;
    peer.produce(runnel::test::packed(batch_of({"a", "b", "c"}, begin), codec));
    const auto found = look(begin + 500);
    EXPECT_EQ(found.offset, base + 1);
    EXPECT_EQ(found.timestamp, begin + 1000);
    base += 3;
  }
}

TEST_F(KafkaListOffsets, ATimeAfterTheLastRecordHasNoOffset) {
  peer.produce(batch_of({"a"}, kBegin));
  for (const std::int64_t time : {kBegin + 1, std::numeric_limits<std::int64_t>::max()}) {
    const auto none = look(time);
    EXPECT_EQ(none.error_code, ErrorCode::none);
    EXPECT_EQ(none.offset, -1);
    EXPECT_EQ(none.timestamp, -1);
  }
}

TEST_F(KafkaListOffsets, FindsTheRecordWithTheNewestTime) {
  EXPECT_EQ(look(kMaxTimestamp).offset, -1);
  peer.produce(batch_of({"a", "b"}, kBegin + 50'000));
  peer.produce(batch_of({"c"}, kBegin));
  const auto newest = look(kMaxTimestamp);
  EXPECT_EQ(newest.offset, 1);
  EXPECT_EQ(newest.timestamp, kBegin + 51'000);
}

TEST_F(KafkaListOffsets, BelievesTheRecordsAndNotTheHeadThatAProducerWrote) {
  const Bytes lie = runnel::test::with_field<std::int64_t>(
      batch_of({"a"}, kBegin), log::head::kMaxTimestampAt, kBegin + 1'000'000
  );
  peer.produce(lie);
  EXPECT_EQ(look(kBegin + 1).offset, -1);
  EXPECT_EQ(look(kMaxTimestamp).timestamp, kBegin);
}

TEST_F(KafkaListOffsets, AnswersAllPartitionsInOrderThoughSomeTakeLonger) {
  peer.produce(batch_of({"a", "b"}, kBegin), {"t", 1});
  ListOffsetsRequest request;
  request.topics.push_back({"nothing", {{0, -1, kLatestOffset}}});
  request.topics.push_back({"t", {{1, -1, kBegin + 1}, {0, -1, kLatestOffset}, {1, -1, kBegin}}});
  const auto answer = peer.ask<ListOffsetsResponse>(request);
  ASSERT_EQ(answer.topics.size(), 2U);
  const auto& unknown = answer.topics[0].partitions.at(0);
  EXPECT_EQ(unknown.error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(unknown.offset, -1);
  EXPECT_EQ(answer.topics[1].partitions.at(0).offset, 1);
  EXPECT_EQ(answer.topics[1].partitions.at(1).offset, 0);
  EXPECT_EQ(answer.topics[1].partitions.at(2).offset, 0);
}

TEST_F(KafkaListOffsets, OtherNegativeTimesAreInvalid) {
  EXPECT_EQ(look(-5).error_code, ErrorCode::invalid_request);
}

TEST_F(KafkaListOffsets, TheOnlyLeaderEpochEndsWhereThePartitionEnds) {
  peer.produce(batch_of({"a", "b"}));
  OffsetForLeaderEpochRequest request;
  request.topics.push_back({"t", {{0, -1, 0}, {0, 1, 0}, {0, -1, 5}, {9, -1, 0}}});
  const auto answer = peer.ask<OffsetForLeaderEpochResponse>(request);
  const auto& parts = answer.topics.at(0).partitions;
  EXPECT_EQ(parts.at(0).end_offset, 2);
  EXPECT_EQ(parts.at(0).leader_epoch, 0);
  EXPECT_EQ(parts.at(1).error_code, ErrorCode::unknown_leader_epoch);
  EXPECT_EQ(parts.at(2).end_offset, -1);
  EXPECT_EQ(parts.at(3).error_code, ErrorCode::unknown_topic_or_partition);
}

}  // namespace
}  // namespace runnel::kafka::test
