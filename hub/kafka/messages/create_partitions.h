// CreatePartitions, key 37: more partitions for topics that exist.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct CreatePartitionsRequest {
  static constexpr Api kApi{.key = ApiKey::create_partitions, .min = 0, .max = 3, .flexible = 2};

  struct Assignment {
    Vector<std::int32_t> broker_ids;

    void io(auto& f) { f(broker_ids); }
  };

  struct Topic {
    Text name;
    std::int32_t count = 0;  // with those that exist
    NullableVector<Assignment>
        assignments;  // one for each new partition; null: as the broker likes

    void io(auto& f) {
      f(name);
      f(count);
      f(assignments);
    }
  };

  Vector<Topic> topics;
  std::int32_t timeout_ms = 0;
  bool validate_only = false;

  void io(auto& f) {
    f(topics);
    f(timeout_ms);
    f(validate_only);
  }
};

struct CreatePartitionsResponse {
  static constexpr Api kApi = CreatePartitionsRequest::kApi;

  struct Result {
    Text name;
    ErrorCode error_code{};
    NullableText error_message;

    void io(auto& f) {
      f(name);
      f(error_code);
      f(error_message);
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
