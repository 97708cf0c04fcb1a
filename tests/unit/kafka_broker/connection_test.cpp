#include <gmock/gmock.h>

#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

using ::testing::ElementsAre;

TEST(KafkaConnection, AnswersInTheOrderOfTheRequestsThoughAFetchWaits) {
  KafkaHub hub;
  Peer peer(hub);
  peer.create("t");
  peer.send_fetch({{}});
  peer.send(MetadataRequest{});
  peer.send(FindCoordinatorRequest{"g", {}, {}}, 0);
  hub.run();
  EXPECT_FALSE(peer.answered());
  Peer(hub).produce(batch_of({"a"}));
  EXPECT_THAT(words(peer.take_fetched().at(0).records.bytes), ElementsAre("0=a"));
  EXPECT_EQ(peer.take<MetadataResponse>().topics.size(), 1U);
  EXPECT_EQ(peer.take<FindCoordinatorResponse>().error_code, ErrorCode::none);
}

TEST(KafkaConnection, AnswersInTheOrderOfTheRequestsThoughACommitIsUnderWay) {
  KafkaHub hub;
  Peer peer(hub);
  peer.create("t");
  peer.send_produce(batch_of({"a"}));
  peer.send(MetadataRequest{});
  EXPECT_FALSE(peer.answered());
  hub.run();
  EXPECT_EQ(peer.take_produced().base_offset, 0);
  EXPECT_EQ(peer.take<MetadataResponse>().topics.size(), 1U);
}

TEST(KafkaConnection, TakesSeveralRequestsInOneRead) {
  KafkaHub hub;
  Peer peer(hub);
  for (int i = 0; i < 20; ++i) peer.post(ApiVersionsRequest{"a", "1"});
  ASSERT_TRUE(hub.receive(peer.link(), 1 << 20));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(peer.take<ApiVersionsResponse>().error_code, ErrorCode::none);
  }
}

TEST(KafkaConnection, TakesRequestsThatAreCutAnywhere) {
  KafkaHub hub;
  Peer setup(hub);
  setup.create("t");
  std::size_t size = 0;
  for (std::size_t cut = 1; cut == 1 || cut < size; ++cut) {
    Peer peer(hub);
    peer.post_produce(batch_of({"a"}));
    peer.post(MetadataRequest{});
    size = peer.link().to_hub.size();
    while (hub.receive(peer.link(), cut)) {
    }
    hub.run();
    EXPECT_EQ(peer.take_produced().error_code, ErrorCode::none) << cut;
    EXPECT_EQ(peer.take<MetadataResponse>().topics.size(), 1U) << cut;
    hub.close(peer.link());
  }
}

TEST(KafkaConnection, IsClosedByAFrameThatIsTooLargeBeforeItIsKept) {
  Limits limits;
  limits.request_bytes_max = 1000;
  KafkaHub hub(limits);
  Peer peer(hub);
  Bytes length;
  ByteWriter(length).be32(1001);
  peer.send_bytes(length);
  EXPECT_TRUE(peer.closed());
  EXPECT_FALSE(peer.answered());
  Peer at_the_limit(hub);
  length.clear();
  ByteWriter(length).be32(1000);
  at_the_limit.send_bytes(length);
  EXPECT_FALSE(at_the_limit.closed());
}

TEST(KafkaConnection, IsClosedByANegativeLength) {
  KafkaHub hub;
  Peer peer(hub);
  peer.send_bytes(Bytes("\xff\xff\xff\xff", 4));
  EXPECT_TRUE(peer.closed());
}

TEST(KafkaConnection, IsClosedByARequestThatCannotBeDecoded) {
  KafkaHub hub;
  Peer peer(hub);
  MetadataRequest request;
  request.topics.emplace();
  Bytes frame = encode_request(1, 4, "tester", request);
  frame.erase(frame.size() - 1);
  frame[3] = static_cast<char>(frame.size() - kLengthBytes);
  peer.send_bytes(frame);
  EXPECT_TRUE(peer.closed());
}

TEST(KafkaConnection, IsClosedByAHeaderThatIsCutOff) {
  KafkaHub hub;
  Peer peer(hub);
  peer.send_bytes(Bytes("\0\0\0\x03\0\x12\0", 7));
  EXPECT_TRUE(peer.closed());
}

TEST(KafkaConnection, IsNotReadWhileItDoesNotTakeItsAnswers) {
  Limits limits;
  limits.outbound_bytes_max = 2000;
  KafkaHub hub(limits);
  Peer peer(hub);
  peer.create("t");
  peer.link().takes_answers = false;
  constexpr int kRequests = 200;
  for (int i = 0; i < kRequests; ++i) {
    peer.post(ApiVersionsRequest{"a", "1"});
    hub.receive(peer.link(), 1 << 20);
  }
  EXPECT_FALSE(peer.link().reading);
  EXPECT_FALSE(peer.link().to_hub.empty());
  EXPECT_LT(peer.link().to_client.size(), 4000U);
  hub.run();
  EXPECT_FALSE(peer.link().to_hub.empty()) << "turns of others are no reason to go on";
  peer.link().takes_answers = true;
  hub.drain(peer.link());
  hub.run();
  for (int i = 0; i < kRequests; ++i) peer.take<ApiVersionsResponse>();
  EXPECT_TRUE(peer.link().reading);
}

TEST(KafkaConnection, IsNotReadWhileTooManyAnswersAreOwed) {
  Limits limits;
  limits.requests_in_flight_max = 3;
  KafkaHub hub(limits);
  Peer peer(hub);
  peer.create("t");
  for (int i = 0; i < 10; ++i) peer.send_produce(batch_of({"a"}));
  EXPECT_FALSE(peer.link().reading);
  EXPECT_EQ(hub.filling().records(), 3U);
  hub.run();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(peer.take_produced().base_offset, i);
  EXPECT_TRUE(peer.link().reading);
}

TEST(KafkaConnection, WaitsForRoomInTheGroup) {
  KafkaHub hub;
  Peer peer(hub);
  Peer other(hub);
  peer.create("t");
  hub.group_bytes_max = 1;
  for (int i = 0; i < 5; ++i) peer.send_produce(batch_of({"a"}));
  for (int i = 0; i < 5; ++i) other.send_produce(batch_of({"b"}));
  EXPECT_EQ(hub.filling().records(), 1U);
  hub.run();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(peer.take_produced().error_code, ErrorCode::none);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(other.take_produced().error_code, ErrorCode::none);
  EXPECT_TRUE(peer.link().reading);
  EXPECT_TRUE(other.link().reading);
}

TEST(KafkaConnection, HasOneFetchAtATime) {
  KafkaHub hub;
  Peer peer(hub);
  peer.create("t");
  peer.produce(batch_of({"a", "b"}));
  for (int i = 0; i < 50; ++i) peer.send_fetch({{}});
  EXPECT_EQ(hub.waiting_reads(), 1U);
  hub.run();
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(words(peer.take_fetched().at(0).records.bytes), ElementsAre("0=a", "1=b"));
  }
  EXPECT_TRUE(peer.link().reading);
}

TEST(KafkaConnection, MayGoWhileItsAnswersArePending) {
  KafkaHub hub;
  Peer setup(hub);
  setup.create("t");
  Peer produces(hub);
  Peer waits(hub);
  Peer reads(hub);
  Peer looks(hub);
  waits.send_fetch({{"t", 0, 0}});
  produces.send_produce(batch_of({"a"}));
  hub.close(produces.link());
  hub.commit();
  reads.send_fetch({{"t", 0, 0}});
  ASSERT_EQ(hub.waiting_reads(), 1U);
  ListOffsetsRequest request;
  request.topics.push_back({"t", {{0, -1, 1}}});
  looks.send(request);
  hub.close(reads.link());
  hub.close(looks.link());
  hub.close(waits.link());
  hub.run();
  EXPECT_EQ(hub.broker().connections(), 1U);
  EXPECT_EQ(hub.broker().fetches().waiting(), 0U);
  EXPECT_THAT(words(setup.fetch({{}}).at(0).records.bytes), ElementsAre("0=a"));
}

TEST(KafkaConnection, IsRefusedWhenThereAreTooMany) {
  Limits limits;
  limits.connections_max = 2;
  KafkaHub hub(limits);
  Peer first(hub);
  Peer second(hub);
  EXPECT_TRUE(Peer(hub).closed());
  hub.close(first.link());
  EXPECT_FALSE(Peer(hub).closed());
}

}  // namespace
}  // namespace runnel::kafka::test
