// AddOffsetsToTxn, key 25: a transaction is going to commit offsets of this group.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct AddOffsetsToTxnRequest {
  static constexpr Api kApi{.key = ApiKey::add_offsets_to_txn, .min = 0, .max = 3, .flexible = 3};

  Text transactional_id;
  std::int64_t producer_id = 0;
  std::int16_t producer_epoch = 0;
  Text group_id;

  void io(auto& f) {
    f(transactional_id);
    f(producer_id);
    f(producer_epoch);
    f(group_id);
  }
};

struct AddOffsetsToTxnResponse {
  static constexpr Api kApi = AddOffsetsToTxnRequest::kApi;

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code{};

  void io(auto& f) {
    f(throttle_time_ms);
    f(error_code);
  }
};

}  // namespace runnel::kafka
