// Patterns of topic names, and the names that topics get on the other side.
//
// Threads: pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace runnel::bridge {

// `*` stands for any number of characters, also none; everything else for itself.
bool matches(std::string_view pattern, std::string_view topic);
bool matches_any(const std::vector<std::string>& patterns, std::string_view topic);

// The place of the first pattern that matches; their number if none does.
std::size_t rank_of(const std::vector<std::string>& patterns, std::string_view topic);

// The template with {topic} and {hub} filled in.
std::string filled_in(std::string_view text, std::string_view topic, std::string_view hub);

}  // namespace runnel::bridge
