// Configurations as clients are told them: of a topic, every key with what is set or the default;
// of the broker, what this hub's limits are under the names that clients look for.
//
// Threads: one, the io thread.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "hub/core/topic_config.h"
#include "hub/kafka/messages/config_resource.h"
#include "hub/kafka/types.h"
#include "hub/kafka_broker/limits.h"

namespace runnel::kafka {

struct ConfigValue {
  Text name;
  Text value;
  ConfigSource source = ConfigSource::default_config;
  ConfigType type = ConfigType::string;
  Text broker_name;   // of a topic's key: the broker's key for its default; may be empty
  Text broker_value;  // that default
  Text documentation;
  bool read_only = false;
};

// Holds the texts that its answers name: keep it until they are encoded.
class ConfigValues {
 public:
  explicit ConfigValues(const Limits& limits) : limits_(limits) {}

  // Of a topic with this configuration, which outlives what it returns.
  std::vector<ConfigValue> of_topic(const core::TopicConfig& config);
  std::vector<ConfigValue> of_broker();

 private:
  Text keep(std::string text) { return texts_.emplace_back(std::move(text)); }

  Text fallback_of(const core::TopicConfigKey& key);

  const Limits& limits_;
  std::deque<std::string> texts_;  // that do not move
};

}  // namespace runnel::kafka
