// Kafka's RecordBatch v2, the unit on disk and on the wire (Kafka protocol guide, "Record Batch").
//
// The fixed head is 61 bytes: base offset i64, batch length i32 (bytes after itself), leader epoch
// i32, magic i8 = 2, CRC-32C u32 (from attributes to the end), attributes i16, last offset delta i32,
// base and max timestamp i64, producer id i64, producer epoch i16, base sequence i32, record count
// i32; big-endian. Then the records, varint-coded.
//
// Threads: pure values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "storage/base/bytes.h"
#include "storage/base/error.h"
#include "storage/base/types.h"
#include "storage/log/producers.h"

namespace runnel::log {

constexpr std::size_t kBatchHeadBytes = 61;

struct Header {
  ByteView name;
  ByteView value;
  bool null = false;  // there is no value, which to Kafka is not the same as an empty one
};

// What a producer says of one record. The views live at least until append() returns.
struct NewRecord {
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  std::span<const Header> headers;
  std::int64_t timestamp_ms = 0;  // wall time
};

// One record read back. The views point into the batch.
struct RecordView {
  Offset offset{};
  std::int64_t timestamp_ms = 0;
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  ByteView headers;  // encoded, see HeaderReader
  std::uint32_t header_count = 0;
};

// Walks the headers of a record, in their order.
class HeaderReader {
 public:
  explicit HeaderReader(const RecordView& record)
      : reader_(record.headers), left_(record.header_count) {}

  // False after the last one.
  bool next(Header& header);

 private:
  ByteReader reader_;
  std::uint32_t left_;
};

// The value of the first header with this name.
std::optional<ByteView> find_header(const RecordView& record, ByteView name);

// Collects records into one batch. Offsets are deltas until seal() is told the base.
class BatchBuilder {
 public:
  BatchBuilder() { clear(); }

  void append(const NewRecord& record);

  // The bytes that append(record) would add, at most.
  static std::size_t encoded_bytes(const NewRecord& record);

  // Completes head and checksum. The builder holds a valid batch afterwards. With `append_time_ms`
  // that is the time of all records, whatever they said (Kafka's LogAppendTime).
  void seal(Offset base, std::optional<std::int64_t> append_time_ms = std::nullopt);
  void clear();

  [[nodiscard]] std::uint32_t records() const { return records_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] ByteView bytes() const { return bytes_; }

 private:
  Bytes bytes_;
  std::uint32_t records_ = 0;
  std::int64_t base_timestamp_ms_ = 0;
  std::int64_t max_timestamp_ms_ = 0;
};

// A batch read back.
class BatchView {
 public:
  // Checks sizes, magic and, when `verify`, the checksum. `bytes` is exactly one batch.
  static Result<BatchView> parse(ByteView bytes, bool verify);

  [[nodiscard]] Offset base_offset() const { return base_offset_; }
  [[nodiscard]] std::uint32_t records() const { return records_; }
  [[nodiscard]] std::int64_t max_timestamp_ms() const { return max_timestamp_ms_; }
  // A compressed one's records cannot be read by record_at().
  [[nodiscard]] bool compressed() const { return (attributes_ & 7) != 0; }
  // Its records are part of a transaction.
  [[nodiscard]] bool transactional() const { return (attributes_ & 0x10) != 0; }
  // It holds a marker that ends a transaction, and no record of anybody's.
  [[nodiscard]] bool control() const { return (attributes_ & 0x20) != 0; }
  // Every record's time is max_timestamp_ms(), not its own.
  [[nodiscard]] bool append_time() const { return (attributes_ & 8) != 0; }
  [[nodiscard]] ProducerStamp producer() const;
  [[nodiscard]] ByteView bytes() const { return bytes_; }

  // Where the first record starts inside `bytes`.
  static constexpr std::size_t first_record() { return kBatchHeadBytes; }

  // Decodes the record at `position` inside the batch and moves `position` behind it. Fails with
  // Errc::damaged rather than read past the end.
  Result<RecordView> record_at(std::size_t& position) const;

  // Moves `position` behind the record there without decoding it.
  Result<void> skip(std::size_t& position) const;

 private:
  ByteView bytes_;
  Offset base_offset_{};
  std::uint32_t records_ = 0;
  std::int64_t base_timestamp_ms_ = 0;
  std::int64_t max_timestamp_ms_ = 0;
  std::uint16_t attributes_ = 0;
};

// The largest timestamp that the head of a batch names.
std::int64_t newest_timestamp(ByteView batch);

}  // namespace runnel::log
