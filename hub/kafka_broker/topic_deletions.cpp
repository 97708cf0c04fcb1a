// Requests that take away topics and the oldest records of partitions.
#include <algorithm>
#include <map>

#include "hub/kafka_broker/broker.h"
#include "hub/kafka_broker/handlers.h"
#include "storage/base/logger.h"

namespace runnel::kafka {
namespace {

constexpr Version kByNameOrId = 6;
constexpr std::int64_t kAllThereIs = -1;  // an offset of DeleteRecords: the high watermark

using Deleted = DeleteTopicsResponse::Topic;

bool has_id(const Uuid& id) {
  return id != Uuid{};
}

// What was asked for, whichever way the version has it.
Vector<DeleteTopicsRequest::Topic> topics_of(const Call& call, const DeleteTopicsRequest& request) {
  if (call.version >= kByNameOrId) return request.topics;
  Vector<DeleteTopicsRequest::Topic> out;
  for (const Text name : request.topic_names) out.push_back({name, {}});
  return out;
}

// Its name and id, and why it stays, if it does.
Deleted look_up(const Context& c, const DeleteTopicsRequest::Topic& asked) {
  Deleted out;
  out.name = asked.name;
  out.topic_id = asked.topic_id;
  if (asked.name && has_id(asked.topic_id)) {
    out.error_code = ErrorCode::invalid_request;
    out.error_message = "a topic is named by its name or by its id";
    return out;
  }
  if (!asked.name) {
    const Text name = c.broker.topic_of(asked.topic_id);
    out.error_code = ErrorCode::unknown_topic_id;
    if (name.empty()) return out;
    out.name = name;
  }
  const auto* partitions = c.broker.topics().find(*out.name);
  if (partitions == nullptr) {
    out.error_code = ErrorCode::unknown_topic_or_partition;
    return out;
  }
  out.topic_id = c.broker.cluster().topic_id(partitions->front());
  out.error_code = ErrorCode::none;
  if (c.broker.topics().configured(*out.name)) {
    out.error_code = ErrorCode::policy_violation;
    out.error_message =
        "the hub's configuration needs this topic; take it and its routes out first";
  }
  return out;
}

// Where a partition begins when its records below `offset` are gone.
DeleteRecordsResponse::Partition trimmed(
    const Context& c, Text topic, const DeleteRecordsRequest::Partition& asked
) {
  DeleteRecordsResponse::Partition out;
  out.index = asked.index;
  out.low_watermark = -1;
  const PartitionId* const id = c.broker.partition(topic, asked.index);
  if (id == nullptr) {
    out.error_code = ErrorCode::unknown_topic_or_partition;
    return out;
  }
  const log::PartitionRange range = c.broker.log().range(*id);
  const Offset start(asked.offset == kAllThereIs ? range.high_watermark.value : asked.offset);
  if (start < Offset(0) || start > range.high_watermark) {
    out.error_code = ErrorCode::offset_out_of_range;
    return out;
  }
  out.low_watermark = std::max(start, range.log_start).value;
  if (start <= range.log_start) return out;
  c.turn.group.trim(*id, start);
  logger::info(
      "kafka",
      logger::text(
          "records deleted on request: topic ",
          topic,
          " partition ",
          asked.index,
          " offsets ",
          range.log_start.value,
          " to ",
          start.value - 1
      )
  );
  return out;
}

}  // namespace

void handle(const Context& c, const DeleteTopicsRequest& request) {
  DeleteTopicsResponse response;
  const auto topics = topics_of(c.call, request);
  std::vector<std::string> names;  // of those that go: what finds them may be gone before them
  names.reserve(topics.size());
  std::map<std::string, int, std::less<>> named;
  for (const auto& asked : topics) {
    if (const auto found = look_up(c, asked); found.name) ++named[std::string(*found.name)];
  }
  bool any = false;
  for (const auto& asked : topics) {
    Deleted out = look_up(c, asked);
    const auto times = out.name ? named.find(*out.name) : named.end();
    if (times != named.end() && times->second > 1) {
      out.error_code = ErrorCode::invalid_request;
      out.error_message = "the topic is named twice";
    } else if (out.error_code == ErrorCode::none) {
      out.name = names.emplace_back(*out.name);
      c.broker.delete_topic(names.back(), c.turn);
      any = true;
    }
    response.responses.push_back(out);
  }
  if (!any) return c.broker.answer(c.call, response);
  DeleteTopicsResponse failed = response;
  for (auto& topic : failed.responses) topic.error_code = ErrorCode::kafka_storage_error;
  c.broker.answer_after_commit(c.call, response, failed, c.turn);
}

void handle(const Context& c, const DeleteRecordsRequest& request) {
  DeleteRecordsResponse response;
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (const auto& partition : topic.partitions) {
      out.partitions.push_back(trimmed(c, topic.name, partition));
    }
  }
  DeleteRecordsResponse failed = response;
  for (auto& topic : failed.topics) {
    for (auto& partition : topic.partitions) {
      partition.low_watermark = -1;
      partition.error_code = ErrorCode::kafka_storage_error;
    }
  }
  c.broker.answer_after_commit(c.call, response, failed, c.turn);
}

}  // namespace runnel::kafka
