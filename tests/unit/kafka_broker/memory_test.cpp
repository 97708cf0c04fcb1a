#include <gmock/gmock.h>

#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

constexpr std::size_t kKiB = 1024;

Limits with_room_for(std::size_t bytes) {
  Limits limits;
  limits.buffers_bytes_max = bytes;
  limits.fetch_bytes_max = 200 * kKiB;
  limits.message_bytes_max = 100 * kKiB;
  limits.request_bytes_max = 300 * kKiB;
  return limits;
}

struct KafkaMemory : ::testing::Test {
  KafkaMemory() { setup.create("t"); }

  ~KafkaMemory() override {
    for (Peer* p : {&a, &b, &c, &setup}) hub.close(p->link());
    EXPECT_EQ(memory().used(), 0U);
    EXPECT_EQ(memory().waiting(), 0U);
  }

  [[nodiscard]] const Memory& memory() { return hub.broker().memory(); }

  // A request of about `bytes`, of which the hub has read the first 100.
  void begin(Peer& peer, std::size_t bytes) {
    peer.post_produce(batch_of({std::string(bytes, 'x')}));
    hub.receive(peer.link(), 100);
  }

  void fill(int batches) {
    for (int i = 0; i < batches; ++i) setup.produce(batch_of({std::string(30 * kKiB, 'x')}));
  }

  KafkaHub hub{with_room_for(400 * kKiB)};
  Peer setup{hub};
  Peer a{hub};
  Peer b{hub};
  Peer c{hub};
};

TEST_F(KafkaMemory, IsHeldByALargeRequestFromItsFirstBytesToItsHandling) {
  begin(a, 90 * kKiB);
  EXPECT_GT(memory().used(), 90 * kKiB);
  EXPECT_LT(memory().used(), 91 * kKiB);
  hub.run();
  EXPECT_EQ(a.take_produced().error_code, ErrorCode::none);
  EXPECT_EQ(memory().used(), 0U);
}

TEST_F(KafkaMemory, IsNotAskedForASmallRequest) {
  begin(a, 10 * kKiB);
  EXPECT_EQ(memory().used(), 0U);
  hub.run();
  EXPECT_EQ(a.take_produced().error_code, ErrorCode::none);
}

TEST_F(KafkaMemory, IsWaitedForUnreadWhenOthersHoldIt) {
  hub.limits.buffers_bytes_max = 150 * kKiB;
  hub.reload();
  begin(a, 90 * kKiB);
  begin(b, 90 * kKiB);
  EXPECT_FALSE(b.link().reading);
  EXPECT_EQ(memory().waiting(), 1U);
  EXPECT_LT(memory().used(), 100 * kKiB);
  hub.run();
  EXPECT_EQ(a.take_produced().base_offset, 0);
  EXPECT_EQ(b.take_produced().base_offset, 1);
}

TEST_F(KafkaMemory, IsGivenInTheOrderOfAskingThoughLessWouldDoForALaterOne) {
  hub.limits.buffers_bytes_max = 150 * kKiB;
  hub.reload();
  begin(a, 90 * kKiB);
  begin(b, 90 * kKiB);
  begin(c, 20 * kKiB);
  EXPECT_FALSE(c.link().reading);
  EXPECT_EQ(memory().waiting(), 2U);
  hub.run();
  EXPECT_EQ(b.take_produced().base_offset, 1);
  EXPECT_EQ(c.take_produced().base_offset, 2);
}

TEST_F(KafkaMemory, IsGivenBackByAConnectionThatGoes) {
  hub.limits.buffers_bytes_max = 150 * kKiB;
  hub.reload();
  begin(a, 90 * kKiB);
  begin(b, 90 * kKiB);
  begin(c, 90 * kKiB);
  hub.close(b.link());
  hub.close(a.link());
  hub.run();
  EXPECT_EQ(c.take_produced().base_offset, 0);
}

TEST_F(KafkaMemory, IsTakenFromAPeerThatDoesNotGoOnWhileOthersWait) {
  hub.limits.buffers_bytes_max = 150 * kKiB;
  hub.reload();
  begin(a, 90 * kKiB);
  a.link().reading = false;  // nothing more of it arrives
  for (int i = 0; i < 50; ++i) hub.advance(milliseconds(250));
  EXPECT_FALSE(a.closed()) << "nobody waits";
  begin(b, 90 * kKiB);
  hub.advance(milliseconds(0));
  hub.advance(milliseconds(9900));
  EXPECT_FALSE(a.closed());
  EXPECT_FALSE(b.answered());
  hub.advance(milliseconds(200));
  EXPECT_TRUE(a.closed());
  hub.run();
  EXPECT_EQ(b.take_produced().error_code, ErrorCode::none);
}

TEST_F(KafkaMemory, IsTakenTheSoonerTheMoreWait) {
  hub.limits.buffers_bytes_max = 150 * kKiB;
  hub.reload();
  std::vector<std::unique_ptr<Peer>> dead;
  for (int i = 0; i < 20; ++i) {
    begin(*dead.emplace_back(std::make_unique<Peer>(hub)), 90 * kKiB);
    dead.back()->link().to_hub.clear();
  }
  begin(a, 90 * kKiB);
  for (int i = 0; i < 200; ++i) hub.advance(milliseconds(250));
  EXPECT_EQ(a.take_produced().error_code, ErrorCode::none);
}

TEST_F(KafkaMemory, IsKeptByAPeerThatGoesOnHoweverSlowly) {
  hub.limits.buffers_bytes_max = 150 * kKiB;
  hub.reload();
  begin(a, 90 * kKiB);
  begin(b, 90 * kKiB);
  for (int i = 0; i < 10; ++i) {
    a.link().reading = true;
    hub.receive(a.link(), 1);
    a.link().reading = false;
    hub.advance(milliseconds(5000));
  }
  EXPECT_FALSE(a.closed());
  a.link().reading = true;
  hub.run();
  EXPECT_EQ(a.take_produced().base_offset, 0);
  EXPECT_EQ(b.take_produced().base_offset, 1);
}

TEST_F(KafkaMemory, IsHeldByAnAnswerUntilThePeerHasTakenIt) {
  fill(3);
  a.link().takes_answers = false;
  a.send_fetch({{}});
  hub.run();
  EXPECT_GT(memory().used(), 90 * kKiB);
  EXPECT_LT(memory().used(), 95 * kKiB);
  hub.drain(a.link());
  EXPECT_EQ(memory().used(), 0U);
}

TEST_F(KafkaMemory, IsNotHeldByAFetchThatWaitsForRecords) {
  for (Peer* p : {&a, &b, &c}) p->send_fetch({{}}, {1, 60'000});
  hub.run();
  EXPECT_EQ(memory().used(), 0U);
  setup.produce(batch_of({"x"}));
  for (Peer* p : {&a, &b, &c}) EXPECT_EQ(words(p->take_fetched().at(0).records.bytes).size(), 1U);
}

TEST_F(KafkaMemory, MakesAFetchDoWithLessWhenOthersHoldMost) {
  fill(6);
  hub.limits.buffers_bytes_max = 600 * kKiB;
  hub.reload();
  std::vector<std::size_t> got;
  for (Peer* p : {&a, &b, &c}) {
    p->link().takes_answers = false;
    p->send_fetch({{}});
    hub.run();
    got.push_back(p->link().to_client.size());
  }
  EXPECT_GT(got[0], 120 * kKiB);  // a quarter of what is free, but what may be one batch
  EXPECT_LT(got[0], 150 * kKiB);
  EXPECT_GT(got[2], 90 * kKiB);
  EXPECT_LT(got[2], 100 * kKiB);
}

TEST_F(KafkaMemory, IsWaitedForByAFetchWithoutReading) {
  hub.limits.buffers_bytes_max = 150 * kKiB;
  hub.reload();
  fill(4);
  a.link().takes_answers = false;
  a.send_fetch({{}});
  hub.run();
  const std::size_t reads = hub.reads_done;
  b.send_fetch({{}});
  hub.run();
  EXPECT_FALSE(b.answered());
  EXPECT_EQ(hub.reads_done, reads);
  hub.drain(a.link());
  hub.run();
  EXPECT_EQ(words(b.take_fetched().at(0).records.bytes).size(), 3U);
}

TEST_F(KafkaMemory, LetsAConnectionWithAnAnswerUnsentAskForNoMoreWhenItIsFull) {
  fill(3);
  hub.limits.buffers_bytes_max = 90 * kKiB;
  a.link().takes_answers = false;
  a.send_fetch({{}});
  hub.run();
  hub.reload();
  ASSERT_TRUE(hub.broker().memory().full());
  a.send(MetadataRequest{});
  b.send(MetadataRequest{});
  EXPECT_TRUE(b.answered());
  EXPECT_FALSE(a.link().reading);
  hub.drain(a.link());
  a.take_fetched();
  EXPECT_EQ(a.take<MetadataResponse>().topics.size(), 1U);
}

TEST_F(KafkaMemory, IsNotWaitedForByWhoHoldsSome) {
  begin(a, 10);
  hub.run();
  a.take_produced();
  a.send_fetch({{"t", 0, 1}}, {1, 60'000});
  begin(a, 90 * kKiB);  // behind the fetch that waits
  EXPECT_FALSE(a.link().reading);
  EXPECT_EQ(memory().used(), 0U);
  hub.advance(milliseconds(60'000));
  EXPECT_TRUE(a.take_fetched().at(0).records.bytes.empty());
  EXPECT_EQ(a.take_produced().base_offset, 1);
}

TEST_F(KafkaMemory, IsAllGivenToOneThatNeedsMoreThanThereIs) {
  hub.limits.buffers_bytes_max = 50 * kKiB;
  hub.reload();
  begin(a, 90 * kKiB);
  hub.run();
  EXPECT_EQ(a.take_produced().error_code, ErrorCode::none);
}

}  // namespace
}  // namespace runnel::kafka::test
