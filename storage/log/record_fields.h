// One record of a RecordBatch v2 taken apart (Kafka protocol guide, "Record"): a zigzag varint with
// its length, then attributes, timestamp delta, offset delta, key, value, headers.
//
// As strict as the strictest consumer, since what is stored is read by all: lengths and the offset
// delta are varints of at most 5 bytes that hold an i32, only -1 is a null, a header's name is not
// null, and the record ends where its length says. The attributes are not looked at: none are
// defined.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "storage/base/bytes.h"
#include "storage/base/types.h"
#include "storage/log/batch_head.h"

namespace runnel::log {

enum class RecordFault : std::uint8_t {
  none,
  cut_short,        // it, or something inside it, reaches beyond the end of what holds it
  overlong_number,  // a varint that is longer, or holds more, than its field
  negative_length,  // below -1, or -1 where there is no null
  bytes_left_over,  // its length says more than its fields take
};

// The views point into what was read.
struct RecordFields {
  std::int64_t timestamp_delta = 0;
  std::int32_t offset_delta = 0;
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  ByteView headers;  // encoded; each was looked at
  std::uint32_t header_count = 0;
};

// Takes the next record from `reader`. After a fault neither `fields` nor `reader` is of use.
[[nodiscard]] RecordFault take_record(ByteReader& reader, RecordFields& fields);

// Where a record of a batch with this head stands, and when it was. Sums beyond an i64 wrap.
[[nodiscard]] Offset record_offset(const BatchFacts& facts, const RecordFields& record);
[[nodiscard]] std::int64_t record_time(const BatchFacts& facts, const RecordFields& record);

}  // namespace runnel::log
