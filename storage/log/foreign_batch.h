// A RecordBatch that a Kafka producer sent, judged before it is stored. The log keeps it as it came
// and hands it to every consumer, so one that some consumer could not read must not get in:
// everything is checked down to the headers of every record, compressed or not, and no count or
// length is believed.
//
// Not checked: the partition leader epoch, in which clients send what they like (some -1, some 0);
// sequences, which are the log's matter (producers.h); and whether transactional and the request's
// transactional id agree, which the caller sees from the facts.
//
// Time: one pass for the checksum and one over the records, and of compressed ones the
// decompression. Threads: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/types.h"
#include "storage/log/batch_head.h"
#include "storage/log/compacted.h"
#include "storage/log/compression.h"

namespace runnel::log {

// What a batch may be refused for. Where several apply, the first in this order is given.
enum class BatchFault : std::uint8_t {
  none,
  too_short,          // there is no whole head
  wrong_magic,        // message sets of format 0 and 1, or noise
  length_mismatch,    // the batch is longer than what came, or shorter than its head
  not_alone,          // bytes follow it
  too_large,          // over batch_bytes_max
  wrong_crc,          //
  bad_codec,          // none that Kafka has
  wrong_count,        // no records, or not last offset delta + 1
  wrong_base_offset,  // not 0: the broker gives offsets
  control,            // only the broker ends transactions
  append_time,        // LogAppendTime is the broker's to set
  bad_producer,  // a producer id with no epoch or sequence; transactional without a producer id
  not_decompressible,  // damaged, or bytes behind its end
  inner_too_large,     // unpacks to more than records_bytes_max
  records_missing,     // they end before the count is reached
  record_malformed,    // see record_fields.h
  wrong_offset_delta,  // the n-th record's is not n
  bytes_left_over,     // there is more after the last record
  key_missing,         // a record without a key where keys are required
};

// One sentence for people; empty for none.
[[nodiscard]] std::string_view describe(BatchFault fault);

struct BatchLimits {
  std::size_t batch_bytes_max = 1'048'588;   // max.message.bytes, as Kafka has it by default
  std::size_t records_bytes_max = kUnpackedBytesMax;  // of compressed records, unpacked
  bool keys_required = false;                // the topic is compacted
};

// What compressed records may unpack to on a topic that takes batches of `batch_bytes_max`: 64
// times as much, but not over 32 MiB, since it is held in memory; never less than the batch itself.
[[nodiscard]] std::size_t records_bytes_max(std::size_t batch_bytes_max);

struct BatchVerdict {
  BatchFault fault = BatchFault::none;
  // The records to blame, counted from 0: all of them for key_missing, the one for record_malformed
  // and wrong_offset_delta, otherwise none.
  std::vector<std::int32_t> records;
  // Set from bad_codec on, and when there is no fault.
  BatchFacts facts;
  // The largest timestamp of any record, when there is no fault. Some producers put another one
  // into the head: see correct_max_timestamp().
  std::int64_t max_timestamp_ms = 0;
  // What the records may add to the newest of their keys, where keys are required.
  Growth growth;

  [[nodiscard]] bool ok() const { return fault == BatchFault::none; }
};

// `batch` is what a produce request has for one partition: one batch, and all of it.
[[nodiscard]] BatchVerdict check_foreign_batch(ByteView batch, const BatchLimits& limits);

// What the broker writes into a batch that was found good. Each changes a few bytes in place, and
// `batch` is one whole batch.

// Gives it its offsets and epoch; neither field is under the checksum.
void place_batch(std::span<char> batch, Offset base, std::int32_t leader_epoch);

// Makes `ms` the time of all its records (message.timestamp.type=LogAppendTime). New checksum.
void stamp_append_time(std::span<char> batch, std::int64_t ms);

// Puts the largest timestamp of its records right, so that a search by time may believe the head.
// New checksum, if that changes anything.
void correct_max_timestamp(std::span<char> batch, std::int64_t ms);

}  // namespace runnel::log
