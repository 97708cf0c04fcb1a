// The command line: what may be said to `runnel`, and which command does it.
#pragma once

namespace runnel::app {

// Returns the exit code: 0 done or stopped as asked, 1 failed, 2 bad usage or configuration.
int run_command_line(int argc, char** argv);

}  // namespace runnel::app
