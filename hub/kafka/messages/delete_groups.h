// DeleteGroups, key 42: forgets empty groups and their offsets (KIP-229).
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct DeleteGroupsRequest {
  static constexpr Api kApi{.key = ApiKey::delete_groups, .min = 0, .max = 2, .flexible = 2};

  Vector<Text> group_ids;

  void io(auto& f) { f(group_ids); }
};

struct DeleteGroupsResponse {
  static constexpr Api kApi = DeleteGroupsRequest::kApi;

  struct Result {
    Text group_id;
    ErrorCode error_code{};

    void io(auto& f) {
      f(group_id);
      f(error_code);
    }
  };

  std::int32_t throttle_time_ms = 0;
  Vector<Result> results;

  void io(auto& f) {
    f(throttle_time_ms);
    f(results);
  }
};

}  // namespace runnel::kafka
