// OffsetDelete, key 47: forgets offsets of topics that a group no longer reads (KIP-496).
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/by_topic.h"

namespace runnel::kafka {

struct OffsetDeleteRequest {
  static constexpr Api kApi{.key = ApiKey::offset_delete, .min = 0, .max = 0};

  Text group_id;
  Vector<ByTopic<std::int32_t>> topics;

  void io(auto& f) {
    f(group_id);
    f(topics);
  }
};

struct OffsetDeleteResponse {
  static constexpr Api kApi = OffsetDeleteRequest::kApi;

  struct Partition {
    std::int32_t index = 0;
    ErrorCode error_code{};

    void io(auto& f) {
      f(index);
      f(error_code);
    }
  };

  ErrorCode error_code{};
  std::int32_t throttle_time_ms = 0;
  Vector<ByTopic<Partition>> topics;

  void io(auto& f) {
    f(error_code);
    f(throttle_time_ms);
    f(topics);
  }
};

}  // namespace runnel::kafka
