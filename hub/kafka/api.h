// The APIs that the hub serves and their versions (protocol guide, "Api Keys"). The ranges stand
// beside the messages, as kApi of each request; apis.h gathers them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "hub/kafka/types.h"

namespace runnel::kafka {

enum class ApiKey : std::int16_t {
  produce = 0,
  fetch = 1,
  list_offsets = 2,
  metadata = 3,
  offset_commit = 8,
  offset_fetch = 9,
  find_coordinator = 10,
  join_group = 11,
  heartbeat = 12,
  leave_group = 13,
  sync_group = 14,
  describe_groups = 15,
  list_groups = 16,
  sasl_handshake = 17,
  api_versions = 18,
  create_topics = 19,
  delete_topics = 20,
  delete_records = 21,
  init_producer_id = 22,
  offset_for_leader_epoch = 23,
  add_partitions_to_txn = 24,
  add_offsets_to_txn = 25,
  end_txn = 26,
  txn_offset_commit = 28,
  describe_configs = 32,
  alter_configs = 33,
  describe_log_dirs = 35,
  sasl_authenticate = 36,
  create_partitions = 37,
  delete_groups = 42,
  incremental_alter_configs = 44,
  offset_delete = 47,
  describe_user_scram_credentials = 50,
  alter_user_scram_credentials = 51,
  describe_cluster = 60,
  describe_producers = 61,
  describe_transactions = 65,
  list_transactions = 66,
};

// What is known of an API before its messages are read.
struct Api {
  ApiKey key{};
  Version min = 0;             // as advertised
  Version max = 0;             // as advertised and served
  Version flexible = kLatest;  // the first version with compact lengths and tags (KIP-482)
  Version served_from = 0;     // versions below are advertised, for clients that look, but refused

  [[nodiscard]] constexpr bool is_flexible(Version version) const { return version >= flexible; }

  [[nodiscard]] constexpr Version oldest_served() const { return std::max(min, served_from); }

  [[nodiscard]] constexpr bool serves(Version version) const {
    return version >= oldest_served() && version <= max;
  }

  bool operator==(const Api&) const = default;
};

}  // namespace runnel::kafka
