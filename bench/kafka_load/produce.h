// Producing with many connections from one thread, and reading back whether all of it is kept.
#pragma once

#include "bench/kafka_load/json.h"
#include "bench/kafka_load/options.h"

namespace runnel::bench {

// Fills in the report; whether all was acknowledged and, with --verify, is there once and in order.
bool run_produce(const KafkaOptions& options, Json& report);

}  // namespace runnel::bench
