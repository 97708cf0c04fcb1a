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

// What a batch may unpack to; the doors let in no more.
constexpr std::size_t kUnpackedBytesMax = 32 << 20;

void write_nullable(ByteWriter& w, Bytes& out, const std::optional<ByteView>& text) {
  w.zigzag(text ? static_cast<std::int64_t>(text->size()) : -1);
  if (text) out.append(*text);
}

// A batch with this record alone; its headers stay as they are encoded.
Bytes batch_of(const RecordView& record) {
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
  put<std::int64_t>(batch, kProducerIdAt, -1);
  put<std::int16_t>(batch, kProducerEpochAt, -1);
  put<std::int32_t>(batch, kBaseSequenceAt, -1);
  put<std::int32_t>(batch, kCountAt, 1);
  put<std::uint32_t>(batch, kCrcAt, batch_crc(batch));
  return batch;
}

}  // namespace

std::vector<PartitionId> Compacted::partitions() const {
  std::vector<PartitionId> out;
  for (const auto& [partition, keys] : keys_) out.push_back(partition);
  return out;
}

void Compacted::forget(const Newest& newest) {
  live_bytes_ -= newest.bytes;
  if (newest.kept) kept_bytes_ -= newest.bytes;
}

std::vector<Offset> Compacted::uncover(PartitionId partition) {
  std::vector<Offset> out;
  const auto keys = keys_.find(partition);
  if (keys == keys_.end()) return out;
  for (const auto& [key, newest] : keys->second) forget(newest);
  keys_.erase(keys);
  std::erase_if(open_, [&](const auto& e) { return e.first.first == partition; });
  if (const auto rows = rows_.extract(partition)) {
    out.assign(rows.mapped().begin(), rows.mapped().end());
  }
  return out;
}

Compacted::Newest Compacted::newest_of(const RecordView& record, std::int64_t hub_ms) {
  Newest out;
  out.offset = record.offset;
  out.hub_ms = hub_ms;
  out.tombstone = !record.value;
  out.bytes = kEntryBytes + 2 * record.key->size() + record.headers.size() +
              (record.value ? record.value->size() : 0);
  return out;
}

void Compacted::note(
    PartitionId partition, Bytes key, const Newest& newest, std::vector<Name>& gone
) {
  const auto [at, fresh] = keys_.at(partition).try_emplace(std::move(key), newest);
  if (!fresh) {
    // A transaction's record counts late, and may be older.
    if (at->second.offset >= newest.offset) return;
    forget(at->second);
    if (at->second.kept) {
      gone.push_back({partition, at->second.offset});
      rows_[partition].erase(at->second.offset);
    }
    at->second = newest;
  }
  live_bytes_ += newest.bytes;
  if (newest.kept) {
    kept_bytes_ += newest.bytes;
    rows_[partition].insert(newest.offset);
  }
}

std::vector<Compacted::Name> Compacted::take(
    PartitionId partition, ByteView batch, std::int64_t hub_ms
) {
  std::vector<Name> gone;
  auto records = BatchRecords::open(batch, kUnpackedBytesMax);
  if (!records) return gone;
  const BatchFacts& facts = records->facts();
  const std::pair producer{partition, facts.producer_id};
  if (facts.control()) {
    auto open = open_.extract(producer);
    const auto marker = read_marker(batch);
    if (open.empty() || !marker || !marker->commit) return gone;
    for (auto& [key, newest] : open.mapped()) note(partition, std::move(key), newest, gone);
    return gone;
  }
  for (RecordView record; records->next(record);) {
    if (!record.key) continue;  // from before the partition was compacted
    const Newest newest = newest_of(record, hub_ms);
    if (facts.transactional()) {
      open_[producer].emplace_back(*record.key, newest);
    } else {
      note(partition, Bytes(*record.key), newest, gone);
    }
  }
  return gone;
}

std::vector<Compacted::Name> Compacted::take_row(const Name& name, const Row& row) {
  std::vector<Name> gone;
  auto records = BatchRecords::open(row.batch, kUnpackedBytesMax);
  RecordView record;
  if (!records || !records->next(record) || !record.key) return {name};
  Newest newest = newest_of(record, row.hub_ms);
  newest.kept = true;
  note(name.partition, Bytes(*record.key), newest, gone);
  return gone;
}

std::set<Offset> Compacted::not_kept(PartitionId partition, Offset end) const {
  std::set<Offset> out;
  const auto keys = keys_.find(partition);
  if (keys == keys_.end()) return out;
  for (const auto& [key, newest] : keys->second) {
    if (!newest.kept && newest.offset < end) out.insert(newest.offset);
  }
  return out;
}

std::size_t Compacted::copy(
    PartitionId partition,
    ByteView batch,
    std::int64_t hub_ms,
    std::set<Offset>& wanted,
    std::vector<Kept>& out
) {
  const auto facts = read_batch_head(batch);
  if (!facts) return 0;
  const auto first = wanted.lower_bound(facts->base);
  if (first == wanted.end() || first->value > facts->base.value + facts->last_offset_delta) return 0;
  std::size_t bytes = 0;
  auto records = BatchRecords::open(batch, kUnpackedBytesMax);
  for (RecordView record; records && records->next(record);) {
    if (!record.key || wanted.erase(record.offset) == 0) continue;
    Kept& kept = out.emplace_back();
    kept.name = {partition, record.offset};
    kept.key = *record.key;
    ByteWriter w(kept.row);
    w.u8(kVersion);
    w.le64(static_cast<std::uint64_t>(hub_ms));
    kept.row.append(batch_of(record));
    bytes += kept.row.size();
  }
  return bytes;
}

void Compacted::keep(const Kept& kept) {
  const auto keys = keys_.find(kept.name.partition);
  if (keys == keys_.end()) return;
  const auto at = keys->second.find(kept.key);
  if (at == keys->second.end() || at->second.offset != kept.name.offset) return;
  if (!at->second.kept) kept_bytes_ += at->second.bytes;
  at->second.kept = true;
  rows_[kept.name.partition].insert(kept.name.offset);
}

void Compacted::lose(PartitionId partition, const std::set<Offset>& offsets) {
  const auto keys = keys_.find(partition);
  if (keys == keys_.end() || offsets.empty()) return;
  std::erase_if(keys->second, [&](const auto& e) {
    if (!offsets.contains(e.second.offset)) return false;
    forget(e.second);
    return true;
  });
}

std::vector<Compacted::Name> Compacted::forget_tombstones(std::int64_t before_ms) {
  std::vector<Name> gone;
  for (auto& [partition, keys] : keys_) {
    std::erase_if(keys, [&, id = partition](const auto& e) {
      const Newest& newest = e.second;
      if (!newest.tombstone || !newest.kept || newest.hub_ms >= before_ms) return false;
      gone.push_back({id, newest.offset});
      rows_[id].erase(newest.offset);
      forget(newest);
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
