// LeaveGroup, key 13: members leave. Up to version 2 one, in `member_id`; from 3 on several, in
// `members`.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct LeaveGroupRequest {
  static constexpr Api kApi{.key = ApiKey::leave_group, .min = 0, .max = 5, .flexible = 4};

  struct Member {
    Text member_id;
    NullableText group_instance_id;
    NullableText reason;

    void io(auto& f) {
      f(member_id);
      f(group_instance_id);
      f(reason, 5);
    }
  };

  Text group_id;
  Text member_id;
  Vector<Member> members;

  void io(auto& f) {
    f(group_id);
    f(member_id, 0, 2);
    f(members, 3);
  }
};

struct LeaveGroupResponse {
  static constexpr Api kApi = LeaveGroupRequest::kApi;

  struct Member {
    Text member_id;
    NullableText group_instance_id;
    ErrorCode error_code{};

    void io(auto& f) {
      f(member_id);
      f(group_instance_id);
      f(error_code);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code{};
  Vector<Member> members;

  void io(auto& f) {
    f(throttle_time_ms, 1);
    f(error_code);
    f(members, 3);
  }
};

}  // namespace runnel::kafka
