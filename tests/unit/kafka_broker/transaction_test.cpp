// Transactions as a producer, its rival and a consumer see them on the wire.
#include <gmock/gmock.h>

#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Identity {
  std::int64_t id = -1;
  std::int16_t epoch = -1;
};

struct KafkaTransactions : ::testing::Test {
  KafkaTransactions() {
    peer.create("t", 2);
    peer.create("in", 1);
  }

  // --- requests ---

  InitProducerIdResponse init(
      std::string_view id = "tx",
      std::int32_t timeout_ms = 60'000,
      Identity caller = {},
      Version version = InitProducerIdRequest::kApi.max
  ) {
    InitProducerIdRequest request;
    request.transactional_id = id;
    request.transaction_timeout_ms = timeout_ms;
    request.producer_id = caller.id;
    request.producer_epoch = caller.epoch;
    return peer.ask<InitProducerIdResponse>(request, version);
  }

  Identity begin(std::string_view id = "tx", std::int32_t timeout_ms = 60'000) {
    const auto answer = init(id, timeout_ms);
    EXPECT_EQ(answer.error_code, ErrorCode::none);
    sequence[answer.producer_id] = {};
    return {answer.producer_id, answer.producer_epoch};
  }

  ErrorCode add(
      Identity who,
      std::int32_t index = 0,
      std::string_view id = "tx",
      Version version = AddPartitionsToTxnRequest::kApi.max
  ) {
    AddPartitionsToTxnRequest request;
    request.transactional_id = id;
    request.producer_id = who.id;
    request.producer_epoch = who.epoch;
    request.topics.push_back({"t", {index}});
    const auto answer = peer.ask<AddPartitionsToTxnResponse>(request, version);
    return answer.topics.at(0).partitions.at(0).error_code;
  }

  ProduceRequest produce_request(
      const Bytes& batch, std::int32_t index, NullableText id
  ) {
    ProduceRequest request;
    request.acks = -1;
    request.transactional_id = id;
    request.topics.push_back({"t", {{index, Blob{batch}}}});
    return request;
  }

  Bytes batch(Identity who, const std::string& value, std::int32_t index = 0) {
    const std::int32_t at = sequence[who.id][index]++;
    return runnel::test::with_field<std::uint16_t>(
        stamped(batch_of({value}), who.id, who.epoch, at),
        log::head::kAttributesAt,
        log::head::kTransactionalBit
    );
  }

  ErrorCode write(
      Identity who, const std::string& value, std::int32_t index = 0, NullableText id = "tx"
  ) {
    const Bytes bytes = batch(who, value, index);
    const auto answer = peer.ask<ProduceResponse>(produce_request(bytes, index, id));
    return answer.topics.at(0).partitions.at(0).error_code;
  }

  EndTxnRequest end_request(Identity who, bool commit, std::string_view id = "tx") {
    EndTxnRequest request;
    request.transactional_id = id;
    request.producer_id = who.id;
    request.producer_epoch = who.epoch;
    request.committed = commit;
    return request;
  }

  ErrorCode end(
      Identity who, bool commit, std::string_view id = "tx",
      Version version = EndTxnRequest::kApi.max
  ) {
    return peer.ask<EndTxnResponse>(end_request(who, commit, id), version).error_code;
  }

  ErrorCode add_group(
      Identity who, std::string_view group = "g", std::string_view id = "tx"
  ) {
    AddOffsetsToTxnRequest request;
    request.transactional_id = id;
    request.producer_id = who.id;
    request.producer_epoch = who.epoch;
    request.group_id = group;
    return peer.ask<AddOffsetsToTxnResponse>(request).error_code;
  }

  ErrorCode commit_offset(Identity who, std::int64_t offset, std::string_view group = "g") {
    TxnOffsetCommitRequest request;
    request.transactional_id = "tx";
    request.group_id = group;
    request.producer_id = who.id;
    request.producer_epoch = who.epoch;
    request.topics.push_back({"in", {{0, offset, -1, "note"}}});
    const auto answer = peer.ask<TxnOffsetCommitResponse>(request);
    return answer.topics.at(0).partitions.at(0).error_code;
  }

  // The offset of the group, or an error below -1.
  std::int64_t committed_offset(bool stable = false) {
    OffsetFetchRequest request;
    request.require_stable = stable;
    request.groups.push_back({"g", std::nullopt, -1, {{{"in", {0}}}}});
    const auto answer = peer.ask<OffsetFetchResponse>(request);
    const auto& p = answer.groups.at(0).topics.at(0).partitions.at(0);
    return p.error_code == ErrorCode::none ? p.committed_offset
                                           : -static_cast<std::int64_t>(p.error_code);
  }

  // --- consumers ---

  FetchRequest fetch_request(std::int32_t index, std::int64_t offset, std::int32_t wait_ms) {
    FetchRequest request;
    request.isolation_level = 1;
    request.min_bytes = 1;
    request.max_wait_ms = wait_ms;
    request.max_bytes = 1 << 20;
    request.topics.push_back({"t", {{index, -1, offset, -1, -1, 1 << 20}}, {}});
    return request;
  }

  FetchResponse::Partition fetch(std::int32_t index = 0, std::int64_t offset = 0) {
    const auto answer =
        consumer.ask<FetchResponse>(fetch_request(index, offset, 0), kFetchByName);
    return answer.topics.at(0).partitions.at(0);
  }

  // Records in front of the last stable offset, those of aborted transactions included, without the
  // markers.
  Words stable(std::int32_t index = 0) {
    Words out;
    for (const std::string& word : words(fetch(index).records.bytes)) {
      if (word.find('\0') == std::string::npos) out.push_back(word);
    }
    return out;
  }

  std::vector<std::int64_t> aborted_from(std::int32_t index = 0) {
    std::vector<std::int64_t> out;
    const auto partition = fetch(index);
    EXPECT_TRUE(partition.aborted_transactions);
    for (const auto& a : *partition.aborted_transactions) out.push_back(a.first_offset);
    return out;
  }

  std::string state(std::string_view id = "tx") {
    DescribeTransactionsRequest request;
    request.transactional_ids.push_back(id);
    const auto answer = peer.ask<DescribeTransactionsResponse>(request);
    return std::string(answer.transaction_states.at(0).transaction_state);
  }

  void restart() {
    hub.restart();
    peer.reconnect();
    consumer.reconnect();
  }

  KafkaHub hub;
  Peer peer{hub};
  Peer consumer{hub};
  std::map<std::int64_t, std::map<std::int32_t, std::int32_t>> sequence;
};

// --- the straight walk ---

TEST_F(KafkaTransactions, AreSeenWholeAtTheirEnd) {
  const Identity me = begin();
  ASSERT_EQ(add(me, 0), ErrorCode::none);
  ASSERT_EQ(add(me, 1), ErrorCode::none);
  ASSERT_EQ(write(me, "a"), ErrorCode::none);
  ASSERT_EQ(write(me, "b", 1), ErrorCode::none);
  EXPECT_THAT(stable(), IsEmpty());
  EXPECT_EQ(fetch().last_stable_offset, 0);
  EXPECT_EQ(fetch().high_watermark, 1);
  EXPECT_EQ(state(), "Ongoing");
  ASSERT_EQ(end(me, true), ErrorCode::none);
  EXPECT_THAT(stable(), ElementsAre("0=a"));
  EXPECT_THAT(stable(1), ElementsAre("0=b"));
  EXPECT_THAT(aborted_from(), IsEmpty());
  EXPECT_EQ(state(), "CompleteCommit");
}

TEST_F(KafkaTransactions, ThatAreAbortedAreNamedToConsumers) {
  const Identity me = begin();
  ASSERT_EQ(add(me), ErrorCode::none);
  ASSERT_EQ(write(me, "a"), ErrorCode::none);
  ASSERT_EQ(end(me, false), ErrorCode::none);
  EXPECT_THAT(aborted_from(), ElementsAre(0));
  EXPECT_EQ(state(), "CompleteAbort");
  ASSERT_EQ(add(me), ErrorCode::none) << "the next one";
  ASSERT_EQ(write(me, "b"), ErrorCode::none);
  ASSERT_EQ(end(me, true), ErrorCode::none);
  EXPECT_THAT(stable(), ElementsAre("0=a", "2=b"));
  EXPECT_THAT(aborted_from(), ElementsAre(0));
}

TEST_F(KafkaTransactions, TheEndIsAnsweredAfterItsCommit) {
  const Identity me = begin();
  ASSERT_EQ(add(me), ErrorCode::none);
  peer.send(end_request(me, true));
  EXPECT_FALSE(peer.answered());
  ASSERT_TRUE(hub.commit());
  EXPECT_FALSE(peer.answered());
  ASSERT_TRUE(hub.settle());
  EXPECT_EQ(peer.take<EndTxnResponse>().error_code, ErrorCode::none);
}

TEST_F(KafkaTransactions, AWaitingConsumerIsWokenByTheEnd) {
  const Identity me = begin();
  ASSERT_EQ(add(me), ErrorCode::none);
  consumer.send(fetch_request(0, 0, 10'000), kFetchByName);
  hub.run();
  ASSERT_EQ(write(me, "a"), ErrorCode::none);
  EXPECT_FALSE(consumer.answered());
  ASSERT_EQ(end(me, true), ErrorCode::none);
  ASSERT_TRUE(consumer.answered());
  const auto answer = consumer.take<FetchResponse>();
  EXPECT_THAT(words(answer.topics.at(0).partitions.at(0).records.bytes), SizeIs(2));
}

TEST_F(KafkaTransactions, LatestIsTheLastStableOffsetForReadersOfCommittedRecords) {
  const Identity me = begin();
  ASSERT_EQ(add(me), ErrorCode::none);
  ASSERT_EQ(write(me, "a"), ErrorCode::none);
  ListOffsetsRequest request;
  request.topics.push_back({"t", {{0, -1, kLatestOffset}}});
  for (const std::int8_t isolation : {std::int8_t{0}, std::int8_t{1}}) {
    request.isolation_level = isolation;
    const auto answer = peer.ask<ListOffsetsResponse>(request);
    EXPECT_EQ(answer.topics.at(0).partitions.at(0).offset, isolation == 0 ? 1 : 0);
  }
}

// --- who may ---

TEST_F(KafkaTransactions, TheNextUserOfAnIdFencesTheLastAndAbortsWhatItLeft) {
  const Identity first = begin();
  ASSERT_EQ(add(first), ErrorCode::none);
  ASSERT_EQ(write(first, "a"), ErrorCode::none);
  const Identity second = begin();
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.epoch, first.epoch + 1);
  EXPECT_THAT(aborted_from(), ElementsAre(0));
  EXPECT_EQ(add(first), ErrorCode::producer_fenced);
  EXPECT_EQ(add(first, 0, "tx", 1), ErrorCode::invalid_producer_epoch) << "an old client";
  EXPECT_EQ(end(first, true), ErrorCode::producer_fenced);
  EXPECT_EQ(write(first, "late"), ErrorCode::invalid_producer_epoch);
  ASSERT_EQ(add(second), ErrorCode::none);
  sequence[second.id].clear();
  ASSERT_EQ(write(second, "b"), ErrorCode::none);
  ASSERT_EQ(end(second, true), ErrorCode::none);
  EXPECT_THAT(stable(), ElementsAre("0=a", "2=b"));
}

TEST_F(KafkaTransactions, AProducerGoesOnWithItsOwnIdentityAfterAnError) {
  const Identity me = begin();
  const auto next = init("tx", 60'000, me);
  EXPECT_EQ(next.producer_epoch, me.epoch + 1);
  const auto again = init("tx", 60'000, me);
  EXPECT_EQ(again.error_code, ErrorCode::none) << "the answer was lost";
  EXPECT_EQ(again.producer_epoch, next.producer_epoch);
  begin();
  EXPECT_EQ(init("tx", 60'000, me).error_code, ErrorCode::producer_fenced);
  EXPECT_EQ(init("tx", 60'000, me, 3).error_code, ErrorCode::invalid_producer_epoch);
}

TEST_F(KafkaTransactions, ARecordOutsideATransactionIsRefused) {
  const Identity me = begin();
  EXPECT_EQ(write(me, "a"), ErrorCode::invalid_txn_state) << "none is open";
  sequence.clear();
  ASSERT_EQ(add(me, 0), ErrorCode::none);
  EXPECT_EQ(write(me, "b", 1), ErrorCode::invalid_txn_state) << "not in this partition";
  EXPECT_EQ(write(me, "c", 0, std::nullopt), ErrorCode::invalid_txn_state) << "no id";
  EXPECT_EQ(write(me, "d", 0, "other"), ErrorCode::invalid_producer_id_mapping);
  EXPECT_THAT(stable(), IsEmpty());
  EXPECT_THAT(stable(1), IsEmpty());
}

TEST_F(KafkaTransactions, WrongIdsTimeoutsAndStatesAreNamed) {
  EXPECT_EQ(init("").error_code, ErrorCode::invalid_request);
  EXPECT_EQ(init("tx", 0).error_code, ErrorCode::invalid_transaction_timeout);
  EXPECT_EQ(init("tx", 15 * 60'000 + 1).error_code, ErrorCode::invalid_transaction_timeout);
  const Identity me = begin();
  EXPECT_EQ(end(me, true), ErrorCode::invalid_txn_state) << "nothing was begun";
  EXPECT_EQ(end(me, true, "nobody"), ErrorCode::invalid_producer_id_mapping);
  EXPECT_EQ(add({me.id + 1, 0}), ErrorCode::invalid_producer_id_mapping);
  ASSERT_EQ(add(me), ErrorCode::none);
  ASSERT_EQ(end(me, true), ErrorCode::none);
  EXPECT_EQ(end(me, true), ErrorCode::none) << "the answer was lost";
  EXPECT_EQ(end(me, false), ErrorCode::invalid_txn_state);
}

TEST_F(KafkaTransactions, PartitionsAreAddedAllOrNone) {
  const Identity me = begin();
  AddPartitionsToTxnRequest request;
  request.transactional_id = "tx";
  request.producer_id = me.id;
  request.producer_epoch = me.epoch;
  request.topics.push_back({"t", {0, 7}});
  const auto answer = peer.ask<AddPartitionsToTxnResponse>(request);
  EXPECT_EQ(answer.topics.at(0).partitions.at(0).error_code, ErrorCode::operation_not_attempted);
  EXPECT_EQ(answer.topics.at(0).partitions.at(1).error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(state(), "Empty");
}

TEST_F(KafkaTransactions, WhileAnEndIsOnItsWayOthersAreAskedToWait) {
  const Identity me = begin();
  ASSERT_EQ(add(me), ErrorCode::none);
  peer.send(end_request(me, true));
  Peer rival(hub);
  InitProducerIdRequest request;
  request.transactional_id = "tx";
  request.transaction_timeout_ms = 60'000;
  rival.send(request);
  EXPECT_EQ(rival.take<InitProducerIdResponse>().error_code, ErrorCode::concurrent_transactions);
  hub.run();
  EXPECT_EQ(peer.take<EndTxnResponse>().error_code, ErrorCode::none);
  EXPECT_EQ(rival.ask<InitProducerIdResponse>(request).error_code, ErrorCode::none);
}

TEST_F(KafkaTransactions, WhenEpochsAreUsedUpThereIsANewProducerId) {
  Identity me = begin();
  Identity next = me;
  for (int i = 0; i < 40'000 && next.id == me.id; ++i) {
    me = next;
    const auto answer = init("tx", 60'000);
    ASSERT_EQ(answer.error_code, ErrorCode::none);
    next = {answer.producer_id, answer.producer_epoch};
  }
  EXPECT_EQ(me.epoch, 32'766);
  EXPECT_NE(next.id, me.id);
  EXPECT_EQ(next.epoch, 0);
}

// --- offsets ---

TEST_F(KafkaTransactions, OffsetsAreSeenAtTheEndOrNever) {
  const Identity me = begin();
  ASSERT_EQ(add_group(me), ErrorCode::none);
  ASSERT_EQ(commit_offset(me, 5), ErrorCode::none);
  EXPECT_EQ(committed_offset(), -1);
  EXPECT_EQ(committed_offset(true), -88) << "unstable";
  ASSERT_EQ(end(me, true), ErrorCode::none);
  EXPECT_EQ(committed_offset(true), 5);
  ASSERT_EQ(add_group(me), ErrorCode::none);
  ASSERT_EQ(commit_offset(me, 9), ErrorCode::none);
  ASSERT_EQ(end(me, false), ErrorCode::none);
  EXPECT_EQ(committed_offset(true), 5);
}

TEST_F(KafkaTransactions, OffsetsOfAGroupThatWasNotAddedAreRefused) {
  const Identity me = begin();
  ASSERT_EQ(add_group(me), ErrorCode::none);
  EXPECT_EQ(commit_offset(me, 5, "other"), ErrorCode::invalid_txn_state);
}

// --- crashes and time ---

TEST_F(KafkaTransactions, GoOnAfterARestart) {
  const Identity me = begin();
  ASSERT_EQ(add(me), ErrorCode::none);
  ASSERT_EQ(write(me, "a"), ErrorCode::none);
  ASSERT_EQ(add_group(me), ErrorCode::none);
  ASSERT_EQ(commit_offset(me, 5), ErrorCode::none);
  restart();
  EXPECT_EQ(state(), "Ongoing");
  EXPECT_EQ(fetch().last_stable_offset, 0);
  EXPECT_EQ(committed_offset(true), -88);
  ASSERT_EQ(write(me, "b"), ErrorCode::none);
  ASSERT_EQ(end(me, true), ErrorCode::none);
  EXPECT_THAT(stable(), ElementsAre("0=a", "1=b"));
  EXPECT_EQ(committed_offset(true), 5);
}

TEST_F(KafkaTransactions, AnEndThatWasNotCommittedIsNone) {
  const Identity me = begin();
  ASSERT_EQ(add(me), ErrorCode::none);
  ASSERT_EQ(write(me, "a"), ErrorCode::none);
  peer.send(end_request(me, true));
  restart();
  EXPECT_EQ(state(), "Ongoing");
  EXPECT_THAT(stable(), IsEmpty());
  EXPECT_EQ(end(me, true), ErrorCode::none);
  EXPECT_THAT(stable(), ElementsAre("0=a"));
}

TEST_F(KafkaTransactions, ThatTakeTooLongAreAbortedAndTheirProducerIsFenced) {
  const Identity me = begin("tx", 10'000);
  ASSERT_EQ(add(me), ErrorCode::none);
  ASSERT_EQ(write(me, "a"), ErrorCode::none);
  ASSERT_EQ(add_group(me), ErrorCode::none);
  ASSERT_EQ(commit_offset(me, 5), ErrorCode::none);
  hub.advance(seconds(9));
  EXPECT_EQ(state(), "Ongoing");
  hub.advance(seconds(2));
  EXPECT_EQ(state(), "CompleteAbort");
  EXPECT_THAT(aborted_from(), ElementsAre(0));
  EXPECT_EQ(committed_offset(true), -1);
  EXPECT_EQ(write(me, "late"), ErrorCode::invalid_producer_epoch);
  EXPECT_EQ(end(me, true), ErrorCode::producer_fenced);
}

TEST_F(KafkaTransactions, TimeRunsOnWhileTheHubIsDown) {
  const Identity me = begin("tx", 10'000);
  ASSERT_EQ(add(me), ErrorCode::none);
  ASSERT_EQ(write(me, "a"), ErrorCode::none);
  restart();
  hub.advance(seconds(11));
  EXPECT_EQ(state(), "CompleteAbort");
  EXPECT_EQ(fetch().last_stable_offset, fetch().high_watermark);
}

TEST_F(KafkaTransactions, WhoseRowIsLostAreAbortedAtTheNextStart) {
  const Identity me = begin();
  ASSERT_EQ(add(me), ErrorCode::none);
  ASSERT_EQ(write(me, "a"), ErrorCode::none);
  ASSERT_EQ(add_group(me), ErrorCode::none);
  ASSERT_EQ(commit_offset(me, 5), ErrorCode::none);
  hub.put_state(core::transaction_row_name("tx"), "noise");
  restart();
  EXPECT_EQ(fetch().last_stable_offset, fetch().high_watermark);
  EXPECT_THAT(aborted_from(), ElementsAre(0));
  EXPECT_EQ(committed_offset(true), -1);
}

TEST_F(KafkaTransactions, WhoseEndTheFullLogRefusesStayOpenAndEndLater) {
  const Identity me = begin();
  ASSERT_EQ(add(me), ErrorCode::none);
  ASSERT_EQ(write(me, "a"), ErrorCode::none);
  hub.files.options.reject_when_full = true;
  hub.files.options.limit_bytes = 8 * runnel::test::kMiB;
  hub.files.log().set_limits(hub.files.options);
  for (const std::size_t bytes : {200'000U, 1U}) {
    while (peer.produce(batch_of({std::string(bytes, 'x')}), {"t", 1}).error_code ==
           ErrorCode::none) {
    }
  }
  EXPECT_EQ(end(me, true), ErrorCode::coordinator_not_available);
  EXPECT_EQ(state(), "Ongoing");
  EXPECT_THAT(stable(), IsEmpty());
  hub.files.options.limit_bytes = 32 * runnel::test::kMiB;
  hub.files.log().set_limits(hub.files.options);
  EXPECT_EQ(end(me, true), ErrorCode::none);
  EXPECT_THAT(stable(), ElementsAre("0=a"));
}

TEST_F(KafkaTransactions, OfOffsetsAloneNeedNoRoomForRecords) {
  const Identity me = begin();
  ASSERT_EQ(add_group(me), ErrorCode::none);
  ASSERT_EQ(commit_offset(me, 5), ErrorCode::none);
  hub.files.options.reject_when_full = true;
  hub.files.options.limit_bytes = 8 * runnel::test::kMiB;
  hub.files.log().set_limits(hub.files.options);
  for (const std::size_t bytes : {200'000U, 1U}) {
    while (peer.produce(batch_of({std::string(bytes, 'x')}), {"t", 1}).error_code ==
           ErrorCode::none) {
    }
  }
  EXPECT_EQ(end(me, true), ErrorCode::none);
  EXPECT_EQ(committed_offset(true), 5);
  EXPECT_EQ(init("another").error_code, ErrorCode::none);
}

TEST_F(KafkaTransactions, OfManyOffsetsEndInOneCommitOrAreNotTaken) {
  const Identity me = begin();
  ASSERT_EQ(add_group(me), ErrorCode::none);
  const std::string metadata(4000, 'm');
  TxnOffsetCommitRequest request;
  request.transactional_id = "tx";
  request.group_id = "g";
  request.producer_id = me.id;
  request.producer_epoch = me.epoch;
  request.generation_id = -1;
  auto& topic = request.topics.emplace_back();
  topic.name = "t";
  for (int i = 0; i < 300; ++i) {
    auto& p = topic.partitions.emplace_back();
    p.index = 0;
    p.committed_offset = i;
    p.metadata = metadata;
  }
  const auto answer = peer.ask<TxnOffsetCommitResponse>(request);
  EXPECT_EQ(
      answer.topics.at(0).partitions.at(0).error_code, ErrorCode::invalid_commit_offset_size
  );
}

TEST_F(KafkaTransactions, TakeNoGroupIdLongerThanGroupsMayHave) {
  const Identity me = begin();
  EXPECT_EQ(add_group(me, std::string(2000, 'g')), ErrorCode::invalid_group_id);
}

TEST_F(KafkaTransactions, TogetherAreBounded) {
  hub.limits.generation_bytes = runnel::test::kMiB;
  restart();
  const std::string group(1000, 'g');
  ErrorCode answer = ErrorCode::none;
  int added = 0;
  for (int id = 0; id < 100 && answer == ErrorCode::none; ++id) {
    const std::string name = "tx" + std::to_string(id);
    const Identity me = begin(name);
    for (int i = 0; i < 60 && answer == ErrorCode::none; ++i, ++added) {
      answer = add_group(me, group + std::to_string(i), name);
    }
  }
  EXPECT_EQ(answer, ErrorCode::invalid_request);
  EXPECT_NEAR(added, 65, 5);
}

TEST_F(KafkaTransactions, AreDescribedOnceHoweverOftenTheyAreAskedFor) {
  begin();
  DescribeTransactionsRequest request;
  request.transactional_ids = {"tx", "tx", "tx"};
  EXPECT_THAT(peer.ask<DescribeTransactionsResponse>(request).transaction_states, SizeIs(1));
  DescribeProducersRequest producers;
  producers.topics = {{"t", {0, 0, 1}}, {"t", {0}}};
  const auto answer = peer.ask<DescribeProducersResponse>(producers);
  ASSERT_THAT(answer.topics, SizeIs(1));
  EXPECT_THAT(answer.topics[0].partitions, SizeIs(2));
}

TEST_F(KafkaTransactions, AnIdThatNobodyUsesIsForgotten) {
  begin();
  hub.advance(std::chrono::hours(24 * 7 + 1));
  restart();
  EXPECT_EQ(state(), "");
}

TEST_F(KafkaTransactions, ProducersAreDescribedWithWhereTheirTransactionBegan) {
  const Identity me = begin();
  ASSERT_EQ(add(me), ErrorCode::none);
  peer.produce(batch_of({"plain"}));
  ASSERT_EQ(write(me, "a"), ErrorCode::none);
  DescribeProducersRequest request;
  request.topics.push_back({"t", {0, 1, 9}});
  const auto answer = peer.ask<DescribeProducersResponse>(request);
  const auto& partitions = answer.topics.at(0).partitions;
  ASSERT_THAT(partitions.at(0).active_producers, SizeIs(1));
  const auto& producer = partitions[0].active_producers[0];
  EXPECT_EQ(producer.producer_id, me.id);
  EXPECT_EQ(producer.last_sequence, 0);
  EXPECT_EQ(producer.current_txn_start_offset, 1);
  EXPECT_THAT(partitions.at(1).active_producers, IsEmpty());
  EXPECT_EQ(partitions.at(2).error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(KafkaTransactions, AreListedByState) {
  const Identity me = begin("one");
  begin("two");
  ASSERT_EQ(add(me, 0, "one"), ErrorCode::none);
  ListTransactionsRequest request;
  request.state_filters = {"Ongoing", "Nonsense"};
  const auto answer = peer.ask<ListTransactionsResponse>(request);
  ASSERT_THAT(answer.transaction_states, SizeIs(1));
  EXPECT_EQ(answer.transaction_states[0].transactional_id, "one");
  EXPECT_THAT(answer.unknown_state_filters, ElementsAre("Nonsense"));
}

}  // namespace
}  // namespace runnel::kafka::test
