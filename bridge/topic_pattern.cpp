#include "bridge/topic_pattern.h"

#include <algorithm>

namespace runnel::bridge {

bool matches(std::string_view pattern, std::string_view topic) {
  // After the last * that was passed, and what it would stand for: more, if what follows fails.
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;
  std::size_t p = 0;
  std::size_t t = 0;
  while (t < topic.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == topic[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view topic) {
  return rank_of(patterns, topic) < patterns.size();
}

std::size_t rank_of(const std::vector<std::string>& patterns, std::string_view topic) {
  const auto found = std::find_if(patterns.begin(), patterns.end(), [&](const std::string& p) {
    return matches(p, topic);
  });
  return static_cast<std::size_t>(found - patterns.begin());
}

std::string filled_in(std::string_view text, std::string_view topic, std::string_view hub) {
  constexpr std::string_view kTopic = "{topic}";
  constexpr std::string_view kHub = "{hub}";
  std::string out;
  while (!text.empty()) {
    if (text.starts_with(kTopic)) {
      out += topic;
      text.remove_prefix(kTopic.size());
    } else if (text.starts_with(kHub)) {
      out += hub;
      text.remove_prefix(kHub.size());
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace runnel::bridge
