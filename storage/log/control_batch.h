// Control batches: the markers that end a producer's transaction in a partition (KIP-98). One
// record in a batch with the control and transactional bits:
//   key    i16 version 0, i16 type: 0 abort, 1 commit
//   value  i16 version 0, i32 coordinator epoch
// It takes an offset like any record, and no reader is shown it as one.
//
// Threads: pure functions.
#pragma once

#include <cstdint>

#include "storage/base/bytes.h"
#include "storage/base/error.h"
#include "storage/base/types.h"

namespace runnel::log {

struct TransactionMarker {
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  bool commit = false;  // otherwise abort
  std::int32_t coordinator_epoch = 0;
  std::int64_t timestamp_ms = 0;  // wall time

  bool operator==(const TransactionMarker&) const = default;
};

// A whole batch that holds `marker` at `base`.
[[nodiscard]] Bytes control_batch(Offset base, const TransactionMarker& marker);

// Whether these bytes begin with the head of a control batch.
[[nodiscard]] bool is_control(ByteView batch);

// What a control batch says; the checksum is not looked at. Later versions of key and value are
// read as far as version 0 goes, as Kafka's clients do. Errc::invalid_argument when it is no
// control batch, or one of another type than those two; Errc::damaged when it makes no sense.
[[nodiscard]] Result<TransactionMarker> read_marker(ByteView batch);

}  // namespace runnel::log
