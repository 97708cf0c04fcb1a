// Requests about the cluster: what it speaks, who is in it, which topics there are.
#include <algorithm>
#include <set>

#include "hub/kafka_broker/broker.h"
#include "hub/kafka_broker/handlers.h"

namespace runnel::kafka {
namespace {

constexpr std::size_t kTopicNameMax = 249;

struct Address {
  Text host;
  std::int32_t port;
};

// What this client is told to connect to.
Address advertised(const Context& c) {
  const Limits& limits = c.broker.limits();
  const core::Endpoints& here = c.connection.endpoints();
  return {
      limits.advertised.host.empty() ? Text(here.local_host) : Text(limits.advertised.host),
      limits.advertised.port == 0 ? here.local_port : limits.advertised.port};
}

ApiVersionsResponse api_versions() {
  ApiVersionsResponse response;
  for (const Api& api : handled_apis()) response.api_keys.push_back({api.key, api.min, api.max});
  return response;
}

bool alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// What clients may call themselves (KIP-511).
bool valid_software(Text name) {
  if (name.empty() || !alphanumeric(name.front()) || !alphanumeric(name.back())) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return alphanumeric(c) || c == '-' || c == '.';
  });
}

MetadataResponse::Topic describe(
    const Context& c, Text name, const std::vector<PartitionId>& partitions
) {
  MetadataResponse::Topic out;
  out.name = name;
  out.id = c.broker.cluster().topic_id(partitions.front());
  out.partitions.reserve(partitions.size());
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    MetadataResponse::Partition p;
    p.index = static_cast<std::int32_t>(i);
    p.leader_id = kNodeId;
    p.leader_epoch = kLeaderEpoch;
    p.replica_nodes = {kNodeId};
    p.isr_nodes = {kNodeId};
    out.partitions.push_back(std::move(p));
  }
  return out;
}

Text text_of(const Uuid& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

MetadataResponse::Topic describe_asked(
    const Context& c, const MetadataRequest::Topic& asked, bool may_create
) {
  MetadataResponse::Topic out;
  Text name;
  if (asked.name) {
    name = *asked.name;
  } else {
    name = c.broker.topic_of(asked.id);
    out.id = asked.id;
    out.error_code = ErrorCode::unknown_topic_id;
    if (name.empty()) return out;
  }
  if (const auto* partitions = c.broker.topics().find(name)) return describe(c, name, *partitions);
  out.name = name;
  if (!valid_topic_name(name)) {
    out.error_code = ErrorCode::invalid_topic_exception;
  } else if (may_create && c.broker.topics().all().size() < c.broker.limits().topics_max) {
    c.broker.create_topic(name, c.broker.limits().default_partitions, c.turn);
    return describe(c, name, *c.broker.topics().find(name));
  } else {
    out.error_code = ErrorCode::unknown_topic_or_partition;
  }
  return out;
}

}  // namespace

bool valid_topic_name(std::string_view name) {
  if (name.empty() || name.size() > kTopicNameMax || name == "." || name == "..") return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return alphanumeric(c) || c == '.' || c == '_' || c == '-';
  });
}

void handle(const Context& c, const ApiVersionsRequest& request) {
  constexpr Version kNamesItself = 3;
  ApiVersionsResponse response = api_versions();
  if (c.call.version >= kNamesItself && (!valid_software(request.client_software_name) ||
                                         !valid_software(request.client_software_version))) {
    response = {};
    response.error_code = ErrorCode::invalid_request;
  }
  c.broker.answer(c.call, response);
}

void refuse_api_versions(const Context& c) {
  ApiVersionsResponse response = api_versions();
  response.error_code = ErrorCode::unsupported_version;
  Call call = c.call;
  call.version = 0;
  c.broker.answer(call, response);
}

void handle(const Context& c, const MetadataRequest& request) {
  MetadataResponse response;
  const Address address = advertised(c);
  response.brokers.push_back({kNodeId, address.host, address.port, std::nullopt});
  response.cluster_id = c.broker.cluster_id();
  response.controller_id = kNodeId;
  const bool all = !request.topics || (c.call.version == 0 && request.topics->empty());
  const std::size_t before = c.broker.topics().all().size();
  if (all) {
    for (const auto& [name, partitions] : c.broker.topics().all()) {
      response.topics.push_back(describe(c, name, partitions));
    }
  } else {
    const bool may_create = request.allow_auto_topic_creation && c.broker.limits().auto_create_topics;
    std::set<std::pair<bool, Text>> told;  // one answer, however often it is asked for
    for (const auto& asked : *request.topics) {
      if (!told.emplace(asked.name.has_value(), asked.name.value_or(text_of(asked.id))).second) continue;
      response.topics.push_back(describe_asked(c, asked, may_create));
    }
  }
  if (c.broker.topics().all().size() == before) return c.broker.answer(c.call, response);
  // What was made is told when it lasts.
  MetadataResponse failed = response;
  for (auto& topic : failed.topics) topic.error_code = ErrorCode::leader_not_available;
  c.broker.answer_after_commit(c.call, response, failed, c.turn);
}

void handle(const Context& c, const DescribeClusterRequest& request) {
  DescribeClusterResponse response;
  const Address address = advertised(c);
  response.endpoint_type = request.endpoint_type;
  response.cluster_id = c.broker.cluster_id();
  response.controller_id = kNodeId;
  response.brokers.push_back({kNodeId, address.host, address.port, std::nullopt});
  c.broker.answer(c.call, response);
}

void handle(const Context& c, const FindCoordinatorRequest& request) {
  FindCoordinatorResponse response;
  const Address address = advertised(c);
  const auto one = [&](Text key) {
    FindCoordinatorResponse::Coordinator out;
    out.key = key;
    out.node_id = -1;
    out.port = -1;
    if (request.key_type == CoordinatorType::share) {
      out.error_code = ErrorCode::coordinator_not_available;
      out.error_message = "share groups are not served";
    } else if (key.empty()) {
      out.error_code = ErrorCode::invalid_group_id;
    } else {
      out.node_id = kNodeId;
      out.host = address.host;
      out.port = address.port;
    }
    return out;
  };
  for (const Text key : request.coordinator_keys) response.coordinators.push_back(one(key));
  const auto single = one(request.key);
  response.error_code = single.error_code;
  response.error_message = single.error_message;
  response.node_id = single.node_id;
  response.host = single.host;
  response.port = single.port;
  c.broker.answer(c.call, response);
}

}  // namespace runnel::kafka
