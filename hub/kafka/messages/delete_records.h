// DeleteRecords, key 21: trims partitions.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/by_topic.h"

namespace runnel::kafka {

struct DeleteRecordsRequest {
  static constexpr Api kApi{.key = ApiKey::delete_records, .min = 0, .max = 2, .flexible = 2};

  struct Partition {
    std::int32_t index = 0;
    std::int64_t offset = 0;  // the first that stays; -1: the high watermark

    void io(auto& f) {
      f(index);
      f(offset);
    }
  };

  Vector<ByTopic<Partition>> topics;
  std::int32_t timeout_ms = 0;

  void io(auto& f) {
    f(topics);
    f(timeout_ms);
  }
};

struct DeleteRecordsResponse {
  static constexpr Api kApi = DeleteRecordsRequest::kApi;

  struct Partition {
    std::int32_t index = 0;
    std::int64_t low_watermark = 0;  // -1 beside an error
    ErrorCode error_code{};

    void io(auto& f) {
      f(index);
      f(low_watermark);
      f(error_code);
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
