// A configuration, or what is wrong with it, from a piece of TOML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>

#include "hub/app/config.h"

namespace runnel::app {

// Everything that is wrong with `toml`, as a user sees it.
inline std::vector<std::string> errors_of(std::string_view toml) {
  std::vector<std::string> out;
  const LoadedConfig loaded = parse_config(toml);
  if (loaded) return out;
  for (const ConfigError& error : loaded.error()) out.push_back(describe(error, "f.toml"));
  return out;
}

inline Config config_of(std::string_view toml) {
  EXPECT_THAT(errors_of(toml), testing::IsEmpty());
  const LoadedConfig loaded = parse_config(toml);
  return loaded ? *loaded : Config{};
}

}  // namespace runnel::app
