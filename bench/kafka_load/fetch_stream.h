// The answer to a Fetch of one partition, read as it streams in: whatever its size, no more of it
// is kept than the head, or one batch where somebody looks into batches.
//
// Threads: one owner.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "bench/kafka_load/batch.h"
#include "bench/kafka_load/wire.h"

namespace runnel::bench {

class FetchStream {
 public:
  using OnBatch = std::function<void(const BatchHead&, std::string_view batch)>;

  // `on_batch` is called with every whole batch; without it only the heads of batches are kept.
  explicit FetchStream(OnBatch on_batch = nullptr) : on_batch_(std::move(on_batch)) {}

  // For the answer to a request with these fields.
  void begin(const FetchFields& fields, std::int32_t correlation);

  // Takes bytes of the answer, from its size on. Returns how many were of it. LoadFailure when it
  // is no answer to what was asked.
  std::size_t feed(std::string_view bytes);

  [[nodiscard]] bool done() const { return state_ == State::done; }

  // Behind the head.
  [[nodiscard]] std::int16_t error() const { return error_; }

  [[nodiscard]] std::int64_t high_watermark() const { return high_watermark_; }

  // When done.
  [[nodiscard]] std::int64_t next_offset() const { return next_offset_; }

  // Of whole batches.
  [[nodiscard]] std::uint64_t batch_bytes() const { return batch_bytes_; }

  [[nodiscard]] std::uint64_t records() const { return records_; }

 private:
  enum class State : std::uint8_t { head, batch_head, batch_body, rest, done };

  std::size_t keep(std::string_view bytes, std::size_t wanted);
  void read_head();
  void read_batch();
  void next_batch();

  OnBatch on_batch_;
  State state_ = State::done;
  std::size_t head_bytes_ = 0;
  std::int32_t correlation_ = 0;
  std::string kept_;
  std::uint64_t left_ = 0;  // of the record set
  std::uint64_t skip_ = 0;  // of a batch, when nobody looks into it
  BatchHead batch_;
  std::int16_t error_ = 0;
  std::int64_t high_watermark_ = -1;
  std::int64_t next_offset_ = 0;
  std::uint64_t batch_bytes_ = 0;
  std::uint64_t records_ = 0;
};

}  // namespace runnel::bench
