// TxnOffsetCommit, key 28: how far a group has come, once the transaction commits.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/by_topic.h"

namespace runnel::kafka {

struct TxnOffsetCommitRequest {
  static constexpr Api kApi{.key = ApiKey::txn_offset_commit, .min = 0, .max = 3, .flexible = 3};

  struct Partition {
    std::int32_t index = 0;
    std::int64_t committed_offset = 0;
    std::int32_t committed_leader_epoch = -1;
    NullableText metadata;

    void io(auto& f) {
      f(index);
      f(committed_offset);
      f(committed_leader_epoch, 2);
      f(metadata);
    }
  };

  Text transactional_id;
  Text group_id;
  std::int64_t producer_id = 0;
  std::int16_t producer_epoch = 0;
  std::int32_t generation_id = -1;
  Text member_id;
  NullableText group_instance_id;
  Vector<ByTopic<Partition>> topics;

  void io(auto& f) {
    f(transactional_id);
    f(group_id);
    f(producer_id);
    f(producer_epoch);
    f(generation_id, 3);
    f(member_id, 3);
    f(group_instance_id, 3);
    f(topics);
  }
};

struct TxnOffsetCommitResponse {
  static constexpr Api kApi = TxnOffsetCommitRequest::kApi;

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
