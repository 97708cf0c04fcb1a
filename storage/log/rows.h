// The rows of a generation (generation.h lists them): how they are named, and the checksum that
// stands behind the value of each but a block.
//
// Threads: pure; any.
#pragma once

#include "storage/base/bytes.h"
#include "storage/base/error.h"
#include "storage/base/types.h"

namespace runnel::log {

// What is stored under `key` for `value`, and the way back: Errc::damaged when the checksum is
// wrong.
Bytes with_checksum(ByteView key, ByteView value);
Result<ByteView> without_checksum(ByteView key, ByteView stored);

// Row names, for those who read and write generations.
Bytes state_key(ByteView name);
Bytes block_key(Position first);
Bytes partition_key(char kind, PartitionId partition);
Bytes aborted_key(PartitionId partition, Offset marker);
constexpr ByteView kSealKey = "\x05";
constexpr ByteView kRetiredKey = "\x06";
constexpr ByteView kStatePrefix = "\x03";
constexpr ByteView kBlockPrefix = "\x0f";
constexpr char kAbortedKind = '\x07';

struct Retired {
  GenerationId oldest{1};
  std::uint64_t expired = 0;
  std::uint64_t discarded = 0;

  // The row as it is stored, with its checksum.
  [[nodiscard]] Bytes encode() const;
  static Result<Retired> decode(ByteView stored);
};

}  // namespace runnel::log
