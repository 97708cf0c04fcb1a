// DeleteTopics, key 20: by name, up to version 5 in `topic_names`; from 6 on by name or id, in
// `topics`.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct DeleteTopicsRequest {
  static constexpr Api kApi{.key = ApiKey::delete_topics, .min = 0, .max = 6, .flexible = 4};

  struct Topic {
    NullableText name;  // null: by id
    Uuid topic_id;

    void io(auto& f) {
      f(name);
      f(topic_id);
    }
  };

  Vector<Topic> topics;
  Vector<Text> topic_names;
  std::int32_t timeout_ms = 0;

  void io(auto& f) {
    f(topics, 6);
    f(topic_names, 0, 5);
    f(timeout_ms);
  }
};

struct DeleteTopicsResponse {
  static constexpr Api kApi = DeleteTopicsRequest::kApi;

  struct Topic {
    NullableText name;  // null from version 6: of an unknown id
    Uuid topic_id;
    ErrorCode error_code{};
    NullableText error_message;

    void io(auto& f) {
      f.nullable_from(6, name);
      f(topic_id, 6);
      f(error_code);
      f(error_message, 5);
    }
  };

  std::int32_t throttle_time_ms = 0;
  Vector<Topic> responses;

  void io(auto& f) {
    f(throttle_time_ms, 1);
    f(responses);
  }
};

}  // namespace runnel::kafka
