#include "bridge/mirrors.h"

#include <algorithm>
#include <utility>

#include "storage/base/logger.h"
#include "storage/log/batch_records.h"
#include "storage/log/compacted.h"

namespace runnel::bridge {

namespace {

constexpr ByteView kPrefix = "lm/";

}  // namespace

Bytes Mirrors::encode(const Row& row) {
  Bytes out;
  ByteWriter w(out);
  w.u8(1);
  w.counted(row.link);
  w.counted(row.origin);
  w.counted(row.id);
  w.le32(row.first.value);
  return out;
}

std::optional<Mirrors::Row> Mirrors::decode(ByteView value) {
  ByteReader r(value);
  Row row;
  const bool known = r.u8() == 1;
  row.link = r.counted();
  row.origin = r.counted();
  row.id = r.counted();
  row.first = PartitionId(r.le32());
  return known && r.ok() && r.done() ? std::optional(std::move(row)) : std::nullopt;
}

Result<void> Mirrors::load() {
  RUNNEL_TRY(log_.each_state(kPrefix, [&](ByteView name, ByteView value) {
    const std::string topic(name.substr(kPrefix.size()));
    if (auto row = decode(value)) {
      rows_.emplace(topic, std::move(*row));
    } else {
      logger::warn("mirror", logger::text(topic, ": its row cannot be read"));
    }
  }));
  tell();
  return {};
}

void Mirrors::serve(
    core::GroupOffsets& offsets,
    const core::GroupCoordinator& groups,
    std::function<void(core::Turn&)> adopt
) {
  offsets_ = &offsets;
  groups_ = &groups;
  adopt_ = std::move(adopt);
}

void Mirrors::tell() {
  ++changes_;
  std::unordered_set<PartitionId> partitions;
  for (const auto& [topic, row] : rows_) {
    const auto* here = topics_.find(topic);
    if (here != nullptr && here->front() == row.first) partitions.insert(here->begin(), here->end());
  }
  replicas_.set_mirrored(std::move(partitions));
}

void Mirrors::tick(core::Turn& turn) {
  if (std::exchange(topic_changes_, topics_.changes()) != topics_.changes()) forget_gone(turn);
  std::vector<std::string> own;
  for (const auto& [topic, row] : rows_) {
    if (!links_.contains(row.link)) own.push_back(topic);
  }
  if (own.empty()) return;
  for (const std::string& topic : own) {
    logger::info("mirror", logger::text("topic ", topic, " is no mirror of ", rows_.at(topic).origin, " any more: it is this hub's own"));
    rows_.erase(topic);
    turn.group.erase_state(Bytes(kPrefix) + topic);
  }
  tell();
  adopt_(turn);
}

// Topics that were deleted, perhaps made again.
void Mirrors::forget_gone(core::Turn& turn) {
  for (auto row = rows_.begin(); row != rows_.end();) {
    const auto* here = topics_.find(row->first);
    if (here != nullptr && here->front() == row->second.first) {
      ++row;
      continue;
    }
    turn.group.erase_state(Bytes(kPrefix) + row->first);
    row = rows_.erase(row);
  }
  tell();
}

// --- what a mirror has taken ---

void Mirrors::store(const std::string& link, Copy& copy, core::Turn& turn) {
  if (std::exchange(topic_changes_, topics_.changes()) != topics_.changes()) forget_gone(turn);
  copy.mirrored.clear();
  copy.refused.clear();
  copy.diverged.clear();
  for (const Copy::Topic& topic : copy.topics) {
    if (auto why = refusal(link, copy, topic); !why.empty()) {
      copy.refused[topic.name] = std::move(why);
      continue;
    }
    make(link, copy, topic, turn);
    copy.mirrored[topic.name] = *topics_.find(topic.name);
  }
  for (Copy::Piece& piece : copy.pieces) {
    piece.places.clear();
    // Deleted meanwhile, or promoted.
    if (!replicas_.mirrored(piece.partition)) continue;
    if (piece.leap) turn.group.leap(piece.partition, *piece.leap);
    for (const Bytes& batch : piece.batches) {
      if (!admits(piece.partition, batch, turn)) break;
      piece.places.push_back(turn.group.append_replica(piece.partition, batch));
    }
    if (piece.start) turn.group.trim(piece.partition, *piece.start);
  }
  for (const Copy::Committed& committed : copy.committed) commit(committed, turn);
}

void Mirrors::settle(Copy& copy, const log::Group::Outcome& outcome) {
  if (outcome.records != Errc::ok) return;
  for (const Copy::Piece& piece : copy.pieces) {
    for (const std::size_t place : piece.places) {
      if (outcome.batches.at(place).verdict != log::Producers::Verdict::store) copy.diverged.insert(piece.partition);
    }
  }
}

// The newest records of a compacted topic's keys have a bound here as they have there.
bool Mirrors::admits(PartitionId partition, const Bytes& batch, core::Turn& turn) const {
  if (!log_.compacts(partition)) return true;
  auto records = log::BatchRecords::open(batch, log::kUnpackedBytesMax);
  if (!records || records->facts().control()) return true;
  std::map<Bytes, log::Growth> growth;  // the last record of each key stays
  log::RecordView record;
  while (records->next(record)) {
    log::NewRecord grown;
    grown.key = record.key;
    grown.value = record.value;
    growth[Bytes(record.key.value_or(""))] = log::growth_of(grown);
  }
  log::Growth all{0, true};
  for (const auto& [key, one] : growth) {
    all.bytes += one.bytes;
    all.only_deletes = all.only_deletes && one.only_deletes;
  }
  return log_.admit(all, turn.group);
}

// Empty: the topic may be mirrored here.
std::string Mirrors::refusal(
    const std::string& link, const Copy& copy, const Copy::Topic& topic
) const {
  const auto* here = topics_.find(topic.name);
  if (here == nullptr) return "";
  if (here->size() > topic.partitions) {
    return logger::text("has ", here->size(), " partitions here and ", topic.partitions, " there");
  }
  const auto row = rows_.find(topic.name);
  if (row == rows_.end()) {
    const bool empty = std::ranges::all_of(*here, [&](PartitionId id) {
      return log_.range(id).high_watermark == Offset(0);
    });
    return empty ? "" : "has records of its own here: delete it here to have it mirrored";
  }
  if (row->second.link != link) return "is mirrored by link " + row->second.link;
  if (row->second.origin != copy.origin || row->second.id != topic.id) {
    return "is another there than the one that was mirrored: delete it here to begin anew";
  }
  return "";
}

void Mirrors::make(
    const std::string& link, const Copy& copy, const Copy::Topic& topic, core::Turn& turn
) {
  const auto* before = topics_.find(topic.name);
  if (before == nullptr || before->size() < topic.partitions) {
    topics_.ensure({{topic.name, static_cast<std::uint32_t>(topic.partitions), {}}}, turn.group);
  }
  core::TopicConfig config;
  for (const auto& [name, value] : topic.config) {
    if (const auto fault = config.set(name, value)) logger::warn("mirror", logger::text(topic.name, ": ", *fault));
  }
  if (config != topics_.config(topic.name)) topics_.set_config(topic.name, config, turn.group);
  const Row row{link, copy.origin, topic.id, topics_.find(topic.name)->front()};
  const auto known = rows_.find(topic.name);
  if (known == rows_.end() || known->second.first != row.first) {
    logger::info("mirror", logger::text(link, ": topic ", topic.name, " mirrors that of ", copy.origin));
    turn.group.put_state(Bytes(kPrefix) + topic.name, encode(row));
    rows_.insert_or_assign(topic.name, row);
  }
  topic_changes_ = topics_.changes();
  tell();
}

// Consumers that have moved here know better; and what is told again may be older than what they have
// left here.
void Mirrors::commit(const Copy::Committed& committed, core::Turn& turn) {
  const core::OffsetKey& key = committed.key;
  if (!groups_->describe(key.group).members.empty()) return;
  core::GroupTurn t{turn.now, turn.hub_ms, turn.group};
  const core::CommittedOffset* ours = offsets_->find(key.group, key.topic, key.partition);
  if (!committed.value) {
    if (ours != nullptr && committed.news) offsets_->erase(key.group, key.topic, key.partition, t);
    return;
  }
  if (ours != nullptr && !committed.news && ours->offset >= committed.value->offset) return;
  const core::GroupOffsets::Entry entry{
      key.topic,
      key.partition,
      committed.value->offset,
      committed.value->leader_epoch,
      committed.value->metadata};
  const auto errors = offsets_->commit(key.group, {&entry, 1}, std::nullopt, t);
  if (errors.front() != core::GroupError::none) {
    logger::warn("mirror", logger::text("what group ", key.group, " has committed of ", key.topic, " finds no room here"));
  }
}

}  // namespace runnel::bridge
