// Where offsets and times are in a generation: the index, its rows, and the walk that makes it anew.
#include <algorithm>
#include <limits>

#include "storage/log/generation.h"

namespace runnel::log {
namespace {

constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

constexpr char kIndexKind = '\x04';

// An index entry stands at least this far from the one before: in bytes of its own partition, or in
// bytes of the whole log for a partition that seldom speaks.
constexpr std::uint64_t kIndexOwnBytes = 32 * 1024;
constexpr std::size_t kIndexEntryBytes = 24;

}  // namespace

// One pass over the heads gives index, ends and mark. It reads one page of each block.
Result<void> Generation::walk_for_index(const ReadTxn& txn) {
  const auto walked = txn.walk(block_key(Position(0)), [&](const ReadTxn::Row& row) {
    ByteReader key(row.key.substr(1));
    const Position first(key.be64());
    const auto block = BlockHead::parse(row.value);
    if (block && block->first == first) {
      note(*block);
    } else if (block) {
      note_misplaced(*block);
    } else {
      note_unreadable(first, row.value.size());
    }
    return true;
  });
  if (walked || errc_of(walked.error()) != Errc::damaged) return walked;
  // Blocks on pages that cannot be read: nobody knows which.
  index_damaged_ = true;
  note_unreadable(end_, env_->used_bytes());
  return {};
}

Result<void> Generation::read_index(const ReadTxn& txn, ByteView seal_row) {
  const auto seal = without_checksum(kSealKey, seal_row);
  if (!seal) return seal.error();
  ByteReader r(*seal);
  end_ = Position(r.le64());
  mark_.hub_ms = static_cast<std::int64_t>(r.le64());
  mark_.wall.ms = static_cast<std::int64_t>(r.le64());
  mark_.wall.synchronized = r.le32() != 0;
  boot_ = r.le32();
  bool sound = r.ok() && r.done();
  measured_ = false;
  RUNNEL_TRY(txn.walk(ByteView(&kIndexKind, 1), [&](const ReadTxn::Row& row) {
    if (row.key[0] != kIndexKind) return false;
    const auto stored = without_checksum(row.key, row.value);
    ByteReader key(row.key.substr(1));
    ByteReader value(stored ? *stored : ByteView());
    const PartitionId partition(key.be32());
    ends_[partition] = Offset(static_cast<std::int64_t>(value.le64()));
    Lane& lane = index_[partition];
    while (value.ok() && !value.done()) {
      const Offset offset(static_cast<std::int64_t>(value.le64()));
      const Position block(value.le64());
      lane.entries.push_back({offset, block, static_cast<std::int64_t>(value.le64()), 0});
    }
    sound = sound && key.ok() && value.ok();
    return sound;
  }));
  if (!sound) return Errc::damaged;
  return {};
}

void Generation::note(const BlockHead& head) {
  end_ = Position(head.first.value + head.records());
  mark_ = {head.hub_ms, head.wall};
  boot_ = std::max(boot_, head.boot);
  for (const BlockEntry& e : head.entries) {
    noted_bytes_ += e.bytes;
    Lane& lane = index_[e.partition];
    lane.own_bytes += e.bytes;
    if (lane.entries.empty() || lane.own_bytes >= kIndexOwnBytes ||
        noted_bytes_ - lane.log_bytes >= kIndexLogBytes) {
      lane.entries.push_back({e.base, head.first, e.newest_ms, lane.all_bytes});
      lane.own_bytes = 0;
      lane.log_bytes = noted_bytes_;
    }
    lane.all_bytes += e.bytes;
    std::int64_t& newest = lane.entries.back().newest_ms;
    newest = std::max(newest, e.newest_ms);
    ends_[e.partition] = Offset(e.base.value + e.records);
  }
}

// How many records of which partitions such a block has is not known. Nothing is ever given a
// position or an offset that one of them may have had, so room is left for the most that it can
// hold.
void Generation::note_unreadable(Position first, std::uint64_t bytes) {
  const std::uint64_t records_max = bytes * kRecordsPerByteMax;
  end_ = Position(std::max(end_.value, first.value) + records_max);
  for (auto& [partition, end] : ends_) end.value += static_cast<std::int64_t>(records_max);
}

void Generation::leave_room_for_unreadable(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  note_unreadable(end_, bytes);
}

void Generation::go_on_at(PartitionId partition, Offset next) {
  const std::lock_guard lock(mutex_);
  Offset& end = ends_[partition];
  end = std::max(end, next);
}

// A flipped bit in the key: nothing finds the block by its position, and what would be appended
// might not come last any more.
void Generation::note_misplaced(const BlockHead& head) {
  sealed_ = true;
  end_ = Position(std::max(end_.value, head.first.value + head.records()));
  for (const BlockEntry& e : head.entries) {
    Offset& end = ends_[e.partition];
    end = Offset(std::max(end.value, e.base.value + e.records));
  }
}

Result<void> Generation::seal() {
  auto txn = WriteTxn::begin(*env_);
  if (!txn) return txn.error();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [partition, lane] : index_) {
      Bytes packed;
      packed.reserve((lane.entries.size() + 1) * kIndexEntryBytes);
      ByteWriter w(packed);
      w.le64(static_cast<std::uint64_t>(ends_[partition].value));
      for (const IndexEntry& e : lane.entries) {
        w.le64(static_cast<std::uint64_t>(e.offset.value));
        w.le64(e.block.value);
        w.le64(static_cast<std::uint64_t>(e.newest_ms));
      }
      const Bytes key = partition_key(kIndexKind, partition);
      RUNNEL_TRY(txn->put(key, with_checksum(key, packed)));
    }
    Bytes seal;
    ByteWriter w(seal);
    w.le64(end_.value);
    w.le64(static_cast<std::uint64_t>(mark_.hub_ms));
    w.le64(static_cast<std::uint64_t>(mark_.wall.ms));
    w.le32(mark_.wall.synchronized ? 1 : 0);
    w.le32(boot_);
    RUNNEL_TRY(txn->put(kSealKey, with_checksum(kSealKey, seal)));
  }
  RUNNEL_TRY(txn->commit());
  sealed_ = true;
  return {};
}

Position Generation::seek(PartitionId partition, Offset offset) const {
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(partition);
  if (found == index_.end()) return end_;
  const auto& entries = found->second.entries;
  auto it = std::upper_bound(
      entries.begin(),
      entries.end(),
      offset,
      [](Offset wanted, const IndexEntry& e) { return wanted < e.offset; }
  );
  if (it != entries.begin()) --it;
  return it->block;
}

// What an index entry says of its batches holds when all of them count. Of the one in which `from`
// lies, they are looked at.
std::int64_t Generation::Summary::newest_ms(PartitionId partition) const {
  const auto found = std::ranges::lower_bound(newest, std::pair(partition, kNoTime));
  return found == newest.end() || found->first != partition ? kNoTime : found->second;
}

Generation::Summary Generation::summary() const {
  Summary out;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [partition, lane] : index_) {
      std::int64_t newest = kNoTime;
      for (const IndexEntry& e : lane.entries) newest = std::max(newest, e.newest_ms);
      out.newest.emplace_back(partition, newest);
    }
  }
  std::ranges::sort(out.newest);
  out.with_aborts = partitions_with_aborts();
  return out;
}

std::int64_t Generation::newest_ms(PartitionId partition, Offset from) const {
  std::int64_t newest = kNoTime;
  Position first;
  Offset until{};
  {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(partition);
    if (found == index_.end()) return newest;
    const auto& entries = found->second.entries;
    const auto whole = std::find_if(entries.begin(), entries.end(), [&](const IndexEntry& e) {
      return e.offset >= from;
    });
    for (auto e = whole; e != entries.end(); ++e) newest = std::max(newest, e->newest_ms);
    if (whole == entries.begin()) return newest;
    first = std::prev(whole)->block;
    until = whole == entries.end() ? ends_.at(partition) : whole->offset;
  }
  // Pages that cannot be walked have no records either.
  (void)walk_blocks(first, [&](const BlockHead& head, ByteView block) {
    for (const BlockEntry& e : head.entries) {
      if (e.partition != partition || e.base.value + e.records <= from.value) continue;
      if (e.base >= until) return false;
      if (e.base >= from) {
        newest = std::max(newest, e.newest_ms);
        continue;
      }
      auto records = BatchRecords::open(block.substr(e.place, e.bytes), kUnpackedBytesMax);
      RecordView record;
      while (records && records->next(record)) {
        if (record.offset >= from) newest = std::max(newest, record.timestamp_ms);
      }
    }
    return true;
  });
  return newest;
}

Result<TimedOffset> Generation::find_time(
    PartitionId partition, std::int64_t at_least_ms, Offset from
) const {
  Position first_block;
  {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(partition);
    if (found == index_.end()) return Errc::not_found;
    const auto& entries = found->second.entries;
    // The batches of an entry end where the next one begins.
    auto first = std::upper_bound(
        entries.begin(),
        entries.end(),
        from,
        [](Offset wanted, const IndexEntry& e) { return wanted < e.offset; }
    );
    if (first != entries.begin()) --first;
    first = std::find_if(first, entries.end(), [&](const IndexEntry& e) {
      return e.newest_ms >= at_least_ms;
    });
    if (first == entries.end()) return Errc::not_found;
    first_block = first->block;
  }
  std::optional<TimedOffset> out;
  const auto look = [&](const BlockEntry& e, ByteView block) {
    if (e.partition != partition || e.newest_ms < at_least_ms) return;
    if (e.base.value + e.records <= from.value) return;
    auto records = BatchRecords::open(block.substr(e.place, e.bytes), kUnpackedBytesMax);
    RecordView record;
    while (records && !out && records->next(record)) {
      if (record.timestamp_ms < at_least_ms || record.offset < from) continue;
      out = {record.offset, record.timestamp_ms};
    }
  };
  const auto walked = walk_blocks(first_block, [&](const BlockHead& head, ByteView block) {
    for (const BlockEntry& e : head.entries) {
      if (!out) look(e, block);
    }
    return !out.has_value();
  });
  if (out) return *out;
  if (!walked && errc_of(walked.error()) != Errc::damaged) return walked.error();
  return Errc::not_found;
}

}  // namespace runnel::log
