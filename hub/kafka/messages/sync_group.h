// SyncGroup, key 14: the leader of a group hands out its assignments, the others wait for theirs.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct SyncGroupRequest {
  static constexpr Api kApi{.key = ApiKey::sync_group, .min = 0, .max = 5, .flexible = 4};

  struct Assignment {
    Text member_id;
    Blob assignment;

    void io(auto& f) {
      f(member_id);
      f(assignment);
    }
  };

  Text group_id;
  std::int32_t generation_id = 0;
  Text member_id;
  NullableText group_instance_id;
  NullableText protocol_type;
  NullableText protocol_name;
  Vector<Assignment> assignments;

  void io(auto& f) {
    f(group_id);
    f(generation_id);
    f(member_id);
    f(group_instance_id, 3);
    f(protocol_type, 5);
    f(protocol_name, 5);
    f(assignments);
  }
};

struct SyncGroupResponse {
  static constexpr Api kApi = SyncGroupRequest::kApi;

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code{};
  NullableText protocol_type;
  NullableText protocol_name;
  Blob assignment;

  void io(auto& f) {
    f(throttle_time_ms, 1);
    f(error_code);
    f(protocol_type, 5);
    f(protocol_name, 5);
    f(assignment);
  }
};

}  // namespace runnel::kafka
