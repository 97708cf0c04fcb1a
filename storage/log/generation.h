// One link of the chain that makes up the log: an LMDB environment of fixed size in one file,
// preallocated, written once from front to back, then sealed, later unlinked whole.
//
// Rows, by the first byte of the key (integers in keys are big-endian, so that rows sort):
//   01                    this generation: u32 format, u32 id, u64 position of its first record,
//                         i64 hub ms, i64 wall ms, u32 wall synchronised, u32 boot (little-endian)
//   02 partition u32      the offset that partition had reached when this generation began: i64
//   03 name               a state row; the newest generation's are the state of the hub
//   04 partition u32      index, written when the generation is sealed: i64 end offset, then packed
//                         (i64 offset, u64 position of the block, i64 newest timestamp from there to
//                         the next), ascending, sparse
//   05                    seal: u64 position after the last record; i64 hub ms, i64 wall ms, u32
//   wall
//                         synchronised, u32 boot of the last block
//   06                    retired: u32 oldest generation that still counts, u64 records expired,
//                         u64 records discarded
//   07 partition u32      a transaction whose abort marker stands here: i64 producer id, i64 offset
//      marker u64         of its first record in the partition, i64 last stable offset behind the
//                         marker
//   0f position u64       a block (block.h)
// Every value but a block's is followed by the CRC-32C of key and value, u32 little-endian. Where
// it does not hold: without 01 or 02 the generation is damaged; 04 and 05 only repeat what the
// blocks say, which are walked instead; 03, 06 and 07 are as if they were not there.
//
// Threads: write() by the commit thread; the rest from any thread.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <unordered_map>

#include "storage/log/block.h"
#include "storage/log/lmdb.h"
#include "storage/log/rows.h"

namespace runnel::log {

constexpr std::uint32_t kFormat = 2;

// An index entry stands at most this far from the one before, in bytes of the whole log.
constexpr std::uint64_t kIndexLogBytes = 512 * 1024;

// Makes the names in `dir` last.
Result<void> sync_directory(const std::filesystem::path& dir);

using PartitionEnds = std::map<PartitionId, Offset>;

// A record found by its time.
struct TimedOffset {
  Offset offset{};
  std::int64_t timestamp_ms = 0;
};

// The value of row 07.
Bytes encode_aborted(const Producers::Aborted& aborted);

class Generation {
 public:
  struct Head {
    GenerationId id{1};
    Position first{};
    std::int64_t hub_ms = 0;
    WallTime wall;
    std::uint32_t boot = 0;
  };

  // Makes the file under a temporary name, with head, partition ends and every state and retired
  // row of `previous` (nullptr for the first), flushes it, and gives it its name: a file with a
  // real name is whole. Errc::no_space when the file system has no room for it.
  static Result<std::shared_ptr<Generation>> create(
      const std::filesystem::path& dir,
      std::uint64_t bytes,
      const Head& head,
      const PartitionEnds& starts,
      const Generation* previous
  );

  // Opens a file of the chain. Errc::damaged when it is not one, or is shorter than what it holds;
  // to write to, also when one of its pages is damaged.
  // One that was not sealed gets its index by a walk over its blocks; a sealed one reads it.
  static Result<std::shared_ptr<Generation>> open(
      const std::filesystem::path& dir, GenerationId id, Env::Mode mode
  );

  static std::filesystem::path file(const std::filesystem::path& dir, GenerationId id);

  [[nodiscard]] const Head& head() const { return head_; }

  [[nodiscard]] GenerationId id() const { return head_.id; }

  [[nodiscard]] Env& env() { return *env_; }

  [[nodiscard]] const Env& env() const { return *env_; }

  [[nodiscard]] const PartitionEnds& starts() const { return starts_; }

  // Position after the last record, and the ends of all partitions that it knows.
  [[nodiscard]] Position end() const;
  [[nodiscard]] PartitionEnds ends() const;

  [[nodiscard]] bool sealed() const { return sealed_; }
  // It has no seal, and LMDB can be let near it.
  [[nodiscard]] bool takes_blocks() const { return !sealed_ && env_->writable(); }

  [[nodiscard]] bool has_blocks() const { return end() > head_.first; }

  // What the seal or the index says has a wrong checksum, or blocks stand on damaged pages.
  [[nodiscard]] bool index_damaged() const { return index_damaged_; }

  // What its last block knew of time; the head's when it has no block.
  [[nodiscard]] HubClock::Mark last_mark() const;
  // The highest boot number that it has seen.
  [[nodiscard]] std::uint32_t boot() const;

  // Moves the end, of the log and of every partition, behind all records that `bytes` can hold.
  void leave_room_for_unreadable(std::uint64_t bytes);

  // The partition's next offset is not in front of this.
  void go_on_at(PartitionId partition, Offset next);

  // Notes blocks that a commit has just made durable.
  void committed(const std::vector<BlockPtr>& blocks);

  // Writes the index and the seal. The generation stays readable; it takes no more blocks.
  Result<void> seal();

  // A copy of the block that holds `position`; not_found outside this generation or in a hole.
  Result<Bytes> read_block(Position position) const;

  // The position of a block from which walking forward finds `offset` of `partition`.
  [[nodiscard]] Position seek(PartitionId partition, Offset offset) const;

  // The first record of `partition`, not before `from`, whose timestamp is at least that; not_found:
  // none here.
  [[nodiscard]] Result<TimedOffset> find_time(
      PartitionId partition, std::int64_t at_least_ms, Offset from
  ) const;

  // Adds to `out` the transactions aborted by markers at or behind `from` that began before `until`,
  // in the order of their markers. Whether later generations may have more of them.
  enum class Further { perhaps, no };
  Result<Further> aborted(
      PartitionId partition, Offset from, Offset until, std::vector<Producers::Aborted>& out
  ) const;

  // What is known of its partitions without another look into the file. Of a sealed generation it does
  // not change.
  struct Summary {
    std::vector<std::pair<PartitionId, std::int64_t>> newest;  // timestamps, by partition
    std::vector<PartitionId> with_aborts;                      // those with rows 07, ascending

    // The least there is for a partition that has no records.
    [[nodiscard]] std::int64_t newest_ms(PartitionId partition) const;
  };
  [[nodiscard]] Summary summary() const;

  // Bytes of batches, by partition. The first call on a generation that was sealed before this start
  // walks over the heads of its blocks.
  using Sizes = std::map<PartitionId, std::uint64_t>;
  [[nodiscard]] Sizes sizes() const;

  // The largest timestamp of a partition's records from `from` on; the least there is when it has
  // none.
  [[nodiscard]] std::int64_t newest_ms(PartitionId partition, Offset from) const;

  // The first position of a block that was committed after that; the end when there is none. Hub time
  // does not go back along the log.
  [[nodiscard]] Position after(std::int64_t hub_ms) const;

  // What `partition` had reached before the block at `position`.
  [[nodiscard]] Offset offset_at(PartitionId partition, Position position) const;

  // The last offset known to the index from which on the partition has at least that many bytes here;
  // its end when none need stay. As sizes().
  [[nodiscard]] Offset offset_before_last(PartitionId partition, std::uint64_t bytes) const;

  // As Log has them; not_found: none here.
  [[nodiscard]] Result<Position> position_at(std::int64_t at_least_ms) const;
  [[nodiscard]] Result<Position> position_of(PartitionId partition, Offset offset) const;

  // Visits the readable blocks at or behind `from`, in order, until `visit` returns false.
  Result<void> walk_blocks(
      Position from, const std::function<bool(const BlockHead&, ByteView value)>& visit
  ) const;

 private:
  struct IndexEntry {
    Offset offset{};
    Position block{};
    std::int64_t newest_ms = 0;  // of the batches from here to the next entry
    std::uint64_t before = 0;    // bytes of the partition before this; when measured_
  };

  struct Lane {
    std::vector<IndexEntry> entries;
    std::uint64_t own_bytes = 0;  // of this partition since the last entry
    std::uint64_t all_bytes = 0;  // of this partition; when measured_
    std::uint64_t log_bytes = 0;  // value of noted_bytes_ at the last entry
  };

  void measure() const;
  [[nodiscard]] std::vector<PartitionId> partitions_with_aborts() const;
  void note(const BlockHead& head);
  void note_unreadable(Position first, std::uint64_t bytes);
  void note_misplaced(const BlockHead& head);
  Result<void> read_rows();
  Result<void> read_index(const ReadTxn& txn, ByteView seal_row);
  Result<void> walk_for_index(const ReadTxn& txn);

  Head head_;
  std::unique_ptr<Env> env_;
  PartitionEnds starts_;
  std::atomic<bool> sealed_ = false;  // set by the commit thread, asked by any
  bool index_damaged_ = false;

  mutable std::mutex mutex_;  // guards what follows: the commit thread notes, readers seek
  mutable std::unordered_map<PartitionId, Lane> index_;
  PartitionEnds ends_;
  Position end_{};
  HubClock::Mark mark_;
  std::uint32_t boot_ = 0;
  std::uint64_t noted_bytes_ = 0;
  mutable bool measured_ = true;  // false: the index came from its rows, which do not say bytes
};

}  // namespace runnel::log
