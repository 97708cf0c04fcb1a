// What partitions take on the disk, as administrators see it.
#include <gmock/gmock.h>

#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

using ::testing::SizeIs;

struct KafkaLogDirs : ::testing::Test {
  DescribeLogDirsResponse::LogDir ask(
      const NullableVector<ByTopic<std::int32_t>>& topics = std::nullopt,
      Version version = DescribeLogDirsRequest::kApi.max
  ) {
    DescribeLogDirsRequest request;
    request.topics = topics;
    const auto answer = peer.ask<DescribeLogDirsResponse>(request, version);
    EXPECT_EQ(answer.error_code, ErrorCode::none);
    return answer.results.at(0);
  }

  std::int64_t size_of(std::int32_t index) {
    return ask(Vector<ByTopic<std::int32_t>>{{"t", {index}}}).topics.at(0).partitions.at(0).partition_size;
  }

  KafkaHub hub;
  Peer peer{hub};
};

TEST_F(KafkaLogDirs, NameTheDirectoryAndEveryPartitionOfEveryTopic) {
  peer.create("t", 2);
  peer.create("u");
  for (Version v = 0; v <= DescribeLogDirsRequest::kApi.max; ++v) {
    const auto dir = ask(std::nullopt, v);
    EXPECT_EQ(dir.log_dir, hub.files.options.dir.string());
    ASSERT_THAT(dir.topics, SizeIs(2));
    EXPECT_THAT(dir.topics[0].partitions, SizeIs(2));
    EXPECT_THAT(dir.topics[1].partitions, SizeIs(1));
  }
  EXPECT_EQ(ask().total_bytes, static_cast<std::int64_t>(hub.files.options.limit_bytes));
  EXPECT_LT(ask().usable_bytes, ask().total_bytes);
}

TEST_F(KafkaLogDirs, CountTheBytesOfTheBatches) {
  peer.create("t", 2);
  EXPECT_EQ(size_of(0), 0);
  const Bytes batch = batch_of({std::string(1000, 'x')});
  peer.produce(batch, {"t", 1});
  EXPECT_EQ(size_of(0), 0);
  EXPECT_EQ(size_of(1), static_cast<std::int64_t>(batch.size()));
  for (int i = 0; i < 100; ++i) peer.produce(batch_of({std::string(100'000, 'y')}), {"t", 0});
  EXPECT_GT(size_of(0), 1'000'000) << "over several generations";
  EXPECT_LT(size_of(0), 10'100'000) << "those that are there";
}

TEST_F(KafkaLogDirs, SayNothingOfTopicsThatAreNotThere) {
  peer.create("t");
  EXPECT_THAT(ask(Vector<ByTopic<std::int32_t>>{{"none", {0}}}).topics, SizeIs(0));
  EXPECT_THAT(ask(Vector<ByTopic<std::int32_t>>{{"t", {7}}}).topics.at(0).partitions, SizeIs(0));
}

}  // namespace
}  // namespace runnel::kafka::test
