// From a record of the log to its MQTT topic: the routes read backwards. For records that carry no
// MQTT topic of their own, that is, those that Kafka producers wrote (docs/mapping.md has the same
// rules for users).
//
// Every route that sends to the record's topic (and partition, if it names one) is tried in order:
//   1. its `mqtt_topic`, when it has one;
//   2. else the key is taken for what the route's key template would have made, and the filter's
//      wildcards are filled with what stood in it. A key that could have come from two MQTT topics
//      has come from none.
// Then: the one route's filter, when there is one route and its filter has no wildcard; then
// {topic}/{key}, and {topic} alone when the key is null or empty. Topic `mqtt` has the route that
// takes what no other claims, `#` with the MQTT topic as key, as its last.
//
// What comes out is a valid topic name outside $SYS, or nothing.
//
// Threads: one, the io thread (it remembers partitions that it has seen).
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "hub/core/topics.h"

namespace runnel::core {

struct RouteSpec;

// Whether a record may be delivered under this MQTT topic: it is a name that may be published to.
bool deliverable_topic(std::string_view topic);

class ReverseRoutes {
 public:
  // `topics` outlives this.
  ReverseRoutes(const std::vector<RouteSpec>& specs, const Topics& topics);
  ReverseRoutes(ReverseRoutes&&) = default;
  ReverseRoutes& operator=(ReverseRoutes&&) = default;

  struct Place {
    std::string topic;
    std::uint32_t partition = 0;  // its number in the topic
  };

  // nullptr: no topic has this partition (any more).
  [[nodiscard]] const Place* place_of(PartitionId partition) const;

  // The n-th partition of a topic.
  [[nodiscard]] std::optional<PartitionId> partition_of(std::string_view topic, std::uint32_t n)
      const;

  // The MQTT topic of a record of `partition` with this key. Empty: it has none. The view is into
  // `key`, `scratch` or this object, where it lives until a topic changes.
  [[nodiscard]] std::string_view mqtt_topic(
      PartitionId partition, std::optional<ByteView> key, std::string& scratch
  ) const;

 private:
  // A piece of a key template.
  struct Piece {
    enum class Kind : std::uint8_t { text, topic, client, wildcard } kind = Kind::text;
    std::string text{};
    unsigned wildcard = 0;  // from 1
  };

  struct Rule {
    std::string topic;
    std::string filter;
    std::optional<std::uint32_t> partition;
    std::optional<std::string> mqtt_topic;
    std::vector<Piece> key;
    bool key_is_topic = false;  // the whole template is {topic}
    bool takes_all = false;     // topics that begin with $, too
    bool has_wildcards = false;
  };

  struct Lane {
    Place place;
    bool known = false;
    std::vector<const Rule*> rules;
  };

  class Inversion;

  static std::vector<Piece> pieces_of(std::string_view key);
  [[nodiscard]] const Lane& lane(PartitionId partition) const;
  [[nodiscard]] static std::string_view by_rule(
      const Rule& rule, const Place& place, std::optional<ByteView> key, std::string& scratch
  );

  std::vector<Rule> rules_;
  const Topics* topics_;
  mutable std::unordered_map<PartitionId, Lane> lanes_;
  mutable std::uint64_t topics_changes_ = 0;  // Topics::changes() that the lanes are of
};

}  // namespace runnel::core
