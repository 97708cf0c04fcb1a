// Reads a topic back and holds it against what was acknowledged.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/kafka_load/json.h"
#include "bench/kafka_load/options.h"

namespace runnel::bench {

// Of one stream, which is one connection's records, numbered from 0.
struct Owed {
  std::uint64_t acknowledged = 0;
  std::uint64_t sent = 0;
  std::uint64_t last_first = 0;   // a number, and
  std::int64_t last_offset = -1;  // the offset that it was answered with; -1: none
};

// Counts what is lost, repeated, reordered, misrouted (in another partition), invented (never
// sent), foreign (of another run), misplaced (not at the offset that was answered), damaged
// (batches with a wrong checksum or wrong content) and gaps in the offsets. True: none of that but
// foreign records.
bool verify_kept(
    const KafkaOptions& options, std::uint32_t run, const std::vector<Owed>& owed, Json& report
);

}  // namespace runnel::bench
