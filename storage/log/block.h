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
//   40       per entry, 32 bytes: u32 partition, u32 place of the batch, u32 its bytes, u32 its
//            records, i64 its base offset, i64 its newest timestamp, ms
//            then the batches (record_batch.h), each with its own CRC-32C
//
// A batch whose checksum is wrong costs itself only: parse() keeps the block, and marks the batch.
//
// Threads: a Block is immutable once made, and may be shared.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "storage/base/clock.h"
#include "storage/log/batch_records.h"
#include "storage/log/record_batch.h"

namespace runnel::log {

constexpr std::size_t kBlockHeadBytes = 40;
constexpr std::size_t kBlockEntryBytes = 32;

// A block ends before the first batch that would take it over this: 16 pages, less the header that
// LMDB puts before a value of that size.
constexpr std::size_t kBlockBytesTarget = 64 * 1024 - 16;

// The most records that a byte of a batch may stand for. An uncompressed record takes at least 7; a
// batch that packs more is refused at the door.
constexpr std::uint64_t kRecordsPerByteMax = 1024;

struct BlockEntry {
  PartitionId partition{};
  std::uint32_t place = 0;    // bytes from the start of the block
  std::uint32_t bytes = 0;
  std::uint32_t records = 0;
  Offset base{};
  std::int64_t newest_ms = 0;  // the largest timestamp of its records
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

// A block in memory, with the place of every record. Compressed batches are unpacked when one of their
// records is first asked for.
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

  // The `index`-th record (index < records()). Errc::damaged for one inside a damaged batch;
  // Errc::not_found where a marker of a transaction stands, which is no record of anybody's.
  [[nodiscard]] Result<RecordView> record(std::uint32_t index) const;
  [[nodiscard]] PartitionId partition(std::uint32_t index) const;

  // The bytes of the batch that an entry names.
  [[nodiscard]] ByteView batch(const BlockEntry& entry) const;

 private:
  struct Place {
    std::uint32_t at;     // inside the batch, or which record of a compressed one; see kLost
    std::uint32_t entry;  // which batch
  };

  // A compressed batch.
  struct Packed {
    std::once_flag once;
    std::optional<BatchRecords> records;  // empty: it cannot be unpacked
    std::vector<std::uint32_t> places;
  };

  void index_batch(std::uint32_t entry, bool verify);
  [[nodiscard]] const Packed& unpack(std::uint32_t entry) const;

  Bytes bytes_;
  BlockHead head_;
  std::vector<Place> places_;
  std::vector<BatchView> batches_;
  std::vector<std::unique_ptr<Packed>> packed_;  // by entry; empty when none is compressed
  std::uint32_t damaged_ = 0;
};

using BlockPtr = std::shared_ptr<const Block>;

}  // namespace runnel::log
