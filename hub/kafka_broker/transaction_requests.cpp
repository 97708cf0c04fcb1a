// Requests of producers for an identity, and about their transactions.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>

#include "hub/kafka_broker/broker.h"
#include "hub/kafka_broker/handlers.h"

namespace runnel::kafka {
namespace {

using core::ProducerIdentity;
using core::TransactionError;

// Clients from before KIP-588 know a producer that another one has replaced by its epoch alone.
ErrorCode error_of(TransactionError error, Version version, Version knows_fenced) {
  if (error == TransactionError::producer_fenced && version < knows_fenced) {
    return ErrorCode::invalid_producer_epoch;
  }
  return static_cast<ErrorCode>(error);
}

// The versions that know PRODUCER_FENCED.
constexpr Version kInitKnowsFenced = 4;
constexpr Version kOthersKnowFenced = 2;

// Whose mirrors must have the end of a transaction: of one that has ended already, which is asked for
// again, it is not known any more what it had touched.
std::vector<PartitionId> waited_for(Broker& broker, Text id) {
  std::vector<PartitionId> out = broker.replicas().waited_for();
  const core::Transaction* transaction = broker.transactions().find(id);
  if (transaction == nullptr || transaction->state != core::TransactionState::ongoing) return out;
  std::erase_if(out, [&](PartitionId partition) {
    if (partition == core::kGroupOffsets) return transaction->groups.empty();
    return !transaction->partitions.contains(partition);
  });
  return out;
}

void identify_idempotent(const Context& c) {
  InitProducerIdResponse failed;
  failed.error_code = ErrorCode::coordinator_not_available;
  InitProducerIdResponse response;
  response.producer_id = c.broker.cluster().next_producer_id(c.turn);
  c.broker.answer_after_commit(c.call, response, failed, c.turn);
}

// A DescribeProducers request whose partitions are being read.
struct Description {
  Call call;
  std::vector<std::string> topics;
  DescribeProducersResponse response;
  std::size_t left = 0;
};

Vector<DescribeProducersResponse::Producer> describe(
    const log::Log::KnownProducers& known, std::int64_t wall_ms, std::int64_t hub_ms
) {
  Vector<DescribeProducersResponse::Producer> out;
  for (const auto& [id, entry] : known) {
    DescribeProducersResponse::Producer producer;
    producer.producer_id = id;
    producer.producer_epoch = entry.epoch;
    if (entry.count > 0) producer.last_sequence = entry.batches[entry.count - 1U].last;
    producer.last_timestamp = wall_ms - (hub_ms - entry.hub_ms);
    if (entry.open) producer.current_txn_start_offset = entry.open->value;
    out.push_back(producer);
  }
  return out;
}

}  // namespace

void handle(const Context& c, const InitProducerIdRequest& request) {
  if (!request.transactional_id) return identify_idempotent(c);
  std::optional<ProducerIdentity> caller;
  if (request.producer_id >= 0) caller = {request.producer_id, request.producer_epoch};
  const auto identified = c.broker.transactions().identify(
      *request.transactional_id,
      std::chrono::milliseconds(request.transaction_timeout_ms),
      caller,
      c.turn
  );
  InitProducerIdResponse response;
  response.error_code = error_of(identified.error, c.call.version, kInitKnowsFenced);
  if (identified.error != TransactionError::none) {
    response.producer_epoch = -1;
    return c.broker.answer(c.call, response);
  }
  response.producer_id = identified.producer.id;
  response.producer_epoch = identified.producer.epoch;
  InitProducerIdResponse failed;
  failed.error_code = ErrorCode::coordinator_not_available;
  failed.producer_epoch = -1;
  c.broker.answer_after_commit(c.call, response, failed, c.turn, identified.tie);
}

// All of them or none.
void handle(const Context& c, const AddPartitionsToTxnRequest& request) {
  std::vector<PartitionId> partitions;
  bool all_known = true;
  const auto mirrored = [&](Text topic, std::int32_t index) {
    const PartitionId* id = c.broker.partition(topic, index);
    return id != nullptr && c.broker.replicas().mirrored(*id);
  };
  for (const auto& topic : request.topics) {
    for (const std::int32_t index : topic.partitions) {
      const PartitionId* id = c.broker.partition(topic.name, index);
      all_known = all_known && id != nullptr && !mirrored(topic.name, index);
      if (id != nullptr) partitions.push_back(*id);
    }
  }
  ErrorCode error = ErrorCode::operation_not_attempted;
  if (all_known) {
    const auto added = c.broker.transactions().add_partitions(
        request.transactional_id,
        {request.producer_id, request.producer_epoch},
        partitions,
        c.turn
    );
    error = error_of(added, c.call.version, kOthersKnowFenced);
  }
  const auto response_with = [&](ErrorCode known) {
    AddPartitionsToTxnResponse response;
    for (const auto& topic : request.topics) {
      ByTopic<AddPartitionsToTxnResponse::Partition> out{topic.name, {}};
      for (const std::int32_t index : topic.partitions) {
        const bool unknown = c.broker.partition(topic.name, index) == nullptr;
        const bool refused = mirrored(topic.name, index);
        out.partitions.push_back(
            {index, unknown   ? ErrorCode::unknown_topic_or_partition
                    : refused ? ErrorCode::topic_authorization_failed
                              : known}
        );
      }
      response.topics.push_back(std::move(out));
    }
    return response;
  };
  if (error != ErrorCode::none) return c.broker.answer(c.call, response_with(error));
  c.broker.answer_after_commit(
      c.call,
      response_with(ErrorCode::none),
      response_with(ErrorCode::coordinator_not_available),
      c.turn
  );
}

void handle(const Context& c, const AddOffsetsToTxnRequest& request) {
  AddOffsetsToTxnResponse response;
  if (request.group_id.empty() || request.group_id.size() > core::GroupLimits{}.id_bytes_max) {
    response.error_code = ErrorCode::invalid_group_id;
    return c.broker.answer(c.call, response);
  }
  const auto added = c.broker.transactions().add_group(
      request.transactional_id,
      {request.producer_id, request.producer_epoch},
      request.group_id,
      c.turn
  );
  response.error_code = error_of(added, c.call.version, kOthersKnowFenced);
  if (added != TransactionError::none) return c.broker.answer(c.call, response);
  AddOffsetsToTxnResponse failed;
  failed.error_code = ErrorCode::coordinator_not_available;
  c.broker.answer_after_commit(c.call, response, failed, c.turn);
}

void handle(const Context& c, const EndTxnRequest& request) {
  std::vector<PartitionId> replicated;
  if (request.committed) replicated = waited_for(c.broker, request.transactional_id);
  std::erase_if(replicated, [&](PartitionId id) { return c.broker.replicas().goes_on_alone(id, c.turn.now); });
  // It stays open, and may be ended when there are enough mirrors again.
  for (const PartitionId id : replicated) {
    if (c.broker.replicas().taking(id, c.turn.now) != core::Replicas::Taking::too_few) continue;
    EndTxnResponse later;
    later.error_code = ErrorCode::coordinator_not_available;
    return c.broker.answer(c.call, later);
  }
  const auto ended = c.broker.transactions().end(
      request.transactional_id,
      {request.producer_id, request.producer_epoch},
      request.committed,
      c.turn
  );
  EndTxnResponse response;
  response.error_code = error_of(ended.error, c.call.version, kOthersKnowFenced);
  if (ended.error != TransactionError::none) return c.broker.answer(c.call, response);
  EndTxnResponse failed;
  failed.error_code = ErrorCode::coordinator_not_available;
  c.broker.answer_after_commit(
      c.call, response, failed, c.turn, ended.tie, std::move(replicated)
  );
}

void handle(const Context& c, const TxnOffsetCommitRequest& request) {
  Groups& groups = c.broker.groups();
  const ProducerIdentity producer{request.producer_id, request.producer_epoch};
  const auto may =
      c.broker.transactions().check_offsets(request.transactional_id, producer, request.group_id);
  auto refused = error_of(may, c.call.version, kOthersKnowFenced);
  if (refused == ErrorCode::none) {
    refused = static_cast<ErrorCode>(groups.coordinator().check_commit(
        {request.group_id, request.member_id, request.group_instance_id, request.generation_id},
        core::GroupCoordinator::CommitKind::transactional,
        c.turn.now
    ));
  }
  std::vector<core::GroupOffsets::Entry> entries;
  TxnOffsetCommitResponse response;
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (const auto& p : topic.partitions) {
      const bool known = c.broker.partition(topic.name, p.index) != nullptr;
      const ErrorCode error = refused != ErrorCode::none ? refused
                              : known                    ? ErrorCode::none
                                      : ErrorCode::unknown_topic_or_partition;
      out.partitions.push_back({p.index, error});
      if (error != ErrorCode::none) continue;
      entries.push_back(
          {topic.name,
           p.index,
           p.committed_offset,
           p.committed_leader_epoch,
           p.metadata.value_or(Text{})}
      );
    }
  }
  if (entries.empty()) return c.broker.answer(c.call, response);
  core::GroupTurn turn = Groups::turn_of(c.turn);
  const auto errors =
      groups.offsets().commit_pending(request.producer_id, request.group_id, entries, turn);
  TxnOffsetCommitResponse failed = response;
  std::size_t next = 0;
  for (std::size_t t = 0; t < response.topics.size(); ++t) {
    for (std::size_t i = 0; i < response.topics[t].partitions.size(); ++i) {
      auto& p = response.topics[t].partitions[i];
      if (p.error_code != ErrorCode::none) continue;
      p.error_code = static_cast<ErrorCode>(errors.at(next++));
      failed.topics[t].partitions[i].error_code = ErrorCode::coordinator_not_available;
    }
  }
  c.broker.answer_after_commit(c.call, response, failed, c.turn);
}

void handle(const Context& c, const DescribeTransactionsRequest& request) {
  DescribeTransactionsResponse response;
  const auto& topics = c.broker.topics().all();
  std::set<Text> told;  // one answer, however often it is asked for
  for (const Text id : request.transactional_ids) {
    if (!told.insert(id).second) continue;
    DescribeTransactionsResponse::Transaction out;
    out.transactional_id = id;
    const core::Transaction* const found = c.broker.transactions().find(id);
    if (found == nullptr) {
      out.error_code = ErrorCode::transactional_id_not_found;
      out.producer_id = -1;
      out.producer_epoch = -1;
      response.transaction_states.push_back(std::move(out));
      continue;
    }
    out.transaction_state = name_of(found->state);
    out.transaction_timeout_ms = static_cast<std::int32_t>(found->timeout.count());
    out.producer_id = found->producer.id;
    out.producer_epoch = found->producer.epoch;
    const bool open = found->state == core::TransactionState::ongoing;
    out.transaction_start_time_ms =
        open ? c.turn.wall_ms - (c.turn.hub_ms - found->began_hub_ms) : -1;
    for (const auto& [name, partitions] : topics) {
      ByTopic<std::int32_t> touched{name, {}};
      for (std::size_t i = 0; i < partitions.size(); ++i) {
        if (!found->partitions.contains(partitions[i])) continue;
        touched.partitions.push_back(static_cast<std::int32_t>(i));
      }
      if (!touched.partitions.empty()) out.topics.push_back(std::move(touched));
    }
    response.transaction_states.push_back(std::move(out));
  }
  c.broker.answer(c.call, response);
}

void handle(const Context& c, const DescribeProducersRequest& request) {
  const auto described = std::make_shared<Description>();
  described->call = c.call;
  described->left = 1;
  std::map<Text, std::set<std::int32_t>> asked;  // one answer, however often
  for (const auto& topic : request.topics) {
    asked[topic.name].insert(topic.partitions.begin(), topic.partitions.end());
  }
  described->topics.reserve(asked.size());  // views into it must not move
  for (const auto& [topic, partitions] : asked) {
    described->topics.emplace_back(topic);
    described->response.topics.push_back({described->topics.back(), {}});
    for (const std::int32_t index : partitions) {
      described->response.topics.back().partitions.emplace_back().index = index;
    }
  }
  const auto finish = [&broker = c.broker, described] {
    if (--described->left == 0) broker.answer(described->call, described->response);
  };
  for (auto& topic : described->response.topics) {
    for (auto& out : topic.partitions) {
      const PartitionId* id = c.broker.partition(topic.name, out.index);
      if (id == nullptr) {
        out.error_code = ErrorCode::unknown_topic_or_partition;
        continue;
      }
      ++described->left;
      c.broker.reader().producers(
          *id,
          [&out, finish](const Result<log::Log::KnownProducers>& known, core::Turn& turn) {
            if (known) {
              out.active_producers = describe(*known, turn.wall_ms, turn.hub_ms);
            } else {
              out.error_code = ErrorCode::kafka_storage_error;
            }
            finish();
          }
      );
    }
  }
  finish();
}

void handle(const Context& c, const ListTransactionsRequest& request) {
  ListTransactionsResponse response;
  constexpr std::array kStates{
      core::TransactionState::empty,
      core::TransactionState::ongoing,
      core::TransactionState::complete_commit,
      core::TransactionState::complete_abort};
  for (const Text state : request.state_filters) {
    const bool known =
        std::ranges::any_of(kStates, [&](auto s) { return Text(name_of(s)) == state; });
    if (!known) response.unknown_state_filters.push_back(state);
  }
  const auto listed = [&](const auto& filters, const auto& value) {
    return filters.empty() || std::ranges::find(filters, value) != filters.end();
  };
  c.broker.transactions().each([&](ByteView id, const core::Transaction& t) {
    const Text state(name_of(t.state));
    if (!listed(request.state_filters, state)) return;
    if (!listed(request.producer_id_filters, t.producer.id)) return;
    const bool open = t.state == core::TransactionState::ongoing;
    const std::int64_t age = open ? c.turn.hub_ms - t.began_hub_ms : -1;
    if (request.duration_filter_ms >= 0 && age <= request.duration_filter_ms) return;
    response.transaction_states.push_back({id, t.producer.id, state});
  });
  c.broker.answer(c.call, response);
}

}  // namespace runnel::kafka
