// From a time, or from an offset of a partition, to a position over the whole log.
#include <algorithm>

#include "storage/log/log.h"

namespace runnel::log {
namespace {

// What a batch may unpack to while a time is looked for in it; the doors let in no more.
constexpr std::size_t kUnpackedBytesMax = 32 << 20;

// The first record of a batch that is at least that new, by its place in the batch.
std::optional<std::uint64_t> first_at_least(
    const BlockEntry& entry, ByteView block, std::int64_t at_least_ms
) {
  auto records = BatchRecords::open(block.substr(entry.place, entry.bytes), kUnpackedBytesMax);
  RecordView record;
  while (records && records->next(record)) {
    if (record.timestamp_ms < at_least_ms) continue;
    return static_cast<std::uint64_t>(record.offset.value - entry.base.value);
  }
  return std::nullopt;
}

}  // namespace

Result<Position> Generation::position_at(std::int64_t at_least_ms) const {
  std::optional<Position> from;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [partition, lane] : index_) {
      const auto& entries = lane.entries;
      const auto first = std::find_if(entries.begin(), entries.end(), [&](const IndexEntry& e) {
        return e.newest_ms >= at_least_ms;
      });
      if (first != entries.end()) from = std::min(from.value_or(first->block), first->block);
    }
  }
  if (!from) return Errc::not_found;
  std::optional<Position> out;
  const auto walked = walk_blocks(*from, [&](const BlockHead& head, ByteView block) {
    std::uint64_t at = head.first.value;
    for (const BlockEntry& e : head.entries) {
      const auto place =
          e.newest_ms >= at_least_ms ? first_at_least(e, block, at_least_ms) : std::nullopt;
      if (place) out = Position(at + *place);
      if (out) return false;
      at += e.records;
    }
    return true;
  });
  if (out) return *out;
  if (!walked && errc_of(walked.error()) != Errc::damaged) return walked.error();
  return Errc::not_found;
}

Result<Position> Generation::position_of(PartitionId partition, Offset offset) const {
  std::optional<Position> out;
  const auto walked = walk_blocks(seek(partition, offset), [&](const BlockHead& head, ByteView) {
    std::uint64_t at = head.first.value;
    for (const BlockEntry& e : head.entries) {
      if (e.partition == partition && e.base.value + e.records > offset.value) {
        const auto into = std::max<std::int64_t>(offset.value - e.base.value, 0);
        out = Position(at + static_cast<std::uint64_t>(into));
        return false;
      }
      at += e.records;
    }
    return true;
  });
  if (out) return *out;
  if (!walked && errc_of(walked.error()) != Errc::damaged) return walked.error();
  return Errc::not_found;
}

Result<Position> Log::position_at(std::int64_t at_least_ms) const {
  return first_in_chain([&](const Generation& g) { return g.position_at(at_least_ms); });
}

Result<Position> Log::position_of(PartitionId partition, Offset offset) const {
  return first_in_chain([&](const Generation& g) { return g.position_of(partition, offset); });
}

Result<Position> Log::first_in_chain(const std::function<Result<Position>(const Generation&)>& look
) const {
  std::vector<Position> firsts;
  {
    const std::lock_guard lock(mutex_);
    for (const Slot& slot : chain_) firsts.push_back(slot.first);
  }
  for (const Position first : firsts) {
    const auto generation = generation_at(first);
    if (generation == nullptr) continue;
    const auto found = look(*generation);
    if (found || errc_of(found.error()) != Errc::not_found) return found;
  }
  return end();
}

}  // namespace runnel::log
