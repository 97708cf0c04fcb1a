// Reading a topic from its start to its end over one connection, one fetch at a time; or as many
// bytes of a file from a bytes-peer, in the same way.
//
// Threads: one owner.
#pragma once

#include <cstdint>

#include "bench/kafka_load/fetch_stream.h"
#include "bench/kafka_load/json.h"
#include "bench/kafka_load/options.h"
#include "bench/kafka_load/socket.h"

namespace runnel::bench {

class Reader {
 public:
  explicit Reader(const KafkaOptions& options, FetchStream::OnBatch on_batch = nullptr);

  // From offset 0 to where the partition ends when this is called.
  void read_partition(std::int32_t partition, std::int32_t max_bytes);

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }  // of whole batches

  [[nodiscard]] std::uint64_t records() const { return records_; }

  [[nodiscard]] std::uint64_t fetches() const { return fetches_; }

 private:
  const KafkaOptions& options_;
  Fd fd_;
  FetchStream stream_;
  std::int32_t correlation_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t fetches_ = 0;
};

bool run_consume(const KafkaOptions& options, Json& report);

}  // namespace runnel::bench
