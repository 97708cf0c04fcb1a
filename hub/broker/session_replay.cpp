// The part of a session that reads the past (session.h).
#include <algorithm>

#include "hub/broker/broker.h"
#include "hub/broker/session.h"
#include "hub/mqtt/topic_filter.h"

namespace runnel::broker {

void Session::replay(const std::vector<std::uint32_t>& which, Position from) {
  const Position head = broker_.feed_.head();
  Position start = head;
  for (Subscription& s : subscriptions_) {
    if (std::find(which.begin(), which.end(), s.which) != which.end()) {
      s.replay_from = std::min(from, head);
      s.since = head;
    } else if (s.replay_from) {
      // What an earlier replay has brought is not brought again.
      s.replay_from =
          replaying_ ? std::max(*s.replay_from, std::min(replayer_.cursor(), s.since)) : s.since;
    }
    if (s.replay_from && *s.replay_from < s.since) start = std::min(start, *s.replay_from);
  }
  ++broker_.counters_.replays;
  replaying_ = start < head;
  dirty_ = true;
  if (!replaying_) return;
  if (tailing()) {
    broker_.feed_.fall_behind(*this, head);
  } else {
    broker_.feed_.forget(*this);
  }
  broker_.feed_.place_behind(replayer_, start);
}

bool Session::match_replay(
    const Message& message, Position position, bool again, Delivery& delivery
) {
  delivery.clear();
  bool any = false;
  for (const Subscription& s : subscriptions_) {
    if (s.group != nullptr || !s.replay_from || position >= s.since) continue;
    if (!again && position < *s.replay_from) continue;
    if (s.no_local && message.client == client_id_) continue;
    if (!mqtt::matches(s.filter, message.topic)) continue;
    delivery.add(s, message);
    any = true;
  }
  return any;
}

std::optional<ReplayMark> Session::mark_of(const log::BlockPtr& block, std::uint32_t index) const {
  const auto record = block->record(index);
  const auto* place = broker_.records_.place_of(block->partition(index));
  if (!record || place == nullptr) return std::nullopt;
  return ReplayMark{
      place->topic,
      place->partition,
      record->offset,
      record->timestamp_ms,
      Position(block->first().value + index)};
}

Position Session::Replayer::until() const {
  Position last{};
  for (const Subscription& s : session_.subscriptions_) {
    if (s.replay_from && *s.replay_from < s.since) last = std::max(last, s.since);
  }
  return last;
}

bool Session::Replayer::ready() const {
  return session_.replaying_ && session_.takes();
}

Position Session::Replayer::next_wanted(Position from) const {
  return from < until() ? from : session_.broker_.feed_.head();
}

bool Session::Replayer::offer(const log::BlockPtr& block, std::uint32_t index, Turn& turn) {
  const Position position(block->first().value + index);
  if (!session_.replaying_) return true;
  if (position < until() && !deliver(block, index, turn)) return false;
  session_.dirty_ = true;
  done_up_to(Position(position.value + 1));
  return true;
}

bool Session::Replayer::deliver(const log::BlockPtr& block, std::uint32_t index, Turn& turn) {
  Broker& broker = session_.broker_;
  const auto record = block->record(index);
  if (!record) {
    if (errc_of(record.error()) != Errc::not_found) session_.missed(1);  // a marker is nobody's
    return true;
  }
  const std::string_view topic = broker.records_.topic_of(*record, block->partition(index));
  const auto wants = [topic](const Subscription& s) {
    return s.replay_from && mqtt::matches(s.filter, topic);
  };
  const auto& all = session_.subscriptions_;
  if (topic.empty() || std::none_of(all.begin(), all.end(), wants)) return true;
  Message& message = broker.message_out_;
  broker.records_.read(*record, topic, message);
  const Position position(block->first().value + index);
  Delivery& delivery = broker.delivery_;
  if (!session_.match_replay(message, position, false, delivery)) return true;
  const auto mark = session_.mark_of(block, index);
  return session_.deliver(
      {message,
       delivery.qos,
       message.retain && delivery.retain_as_published,
       delivery.ids,
       block->head().hub_ms,
       position,
       block,
       nullptr,
       {},
       mark ? &*mark : nullptr},
      turn
  );
}

void Session::Replayer::done_up_to(Position position) {
  if (position < until()) return;
  session_.replaying_ = false;
  session_.dirty_ = true;
  session_.broker_.pump_due(session_);  // what waited for this
}

// Nothing of it was owed to anybody, but it may have been the last.
void Session::Replayer::trimmed(std::uint64_t records) {
  done_up_to(Position(cursor().value + records));
}

void Session::Replayer::missed(std::uint64_t records) {
  const Position to(cursor().value + records);
  const Position end = std::min(to, until());
  if (end > cursor()) session_.missed(end.value - cursor().value);
  done_up_to(to);
}

}  // namespace runnel::broker
