#include "hub/core/groups/group_offsets.h"

#include <algorithm>

#include "storage/base/logger.h"

namespace runnel::core {
namespace {

// What an entry costs besides its texts: a slot, its node, and its share of the maps above.
constexpr std::size_t kEntryOverheadBytes = 256;
constexpr std::size_t kStagedOverheadBytes = 256;

// No client's wish for retention reaches beyond the clock.
constexpr std::chrono::milliseconds kRetentionMax = std::chrono::hours(24 * 36'525);

std::size_t weight(const OffsetKey& key) {
  return kEntryOverheadBytes + key.group.size() + key.topic.size();
}

std::size_t weight(const std::optional<CommittedOffset>& value) {
  return value ? value->metadata.size() : 0;
}

}  // namespace

// --- slots ---

const GroupOffsets::Slot* GroupOffsets::find_slot(const Place& place) const {
  if (place.producer_id >= 0) {
    const auto producer = pending_.find(place.producer_id);
    if (producer == pending_.end()) return nullptr;
    const auto found = producer->second.find(place.key);
    return found == producer->second.end() ? nullptr : &found->second;
  }
  const auto group = groups_.find(place.key.group);
  if (group == groups_.end()) return nullptr;
  const auto topic = group->second.topics.find(place.key.topic);
  if (topic == group->second.topics.end()) return nullptr;
  const auto found = topic->second.find(place.key.partition);
  return found == topic->second.end() ? nullptr : &found->second;
}

GroupOffsets::Slot& GroupOffsets::slot(const Place& place) {
  if (place.producer_id >= 0) {
    const auto [at, fresh] = pending_[place.producer_id].try_emplace(place.key);
    if (fresh) {
      ++slot({-1, place.key}).pending;
      ++entries_;
      bytes_ += weight(place.key);
    }
    return at->second;
  }
  OfGroup& group = groups_[place.key.group];
  const auto [at, fresh] = group.topics[place.key.topic].try_emplace(place.key.partition);
  if (fresh) {
    ++group.entries;
    ++entries_;
    bytes_ += weight(place.key);
  }
  return at->second;
}

void GroupOffsets::drop_if_unneeded(const Place& place) {
  const Slot* unneeded = find_slot(place);
  if (unneeded == nullptr || unneeded->needed()) return;
  --entries_;
  bytes_ -= weight(place.key);
  if (place.producer_id >= 0) {
    const auto producer = pending_.find(place.producer_id);
    producer->second.erase(place.key);
    if (producer->second.empty()) pending_.erase(producer);
    const Place held{-1, place.key};
    --slot(held).pending;
    return drop_if_unneeded(held);
  }
  const auto group = groups_.find(place.key.group);
  const auto topic = group->second.topics.find(place.key.topic);
  topic->second.erase(place.key.partition);
  --group->second.entries;
  if (topic->second.empty()) group->second.topics.erase(topic);
  if (group->second.topics.empty()) groups_.erase(group);
}

Result<void> GroupOffsets::load(const log::Log& log) {
  std::size_t damaged = 0;
  for (const bool pending : {false, true}) {
    const ByteView kind = pending ? kPendingOffsetKind : kOffsetKind;
    RUNNEL_TRY(log.each_state(kind, [&](ByteView, ByteView row) {
      auto read = decode_offset_row(pending, row);
      if (!read) {
        ++damaged;
        return;
      }
      Slot& loaded = slot({read->producer_id, read->key});
      loaded.durable = std::move(read->value);
      bytes_ += weight(loaded.durable);
    }));
  }
  if (damaged != 0) {
    logger::warn("groups", logger::text(damaged, " rows of committed offsets cannot be read"));
  }
  return {};
}

// --- changes ---

void GroupOffsets::stage(
    std::uint64_t serial,
    const Place& place,
    std::optional<CommittedOffset> value,
    log::Group::Tie tie,
    GroupTurn& turn
) {
  const Bytes name = offset_row_name(place.producer_id, place.key);
  if (value) {
    turn.rows.put_state(name, encode_offset_row(place.producer_id, place.key, *value), tie);
  } else {
    turn.rows.erase_state(name, tie);
  }
  bytes_ += kStagedOverheadBytes + weight(value);
  slot(place).staged.push_back({serial, std::move(value)});
  staged_[serial].push_back(place);
}

void GroupOffsets::wait(std::uint64_t serial, log::Group::Tie tie, GroupTurn& turn) const {
  turn.rows.wait({serial, 0, ticket_kind_, tie == log::Group::Tie::records});
}

void GroupOffsets::settled(const log::Ticket& ticket, const log::Group::Outcome& outcome) {
  const auto staged = staged_.extract(ticket.owner);
  RUNNEL_CHECK(!staged.empty());
  const bool stored =
      outcome.state == Errc::ok && (!ticket.needs_records || outcome.records == Errc::ok);
  for (const Place& place : staged.mapped()) {
    Slot& slot = this->slot(place);
    const auto change = std::ranges::find(slot.staged, ticket.owner, &Staged::serial);
    RUNNEL_CHECK(change != slot.staged.end());
    bytes_ -= kStagedOverheadBytes + weight(change->value);
    if (stored) {
      bytes_ -= weight(slot.durable);
      slot.durable = std::move(change->value);
      bytes_ += weight(slot.durable);
    }
    slot.staged.erase(change);
    if (stored && place.producer_id < 0 && watcher_) watcher_(place.key);
    drop_if_unneeded(place);
  }
}

GroupError GroupOffsets::refusal(const Place& place, const Entry& entry) const {
  if (entry.topic.empty() || entry.topic.find('/') != ByteView::npos) {
    return GroupError::invalid_topic;
  }
  if (entry.metadata.size() > limits_.metadata_bytes_max) {
    return GroupError::offset_metadata_too_large;
  }
  const std::size_t more = weight(place.key) + kStagedOverheadBytes + entry.metadata.size();
  if (bytes_ + more > limits_.bytes_max) return GroupError::invalid_commit_offset_size;
  if (find_slot(place) != nullptr) return GroupError::none;
  // A pending offset keeps a place for the one that it will be.
  const std::size_t slots = place.producer_id >= 0 ? 2 : 1;
  const auto group = groups_.find(place.key.group);
  const std::size_t entries = group == groups_.end() ? 0 : group->second.entries;
  const bool full = entries_ + slots > limits_.entries_max || entries >= limits_.group_entries_max;
  return full ? GroupError::invalid_commit_offset_size : GroupError::none;
}

std::vector<GroupError> GroupOffsets::stage_all(
    Place place,
    std::span<const Entry> entries,
    std::optional<std::chrono::milliseconds> retention,
    GroupTurn& turn
) {
  const std::uint64_t serial = ++last_serial_;
  std::vector<GroupError> errors;
  errors.reserve(entries.size());
  for (const Entry& e : entries) {
    place.key.topic = e.topic;
    place.key.partition = e.partition;
    errors.push_back(refusal(place, e));
    if (errors.back() != GroupError::none) continue;
    CommittedOffset value{e.offset, e.leader_epoch, Bytes(e.metadata), turn.hub_ms, -1};
    if (retention && retention->count() >= 0) {
      value.expires_hub_ms = turn.hub_ms + std::min(*retention, kRetentionMax).count();
    }
    stage(serial, place, std::move(value), log::Group::Tie::none, turn);
  }
  if (staged_.contains(serial)) wait(serial, log::Group::Tie::none, turn);
  return errors;
}

std::vector<GroupError> GroupOffsets::commit(
    ByteView group,
    std::span<const Entry> entries,
    std::optional<std::chrono::milliseconds> retention,
    GroupTurn& turn
) {
  return stage_all({-1, {Bytes(group), {}, 0}}, entries, retention, turn);
}

std::vector<GroupError> GroupOffsets::commit_pending(
    std::int64_t producer_id, ByteView group, std::span<const Entry> entries, GroupTurn& turn
) {
  RUNNEL_CHECK(producer_id >= 0);
  std::size_t count = entries.size();
  std::size_t bytes = 0;
  for (const Entry& e : entries) bytes += group.size() + e.topic.size() + e.metadata.size();
  if (const auto pending = pending_.find(producer_id); pending != pending_.end()) {
    count += pending->second.size();
    for (const auto& [key, slot] : pending->second) {
      const auto value = slot.latest();
      bytes += key.group.size() + key.topic.size() + (value ? value->metadata.size() : 0);
    }
  }
  if (count > limits_.pending_entries_max || bytes > limits_.pending_bytes_max) {
    return std::vector(entries.size(), GroupError::invalid_commit_offset_size);
  }
  return stage_all({producer_id, {Bytes(group), {}, 0}}, entries, std::nullopt, turn);
}

bool GroupOffsets::end_transaction(
    std::int64_t producer_id, TransactionEnd end, log::Group::Tie tie, GroupTurn& turn
) {
  const auto producer = pending_.find(producer_id);
  if (producer == pending_.end()) return false;
  const std::uint64_t serial = ++last_serial_;
  for (const auto& [key, slot] : producer->second) {
    std::optional<CommittedOffset> value = slot.latest();
    if (!value) continue;
    stage(serial, {producer_id, key}, std::nullopt, tie, turn);
    if (end == TransactionEnd::abort) continue;
    value->committed_hub_ms = turn.hub_ms;
    stage(serial, {-1, key}, std::move(value), tie, turn);
  }
  if (!staged_.contains(serial)) return false;
  wait(serial, tie, turn);
  return true;
}

std::size_t GroupOffsets::erase_all(const std::vector<Place>& places, GroupTurn& turn) {
  const std::uint64_t serial = ++last_serial_;
  std::size_t erased = 0;
  for (const Place& place : places) {
    const Slot* slot = find_slot(place);
    if (slot == nullptr || !slot->latest()) continue;
    stage(serial, place, std::nullopt, log::Group::Tie::none, turn);
    ++erased;
  }
  if (erased != 0) wait(serial, log::Group::Tie::none, turn);
  return erased;
}

std::size_t GroupOffsets::erase_group(ByteView group, GroupTurn& turn) {
  std::vector<Place> places;
  const auto found = groups_.find(group);
  if (found == groups_.end()) return 0;
  for (const auto& [topic, partitions] : found->second.topics) {
    for (const auto& [partition, slot] : partitions) {
      places.push_back({-1, {found->first, topic, partition}});
    }
  }
  for (const auto& [producer_id, slots] : pending_) {
    for (const auto& [key, slot] : slots) {
      if (key.group == group) places.push_back({producer_id, key});
    }
  }
  return erase_all(places, turn);
}

std::size_t GroupOffsets::erase(
    ByteView group, ByteView topic, std::int32_t partition, GroupTurn& turn
) {
  const OffsetKey key{Bytes(group), Bytes(topic), partition};
  std::vector<Place> places{{-1, key}};
  for (const auto& [producer_id, slots] : pending_) places.push_back({producer_id, key});
  return erase_all(places, turn);
}

std::size_t GroupOffsets::erase_topic(ByteView topic, GroupTurn& turn) {
  std::vector<Place> places;
  for (const auto& [id, group] : groups_) {
    const auto found = group.topics.find(topic);
    if (found == group.topics.end()) continue;
    for (const auto& [partition, slot] : found->second) {
      places.push_back({-1, {id, found->first, partition}});
    }
  }
  for (const auto& [producer_id, slots] : pending_) {
    for (const auto& [key, slot] : slots) {
      if (key.topic == topic) places.push_back({producer_id, key});
    }
  }
  return erase_all(places, turn);
}

std::size_t GroupOffsets::expire(
    const UnusedSince& unused_since, std::size_t rows_max, GroupTurn& turn
) {
  std::vector<Place> places;
  const auto expired = [&](ByteView group, ByteView topic, const CommittedOffset& offset) {
    const auto since = unused_since(group, topic, offset);
    if (!since) return false;
    if (offset.expires_hub_ms >= 0) return turn.hub_ms >= offset.expires_hub_ms;
    return turn.hub_ms - *since >= limits_.retention.count();
  };
  for (const auto& [id, group] : groups_) {
    for (const auto& [topic, partitions] : group.topics) {
      if (kept_ && kept_(topic)) continue;
      for (const auto& [partition, slot] : partitions) {
        if (places.size() >= rows_max) return erase_all(places, turn);
        if (!slot.durable || !slot.staged.empty() || slot.pending > 0) continue;
        if (expired(id, topic, *slot.durable)) places.push_back({-1, {id, topic, partition}});
      }
    }
  }
  return erase_all(places, turn);
}

// --- reading ---

const CommittedOffset* GroupOffsets::find(ByteView group, ByteView topic, std::int32_t partition)
    const {
  const Slot* slot = find_slot({-1, {Bytes(group), Bytes(topic), partition}});
  return slot == nullptr || !slot->durable ? nullptr : &*slot->durable;
}

bool GroupOffsets::unstable(ByteView group, ByteView topic, std::int32_t partition) const {
  const Slot* slot = find_slot({-1, {Bytes(group), Bytes(topic), partition}});
  return slot != nullptr && slot->pending > 0;
}

void GroupOffsets::each(ByteView group, const Visit& visit) const {
  const auto found = groups_.find(group);
  if (found == groups_.end()) return;
  for (const auto& [topic, partitions] : found->second.topics) {
    for (const auto& [partition, slot] : partitions) {
      if (!slot.durable && slot.pending == 0) continue;
      visit(topic, partition, slot.durable ? &*slot.durable : nullptr, slot.pending > 0);
    }
  }
}

void GroupOffsets::each_group(const std::function<void(ByteView group)>& visit) const {
  for (const auto& [id, group] : groups_) visit(id);
}

std::vector<std::int64_t> GroupOffsets::pending_producers() const {
  std::vector<std::int64_t> ids;
  for (const auto& [producer_id, slots] : pending_) ids.push_back(producer_id);
  return ids;
}

}  // namespace runnel::core
