// An Outcome, for people and for scripts.
#pragma once

#include <string>

#include "bench/load/options.h"
#include "bench/load/run.h"

namespace runnel::bench {

std::string text_report(const Options& options, const Outcome& outcome);

// One JSON object on one line. Latencies in microseconds, rates per second.
std::string json_report(const Options& options, const Outcome& outcome);

}  // namespace runnel::bench
