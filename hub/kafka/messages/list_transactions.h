// ListTransactions, key 66: the transactional ids that there are (KIP-664, KIP-994).
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct ListTransactionsRequest {
  static constexpr Api kApi{.key = ApiKey::list_transactions, .min = 0, .max = 1, .flexible = 0};

  Vector<Text> state_filters;                // empty: any
  Vector<std::int64_t> producer_id_filters;  // empty: any
  std::int64_t duration_filter_ms = -1;      // those that run for longer; -1: any

  void io(auto& f) {
    f(state_filters);
    f(producer_id_filters);
    f(duration_filter_ms, 1);
  }
};

struct ListTransactionsResponse {
  static constexpr Api kApi = ListTransactionsRequest::kApi;

  struct Transaction {
    Text transactional_id;
    std::int64_t producer_id = 0;
    Text transaction_state;

    void io(auto& f) {
      f(transactional_id);
      f(producer_id);
      f(transaction_state);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code{};
  Vector<Text> unknown_state_filters;
  Vector<Transaction> transaction_states;

  void io(auto& f) {
    f(throttle_time_ms);
    f(error_code);
    f(unknown_state_filters);
    f(transaction_states);
  }
};

}  // namespace runnel::kafka
