// JoinGroup, key 11: a member joins a group, and waits until all have.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct JoinGroupRequest {
  static constexpr Api kApi{.key = ApiKey::join_group, .min = 0, .max = 9, .flexible = 6};

  struct Protocol {
    Text name;
    Blob metadata;

    void io(auto& f) {
      f(name);
      f(metadata);
    }
  };

  Text group_id;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = -1;  // -1: as the session
  Text member_id;
  NullableText group_instance_id;
  Text protocol_type;
  Vector<Protocol> protocols;  // in order of preference
  NullableText reason;

  void io(auto& f) {
    f(group_id);
    f(session_timeout_ms);
    f(rebalance_timeout_ms, 1);
    f(member_id);
    f(group_instance_id, 5);
    f(protocol_type);
    f(protocols);
    f(reason, 8);
  }
};

struct JoinGroupResponse {
  static constexpr Api kApi = JoinGroupRequest::kApi;

  struct Member {
    Text member_id;
    NullableText group_instance_id;
    Blob metadata;

    void io(auto& f) {
      f(member_id);
      f(group_instance_id, 5);
      f(metadata);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code{};
  std::int32_t generation_id = -1;
  NullableText protocol_type;
  NullableText protocol_name;
  Text leader;
  bool skip_assignment = false;
  Text member_id;
  Vector<Member> members;  // for the leader alone

  void io(auto& f) {
    f(throttle_time_ms, 2);
    f(error_code);
    f(generation_id);
    f(protocol_type, 7);
    f.nullable_from(7, protocol_name);
    f(leader);
    f(skip_assignment, 9);
    f(member_id);
    f(members);
  }
};

}  // namespace runnel::kafka
