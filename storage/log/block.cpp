#include "storage/log/block.h"

#include "storage/base/crc32c.h"

namespace runnel::log {
namespace {

constexpr std::uint32_t kMagic = 0x31424e52;  // "RNB1"
constexpr std::uint16_t kWallSynchronized = 1;
constexpr std::size_t kChecked = 8;  // the checksum covers from here to the end of the table

// Place::at of a record whose batch is damaged.
constexpr std::uint32_t kLost = ~std::uint32_t{0};
constexpr std::uint32_t kMarker = kLost - 1;

}  // namespace

std::uint32_t BlockHead::records() const {
  std::uint32_t n = 0;
  for (const BlockEntry& e : entries) n += e.records;
  return n;
}

Result<BlockHead> BlockHead::parse(ByteView value) {
  if (value.size() < kBlockHeadBytes) return Errc::damaged;
  ByteReader reader(value);
  if (reader.le32() != kMagic) return Errc::damaged;
  const std::uint32_t crc = reader.le32();
  BlockHead head;
  head.first = Position(reader.le64());
  head.hub_ms = static_cast<std::int64_t>(reader.le64());
  head.wall.ms = static_cast<std::int64_t>(reader.le64());
  head.boot = reader.le32();
  head.wall.synchronized = (reader.le16() & kWallSynchronized) != 0;
  const std::size_t count = reader.le16();
  const std::size_t table_end = kBlockHeadBytes + count * kBlockEntryBytes;
  if (count == 0 || table_end > value.size()) return Errc::damaged;
  if (crc32c(value.substr(kChecked, table_end - kChecked)) != crc) return Errc::damaged;
  head.entries.reserve(count);
  std::size_t place = table_end;
  for (std::size_t i = 0; i < count; ++i) {
    BlockEntry e;
    e.partition = PartitionId(reader.le32());
    e.place = reader.le32();
    e.bytes = reader.le32();
    e.records = reader.le32();
    e.base = Offset(static_cast<std::int64_t>(reader.le64()));
    e.newest_ms = static_cast<std::int64_t>(reader.le64());
    if (e.place != place || e.bytes > value.size() - place || e.records == 0 ||
        e.records > e.bytes * kRecordsPerByteMax) {
      return Errc::damaged;
    }
    place += e.bytes;
    head.entries.push_back(e);
  }
  if (place != value.size()) return Errc::damaged;
  return head;
}

void BlockBuilder::add(PartitionId partition, Offset base, std::uint32_t records, ByteView batch) {
  BlockEntry entry;
  entry.partition = partition;
  entry.place = static_cast<std::uint32_t>(batches_.size());  // made absolute by finish()
  entry.bytes = static_cast<std::uint32_t>(batch.size());
  entry.records = records;
  entry.base = base;
  entry.newest_ms = newest_timestamp(batch);
  head_.entries.push_back(entry);
  batches_.append(batch);
  records_ += records;
}

Bytes BlockBuilder::finish(Position first, std::int64_t hub_ms, WallTime wall, std::uint32_t boot) {
  const std::size_t table_end = kBlockHeadBytes + head_.entries.size() * kBlockEntryBytes;
  Bytes out;
  out.reserve(table_end + batches_.size());
  ByteWriter w(out);
  w.le32(kMagic);
  w.le32(0);
  w.le64(first.value);
  w.le64(static_cast<std::uint64_t>(hub_ms));
  w.le64(static_cast<std::uint64_t>(wall.ms));
  w.le32(boot);
  w.le16(wall.synchronized ? kWallSynchronized : std::uint16_t{0});
  w.le16(static_cast<std::uint16_t>(head_.entries.size()));
  for (const BlockEntry& e : head_.entries) {
    w.le32(e.partition.value);
    w.le32(static_cast<std::uint32_t>(table_end) + e.place);
    w.le32(e.bytes);
    w.le32(e.records);
    w.le64(static_cast<std::uint64_t>(e.base.value));
    w.le64(static_cast<std::uint64_t>(e.newest_ms));
  }
  Bytes crc;
  ByteWriter(crc).le32(crc32c(ByteView(out).substr(kChecked)));
  out.replace(4, 4, crc);
  out.append(batches_);
  head_.entries.clear();
  batches_.clear();
  records_ = 0;
  return out;
}

Result<BlockPtr> Block::make(Bytes bytes, bool trusted) {
  auto head = BlockHead::parse(bytes);
  if (!head) return head.error();
  auto block = std::make_shared<Block>();
  block->bytes_ = std::move(bytes);
  block->head_ = std::move(*head);
  block->places_.reserve(block->head_.records());
  block->batches_.resize(block->head_.entries.size());
  for (std::uint32_t i = 0; i < block->head_.entries.size(); ++i) block->index_batch(i, !trusted);
  return BlockPtr(std::move(block));
}

void Block::index_batch(std::uint32_t entry, bool verify) {
  const BlockEntry& e = head_.entries[entry];
  const std::size_t before = places_.size();
  const auto lose = [&] {
    places_.resize(before);
    places_.resize(before + e.records, Place{kLost, entry});
    damaged_ += e.records;
  };
  const auto batch = BatchView::parse(this->batch(e), verify);
  if (!batch || batch->base_offset() != e.base || batch->records() != e.records) return lose();
  batches_[entry] = *batch;
  if (batch->control()) {
    places_.resize(before + e.records, Place{kMarker, entry});
    return;
  }
  if (batch->compressed()) {
    packed_.resize(head_.entries.size());
    packed_[entry] = std::make_unique<Packed>();
    for (std::uint32_t i = 0; i < e.records; ++i) places_.push_back({i, entry});
    return;
  }
  std::size_t at = BatchView::first_record();
  for (std::uint32_t i = 0; i < e.records; ++i) {
    places_.push_back({static_cast<std::uint32_t>(at), entry});
    if (!batch->skip(at)) return lose();
  }
}

Result<RecordView> Block::record(std::uint32_t index) const {
  RUNNEL_CHECK(index < places_.size());
  const Place place = places_[index];
  if (place.at == kLost) return Errc::damaged;
  if (place.at == kMarker) return Errc::not_found;
  std::size_t at = place.at;
  if (!packed_.empty() && packed_[place.entry] != nullptr) {
    const Packed& packed = unpack(place.entry);
    if (place.at >= packed.places.size()) return Errc::damaged;
    at = packed.places[place.at];
    return packed.records->record_at(at);
  }
  return batches_[place.entry].record_at(at);
}

const Block::Packed& Block::unpack(std::uint32_t entry) const {
  Packed& packed = *packed_[entry];
  std::call_once(packed.once, [&] {
    auto opened = BatchRecords::open(batch(head_.entries[entry]), kUnpackedBytesMax);
    if (!opened) return;
    packed.records.emplace(std::move(*opened));
    std::size_t at = 0;
    for (std::uint32_t i = 0; i < head_.entries[entry].records; ++i) {
      packed.places.push_back(static_cast<std::uint32_t>(at));
      if (packed.records->record_at(at)) continue;
      packed.places.pop_back();
      return;
    }
  });
  return packed;
}

PartitionId Block::partition(std::uint32_t index) const {
  RUNNEL_CHECK(index < places_.size());
  return head_.entries[places_[index].entry].partition;
}

ByteView Block::batch(const BlockEntry& entry) const {
  return ByteView(bytes_).substr(entry.place, entry.bytes);
}

}  // namespace runnel::log
