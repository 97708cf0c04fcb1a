// Requests that make topics and partitions.
#include <deque>
#include <map>
#include <string>

#include "hub/kafka_broker/broker.h"
#include "hub/kafka_broker/config_values.h"
#include "hub/kafka_broker/handlers.h"

namespace runnel::kafka {
namespace {

using NewTopic = CreateTopicsRequest::Topic;
using Names = std::map<Text, std::size_t>;  // how often each is there

struct Refusal {
  ErrorCode code = ErrorCode::none;
  std::string message;
};

// How many partitions a new topic gets; 0: none, that cannot be.
std::int64_t partitions_of(const NewTopic& topic, const Limits& limits) {
  if (!topic.assignments.empty()) return static_cast<std::int64_t>(topic.assignments.size());
  return topic.num_partitions == -1 ? limits.default_partitions : topic.num_partitions;
}

// Any replication factor is taken, and is 1: most tools and tutorials ask for three.
Refusal refusal_of(
    const Context& c, const Names& names, const NewTopic& topic, std::size_t topics
) {
  const Limits& limits = c.broker.limits();
  if (names.at(topic.name) > 1) {
    return {ErrorCode::invalid_request, "the topic is named twice"};
  }
  if (!valid_topic_name(topic.name)) {
    return {ErrorCode::invalid_topic_exception, "a name has 1 to 249 of a-z A-Z 0-9 . _ -"};
  }
  if (c.broker.topics().find(topic.name) != nullptr) {
    return {ErrorCode::topic_already_exists, "the topic is there already"};
  }
  if (topic.replication_factor == 0 || topic.replication_factor < -1) {
    return {ErrorCode::invalid_replication_factor, "a replication factor is at least 1"};
  }
  const std::int64_t partitions = partitions_of(topic, limits);
  if (partitions < 1 || partitions > limits.partitions_per_topic_max) {
    return {ErrorCode::invalid_partitions, "a topic has 1 to 256 partitions"};
  }
  if (topics >= limits.topics_max) {
    return {ErrorCode::policy_violation, "there are as many topics as the hub may have"};
  }
  return {};
}

// The configuration that it asks for.
Refusal read_config(const NewTopic& topic, core::TopicConfig& config) {
  for (const auto& wanted : topic.configs) {
    if (!wanted.value) {
      return {ErrorCode::invalid_config, "Null value not supported for " + std::string(wanted.name)};
    }
    if (auto fault = config.set(wanted.name, *wanted.value)) {
      return {ErrorCode::invalid_config, std::move(*fault)};
    }
  }
  return {};
}

void tell_config(
    const core::TopicConfig& config, ConfigValues& values, CreateTopicsResponse::Topic& out
) {
  for (const auto& each : values.of_topic(config)) {
    out.configs->push_back({each.name, each.value, false, each.source, false});
  }
}

}  // namespace

void handle(const Context& c, const CreateTopicsRequest& request) {
  CreateTopicsResponse response;
  Names names;
  for (const NewTopic& topic : request.topics) ++names[topic.name];
  std::size_t topics = c.broker.topics().all().size();  // with those that are only validated
  bool made = false;
  std::deque<std::string> messages;  // those that the answer names
  std::deque<core::TopicConfig> configs;  // likewise
  ConfigValues values(c.broker.limits());
  for (const NewTopic& topic : request.topics) {
    CreateTopicsResponse::Topic out;
    out.name = topic.name;
    core::TopicConfig& config = configs.emplace_back();
    Refusal refusal = refusal_of(c, names, topic, topics);
    if (refusal.code == ErrorCode::none) refusal = read_config(topic, config);
    out.error_code = refusal.code;
    if (refusal.code != ErrorCode::none) {
      out.error_message = messages.emplace_back(std::move(refusal.message));
    } else {
      const auto partitions =
          static_cast<std::uint32_t>(partitions_of(topic, c.broker.limits()));
      out.num_partitions = static_cast<std::int32_t>(partitions);
      out.replication_factor = 1;
      tell_config(config, values, out);
      ++topics;
      if (!request.validate_only) {
        c.broker.create_topic(topic.name, partitions, c.turn, config);
        out.topic_id = c.broker.cluster().topic_id(c.broker.topics().find(topic.name)->front());
        made = true;
      }
    }
    response.topics.push_back(std::move(out));
  }
  if (!made) return c.broker.answer(c.call, response);
  CreateTopicsResponse failed = response;
  for (auto& topic : failed.topics) topic.error_code = ErrorCode::kafka_storage_error;
  c.broker.answer_after_commit(c.call, response, failed, c.turn);
}

void handle(const Context& c, const CreatePartitionsRequest& request) {
  CreatePartitionsResponse response;
  bool made = false;
  for (const auto& topic : request.topics) {
    CreatePartitionsResponse::Result out;
    out.name = topic.name;
    const auto* partitions = c.broker.topics().find(topic.name);
    if (partitions == nullptr) {
      out.error_code = ErrorCode::unknown_topic_or_partition;
    } else if (c.broker.replicas().mirrored(partitions->front())) {
      out.error_code = ErrorCode::policy_violation;
      out.error_message = "the topic is a mirror here: it has the partitions of its origin";
    } else if (topic.count <= static_cast<std::int64_t>(partitions->size()) ||
               topic.count > static_cast<std::int64_t>(c.broker.limits().partitions_per_topic_max)) {
      out.error_code = ErrorCode::invalid_partitions;
      out.error_message = "the count must be more than there are, and within the limit";
    } else if (!request.validate_only) {
      c.broker.create_topic(topic.name, static_cast<std::uint32_t>(topic.count), c.turn);
      made = true;
    }
    response.results.push_back(out);
  }
  if (!made) return c.broker.answer(c.call, response);
  CreatePartitionsResponse failed = response;
  for (auto& result : failed.results) result.error_code = ErrorCode::kafka_storage_error;
  c.broker.answer_after_commit(c.call, response, failed, c.turn);
}

}  // namespace runnel::kafka
