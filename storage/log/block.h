// A block: what the log stores as one value. It holds the record batches of one or more partitions
// that were committed together, and knows the position of its first record in the whole log.
//
// On disk, little-endian (docs/storage.md has the same table):
//    0  u32  magic "RNB1"
//    4  u32  CRC-32C of bytes 8 to the end of the entry table
//    8  u64  position of the first record (equal to the key)
//   16  i64  hub time, ms
//   24  i64  wall time, ms since 1970
//   32  u32  boot: how many times the hub had started
//   36  u16  flags: bit 0, the wall clock was synchronised
//   38  u16  entries
//   40       per entry, 24 bytes: u32 partition, u32 place of the batch, u32 its bytes, u32 its
//            records, i64 its base offset
//            then the batches (record_batch.h), each with its own CRC-32C
//
// A batch whose checksum is wrong costs itself only: parse() keeps the block, and marks the batch.
//
// Threads: a Block is immutable once made, and may be shared.
#pragma once

#include <memory>
#include <vector>

#include "storage/base/clock.h"
#include "storage/log/record_batch.h"

namespace runnel::log {

constexpr std::size_t kBlockHeadBytes = 40;
constexpr std::size_t kBlockEntryBytes = 24;

// A block ends before the first batch that would take it over this: 16 pages, less the header that
// LMDB puts before a value of that size.
constexpr std::size_t kBlockBytesTarget = 64 * 1024 - 16;

// The least that a record takes: its length, attributes, two deltas, two null lengths, no headers.
constexpr std::size_t kRecordBytesMin = 7;

struct BlockEntry {
  PartitionId partition{};
  std::uint32_t place = 0;    // bytes from the start of the block
  std::uint32_t bytes = 0;
  std::uint32_t records = 0;
  Offset base{};
};

// The head and the entry table: all that recovery and the index need.
struct BlockHead {
  Position first{};
  std::int64_t hub_ms = 0;
  WallTime wall;
  std::uint32_t boot = 0;
  std::vector<BlockEntry> entries;

  [[nodiscard]] std::uint32_t records() const;

  // Errc::damaged when the checksum or any size does not hold.
  static Result<BlockHead> parse(ByteView value);
};

// Puts head and entry table in front of batches.
class BlockBuilder {
 public:
  void add(PartitionId partition, Offset base, std::uint32_t records, ByteView batch);

  [[nodiscard]] bool empty() const { return head_.entries.empty(); }
  // Bytes that finish() would return now.
  [[nodiscard]] std::size_t size() const {
    return kBlockHeadBytes + head_.entries.size() * kBlockEntryBytes + batches_.size();
  }
  [[nodiscard]] std::uint32_t records() const { return records_; }

  // The whole value; the builder is empty afterwards.
  Bytes finish(Position first, std::int64_t hub_ms, WallTime wall, std::uint32_t boot);

 private:
  BlockHead head_;
  Bytes batches_;
  std::uint32_t records_ = 0;
};

// A block in memory, with the place of every record.
class Block {
 public:
  // Takes the bytes over. Batches are verified unless `trusted` (just built in this process).
  // Errc::damaged only when the head is: then nothing in it can be believed.
  static Result<std::shared_ptr<const Block>> make(Bytes bytes, bool trusted);

  [[nodiscard]] const BlockHead& head() const { return head_; }
  [[nodiscard]] Position first() const { return head_.first; }
  [[nodiscard]] Position end() const { return Position(head_.first.value + places_.size()); }
  [[nodiscard]] std::uint32_t records() const { return static_cast<std::uint32_t>(places_.size()); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] ByteView bytes() const { return bytes_; }

  // Records that a damaged batch took with it.
  [[nodiscard]] std::uint32_t damaged() const { return damaged_; }

  // The `index`-th record (index < records()). Errc::damaged for one inside a damaged batch.
  [[nodiscard]] Result<RecordView> record(std::uint32_t index) const;
  [[nodiscard]] PartitionId partition(std::uint32_t index) const;

  // The bytes of the batch that an entry names.
  [[nodiscard]] ByteView batch(const BlockEntry& entry) const;

 private:
  struct Place {
    std::uint32_t at;     // inside the batch; 0: the batch is damaged
    std::uint32_t entry;  // which batch
  };

  void index_batch(std::uint32_t entry, bool verify);

  Bytes bytes_;
  BlockHead head_;
  std::vector<Place> places_;
  std::vector<BatchView> batches_;
  std::uint32_t damaged_ = 0;
};

using BlockPtr = std::shared_ptr<const Block>;

}  // namespace runnel::log
