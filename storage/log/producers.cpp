#include "storage/log/producers.h"

#include <algorithm>
#include <limits>

namespace runnel::log {
namespace {

constexpr std::int64_t kSequences = std::int64_t{1} << 31;

std::int32_t following(std::int32_t sequence, std::int64_t steps) {
  return static_cast<std::int32_t>((sequence + steps) % kSequences);
}

// How far `to` is ahead of `from`, in [-2^30, 2^30).
std::int64_t ahead(std::int32_t from, std::int32_t to) {
  std::int64_t distance = std::int64_t{to} - from;
  if (distance < -kSequences / 2) distance += kSequences;
  if (distance >= kSequences / 2) distance -= kSequences;
  return distance;
}

}  // namespace

std::int32_t ProducerStamp::last_sequence() const {
  return following(first_sequence, records - 1);
}

const Producers::Entry* Producers::Stage::find(const Name& name) const {
  if (const auto changed = changes_.find(name); changed != changes_.end()) return &changed->second;
  const auto known = producers_.entries_.find(name);
  return known == producers_.entries_.end() ? nullptr : &known->second;
}

Producers::Judgement Producers::Stage::judge(
    PartitionId partition, const ProducerStamp& stamp
) const {
  const Entry* entry = find({partition, stamp.id});
  if (entry == nullptr || stamp.marker != ProducerStamp::Marker::none) return {};
  if (stamp.epoch < entry->epoch) return {Verdict::fenced, {}};
  if (entry->count == 0 || stamp.epoch > entry->epoch) {
    return {stamp.first_sequence == 0 ? Verdict::store : Verdict::out_of_order, {}};
  }
  for (std::size_t i = 0; i < entry->count; ++i) {
    const Entry::Batch& b = entry->batches[i];
    if (b.first == stamp.first_sequence && b.last == stamp.last_sequence()) {
      return {Verdict::duplicate, b.base};
    }
  }
  const std::int32_t last = entry->batches[entry->count - 1U].last;
  if (stamp.first_sequence == following(last, 1)) return {};
  // With fewer batches than are remembered, all are known, and this was none of them.
  const bool older = ahead(entry->batches[0].first, stamp.last_sequence()) < 0;
  if (older && entry->count == Entry::kBatches) return {Verdict::forgotten, {}};
  return {Verdict::out_of_order, {}};
}

void Producers::Stage::store(
    PartitionId partition, const ProducerStamp& stamp, Offset base, std::int64_t hub_ms
) {
  const Name name{partition, stamp.id};
  if (stamp.marker != ProducerStamp::Marker::none) return end(name, stamp, base, hub_ms);
  const Entry* known = find(name);
  Entry next = known != nullptr && known->epoch == stamp.epoch ? *known : Entry{};
  if (known != nullptr) next.open = known->open;
  if (stamp.transactional && !next.open) next.open = base;
  next.epoch = stamp.epoch;
  next.hub_ms = hub_ms;
  if (next.count == Entry::kBatches) {
    std::move(next.batches.begin() + 1, next.batches.end(), next.batches.begin());
    --next.count;
  }
  next.batches[next.count++] = {stamp.first_sequence, stamp.last_sequence(), base};
  changes_[name] = next;
}

void Producers::Stage::end(
    const Name& name, const ProducerStamp& stamp, Offset marker, std::int64_t hub_ms
) {
  const Entry* known = find(name);
  Entry next = known != nullptr && known->epoch >= stamp.epoch ? *known : Entry{};
  next.epoch = std::max(next.epoch, stamp.epoch);
  next.hub_ms = hub_ms;
  const std::optional<Offset> first = known == nullptr ? std::nullopt : known->open;
  next.open.reset();
  changes_[name] = next;
  if (!first || stamp.marker != ProducerStamp::Marker::abort) return;
  const Offset behind(marker.value + 1);
  aborted_.push_back(
      {name.partition, name.producer, *first, marker, first_open(name.partition).value_or(behind)}
  );
}

std::optional<Offset> Producers::Stage::first_open(PartitionId partition) const {
  std::optional<Offset> first;
  const auto consider = [&](Offset open) {
    if (!first || open < *first) first = open;
  };
  const Name from{partition, std::numeric_limits<std::int64_t>::min()};
  for (auto it = producers_.open_.lower_bound(from); it != producers_.open_.end(); ++it) {
    if (it->first.partition != partition) break;
    if (!changes_.contains(it->first)) consider(it->second);
  }
  for (auto it = changes_.lower_bound(from); it != changes_.end(); ++it) {
    if (it->first.partition != partition) break;
    if (it->second.open) consider(*it->second.open);
  }
  return first;
}

void Producers::set(const Name& name, const Entry& entry) {
  entries_[name] = entry;
  if (entry.open) {
    open_[name] = *entry.open;
  } else {
    open_.erase(name);
  }
}

void Producers::apply(const Stage& stage) {
  for (const auto& [name, entry] : stage.changes()) set(name, entry);
}

std::optional<Offset> Producers::first_open(PartitionId partition) const {
  return Stage(*this).first_open(partition);
}

std::optional<Offset> Producers::open_since(const Name& name) const {
  const auto open = open_.find(name);
  return open == open_.end() ? std::nullopt : std::optional(open->second);
}

std::vector<PartitionId> Producers::partitions_open() const {
  std::vector<PartitionId> out;
  for (const auto& [name, first] : open_) {
    if (out.empty() || out.back() != name.partition) out.push_back(name.partition);
  }
  return out;
}

std::vector<Producers::Name> Producers::forget(std::int64_t before_ms, std::size_t kept_max) {
  std::vector<Name> gone;
  for (const auto& [name, entry] : entries_) {
    if (entry.hub_ms < before_ms && !entry.open) gone.push_back(name);
  }
  for (const Name& name : gone) entries_.erase(name);
  if (entries_.size() <= kept_max) return gone;
  std::vector<std::pair<std::int64_t, Name>> by_time;
  by_time.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) {
    if (!entry.open) by_time.emplace_back(entry.hub_ms, name);
  }
  const std::size_t over = std::min(entries_.size() - kept_max, by_time.size());
  std::nth_element(
      by_time.begin(), by_time.begin() + static_cast<std::ptrdiff_t>(over), by_time.end()
  );
  for (std::size_t i = 0; i < over; ++i) {
    gone.push_back(by_time[i].second);
    entries_.erase(by_time[i].second);
  }
  return gone;
}

Bytes Producers::row_name(const Name& name) {
  Bytes out(kProducerKind);
  ByteWriter w(out);
  w.be32(name.partition.value);
  w.be64(static_cast<std::uint64_t>(name.producer));
  return out;
}

Bytes Producers::encode(const Entry& entry) {
  Bytes out;
  ByteWriter w(out);
  w.le16(static_cast<std::uint16_t>(entry.epoch));
  w.le64(static_cast<std::uint64_t>(entry.hub_ms));
  w.u8(entry.count);
  for (std::size_t i = 0; i < entry.count; ++i) {
    w.le32(static_cast<std::uint32_t>(entry.batches[i].first));
    w.le32(static_cast<std::uint32_t>(entry.batches[i].last));
    w.le64(static_cast<std::uint64_t>(entry.batches[i].base.value));
  }
  if (entry.open) w.le64(static_cast<std::uint64_t>(entry.open->value));
  return out;
}

std::optional<Producers::Name> Producers::name_of(ByteView row_name) {
  if (!row_name.starts_with(kProducerKind)) return std::nullopt;
  ByteReader key(row_name.substr(kProducerKind.size()));
  Name name;
  name.partition = PartitionId(key.be32());
  name.producer = static_cast<std::int64_t>(key.be64());
  if (!key.ok() || !key.done()) return std::nullopt;
  return name;
}

bool Producers::load(ByteView row_name, ByteView value) {
  const auto name = name_of(row_name);
  if (!name) return false;
  ByteReader r(value);
  Entry entry;
  entry.epoch = static_cast<std::int16_t>(r.le16());
  entry.hub_ms = static_cast<std::int64_t>(r.le64());
  entry.count = r.u8();
  if (entry.count > Entry::kBatches) return false;
  for (std::size_t i = 0; i < entry.count; ++i) {
    Entry::Batch& b = entry.batches[i];
    b.first = static_cast<std::int32_t>(r.le32());
    b.last = static_cast<std::int32_t>(r.le32());
    b.base = Offset(static_cast<std::int64_t>(r.le64()));
  }
  if (!r.done()) entry.open = Offset(static_cast<std::int64_t>(r.le64()));
  if (!r.ok() || !r.done()) return false;
  set(*name, entry);
  return true;
}

}  // namespace runnel::log
