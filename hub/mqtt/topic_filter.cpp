#include "hub/mqtt/topic_filter.h"

#include <algorithm>

#include "hub/mqtt/ascii.h"
#include "hub/mqtt/codec.h"

namespace runnel::mqtt {
namespace {

constexpr std::string_view kSharePrefix = "$share/";

bool is_wildcard(char c) {
  return c == '+' || c == '#';
}

bool has_wildcard(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_wildcard);
}

// Whether 8 ASCII bytes hold something that no topic name may.
bool spoils_name(std::uint64_t word) {
  return ascii::holds(word, '\0') || ascii::holds(word, '+') || ascii::holds(word, '#');
}

}  // namespace

bool valid_topic_name(std::string_view topic) {
  if (topic.empty() || topic.size() > kTopicBytesMax) return false;
  std::string_view rest = topic;
  while (rest.size() >= ascii::kWordBytes) {
    const std::uint64_t word = ascii::load(rest.data());
    if (!ascii::all_ascii(word)) return valid_utf8(rest) && !has_wildcard(rest);
    if (spoils_name(word)) return false;
    rest.remove_prefix(ascii::kWordBytes);
  }
  if (topic.size() >= ascii::kWordBytes) {
    // The last 8 bytes, some of them a second time, are cheaper than up to 7 single ones.
    const std::uint64_t word = ascii::load(topic.data() + topic.size() - ascii::kWordBytes);
    if (ascii::all_ascii(word)) return !spoils_name(word);
  }
  return valid_utf8(rest) && !has_wildcard(rest);
}

bool valid_topic_filter(std::string_view filter) {
  if (filter.empty() || filter.size() > kTopicBytesMax || !valid_utf8(filter)) return false;
  for (std::size_t i = 0; i < filter.size(); ++i) {
    if (!is_wildcard(filter[i])) continue;
    const bool last = i + 1 == filter.size();
    const bool begins_level = i == 0 || filter[i - 1] == '/';
    const bool ends_level = last || filter[i + 1] == '/';
    if (!begins_level || !ends_level) return false;
    if (filter[i] == '#' && !last) return false;
  }
  return true;
}

bool is_shared(std::string_view filter) {
  return filter.starts_with(kSharePrefix);
}

std::optional<SharedFilter> parse_shared(std::string_view filter) {
  if (!is_shared(filter) || filter.size() > kTopicBytesMax) return std::nullopt;
  filter.remove_prefix(kSharePrefix.size());
  const std::size_t slash = filter.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const SharedFilter shared{.group = filter.substr(0, slash), .filter = filter.substr(slash + 1)};
  if (shared.group.empty() || has_wildcard(shared.group) || !valid_utf8(shared.group)) {
    return std::nullopt;
  }
  if (!valid_topic_filter(shared.filter)) return std::nullopt;
  return shared;
}

bool matches(std::string_view filter, std::string_view topic) {
  if (topic.starts_with('$') && !filter.empty() && is_wildcard(filter[0])) return false;
  std::size_t f = 0;
  std::size_t t = 0;
  while (true) {
    // Both stand at the first byte of a level, or at the end, where a last, empty level begins.
    const char first = f < filter.size() ? filter[f] : '\0';
    if (first == '#') return true;
    if (first == '+') {
      ++f;
      t = std::min(topic.find('/', t), topic.size());
    } else {
      while (f < filter.size() && t < topic.size() && filter[f] != '/' && filter[f] == topic[t]) {
        ++f;
        ++t;
      }
    }
    if (t == topic.size()) return f == filter.size() || filter.substr(f) == "/#";
    if (f == filter.size() || filter[f] != '/' || topic[t] != '/') return false;
    ++f;
    ++t;
  }
}

}  // namespace runnel::mqtt
