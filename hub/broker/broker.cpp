#include "hub/broker/broker.h"

#include <algorithm>
#include <cstdio>
#include <random>

#include "hub/broker/session_row.h"
#include "hub/core/row_key.h"
#include "hub/mqtt/topic_filter.h"
#include "storage/base/logger.h"

namespace runnel::broker {
namespace {

using mqtt::QoS;
using mqtt::Reason;

constexpr ByteView kGroupKind = "g/";

std::uint64_t slot_owner(std::uint32_t slot, std::uint32_t use) {
  return std::uint64_t{use} << 32 | slot;
}

}  // namespace

Broker::Broker(
    const log::Log& log,
    Limits limits,
    const core::Routes* routes,
    core::Replicas& replicas,
    BlockReader& reader,
    Instant now
)
    : log_(log),
      limits_(limits),
      replicas_(replicas),
      cache_(routes, tree_),
      records_(routes),
      reader_(reader),
      feed_(reader, *this, log.end(), limits.block_cache_bytes_max),
      started_(now),
      last_save_(now),
      last_sys_(now - std::chrono::hours(1)),
      last_sweep_(now),
      saved_head_(log.end()) {}

Broker::~Broker() = default;

// --- what the log has ---

Result<void> Broker::load(Turn& turn) {
  RUNNEL_TRY(retained_.load(log_));
  RUNNEL_TRY(load_sessions(turn));
  return load_groups();
}

Result<void> Broker::load_sessions(Turn& turn) {
  Position tail{};
  RUNNEL_TRY(log_.each_state(kTailRow, [&](ByteView name, ByteView value) {
    if (name == kTailRow) tail = Position(ByteReader(value).le64());
  }));
  RUNNEL_TRY(log_.each_state(kSessionKind, [&](ByteView, ByteView row) {
    const std::string id(SessionRow::client_id(row));
    Session& session = make_session(id);
    if (!SessionRow::decode_static(row, session)) {
      logger::warn("mqtt", logger::text("session row of '", id, "' is damaged in part"));
    }
    feed_.fall_behind(session, feed_.head());
    session.found_on_disk(turn.hub_ms);
    for (Subscription& s : session.subscriptions_) index(session, s);
  }));
  return log_.each_state(kFlowKind, [&](ByteView, ByteView row) {
    Session* session = find(SessionRow::client_id(row));
    if (session == nullptr) return;
    SessionRow::Flow flow;
    if (!SessionRow::decode_flow(row, *session, [this](ByteView t) { return retained_.find(t); }, flow)) {
      logger::warn("mqtt", logger::text("flow row of '", session->client_id(), "' is damaged in part"));
    }
    feed_.place_behind(*session, flow.tailing ? std::max(flow.cursor, tail) : flow.cursor);
    if (session->replaying()) feed_.place_behind(session->replayer_, flow.replay);
    // Its row may still say that the mark speaks for it: it must be written anew before the mark moves.
    session->mark_dirty();
  });
}

Result<void> Broker::load_groups() {
  Position tail{};
  RUNNEL_TRY(log_.each_state(kTailRow, [&](ByteView name, ByteView value) {
    if (name == kTailRow) tail = Position(ByteReader(value).le64());
  }));
  return log_.each_state(kGroupKind, [&](ByteView, ByteView row) {
    ByteReader r(row);
    r.u8();
    const std::string key(r.counted());
    r.counted();
    Position cursor(r.le64());
    if (r.u8() != 0) cursor = std::max(cursor, tail);
    std::set<Position> owed;
    const std::uint64_t count = r.varint();
    for (std::uint64_t i = 0; i < count && r.ok(); ++i) owed.insert(Position(r.le64()));
    const auto group = groups_.find(key);
    if (!r.ok() || group == groups_.end()) return;
    group->second->restore(cursor, std::move(owed));
    group->second->mark_dirty();
  });
}

// --- connections ---

std::unique_ptr<core::Stream> Broker::open(void* owner, core::Endpoints endpoints, Instant now) {
  if (slots_.size() - free_slots_.size() >= limits_.connections_max) return nullptr;
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  const std::uint32_t use = ++slots_[slot].use;
  auto connection =
      std::make_unique<Connection>(*this, slot_owner(slot, use), owner, std::move(endpoints.peer), now);
  slots_[slot].connection = connection.get();
  ++counters_.connections_accepted;
  return connection;
}

Connection* Broker::connection_of(std::uint64_t ticket_owner) const {
  const Slot& slot = slots_[static_cast<std::uint32_t>(ticket_owner)];
  return slot.use == ticket_owner >> 32 ? slot.connection : nullptr;
}

void Broker::release_slot(Connection& connection) {
  const auto slot = static_cast<std::uint32_t>(connection.ticket_owner());
  slots_[slot].connection = nullptr;
  free_slots_.push_back(slot);
  std::erase(ready_, &connection);
  std::erase(paused_, &connection);
  std::erase(resumed_, &connection);
}

void Broker::list_ready(Connection& connection) { ready_.push_back(&connection); }

std::vector<core::Stream*> Broker::take_ready() {
  for (Connection* c : ready_) c->listed_ = false;
  std::vector<core::Stream*> out(ready_.begin(), ready_.end());
  ready_.clear();
  return out;
}

std::vector<core::Stream*> Broker::take_resumed() {
  std::vector<core::Stream*> out(resumed_.begin(), resumed_.end());
  resumed_.clear();
  return out;
}

// --- sessions ---

Session* Broker::find(std::string_view client_id) const {
  const auto found = sessions_.find(client_id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

Session& Broker::make_session(std::string client_id) {
  auto session = std::make_unique<Session>(*this, std::move(client_id), next_number_++);
  Session& made = *session;
  by_number_.emplace(made.number(), &made);
  sessions_.emplace(made.client_id(), std::move(session));
  return made;
}

std::string Broker::invent_client_id() {
  static std::random_device entropy;
  for (;;) {
    char text[40];
    std::snprintf(text, sizeof text, "runnel-%08x%08x", entropy(), entropy());
    if (find(text) == nullptr) return text;
  }
}

void Broker::take_over(Session& session, Turn& turn) {
  Connection* old = session.connection();
  if (old == nullptr) return;
  logger::info("mqtt", logger::text("client '", session.client_id(), "' connected again; the older connection ends peer=", old->peer()));
  old->session_taken();
  old->disconnect(Reason::session_taken_over, {});
  --connected_;
  session.detach(turn);
}

Session* Broker::connect(
    const mqtt::Connect& connect,
    std::string_view client_id,
    Turn& turn,
    bool& present
) {
  Session* session = find(client_id);
  if (session != nullptr) {
    take_over(*session, turn);
    // The will waits for its delay only while the session goes on ([MQTT-3.1.3-9]).
    const bool goes_on = !connect.clean_start && session->persistent();
    if (goes_on && session->will_delay_s() > 0) {
      session->take_will();
    } else {
      publish_will(*session, turn);
    }
    if (!goes_on) {
      end_session(*session, turn);
      session = nullptr;
    }
  }
  present = session != nullptr;
  if (session == nullptr) {
    if (sessions_.size() >= limits_.sessions_max) return nullptr;
    session = &make_session(std::string(client_id));
  }
  if (connect.will) {
    const mqtt::Will& w = *connect.will;
    Message will{w.topic, w.payload, client_id, w.qos, w.retain, w.properties};
    session->set_will(StoredMessage::make(will, turn.hub_ms), w.delay_s);
  } else {
    session->set_will(nullptr, 0);
  }
  if (!present) feed_.place(*session, feed_.head());
  ++connected_;
  connected_max_ = std::max(connected_max_, connected_);
  return session;
}

void Broker::connection_lost(Session& session, bool with_will, Turn& turn) {
  --connected_;
  if (!with_will) session.take_will();
  session.detach(turn);
  const bool will_now = session.has_will() && (session.will_delay_s() == 0 || !session.persistent());
  if (will_now) publish_will(session, turn);
  if (!session.persistent()) end_session(session, turn);
}

void Broker::end_session(Session& session, Turn& turn) {
  publish_will(session, turn);
  session.return_shared();
  for (const Subscription& s : session.subscriptions()) {
    unindex(session, s);
    leave_group(session, s, turn);
  }
  session.erase_rows(turn);
  by_number_.erase(session.number());
  const auto found = sessions_.find(session.client_id());
  const std::unique_ptr<Session> last = std::move(found->second);  // its id is the key
  sessions_.erase(found);
}

void Broker::publish_will(Session& session, Turn& turn) {
  const StoredPtr will = session.take_will();
  if (will == nullptr) return;
  if (session.persistent()) session.save_static(turn);
  const Reason reason = accept(will->message(), false, turn).reason;
  if (reason != Reason::success) ++counters_.publish_refused;
}

// --- subscriptions ---

void Broker::index(Session& session, Subscription& subscription) {
  cache_.subscriptions_changed();
  if (!mqtt::is_shared(subscription.filter)) {
    tree_.add(subscription.filter, {static_cast<LogReader*>(&session), subscription.which});
    return;
  }
  const auto shared = mqtt::parse_shared(subscription.filter);
  if (!shared) return;
  SharedGroup& group = group_for(
      std::string_view(subscription.filter).substr(std::string_view("$share/").size()),
      shared->filter
  );
  subscription.group = &group;
  group.join(session, subscription.which);
}

void Broker::unindex(Session& session, const Subscription& subscription) {
  cache_.subscriptions_changed();
  if (subscription.group != nullptr) return;
  tree_.remove(subscription.filter, {static_cast<LogReader*>(&session), subscription.which});
}

SharedGroup& Broker::group_for(std::string_view key, std::string_view filter) {
  auto& group = groups_[std::string(key)];
  if (group == nullptr) {
    group = std::make_unique<SharedGroup>(*this, std::string(key), std::string(filter));
    // Which 0 tells the fan-out that the owner is a group.
    tree_.add(filter, {static_cast<LogReader*>(group.get()), 0});
    feed_.place(*group, feed_.head());
  }
  return *group;
}

void Broker::leave_group(Session& session, const Subscription& subscription, Turn& turn) {
  SharedGroup* group = subscription.group;
  if (group == nullptr) return;
  group->leave(session);
  if (!group->empty()) {
    group->wake();
    return;
  }
  tree_.remove(group->filter(), {static_cast<LogReader*>(group), 0});
  group->erase_row(turn);
  groups_.erase(std::string(group->key()));
}

void Broker::queue_retained(Session& session, std::uint32_t which) {
  const Subscription* s = session.find(which);
  if (s == nullptr || s->group != nullptr) return;
  const auto send = [&](const StoredPtr& stored) {
    if (s->no_local && stored->message().client == session.client_id()) return;
    session.send_retained(*s, stored);
  };
  retained_.match(s->filter, send);
  if (s->filter.starts_with('$')) sys_messages_.match(s->filter, send);
}

// --- messages out ---

void Broker::fan_out(const log::BlockPtr& block, std::uint32_t index, Turn& turn) {
  const auto record = block->record(index);
  if (!record) return;
  const std::string_view topic = records_.topic_of(*record, block->partition(index));
  if (topic.empty()) ++counters_.records_without_topic;
  if (topic.empty() || cache_.matches(topic).empty()) return;
  records_.read(*record, topic, message_out_);
  fan_out_message(block, index, message_out_, turn);
}

void Broker::fan_out_message(
    const log::BlockPtr& block,
    std::uint32_t index,
    Message& message,
    Turn& turn
) {
  wanted_count_ = 0;
  const Position position(block->first().value + index);
  for (const auto& entry : cache_.matches(message.topic)) {
    auto* reader = static_cast<LogReader*>(entry.owner);
    if (!reader->tailing()) continue;
    if (entry.which == 0) {
      auto& group = static_cast<SharedGroup&>(*reader);
      if (!group.hand_out(block, index, message, turn)) feed_.fall_behind(group, position);
      continue;
    }
    auto& session = static_cast<Session&>(*reader);
    const Subscription* s = session.find(entry.which);
    if (s == nullptr || position < s->since) continue;
    if (s->no_local && message.client == session.client_id()) continue;
    // One copy for overlapping subscriptions ([MQTT-3.3.4-2]).
    if (session.wanted_at_ != position) {
      session.wanted_at_ = position;
      session.wanted_index_ = wanted_count_;
      if (wanted_.size() == wanted_count_) wanted_.emplace_back();
      wanted_[wanted_count_].session = &session;
      wanted_[wanted_count_].delivery.clear();
      ++wanted_count_;
    }
    wanted_[session.wanted_index_].delivery.add(*s, message);
  }
  for (std::size_t i = 0; i < wanted_count_; ++i) {
    const Delivery& d = wanted_[i].delivery;
    const Outgoing out{message, d.qos, message.retain && d.retain_as_published, d.ids, block->head().hub_ms, position, block, nullptr};
    if (!wanted_[i].session->deliver(out, turn)) feed_.fall_behind(*wanted_[i].session, position);
  }
}

void Broker::block_read(Position position, Result<log::BlockPtr> block, Turn& turn) {
  feed_.answer(position, std::move(block), turn);
}

}  // namespace runnel::broker
