// The newest record of every key of compacted partitions: where it stands, so that it stays when its
// generation goes (Kafka's cleanup.policy=compact). In the files nothing is thinned out; before a
// generation is retired, what is newest in it is copied, record by record, into rows of the state:
//   c/ partition u32 offset u64 (both big-endian)
//         u8 1, i64 hub ms when the row was made (little-endian), then a RecordBatch with that one record,
//         at its offset
// A row goes soon after the next record of its key is stored. One that says that a key is gone (a null value)
// goes a day after it was made. Records of a transaction count from its commit on. Those whose generation goes
// while it is open get rows too, which keep the producer's id in the batch: readers tell by it that the
// transaction is open, and an abort takes them away in the commit that stores its marker.
//
// Promises, each with a test in tests/unit/storage/log_compaction_test.cpp:
//   1. The newest record of every key is in the log, at its offset, over restarts and retirement.
//   2. What is kept is read in the order of offsets, in front of the oldest generation's records.
//   3. What is kept is bounded by kLiveBytesMax, and an eighth more for records that delete keys: whoever
//      accepts records has them admitted first (Log::admit), and refuses what is not.
//
// Threads: the commit thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "storage/log/producers.h"
#include "storage/log/record_batch.h"

namespace runnel::log {

constexpr ByteView kKeptKind = "c/";

// What records may add to the newest of their keys, when they bring keys that there were none of.
struct Growth {
  std::uint64_t bytes = 0;
  bool only_deletes = true;  // null values alone

  void add(ByteView key, std::size_t headers_bytes, const std::optional<ByteView>& value);
};

[[nodiscard]] Growth growth_of(const NewRecord& record);

class Compacted {
 public:
  static constexpr std::size_t kLiveBytesMax = 8 << 20;  // of the newest records of all keys

  struct Name {
    PartitionId partition{};
    Offset offset{};
    auto operator<=>(const Name&) const = default;
  };

  struct Row {
    std::int64_t hub_ms = 0;
    ByteView batch;
  };

  // A record that gets a row.
  struct Kept {
    Name name;
    Bytes key;
    std::int64_t hub_ms = 0;
    Bytes row;
    std::optional<std::int64_t> producer;  // whose open transaction it is part of
  };

  // Records that are to get rows; whether their transaction is open.
  using Wanted = std::map<Offset, bool>;

  [[nodiscard]] bool empty() const { return keys_.empty(); }
  [[nodiscard]] bool covers(PartitionId partition) const { return keys_.contains(partition); }
  [[nodiscard]] std::vector<PartitionId> partitions() const;

  // Begins with nothing: what the partition has is to be told by take_row() and take(), in the order of
  // offsets.
  void cover(PartitionId partition) { keys_.try_emplace(partition); }
  // Ends; the offsets that have rows.
  std::vector<Offset> uncover(PartitionId partition);

  // A batch or a row of a covered partition. Rows that go because of it. `producers` say which
  // transactions are open.
  std::vector<Name> take(PartitionId partition, ByteView batch);
  std::vector<Name> take_row(const Name& name, const Row& row, const Producers& producers);

  // Rows that must go with the commit that stores the abort marker of this transaction.
  [[nodiscard]] std::vector<Name> undone_by_abort(const Producers::Name& transaction) const;

  // The newest records below `end` that have no row, and those that a commit would make newest.
  [[nodiscard]] Wanted not_kept(PartitionId partition, Offset end) const;
  // Copies those of `wanted` that the batch holds to `out`, and takes them off `wanted`. Bytes of the
  // copies.
  static std::size_t copy(
      PartitionId partition,
      ByteView batch,
      std::int64_t now_hub_ms,
      Wanted& wanted,
      std::vector<Kept>& out
  );
  // It has its row now.
  void keep(const Kept& kept);
  // Nothing below `start` can be read any more. Rows that go.
  std::vector<Name> trim(PartitionId partition, Offset start);
  // They cannot be read any more.
  void lose(PartitionId partition, const Wanted& offsets);
  // Rows of tombstones from before `before_ms` (hub time), which go; the keys are forgotten here.
  std::vector<Name> forget_tombstones(std::int64_t before_ms);

  // The first offset with a row.
  [[nodiscard]] std::optional<Offset> first_kept(PartitionId partition) const;

  [[nodiscard]] std::size_t live_bytes() const { return live_bytes_; }
  // Of these, what has no row yet.
  [[nodiscard]] std::size_t not_kept_bytes() const { return live_bytes_ - kept_bytes_; }

  static Bytes row_name(const Name& name);
  // nullopt: it makes no sense.
  static std::optional<Name> name_of(ByteView row_name);
  static std::optional<Row> decode(ByteView value);

 private:
  struct Newest {
    Offset offset{};
    std::size_t bytes = 0;  // of key, value and headers, and of this
    std::int64_t hub_ms = 0;  // when its row was made
    bool tombstone = false;
    bool kept = false;
  };

  using Keys = std::unordered_map<Bytes, Newest>;
  using Open = std::map<Producers::Name, std::vector<std::pair<Bytes, Newest>>>;

  static Newest newest_of(const RecordView& record);
  void note(PartitionId partition, Bytes key, const Newest& newest, std::vector<Name>& gone);
  void end(const Producers::Name& transaction, bool commit, std::vector<Name>& gone);
  void count(PartitionId partition, const Newest& newest);
  void forget(PartitionId partition, const Newest& newest);
  template <class Goes>
  void drop(PartitionId partition, Goes goes);

  std::map<PartitionId, Keys> keys_;
  std::map<PartitionId, std::set<Offset>> rows_;
  Open open_;  // of open transactions
  std::size_t live_bytes_ = 0;
  std::size_t kept_bytes_ = 0;
};

}  // namespace runnel::log
