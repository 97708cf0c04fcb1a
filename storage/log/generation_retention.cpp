// Which offset of a partition an age or a size comes to inside a generation.
#include <algorithm>

#include "storage/log/generation.h"

namespace runnel::log {

// By halves: any position leads to the block that holds it.
Position Generation::after(std::int64_t hub_ms) const {
  Position low = head_.first;
  Position high = end();
  const auto txn = ReadTxn::begin(*env_);
  if (!txn) return low;
  while (low < high) {
    const Position middle(low.value + (high.value - low.value) / 2);
    const auto row = txn->at_or_before(block_key(middle));
    const bool is_block = row && row->key[0] == kBlockPrefix[0];
    const auto head = is_block ? BlockHead::parse(row->value) : Result<BlockHead>(Errc::damaged);
    // What cannot be read counts as young: too much is kept rather than too little. So does a hole.
    if (!head || head->hub_ms > hub_ms || head->first.value + head->records() <= middle.value) {
      high = head && head->first >= low && head->hub_ms > hub_ms ? head->first : middle;
    } else {
      low = Position(head->first.value + head->records());
    }
  }
  return low;
}

// Behind an entry of the index, and before the next, a partition has no record further away than
// what makes an entry.
Offset Generation::offset_at(PartitionId partition, Position position) const {
  Offset out{};
  Position from;
  {
    const std::lock_guard lock(mutex_);
    const auto start = starts_.find(partition);
    if (start != starts_.end()) out = start->second;
    const auto found = index_.find(partition);
    if (found == index_.end()) return out;
    const auto& entries = found->second.entries;
    auto next = std::lower_bound(
        entries.begin(),
        entries.end(),
        position,
        [](const IndexEntry& e, Position wanted) { return e.block < wanted; }
    );
    if (next == entries.begin()) return out;
    from = std::prev(next)->block;
  }
  std::uint64_t bytes = 0;
  // Pages that cannot be walked hold nothing that could be hidden.
  (void)walk_blocks(from, [&](const BlockHead& head, ByteView) {
    if (head.first >= position) return false;
    for (const BlockEntry& e : head.entries) {
      bytes += e.bytes;
      if (e.partition == partition) out = Offset(e.base.value + e.records);
    }
    return bytes <= kIndexLogBytes + kBlockBytesTarget;
  });
  return out;
}

void Generation::measure() const {
  {
    const std::lock_guard lock(mutex_);
    if (measured_) return;
  }
  std::unordered_map<PartitionId, std::vector<std::pair<Offset, std::uint64_t>>> batches;
  (void)walk_blocks(head_.first, [&](const BlockHead& head, ByteView) {
    for (const BlockEntry& e : head.entries) batches[e.partition].emplace_back(e.base, e.bytes);
    return true;
  });
  const std::lock_guard lock(mutex_);
  for (auto& [partition, lane] : index_) {
    lane.all_bytes = 0;
    auto entry = lane.entries.begin();
    for (const auto& [base, bytes] : batches[partition]) {
      for (; entry != lane.entries.end() && entry->offset <= base; ++entry) {
        entry->before = lane.all_bytes;
      }
      lane.all_bytes += bytes;
    }
    for (; entry != lane.entries.end(); ++entry) entry->before = lane.all_bytes;
  }
  measured_ = true;
}

Generation::Sizes Generation::sizes() const {
  measure();
  const std::lock_guard lock(mutex_);
  Sizes out;
  for (const auto& [partition, lane] : index_) out[partition] = lane.all_bytes;
  return out;
}

Offset Generation::offset_before_last(PartitionId partition, std::uint64_t bytes) const {
  measure();
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(partition);
  if (found == index_.end()) return Offset(0);
  const Lane& lane = found->second;
  if (bytes == 0) return ends_.at(partition);
  Offset out{};
  for (const IndexEntry& e : lane.entries) {
    if (lane.all_bytes - e.before < bytes) break;
    out = e.offset;
  }
  return out;
}

}  // namespace runnel::log
