// The topics of the hub's log, and which partitions they have. Kept as state rows, so that a topic
// and its partitions outlive the configuration that made them:
//   T            u32 next partition id
//   t/{name}     u32 count, then that many u32 partition ids
//
// Threads: one, the io thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "storage/log/group.h"
#include "storage/log/log.h"

namespace runnel::core {

constexpr std::string_view kDefaultTopic = "mqtt";

struct TopicSpec {
  std::string name;
  std::uint32_t partitions = 1;
};

class Topics {
 public:
  using Map = std::map<std::string, std::vector<PartitionId>, std::less<>>;

  // Reads what the log knows.
  Result<void> load(const log::Log& log);

  // Makes topics and partitions that are missing. Never takes one away: a topic with more partitions
  // than asked for keeps them, since offsets in them may still be owed to somebody.
  void ensure(const std::vector<TopicSpec>& specs, log::Group& group);

  // nullptr: there is no such topic.
  [[nodiscard]] const std::vector<PartitionId>* find(std::string_view name) const;
  [[nodiscard]] const Map& all() const { return topics_; }

 private:
  Map topics_;
  std::uint32_t next_partition_ = 0;
};

}  // namespace runnel::core
