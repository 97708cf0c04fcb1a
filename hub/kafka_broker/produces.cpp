#include "hub/kafka_broker/produces.h"

#include <algorithm>

#include "hub/kafka_broker/broker.h"
#include "hub/kafka_broker/handlers.h"
#include "storage/log/foreign_batch.h"

namespace runnel::kafka {
namespace {

using log::BatchFault;
using log::Producers;

ErrorCode error_of(BatchFault fault) {
  switch (fault) {
    case BatchFault::none:
      return ErrorCode::none;
    case BatchFault::wrong_magic:
      return ErrorCode::unsupported_for_message_format;
    case BatchFault::too_large:
      return ErrorCode::message_too_large;
    case BatchFault::too_short:
    case BatchFault::length_mismatch:
    case BatchFault::wrong_crc:
    case BatchFault::not_decompressible:
      return ErrorCode::corrupt_message;
    case BatchFault::bad_codec:
      return ErrorCode::unsupported_compression_type;
    default:
      return ErrorCode::invalid_record;
  }
}

ErrorCode error_of(Producers::Verdict verdict) {
  switch (verdict) {
    case Producers::Verdict::store:
    case Producers::Verdict::duplicate:
      return ErrorCode::none;
    case Producers::Verdict::forgotten:
      return ErrorCode::duplicate_sequence_number;
    case Producers::Verdict::fenced:
      return ErrorCode::invalid_producer_epoch;
    case Producers::Verdict::out_of_order:
      return ErrorCode::out_of_order_sequence_number;
  }
  return ErrorCode::unknown_server_error;
}

// Full disks are waited for: not_enough_replicas is what clients try again after, without asking
// who leads the partition.
ErrorCode error_of(Errc refusal) {
  const bool full = refusal == Errc::log_full || refusal == Errc::no_space;
  return full ? ErrorCode::not_enough_replicas : ErrorCode::kafka_storage_error;
}

constexpr std::int16_t kAllAcks = -1;

bool valid_acks(std::int16_t acks) {
  return acks >= -1 && acks <= 1;
}

}  // namespace

void handle(const Context& c, const ProduceRequest& request) {
  c.broker.produces().handle(c.call, request, c.turn);
}

void handle(const Context& c, const FetchRequest& request) {
  if (request.replica_id >= 0 && c.client_id) c.broker.note_replica(c.call, *c.client_id, request, c.turn);
  c.broker.fetches().handle(c.call, request, c.turn);
}

void Produces::handle(const Call& call, const ProduceRequest& request, core::Turn& turn) {
  Waiting waiting;
  waiting.call = call;
  waiting.answered = request.acks != 0;
  waiting.replicated = request.acks == kAllAcks;
  bool any = false;
  for (const auto& topic : request.topics) {
    waiting.topics.emplace_back(topic.name);
    for (const ProduceRequest::Partition& p : topic.partitions) {
      Part part;
      part.topic = waiting.topics.size() - 1;
      part.index = p.index;
      part.error = valid_acks(request.acks) ? ErrorCode::none : ErrorCode::invalid_required_acks;
      if (part.error == ErrorCode::none) {
        take(part, topic.name, p.records, request, turn);
      }
      any = any || part.error == ErrorCode::none;
      waiting.parts.push_back(std::move(part));
    }
  }
  if (any) {
    waiting_[&turn.group].push_back(std::move(waiting));
  } else {
    send(waiting);
  }
}

void Produces::take(
    Part& part,
    std::string_view topic,
    const NullableBlob& records,
    const ProduceRequest& request,
    core::Turn& turn
) {
  const PartitionId* id = broker_.partition(topic, part.index);
  if (id == nullptr) {
    part.error = ErrorCode::unknown_topic_or_partition;
    return;
  }
  part.id = *id;
  if (const auto why = refusal(*id, request.acks == kAllAcks, turn.now); !why.empty()) {
    part.error = broker_.replicas().mirrored(*id) ? ErrorCode::policy_violation : ErrorCode::not_enough_replicas;
    part.message = why;
    return;
  }
  if (!records || records->bytes.empty()) {
    part.error = ErrorCode::invalid_record;
    part.message = "there is no record batch";
    return;
  }
  const core::TopicConfig& config = broker_.topics().config(topic);
  const std::size_t bytes_max =
      config.message_bytes_max().value_or(broker_.limits().message_bytes_max);
  const log::BatchVerdict verdict = log::check_foreign_batch(
      records->bytes, {bytes_max, log::records_bytes_max(bytes_max), config.compacted()}
  );
  if (verdict.ok() && verdict.facts.transactional()) {
    part.error = may_write(verdict.facts, request.transactional_id, *id);
    if (part.error == ErrorCode::invalid_txn_state) {
      part.message = "the partition is in no open transaction of this producer";
    }
    if (part.error != ErrorCode::none) return;
  }
  // Positions are given for what the bytes of a damaged batch may have stood for.
  const auto count = static_cast<std::uint64_t>(verdict.facts.records);
  if (verdict.ok() && count > records->bytes.size() * log::kRecordsPerByteMax) {
    part.error = ErrorCode::invalid_record;
    part.message = "more records than a batch of this size may hold";
    return;
  }
  if (!verdict.ok()) {
    part.error = error_of(verdict.fault);
    part.message = log::describe(verdict.fault);
    part.records = verdict.records;
    return;
  }
  if (config.compacted() && !broker_.log().admit(verdict.growth, turn.group)) {
    part.error = ErrorCode::policy_violation;
    part.message = "compacted topics hold as much as they may";
    return;
  }
  scratch_.assign(records->bytes);
  log::correct_max_timestamp(scratch_, verdict.max_timestamp_ms);
  part.place = turn.group.append_batch(*id, scratch_);
}

std::string_view Produces::refusal(PartitionId partition, bool waits, Instant now) const {
  using Taking = core::Replicas::Taking;
  switch (broker_.replicas().taking(partition, now)) {
    case Taking::mirrored:
      return "the topic is a mirror here: it takes the records of its origin and no others";
    case Taking::too_few:
      return waits ? "too few mirrors of the topic are in step" : "";
    case Taking::yes:
      break;
  }
  return "";
}

ErrorCode Produces::may_write(
    const log::BatchFacts& batch, const NullableText& transactional_id, PartitionId partition
) const {
  if (!transactional_id) return ErrorCode::invalid_txn_state;
  const core::ProducerIdentity producer{batch.producer_id, batch.producer_epoch};
  return static_cast<ErrorCode>(
      broker_.transactions().check_write(*transactional_id, producer, partition)
  );
}

void Produces::committed(const log::Group& group, core::Turn& turn) {
  auto waiting = waiting_.extract(&group);
  if (waiting.empty()) return;
  for (Waiting& w : waiting.mapped()) {
    for (Part& part : w.parts) {
      if (part.error != ErrorCode::none) continue;
      const log::Group::Appended& appended = group.outcome.batches.at(part.place);
      part.error = group.outcome.records == Errc::ok ? error_of(appended.verdict)
                                                     : error_of(group.outcome.records);
      if (part.error == ErrorCode::none) part.base = appended.base;
      part.append_time_ms = appended.append_time_ms;
    }
    settle(std::move(w), turn);
  }
}

// Answers, once the mirrors have it that the topics ask for.
void Produces::settle(Waiting waiting, core::Turn& turn) {
  std::vector<core::Replicas::Place> places;
  for (const Part& part : waiting.parts) {
    if (!waiting.replicated || part.error != ErrorCode::none || !broker_.replicas().waits(part.id)) continue;
    places.push_back({part.id, broker_.log().range(part.id).high_watermark});
  }
  if (places.empty()) return send(waiting);
  auto held = std::make_shared<Waiting>(std::move(waiting));
  broker_.replicas().when(0, std::move(places), turn.now, [this, held](bool replicated, core::Turn&) {
    for (Part& part : held->parts) {
      if (replicated || part.error != ErrorCode::none || !broker_.replicas().waits(part.id)) continue;
      part.error = ErrorCode::not_enough_replicas_after_append;
      part.message = "stored here, but not by enough mirrors in time";
    }
    send(*held);
  });
}

void Produces::send(const Waiting& waiting) {
  if (!waiting.answered) {
    // A producer that wants no answer learns of trouble by the end of its connection.
    const auto failed = [](const Part& p) { return p.error != ErrorCode::none; };
    if (std::any_of(waiting.parts.begin(), waiting.parts.end(), failed)) {
      broker_.close(waiting.call, "a batch without acknowledgement was refused");
    }
    return broker_.no_answer(waiting.call);
  }
  ProduceResponse response;
  for (const std::string& topic : waiting.topics) response.topics.push_back({topic, {}});
  for (const Part& part : waiting.parts) {
    ProduceResponse::Partition out;
    out.index = part.index;
    out.error_code = part.error;
    out.base_offset = part.base.value;
    if (part.error == ErrorCode::none) {
      out.log_start_offset = broker_.log().range(part.id).log_start.value;
      out.log_append_time_ms = part.append_time_ms;
    } else if (!part.message.empty()) {
      out.error_message = part.message;
    }
    for (const std::int32_t record : part.records) {
      out.record_errors.push_back({record, part.message});
    }
    response.topics[part.topic].partitions.push_back(std::move(out));
  }
  broker_.answer(waiting.call, response);
}

}  // namespace runnel::kafka
