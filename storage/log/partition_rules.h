// What the log does with single partitions because their topic wants it. Whoever knows the topics
// says so with Log::set_rules(). Threads: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "storage/base/types.h"

namespace runnel::log {

struct PartitionRules {
  std::optional<std::chrono::milliseconds> retention;  // by hub time; nullopt: the whole log's
  std::optional<std::uint64_t> retention_bytes;        // of batches; the newest that many stay
  bool compacted = false;    // the newest record of every key stays (compacted.h)
  bool append_time = false;  // the time of a record is that of its commit (LogAppendTime)

  // Without any of it there is nothing to be done.
  [[nodiscard]] bool any() const { return retention || retention_bytes || append_time || compacted; }

  bool operator==(const PartitionRules&) const = default;
};

// By partition; those that want nothing are left out.
using PartitionRuleMap = std::unordered_map<PartitionId, PartitionRules>;

// By partition, the first offset that must stay.
using Holds = std::unordered_map<PartitionId, Offset>;

inline bool wants_append_time(const PartitionRuleMap& rules, PartitionId partition) {
  const auto found = rules.find(partition);
  return found != rules.end() && found->second.append_time;
}

}  // namespace runnel::log
