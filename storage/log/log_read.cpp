// What readers ask of a log: state at start-up, blocks by position, batches by offset, totals.
#include <algorithm>

#include "storage/base/logger.h"
#include "storage/log/log.h"
#include "storage/log/log_files.h"

namespace runnel::log {
namespace {

// What a fetch asks the disk for at once; a cold log would otherwise come page by page.
constexpr std::size_t kReadAhead = 1 << 20;

}  // namespace

Result<void> Log::each_state(
    ByteView prefix, const std::function<void(ByteView name, ByteView value)>& visit
) const {
  const std::shared_ptr<Generation> active = [this] {
    const std::lock_guard lock(mutex_);
    return active_;
  }();
  auto txn = ReadTxn::begin(active->env());
  if (!txn) return txn.error();
  const Bytes from = state_key(prefix);
  std::uint64_t damaged = 0;
  const auto walked = txn->walk(from, [&](const ReadTxn::Row& row) {
    if (!row.key.starts_with(from)) return false;
    if (const auto value = without_checksum(row.key, row.value)) {
      visit(row.key.substr(1), *value);
    } else {
      ++damaged;
    }
    return true;
  });
  if (!walked) {
    if (errc_of(walked.error()) != Errc::damaged) return walked;
    logger::error("log", "rows of the state stand on damaged pages and are lost");
  }
  if (damaged > 0) {
    logger::error(
        "log", logger::text(damaged, " rows of the state have a wrong checksum and are lost")
    );
  }
  return {};
}

Result<BlockPtr> Log::read_block(Position position) const {
  if (position < first() || position >= end()) return Errc::not_found;
  const auto generation = generation_at(position);
  if (!generation) return position < first() ? Errc::not_found : errc_of(generation.error());
  auto bytes = (*generation)->read_block(position);
  // It was committed: a place in the log without a block is damage.
  if (!bytes) return errc_of(bytes.error()) == Errc::not_found ? Errc::damaged : bytes.error();
  auto block = Block::make(std::move(*bytes), false);
  if (!block) return block.error();
  if (position < (*block)->first() || position >= (*block)->end()) return Errc::damaged;
  return block;
}

Position Log::skip_damaged(Position position) const {
  const std::vector<Position> firsts = generations();
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    if (i + 1 < firsts.size() && firsts[i + 1].value <= position.value + 1) continue;
    const Position from(std::max(position.value + 1, firsts[i].value));
    const auto generation = generation_at(from);
    if (!generation) continue;
    std::optional<Position> found;
    // Damage on the way is what is to be skipped.
    (void)(*generation)->walk_blocks(from, [&](const BlockHead& head, ByteView) {
      found = head.first;
      return false;
    });
    if (found) return *found;
  }
  return end();
}

// Takes batches from one generation, and moves `next` behind the last one.
Result<void> Log::fetch_from(const Generation& generation, Reading& reading, Fetched& out) const {
  Offset& next = reading.next;
  const auto lost = [&](std::int64_t until) {
    out.damaged += static_cast<std::uint32_t>(until - next.value);
    next = Offset(until);
  };
  const char* asked_for = nullptr;  // up to here
  const auto walked = generation.walk_blocks(
      generation.seek(reading.partition, next),
      [&](const BlockHead& head, ByteView value) {
        // Blocks stand one behind the other, but for what LMDB found in between.
        const char* end = value.data() + value.size();
        if (asked_for == nullptr || end > asked_for) {
          const std::size_t wanted = reading.bytes_max - out.batches.size();
          const std::size_t ahead = std::max(std::min(wanted, kReadAhead), value.size());
          generation.env().will_read(value.data(), ahead);
          asked_for = value.data() + ahead;
        }
        for (const BlockEntry& e : head.entries) {
          if (e.partition != reading.partition || e.base.value + e.records <= next.value) continue;
          if (e.base >= reading.end) return false;
          if (!out.batches.empty() && out.batches.size() + e.bytes > reading.bytes_max) {
            reading.full = true;
            return false;
          }
          // A block before this one cannot be read, or it is a leap.
          if (e.base > next && !reading.leaps) lost(e.base.value);
          next = std::max(next, e.base);
          const ByteView batch = value.substr(e.place, e.bytes);
          const auto parsed = BatchView::parse(batch, true);
          if (!parsed || parsed->base_offset() != e.base || parsed->records() != e.records) {
            lost(e.base.value + e.records);
            continue;
          }
          out.batches.append(batch);
          next = Offset(e.base.value + e.records);
        }
        return out.batches.size() < reading.bytes_max && next < reading.end;
      }
  );
  // Pages that cannot be walked are a hole like others.
  if (!walked && errc_of(walked.error()) != Errc::damaged) return walked.error();
  return {};
}

Offset Log::oldest_of(PartitionId partition) const {
  const std::lock_guard lock(mutex_);
  const auto start = chain_.front().starts.find(partition);
  return start == chain_.front().starts.end() ? Offset(0) : start->second;
}

// Takes what is kept of retired generations, and moves `next` behind it: to `until` when that was all.
Result<void> Log::fetch_kept(Reading& reading, Offset until, Fetched& out) const {
  const std::shared_ptr<Generation> active = [this] {
    const std::lock_guard lock(mutex_);
    return active_;
  }();
  auto txn = ReadTxn::begin(active->env());
  if (!txn) return txn.error();
  Bytes prefix(kKeptKind);
  ByteWriter(prefix).be32(reading.partition.value);
  const Bytes rows = state_key(prefix);
  const Bytes first = state_key(Compacted::row_name({reading.partition, reading.next}));
  const auto walked = txn->walk(first, [&](const ReadTxn::Row& row) {
    if (!row.key.starts_with(rows)) return false;
    const auto name = Compacted::name_of(row.key.substr(1));
    const auto value = without_checksum(row.key, row.value);
    const auto kept = value ? Compacted::decode(*value) : std::nullopt;
    if (!name || !kept) return true;
    if (name->offset >= until) return false;
    if (!out.batches.empty() && out.batches.size() + kept->batch.size() > reading.bytes_max) {
      reading.full = true;
      return false;
    }
    out.batches.append(kept->batch);
    reading.next = Offset(name->offset.value + 1);
    return true;
  });
  if (!walked && errc_of(walked.error()) != Errc::damaged) return walked.error();
  if (!reading.full) reading.next = until;
  return {};
}

// The transactions whose records in [from, until) were aborted: their markers stand behind `from`,
// some of them behind `until`.
Result<void> Log::list_aborted(
    PartitionId partition, Offset from, Offset until, Fetched& out
) const {
  std::vector<Position> firsts;
  {
    const std::lock_guard lock(mutex_);
    for (const Slot& slot : chain_) {
      const auto start = slot.starts.find(partition);
      if (start != slot.starts.end() && start->second <= from) firsts.clear();
      firsts.push_back(slot.first);
    }
  }
  for (const Position first : firsts) {
    const auto summary = summary_at(first);
    if (summary && !std::ranges::binary_search((*summary)->with_aborts, partition)) continue;
    const auto generation = generation_at(first);
    if (!generation && hole(generation.error())) continue;
    if (!generation) return generation.error();
    const auto further = (*generation)->aborted(partition, from, until, out.aborted);
    if (!further) return further.error();
    if (*further == Generation::Further::no) return {};
  }
  return {};
}

Result<Fetched> Log::fetch(
    PartitionId partition, Offset offset, std::size_t bytes_max, Isolation isolation
) const {
  // A generation that is retired while it is read from takes along what says which of its records
  // were aborted, and leaves rows instead of records.
  for (;;) {
    const Offset oldest = oldest_of(partition);
    auto fetched = fetch_once(partition, offset, bytes_max, isolation, oldest);
    if (oldest_of(partition) == oldest) return fetched;
  }
}

Result<Fetched> Log::fetch_once(
    PartitionId partition,
    Offset offset,
    std::size_t bytes_max,
    Isolation isolation,
    Offset oldest
) const {
  Fetched out;
  out.range = range(partition);
  if (offset < out.range.log_start || offset > out.range.high_watermark) return Errc::not_found;
  const bool committed = isolation == Isolation::read_committed;
  Reading reading{
      partition,
      offset,
      committed ? out.range.last_stable : out.range.high_watermark,
      std::max<std::size_t>(bytes_max, 1),  // at least one batch
      false,
      leaps()->has(partition)};
  Offset& next = reading.next;
  const Offset kept_until = std::min(oldest, reading.end);
  if (next < kept_until) RUNNEL_TRY(fetch_kept(reading, kept_until, out));
  while (next < reading.end && out.batches.size() < reading.bytes_max && !reading.full) {
    const auto generation = generation_for(partition, next);
    if (!generation && !hole(generation.error()) && out.batches.empty()) return generation.error();
    if (!generation && !hole(generation.error())) break;
    const Offset before = next;
    if (generation) RUNNEL_TRY(fetch_from(**generation, reading, out));
    if (next != before) continue;
    // Nothing more in this generation: records of it are damaged or set aside. Go on in the next
    // one.
    if (!out.batches.empty()) break;
    const Offset further = std::min(next_start(partition, next, reading.end), reading.end);
    if (!reading.leaps) out.damaged += static_cast<std::uint32_t>(further.value - next.value);
    next = further;
  }
  if (committed) RUNNEL_TRY(list_aborted(partition, std::max(offset, oldest), next, out));
  out.next = next;
  return out;
}

// From the rows: the table is the commit thread's.
Result<Log::KnownProducers> Log::producers(PartitionId partition) const {
  Bytes prefix(kProducerKind);
  ByteWriter(prefix).be32(partition.value);
  Producers known;
  RUNNEL_TRY(each_state(prefix, [&](ByteView name, ByteView value) {
    (void)known.load(name, value);
  }));
  KnownProducers out;
  known.each([&](const Producers::Name& name, const Producers::Entry& entry) {
    out.emplace_back(name.producer, entry);
  });
  return out;
}

PartitionRange Log::range(PartitionId partition) const {
  const std::lock_guard lock(mutex_);
  PartitionRange out;
  if (partition.value < ends_.size()) out.high_watermark = ends_[partition.value];
  out.log_start = start_of(partition);
  const auto open = open_.find(partition);
  out.last_stable = open == open_.end() ? out.high_watermark
                                        : std::max(out.log_start, open->second);
  return out;
}

Log::Totals Log::totals() const {
  const std::lock_guard lock(mutex_);
  Totals out;
  out.accepted = end().value;
  out.stored = end().value - first().value;
  out.expired = retired_.expired;
  out.discarded = retired_.discarded;
  out.damaged = damaged_;
  out.trimmed_on_request = trims_->deleted();
  out.trimmed_by_age_or_size = trims_->expired();
  for (const auto& [partition, start] : trims_->starts()) {
    const auto front = chain_.front().starts.find(partition);
    Offset oldest = front == chain_.front().starts.end() ? Offset(0) : front->second;
    oldest = std::max(oldest, leaps_->begun(partition));
    out.hidden += static_cast<std::uint64_t>(std::max(start_of(partition), oldest).value - oldest.value);
  }
  out.generations = chain_.size();
  for (const Slot& slot : chain_) out.disk_bytes += slot.file_bytes;
  for (const Aside& aside : aside_) out.disk_bytes += aside.bytes;
  return out;
}

std::int64_t Log::hub_ms() const {
  const std::lock_guard lock(mutex_);
  return hub_clock_->now_ms();
}

}  // namespace runnel::log
