// Topic names and topic filters (MQTT 5.0 §4.7, §4.8.2). Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace runnel::mqtt {

constexpr std::size_t kTopicBytesMax = 65535;

// A name that may be published to: not empty, no wildcard, valid UTF-8.
bool valid_topic_name(std::string_view topic);

// A filter that may be subscribed to, without a $share prefix: not empty, valid UTF-8, `#` only as
// the last whole level, `+` only as a whole level.
bool valid_topic_filter(std::string_view filter);

// $share/{group}/{filter} taken apart (§4.8.2).
struct SharedFilter {
  std::string_view group;
  std::string_view filter;
};

bool is_shared(std::string_view filter);

// nullopt: a $share filter whose group is empty or has a wildcard, or whose filter is invalid.
std::optional<SharedFilter> parse_shared(std::string_view filter);

// Whether `filter` (valid) matches `topic` (valid). A filter that begins with a wildcard does not
// match a topic that begins with `$` (§4.7.2).
bool matches(std::string_view filter, std::string_view topic);

}  // namespace runnel::mqtt
