#include "hub/app/parts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "hub/app/from.h"
#include "hub/app/link_check.h"
#include "hub/core/sasl/mechanism.h"
#include "storage/base/logger.h"

namespace runnel::app {

namespace {

// "host:port", or a host alone; here a name is as good as an address.
kafka::Limits::Address advertised_address(const Config& c) {
  const std::string& text = c.kafka.advertised;
  kafka::Limits::Address address;
  if (text == "auto") return address;
  const auto colon = text.rfind(':');
  const bool one_colon = colon != std::string::npos && text.find(':') == colon;
  address.host = one_colon ? text.substr(0, colon) : text;
  if (one_colon) std::from_chars(text.data() + colon + 1, text.data() + text.size(), address.port);
  return address;
}

// What the file sets of a topic, under Kafka's names.
core::TopicConfig topic_config(const Topic& t) {
  core::TopicConfig config;
  const auto set = [&](std::string_view name, const std::string& value) {
    if (const auto fault = config.set(name, value)) logger::error("runnel", *fault);
  };
  using std::chrono::milliseconds;
  if (t.retention) set("retention.ms", std::to_string(milliseconds(*t.retention).count()));
  if (t.retention_bytes) set("retention.bytes", std::to_string(*t.retention_bytes));
  if (t.message_max_bytes) {
    set("max.message.bytes", std::to_string(*t.message_max_bytes + kafka::kLogOverheadBytes));
  }
  if (t.timestamp_type) {
    const bool append = *t.timestamp_type == TimestampType::log_append_time;
    set("message.timestamp.type", append ? "LogAppendTime" : "CreateTime");
  }
  return config;
}

kafka_client::Door link_door(const Link& l) {
  constexpr std::array<const char*, 3> kMechanisms{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};
  kafka_client::Door door;
  for (const std::string& address : l.bootstrap) door.bootstrap += (door.bootstrap.empty() ? "" : ",") + address;
  door.user = l.user.value_or("");
  door.password = l.password;
  door.mechanism = kMechanisms.at(static_cast<std::size_t>(l.mechanism));
  door.tls = l.tls;
  door.ca_file = l.ca_file.value_or("");
  door.certificate_file = l.certificate_file.value_or("");
  door.key_file = l.key_file.value_or("");
  return door;
}

bridge::LinkSpec link_spec(const Link& l) {
  using Spec = bridge::LinkSpec;
  constexpr std::array<const char*, 5> kCompressions{"none", "gzip", "snappy", "lz4", "zstd"};
  Spec spec;
  spec.name = l.name;
  spec.door = link_door(l);
  spec.direction = l.direction == LinkDirection::up     ? Spec::Direction::up
                   : l.direction == LinkDirection::down ? Spec::Direction::down
                                                        : Spec::Direction::mirror;
  spec.topics = l.topics;
  spec.priority = l.priority;
  spec.destination = l.destination;
  if (const auto from = read_from(l.start)) {
    using Kind = Spec::Start::Kind;
    spec.start.kind = from->kind == From::Kind::latest ? Kind::latest
                      : from->kind == From::Kind::time ? Kind::time
                                                       : Kind::earliest;
    spec.start.time_ms = from->number;
  }
  spec.compression = kCompressions.at(static_cast<std::size_t>(l.compression));
  const bool exactly = l.delivery == LinkDelivery::exactly_once;
  spec.delivery = exactly ? Spec::Delivery::exactly_once : Spec::Delivery::at_least_once;
  spec.unsent = l.unsent == LinkUnsent::hold ? Spec::Unsent::hold : Spec::Unsent::skip;
  spec.relay = l.relay;
  spec.paused = l.paused;
  for (const std::string& text : l.schedule) {
    const auto hours = read_hours(text);
    spec.schedule.push_back({hours->from, hours->until});
  }
  spec.bytes_per_second = l.bytes_per_second;
  spec.bytes_per_day = l.bytes_per_day;
  spec.connect_max = l.connect_timeout;
  spec.silence_max = l.silence_timeout;
  return spec;
}

}  // namespace

log::LogOptions log_options(const Config& c) {
  log::LogOptions o;
  o.dir = c.storage.dir;
  o.limit_bytes = c.storage.limit_bytes;
  o.generation_bytes = c.storage.generation_bytes;
  o.retention = c.storage.retention;
  o.reject_when_full = c.storage.on_full == OnFull::reject;
  return o;
}

log::CommitLimits commit_limits(const Config& c) {
  return {c.storage.commit_interval, c.storage.group_max_bytes};
}

broker::Limits broker_limits(const Config& c) {
  broker::Limits l;
  l.connections_max = c.mqtt.connections_max;
  l.packet_bytes_max = c.mqtt.packet_max_bytes;
  l.receive_maximum = c.mqtt.receive_maximum;
  l.inflight_max = c.mqtt.inflight_max;
  l.topic_alias_max = c.mqtt.topic_alias_max;
  l.keep_alive_max = c.mqtt.keep_alive_max;
  l.session_expiry_max = c.mqtt.session_expiry_max;
  l.sessions_max = c.mqtt.sessions_max;
  l.subscriptions_max = c.mqtt.subscriptions_max;
  l.retained_bytes_max = static_cast<std::size_t>(c.mqtt.retained_max_bytes);
  l.outbound_bytes_max = c.mqtt.outbound_buffer_max_bytes;
  l.sys_interval = c.mqtt.sys_interval;
  return l;
}

kafka::Limits kafka_limits(const Config& c) {
  kafka::Limits l;
  l.connections_max = c.kafka.connections_max;
  // What a request brings is stored in one commit, and a commit in one generation.
  l.request_bytes_max =
      std::min<std::uint64_t>(c.kafka.request_max_bytes, c.storage.generation_bytes / 2);
  l.message_bytes_max = c.kafka.message_max_bytes + kafka::kLogOverheadBytes;
  l.fetch_bytes_max = c.kafka.fetch_max_bytes;
  l.buffers_bytes_max = c.kafka.buffers_max_bytes;
  l.retention = c.storage.retention;
  l.generation_bytes = c.storage.generation_bytes;
  l.auto_create_topics = c.kafka.auto_create_topics;
  l.default_partitions = c.kafka.default_partitions;
  for (const std::string& name : c.kafka.sasl_mechanisms) {
    l.sasl_mechanisms.push_back(*sasl::mechanism_of(name));
  }
  l.advertised = advertised_address(c);
  if (c.hub.name != "auto") l.cluster_id = c.hub.name;
  l.replica_timeout = c.hub.replica_timeout;
  return l;
}

std::vector<core::TopicSpec> topic_specs(const Config& c) {
  std::vector<core::TopicSpec> specs;
  for (const Topic& t : topics_of(c)) {
    const bool refuse = t.too_few_replicas == TooFewReplicas::refuse;
    specs.push_back({t.name, t.partitions, topic_config(t), t.min_replicas, refuse});
  }
  return specs;
}

std::vector<core::RouteSpec> route_specs(const Config& c) {
  std::vector<core::RouteSpec> specs;
  for (const Route& r : c.routes) specs.push_back({r.filter, r.topic, r.key, r.partition, r.mqtt_topic});
  return specs;
}

std::vector<bridge::LinkSpec> link_specs(const Config& c) {
  std::vector<bridge::LinkSpec> specs;
  for (const Link& l : c.links) specs.push_back(link_spec(l));
  return specs;
}

std::vector<core::UserSpec> user_specs(const Config& c) {
  std::vector<core::UserSpec> specs;
  for (const User& u : c.users) {
    core::UserSpec spec{u.name, u.password, {}, {}};
    for (const std::string& text : u.credentials) {
      spec.credentials.push_back(*sasl::read_credential(text));
    }
    for (const std::string& name : u.mechanisms) {
      spec.mechanisms.push_back(*sasl::mechanism_of(name));
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace runnel::app
