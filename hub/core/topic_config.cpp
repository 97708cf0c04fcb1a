#include "hub/core/topic_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <vector>

namespace runnel::core {
namespace {

constexpr std::uint8_t kVersion = 1;

constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kInt64Max = std::numeric_limits<std::int64_t>::max();
constexpr std::string_view kForEver = "9223372036854775807";

// What cleanup.policy may be.
constexpr std::array<std::string_view, 2> kPolicies{"compact", "delete"};
constexpr std::array<std::string_view, 2> kTimestampTypes{"CreateTime", "LogAppendTime"};
constexpr std::array<std::string_view, 6> kCompressions{
    "gzip", "lz4", "producer", "snappy", "uncompressed", "zstd"};
constexpr std::array<std::string_view, 2> kTruths{"false", "true"};

constexpr std::string_view kNoEffect = "Kept and told, without effect on this hub.";

constexpr TopicConfigKey ignored(
    std::string_view name,
    ConfigType type,
    std::string_view fallback,
    std::int64_t min,
    std::int64_t max
) {
  return {name, type, fallback, {}, kNoEffect, min, max, {}};
}

constexpr TopicConfigKey ignored_truth(std::string_view name, std::string_view fallback) {
  return {name, ConfigType::boolean, fallback, {}, kNoEffect, 0, 0, kTruths};
}

constexpr std::array kKeys{
    TopicConfigKey{
        "cleanup.policy",
        ConfigType::list,
        "delete",
        "log.cleanup.policy",
        "What becomes of old records: delete takes them away by age or size.",
        0,
        0,
        kPolicies},
    TopicConfigKey{
        "compression.type",
        ConfigType::text,
        "producer",
        "compression.type",
        "Batches are always stored as the producer has compressed them; another value is kept and "
        "told, without effect on this hub.",
        0,
        0,
        kCompressions},
    ignored("delete.retention.ms", ConfigType::int64, "86400000", 0, kInt64Max),
    ignored("file.delete.delay.ms", ConfigType::int64, "60000", 0, kInt64Max),
    ignored("flush.messages", ConfigType::int64, "1", 1, kInt64Max),
    ignored("flush.ms", ConfigType::int64, "0", 0, kInt64Max),
    ignored("follower.replication.throttled.replicas", ConfigType::list, "", 0, 0),
    ignored("index.interval.bytes", ConfigType::int32, "4096", 0, kInt32Max),
    ignored("leader.replication.throttled.replicas", ConfigType::list, "", 0, 0),
    ignored("local.retention.bytes", ConfigType::int64, "-2", -2, kInt64Max),
    ignored("local.retention.ms", ConfigType::int64, "-2", -2, kInt64Max),
    ignored("max.compaction.lag.ms", ConfigType::int64, kForEver, 1, kInt64Max),
    TopicConfigKey{
        "max.message.bytes",
        ConfigType::int32,
        "1048588",
        "message.max.bytes",
        "The largest record batch that a Kafka producer may send.",
        0,
        kInt32Max,
        {}},
    ignored_truth("message.downconversion.enable", "true"),
    ignored("message.format.version", ConfigType::text, "3.0-IV1", 0, 0),
    ignored("message.timestamp.after.max.ms", ConfigType::int64, kForEver, 0, kInt64Max),
    ignored("message.timestamp.before.max.ms", ConfigType::int64, kForEver, 0, kInt64Max),
    ignored("message.timestamp.difference.max.ms", ConfigType::int64, kForEver, 0, kInt64Max),
    TopicConfigKey{
        "message.timestamp.type",
        ConfigType::text,
        "CreateTime",
        "log.message.timestamp.type",
        "Whether a record's time is its producer's or that of the commit that stored it.",
        0,
        0,
        kTimestampTypes},
    ignored("min.cleanable.dirty.ratio", ConfigType::real, "0.5", 0, 1),
    ignored("min.compaction.lag.ms", ConfigType::int64, "0", 0, kInt64Max),
    ignored("min.insync.replicas", ConfigType::int32, "1", 1, kInt32Max),
    ignored_truth("preallocate", "true"),
    ignored_truth("remote.storage.enable", "false"),
    TopicConfigKey{
        "retention.bytes",
        ConfigType::int64,
        "-1",
        "log.retention.bytes",
        "Of each partition, at least the newest that many bytes stay; older records are hidden. "
        "-1: no limit but the log's.",
        -1,
        kInt64Max,
        {}},
    TopicConfigKey{
        "retention.ms",
        ConfigType::int64,
        "-1",
        "log.retention.ms",
        "Records older than that are hidden, by the hub's time of their commit. The log's own "
        "retention takes them in any case.",
        -1,
        kInt64Max,
        {}},
    ignored("segment.bytes", ConfigType::int32, "1073741824", 14, kInt32Max),
    ignored("segment.index.bytes", ConfigType::int32, "10485760", 4, kInt32Max),
    ignored("segment.jitter.ms", ConfigType::int64, "0", 0, kInt64Max),
    ignored("segment.ms", ConfigType::int64, "604800000", 1, kInt64Max),
    ignored_truth("unclean.leader.election.enable", "false"),
};

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t out = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::vector<std::string> elements_of(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view element = trimmed(list.substr(0, comma));
    if (!element.empty()) out.emplace_back(element);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return out;
}

std::string joined(const std::vector<std::string>& elements) {
  std::string out;
  for (const std::string& element : elements) out += (out.empty() ? "" : ",") + element;
  return out;
}

bool one_of(std::string_view text, std::span<const std::string_view> choices) {
  return std::find(choices.begin(), choices.end(), text) != choices.end();
}

std::string refusal(const TopicConfigKey& key, std::string_view value, const std::string& wanted) {
  std::string shown(value.substr(0, 64));
  return "Invalid value " + shown + " for configuration " + std::string(key.name) + ": " + wanted;
}

std::string choices_text(const TopicConfigKey& key) {
  std::string out;
  for (const std::string_view choice : key.choices) {
    out += (out.empty() ? "one of " : ", ") + std::string(choice);
  }
  return out;
}

std::optional<std::string> wrong_number(const TopicConfigKey& key, std::string_view value) {
  const auto number = parse_number(value);
  if (number && *number >= key.min && *number <= key.max) return std::nullopt;
  return refusal(
      key,
      value,
      "a whole number from " + std::to_string(key.min) + " to " + std::to_string(key.max)
  );
}

std::optional<std::string> wrong_list(const TopicConfigKey& key, std::string_view value) {
  if (key.choices.empty()) return std::nullopt;
  const auto elements = elements_of(value);
  const bool known = std::all_of(elements.begin(), elements.end(), [&](const std::string& e) {
    return one_of(e, key.choices);
  });
  if (elements.empty() || !known) return refusal(key, value, choices_text(key));
  return std::nullopt;
}

// What is wrong with a value.
std::optional<std::string> fault_of(const TopicConfigKey& key, std::string_view value) {
  if (value.size() > kConfigValueBytesMax) return refusal(key, value, "it is too long");
  switch (key.type) {
    case ConfigType::int32:
    case ConfigType::int64:
      return wrong_number(key, value);
    case ConfigType::list:
      return wrong_list(key, value);
    case ConfigType::boolean:
    case ConfigType::text:
      if (key.choices.empty() || one_of(value, key.choices)) return std::nullopt;
      return refusal(key, value, choices_text(key));
    case ConfigType::real: {
      double number = 0;
      const auto read = std::from_chars(value.data(), value.data() + value.size(), number);
      const bool whole = read.ec == std::errc() && read.ptr == value.data() + value.size();
      if (whole && number >= 0 && number <= 1) return std::nullopt;
      return refusal(key, value, "a number from 0 to 1");
    }
  }
  return std::nullopt;
}

std::string unknown(std::string_view name) {
  return "Unknown topic config name: " + std::string(name.substr(0, 100));
}

}  // namespace

std::span<const TopicConfigKey> topic_config_keys() {
  return kKeys;
}

const TopicConfigKey* find_topic_config_key(std::string_view name) {
  const auto found = std::lower_bound(
      kKeys.begin(),
      kKeys.end(),
      name,
      [](const TopicConfigKey& key, std::string_view wanted) { return key.name < wanted; }
  );
  return found != kKeys.end() && found->name == name ? &*found : nullptr;
}

std::optional<std::string> TopicConfig::set(std::string_view name, std::string_view value) {
  const TopicConfigKey* const key = find_topic_config_key(name);
  if (key == nullptr) return unknown(name);
  std::string exact(trimmed(value));
  if (key->type == ConfigType::boolean) {
    std::transform(exact.begin(), exact.end(), exact.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
  } else if (key->type == ConfigType::list) {
    exact = joined(elements_of(exact));
  }
  if (auto fault = fault_of(*key, exact)) return fault;
  values_.insert_or_assign(std::string(name), std::move(exact));
  return std::nullopt;
}

std::optional<std::string> TopicConfig::change_list(
    std::string_view name, std::string_view elements, bool add
) {
  const TopicConfigKey* const key = find_topic_config_key(name);
  if (key == nullptr) return unknown(name);
  if (key->type != ConfigType::list) return std::string(name) + " is not a list";
  const auto current = values_.find(name);
  auto all = elements_of(current == values_.end() ? key->fallback : current->second);
  for (const std::string& element : elements_of(elements)) {
    std::erase(all, element);
    if (add) all.push_back(element);
  }
  return set(name, joined(all));
}

std::optional<std::string> TopicConfig::append(std::string_view name, std::string_view elements) {
  return change_list(name, elements, true);
}

std::optional<std::string> TopicConfig::subtract(std::string_view name, std::string_view elements) {
  return change_list(name, elements, false);
}

std::optional<std::string> TopicConfig::reset(std::string_view name) {
  if (find_topic_config_key(name) == nullptr) return unknown(name);
  if (const auto found = values_.find(name); found != values_.end()) values_.erase(found);
  return std::nullopt;
}

std::optional<std::int64_t> TopicConfig::number(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::nullopt : parse_number(found->second);
}

std::optional<std::size_t> TopicConfig::message_bytes_max() const {
  const auto bytes = number("max.message.bytes");
  if (!bytes) return std::nullopt;
  return static_cast<std::size_t>(*bytes);
}

std::optional<std::chrono::milliseconds> TopicConfig::retention() const {
  const auto ms = number("retention.ms");
  if (!ms || *ms < 0 || !has_policy("delete")) return std::nullopt;
  return std::chrono::milliseconds(*ms);
}

std::optional<std::uint64_t> TopicConfig::retention_bytes() const {
  const auto bytes = number("retention.bytes");
  if (!bytes || *bytes < 0 || !has_policy("delete")) return std::nullopt;
  return static_cast<std::uint64_t>(*bytes);
}

bool TopicConfig::has_policy(std::string_view policy) const {
  const auto found = values_.find("cleanup.policy");
  const auto policies = elements_of(found == values_.end() ? "delete" : found->second);
  return std::find(policies.begin(), policies.end(), policy) != policies.end();
}

bool TopicConfig::compacted() const {
  return has_policy("compact");
}

bool TopicConfig::append_time() const {
  const auto found = values_.find("message.timestamp.type");
  return found != values_.end() && found->second == "LogAppendTime";
}

Bytes TopicConfig::encode() const {
  Bytes row;
  ByteWriter w(row);
  w.u8(kVersion);
  w.varint(values_.size());
  for (const auto& [name, value] : values_) {
    w.counted(name);
    w.counted(value);
  }
  return row;
}

std::optional<TopicConfig> TopicConfig::decode(ByteView row) {
  ByteReader r(row);
  if (r.u8() != kVersion) return std::nullopt;
  TopicConfig config;
  const std::uint64_t count = r.varint();
  for (std::uint64_t i = 0; i < count && r.ok(); ++i) {
    const ByteView name = r.counted();
    config.values_.insert_or_assign(std::string(name), std::string(r.counted()));
  }
  if (!r.ok() || !r.done()) return std::nullopt;
  return config;
}

}  // namespace runnel::core
