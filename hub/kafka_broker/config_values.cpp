#include "hub/kafka_broker/config_values.h"

#include "hub/core/groups/group_limits.h"
#include "hub/kafka_broker/cluster.h"

namespace runnel::kafka {
namespace {

ConfigType type_of(core::ConfigType type) {
  switch (type) {
    case core::ConfigType::boolean:
      return ConfigType::boolean;
    case core::ConfigType::text:
      return ConfigType::string;
    case core::ConfigType::int32:
      return ConfigType::int32;
    case core::ConfigType::int64:
      return ConfigType::int64;
    case core::ConfigType::real:
      return ConfigType::float64;
    case core::ConfigType::list:
      return ConfigType::list;
  }
  return ConfigType::unknown;
}

std::string retention_text(const Limits& limits) {
  return std::to_string(limits.retention ? limits.retention->count() : -1);
}

Text truth(bool value) {
  return value ? "true" : "false";
}

}  // namespace

// Two defaults are the hub's own.
Text ConfigValues::fallback_of(const core::TopicConfigKey& key) {
  if (key.name == "max.message.bytes") return keep(std::to_string(limits_.message_bytes_max));
  if (key.name == "retention.ms") return keep(retention_text(limits_));
  return key.fallback;
}

std::vector<ConfigValue> ConfigValues::of_topic(const core::TopicConfig& config) {
  std::vector<ConfigValue> out;
  for (const core::TopicConfigKey& key : core::topic_config_keys()) {
    ConfigValue each;
    each.name = key.name;
    each.broker_name = key.broker_name;
    each.broker_value = fallback_of(key);
    each.value = each.broker_value;
    each.type = type_of(key.type);
    each.documentation = key.sentence;
    const auto set = config.values().find(key.name);
    if (set != config.values().end()) {
      each.value = set->second;
      each.source = ConfigSource::dynamic_topic_config;
    }
    out.push_back(each);
  }
  return out;
}

std::vector<ConfigValue> ConfigValues::of_broker() {
  const core::GroupLimits groups;
  const core::OffsetLimits offsets;
  std::vector<ConfigValue> out;
  const auto add = [&](Text name, Text value, ConfigType type, ConfigSource source) {
    out.push_back(
        {name,
         value,
         source,
         type,
         {},
         {},
         "What this hub does; its configuration file says it, or it is always so.",
         true}
    );
  };
  const auto fixed = [&](Text name, Text value, ConfigType type) {
    add(name, value, type, ConfigSource::default_config);
  };
  const auto number = [&](Text name, auto value, ConfigType type) {
    add(name, keep(std::to_string(value)), type, ConfigSource::static_broker_config);
  };
  const Text auto_create = truth(limits_.auto_create_topics);
  const auto of_file = ConfigSource::static_broker_config;
  add("auto.create.topics.enable", auto_create, ConfigType::boolean, of_file);
  number("broker.id", kNodeId, ConfigType::int32);
  fixed("compression.type", "producer", ConfigType::string);
  fixed("default.replication.factor", "1", ConfigType::int32);
  fixed("delete.topic.enable", "true", ConfigType::boolean);
  number("fetch.max.bytes", limits_.fetch_bytes_max, ConfigType::int32);
  number("group.max.session.timeout.ms", groups.session_timeout_max.count(), ConfigType::int32);
  number("group.min.session.timeout.ms", groups.session_timeout_min.count(), ConfigType::int32);
  fixed("log.cleanup.policy", "delete", ConfigType::list);
  fixed("log.message.timestamp.type", "CreateTime", ConfigType::string);
  fixed("log.retention.bytes", "-1", ConfigType::int64);
  add("log.retention.ms", keep(retention_text(limits_)), ConfigType::int64, of_file);
  number("log.segment.bytes", limits_.generation_bytes, ConfigType::int64);
  number("max.connections", limits_.connections_max, ConfigType::int32);
  number("message.max.bytes", limits_.message_bytes_max, ConfigType::int32);
  fixed("min.insync.replicas", "1", ConfigType::int32);
  number("node.id", kNodeId, ConfigType::int32);
  number("num.partitions", limits_.default_partitions, ConfigType::int32);
  number("offset.metadata.max.bytes", offsets.metadata_bytes_max, ConfigType::int32);
  const auto kept = std::chrono::duration_cast<std::chrono::minutes>(offsets.retention).count();
  number("offsets.retention.minutes", kept, ConfigType::int32);
  number("socket.request.max.bytes", limits_.request_bytes_max, ConfigType::int32);
  fixed("unclean.leader.election.enable", "false", ConfigType::boolean);
  return out;
}

}  // namespace runnel::kafka
