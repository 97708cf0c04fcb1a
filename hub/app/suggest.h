// What a misspelt word may have meant. Pure; any thread.
#pragma once

#include <span>
#include <string_view>

namespace runnel::app {

// The candidate with the fewest edits (insert, delete, replace, swap of neighbours; case counts for
// nothing) from `word`: at most a third of its letters, and at least one. Empty when none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace runnel::app
