// What the values of [[link]] must be beyond their kinds, and what their texts mean.
//
// Threads: pure but for reading files; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "hub/app/config.h"

namespace runnel::app {

// What is wrong with what links call this hub.
void check_hub_name(const Config& config, std::uint32_t line, ConfigErrors& errors);

// What is wrong with the links of a configuration.
void check_links(const Config& config, ConfigErrors& errors);

// Reads their password files.
void read_link_files(Config& config, const std::filesystem::path& directory, ConfigErrors& errors);

// Minutes after midnight, of "22:00-06:00".
struct Hours {
  std::uint32_t from = 0;
  std::uint32_t until = 0;
};

std::optional<Hours> read_hours(std::string_view text);

}  // namespace runnel::app
