// ListOffsets, key 2: the offset of a time, or of the ends of the log.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/by_topic.h"

namespace runnel::kafka {

// Timestamps that ask for something else than a time.
constexpr std::int64_t kLatestOffset = -1;
constexpr std::int64_t kEarliestOffset = -2;
constexpr std::int64_t kMaxTimestamp = -3;         // from version 7
constexpr std::int64_t kEarliestLocalOffset = -4;  // from version 8

struct ListOffsetsRequest {
  static constexpr Api kApi{.key = ApiKey::list_offsets, .min = 1, .max = 8, .flexible = 6};

  struct Partition {
    std::int32_t index = 0;
    std::int32_t current_leader_epoch = -1;
    std::int64_t timestamp = 0;

    void io(auto& f) {
      f(index);
      f(current_leader_epoch, 4);
      f(timestamp);
    }
  };

  std::int32_t replica_id = 0;
  std::int8_t isolation_level = 0;
  Vector<ByTopic<Partition>> topics;

  void io(auto& f) {
    f(replica_id);
    f(isolation_level, 2);
    f(topics);
  }
};

struct ListOffsetsResponse {
  static constexpr Api kApi = ListOffsetsRequest::kApi;

  struct Partition {
    std::int32_t index = 0;
    ErrorCode error_code{};
    std::int64_t timestamp = -1;
    std::int64_t offset = -1;
    std::int32_t leader_epoch = -1;

    void io(auto& f) {
      f(index);
      f(error_code);
      f(timestamp, 1);
      f(offset, 1);
      f(leader_epoch, 4);
    }
  };

  std::int32_t throttle_time_ms = 0;
  Vector<ByTopic<Partition>> topics;

  void io(auto& f) {
    f(throttle_time_ms, 2);
    f(topics);
  }
};

}  // namespace runnel::kafka
