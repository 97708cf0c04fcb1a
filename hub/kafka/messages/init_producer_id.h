// InitProducerId, key 22: an identity for an idempotent or a transactional producer.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct InitProducerIdRequest {
  static constexpr Api kApi{.key = ApiKey::init_producer_id, .min = 0, .max = 5, .flexible = 2};

  NullableText transactional_id;
  std::int32_t transaction_timeout_ms = 0;
  std::int64_t producer_id = -1;  // with its epoch, to go on with after an error (KIP-360)
  std::int16_t producer_epoch = -1;

  void io(auto& f) {
    f(transactional_id);
    f(transaction_timeout_ms);
    f(producer_id, 3);
    f(producer_epoch, 3);
  }
};

struct InitProducerIdResponse {
  static constexpr Api kApi = InitProducerIdRequest::kApi;

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code{};
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = 0;

  void io(auto& f) {
    f(throttle_time_ms);
    f(error_code);
    f(producer_id);
    f(producer_epoch);
  }
};

}  // namespace runnel::kafka
