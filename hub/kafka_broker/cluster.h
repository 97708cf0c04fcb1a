// Who this cluster of one is: its id, its only node, and the producer ids that it gives out. Kept as
// state rows:
//   K    cluster id, text
//   I    u64 (little-endian): the next producer id to give out
//
// Threads: one, the io thread.
#pragma once

#include <string>

#include "hub/core/turn.h"
#include "hub/kafka/types.h"
#include "storage/log/log.h"

namespace runnel::kafka {

// The node id of the hub in its own cluster, and of its coordinators.
constexpr std::int32_t kNodeId = 0;

// Leaders never change: there is one node.
constexpr std::int32_t kLeaderEpoch = 0;

class Cluster {
 public:
  // Makes up an id when there is none yet.
  Result<void> load(const log::Log& log, core::Turn& turn);

  [[nodiscard]] const std::string& id() const { return id_; }

  // A producer id that was never given out. It may be told to nobody before the turn's group is
  // durable.
  std::int64_t next_producer_id(core::Turn& turn);

  // No id that the log knows is given out from now on.
  Result<void> pass_known_producers(const log::Log& log);

  // The id of a topic, by its first partition, which is never used again.
  [[nodiscard]] Uuid topic_id(PartitionId first_partition) const;
  // The other way round; nullopt: it is no id that we gave.
  [[nodiscard]] std::optional<PartitionId> first_partition(const Uuid& topic_id) const;

 private:
  std::string id_;
  std::uint64_t next_producer_ = 0;
};

}  // namespace runnel::kafka
