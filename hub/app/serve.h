// The hub as a process: builds the parts, runs them until SIGTERM or SIGINT, and takes them down.
#pragma once

#include <string>

#include "hub/app/config.h"

namespace runnel::app {

// Returns the exit code: 0 stopped as asked, 1 failed while running. `config_path` is what SIGHUP
// reads again; empty when the hub runs without a file.
int serve(Config config, std::string config_path);

}  // namespace runnel::app
