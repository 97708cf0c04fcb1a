// From an MQTT topic to a topic, key and partition of the log. The first route whose filter matches
// decides; without one, the topic is `mqtt` and the key is the MQTT topic.
//
// Keys are templates: {topic} is the MQTT topic, {client} the publisher's client id, {1} to {9} what
// the n-th wildcard of the filter matched (for `#`, all that it matched); other text stands for
// itself. The partition is the route's own, or the key's hash by the function that Kafka's clients
// use (murmur2), so that a Kafka producer with the same key finds the same partition.
//
// Threads: one, the io thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hub/core/reverse_routes.h"
#include "hub/core/topics.h"

namespace runnel::core {

struct RouteSpec {
  std::string filter;
  std::string topic;
  std::string key = "{topic}";
  std::optional<std::uint32_t> partition{};
  // The way back for records without an MQTT topic of their own (reverse_routes.h): text with {key},
  // {topic} (of the log) and {partition}. Unset: as filter and key say.
  std::optional<std::string> mqtt_topic{};
};

struct Destination {
  PartitionId partition{};
  Bytes key;
  bool key_is_topic = false;      // the key is the MQTT topic itself
  bool depends_on_client = false; // another client's publish may go elsewhere
};

class Routes {
 public:
  // Every topic that a route names exists in `topics`, which outlives this.
  Routes(std::vector<RouteSpec> specs, const Topics& topics);

  [[nodiscard]] Destination resolve(std::string_view mqtt_topic, std::string_view client) const;

  // The way back.
  [[nodiscard]] const ReverseRoutes& reverse() const { return reverse_; }

  // Topics::changes(): what was resolved before it went up may be resolved otherwise now.
  [[nodiscard]] std::uint64_t changes() const { return topics_->changes(); }

 private:
  std::vector<RouteSpec> specs_;
  const Topics* topics_;
  ReverseRoutes reverse_;
};

// Kafka's default partitioner: murmur2 of the key, its sign bit cleared, modulo the partitions.
std::uint32_t partition_of_key(ByteView key, std::size_t partitions);

}  // namespace runnel::core
