// AlterConfigs, key 33: sets the whole configuration of a resource.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/config_resource.h"

namespace runnel::kafka {

struct AlterConfigsRequest {
  static constexpr Api kApi{.key = ApiKey::alter_configs, .min = 0, .max = 2, .flexible = 2};

  struct Config {
    Text name;
    NullableText value;

    void io(auto& f) {
      f(name);
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

struct AlterConfigsResponse {
  static constexpr Api kApi = AlterConfigsRequest::kApi;

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
