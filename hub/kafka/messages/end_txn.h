// EndTxn, key 26: commits or aborts a transaction.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct EndTxnRequest {
  static constexpr Api kApi{.key = ApiKey::end_txn, .min = 0, .max = 3, .flexible = 3};

  Text transactional_id;
  std::int64_t producer_id = 0;
  std::int16_t producer_epoch = 0;
  bool committed = false;

  void io(auto& f) {
    f(transactional_id);
    f(producer_id);
    f(producer_epoch);
    f(committed);
  }
};

struct EndTxnResponse {
  static constexpr Api kApi = EndTxnRequest::kApi;

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code{};

  void io(auto& f) {
    f(throttle_time_ms);
    f(error_code);
  }
};

}  // namespace runnel::kafka
