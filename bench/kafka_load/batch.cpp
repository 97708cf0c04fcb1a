#include "bench/kafka_load/batch.h"

#include <ctime>

#include "bench/kafka_load/crc32c.h"
#include "bench/kafka_load/wire.h"

namespace runnel::bench {

namespace {

constexpr std::int8_t kMagic = 2;
constexpr std::size_t kMagicAt = 16;
constexpr std::size_t kChecksummedAt = kBatchCrcAt + 4;

std::int64_t wall_clock_ms() {
  return std::int64_t{std::time(nullptr)} * 1000;
}

// A record with an offset delta; `stamp_at`: where its value begins in what is returned.
std::string make_record(std::int32_t delta, std::size_t record_bytes, std::size_t& stamp_at) {
  Out body;
  body.i8(0).varint(0).varint(delta).varint(-1);  // no attributes, same time, no key
  body.varint(static_cast<std::int64_t>(record_bytes));
  Out record;
  record.varint(static_cast<std::int64_t>(body.bytes().size() + record_bytes + 1));
  record.raw(body.bytes());
  stamp_at = record.bytes().size();
  record.bytes().append(record_bytes, 'x');
  record.varint(0);  // no headers
  return std::move(record.bytes());
}

}  // namespace

ProduceTemplate::ProduceTemplate(
    std::string_view topic,
    std::int32_t partition,
    std::size_t record_bytes,
    std::size_t batch_bytes
) {
  std::string records;
  while (true) {
    std::size_t stamp_at = 0;
    const auto delta = static_cast<std::int32_t>(stamps_.size());
    const std::string record = make_record(delta, record_bytes, stamp_at);
    const std::size_t bytes = kBatchHeadBytes + records.size() + record.size();
    if (!stamps_.empty() && bytes > batch_bytes) break;
    stamps_.push_back(kBatchHeadBytes + records.size() + stamp_at);
    records += record;
  }
  const auto count = static_cast<std::int32_t>(stamps_.size());
  const std::int64_t now_ms = wall_clock_ms();
  const std::size_t bytes = kBatchHeadBytes + records.size();
  Out batch;
  batch.i64(0).i32(static_cast<std::int32_t>(bytes - kBatchBeforeLength)).i32(-1).i8(kMagic);
  batch.i32(0).i16(0).i32(count - 1).i64(now_ms).i64(now_ms);
  batch.i64(-1).i16(-1).i32(-1).i32(count);  // no producer id
  frame_ = produce_head(topic, partition);
  Out length;
  length.i32(static_cast<std::int32_t>(bytes));
  frame_ += length.bytes();
  batch_at_ = frame_.size();
  frame_ += batch.bytes();
  frame_ += records;
  close_frame(frame_);
  for (std::size_t& at : stamps_) at += batch_at_;
}

std::string_view ProduceTemplate::next(std::int32_t correlation, Stamp stamp) {
  write_i32(frame_.data() + kCorrelationAt, correlation);
  for (const std::size_t at : stamps_) {
    write_stamp(frame_.data() + at, stamp);
    ++stamp.sequence;
  }
  const std::uint32_t crc = crc32c(std::string_view(frame_).substr(batch_at_ + kChecksummedAt));
  write_i32(frame_.data() + batch_at_ + kBatchCrcAt, static_cast<std::int32_t>(crc));
  return frame_;
}

BatchHead read_batch_head(std::string_view bytes) {
  BatchHead head;
  const std::int32_t length = read_i32(bytes.data() + kBatchLengthAt);
  const auto least = static_cast<std::int32_t>(kBatchHeadBytes - kBatchBeforeLength);
  if (length < least || bytes[kMagicAt] != kMagic) return head;
  head.base_offset = read_i64(bytes.data());
  head.bytes = static_cast<std::size_t>(length) + kBatchBeforeLength;
  head.last_delta = read_i32(bytes.data() + kBatchLastDeltaAt);
  head.count = read_i32(bytes.data() + kBatchCountAt);
  return head;
}

BatchFault read_stamps(std::string_view batch, std::vector<Stamp>& stamps) {
  const auto crc = static_cast<std::uint32_t>(read_i32(batch.data() + kBatchCrcAt));
  if (crc != crc32c(batch.substr(kChecksummedAt))) return BatchFault::checksum;
  const BatchHead head = read_batch_head(batch);
  if (head.count != head.last_delta + 1) return BatchFault::content;
  In in(batch.substr(kBatchHeadBytes));
  for (std::int32_t i = 0; i < head.count; ++i) {
    In record(in.take(in.varint()));
    record.i8();
    record.varint();
    const std::int64_t delta = record.varint();
    record.take(record.varint());
    Stamp stamp;
    if (!read_stamp(record.take(record.varint()), stamp) || delta != i || !record.ok()) {
      return BatchFault::content;
    }
    stamps.push_back(stamp);
  }
  return in.ok() && in.rest().empty() ? BatchFault::none : BatchFault::content;
}

}  // namespace runnel::bench
