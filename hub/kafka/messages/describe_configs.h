// DescribeConfigs, key 32.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/config_resource.h"

namespace runnel::kafka {

struct DescribeConfigsRequest {
  static constexpr Api kApi{.key = ApiKey::describe_configs, .min = 0, .max = 4, .flexible = 4};

  struct Resource {
    ResourceType resource_type{};
    Text resource_name;
    NullableVector<Text> configuration_keys;  // null: all

    void io(auto& f) {
      f(resource_type);
      f(resource_name);
      f(configuration_keys);
    }
  };

  Vector<Resource> resources;
  bool include_synonyms = false;
  bool include_documentation = false;

  void io(auto& f) {
    f(resources);
    f(include_synonyms, 1);
    f(include_documentation, 3);
  }
};

struct DescribeConfigsResponse {
  static constexpr Api kApi = DescribeConfigsRequest::kApi;

  struct Synonym {
    Text name;
    NullableText value;
    ConfigSource source{};

    void io(auto& f) {
      f(name);
      f(value);
      f(source);
    }
  };

  struct Config {
    Text name;
    NullableText value;
    bool read_only = false;
    bool is_default = false;
    ConfigSource config_source = ConfigSource::unset;
    bool is_sensitive = false;
    Vector<Synonym> synonyms;
    ConfigType config_type{};
    NullableText documentation;

    void io(auto& f) {
      f(name);
      f(value);
      f(read_only);
      f(is_default, 0, 0);
      f(config_source, 1);
      f(is_sensitive);
      f(synonyms, 1);
      f(config_type, 3);
      f(documentation, 3);
    }
  };

  struct Result {
    ErrorCode error_code{};
    NullableText error_message;
    ResourceType resource_type{};
    Text resource_name;
    Vector<Config> configs;

    void io(auto& f) {
      f(error_code);
      f(error_message);
      f(resource_type);
      f(resource_name);
      f(configs);
    }
  };

  std::int32_t throttle_time_ms = 0;
  Vector<Result> results;

  void io(auto& f) {
    f(throttle_time_ms);
    f(results);
  }
};

}  // namespace runnel::kafka
