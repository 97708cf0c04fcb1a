// OffsetFetch, key 9: how far groups have come. Up to version 7 it speaks of one group, in the
// fields at the top; from 8 on of several, in `groups`.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/by_topic.h"

namespace runnel::kafka {

struct OffsetFetchRequest {
  static constexpr Api kApi{.key = ApiKey::offset_fetch, .min = 1, .max = 9, .flexible = 6};

  using Topics = NullableVector<ByTopic<std::int32_t>>;  // null: all of which there are offsets

  struct Group {
    Text group_id;
    NullableText member_id;
    std::int32_t member_epoch = -1;
    Topics topics;

    void io(auto& f) {
      f(group_id);
      f(member_id, 9);
      f(member_epoch, 9);
      f(topics);
    }
  };

  Text group_id;
  Topics topics;
  Vector<Group> groups;
  bool require_stable = false;

  void io(auto& f) {
    f(group_id, 0, 7);
    f.nullable_from(2, topics, 0, 7);
    f(groups, 8);
    f(require_stable, 7);
  }
};

struct OffsetFetchResponse {
  static constexpr Api kApi = OffsetFetchRequest::kApi;

  struct Partition {
    std::int32_t index = 0;
    std::int64_t committed_offset = 0;  // -1: none
    std::int32_t committed_leader_epoch = -1;
    NullableText metadata = Text{};  // some clients take null for a broken answer
    ErrorCode error_code{};

    void io(auto& f) {
      f(index);
      f(committed_offset);
      f(committed_leader_epoch, 5);
      f(metadata);
      f(error_code);
    }
  };

  struct Group {
    Text group_id;
    Vector<ByTopic<Partition>> topics;
    ErrorCode error_code{};

    void io(auto& f) {
      f(group_id);
      f(topics);
      f(error_code);
    }
  };

  std::int32_t throttle_time_ms = 0;
  Vector<ByTopic<Partition>> topics;
  ErrorCode error_code{};  // version 1 has none: it goes with each partition there
  Vector<Group> groups;

  void io(auto& f) {
    f(throttle_time_ms, 3);
    f(topics, 0, 7);
    f(error_code, 2, 7);
    f(groups, 8);
  }
};

}  // namespace runnel::kafka
