// DescribeCluster, key 60: the brokers, for administrators (KIP-700).
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"

namespace runnel::kafka {

struct DescribeClusterRequest {
  static constexpr Api kApi{.key = ApiKey::describe_cluster, .min = 0, .max = 1, .flexible = 0};

  bool include_cluster_authorized_operations = false;
  std::int8_t endpoint_type = 1;  // 1: brokers, 2: controllers

  void io(auto& f) {
    f(include_cluster_authorized_operations);
    f(endpoint_type, 1);
  }
};

struct DescribeClusterResponse {
  static constexpr Api kApi = DescribeClusterRequest::kApi;

  struct Broker {
    std::int32_t broker_id = 0;
    Text host;
    std::int32_t port = 0;
    NullableText rack;

    void io(auto& f) {
      f(broker_id);
      f(host);
      f(port);
      f(rack);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code{};
  NullableText error_message;
  std::int8_t endpoint_type = 1;
  Text cluster_id;
  std::int32_t controller_id = -1;
  Vector<Broker> brokers;
  std::int32_t cluster_authorized_operations = kNoOperations;

  void io(auto& f) {
    f(throttle_time_ms);
    f(error_code);
    f(error_message);
    f(endpoint_type, 1);
    f(cluster_id);
    f(controller_id);
    f(brokers);
    f(cluster_authorized_operations);
  }
};

}  // namespace runnel::kafka
