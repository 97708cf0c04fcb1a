#include "hub/core/reverse_routes.h"

#include <algorithm>
#include <array>

#include "hub/core/routes.h"
#include "hub/mqtt/topic_filter.h"

namespace runnel::core {
namespace {

// Steps that looking for the MQTT topic behind a key may take; a key that needs more counts as
// ambiguous.
constexpr int kInversionStepsMax = 1000;

constexpr std::size_t kWildcardsMax = 9;  // {1} to {9}

bool has_wildcards(std::string_view filter) {
  return filter.find_first_of("+#") != std::string_view::npos;
}

// The name in "{name}" at the front of `text`; empty when there is none.
std::string_view placeholder_at(std::string_view text) {
  if (!text.starts_with('{')) return {};
  const std::size_t close = text.find('}');
  return close == std::string_view::npos ? std::string_view{} : text.substr(1, close - 1);
}

std::string expand_mqtt_topic(
    std::string_view text, const ReverseRoutes::Place& place, ByteView key
) {
  std::string out;
  while (!text.empty()) {
    const std::string_view name = placeholder_at(text);
    if (name == "key") {
      out.append(key);
    } else if (name == "topic") {
      out.append(place.topic);
    } else if (name == "partition") {
      out.append(std::to_string(place.partition));
    } else {
      out.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    text.remove_prefix(name.size() + 2);
  }
  return out;
}

}  // namespace

bool deliverable_topic(std::string_view topic) {
  return mqtt::valid_topic_name(topic) && topic != "$SYS" && !topic.starts_with("$SYS/");
}

// The search for the MQTT topics whose key by a template would be the one at hand.
class ReverseRoutes::Inversion {
 public:
  Inversion(const Rule& rule, ByteView key) : rule_(rule), key_(key) {
    std::size_t n = 0;
    for (const char c : rule.filter) {
      if (c == '+' || c == '#') ++n;
      if (c == '#') hash_ = n;
    }
  }

  // Empty: there is none, or more than one.
  std::string run() {
    match(0, 0);
    return ambiguous_ ? std::string{} : std::move(found_);
  }

 private:
  // Values of {topic} (0), {1} to {9}, and {client} (10).
  static constexpr std::size_t kTopicValue = 0;
  static constexpr std::size_t kClientValue = kWildcardsMax + 1;

  static std::size_t value_of(const Piece& piece) {
    if (piece.kind == Piece::Kind::topic) return kTopicValue;
    return piece.kind == Piece::Kind::client ? kClientValue : piece.wildcard;
  }

  void match(std::size_t piece, std::size_t at) {
    if (ambiguous_) return;
    if (++steps_ > kInversionStepsMax) {
      ambiguous_ = true;
      return;
    }
    if (piece == rule_.key.size()) {
      if (at == key_.size()) consider();
      return;
    }
    const Piece& p = rule_.key[piece];
    const bool text = p.kind == Piece::Kind::text;
    if (text || values_[value_of(p)]) {
      const std::string_view wanted = text ? std::string_view(p.text) : *values_[value_of(p)];
      if (key_.substr(at).starts_with(wanted)) match(piece + 1, at + wanted.size());
      return;
    }
    try_values(piece, at);
  }

  // Every end that the value of a placeholder may have.
  void try_values(std::size_t piece, std::size_t at) {
    const Piece& p = rule_.key[piece];
    std::size_t end_max = key_.size();
    if (p.kind == Piece::Kind::wildcard && p.wildcard != hash_) {
      end_max = std::min(key_.find('/', at), key_.size());  // + is one level
    }
    const bool last = piece + 1 == rule_.key.size();
    const Piece* next = last ? nullptr : &rule_.key[piece + 1];
    std::size_t end = last ? key_.size() : at;
    while (!ambiguous_) {
      if (next != nullptr && next->kind == Piece::Kind::text) end = key_.find(next->text, end);
      if (end > end_max) return;  // npos, too
      values_[value_of(p)] = key_.substr(at, end - at);
      match(piece + 1, end);
      values_[value_of(p)].reset();
      ++end;
    }
  }

  void consider() {
    std::string topic;
    if (values_[kTopicValue]) {
      topic = *values_[kTopicValue];
    } else if (!fill_filter(topic)) {
      return;
    }
    if (!deliverable_topic(topic) || !mqtt::matches(rule_.filter, topic)) return;
    if (!found_.empty() && found_ != topic) ambiguous_ = true;
    found_ = std::move(topic);
  }

  // The filter with its wildcards replaced. False: the key says nothing of one of them.
  [[nodiscard]] bool fill_filter(std::string& topic) const {
    std::size_t n = 0;
    for (const char c : rule_.filter) {
      if (c != '+' && c != '#') {
        topic.push_back(c);
        continue;
      }
      if (++n > kWildcardsMax || !values_[n]) return false;
      topic.append(*values_[n]);
    }
    // `#` that stands for nothing: the level above itself.
    if (hash_ != 0 && values_[hash_]->empty() && topic.ends_with('/')) topic.pop_back();
    return true;
  }

  const Rule& rule_;
  ByteView key_;
  std::size_t hash_ = 0;  // which wildcard is #; 0: none
  std::array<std::optional<std::string_view>, kWildcardsMax + 2> values_{};
  std::string found_;
  bool ambiguous_ = false;
  int steps_ = 0;
};

std::vector<ReverseRoutes::Piece> ReverseRoutes::pieces_of(std::string_view key) {
  std::vector<Piece> out;
  while (!key.empty()) {
    const std::string_view name = placeholder_at(key);
    if (name == "topic") {
      out.push_back({Piece::Kind::topic});
    } else if (name == "client") {
      out.push_back({Piece::Kind::client});
    } else if (name.size() == 1 && name[0] >= '1' && name[0] <= '9') {
      out.push_back({Piece::Kind::wildcard, {}, static_cast<unsigned>(name[0] - '0')});
    } else {
      if (out.empty() || out.back().kind != Piece::Kind::text) out.push_back({});
      out.back().text.push_back(key.front());
      key.remove_prefix(1);
      continue;
    }
    key.remove_prefix(name.size() + 2);
  }
  return out;
}

ReverseRoutes::ReverseRoutes(const std::vector<RouteSpec>& specs, const Topics& topics)
    : topics_(&topics) {
  const auto add = [this](const RouteSpec& spec) {
    Rule rule{spec.topic, spec.filter, spec.partition, spec.mqtt_topic, pieces_of(spec.key)};
    rule.key_is_topic = spec.key == "{topic}";
    rule.has_wildcards = core::has_wildcards(spec.filter);
    rules_.push_back(std::move(rule));
  };
  for (const RouteSpec& spec : specs) add(spec);
  add({"#", std::string(kDefaultTopic)});
  rules_.back().takes_all = true;
}

const ReverseRoutes::Lane& ReverseRoutes::lane(PartitionId partition) const {
  if (topics_changes_ != topics_->changes()) {
    topics_changes_ = topics_->changes();
    lanes_.clear();
  }
  const auto [found, fresh] = lanes_.try_emplace(partition);
  Lane& lane = found->second;
  if (!fresh) return lane;
  for (const auto& [name, partitions] : topics_->all()) {
    const auto at = std::find(partitions.begin(), partitions.end(), partition);
    if (at == partitions.end()) continue;
    lane.known = true;
    lane.place = {name, static_cast<std::uint32_t>(at - partitions.begin())};
    for (const Rule& rule : rules_) {
      if (rule.topic != name) continue;
      if (rule.partition && *rule.partition % partitions.size() != lane.place.partition) continue;
      lane.rules.push_back(&rule);
    }
  }
  return lane;
}

const ReverseRoutes::Place* ReverseRoutes::place_of(PartitionId partition) const {
  const Lane& l = lane(partition);
  return l.known ? &l.place : nullptr;
}

std::optional<PartitionId> ReverseRoutes::partition_of(std::string_view topic, std::uint32_t n)
    const {
  const auto* partitions = topics_->find(topic);
  if (partitions == nullptr || n >= partitions->size()) return std::nullopt;
  return (*partitions)[n];
}

std::string_view ReverseRoutes::by_rule(
    const Rule& rule, const Place& place, std::optional<ByteView> key, std::string& scratch
) {
  if (rule.mqtt_topic) {
    if (!key && rule.mqtt_topic->find("{key}") != std::string::npos) return {};
    scratch = expand_mqtt_topic(*rule.mqtt_topic, place, key.value_or(ByteView{}));
    return deliverable_topic(scratch) ? std::string_view(scratch) : std::string_view{};
  }
  if (!key || key->size() > mqtt::kTopicBytesMax) return {};
  if (rule.key_is_topic) {
    if (!deliverable_topic(*key)) return {};
    return rule.takes_all || mqtt::matches(rule.filter, *key) ? *key : std::string_view{};
  }
  scratch = Inversion(rule, *key).run();
  return scratch;
}

std::string_view ReverseRoutes::mqtt_topic(
    PartitionId partition, std::optional<ByteView> key, std::string& scratch
) const {
  const Lane& l = lane(partition);
  if (!l.known) return {};
  for (const Rule* rule : l.rules) {
    const std::string_view topic = by_rule(*rule, l.place, key, scratch);
    if (!topic.empty()) return topic;
  }
  if (l.rules.size() == 1 && !l.rules[0]->has_wildcards && !l.rules[0]->mqtt_topic) {
    return l.rules[0]->filter;
  }
  if (!key || key->empty()) return l.place.topic;
  if (key->size() > mqtt::kTopicBytesMax) return {};
  scratch.assign(l.place.topic).append("/").append(*key);
  return deliverable_topic(scratch) ? std::string_view(scratch) : std::string_view{};
}

}  // namespace runnel::core
