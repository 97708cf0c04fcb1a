#include "hub/core/topics.h"

#include "hub/core/row_key.h"
#include "storage/base/logger.h"

namespace runnel::core {
namespace {

constexpr ByteView kNextPartition = "T";
constexpr ByteView kTopicKind = "t/";
constexpr ByteView kConfigKind = "tc/";

}  // namespace

Result<void> Topics::load(log::Log& log) {
  bool sound = true;
  RUNNEL_TRY(log.each_state(kNextPartition, [&](ByteView name, ByteView value) {
    if (name != kNextPartition) return;
    ByteReader r(value);
    next_partition_ = r.le32();
    sound = sound && r.ok();
  }));
  RUNNEL_TRY(log.each_state(kTopicKind, [&](ByteView name, ByteView value) {
    ByteReader r(value);
    const std::uint32_t count = r.le32();
    std::vector<PartitionId> ids;
    for (std::uint32_t i = 0; i < count && r.ok(); ++i) ids.emplace_back(r.le32());
    sound = sound && r.ok() && r.done();
    const std::string topic(name.substr(kTopicKind.size()));
    if (!ids.empty()) by_first_.emplace(ids.front(), topic);
    topics_.emplace(topic, std::move(ids));
  }));
  if (!sound) return Errc::damaged;
  RUNNEL_TRY(log.each_state(kConfigKind, [&](ByteView row, ByteView value) {
    const std::string name(row.substr(kConfigKind.size()));
    auto config = TopicConfig::decode(value);
    if (config) {
      configs_.emplace(name, std::move(*config));
    } else {
      logger::error("log", logger::text("the configuration of topic ", name, " cannot be read"));
    }
  }));
  log_ = &log;
  tell_log();
  return {};
}

void Topics::put_topic(
    std::string_view name, const std::vector<PartitionId>& ids, log::Group& group
) {
  Bytes value;
  ByteWriter w(value);
  w.le32(static_cast<std::uint32_t>(ids.size()));
  for (const PartitionId id : ids) w.le32(id.value);
  group.put_state(row_key(kTopicKind, name), value);
}

void Topics::ensure(const std::vector<TopicSpec>& specs, log::Group& group) {
  const std::uint32_t before = next_partition_;
  bool rules = false;
  for (const TopicSpec& spec : specs) {
    auto& ids = topics_[spec.name];
    if (ids.size() < spec.partitions) {
      while (ids.size() < spec.partitions) ids.emplace_back(next_partition_++);
      by_first_.insert_or_assign(ids.front(), spec.name);
      put_topic(spec.name, ids, group);
      rules = rules || configs_.contains(spec.name);
    }
    TopicConfig wanted = config(spec.name);
    for (const auto& [key, value] : spec.config.values()) {
      if (const auto fault = wanted.set(key, value)) logger::error("log", *fault);
    }
    if (wanted == config(spec.name)) continue;
    put_config(spec.name, std::move(wanted), group);
    rules = true;
  }
  if (rules) tell_log();
  if (next_partition_ == before) return;
  ++changes_;
  Bytes value;
  ByteWriter(value).le32(next_partition_);
  group.put_state(kNextPartition, value);
}

void Topics::configure(const std::vector<TopicSpec>& specs, log::Group& group) {
  configured_.clear();
  needs_.clear();
  for (const TopicSpec& spec : specs) {
    configured_.insert(spec.name);
    if (spec.min_replicas > 1) needs_[spec.name] = {spec.name, spec.min_replicas, spec.refuse_alone};
  }
  ensure(specs, group);
  ++changes_;
}

ReplicaNeeds Topics::replica_needs() const {
  ReplicaNeeds out;
  for (const auto& [name, need] : needs_) {
    const auto* partitions = find(name);
    if (partitions == nullptr) continue;
    for (const PartitionId id : *partitions) out.emplace(id, need);
  }
  return out;
}

void Topics::set_config(std::string_view name, TopicConfig config, log::Group& group) {
  put_config(name, std::move(config), group);
  tell_log();
}

void Topics::put_config(std::string_view name, TopicConfig config, log::Group& group) {
  RUNNEL_CHECK(find(name) != nullptr);
  const Bytes row = row_key(kConfigKind, name);
  if (config.values().empty()) {
    group.erase_state(row);
    configs_.erase(std::string(name));
  } else {
    group.put_state(row, config.encode());
    configs_.insert_or_assign(std::string(name), std::move(config));
  }
}

void Topics::erase(std::string_view name, log::Group& group) {
  const auto found = topics_.find(name);
  RUNNEL_CHECK(found != topics_.end() && !configured(name));
  group.erase_state(row_key(kTopicKind, name));
  group.erase_state(row_key(kConfigKind, name));
  for (const PartitionId id : found->second) group.trim(id, log::kGone);
  const bool rules = configs_.erase(std::string(name)) > 0;
  by_first_.erase(found->second.front());
  topics_.erase(found);
  ++changes_;
  if (rules) tell_log();
}

const std::string* Topics::that_begins_at(PartitionId first) const {
  const auto found = by_first_.find(first);
  return found == by_first_.end() ? nullptr : &found->second;
}

bool Topics::configured(std::string_view name) const {
  return name == kDefaultTopic || configured_.contains(name);
}

const TopicConfig& Topics::config(std::string_view name) const {
  static const TopicConfig kNothingSet;
  const auto found = configs_.find(name);
  return found == configs_.end() ? kNothingSet : found->second;
}

// What the topics ask of the log for their partitions.
void Topics::tell_log() const {
  if (log_ == nullptr) return;
  log::PartitionRuleMap rules;
  for (const auto& [name, config] : configs_) {
    const log::PartitionRules wanted{
        config.retention(), config.retention_bytes(), config.compacted(), config.append_time()};
    const auto* partitions = find(name);
    if (!wanted.any() || partitions == nullptr) continue;
    for (const PartitionId id : *partitions) rules.emplace(id, wanted);
  }
  log_->set_rules(std::move(rules));
}

const std::vector<PartitionId>* Topics::find(std::string_view name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : &found->second;
}

}  // namespace runnel::core
