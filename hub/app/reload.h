// What SIGHUP may change. A file is applied whole or not at all (promise P9).
// Threads: pure but for reading the file; any thread.
#pragma once

#include <filesystem>

#include "hub/app/config.h"

namespace runnel::app {

// Reads the file again for a hub that runs with `running`: a Config to go on with, or all that
// stands in the way. A data directory from the command line stays. A topic that is no longer listed
// stays too, with a warning: its records are retention's to remove.
[[nodiscard]] LoadedConfig reload_config(const Config& running, const std::filesystem::path& file);

// Why `next` cannot take the place of `running` without a restart; empty when it can. Live are
// routes, users, added topics and partitions, limits and the log level; options.h says which of the
// rest.
ConfigErrors restart_only_changes(const Config& running, const Config& next);

}  // namespace runnel::app
