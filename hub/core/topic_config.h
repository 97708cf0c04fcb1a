// The configuration of a topic, by Kafka's names: which keys there are, what they may hold, and
// what the hub does with them. Only what somebody has set is kept; the rest has its default.
//
// Keys with an effect: cleanup.policy, max.message.bytes, message.timestamp.type, retention.ms,
// retention.bytes. The others are those of a broker with segments, replicas and message formats of
// its own to care for. They are checked, kept and told, since tools set them on every topic they
// make, and change nothing here: docs/kafka-compatibility.md has the list.
//
// Threads: values and pure functions; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/bytes.h"

namespace runnel::core {

// Of one value. All keys together, so that what one topic has set is one state row, far below what
// a commit may hold.
constexpr std::size_t kConfigValueBytesMax = 1024;

enum class ConfigType : std::uint8_t { boolean, text, int32, int64, real, list };

struct TopicConfigKey {
  std::string_view name;
  ConfigType type = ConfigType::text;
  std::string_view fallback;     // what holds when nobody has set it
  std::string_view broker_name;  // the broker's key for that default; empty: it has none
  std::string_view sentence;
  std::int64_t min = 0;  // of numbers
  std::int64_t max = 0;
  std::span<const std::string_view> choices = {};  // of texts; of a list's elements
};

// In the order of their names.
std::span<const TopicConfigKey> topic_config_keys();
// nullptr: there is none of this name.
const TopicConfigKey* find_topic_config_key(std::string_view name);

class TopicConfig {
 public:
  using Values = std::map<std::string, std::string, std::less<>>;

  // What is wrong with it, in a sentence for people; then nothing has changed.
  std::optional<std::string> set(std::string_view name, std::string_view value);
  // Adds to and takes from the elements of a list. The same.
  std::optional<std::string> append(std::string_view name, std::string_view elements);
  std::optional<std::string> subtract(std::string_view name, std::string_view elements);
  // Back to the default.
  std::optional<std::string> reset(std::string_view name);

  // What was set.
  [[nodiscard]] const Values& values() const { return values_; }

  // --- what it means ---
  [[nodiscard]] std::optional<std::size_t> message_bytes_max(
  ) const;  // of a batch; else the broker's
  // nullopt: none but that of the whole log.
  [[nodiscard]] std::optional<std::chrono::milliseconds> retention() const;
  [[nodiscard]] std::optional<std::uint64_t> retention_bytes() const;
  [[nodiscard]] bool compacted() const;
  [[nodiscard]] bool append_time() const;

  // The state row: u8 version = 1, varint n, n x (name, value), counted.
  [[nodiscard]] Bytes encode() const;
  // What the row says; nullopt when it makes no sense.
  static std::optional<TopicConfig> decode(ByteView row);

  bool operator==(const TopicConfig&) const = default;

 private:
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view name) const;
  [[nodiscard]] bool has_policy(std::string_view policy) const;
  std::optional<std::string> change_list(
      std::string_view name, std::string_view elements, bool add
  );

  Values values_;
};

}  // namespace runnel::core
