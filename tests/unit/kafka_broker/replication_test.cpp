// What a mirror's fetches are to the broker: the same records as for anybody, what groups have committed,
// and the word that acknowledgements wait for.
#include <gmock/gmock.h>

#include "hub/core/groups/offset_row.h"
#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class KafkaReplication : public ::testing::Test {
 protected:
  KafkaReplication() { ask_for(2, true); }

  void ask_for(std::uint32_t replicas, bool refuse) {
    core::TopicSpec spec{"t", 1, {}, replicas, refuse};
    hub.topics().configure({spec, {"free", 1}}, hub.filling());
    hub.reload();
  }

  void send_fetch(std::int64_t t, std::int64_t offsets, std::int32_t wait_ms = 500) {
    FetchRequest request;
    request.replica_id = 1;
    request.min_bytes = 1;
    request.max_wait_ms = wait_ms;
    const Uuid id = hub.broker().cluster().topic_id(hub.topics().find("t")->front());
    request.topics.push_back({{}, {{0, -1, t, -1, -1, 1 << 20}}, id});
    request.topics.push_back({{}, {{0, -1, offsets, -1, -1, 1 << 20}}, kGroupOffsetsId});
    mirror.send(request, kFetchById);
    hub.run();
  }

  // What comes at once, of the partition and of what groups have committed.
  std::pair<Words, std::int64_t> follow(std::int64_t t, std::int64_t offsets = 0) {
    send_fetch(t, offsets, 0);
    return taken();
  }

  std::pair<Words, std::int64_t> taken() {
    const auto got = mirror.take_fetched();
    if (got.size() != 2) return {};
    committed.clear();
    ByteView rest = got[1].records.bytes;
    for (const log::RecordView& r : records_of(rest)) {
      const auto row = r.value ? core::decode_offset_row(false, *r.value) : std::nullopt;
      committed.push_back(row ? std::string(row->key.group) + " " + std::string(row->key.topic) + " " + std::to_string(row->value.offset) : std::string(*r.key) + " gone");
    }
    return {words(got[0].records.bytes), got[1].high_watermark};
  }

  std::vector<log::RecordView> records_of(ByteView batches) {
    std::vector<log::RecordView> out;
    while (!batches.empty()) {
      const auto head = log::read_batch_head(batches);
      opened.push_back(*log::BatchRecords::open(batches.substr(0, head->bytes), 1 << 20));
      log::RecordView record;
      while (opened.back().next(record)) out.push_back(record);
      batches.remove_prefix(head->bytes);
    }
    return out;
  }

  void send_commit(std::int64_t offset, Text topic = "t") {
    OffsetCommitRequest request;
    request.group_id = "g";
    request.generation_id = -1;
    OffsetCommitRequest::Partition p;
    p.index = 0;
    p.committed_offset = offset;
    request.topics.push_back({topic, {p}});
    peer.send(request);
    hub.run();
  }

  ErrorCode take_commit() {
    return peer.take<OffsetCommitResponse>().topics.at(0).partitions.at(0).error_code;
  }

  KafkaHub hub;
  Peer peer{hub};
  Peer mirror{hub};
  std::deque<log::BatchRecords> opened;
  std::vector<std::string> committed;
};

TEST_F(KafkaReplication, AnAcknowledgementOfAllWaitsUntilAMirrorSaysThatItHasTheRecord) {
  follow(0);
  peer.send_produce(batch_of({"a"}));
  hub.run();
  EXPECT_FALSE(peer.answered());
  EXPECT_THAT(follow(0).first, ElementsAre("0=a"));
  EXPECT_FALSE(peer.answered()) << "it was sent, that is all";
  follow(1);
  ASSERT_TRUE(peer.answered());
  EXPECT_EQ(peer.take_produced().error_code, ErrorCode::none);
}

TEST_F(KafkaReplication, AcksOfOneAndOtherTopicsDoNotWait) {
  follow(0);
  peer.send_produce(batch_of({"a"}), {}, 1);
  hub.run();
  EXPECT_EQ(peer.take_produced().error_code, ErrorCode::none);
  EXPECT_EQ(peer.produce(batch_of({"a"}), {"free", 0}).error_code, ErrorCode::none);
}

TEST_F(KafkaReplication, AWaitingFetchOfAMirrorIsAnsweredByTheCommit) {
  send_fetch(0, 0);
  peer.send_produce(batch_of({"a"}));
  hub.run();
  ASSERT_TRUE(mirror.answered());
  EXPECT_THAT(taken().first, ElementsAre("0=a"));
  EXPECT_FALSE(peer.answered()) << "the fetch that was answered asked from in front of it";
}

TEST_F(KafkaReplication, WithoutAMirrorRecordsAreRefused) {
  const auto refused = peer.produce(batch_of({"a"}));
  EXPECT_EQ(refused.error_code, ErrorCode::not_enough_replicas);
  EXPECT_EQ(peer.fetch({{}}, {0}).at(0).high_watermark, 0);
}

TEST_F(KafkaReplication, AMirrorThatGoesAwayIsToldInTimeAndTheRetryWaitsToo) {
  follow(0);
  const Bytes batch = stamped(batch_of({"a"}), 5, 0, 0);
  peer.send_produce(batch);
  hub.run();
  hub.advance(milliseconds(9'900));
  EXPECT_FALSE(peer.answered());
  hub.advance(milliseconds(200));
  EXPECT_EQ(peer.take_produced().error_code, ErrorCode::not_enough_replicas_after_append);
  EXPECT_EQ(peer.produce(batch).error_code, ErrorCode::not_enough_replicas);
  follow(0);
  follow(0);
  hub.advance(milliseconds(1));
  follow(1);
  peer.send_produce(stamped(batch_of({"b"}), 5, 0, 1));
  peer.send_produce(batch);
  hub.run();
  EXPECT_FALSE(peer.answered()) << "the repeat waits for all that there is";
  follow(2);
  EXPECT_EQ(peer.take_produced().error_code, ErrorCode::none);
  const auto repeated = peer.take_produced();
  EXPECT_EQ(repeated.error_code, ErrorCode::none);
  EXPECT_EQ(repeated.base_offset, 0);
}

TEST_F(KafkaReplication, WhereTheTopicGoesOnItGoesOn) {
  ask_for(2, false);
  EXPECT_EQ(peer.produce(batch_of({"a"})).error_code, ErrorCode::none);
  EXPECT_THAT(hub.replicas.short_of(), ElementsAre("t"));
  follow(1);
  peer.send_produce(batch_of({"b"}));
  hub.run();
  EXPECT_FALSE(peer.answered());
  follow(2);
  EXPECT_EQ(peer.take_produced().error_code, ErrorCode::none);
}

TEST_F(KafkaReplication, WhatGroupsCommitIsFollowedAndWaitedFor) {
  follow(0);
  send_commit(3, "free");
  EXPECT_EQ(take_commit(), ErrorCode::none) << "nobody asked for mirrors of that topic";
  send_commit(7);
  EXPECT_FALSE(peer.answered());
  const std::int64_t end = follow(0).second;
  EXPECT_THAT(committed, ElementsAre("g free 3", "g t 7"));
  EXPECT_FALSE(peer.answered());
  follow(0, end);
  EXPECT_THAT(committed, IsEmpty());
  EXPECT_EQ(take_commit(), ErrorCode::none);
}

TEST_F(KafkaReplication, OfAnOffsetTheLastWordIsFollowed) {
  ask_for(1, true);
  follow(0);
  for (const std::int64_t at : {1, 2, 3}) {
    send_commit(at);
    EXPECT_EQ(take_commit(), ErrorCode::none);
  }
  const std::int64_t end = follow(0).second;
  EXPECT_THAT(committed, ElementsAre("g t 3"));
  send_fetch(0, end);
  EXPECT_FALSE(mirror.answered());
  send_commit(4);
  ASSERT_TRUE(mirror.answered()) << "a commit wakes the mirror";
  (void)taken();
  EXPECT_THAT(committed, ElementsAre("g t 4"));
  EXPECT_EQ(take_commit(), ErrorCode::none);
  DeleteGroupsRequest gone;
  gone.group_ids.emplace_back("g");
  (void)peer.ask<DeleteGroupsResponse>(gone);
  follow(0, end);
  ASSERT_EQ(committed.size(), 1U);
  EXPECT_THAT(committed.front(), ::testing::EndsWith("gone"));
}

TEST_F(KafkaReplication, AfterARestartEverythingIsToldAnew) {
  ask_for(1, true);
  follow(0);
  send_commit(4);
  const std::int64_t end = follow(0).second;
  (void)take_commit();
  hub.restart();
  peer.reconnect();
  mirror.reconnect();
  ask_for(2, true);
  const std::int64_t now = follow(0, end).second;
  EXPECT_GT(now, end);
  EXPECT_THAT(committed, ElementsAre("g t 4"));
}

TEST_F(KafkaReplication, ConsumersAreNotShownWhatGroupsCommit) {
  FetchRequest request;
  request.topics.push_back({{}, {{0, -1, 0, -1, -1, 1 << 20}}, kGroupOffsetsId});
  peer.send(request, kFetchById);
  hub.run();
  EXPECT_EQ(peer.take_fetched().at(0).error_code, ErrorCode::unknown_topic_id);
  EXPECT_THAT(hub.replicas.mirrors(hub.now()), IsEmpty()) << "a consumer is no mirror";
}

TEST_F(KafkaReplication, AMirrorThatSaysItHasMoreThanThereIsHasSomethingElse) {
  send_fetch(5, 0, 0);
  EXPECT_EQ(mirror.take_fetched().at(0).error_code, ErrorCode::offset_out_of_range);
  EXPECT_EQ(peer.produce(batch_of({"a"})).error_code, ErrorCode::not_enough_replicas);
}

TEST_F(KafkaReplication, WithoutAMirrorACommitIsRefusedAtOnceAndATransactionStaysOpen) {
  send_commit(1);
  EXPECT_EQ(take_commit(), ErrorCode::coordinator_not_available);
  InitProducerIdRequest init;
  init.transactional_id = "x";
  init.transaction_timeout_ms = 60'000;
  const auto who = peer.ask<InitProducerIdResponse>(init);
  AddPartitionsToTxnRequest add;
  add.transactional_id = "x";
  add.producer_id = who.producer_id;
  add.topics.push_back({"t", {0}});
  (void)peer.ask<AddPartitionsToTxnResponse>(add);
  EndTxnRequest end;
  end.transactional_id = "x";
  end.producer_id = who.producer_id;
  end.committed = true;
  EXPECT_EQ(peer.ask<EndTxnResponse>(end).error_code, ErrorCode::coordinator_not_available);
  end.committed = false;
  EXPECT_EQ(peer.ask<EndTxnResponse>(end).error_code, ErrorCode::none);
}

TEST_F(KafkaReplication, ATransactionDoesNotTouchAMirror) {
  InitProducerIdRequest init;
  init.transactional_id = "x";
  init.transaction_timeout_ms = 60'000;
  const auto who = peer.ask<InitProducerIdResponse>(init);
  const PartitionId free = hub.topics().find("free")->front();
  AddPartitionsToTxnRequest add;
  add.transactional_id = "x";
  add.producer_id = who.producer_id;
  add.topics.push_back({"free", {0}});
  EXPECT_EQ(peer.ask<AddPartitionsToTxnResponse>(add).topics.at(0).partitions.at(0).error_code, ErrorCode::none);
  hub.replicas.set_mirrored({free});
  EndTxnRequest end;
  end.transactional_id = "x";
  end.producer_id = who.producer_id;
  EXPECT_EQ(peer.ask<EndTxnResponse>(end).error_code, ErrorCode::none);
  EXPECT_EQ(hub.files.log().range(free).high_watermark, Offset(0)) << "no marker stands there";
  const auto refused = peer.ask<AddPartitionsToTxnResponse>(add);
  EXPECT_EQ(refused.topics.at(0).partitions.at(0).error_code, ErrorCode::topic_authorization_failed);
}

TEST_F(KafkaReplication, ATopicThatIsAMirrorTakesNoRecordsOfOthers) {
  hub.replicas.set_mirrored({hub.topics().find("free")->front()});
  const auto refused = peer.produce(batch_of({"a"}), {"free", 0});
  EXPECT_EQ(refused.error_code, ErrorCode::policy_violation);
  EXPECT_THAT(std::string(*refused.error_message), ::testing::HasSubstr("mirror"));
}

TEST_F(KafkaReplication, TheEndOfATransactionWaitsForWhatItTouched) {
  follow(0);
  InitProducerIdRequest init;
  init.transactional_id = "x";
  init.transaction_timeout_ms = 60'000;
  const auto who = peer.ask<InitProducerIdResponse>(init);
  ASSERT_EQ(who.error_code, ErrorCode::none);
  AddPartitionsToTxnRequest add;
  add.transactional_id = "x";
  add.producer_id = who.producer_id;
  add.producer_epoch = who.producer_epoch;
  add.topics.push_back({"t", {0}});
  (void)peer.ask<AddPartitionsToTxnResponse>(add);
  EndTxnRequest end;
  end.transactional_id = "x";
  end.producer_id = who.producer_id;
  end.producer_epoch = who.producer_epoch;
  end.committed = true;
  peer.send(end);
  hub.run();
  EXPECT_FALSE(peer.answered());
  follow(1);
  EXPECT_EQ(peer.take<EndTxnResponse>().error_code, ErrorCode::none);
}

}  // namespace
}  // namespace runnel::kafka::test
