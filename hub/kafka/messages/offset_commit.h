// OffsetCommit, key 8: how far a group has come.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/by_topic.h"

namespace runnel::kafka {

struct OffsetCommitRequest {
  static constexpr Api kApi{.key = ApiKey::offset_commit, .min = 1, .max = 9, .flexible = 8};

  struct Partition {
    std::int32_t index = 0;
    std::int64_t committed_offset = 0;
    std::int32_t committed_leader_epoch = -1;
    std::int64_t commit_timestamp_ms = -1;
    NullableText metadata;

    void io(auto& f) {
      f(index);
      f(committed_offset);
      f(committed_leader_epoch, 6);
      f(commit_timestamp_ms, 1, 1);
      f(metadata);
    }
  };

  Text group_id;
  std::int32_t generation_id = -1;  // -1 and no member id: from outside of the group
  Text member_id;
  NullableText group_instance_id;
  std::int64_t retention_time_ms = -1;
  Vector<ByTopic<Partition>> topics;

  void io(auto& f) {
    f(group_id);
    f(generation_id, 1);
    f(member_id, 1);
    f(group_instance_id, 7);
    f(retention_time_ms, 2, 4);
    f(topics);
  }
};

struct OffsetCommitResponse {
  static constexpr Api kApi = OffsetCommitRequest::kApi;

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
    f(throttle_time_ms, 3);
    f(topics);
  }
};

}  // namespace runnel::kafka
