// Metadata, key 3: which brokers there are, and who leads the partitions of which topics.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct MetadataRequest {
  static constexpr Api kApi{.key = ApiKey::metadata, .min = 0, .max = 12, .flexible = 9};

  struct Topic {
    Uuid id;
    NullableText name;  // null from version 10: by id

    void io(auto& f) {
      f(id, 10);
      f.nullable_from(10, name);
    }
  };

  // Null: all topics. Version 0 has no null and means all with an empty list.
  NullableVector<Topic> topics;
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;

  void io(auto& f) {
    f.nullable_from(1, topics);
    f(allow_auto_topic_creation, 4);
    f(include_cluster_authorized_operations, 8, 10);
    f(include_topic_authorized_operations, 8);
  }
};

struct MetadataResponse {
  static constexpr Api kApi = MetadataRequest::kApi;

  struct Broker {
    std::int32_t node_id = 0;
    Text host;
    std::int32_t port = 0;
    NullableText rack;

    void io(auto& f) {
      f(node_id);
      f(host);
      f(port);
      f(rack, 1);
    }
  };

  struct Partition {
    ErrorCode error_code{};
    std::int32_t index = 0;
    std::int32_t leader_id = 0;
    std::int32_t leader_epoch = -1;
    Vector<std::int32_t> replica_nodes;
    Vector<std::int32_t> isr_nodes;
    Vector<std::int32_t> offline_replicas;

    void io(auto& f) {
      f(error_code);
      f(index);
      f(leader_id);
      f(leader_epoch, 7);
      f(replica_nodes);
      f(isr_nodes);
      f(offline_replicas, 5);
    }
  };

  struct Topic {
    ErrorCode error_code{};
    NullableText name;  // null from version 12: of an unknown id
    Uuid id;
    bool is_internal = false;
    Vector<Partition> partitions;
    std::int32_t authorized_operations = kNoOperations;

    void io(auto& f) {
      f(error_code);
      f.nullable_from(12, name);
      f(id, 10);
      f(is_internal, 1);
      f(partitions);
      f(authorized_operations, 8);
    }
  };

  std::int32_t throttle_time_ms = 0;
  Vector<Broker> brokers;
  NullableText cluster_id;
  std::int32_t controller_id = -1;
  Vector<Topic> topics;
  std::int32_t cluster_authorized_operations = kNoOperations;

  void io(auto& f) {
    f(throttle_time_ms, 3);
    f(brokers);
    f(cluster_id, 2);
    f(controller_id, 1);
    f(topics);
    f(cluster_authorized_operations, 8, 10);
  }
};

}  // namespace runnel::kafka
