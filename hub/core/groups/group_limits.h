// Every bound of consumer groups and their offsets, with its unit. The defaults are Kafka's where
// it has one (group.*, offsets.*), but for the delay before a first rebalance, which is none here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace runnel::core {

struct GroupLimits {
  std::size_t groups_max = 1000;    // with members, or that had some; offsets alone do not count
  std::size_t members_max = 1000;   // of one group, those that have only been given an id too
  std::size_t protocols_max = 32;   // that one member offers
  std::size_t id_bytes_max = 1024;  // of a group id
  std::size_t member_bytes_max = 1 << 20;  // ids, protocols and metadata of one member
  std::size_t group_bytes_max = 4 << 20;   // members and assignments of one group: one state row
  std::size_t bytes_max = 16 << 20;        // members and assignments of all groups
  std::chrono::milliseconds session_timeout_min{6'000};
  std::chrono::milliseconds session_timeout_max{1'800'000};
  std::chrono::milliseconds initial_rebalance_delay{0};
};

struct OffsetLimits {
  std::size_t metadata_bytes_max = 4096;  // of one committed offset
  std::size_t entries_max = 50'000;       // partitions with an offset, over all groups
  std::size_t group_entries_max = 2'000;  // of one group: they are deleted in one commit
  std::size_t bytes_max = 16 << 20;       // of all entries, names and metadata included
  // Of one transaction: they are committed with it, all at once.
  std::size_t pending_entries_max = 2'000;
  std::size_t pending_bytes_max = 1 << 20;
  std::chrono::milliseconds retention = std::chrono::hours(24 * 7);  // by hub time
  std::chrono::milliseconds expiry_interval = std::chrono::minutes(10);
};

}  // namespace runnel::core
