// ListGroups, key 16: the groups that there are.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct ListGroupsRequest {
  static constexpr Api kApi{.key = ApiKey::list_groups, .min = 0, .max = 5, .flexible = 3};

  Vector<Text> states_filter;  // empty: any
  Vector<Text> types_filter;   // empty: any; "classic", "consumer"

  void io(auto& f) {
    f(states_filter, 4);
    f(types_filter, 5);
  }
};

struct ListGroupsResponse {
  static constexpr Api kApi = ListGroupsRequest::kApi;

  struct Group {
    Text group_id;
    Text protocol_type;
    Text group_state;
    Text group_type;

    void io(auto& f) {
      f(group_id);
      f(protocol_type);
      f(group_state, 4);
      f(group_type, 5);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code{};
  Vector<Group> groups;

  void io(auto& f) {
    f(throttle_time_ms, 1);
    f(error_code);
    f(groups);
  }
};

}  // namespace runnel::kafka
