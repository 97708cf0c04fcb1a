// DescribeGroups, key 15: the state and the members of groups.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct DescribeGroupsRequest {
  static constexpr Api kApi{.key = ApiKey::describe_groups, .min = 0, .max = 5, .flexible = 5};

  Vector<Text> groups;
  bool include_authorized_operations = false;

  void io(auto& f) {
    f(groups);
    f(include_authorized_operations, 3);
  }
};

struct DescribeGroupsResponse {
  static constexpr Api kApi = DescribeGroupsRequest::kApi;

  struct Member {
    Text member_id;
    NullableText group_instance_id;
    Text client_id;
    Text client_host;
    Blob member_metadata;
    Blob member_assignment;

    void io(auto& f) {
      f(member_id);
      f(group_instance_id, 4);
      f(client_id);
      f(client_host);
      f(member_metadata);
      f(member_assignment);
    }
  };

  struct Group {
    ErrorCode error_code{};
    Text group_id;
    Text group_state;
    Text protocol_type;
    Text protocol_data;  // the name of the protocol that was chosen
    Vector<Member> members;
    std::int32_t authorized_operations = kNoOperations;

    void io(auto& f) {
      f(error_code);
      f(group_id);
      f(group_state);
      f(protocol_type);
      f(protocol_data);
      f(members);
      f(authorized_operations, 3);
    }
  };

  std::int32_t throttle_time_ms = 0;
  Vector<Group> groups;

  void io(auto& f) {
    f(throttle_time_ms, 1);
    f(groups);
  }
};

}  // namespace runnel::kafka
