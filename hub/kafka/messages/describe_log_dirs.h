// DescribeLogDirs, key 35: how large partitions are on disk (KIP-113, KIP-827).
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/by_topic.h"

namespace runnel::kafka {

struct DescribeLogDirsRequest {
  static constexpr Api kApi{.key = ApiKey::describe_log_dirs, .min = 0, .max = 4, .flexible = 2};

  NullableVector<ByTopic<std::int32_t>> topics;  // null: all

  void io(auto& f) { f(topics); }
};

struct DescribeLogDirsResponse {
  static constexpr Api kApi = DescribeLogDirsRequest::kApi;

  struct Partition {
    std::int32_t index = 0;
    std::int64_t partition_size = 0;  // bytes
    std::int64_t offset_lag = 0;
    bool is_future_key = false;

    void io(auto& f) {
      f(index);
      f(partition_size);
      f(offset_lag);
      f(is_future_key);
    }
  };

  struct LogDir {
    ErrorCode error_code{};
    Text log_dir;
    Vector<ByTopic<Partition>> topics;
    std::int64_t total_bytes = -1;  // of the volume
    std::int64_t usable_bytes = -1;

    void io(auto& f) {
      f(error_code);
      f(log_dir);
      f(topics);
      f(total_bytes, 4);
      f(usable_bytes, 4);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code{};
  Vector<LogDir> results;

  void io(auto& f) {
    f(throttle_time_ms);
    f(error_code, 3);
    f(results);
  }
};

}  // namespace runnel::kafka
