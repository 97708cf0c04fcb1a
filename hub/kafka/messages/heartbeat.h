// Heartbeat, key 12: a member of a group is alive, and asks whether it is to join again.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct HeartbeatRequest {
  static constexpr Api kApi{.key = ApiKey::heartbeat, .min = 0, .max = 4, .flexible = 4};

  Text group_id;
  std::int32_t generation_id = 0;
  Text member_id;
  NullableText group_instance_id;

  void io(auto& f) {
    f(group_id);
    f(generation_id);
    f(member_id);
    f(group_instance_id, 3);
  }
};

struct HeartbeatResponse {
  static constexpr Api kApi = HeartbeatRequest::kApi;

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code{};

  void io(auto& f) {
    f(throttle_time_ms, 1);
    f(error_code);
  }
};

}  // namespace runnel::kafka
