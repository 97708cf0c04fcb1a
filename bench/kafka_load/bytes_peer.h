// What reading costs at the least: sends bytes of one file, with sendfile or with read and write.
//
// A request is a position (i64) and a number of bytes (i32), big-endian; the answer is the number
// (i32) and the bytes. One client at a time.
#pragma once

#include "bench/kafka_load/options.h"

namespace runnel::bench {

// Until the process is ended.
int run_bytes_peer(const KafkaOptions& options);

}  // namespace runnel::bench
