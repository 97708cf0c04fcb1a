// Where partitions go on at an offset that nothing in front of leads up to: those of a mirror, which
// have every record at the offset that it has in the log that is mirrored. What was gone there before it
// was mirrored has never been here; that is no damage.
//
// Rows of the state, written by the log in the transaction of the group that leaps (docs/storage.md):
//   e/ partition u32 (big-endian)   i64: the offset behind the last leap; i64: the first offset that the
//                                   partition ever had; i64: how many offsets were leapt over in all
// A row stays for as long as the log: it says that holes in the partition mean nothing.
//
// Threads: a value; Log shares immutable ones.
#pragma once

#include <map>
#include <optional>

#include "storage/base/bytes.h"
#include "storage/base/types.h"

namespace runnel::log {

constexpr ByteView kLeapKind = "e/";

struct Leap {
  Offset end{};    // the partition's end is not in front of this
  Offset begun{};  // there is nothing in front of this, and never was
  std::int64_t skipped = 0;  // offsets that were never given here

  bool operator==(const Leap&) const = default;
};

class Leaps {
 public:
  // Takes a row. False: it makes no sense.
  bool load(ByteView name, ByteView value);

  // The partition, which has come to `end`, goes on at `next`, which is behind it.
  void apply(PartitionId partition, Offset end, Offset next);

  [[nodiscard]] bool has(PartitionId partition) const { return leaps_.contains(partition); }

  // The first offset that the partition ever had.
  [[nodiscard]] Offset begun(PartitionId partition) const;

  [[nodiscard]] const std::map<PartitionId, Leap>& all() const { return leaps_; }

  static Bytes row_name(PartitionId partition);
  static Bytes encode(const Leap& leap);

 private:
  std::map<PartitionId, Leap> leaps_;
};

}  // namespace runnel::log
