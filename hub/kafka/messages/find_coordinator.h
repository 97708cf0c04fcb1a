// FindCoordinator, key 10: who coordinates a group or a transaction. Up to version 3 it speaks of
// one key, in the fields at the top; from 4 on of several.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

enum class CoordinatorType : std::int8_t { group = 0, transaction = 1, share = 2 };

struct FindCoordinatorRequest {
  static constexpr Api kApi{.key = ApiKey::find_coordinator, .min = 0, .max = 6, .flexible = 3};

  Text key;
  CoordinatorType key_type{};  // any value may come
  Vector<Text> coordinator_keys;

  void io(auto& f) {
    f(key, 0, 3);
    f(key_type, 1);
    f(coordinator_keys, 4);
  }
};

struct FindCoordinatorResponse {
  static constexpr Api kApi = FindCoordinatorRequest::kApi;

  struct Coordinator {
    Text key;
    std::int32_t node_id = 0;
    Text host;
    std::int32_t port = 0;
    ErrorCode error_code{};
    NullableText error_message;

    void io(auto& f) {
      f(key);
      f(node_id);
      f(host);
      f(port);
      f(error_code);
      f(error_message);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code{};
  NullableText error_message;
  std::int32_t node_id = 0;
  Text host;
  std::int32_t port = 0;
  Vector<Coordinator> coordinators;

  void io(auto& f) {
    f(throttle_time_ms, 1);
    f(error_code, 0, 3);
    f(error_message, 1, 3);
    f(node_id, 0, 3);
    f(host, 0, 3);
    f(port, 0, 3);
    f(coordinators, 4);
  }
};

}  // namespace runnel::kafka
