#include "hub/kafka_broker/time_lookup.h"

#include <algorithm>

#include "hub/kafka_broker/broker.h"

namespace runnel::kafka {

void TimeLookups::handle(const Call& call, const ListOffsetsRequest& request, core::Turn&) {
  const auto pending = std::make_shared<Pending>();
  pending->call = call;
  pending->topics.reserve(request.topics.size());  // views into it must not move
  for (const auto& topic : request.topics) {
    pending->topics.emplace_back(topic.name);
    auto& answered = pending->response.topics.emplace_back();
    answered.name = pending->topics.back();
    answered.partitions.resize(topic.partitions.size());  // nor these
  }
  pending->left = 1;
  const bool committed = request.isolation_level == 1;
  for (std::size_t t = 0; t < request.topics.size(); ++t) {
    const auto& topic = request.topics[t];
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      Answer& out = pending->response.topics[t].partitions[i];
      if (!look_up(pending, topic.name, topic.partitions[i], committed, out)) ++pending->left;
    }
  }
  if (--pending->left == 0) finish(*pending);
}

bool TimeLookups::look_up(
    const std::shared_ptr<Pending>& pending,
    std::string_view topic,
    const ListOffsetsRequest::Partition& asked,
    bool committed,
    Answer& out
) {
  out.index = asked.index;
  const PartitionId* id = broker_.partition(topic, asked.index);
  if (id == nullptr || asked.current_leader_epoch > kLeaderEpoch) {
    out.error_code = id == nullptr ? ErrorCode::unknown_topic_or_partition
                                   : ErrorCode::unknown_leader_epoch;
    return true;
  }
  const log::PartitionRange range = broker_.log().range(*id);
  const Offset end = committed ? range.last_stable : range.high_watermark;
  if (asked.timestamp == kLatestOffset || asked.timestamp == kEarliestOffset ||
      asked.timestamp == kEarliestLocalOffset) {
    const bool latest = asked.timestamp == kLatestOffset;
    out.offset = (latest ? end : range.log_start).value;
    out.leader_epoch = kLeaderEpoch;
    return true;
  }
  if (asked.timestamp < 0 && asked.timestamp != kMaxTimestamp) {
    out.error_code = ErrorCode::invalid_request;
    return true;
  }
  const auto found = [this, pending, end, &out](const Result<log::TimedOffset>& at, core::Turn&) {
    if (at && at->offset < end) {
      out.offset = at->offset.value;
      out.timestamp = at->timestamp_ms;
      out.leader_epoch = kLeaderEpoch;
    } else if (!at && errc_of(at.error()) != Errc::not_found) {
      out.error_code = ErrorCode::kafka_storage_error;
    }
    if (--pending->left == 0) finish(*pending);
  };
  const std::int64_t time = std::min(asked.timestamp, log::kNewestTime - 1);
  reader_.find_time(*id, asked.timestamp == kMaxTimestamp ? log::kNewestTime : time, found);
  return false;
}

void TimeLookups::finish(const Pending& pending) {
  broker_.answer(pending.call, pending.response);
}

}  // namespace runnel::kafka
