// Requests that read and change configurations. Topics have one that can be changed; the broker's
// is that of its file.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "hub/kafka_broker/broker.h"
#include "hub/kafka_broker/config_values.h"
#include "hub/kafka_broker/handlers.h"
#include "storage/base/logger.h"

namespace runnel::kafka {
namespace {

using Operation = IncrementalAlterConfigsRequest::Operation;

struct Fault {
  ErrorCode code = ErrorCode::none;
  std::string message;
};

const std::string& kept(std::deque<std::string>& texts, std::string text) {
  return texts.emplace_back(std::move(text));
}

std::string node_name() {
  return std::to_string(kNodeId);
}

Fault unknown_topic(Text name) {
  if (!valid_topic_name(name)) {
    return {ErrorCode::invalid_topic_exception, "a name has 1 to 249 of a-z A-Z 0-9 . _ -"};
  }
  return {ErrorCode::unknown_topic_or_partition, "there is no such topic"};
}

// What is known of a resource; a fault when it has no configuration.
Fault look_up(
    const Context& c,
    ResourceType type,
    Text name,
    ConfigValues& values,
    std::vector<ConfigValue>& out
) {
  if (type == ResourceType::topic) {
    if (c.broker.topics().find(name) == nullptr) return unknown_topic(name);
    out = values.of_topic(c.broker.topics().config(name));
    return {};
  }
  if (type == ResourceType::broker) {
    // Without a name: what is set for all brokers at run time, which is nothing.
    if (name.empty()) return {};
    if (name != node_name()) {
      return {ErrorCode::invalid_request, "the only broker is " + node_name()};
    }
    out = values.of_broker();
    return {};
  }
  return {ErrorCode::invalid_request, "only topics and the broker have configurations here"};
}

DescribeConfigsResponse::Config told(
    const ConfigValue& value, const DescribeConfigsRequest& request, bool is_topic
) {
  DescribeConfigsResponse::Config out;
  out.name = value.name;
  out.value = value.value;
  out.read_only = value.read_only;
  out.is_default = value.source == ConfigSource::default_config;
  out.config_source = value.source;
  out.config_type = value.type;
  if (request.include_documentation) out.documentation = value.documentation;
  if (!request.include_synonyms) return out;
  if (!is_topic || value.source != ConfigSource::default_config) {
    out.synonyms.push_back({value.name, value.value, value.source});
  }
  if (!value.broker_name.empty()) {
    out.synonyms.push_back({value.broker_name, value.broker_value, ConfigSource::default_config});
  }
  return out;
}

// Resources that a request names more than once are refused wherever they stand.
template <class Resource>
std::map<std::tuple<ResourceType, Text>, int> counted(const Vector<Resource>& resources) {
  std::map<std::tuple<ResourceType, Text>, int> out;
  for (const Resource& r : resources) ++out[{r.resource_type, r.resource_name}];
  return out;
}

template <class Resource>
Fault may_alter(const Context& c, const Resource& resource, int named) {
  if (named > 1) return {ErrorCode::invalid_request, "the resource is named twice"};
  if (resource.resource_type == ResourceType::broker) {
    return {
        ErrorCode::invalid_request,
        "the broker is configured by its file, which is read again on SIGHUP"};
  }
  if (resource.resource_type != ResourceType::topic) {
    return {ErrorCode::invalid_request, "only topics have a configuration that can be altered"};
  }
  if (c.broker.topics().find(resource.resource_name) == nullptr) {
    return unknown_topic(resource.resource_name);
  }
  return {};
}

Fault change(const AlterConfigsRequest::Resource& resource, core::TopicConfig& config) {
  config = {};  // what is not named gets its default
  for (const auto& wanted : resource.configs) {
    if (!wanted.value) {
      return {
          ErrorCode::invalid_config, "Null value not supported for " + std::string(wanted.name)};
    }
    if (auto fault = config.set(wanted.name, *wanted.value)) {
      return {ErrorCode::invalid_config, std::move(*fault)};
    }
  }
  return {};
}

Fault change(const IncrementalAlterConfigsRequest::Resource& resource, core::TopicConfig& config) {
  std::set<Text> named;
  for (const auto& wanted : resource.configs) {
    const Operation operation = wanted.config_operation;
    const std::string name(wanted.name);
    if (!named.insert(wanted.name).second) {
      return {ErrorCode::invalid_request, name + " is named twice"};
    }
    if (!wanted.value && operation != Operation::remove) {
      return {ErrorCode::invalid_request, "Null value not supported for " + name};
    }
    std::optional<std::string> fault;
    switch (operation) {
      case Operation::set:
        fault = config.set(wanted.name, *wanted.value);
        break;
      case Operation::remove:
        fault = config.reset(wanted.name);
        break;
      case Operation::append:
        fault = config.append(wanted.name, *wanted.value);
        break;
      case Operation::subtract:
        fault = config.subtract(wanted.name, *wanted.value);
        break;
      default:
        return {ErrorCode::invalid_request, "there is no such operation"};
    }
    if (fault) return {ErrorCode::invalid_config, std::move(*fault)};
  }
  return {};
}

// Both ways to alter: each resource alone, what they come to in one commit.
template <class Response, class Request>
void alter(const Context& c, const Request& request) {
  Response response;
  std::deque<std::string> texts;
  const auto named = counted(request.resources);
  bool altered = false;
  for (const auto& resource : request.resources) {
    typename Response::Resource out;
    out.resource_type = resource.resource_type;
    out.resource_name = resource.resource_name;
    Fault fault =
        may_alter(c, resource, named.at({resource.resource_type, resource.resource_name}));
    core::TopicConfig config = c.broker.topics().config(resource.resource_name);
    if (fault.code == ErrorCode::none) fault = change(resource, config);
    out.error_code = fault.code;
    if (fault.code != ErrorCode::none) {
      out.error_message = kept(texts, std::move(fault.message));
    } else if (!request.validate_only) {
      c.broker.topics().set_config(resource.resource_name, std::move(config), c.turn.group);
      logger::info("kafka", logger::text("topic ", resource.resource_name, " configured"));
      altered = true;
    }
    response.responses.push_back(std::move(out));
  }
  if (!altered) return c.broker.answer(c.call, response);
  Response failed = response;
  for (auto& r : failed.responses) r.error_code = ErrorCode::kafka_storage_error;
  c.broker.answer_after_commit(c.call, response, failed, c.turn);
}

}  // namespace

void handle(const Context& c, const DescribeConfigsRequest& request) {
  DescribeConfigsResponse response;
  ConfigValues values(c.broker.limits());
  std::deque<std::string> texts;
  std::set<std::pair<ResourceType, Text>> answered;  // once, however often it is asked for
  for (const auto& resource : request.resources) {
    if (!answered.emplace(resource.resource_type, resource.resource_name).second) continue;
    DescribeConfigsResponse::Result out;
    out.resource_type = resource.resource_type;
    out.resource_name = resource.resource_name;
    std::vector<ConfigValue> all;
    Fault fault = look_up(c, resource.resource_type, resource.resource_name, values, all);
    out.error_code = fault.code;
    if (fault.code != ErrorCode::none) out.error_message = kept(texts, std::move(fault.message));
    const auto& keys = resource.configuration_keys;
    for (const ConfigValue& value : all) {
      if (keys && std::find(keys->begin(), keys->end(), value.name) == keys->end()) continue;
      const bool is_topic = resource.resource_type == ResourceType::topic;
      out.configs.push_back(told(value, request, is_topic));
    }
    response.results.push_back(std::move(out));
  }
  c.broker.answer(c.call, response);
}

void handle(const Context& c, const AlterConfigsRequest& request) {
  alter<AlterConfigsResponse>(c, request);
}

void handle(const Context& c, const IncrementalAlterConfigsRequest& request) {
  alter<IncrementalAlterConfigsResponse>(c, request);
}

}  // namespace runnel::kafka
