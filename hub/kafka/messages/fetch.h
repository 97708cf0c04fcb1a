// Fetch, key 1: records from given offsets on, with waiting. From version 13 on topics are named by
// their ids (KIP-516).
#pragma once

#include <limits>

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

// Some partitions of a topic: its name up to version 12, its id from 13.
template <class Partition, Version kSince>
struct FetchTopic {
  Text name;
  Vector<Partition> partitions;
  Uuid id;

  void io(auto& f) {
    f(name, kSince, 12);
    f(id, 13);
    f(partitions);
  }
};

// The first version that names topics by their ids.
constexpr Version kFetchById = 13;

// By this id hubs give their mirrors what groups have committed (kafka_broker/offset_feed.h); no topic has
// it.
constexpr Uuid kGroupOffsetsId{{'r', 'u', 'n', 'n', 'e', 'l', '.', 'g', '.', 'o', 'f', 'f', 's', 'e', 't', 's'}};

struct FetchRequest {
  static constexpr Api kApi{.key = ApiKey::fetch, .min = 4, .max = 13, .flexible = 12};

  struct Partition {
    std::int32_t index = 0;
    std::int32_t current_leader_epoch = -1;
    std::int64_t fetch_offset = 0;
    std::int32_t last_fetched_epoch = -1;
    std::int64_t log_start_offset = -1;  // of a follower; consumers leave it
    std::int32_t partition_max_bytes = 0;

    void io(auto& f) {
      f(index);
      f(current_leader_epoch, 9);
      f(fetch_offset);
      f(last_fetched_epoch, 12);
      f(log_start_offset, 5);
      f(partition_max_bytes);
    }
  };

  std::int32_t replica_id = -1;
  std::int32_t max_wait_ms = 0;
  std::int32_t min_bytes = 0;
  std::int32_t max_bytes = std::numeric_limits<std::int32_t>::max();
  std::int8_t isolation_level = 0;  // 0: read uncommitted, 1: read committed
  std::int32_t session_id = 0;
  std::int32_t session_epoch = -1;
  Vector<FetchTopic<Partition, 0>> topics;
  Vector<FetchTopic<std::int32_t, 7>> forgotten_topics;
  Text rack_id;

  void io(auto& f) {
    f(replica_id);
    f(max_wait_ms);
    f(min_bytes);
    f(max_bytes, 3);
    f(isolation_level, 4);
    f(session_id, 7);
    f(session_epoch, 7);
    f(topics);
    f(forgotten_topics, 7);
    f(rack_id, 11);
  }
};

struct FetchResponse {
  static constexpr Api kApi = FetchRequest::kApi;

  struct AbortedTransaction {
    std::int64_t producer_id = 0;
    std::int64_t first_offset = 0;

    void io(auto& f) {
      f(producer_id);
      f(first_offset);
    }
  };

  struct Partition {
    std::int32_t index = 0;
    ErrorCode error_code{};
    std::int64_t high_watermark = 0;
    std::int64_t last_stable_offset = -1;
    std::int64_t log_start_offset = -1;
    NullableVector<AbortedTransaction> aborted_transactions;  // null for read uncommitted
    std::int32_t preferred_read_replica = -1;
    Blob records;  // may be null in the protocol, but librdkafka before 2.1 loops over a null

    void io(auto& f) {
      f(index);
      f(error_code);
      f(high_watermark);
      f(last_stable_offset, 4);
      f(log_start_offset, 5);
      f(aborted_transactions, 4);
      f(preferred_read_replica, 11);
      f(records);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code{};
  std::int32_t session_id = 0;  // 0: no session
  Vector<FetchTopic<Partition, 0>> topics;

  void io(auto& f) {
    f(throttle_time_ms, 1);
    f(error_code, 7);
    f(session_id, 7);
    f(topics);
  }
};

}  // namespace runnel::kafka
