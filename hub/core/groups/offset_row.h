// The bytes of committed offsets as state rows:
//
//   o/{group}/{topic}/{partition}         u8 1, group counted, topic counted, u32 partition,
//                                         i64 offset, i32 leader epoch, metadata counted,
//                                         i64 hub ms of the commit, i64 hub ms of expiry (-1: by
//                                         the hub's own rule)
//   op/{producer}/{group}/{topic}/{p.}    u8 1, i64 producer id, then as above: what a transaction
//                                         that is still open has committed
//
// Threads: pure; any.
#pragma once

#include <optional>

#include "storage/base/bytes.h"

namespace runnel::core {

constexpr ByteView kOffsetKind = "o/";
constexpr ByteView kPendingOffsetKind = "op/";

struct CommittedOffset {
  std::int64_t offset = -1;
  std::int32_t leader_epoch = -1;
  Bytes metadata;
  std::int64_t committed_hub_ms = 0;
  std::int64_t expires_hub_ms = -1;

  bool operator==(const CommittedOffset&) const = default;
};

struct OffsetKey {
  Bytes group;
  Bytes topic;
  std::int32_t partition = 0;

  auto operator<=>(const OffsetKey&) const = default;
};

struct OffsetRow {
  std::int64_t producer_id = -1;  // of a pending one
  OffsetKey key;
  CommittedOffset value;
};

// `producer_id` below 0: the row of an offset that holds.
Bytes offset_row_name(std::int64_t producer_id, const OffsetKey& key);
Bytes encode_offset_row(
    std::int64_t producer_id, const OffsetKey& key, const CommittedOffset& value
);
std::optional<OffsetRow> decode_offset_row(bool pending, ByteView row);

// The key alone, in bytes that say it whole (the name of a row may be shortened): u8 1, group counted,
// topic counted, u32 partition.
Bytes encode_offset_key(const OffsetKey& key);
std::optional<OffsetKey> decode_offset_key(ByteView bytes);

}  // namespace runnel::core
