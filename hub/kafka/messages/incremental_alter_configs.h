// IncrementalAlterConfigs, key 44: changes values of a configuration one by one (KIP-339).
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/config_resource.h"

namespace runnel::kafka {

struct IncrementalAlterConfigsRequest {
  static constexpr Api kApi{
      .key = ApiKey::incremental_alter_configs, .min = 0, .max = 1, .flexible = 1};

  // Any value may come. The last two are for lists.
  enum class Operation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

  struct Config {
    Text name;
    Operation config_operation{};
    NullableText value;

    void io(auto& f) {
      f(name);
      f(config_operation);
      f(value);
    }
  };

  struct Resource {
    ResourceType resource_type{};
    Text resource_name;
    Vector<Config> configs;

    void io(auto& f) {
      f(resource_type);
      f(resource_name);
      f(configs);
    }
  };

  Vector<Resource> resources;
  bool validate_only = false;

  void io(auto& f) {
    f(resources);
    f(validate_only);
  }
};

struct IncrementalAlterConfigsResponse {
  static constexpr Api kApi = IncrementalAlterConfigsRequest::kApi;

  struct Resource {
    ErrorCode error_code{};
    NullableText error_message;
    ResourceType resource_type{};
    Text resource_name;

    void io(auto& f) {
      f(error_code);
      f(error_message);
      f(resource_type);
      f(resource_name);
    }
  };

  std::int32_t throttle_time_ms = 0;
  Vector<Resource> responses;

  void io(auto& f) {
    f(throttle_time_ms);
    f(responses);
  }
};

}  // namespace runnel::kafka
