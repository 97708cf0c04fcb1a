#include "storage/log/compacted.h"

#include <algorithm>

#include "storage/log/batch_records.h"
#include "storage/log/control_batch.h"

namespace runnel::log {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kRowHeadBytes = 1 + 8;

// What an entry costs besides its texts: the node, its share of the table, its row's name.
constexpr std::size_t kEntryBytes = 128;

void write_nullable(ByteWriter& w, Bytes& out, const std::optional<ByteView>& text) {
  w.zigzag(text ? static_cast<std::int64_t>(text->size()) : -1);
  if (text) out.append(*text);
}

// A batch with this record alone; its headers stay as they are encoded. `producer`: the batch that an
// open transaction had it in.
Bytes batch_of(const RecordView& record, const BatchFacts* producer) {
  Bytes body;
  ByteWriter b(body);
  b.u8(0);
  b.zigzag(0);  // behind the base timestamp
  b.zigzag(0);  // behind the base offset
  write_nullable(b, body, record.key);
  write_nullable(b, body, record.value);
  b.zigzag(static_cast<std::int64_t>(record.header_count));
  body.append(record.headers);
  Bytes batch(kBatchHeadBytes, '\0');
  ByteWriter(batch).zigzag(static_cast<std::int64_t>(body.size()));
  batch.append(body);
  using namespace head;
  put<std::int64_t>(batch, kBaseOffsetAt, record.offset.value);
  put<std::int32_t>(batch, kLengthAt, static_cast<std::int32_t>(batch.size() - kAfterLength));
  put<std::int8_t>(batch, kMagicAt, kMagic);
  put<std::int64_t>(batch, kBaseTimestampAt, record.timestamp_ms);
  put<std::int64_t>(batch, kMaxTimestampAt, record.timestamp_ms);
  if (producer != nullptr) put<std::uint16_t>(batch, kAttributesAt, kTransactionalBit);
  put<std::int64_t>(batch, kProducerIdAt, producer != nullptr ? producer->producer_id : -1);
  put<std::int16_t>(batch, kProducerEpochAt, producer != nullptr ? producer->producer_epoch : -1);
  put<std::int32_t>(batch, kBaseSequenceAt, -1);
  put<std::int32_t>(batch, kCountAt, 1);
  put<std::uint32_t>(batch, kCrcAt, batch_crc(batch));
  return batch;
}

}  // namespace

void Growth::add(
    ByteView key, std::size_t headers_bytes, const std::optional<ByteView>& value
) {
  bytes += kEntryBytes + 2 * key.size() + headers_bytes + (value ? value->size() : 0);
  if (value) only_deletes = false;
}

Growth growth_of(const NewRecord& record) {
  Growth out;
  std::size_t headers = 0;
  for (const Header& h : record.headers) headers += h.name.size() + h.value.size() + 4;
  out.add(record.key.value_or(ByteView{}), headers, record.value);
  return out;
}

std::vector<PartitionId> Compacted::partitions() const {
  std::vector<PartitionId> out;
  for (const auto& [partition, keys] : keys_) out.push_back(partition);
  return out;
}

void Compacted::count(PartitionId partition, const Newest& newest) {
  live_bytes_ += newest.bytes;
  if (!newest.kept) return;
  kept_bytes_ += newest.bytes;
  rows_[partition].insert(newest.offset);
}

void Compacted::forget(PartitionId partition, const Newest& newest) {
  live_bytes_ -= newest.bytes;
  if (!newest.kept) return;
  kept_bytes_ -= newest.bytes;
  rows_[partition].erase(newest.offset);
}

std::vector<Offset> Compacted::uncover(PartitionId partition) {
  std::vector<Offset> out;
  const auto keys = keys_.find(partition);
  if (keys == keys_.end()) return out;
  if (const auto rows = rows_.find(partition); rows != rows_.end()) {
    out.assign(rows->second.begin(), rows->second.end());
  }
  for (const auto& [key, newest] : keys->second) forget(partition, newest);
  keys_.erase(keys);
  std::erase_if(open_, [&](const auto& e) {
    if (e.first.partition != partition) return false;
    for (const auto& [key, newest] : e.second) forget(partition, newest);
    return true;
  });
  rows_.erase(partition);
  return out;
}

Compacted::Newest Compacted::newest_of(const RecordView& record) {
  Growth growth;
  growth.add(*record.key, record.headers.size(), record.value);
  Newest out;
  out.offset = record.offset;
  out.tombstone = growth.only_deletes;
  out.bytes = growth.bytes;
  return out;
}

void Compacted::note(
    PartitionId partition, Bytes key, const Newest& newest, std::vector<Name>& gone
) {
  const auto [at, fresh] = keys_.at(partition).try_emplace(std::move(key), newest);
  if (!fresh) {
    // A transaction's record counts late, and may be older.
    const bool older = newest.offset <= at->second.offset;
    const Newest loser = older ? newest : at->second;
    if (loser.kept) gone.push_back({partition, loser.offset});
    if (older) return;
    forget(partition, loser);
    at->second = newest;
  }
  count(partition, newest);
}

void Compacted::end(
    const Producers::Name& transaction, bool commit, std::vector<Name>& gone
) {
  auto open = open_.extract(transaction);
  if (open.empty()) return;
  for (auto& [key, newest] : open.mapped()) {
    forget(transaction.partition, newest);
    if (commit) note(transaction.partition, std::move(key), newest, gone);
  }
}

std::vector<Compacted::Name> Compacted::take(PartitionId partition, ByteView batch) {
  std::vector<Name> gone;
  auto records = BatchRecords::open(batch, kUnpackedBytesMax);
  if (!records) return gone;
  const BatchFacts& facts = records->facts();
  const Producers::Name transaction{partition, facts.producer_id};
  if (facts.control()) {
    const auto marker = read_marker(batch);
    end(transaction, marker && marker->commit, gone);
    return gone;
  }
  for (RecordView record; records->next(record);) {
    if (!record.key) continue;  // from before the partition was compacted
    const Newest newest = newest_of(record);
    if (facts.transactional()) {
      open_[transaction].emplace_back(*record.key, newest);
      count(partition, newest);
    } else {
      note(partition, Bytes(*record.key), newest, gone);
    }
  }
  return gone;
}

std::vector<Compacted::Name> Compacted::take_row(
    const Name& name, const Row& row, const Producers& producers
) {
  std::vector<Name> gone;
  auto records = BatchRecords::open(row.batch, kUnpackedBytesMax);
  RecordView record;
  if (!records || !records->next(record) || !record.key) return {name};
  Newest newest = newest_of(record);
  newest.hub_ms = row.hub_ms;
  newest.kept = true;
  // An abort has taken its rows away: what is left of a transaction that has ended was committed.
  const Producers::Name transaction{name.partition, records->facts().producer_id};
  const auto began = producers.open_since(transaction);
  if (records->facts().transactional() && began && *began <= name.offset) {
    open_[transaction].emplace_back(*record.key, newest);
    count(name.partition, newest);
  } else {
    note(name.partition, Bytes(*record.key), newest, gone);
  }
  return gone;
}

std::vector<Compacted::Name> Compacted::undone_by_abort(const Producers::Name& transaction) const {
  std::vector<Name> out;
  const auto open = open_.find(transaction);
  if (open == open_.end()) return out;
  for (const auto& [key, newest] : open->second) {
    if (newest.kept) out.push_back({transaction.partition, newest.offset});
  }
  return out;
}

Compacted::Wanted Compacted::not_kept(PartitionId partition, Offset end) const {
  Wanted out;
  const auto keys = keys_.find(partition);
  if (keys == keys_.end()) return out;
  for (const auto& [key, newest] : keys->second) {
    if (!newest.kept && newest.offset < end) out.emplace(newest.offset, false);
  }
  for (const auto& [transaction, records] : open_) {
    if (transaction.partition != partition) continue;
    for (const auto& [key, newest] : records) {
      if (!newest.kept && newest.offset < end) out.emplace(newest.offset, true);
    }
  }
  return out;
}

std::size_t Compacted::copy(
    PartitionId partition,
    ByteView batch,
    std::int64_t now_hub_ms,
    Wanted& wanted,
    std::vector<Kept>& out
) {
  const auto facts = read_batch_head(batch);
  if (!facts) return 0;
  const auto first = wanted.lower_bound(facts->base);
  const Offset last(facts->base.value + facts->last_offset_delta);
  if (first == wanted.end() || first->first > last) return 0;
  std::size_t bytes = 0;
  auto records = BatchRecords::open(batch, kUnpackedBytesMax);
  for (RecordView record; records && records->next(record);) {
    const auto it = wanted.find(record.offset);
    if (!record.key || it == wanted.end()) continue;
    const bool open = it->second;
    wanted.erase(it);
    Kept& kept = out.emplace_back();
    if (open) kept.producer = facts->producer_id;
    kept.name = {partition, record.offset};
    kept.key = *record.key;
    kept.hub_ms = now_hub_ms;
    ByteWriter w(kept.row);
    w.u8(kVersion);
    w.le64(static_cast<std::uint64_t>(now_hub_ms));
    kept.row.append(batch_of(record, open ? &*facts : nullptr));
    bytes += kept.row.size();
  }
  return bytes;
}

void Compacted::keep(const Kept& kept) {
  const PartitionId partition = kept.name.partition;
  const auto mark = [&](Newest& newest) {
    if (newest.offset != kept.name.offset || newest.kept) return;
    forget(partition, newest);
    newest.kept = true;
    newest.hub_ms = kept.hub_ms;
    count(partition, newest);
  };
  if (kept.producer) {
    const auto open = open_.find({partition, *kept.producer});
    if (open == open_.end()) return;
    for (auto& [key, newest] : open->second) mark(newest);
    return;
  }
  const auto keys = keys_.find(partition);
  if (keys == keys_.end()) return;
  if (const auto at = keys->second.find(kept.key); at != keys->second.end()) mark(at->second);
}

template <class Goes>  // (const Newest&)
void Compacted::drop(PartitionId partition, Goes goes) {
  const auto keys = keys_.find(partition);
  if (keys == keys_.end()) return;
  const auto gone = [&](const auto& e) {
    if (!goes(e.second)) return false;
    forget(partition, e.second);
    return true;
  };
  std::erase_if(keys->second, gone);
  for (auto& [transaction, records] : open_) {
    if (transaction.partition == partition) std::erase_if(records, gone);
  }
}

void Compacted::lose(PartitionId partition, const Wanted& offsets) {
  if (offsets.empty()) return;
  drop(partition, [&](const Newest& newest) { return offsets.contains(newest.offset); });
}

std::vector<Compacted::Name> Compacted::trim(PartitionId partition, Offset start) {
  std::vector<Name> gone;
  drop(partition, [&](const Newest& newest) {
    if (newest.offset >= start) return false;
    if (newest.kept) gone.push_back({partition, newest.offset});
    return true;
  });
  return gone;
}

std::vector<Compacted::Name> Compacted::forget_tombstones(std::int64_t before_ms) {
  std::vector<Name> gone;
  for (auto& [partition, keys] : keys_) {
    std::erase_if(keys, [&, id = partition](const auto& e) {
      const Newest& newest = e.second;
      if (!newest.tombstone || !newest.kept || newest.hub_ms >= before_ms) return false;
      gone.push_back({id, newest.offset});
      forget(id, newest);
      return true;
    });
  }
  return gone;
}

std::optional<Offset> Compacted::first_kept(PartitionId partition) const {
  const auto rows = rows_.find(partition);
  if (rows == rows_.end() || rows->second.empty()) return std::nullopt;
  return *rows->second.begin();
}

Bytes Compacted::row_name(const Name& name) {
  Bytes out(kKeptKind);
  ByteWriter w(out);
  w.be32(name.partition.value);
  w.be64(static_cast<std::uint64_t>(name.offset.value));
  return out;
}

std::optional<Compacted::Name> Compacted::name_of(ByteView row_name) {
  if (!row_name.starts_with(kKeptKind)) return std::nullopt;
  ByteReader r(row_name.substr(kKeptKind.size()));
  Name name;
  name.partition = PartitionId(r.be32());
  name.offset = Offset(static_cast<std::int64_t>(r.be64()));
  if (!r.ok() || !r.done()) return std::nullopt;
  return name;
}

std::optional<Compacted::Row> Compacted::decode(ByteView value) {
  ByteReader r(value);
  if (r.u8() != kVersion) return std::nullopt;
  Row row;
  row.hub_ms = static_cast<std::int64_t>(r.le64());
  if (!r.ok() || value.size() <= kRowHeadBytes) return std::nullopt;
  row.batch = value.substr(kRowHeadBytes);
  if (!BatchView::parse(row.batch, true)) return std::nullopt;
  return row;
}

}  // namespace runnel::log
