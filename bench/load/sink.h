// The cheapest thing that a load can be run against: a broker in name that acknowledges every
// publish at once and forgets it. What runnel-load reaches here is the ceiling of runnel-load, the
// machine's loopback and this loop together; no broker's figure near it says anything about that
// broker.
//
// Answers CONNECT (always yes), PUBLISH, PUBREL, SUBSCRIBE (always yes) and PINGREQ. Single thread.
#pragma once

#include "bench/load/options.h"

namespace runnel::bench {

// Listens on options.host and port until stop_sink(); returns the exit code.
int run_sink(const Options& options);

// From a signal handler.
void stop_sink();

}  // namespace runnel::bench
