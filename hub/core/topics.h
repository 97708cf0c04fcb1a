// The topics of the hub's log, which partitions they have and how they are configured. Kept as state
// rows, so that a topic outlives the configuration file that made it:
//   T            u32 next partition id
//   t/{name}     u32 count, then that many u32 partition ids
//   tc/{name}    what is set of its configuration (topic_config.h); none: nothing is
//
// A deleted topic takes its rows and its partitions with it in one commit. One that is made again
// under its name has other partitions: partition ids are never used again.
//
// Threads: one, the io thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "hub/core/replicas.h"
#include "hub/core/topic_config.h"
#include "storage/log/group.h"
#include "storage/log/log.h"

namespace runnel::core {

constexpr std::string_view kDefaultTopic = "mqtt";

struct TopicSpec {
  std::string name;
  std::uint32_t partitions = 1;
  TopicConfig config = {};  // what it should have set; what it has set beside that stays
  std::uint32_t min_replicas = 1;  // until configure() says otherwise
  bool refuse_alone = true;        // while there are fewer
};

class Topics {
 public:
  using Map = std::map<std::string, std::vector<PartitionId>, std::less<>>;

  // Reads what the log knows. The log, which outlives this, is told from then on what the
  // configurations of topics ask of it.
  Result<void> load(log::Log& log);

  // What the configuration file wants: as ensure(), and these topics may not be deleted until it is
  // called again without them.
  void configure(const std::vector<TopicSpec>& specs, log::Group& group);

  // Makes topics and partitions that are missing. Never takes one away: a topic with more partitions
  // than asked for keeps them, since offsets in them may still be owed to somebody.
  void ensure(const std::vector<TopicSpec>& specs, log::Group& group);

  // A topic that is there gets this configuration.
  void set_config(std::string_view name, TopicConfig config, log::Group& group);

  // The topic, its configuration and all of its records go. It is there, and not configured().
  void erase(std::string_view name, log::Group& group);

  // The configuration file, a route of it, or the hub itself needs the topic.
  [[nodiscard]] bool configured(std::string_view name) const;

  // What is set of a topic's configuration; of one that is not there, nothing.
  [[nodiscard]] const TopicConfig& config(std::string_view name) const;

  // Of those that ask for more than this hub, by partition.
  [[nodiscard]] ReplicaNeeds replica_needs() const;

  // nullptr: there is no such topic.
  [[nodiscard]] const std::vector<PartitionId>* find(std::string_view name) const;
  [[nodiscard]] const Map& all() const { return topics_; }

  // The topic whose first partition that is; nullptr: there is none.
  [[nodiscard]] const std::string* that_begins_at(PartitionId first) const;

  // Goes up whenever a topic or a partition comes or goes, or is configured anew: what was made of them is to be made anew.
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

 private:
  void put_topic(std::string_view name, const std::vector<PartitionId>& ids, log::Group& group);
  void put_config(std::string_view name, TopicConfig config, log::Group& group);
  void tell_log() const;

  Map topics_;
  std::map<PartitionId, std::string> by_first_;  // by the first partition of each
  std::uint64_t changes_ = 0;
  std::map<std::string, TopicConfig, std::less<>> configs_;  // of those that have something set
  std::set<std::string, std::less<>> configured_;
  std::map<std::string, ReplicaNeed, std::less<>> needs_;
  log::Log* log_ = nullptr;
  std::uint32_t next_partition_ = 0;
};

}  // namespace runnel::core
