#include <gmock/gmock.h>

#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct KafkaFetchWait : ::testing::Test {
  KafkaFetchWait() {
    writer.create("t", 2);
    writer.create("other");
  }

  KafkaHub hub;
  Peer writer{hub};
  Peer reader{hub};
};

TEST_F(KafkaFetchWait, WakesOnACommit) {
  reader.send_fetch({{}});
  hub.run();
  EXPECT_FALSE(reader.answered());
  writer.send_produce(batch_of({"a"}));
  EXPECT_FALSE(reader.answered());
  hub.run();
  EXPECT_THAT(words(reader.take_fetched().at(0).records.bytes), ElementsAre("0=a"));
}

TEST_F(KafkaFetchWait, IsAnsweredAtMaxWait) {
  reader.send_fetch({{}});
  hub.advance(milliseconds(480));
  EXPECT_FALSE(reader.answered());
  EXPECT_EQ(hub.broker().deadline(), hub.now() + milliseconds(20));
  hub.advance(milliseconds(20));
  const auto got = reader.take_fetched().at(0);
  EXPECT_EQ(got.error_code, ErrorCode::none);
  EXPECT_THAT(words(got.records.bytes), IsEmpty());
  EXPECT_EQ(hub.broker().deadline(), std::nullopt);
}

TEST_F(KafkaFetchWait, CostsNothingAtTheEnd) {
  writer.produce(batch_of({"a"}));
  reader.send_fetch({{"t", 0, 1}, {"t", 1, 0}});
  EXPECT_EQ(hub.broker().fetches().waiting(), 1U);
  const std::size_t before = hub.reads_done;
  for (int i = 0; i < 20; ++i) {
    writer.produce(batch_of({"x"}), {"other"});
    hub.advance(milliseconds(10));
  }
  EXPECT_EQ(hub.reads_done, before);
  EXPECT_FALSE(reader.answered());
}

TEST_F(KafkaFetchWait, WaitsForMinBytes) {
  const auto batch_bytes = static_cast<std::int32_t>(batch_of({"a"}).size());
  Patience patience;
  patience.min_bytes = 3 * batch_bytes;
  writer.produce(batch_of({"a"}));
  reader.send_fetch({{}}, patience);
  hub.run();
  EXPECT_FALSE(reader.answered());
  writer.produce(batch_of({"b"}));
  EXPECT_FALSE(reader.answered());
  writer.produce(batch_of({"c"}));
  EXPECT_THAT(words(reader.take_fetched().at(0).records.bytes), ElementsAre("0=a", "1=b", "2=c"));
}

TEST_F(KafkaFetchWait, CountsMinBytesOverAllPartitions) {
  const auto batch_bytes = static_cast<std::int32_t>(batch_of({"a"}).size());
  Patience patience;
  patience.min_bytes = 2 * batch_bytes;
  reader.send_fetch({{"t", 0}, {"t", 1}}, patience);
  writer.produce(batch_of({"a"}), {"t", 0});
  EXPECT_FALSE(reader.answered());
  writer.produce(batch_of({"b"}), {"t", 1});
  const auto got = reader.take_fetched();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_THAT(words(got[0].records.bytes), ElementsAre("0=a"));
  EXPECT_THAT(words(got[1].records.bytes), ElementsAre("0=b"));
}

TEST_F(KafkaFetchWait, WhatIsThereIsSentAtMaxWait) {
  Patience patience;
  patience.min_bytes = 100'000;
  writer.produce(batch_of({"a"}));
  reader.send_fetch({{}}, patience);
  hub.run();
  EXPECT_FALSE(reader.answered());
  hub.advance(milliseconds(500));
  EXPECT_THAT(words(reader.take_fetched().at(0).records.bytes), ElementsAre("0=a"));
}

TEST_F(KafkaFetchWait, DoesNotWaitWhenSomePartitionHasAnError) {
  reader.send_fetch({{"t", 0}, {"nothing", 0}});
  const auto unknown = reader.take_fetched();
  EXPECT_EQ(unknown.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(unknown.at(1).error_code, ErrorCode::unknown_topic_or_partition);
  reader.send_fetch({{"t", 0}, {"t", 1, 5}});
  EXPECT_EQ(reader.take_fetched().at(1).error_code, ErrorCode::offset_out_of_range);
}

TEST_F(KafkaFetchWait, DoesNotWaitWithoutMinBytesOrMaxWait) {
  reader.send_fetch({{}}, {0, 500});
  EXPECT_THAT(words(reader.take_fetched().at(0).records.bytes), IsEmpty());
  reader.send_fetch({{}}, {1, 0});
  EXPECT_THAT(words(reader.take_fetched().at(0).records.bytes), IsEmpty());
  reader.send_fetch({{}}, {-1, -1});
  EXPECT_THAT(words(reader.take_fetched().at(0).records.bytes), IsEmpty());
}

TEST_F(KafkaFetchWait, DoesNotWaitForMoreThanItMayReturn) {
  hub.limits.fetch_bytes_max = 3000;
  hub.broker().set_limits(hub.limits);
  for (int i = 0; i < 4; ++i) writer.produce(batch_of({std::string(1000, 'x')}));
  Patience patience;
  patience.min_bytes = 1 << 20;
  EXPECT_EQ(words(reader.fetch({{}}, patience).at(0).records.bytes).size(), 2U);
  patience.min_bytes = 2500;
  EXPECT_EQ(words(reader.fetch({{"t", 0, 0, 1500}}, patience).at(0).records.bytes).size(), 1U);
}

TEST_F(KafkaFetchWait, MissesNothingThatIsCommittedWhileItReads) {
  Patience patience;
  patience.min_bytes = 120;
  writer.produce(batch_of({"a"}), {"t", 1});
  reader.send_fetch({{"t", 0}, {"t", 1}}, patience);
  ASSERT_EQ(hub.waiting_reads(), 1U);
  writer.send_produce(batch_of({"b"}), {"t", 0});
  hub.commit();
  hub.settle();
  hub.run();
  ASSERT_TRUE(reader.answered());
  const auto got = reader.take_fetched();
  EXPECT_THAT(words(got.at(0).records.bytes), ElementsAre("0=b"));
  EXPECT_THAT(words(got.at(1).records.bytes), ElementsAre("0=a"));
}

TEST_F(KafkaFetchWait, MaxWaitHasABound) {
  hub.limits.fetch_wait_max = milliseconds(2000);
  hub.broker().set_limits(hub.limits);
  reader.send_fetch({{}}, {1, 1'000'000});
  hub.advance(milliseconds(1980));
  EXPECT_FALSE(reader.answered());
  hub.advance(milliseconds(20));
  EXPECT_TRUE(reader.answered());
}

TEST_F(KafkaFetchWait, ManyWaitForOnePartitionAndAllAreAnswered) {
  std::deque<Peer> readers;
  for (int i = 0; i < 50; ++i) readers.emplace_back(hub).send_fetch({{}});
  for (int i = 0; i < 50; i += 2) hub.close(readers[static_cast<std::size_t>(i)].link());
  EXPECT_EQ(hub.broker().fetches().waiting(), 25U);
  writer.produce(batch_of({"a"}));
  for (std::size_t i = 1; i < 50; i += 2) {
    EXPECT_THAT(words(readers[i].take_fetched().at(0).records.bytes), ElementsAre("0=a"));
  }
  EXPECT_EQ(hub.broker().fetches().waiting(), 0U);
}

TEST_F(KafkaFetchWait, RecordsThatWereRefusedWakeNobody) {
  reader.send_fetch({{}});
  hub.files.options.limit_bytes = 2 * runnel::test::kMiB;
  hub.files.options.reject_when_full = true;
  hub.files.log().set_limits(hub.files.options);
  ErrorCode last = ErrorCode::none;
  for (int i = 0; i < 100 && last == ErrorCode::none; ++i) {
    last = writer.produce(batch_of({std::string(100'000, 'x')}), {"other"}).error_code;
  }
  ASSERT_NE(last, ErrorCode::none);
  writer.produce(batch_of({std::string(200'000, 'x')}));
  EXPECT_FALSE(reader.answered());
}

}  // namespace
}  // namespace runnel::kafka::test
