#include <gmock/gmock.h>

#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct KafkaFetch : ::testing::Test {
  KafkaFetch() { peer.create("t", 3); }

  // One partition, at once.
  Words read(std::int64_t offset, std::int32_t bytes_max = 1 << 20) {
    return words(peer.fetch({{"t", 0, offset, bytes_max}}, {0}).at(0).records.bytes);
  }

  void fill(std::int32_t index, int batches, std::size_t bytes) {
    for (int i = 0; i < batches; ++i)
      peer.produce(batch_of({std::string(bytes, 'x')}), {"t", index});
  }

  KafkaHub hub;
  Peer peer{hub};
};

TEST_F(KafkaFetch, ReturnsTheBatchThatHoldsAnOffsetInsideIt) {
  peer.produce(batch_of({"a", "b", "c"}));
  peer.produce(batch_of({"d", "e"}));
  EXPECT_THAT(read(1), ElementsAre("0=a", "1=b", "2=c", "3=d", "4=e"));
  EXPECT_THAT(read(2, 1), ElementsAre("0=a", "1=b", "2=c"));
  EXPECT_THAT(read(3), ElementsAre("3=d", "4=e"));
  EXPECT_THAT(read(4), ElementsAre("3=d", "4=e"));
  peer.produce(runnel::test::packed(batch_of({"f", "g", "h"}), log::Codec::zstd));
  EXPECT_THAT(read(7), ElementsAre("5=f", "6=g", "7=h"));
}

TEST_F(KafkaFetch, ReturnsAtLeastOneBatchHoweverSmallTheLimits) {
  fill(0, 2, 5000);
  for (const Patience& limit : {Patience{1, 500, 1}, Patience{1, 500, 0}, Patience{0, 0, -1}}) {
    for (const std::int32_t partition_max : {0, 1, -1, 1 << 20}) {
      const auto got = peer.fetch({{"t", 0, 0, partition_max}}, limit);
      EXPECT_EQ(words(got.at(0).records.bytes).size(), 1U);
    }
  }
}

TEST_F(KafkaFetch, HonoursMaxBytesOfThePartition) {
  fill(0, 10, 1000);
  const auto got = peer.fetch({{"t", 0, 0, 3500}});
  EXPECT_EQ(words(got.at(0).records.bytes).size(), 3U);
  EXPECT_LE(got.at(0).records.bytes.size(), 3500U);
}

TEST_F(KafkaFetch, HonoursMaxBytesOfTheRequest) {
  fill(0, 10, 1000);
  fill(1, 10, 1000);
  fill(2, 1, 1000);
  Patience patience;
  patience.max_bytes = 12'500;
  const auto got = peer.fetch({{"t", 0}, {"t", 1}, {"t", 2}}, patience);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(words(got[0].records.bytes).size(), 10U);
  EXPECT_EQ(words(got[1].records.bytes).size(), 1U);
  EXPECT_THAT(words(got[2].records.bytes), IsEmpty());
  EXPECT_EQ(got[2].error_code, ErrorCode::none);
  EXPECT_EQ(got[2].high_watermark, 1);
}

TEST_F(KafkaFetch, HonoursTheHubsOwnLimit) {
  hub.limits.fetch_bytes_max = 2500;
  hub.broker().set_limits(hub.limits);
  fill(0, 10, 1000);
  EXPECT_EQ(words(peer.fetch({{}}).at(0).records.bytes).size(), 2U);
}

TEST_F(KafkaFetch, TellsTheEndsOfThePartition) {
  peer.produce(batch_of({"a", "b"}));
  const auto got = peer.fetch({{}, {"t", 1}}, {0});
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].high_watermark, 2);
  EXPECT_EQ(got[0].last_stable_offset, 2);
  EXPECT_EQ(got[0].log_start_offset, 0);
  EXPECT_EQ(got[1].high_watermark, 0);
  EXPECT_EQ(got[1].index, 1);
}

TEST_F(KafkaFetch, AnOffsetOutOfRangeIsAnErrorWithTheEndsFilledIn) {
  peer.produce(batch_of({"a", "b"}));
  for (const std::int64_t offset : {std::int64_t{3}, std::int64_t{-1}, std::int64_t{1} << 62}) {
    const auto got = peer.fetch({{"t", 0, offset}}).at(0);
    EXPECT_EQ(got.error_code, ErrorCode::offset_out_of_range);
    EXPECT_EQ(got.high_watermark, 2);
    EXPECT_EQ(got.log_start_offset, 0);
    EXPECT_TRUE(got.records.bytes.empty());
  }
}

TEST_F(KafkaFetch, AnOffsetBelowTheLogStartIsOutOfRange) {
  hub.files.options.limit_bytes = 14 * runnel::test::kMiB;
  hub.files.log().set_limits(hub.files.options);
  std::int64_t start = 0;
  for (int i = 0; i < 500 && start == 0; ++i) {
    start = peer.produce(batch_of({std::string(100'000, 'x')})).log_start_offset;
  }
  ASSERT_GT(start, 0);
  const auto got = peer.fetch({{"t", 0, start - 1}}).at(0);
  EXPECT_EQ(got.error_code, ErrorCode::offset_out_of_range);
  EXPECT_EQ(got.log_start_offset, start);
  EXPECT_EQ(peer.fetch({{"t", 0, start}}).at(0).error_code, ErrorCode::none);
}

TEST_F(KafkaFetch, APartitionThatIsNotThereIsUnknown) {
  for (const Want& want : {Want{"nothing"}, Want{"t", 3}, Want{"t", -1}}) {
    const auto got = peer.fetch({want}).at(0);
    EXPECT_EQ(got.error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(got.high_watermark, -1);
  }
}

TEST_F(KafkaFetch, ALaterLeaderEpochIsUnknown) {
  FetchRequest request;
  request.topics.push_back({"t", {{0, 1, 0, -1, -1, 1000}}, {}});
  const auto answer = peer.ask<FetchResponse>(request, kFetchByName);
  EXPECT_EQ(answer.topics.at(0).partitions.at(0).error_code, ErrorCode::unknown_leader_epoch);
}

TEST_F(KafkaFetch, EmptyRecordsAreOfLengthZeroAndNeverNull) {
  const Uuid id = peer.ask<MetadataResponse>(MetadataRequest{}).topics.at(0).id;
  for (Version v = FetchRequest::kApi.min; v <= FetchRequest::kApi.max; ++v) {
    FetchRequest request;
    request.topics.push_back({"t", {{0, -1, 0, -1, -1, 1000}}, id});
    const auto answer = peer.ask<FetchResponse>(request, v);  // null would not be decoded
    EXPECT_EQ(answer.topics.at(0).partitions.at(0).records.bytes.size(), 0U);
    EXPECT_EQ(answer.session_id, 0);
  }
}

TEST_F(KafkaFetch, TheIdOfATopicIsGoodAfterARestart) {
  const Uuid id = peer.ask<MetadataResponse>(MetadataRequest{}).topics.at(0).id;
  hub.restart();
  Peer again(hub);
  FetchRequest request;
  request.topics.push_back({"", {{0, -1, 0, -1, -1, 1000}}, id});
  const auto answer = again.ask<FetchResponse>(request);
  EXPECT_EQ(answer.topics.at(0).partitions.at(0).error_code, ErrorCode::none);
}

TEST_F(KafkaFetch, TopicsAreNamedByTheirIdsFromVersion13) {
  peer.produce(batch_of({"a"}));
  const Uuid id = peer.ask<MetadataResponse>(MetadataRequest{}).topics.at(0).id;
  FetchRequest request;
  request.topics.push_back({"", {{0, -1, 0, -1, -1, 1000}, {9, -1, 0, -1, -1, 1000}}, id});
  request.topics.push_back({"t", {{0, -1, 0, -1, -1, 1000}}, Uuid{{1, 2, 3}}});
  request.topics.push_back({"t", {{0, -1, 0, -1, -1, 1000}}, Uuid{}});
  const auto answer = peer.ask<FetchResponse>(request, 13);
  ASSERT_EQ(answer.topics.size(), 3U);
  EXPECT_EQ(answer.topics[0].id, id);
  EXPECT_THAT(words(answer.topics[0].partitions.at(0).records.bytes), ElementsAre("0=a"));
  EXPECT_EQ(answer.topics[0].partitions.at(1).error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(answer.topics[1].partitions.at(0).error_code, ErrorCode::unknown_topic_id);
  EXPECT_EQ(answer.topics[2].partitions.at(0).error_code, ErrorCode::unknown_topic_id);
}

TEST_F(KafkaFetch, ReadsOnlyWhatIsDurable) {
  peer.send_produce(batch_of({"a"}));
  Peer reader(hub);
  reader.send_fetch({{}}, {0});
  const auto got = reader.take_fetched().at(0);
  EXPECT_EQ(got.high_watermark, 0);
  EXPECT_TRUE(got.records.bytes.empty());
  hub.run();
}

TEST_F(KafkaFetch, GoesOnOverARestart) {
  fill(0, 3, 10);
  hub.restart();
  peer.reconnect();
  EXPECT_EQ(read(0).size(), 3U);
}

TEST_F(KafkaFetch, OneTopicMayBeNamedTwice) {
  peer.produce(batch_of({"a"}));
  const auto got = peer.fetch({{"t", 0, 0}, {"t", 0, 1}}, {0});
  ASSERT_EQ(got.size(), 2U);
  EXPECT_THAT(words(got[0].records.bytes), ElementsAre("0=a"));
  EXPECT_THAT(words(got[1].records.bytes), IsEmpty());
}

}  // namespace
}  // namespace runnel::kafka::test
