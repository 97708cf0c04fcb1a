#include "hub/core/routes.h"

#include "hub/mqtt/topic_filter.h"

namespace runnel::core {
namespace {

std::uint32_t murmur2(ByteView data) {
  constexpr std::uint32_t kMultiplier = 0x5bd1e995;
  constexpr std::uint32_t kSeed = 0x9747b28c;
  std::uint32_t h = kSeed ^ static_cast<std::uint32_t>(data.size());
  ByteReader r(data);
  while (r.left() >= 4) {
    std::uint32_t k = r.le32();
    k *= kMultiplier;
    k ^= k >> 24;
    k *= kMultiplier;
    h = h * kMultiplier ^ k;
  }
  const ByteView tail = r.rest();
  for (std::size_t i = tail.size(); i-- > 0;) {
    h ^= static_cast<std::uint32_t>(static_cast<std::uint8_t>(tail[i])) << (8 * i);
  }
  if (!tail.empty()) h *= kMultiplier;
  h ^= h >> 13;
  h *= kMultiplier;
  return h ^ h >> 15;
}

std::string_view take_level(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view level = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  return level;
}

// What the n-th wildcard (from 1) of a filter that matches `topic` stands for.
std::string_view captured(std::string_view filter, std::string_view topic, unsigned n) {
  while (!filter.empty()) {
    const std::string_view remaining = topic;
    const std::string_view wanted = take_level(filter);
    const std::string_view level = take_level(topic);
    if (wanted == "#") return n == 1 ? remaining : std::string_view{};
    if (wanted == "+" && --n == 0) return level;
  }
  return {};
}

Bytes expand(const RouteSpec& route, std::string_view topic, std::string_view client) {
  Bytes key;
  std::string_view rest = route.key;
  while (!rest.empty()) {
    const std::size_t open = rest.find('{');
    key.append(rest.substr(0, open));
    if (open == std::string_view::npos) break;
    rest.remove_prefix(open);
    const std::size_t close = rest.find('}');
    const std::string_view name =
        close == std::string_view::npos ? std::string_view{} : rest.substr(1, close - 1);
    if (name == "topic") {
      key.append(topic);
    } else if (name == "client") {
      key.append(client);
    } else if (name.size() == 1 && name[0] >= '1' && name[0] <= '9') {
      key.append(captured(route.filter, topic, static_cast<unsigned>(name[0] - '0')));
    } else {
      key.push_back('{');
      rest.remove_prefix(1);
      continue;
    }
    rest.remove_prefix(close + 1);
  }
  return key;
}

}  // namespace

std::uint32_t partition_of_key(ByteView key, std::size_t partitions) {
  return (murmur2(key) & 0x7fffffff) % static_cast<std::uint32_t>(partitions);
}

Routes::Routes(std::vector<RouteSpec> specs, const Topics& topics)
    : specs_(std::move(specs)), topics_(&topics), reverse_(specs_, topics) {}

Destination Routes::resolve(std::string_view mqtt_topic, std::string_view client) const {
  static const RouteSpec kFallback{"#", std::string(kDefaultTopic), "{topic}", std::nullopt};
  const RouteSpec* route = &kFallback;
  for (const RouteSpec& spec : specs_) {
    if (mqtt::matches(spec.filter, mqtt_topic)) {
      route = &spec;
      break;
    }
  }
  const auto* partitions = topics_->find(route->topic);
  RUNNEL_CHECK(partitions != nullptr && !partitions->empty());
  Destination out;
  out.key = expand(*route, mqtt_topic, client);
  out.key_is_topic = out.key == mqtt_topic;
  out.depends_on_client = route->key.find("{client}") != std::string::npos;
  const std::size_t count = partitions->size();
  const std::size_t index = route->partition ? *route->partition % count
                            : count == 1     ? 0
                                             : partition_of_key(out.key, count);
  out.partition = (*partitions)[index];
  return out;
}

}  // namespace runnel::core
