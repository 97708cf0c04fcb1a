// DescribeProducers, key 61: who writes to partitions, and in which transactions (KIP-664).
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/by_topic.h"

namespace runnel::kafka {

struct DescribeProducersRequest {
  static constexpr Api kApi{.key = ApiKey::describe_producers, .min = 0, .max = 0, .flexible = 0};

  Vector<ByTopic<std::int32_t>> topics;

  void io(auto& f) { f(topics); }
};

struct DescribeProducersResponse {
  static constexpr Api kApi = DescribeProducersRequest::kApi;

  struct Producer {
    std::int64_t producer_id = 0;
    std::int32_t producer_epoch = 0;
    std::int32_t last_sequence = -1;
    std::int64_t last_timestamp = -1;
    std::int32_t coordinator_epoch = 0;
    std::int64_t current_txn_start_offset = -1;

    void io(auto& f) {
      f(producer_id);
      f(producer_epoch);
      f(last_sequence);
      f(last_timestamp);
      f(coordinator_epoch);
      f(current_txn_start_offset);
    }
  };

  struct Partition {
    std::int32_t index = 0;
    ErrorCode error_code{};
    NullableText error_message;
    Vector<Producer> active_producers;

    void io(auto& f) {
      f(index);
      f(error_code);
      f(error_message);
      f(active_producers);
    }
  };

  std::int32_t throttle_time_ms = 0;
  Vector<ByTopic<Partition>> topics;

  void io(auto& f) {
    f(throttle_time_ms);
    f(topics);
  }
};

}  // namespace runnel::kafka
