// AddPartitionsToTxn, key 24: a transaction is going to write to these partitions. Served up to the
// last version that clients send; later ones are between brokers.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/by_topic.h"

namespace runnel::kafka {

struct AddPartitionsToTxnRequest {
  static constexpr Api kApi{
      .key = ApiKey::add_partitions_to_txn, .min = 0, .max = 3, .flexible = 3};

  Text transactional_id;
  std::int64_t producer_id = 0;
  std::int16_t producer_epoch = 0;
  Vector<ByTopic<std::int32_t>> topics;

  void io(auto& f) {
    f(transactional_id);
    f(producer_id);
    f(producer_epoch);
    f(topics);
  }
};

struct AddPartitionsToTxnResponse {
  static constexpr Api kApi = AddPartitionsToTxnRequest::kApi;

  struct Partition {
    std::int32_t index = 0;
    ErrorCode error_code{};

    void io(auto& f) {
      f(index);
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
