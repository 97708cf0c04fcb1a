// The records of any batch, compressed or not, one after the other. For what the broker looks into
// itself: MQTT delivery, ListOffsets by time, compaction.
//
// Promises:
//   1. A compressed batch is decompressed once, when it is opened, within a limit (compression.h).
//   2. As many records as the head says, or damaged(); never a step past an end.
//   3. Offsets are base + delta as the records say, so that a batch that compaction thinned out
//   reads
//      right; timestamps are the records' own, or the head's for LogAppendTime.
//
// The checksum is not looked at: whoever read the batch from the log has done so.
//
// Threads: immutable but for next() and rewind(); record_at() from several threads.
#pragma once

#include "storage/base/bytes.h"
#include "storage/base/error.h"
#include "storage/log/batch_head.h"
#include "storage/log/record_batch.h"

namespace runnel::log {

class BatchRecords {
 public:
  // `batch` is one whole batch, and outlives this. Errc::damaged when its head or what it
  // compresses makes no sense; Errc::too_large when it unpacks to more than `records_bytes_max`.
  static Result<BatchRecords> open(ByteView batch, std::size_t records_bytes_max);

  [[nodiscard]] const BatchFacts& facts() const { return facts_; }

  // The next record. False after the last one, and where the batch turns out to be damaged(). The
  // views live as long as the batch and until this object is moved or destroyed.
  bool next(RecordView& record);

  // Whether next() has come to a record that makes no sense, or to the end too early.
  [[nodiscard]] bool damaged() const { return damaged_; }

  // Begins anew.
  void rewind();

  // The same without state: decodes the record at `position` and moves `position` behind it.
  // Positions count from 0, inside records(); one that is not the start of a record gives noise or
  // Errc::damaged.
  [[nodiscard]] Result<RecordView> record_at(std::size_t& position) const;

  // The records as they are encoded, decompressed.
  [[nodiscard]] ByteView records() const { return compressed_ ? ByteView(unpacked_) : packed_; }

 private:
  BatchFacts facts_;
  ByteView packed_;
  Bytes unpacked_;
  bool compressed_ = false;
  std::size_t position_ = 0;
  std::int32_t left_ = 0;
  bool damaged_ = false;
};

}  // namespace runnel::log
