// Where partitions begin because somebody said so: a request that deleted records, the retention of
// a topic, the deletion of a topic. What is trimmed can be read through no door any more, though
// its bytes stay in their generation until that is retired.
//
// Rows of the state, written by the log in the transaction of the group that trims
// (docs/storage.md):
//   l/ partition u32 (big-endian)   i64: the first offset that stays; kGone: none ever will
//   L                               u64 records trimmed on request, u64 by the retention of a topic
//
// Threads: a value; Log shares immutable ones.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/types.h"

namespace runnel::log {

struct BlockHead;

enum class TrimReason : std::uint8_t { deleted, expired };

// Where a partition begins whose topic is deleted: behind everything.
constexpr Offset kGone{std::numeric_limits<std::int64_t>::max()};

constexpr ByteView kTrimKind = "l/";
constexpr ByteView kTrimTotalsRow = "L";

struct Trim {
  Offset start{};
  TrimReason why = TrimReason::deleted;
};

class Trims {
 public:
  using Row = std::pair<Bytes, Bytes>;  // name and value

  // Takes a row of either kind. False: it makes no sense.
  bool load(ByteView name, ByteView value);

  // The first offset that stays; 0 when nobody has trimmed the partition.
  [[nodiscard]] Offset start(PartitionId partition) const;

  [[nodiscard]] bool gone(PartitionId partition) const { return start(partition) == kGone; }

  [[nodiscard]] bool empty() const { return starts_.empty(); }

  [[nodiscard]] const std::map<PartitionId, Offset>& starts() const { return starts_; }

  // Moves a start, of which `records` more than before are trimmed; never back.
  void apply(PartitionId partition, const Trim& trim, std::uint64_t records);

  // Its records have left the files: nothing need be remembered.
  void forget(PartitionId partition) { starts_.erase(partition); }

  // Records that were ever trimmed, whether or not they are still in the files.
  [[nodiscard]] std::uint64_t deleted() const { return deleted_; }

  [[nodiscard]] std::uint64_t expired() const { return expired_; }

  // Which records of a block must not be delivered: ranges of indices, first to behind the last.
  [[nodiscard]] std::vector<std::pair<std::uint32_t, std::uint32_t>> hidden(const BlockHead& head
  ) const;

  static Bytes row_name(PartitionId partition);
  static Bytes encode(Offset start);
  [[nodiscard]] Row totals_row() const;

 private:
  std::map<PartitionId, Offset> starts_;
  std::uint64_t deleted_ = 0;
  std::uint64_t expired_ = 0;
};

}  // namespace runnel::log
