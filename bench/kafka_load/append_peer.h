// What durability costs at the least: takes the same produce requests as a broker, appends their
// batches to one file as they are, flushes once (fdatasync) for all that came while the last flush
// ran, and answers. Looks into nothing but what it needs for the answer.
//
// Threads: one that reads, one that writes, flushes and answers; the hand-over is the group.
#pragma once

#include "bench/kafka_load/options.h"

namespace runnel::bench {

// Until the process is ended. Without a file nothing is written, and answers go at once.
int run_append_peer(const KafkaOptions& options);

}  // namespace runnel::bench
