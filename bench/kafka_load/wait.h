// Many consumers that wait at the end of the log by long polling, and then all read it at once.
#pragma once

#include "bench/kafka_load/json.h"
#include "bench/kafka_load/options.h"

namespace runnel::bench {

// Phases, for whoever watches the broker meanwhile: "connected" (all have a connection), "waiting"
// (every one has a fetch open), "waited", and with --read-seconds "reading" and "read". Good: no
// fetch was answered before its time without a record, or later than kLateMs behind it.
bool run_wait(const KafkaOptions& options, Json& report);

}  // namespace runnel::bench
