// DescribeTransactions, key 65: the state of transactions (KIP-664).
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/by_topic.h"

namespace runnel::kafka {

struct DescribeTransactionsRequest {
  static constexpr Api kApi{
      .key = ApiKey::describe_transactions, .min = 0, .max = 0, .flexible = 0};

  Vector<Text> transactional_ids;

  void io(auto& f) { f(transactional_ids); }
};

struct DescribeTransactionsResponse {
  static constexpr Api kApi = DescribeTransactionsRequest::kApi;

  struct Transaction {
    ErrorCode error_code{};
    Text transactional_id;
    Text transaction_state;
    std::int32_t transaction_timeout_ms = 0;
    std::int64_t transaction_start_time_ms = 0;  // -1: it has not begun
    std::int64_t producer_id = 0;
    std::int16_t producer_epoch = 0;
    Vector<ByTopic<std::int32_t>> topics;

    void io(auto& f) {
      f(error_code);
      f(transactional_id);
      f(transaction_state);
      f(transaction_timeout_ms);
      f(transaction_start_time_ms);
      f(producer_id);
      f(producer_epoch);
      f(topics);
    }
  };

  std::int32_t throttle_time_ms = 0;
  Vector<Transaction> transaction_states;

  void io(auto& f) {
    f(throttle_time_ms);
    f(transaction_states);
  }
};

}  // namespace runnel::kafka
