// CreateTopics, key 19.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/config_resource.h"

namespace runnel::kafka {

struct CreateTopicsRequest {
  static constexpr Api kApi{.key = ApiKey::create_topics, .min = 0, .max = 7, .flexible = 5};

  struct Assignment {
    std::int32_t partition_index = 0;
    Vector<std::int32_t> broker_ids;

    void io(auto& f) {
      f(partition_index);
      f(broker_ids);
    }
  };

  struct Config {
    Text name;
    NullableText value;

    void io(auto& f) {
      f(name);
      f(value);
    }
  };

  struct Topic {
    Text name;
    std::int32_t num_partitions = 0;  // -1: as assigned or, from version 4, the broker's default
    std::int16_t replication_factor = 0;  // likewise
    Vector<Assignment> assignments;
    Vector<Config> configs;

    void io(auto& f) {
      f(name);
      f(num_partitions);
      f(replication_factor);
      f(assignments);
      f(configs);
    }
  };

  Vector<Topic> topics;
  std::int32_t timeout_ms = 60'000;
  bool validate_only = false;

  void io(auto& f) {
    f(topics);
    f(timeout_ms);
    f(validate_only, 1);
  }
};

struct CreateTopicsResponse {
  static constexpr Api kApi = CreateTopicsRequest::kApi;

  struct Config {
    Text name;
    NullableText value;
    bool read_only = false;
    ConfigSource config_source = ConfigSource::unset;
    bool is_sensitive = false;

    void io(auto& f) {
      f(name);
      f(value);
      f(read_only);
      f(config_source);
      f(is_sensitive);
    }
  };

  struct Topic {
    Text name;
    Uuid topic_id;
    ErrorCode error_code{};
    NullableText error_message;
    std::int32_t num_partitions = -1;
    std::int16_t replication_factor = -1;
    NullableVector<Config> configs = Vector<Config>{};  // null would ask for a tag that says why

    void io(auto& f) {
      f(name);
      f(topic_id, 7);
      f(error_code);
      f(error_message, 1);
      f(num_partitions, 5);
      f(replication_factor, 5);
      f(configs, 5);
    }
  };

  std::int32_t throttle_time_ms = 0;
  Vector<Topic> topics;

  void io(auto& f) {
    f(throttle_time_ms, 2);
    f(topics);
  }
};

}  // namespace runnel::kafka
