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
constexpr std::chrono::seconds kSweepEvery{5};  // expired retained messages

std::uint64_t slot_owner(std::uint32_t slot, std::uint32_t use) {
  return std::uint64_t{use} << 32 | slot;
}

}  // namespace

Broker::Broker(
    const log::Log& log,
    Limits limits,
    const core::Routes* routes,
    BlockReader& reader,
    Instant now
)
    : log_(log),
      limits_(limits),
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
  const Reason reason = accept(will->message(), turn);
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

// --- messages in ---

Reason Broker::accept(const Message& message, Turn& turn) {
  const std::size_t promised = std::min(retained_promised_bytes_, limits_.retained_bytes_max);
  if (message.retain && !retained_.fits(message, limits_.retained_bytes_max - promised)) {
    return Reason::quota_exceeded;
  }
  const core::Destination& to = cache_.destination(message.topic, message.client);
  log::NewRecord record;
  record.key = to.key_is_topic ? ByteView(message.topic) : ByteView(to.key);
  record.value = message.payload;
  record.headers = headers_.of(message, to.key_is_topic);
  record.timestamp_ms = turn.wall_ms;
  if (log_.compacts(to.partition) && !log_.admit(log::growth_of(record), turn.group)) {
    return Reason::quota_exceeded;
  }
  turn.group.append(to.partition, record);
  if (message.retain) {
    StoredPtr stored = message.payload.empty() ? nullptr : StoredMessage::make(message, turn.hub_ms);
    Retained::write(message, stored, turn.group);
    turn.group.wait({0, 0, static_cast<std::uint32_t>(Wait::retained), true});
    if (stored != nullptr) retained_promised_bytes_ += stored->row().size();
    retained_updates_.push_back({std::string(message.topic), std::move(stored)});
  }
  return Reason::success;
}

void Broker::committed(const log::Group& group, Turn& turn) {
  if (group.outcome.state != Errc::ok) return;  // nobody is told anything; the hub stops
  committed_end_ = group.outcome.blocks.empty() ? feed_.head() : group.outcome.blocks.back()->end();
  if (group.outcome.records != Errc::ok) counters_.publish_refused += group.records();
  for (const log::Ticket& ticket : group.tickets()) settle(ticket, group.outcome.records, turn);
  for (const log::BlockPtr& block : group.outcome.blocks) feed_.offer(block, turn);
  for (Connection* c : std::exchange(paused_, {})) {
    c->resume(turn);
    if (!c->paused()) resumed_.push_back(c);
  }
}

void Broker::settle(const log::Ticket& ticket, Errc records, Turn& turn) {
  const bool stored = !ticket.needs_records || records == Errc::ok;
  const auto id = static_cast<mqtt::PacketId>(ticket.tag);
  switch (static_cast<Wait>(ticket.kind)) {
    case Wait::puback: {
      Connection* c = connection_of(ticket.owner);
      if (c == nullptr) return;
      c->window_freed();
      if (stored) {
        c->send_ack(mqtt::PacketType::puback, id, static_cast<Reason>(ticket.tag >> 16));
      } else {
        c->refuse_publish(mqtt::PacketType::puback, id, Reason::quota_exceeded);
      }
      return;
    }
    case Wait::pubrec:
    case Wait::pubcomp:
    case Wait::flow: {
      const auto session = by_number_.find(ticket.owner);
      if (session == by_number_.end()) return;
      Connection* c = session->second->greeted_connection();
      if (static_cast<Wait>(ticket.kind) == Wait::pubrec) {
        settle_pubrec(*session->second, id, static_cast<Reason>(ticket.tag >> 16), stored, turn);
      } else if (static_cast<Wait>(ticket.kind) == Wait::flow) {
        session->second->settled(id, turn);
      } else if (c != nullptr) {
        c->window_freed();
        c->send_ack(mqtt::PacketType::pubcomp, id, Reason::success);
      }
      return;
    }
    case Wait::reply: return settle_reply(turn);
    case Wait::retained: {
      RetainedUpdate update = std::move(retained_updates_.front());
      retained_updates_.pop_front();
      if (update.stored != nullptr) retained_promised_bytes_ -= update.stored->row().size();
      if (stored) retained_.apply(update.topic, std::move(update.stored));
      return;
    }
  }
}

void Broker::settle_pubrec(
    Session& session,
    mqtt::PacketId id,
    Reason reason,
    bool stored,
    Turn& turn
) {
  Connection* c = session.greeted_connection();
  if (stored) {
    if (c == nullptr) return;
    if (reason != Reason::success) c->window_freed();  // a refusal ends the exchange
    c->send_ack(mqtt::PacketType::pubrec, id, reason);
    return;
  }
  session.release(id);
  session.save_flow(turn);
  if (c == nullptr) return;
  c->window_freed();
  c->refuse_publish(mqtt::PacketType::pubrec, id, Reason::quota_exceeded);
}

void Broker::settle_reply(Turn& turn) {
  const Reply reply = std::move(replies_.front());
  replies_.pop_front();
  Connection* c = connection_of(reply.connection);
  if (c == nullptr || c->closing()) return;  // retained messages stay due until the client is back
  if (reply.greets) {
    c->greet(reply.packet, turn);
  } else {
    c->send_raw(reply.packet);
  }
  const auto session = by_number_.find(reply.session);
  if (session == by_number_.end()) return;
  // What was retained before this commit comes as a retained message, and not as a live one too.
  for (const std::uint32_t which : reply.fresh) session->second->begin_at(which, committed_end_);
  for (const std::uint32_t which : reply.retained_for) queue_retained(*session->second, which);
  if (!reply.retained_for.empty()) session->second->retained_queued(turn);
  session->second->pump(turn);
}

bool Broker::has_retained(std::string_view filter) const {
  bool any = retained_on_their_way();
  const auto note = [&any](const StoredPtr&) { any = true; };
  retained_.match(filter, note);
  if (filter.starts_with('$')) sys_messages_.match(filter, note);
  return any;
}

void Broker::reply_after_commit(Connection& connection, Reply reply, Turn& turn) {
  reply.connection = connection.ticket_owner();
  reply.session = connection.session()->number();
  replies_.push_back(std::move(reply));
  turn.group.wait({0, 0, static_cast<std::uint32_t>(Wait::reply), false});
  turn.group.hurry();
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

// --- time ---

void Broker::tick(Turn& turn) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].connection != nullptr) slots_[i].connection->tick(turn);
  }
  std::vector<Session*> ended;
  for (const auto& [id, session] : sessions_) {
    if (session->connection() != nullptr) continue;
    if (const auto due = session->will_due_hub_ms(); due && *due <= turn.hub_ms) {
      publish_will(*session, turn);
    }
    if (const auto end = session->ends_at_hub_ms(); end && *end <= turn.hub_ms) {
      ended.push_back(session.get());
    }
  }
  for (Session* session : ended) {
    ++counters_.sessions_expired;
    end_session(*session, turn);
  }
  if (turn.now - last_save_ >= kSaveEvery) save_progress(turn);
  if (turn.now - last_sweep_ >= kSweepEvery) {
    last_sweep_ = turn.now;
    // One that has expired may have been replaced in this very group, where the last word counts.
    if (!retained_on_their_way()) retained_.expire(turn.hub_ms, turn.group);
  }
  if (limits_.sys_interval.count() > 0 && turn.now - last_sys_ >= limits_.sys_interval) {
    update_sys(turn);
  }
}

// Rows of all that has moved, and the mark up to which tailing readers have been served, in one
// commit: on the way back the mark is only trusted together with the rows.
void Broker::save_progress(Turn& turn) {
  last_save_ = turn.now;
  bool anybody = false;
  for (const auto& [id, session] : sessions_) {
    if (!session->persistent()) continue;
    anybody = true;
    if (session->dirty()) session->save_flow(turn);
  }
  for (const auto& [key, group] : groups_) {
    if (group->dirty() && group->persistent()) group->save(turn);
  }
  if (!anybody || feed_.head() == saved_head_) return;
  saved_head_ = feed_.head();
  Bytes value;
  ByteWriter(value).le64(saved_head_.value);
  turn.group.put_state(kTailRow, value);
}

void Broker::flow_due(Session& session) { flow_due_.push_back(session.number()); }

void Broker::pump_due(Session& session) { pump_due_.push_back(session.number()); }

bool Broker::run(Turn& turn) {
  bool more = feed_.run(turn);
  for (const std::uint64_t number : std::exchange(pump_due_, {})) {
    const auto found = by_number_.find(number);
    if (found == by_number_.end()) continue;
    found->second->pump(turn);
    more = true;
  }
  return more;
}

void Broker::end(Turn& turn) {
  if (flow_due_.empty()) return;
  std::sort(flow_due_.begin(), flow_due_.end());
  flow_due_.erase(std::unique(flow_due_.begin(), flow_due_.end()), flow_due_.end());
  for (const std::uint64_t number : flow_due_) {
    const auto found = by_number_.find(number);
    if (found == by_number_.end()) continue;
    found->second->save_flow(turn);
  }
  flow_due_.clear();
  for (const auto& [key, group] : groups_) {
    if (group->dirty() && group->persistent()) group->save(turn);
  }
}

void Broker::report_gap(std::string_view who, std::uint64_t records) {
  logger::warn("mqtt", logger::text("'", who, "' missed ", records, " positions of the log that were retired before it read them"));
}

void Broker::update_sys(Turn& turn) {
  const auto seconds = [](auto d) { return std::chrono::duration<double>(d).count(); };
  SysFacts facts;
  facts.version = RUNNEL_VERSION;
  facts.uptime_s = static_cast<std::uint64_t>(seconds(turn.now - started_));
  facts.clients_connected = connected_;
  facts.clients_disconnected = sessions_.size() - connected_;
  facts.clients_maximum = connected_max_;
  facts.subscriptions = tree_.size();
  facts.shared_subscriptions = groups_.size();
  facts.retained = retained_.size();
  const log::Log::Totals totals = log_.totals();
  facts.stored_records = totals.stored;
  facts.stored_bytes = totals.disk_bytes;
  facts.counters = &counters_;
  if (sys_others_) facts.others = sys_others_();
  const double elapsed = last_sys_ < started_ ? 0 : seconds(turn.now - last_sys_);
  last_sys_ = turn.now;
  sys_.update(facts, elapsed, [&](std::string_view topic, std::string_view value) {
    publish_sys(topic, value, turn);
  });
}

// The hub's own messages are not events: they are in memory, retained, and go out with QoS 0 to those
// who are there.
void Broker::publish_sys(std::string_view topic, std::string_view value, Turn& turn) {
  Message message;
  message.topic = topic;
  message.payload = value;
  message.qos = QoS::at_most_once;
  message.retain = true;
  const StoredPtr stored = StoredMessage::make(message, turn.hub_ms);
  sys_messages_.apply(std::string(topic), stored);
  std::vector<core::SubscriptionTree::Entry> entries;
  tree_.match(topic, entries);
  for (const auto& entry : entries) {
    if (entry.which == 0) continue;
    auto& session = static_cast<Session&>(*static_cast<LogReader*>(entry.owner));
    const Subscription* s = session.find(entry.which);
    if (s == nullptr) continue;
    Delivery delivery;
    delivery.add(*s, message);
    session.deliver({stored->message(), QoS::at_most_once, s->retain_as_published, delivery.ids, turn.hub_ms, {}, nullptr, stored}, turn);
  }
}

void Broker::shut_down(Turn& turn) {
  for (const Slot& slot : slots_) {
    if (slot.connection != nullptr) {
      slot.connection->disconnect(Reason::server_shutting_down, "the hub stops");
    }
  }
  save_progress(turn);
}

}  // namespace runnel::broker
