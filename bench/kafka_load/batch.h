// Record batches (RecordBatch v2): one that is made again and again with new numbers in it, and
// reading what came back. Uncompressed; no keys, no headers; every value begins with a stamp.
//
// Threads: one owner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/stamp.h"

namespace runnel::bench {

constexpr std::size_t kBatchHeadBytes = 61;
constexpr std::size_t kBatchLengthAt = 8;  // i32: bytes behind it
constexpr std::size_t kBatchBeforeLength = 12;
constexpr std::size_t kBatchCrcAt = 17;  // u32, of everything behind it
constexpr std::size_t kBatchLastDeltaAt = 23;
constexpr std::size_t kBatchCountAt = 57;

// A produce request of a batch whose records are all as long as each other. Everything is laid out
// once; next() writes the numbers and the checksum.
class ProduceTemplate {
 public:
  // As many records as fit into `batch_bytes`, at least one. `record_bytes` is the length of a
  // value, kStampBytes or more.
  ProduceTemplate(
      std::string_view topic,
      std::int32_t partition,
      std::size_t record_bytes,
      std::size_t batch_bytes
  );

  [[nodiscard]] std::uint32_t records() const { return static_cast<std::uint32_t>(stamps_.size()); }

  [[nodiscard]] std::size_t batch_bytes() const { return frame_.size() - batch_at_; }

  // A whole frame; valid until the next call. The records have the numbers `stamp.sequence` and up.
  std::string_view next(std::int32_t correlation, Stamp stamp);

 private:
  std::string frame_;
  std::size_t batch_at_ = 0;
  std::vector<std::size_t> stamps_;  // where each begins
};

// What is wrong with a batch.
enum class BatchFault : std::uint8_t { none, checksum, content };

struct BatchHead {
  std::int64_t base_offset = 0;
  std::size_t bytes = 0;  // the whole batch
  std::int32_t last_delta = 0;
  std::int32_t count = 0;

  [[nodiscard]] std::int64_t next_offset() const { return base_offset + last_delta + 1; }
};

// Of kBatchHeadBytes or more. `bytes` is 0 when the length cannot be right or it is no version 2.
BatchHead read_batch_head(std::string_view bytes);

// Appends the stamps of a whole batch in their order.
BatchFault read_stamps(std::string_view batch, std::vector<Stamp>& stamps);

}  // namespace runnel::bench
