#include "bench/kafka_load/fetch_stream.h"

#include <algorithm>

#include "bench/kafka_load/socket.h"

namespace runnel::bench {

void FetchStream::begin(const FetchFields& fields, std::int32_t correlation) {
  // size, correlation, throttle, error, session; one topic: name; one partition: number, error,
  // three offsets, aborted transactions (none), preferred replica, length of the record set
  head_bytes_ = 4 + 4 + 4 + 2 + 4 + 4 + 2 + fields.topic.size() + 4 + 4 + 2 + 3 * 8 + 4 + 4 + 4;
  correlation_ = correlation;
  state_ = State::head;
  kept_.clear();
  error_ = 0;
  high_watermark_ = -1;
  next_offset_ = fields.offset;
  batch_bytes_ = 0;
  records_ = 0;
}

std::size_t FetchStream::keep(std::string_view bytes, std::size_t wanted) {
  const std::size_t taken = std::min(bytes.size(), wanted - kept_.size());
  kept_ += bytes.substr(0, taken);
  return taken;
}

std::size_t FetchStream::feed(std::string_view bytes) {
  const std::size_t before = bytes.size();
  while (!bytes.empty() && state_ != State::done) {
    std::size_t taken = 0;
    switch (state_) {
      case State::head:
        taken = keep(bytes, head_bytes_);
        if (kept_.size() == head_bytes_) read_head();
        break;
      case State::batch_head:
        taken = keep(bytes, kBatchHeadBytes);
        left_ -= taken;
        if (kept_.size() == kBatchHeadBytes) read_batch();
        break;
      case State::batch_body:
        if (on_batch_) {
          taken = keep(bytes, batch_.bytes);
        } else {
          taken = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), skip_));
          skip_ -= taken;
        }
        left_ -= taken;
        if (on_batch_ ? kept_.size() == batch_.bytes : skip_ == 0) next_batch();
        break;
      case State::rest:
        taken = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_));
        left_ -= taken;
        if (left_ == 0) state_ = State::done;
        break;
      case State::done:
        break;
    }
    bytes.remove_prefix(taken);
  }
  return before - bytes.size();
}

void FetchStream::read_head() {
  In in(kept_);
  const std::int32_t size = in.i32();
  if (in.i32() != correlation_) fail("a fetch was answered out of turn");
  in.i32();
  error_ = in.i16();
  in.i32();
  if (error_ != 0) fail("fetch: error " + std::to_string(error_));
  const std::int32_t topics = in.i32();
  in.string();
  if (topics != 1 || in.i32() != 1) fail("a fetch was answered for other topics or partitions");
  in.i32();
  error_ = in.i16();
  high_watermark_ = in.i64();
  in.i64();
  in.i64();
  if (in.i32() > 0) fail("aborted transactions where there are none");
  in.i32();
  const std::int32_t length = std::max(in.i32(), 0);
  if (error_ != 0) fail("fetch: error " + std::to_string(error_));
  const auto expected = static_cast<std::int64_t>(head_bytes_ - kFrameSizeBytes) + length;
  if (!in.ok() || size != expected) fail("the size of a fetch's answer is not what is in it");
  left_ = static_cast<std::uint64_t>(length);
  kept_.clear();
  state_ = left_ == 0 ? State::done : left_ < kBatchHeadBytes ? State::rest : State::batch_head;
}

void FetchStream::read_batch() {
  batch_ = read_batch_head(kept_);
  if (batch_.bytes == 0) fail("a fetch's answer holds something that is no batch");
  skip_ = batch_.bytes - kBatchHeadBytes;
  if (skip_ > left_) {  // what did not fit into max_bytes is cut off: as Kafka does
    kept_.clear();
    state_ = left_ == 0 ? State::done : State::rest;
    return;
  }
  state_ = State::batch_body;
  if (skip_ == 0) next_batch();
}

void FetchStream::next_batch() {
  if (on_batch_) on_batch_(batch_, kept_);
  next_offset_ = batch_.next_offset();
  batch_bytes_ += batch_.bytes;
  records_ += static_cast<std::uint64_t>(std::max(batch_.count, 0));
  kept_.clear();
  state_ = left_ == 0 ? State::done : left_ < kBatchHeadBytes ? State::rest : State::batch_head;
}

}  // namespace runnel::bench
