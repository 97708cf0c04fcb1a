// Every bound of transactions, with its unit. Threads: values.
#pragma once

#include <chrono>
#include <cstddef>

namespace runnel::core {

struct TransactionLimits {
  std::size_t ids_max = 2'000;          // transactional ids; the longest unused one gives way
  std::size_t id_bytes_max = 1'024;     // of a transactional id
  std::size_t partitions_max = 1'024;   // that one transaction writes to: they end in one commit
  std::size_t groups_max = 64;          // whose offsets one transaction commits
  std::size_t bytes_max = 4 << 20;      // of all transactions: ids, groups, 16 for a partition; the
                                        // hub takes a sixteenth of a generation if that is less
  std::chrono::milliseconds timeout_max = std::chrono::minutes(15);  // Kafka's transaction.max.timeout.ms
  std::chrono::milliseconds id_silence_max = std::chrono::hours(24 * 7);  // then an id is forgotten
};

}  // namespace runnel::core
