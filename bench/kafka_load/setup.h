// What every mode needs before it begins and says when it goes on.
//
// Threads: one owner.
#pragma once

#include <cstdint>
#include <string_view>

#include "bench/kafka_load/options.h"

namespace runnel::bench {

// Makes the topic when it is missing and waits until all its partitions are there. LoadFailure when
// it has another number of them.
void set_up_topic(const KafkaOptions& options);

// The next offset of a partition.
std::int64_t end_offset(int fd, std::string_view topic, std::int32_t partition);

// With --progress: "phase NAME" on stderr.
void say_phase(const KafkaOptions& options, const char* name);

// Of this process, all threads.
double cpu_seconds_used();

}  // namespace runnel::bench
