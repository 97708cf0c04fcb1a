#include "hub/broker/shared_group.h"

#include <algorithm>

#include "hub/broker/broker.h"
#include "hub/core/row_key.h"
#include "hub/mqtt/topic_filter.h"

namespace runnel::broker {
namespace {

constexpr ByteView kGroupKind = "g/";
constexpr std::uint8_t kVersion = 1;

}  // namespace

SharedGroup::SharedGroup(Broker& broker, std::string key, std::string filter)
    : broker_(broker), key_(std::move(key)), filter_(std::move(filter)), again_(*this) {}

SharedGroup::~SharedGroup() {
  broker_.feed_.forget(*this);
  broker_.feed_.forget(again_);
}

bool SharedGroup::persistent() const {
  return std::any_of(members_.begin(), members_.end(), [](const Member& m) {
    return m.session->persistent();
  });
}

void SharedGroup::join(Session& session, std::uint32_t which) {
  for (Member& m : members_) {
    if (m.session != &session) continue;
    m.which = which;
    return;
  }
  members_.push_back({&session, which});
  dirty_ = true;
  wake();
}

void SharedGroup::leave(Session& session) {
  std::erase_if(members_, [&](const Member& m) { return m.session == &session; });
  dirty_ = true;
}

void SharedGroup::owe_again(Position position) {
  owed_.insert(position);
  dirty_ = true;
  broker_.feed_.place(again_, *owed_.begin());
  broker_.feed_.want(again_);
}

void SharedGroup::wake() {
  if (!owed_.empty()) {
    if (again_.tailing()) broker_.feed_.place(again_, *owed_.begin());
    broker_.feed_.want(again_);
  }
  broker_.feed_.want(*this);
}

bool SharedGroup::ready() const {
  return std::any_of(members_.begin(), members_.end(), [](const Member& m) {
    return m.session->takes();
  });
}

bool SharedGroup::hand_out(
    const log::BlockPtr& block,
    std::uint32_t index,
    const Message& message,
    Turn& turn
) {
  const Position position(block->first().value + index);
  for (std::size_t tried = 0; tried < members_.size(); ++tried) {
    const Member member = members_[turn_++ % members_.size()];
    const Subscription* s = member.session->find(member.which);
    if (s == nullptr || !member.session->takes()) continue;
    Delivery delivery;
    delivery.add(*s, message);
    const Outgoing out{message, delivery.qos, message.retain && s->retain_as_published, delivery.ids, block->head().hub_ms, position, block, nullptr, key_};
    if (!member.session->deliver(out, turn)) continue;
    dirty_ = true;
    return true;
  }
  return false;
}

bool SharedGroup::offer(const log::BlockPtr& block, std::uint32_t index, Turn& turn) {
  const auto record = block->record(index);
  if (!record) return true;
  const std::string_view topic = broker_.records_.topic_of(*record, block->partition(index));
  if (topic.empty() || !mqtt::matches(filter_, topic)) return true;
  Message& message = broker_.message_out_;
  broker_.records_.read(*record, topic, message);
  return hand_out(block, index, message, turn);
}

void SharedGroup::missed(std::uint64_t records) {
  broker_.counters_.session_gap_records += records;
  broker_.report_gap(key_, records);
  dirty_ = true;
}

bool SharedGroup::Again::offer(const log::BlockPtr& block, std::uint32_t index, Turn& turn) {
  const Position position(block->first().value + index);
  if (!group_.owed_.contains(position)) return true;
  const auto record = block->record(index);
  Message& message = group_.broker_.message_out_;
  if (record) {
    RecordReader& records = group_.broker_.records_;
    const std::string_view topic = records.topic_of(*record, block->partition(index));
    if (!topic.empty()) {
      records.read(*record, topic, message);
      if (!group_.hand_out(block, index, message, turn)) return false;
    }
  }
  group_.owed_.erase(position);
  group_.dirty_ = true;
  return true;
}

bool SharedGroup::Again::ready() const { return !group_.owed_.empty() && group_.ready(); }

Position SharedGroup::Again::next_wanted(Position from) const {
  const auto next = group_.owed_.lower_bound(from);
  return next == group_.owed_.end() ? group_.broker_.feed_.head() : *next;
}

void SharedGroup::Again::missed(std::uint64_t records) {
  const Position end(cursor().value + records);
  auto& owed = group_.owed_;
  while (!owed.empty() && *owed.begin() < end) {
    owed.erase(owed.begin());
    group_.missed(1);
  }
}

void SharedGroup::save(Turn& turn) {
  // What it has handed out goes with the packet ids that it was handed out under.
  for (const Member& m : members_) {
    if (m.session->dirty()) m.session->save_flow(turn);
  }
  dirty_ = false;
  Bytes value;
  ByteWriter w(value);
  w.u8(kVersion);
  w.counted(key_);
  w.counted(filter_);
  w.le64(tailing() ? broker_.feed_.head().value : cursor().value);
  w.u8(tailing() ? 1 : 0);
  w.varint(owed_.size());
  for (const Position p : owed_) w.le64(p.value);
  turn.group.put_state(core::row_key(kGroupKind, key_), value);
}

void SharedGroup::restore(Position cursor, std::set<Position> owed) {
  owed_ = std::move(owed);
  broker_.feed_.place(*this, cursor);
  if (!owed_.empty()) broker_.feed_.place(again_, *owed_.begin());
}

void SharedGroup::erase_row(Turn& turn) {
  turn.group.erase_state(core::row_key(kGroupKind, key_));
}

}  // namespace runnel::broker
