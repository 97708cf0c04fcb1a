// What must hold between options: limits that depend on each other, topics, routes, addresses.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "hub/app/config.h"

namespace runnel::app {

// Where in the file things stand; 0 for what it does not mention.
struct Lines {
  std::map<std::string, std::uint32_t> options;  // by name_of(): "[storage] limit"
  std::set<std::string> unread;                  // options whose value was wrong in itself
  std::vector<std::uint32_t> topics;             // one per Config::topics
  std::vector<std::uint32_t> routes;             // one per Config::routes

  [[nodiscard]] std::uint32_t of(const std::string& option) const;
};

// Appends what is wrong. `lines` has an entry for every topic and route of `config`.
void check_relations(const Config& config, const Lines& lines, ConfigErrors& errors);

}  // namespace runnel::app
