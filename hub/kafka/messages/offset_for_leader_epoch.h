// OffsetForLeaderEpoch, key 23: where a leader's epoch ended, to find out what was cut off
// (KIP-320).
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/by_topic.h"

namespace runnel::kafka {

struct OffsetForLeaderEpochRequest {
  static constexpr Api kApi{
      .key = ApiKey::offset_for_leader_epoch, .min = 2, .max = 4, .flexible = 4};

  struct Partition {
    std::int32_t index = 0;
    std::int32_t current_leader_epoch = -1;
    std::int32_t leader_epoch = 0;

    void io(auto& f) {
      f(index);
      f(current_leader_epoch);
      f(leader_epoch);
    }
  };

  std::int32_t replica_id = -2;  // -1: a consumer, -2: not said
  Vector<ByTopic<Partition>> topics;

  void io(auto& f) {
    f(replica_id, 3);
    f(topics);
  }
};

struct OffsetForLeaderEpochResponse {
  static constexpr Api kApi = OffsetForLeaderEpochRequest::kApi;

  struct Partition {
    ErrorCode error_code{};
    std::int32_t index = 0;
    std::int32_t leader_epoch = -1;
    std::int64_t end_offset = -1;

    void io(auto& f) {
      f(error_code);
      f(index);
      f(leader_epoch);
      f(end_offset);
    }
  };

  std::int32_t throttle_time_ms = 0;
  Vector<ByTopic<Partition>> topics;

  void io(auto& f) {
    f(throttle_time_ms);
    f(topics);
  }
};

}  // namespace runnel::kafka
