// From a time to an offset of a partition; from a time, or from an offset, to a position over the whole
// log.
#include <algorithm>

#include "storage/log/log.h"
#include "storage/log/log_files.h"

namespace runnel::log {
namespace {

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
  for (const Position first : generations()) {
    const auto generation = generation_at(first);
    if (!generation) continue;
    const auto found = look(**generation);
    if (found || errc_of(found.error()) != Errc::not_found) return found;
  }
  return end();
}

// Visits what is kept of retired generations from `from` on: offset and newest timestamp.
Result<void> Log::each_kept(
    PartitionId partition, Offset from, const std::function<void(Offset, std::int64_t)>& visit
) const {
  Bytes prefix(kKeptKind);
  ByteWriter(prefix).be32(partition.value);
  const Offset until = oldest_of(partition);
  return each_state(prefix, [&](ByteView name, ByteView value) {
    const auto where = Compacted::name_of(name);
    const auto row = Compacted::decode(value);
    if (!where || !row || where->offset < from || where->offset >= until) return;
    visit(where->offset, newest_timestamp(row->batch));
  });
}

std::int64_t Log::newest_time_in_kept(PartitionId partition, Offset from) const {
  std::int64_t newest = std::numeric_limits<std::int64_t>::min();
  // What cannot be read has no time.
  (void)each_kept(partition, from, [&](Offset, std::int64_t ms) { newest = std::max(newest, ms); });
  return newest;
}

Result<TimedOffset> Log::find_time_in_kept(
    PartitionId partition, std::int64_t at_least_ms, Offset from
) const {
  std::optional<TimedOffset> found;
  RUNNEL_TRY(each_kept(partition, from, [&](Offset offset, std::int64_t ms) {
    if (!found && ms >= at_least_ms) found = TimedOffset{offset, ms};
  }));
  if (found) return *found;
  return Errc::not_found;
}

// The largest timestamp of a partition's records.
std::int64_t Log::newest_time(PartitionId partition, Offset start) const {
  std::int64_t newest = std::numeric_limits<std::int64_t>::min();
  for (const Position first : generations()) {
    const auto summary = summary_at(first);
    if (!summary || (*summary)->newest_ms(partition) <= newest) continue;
    // It may be that of a record that is trimmed.
    if (const auto g = generation_at(first)) {
      newest = std::max(newest, (*g)->newest_ms(partition, start));
    }
  }
  return newest;
}

Result<TimedOffset> Log::find_time(PartitionId partition, std::int64_t at_least_ms) const {
  const Offset start = range(partition).log_start;
  const bool kept = start < oldest_of(partition);
  if (at_least_ms == kNewestTime) {
    at_least_ms = newest_time(partition, start);
    if (kept) at_least_ms = std::max(at_least_ms, newest_time_in_kept(partition, start));
  }
  if (kept) {
    const auto found = find_time_in_kept(partition, at_least_ms, start);
    if (found || errc_of(found.error()) != Errc::not_found) return found;
  }
  for (const Position first : generations()) {
    const auto summary = summary_at(first);
    if (summary && (*summary)->newest_ms(partition) < at_least_ms) continue;
    const auto generation = generation_at(first);
    if (!generation && hole(generation.error())) continue;
    if (!generation) return generation.error();
    const auto found = (*generation)->find_time(partition, at_least_ms, start);
    if (found || errc_of(found.error()) != Errc::not_found) return found;
  }
  return Errc::not_found;
}

}  // namespace runnel::log
