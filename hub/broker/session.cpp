#include "hub/broker/session.h"

#include <algorithm>

#include "hub/broker/broker.h"
#include "hub/broker/session_row.h"
#include "hub/core/row_key.h"
#include "hub/mqtt/topic_filter.h"

namespace runnel::broker {
namespace {

using mqtt::QoS;

constexpr std::uint32_t kNever = 0xFFFFFFFF;

// Sessions with more subscriptions than this ask the tree instead of trying each of their own.
constexpr std::size_t kLinearMatchMax = 16;

// Packet ids repeat after 65,535 uses. Before that no check against those in flight is needed.
constexpr std::uint32_t kSerialsBeforeCheck = 60'000;

}  // namespace

std::string_view Subscription::topic_filter() const {
  if (!mqtt::is_shared(filter)) return filter;
  const auto shared = mqtt::parse_shared(filter);
  return shared ? shared->filter : std::string_view{};
}

void Delivery::add(const Subscription& subscription, const Message& message) {
  qos = std::max(qos, std::min(subscription.qos, message.qos));
  retain_as_published = retain_as_published || subscription.retain_as_published;
  if (subscription.id) ids.push_back(*subscription.id);
}

Session::Session(Broker& broker, std::string client_id, std::uint64_t number)
    : broker_(broker), client_id_(std::move(client_id)), number_(number) {}

Session::~Session() {
  broker_.feed_.forget(*this);
  broker_.feed_.forget(resender_);
  broker_.feed_.forget(replayer_);
}

// --- connection ---

Connection* Session::greeted_connection() const {
  return connection_ != nullptr && connection_->open() ? connection_ : nullptr;
}

void Session::attach(Connection& connection, std::uint32_t expiry_s, Turn& turn) {
  connection_ = &connection;
  disconnected_hub_ms_ = -1;
  if (persistent() && expiry_s == 0) erase_rows(turn);  // it ends with this connection
  expiry_s_ = expiry_s;
  online_since_ = broker_.feed_.head();
  save_static(turn);
}

void Session::detach(Turn& turn) {
  connection_ = nullptr;
  disconnected_hub_ms_ = turn.hub_ms;
  pending_retained_.clear();  // looked up again for the next connection
  broker_.feed_.forget(*this);
  broker_.feed_.forget(resender_);
  broker_.feed_.forget(replayer_);
  if (tailing()) broker_.feed_.fall_behind(*this, broker_.feed_.head());
  if (!persistent()) return;
  save_static(turn);
  save_flow(turn);
}

void Session::set_expiry(std::uint32_t expiry_s, Turn& turn) {
  expiry_s_ = expiry_s;
  save_static(turn);
}

std::optional<std::int64_t> Session::ends_at_hub_ms() const {
  if (disconnected_hub_ms_ < 0 || expiry_s_ == kNever) return std::nullopt;
  return disconnected_hub_ms_ + std::int64_t{expiry_s_} * 1000;
}

void Session::set_will(StoredPtr will, std::uint32_t delay_s) {
  will_ = std::move(will);
  will_delay_s_ = delay_s;
}

StoredPtr Session::take_will() { return std::exchange(will_, nullptr); }

std::optional<std::int64_t> Session::will_due_hub_ms() const {
  if (disconnected_hub_ms_ < 0 || will_ == nullptr) return std::nullopt;
  return disconnected_hub_ms_ + std::int64_t{will_delay_s_} * 1000;
}

// --- subscriptions ---

Subscription& Session::subscribe(
    const mqtt::SubscribeEntry& entry,
    std::optional<std::uint32_t> id,
    bool& existed
) {
  const auto found = std::find_if(subscriptions_.begin(), subscriptions_.end(), [&](const auto& s) {
    return s.filter == entry.filter;
  });
  existed = found != subscriptions_.end();
  if (!existed) {
    Subscription fresh;
    fresh.filter = entry.filter;
    fresh.which = next_which_++;
    fresh.since = broker_.feed_.head();
    subscriptions_.push_back(std::move(fresh));
  }
  Subscription& s = existed ? *found : subscriptions_.back();
  s.qos = entry.qos;
  s.no_local = entry.no_local;
  s.retain_as_published = entry.retain_as_published;
  s.retain_handling = entry.retain_handling;
  s.id = id;
  return s;
}

bool Session::unsubscribe(std::string_view filter) {
  return std::erase_if(subscriptions_, [&](const Subscription& s) { return s.filter == filter; }) > 0;
}

void Session::begin_at(std::uint32_t which, Position since) {
  for (Subscription& s : subscriptions_) {
    if (s.which == which) s.since = since;
  }
}

void Session::return_shared() {
  for (std::size_t i = first_; i < inflight_.size(); ++i) {
    const InFlight& e = inflight_[i];
    if (e.group.empty() || e.qos != QoS::at_least_once || e.state != InFlight::State::sent) continue;
    for (const Subscription& s : subscriptions_) {
      if (s.group != nullptr && s.group->key() == e.group) s.group->owe_again(e.position);
    }
  }
}

const Subscription* Session::find(std::uint32_t which) const {
  const auto found = std::lower_bound(
      subscriptions_.begin(),
      subscriptions_.end(),
      which,
      [](const Subscription& s, std::uint32_t w) { return s.which < w; }
  );
  return found == subscriptions_.end() || found->which != which ? nullptr : &*found;
}

void Session::send_retained(const Subscription& subscription, StoredPtr message) {
  pending_retained_.push_back({subscription.which, std::move(message)});
}

// --- outgoing ---

bool Session::window_open() const {
  // What is owed again is not in the client's window yet.
  return in_flight() - resends_ < std::min(connection_->send_window(), broker_.limits_.inflight_max);
}

bool Session::takes() const {
  return connection_ != nullptr && connection_->open() && resends_ == 0 &&
         pending_retained_.empty() && window_open() &&
         connection_->pending_bytes() < broker_.limits_.outbound_bytes_max;
}

mqtt::PacketId Session::next_packet_id() {
  ++serial_;
  const bool check = first_ < inflight_.size() && serial_ - inflight_[first_].serial > kSerialsBeforeCheck;
  do {
    last_id_ = last_id_ == 65535 ? mqtt::PacketId{1} : static_cast<mqtt::PacketId>(last_id_ + 1);
  } while (check && find_in_flight(last_id_) != nullptr);
  return last_id_;
}

InFlight* Session::find_in_flight(mqtt::PacketId id) {
  for (std::size_t i = first_; i < inflight_.size(); ++i) {
    if (inflight_[i].id == id && inflight_[i].state != InFlight::State::done) return &inflight_[i];
  }
  return nullptr;
}

void Session::finish(InFlight& entry) {
  if (entry.resend) --resends_;
  entry.resend = false;
  entry.state = InFlight::State::done;
  entry.stored.reset();
  entry.block.reset();
  dirty_ = true;
  drop_finished();
}

void Session::drop_finished() {
  while (first_ < inflight_.size() && inflight_[first_].state == InFlight::State::done) ++first_;
  if (first_ == inflight_.size()) {
    inflight_.clear();
    first_ = 0;
  } else if (first_ > 64 && first_ * 2 > inflight_.size()) {
    inflight_.erase(inflight_.begin(), inflight_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

// The PUBLISH that carries a message, but for packet id and DUP.
mqtt::Publish& Session::packet_for(const Outgoing& out, Turn& turn) {
  mqtt::Publish& packet = broker_.packet_out_;
  packet.dup = false;
  packet.qos = out.qos;
  packet.retain = out.retain;
  packet.topic = out.message.topic;
  packet.packet_id = 0;
  packet.topic_alias.reset();
  packet.payload = out.message.payload;
  packet.subscription_ids.assign(out.ids.begin(), out.ids.end());
  packet.properties = out.message.properties;
  if (const auto left = expiry_left(out.message.properties, out.accepted_hub_ms, turn.hub_ms)) {
    packet.properties.expiry_s = std::max(*left, std::uint32_t{1});
  }
  if (out.replay == nullptr) return packet;
  broker_.replay_words_.put(*out.replay, packet.properties.user);
  // A message that the client takes without them is not withheld for these words.
  if (connection_->limits_packets() &&
      mqtt::encoded_bytes(packet, connection_->version()) > connection_->packet_bytes_max()) {
    packet.properties.user = out.message.properties.user;
  }
  return packet;
}

void Session::transmit(const Outgoing& out, mqtt::PacketId id, bool dup, Turn& turn) {
  mqtt::Publish& packet = packet_for(out, turn);
  packet.packet_id = id;
  packet.dup = dup;
  connection_->send_publish(packet);
}

bool Session::too_large(const Outgoing& out, Turn& turn) {
  return connection_->limits_packets() &&
         mqtt::encoded_bytes(packet_for(out, turn), connection_->version()) >
             connection_->packet_bytes_max();
}

bool Session::deliver(const Outgoing& out, Turn& turn) {
  if (connection_ == nullptr || !connection_->open()) {
    // QoS 0 is owed to nobody who is away.
    return out.qos == QoS::at_most_once && out.stored != nullptr;
  }
  const auto left = expiry_left(out.message.properties, out.accepted_hub_ms, turn.hub_ms);
  if (left && *left == 0) {
    ++broker_.counters_.expired_undelivered;
    return true;
  }
  if (connection_->pending_bytes() >= broker_.limits_.outbound_bytes_max) return false;
  // A packet that the client has said it does not take counts as delivered ([MQTT-3.1.2-25]).
  if (too_large(out, turn)) {
    ++broker_.counters_.publish_dropped;
    return true;
  }
  if (out.qos == QoS::at_most_once) {
    if (out.stored == nullptr && out.replay == nullptr && out.position < online_since_) return true;
    transmit(out, 0, false, turn);
    return true;
  }
  if (!window_open()) return false;
  InFlight entry;
  entry.id = next_packet_id();
  entry.qos = out.qos;
  entry.serial = serial_;
  entry.position = out.position;
  entry.stored = out.stored;
  entry.group = out.group;
  entry.replayed = out.replay != nullptr;
  const bool wait = out.qos == QoS::exactly_once && persistent();
  if (wait) {
    entry.state = InFlight::State::reserved;
    entry.block = out.block;
  }
  inflight_.push_back(std::move(entry));
  dirty_ = true;
  const mqtt::PacketId id = inflight_.back().id;
  if (!wait) {
    transmit(out, id, false, turn);
    return true;
  }
  turn.group.wait({number_, id, static_cast<std::uint32_t>(Broker::Wait::flow), false});
  turn.group.hurry();
  broker_.flow_due(*this);
  return true;
}

void Session::settled(mqtt::PacketId id, Turn& turn) {
  InFlight* entry = find_in_flight(id);
  if (entry == nullptr) return;
  if (entry->state == InFlight::State::releasing) {
    entry->state = InFlight::State::released;
    if (Connection* c = greeted_connection()) {
      c->send_ack(mqtt::PacketType::pubrel, id, mqtt::Reason::success);
    }
    return;
  }
  if (entry->state != InFlight::State::reserved) return;
  entry->state = InFlight::State::sent;
  const log::BlockPtr block = std::exchange(entry->block, nullptr);
  if (greeted_connection() == nullptr) return;  // sent when the client is back
  if (entry->stored != nullptr || block != nullptr) {
    if (!send_again(block, *entry, turn)) finish(*entry);
  }
}

// Sends what an entry in flight stands for. False: it is not there any more, or is larger than what
// the client takes now.
bool Session::send_again(const log::BlockPtr& block, InFlight& entry, Turn& turn) {
  const bool dup = entry.resend;
  Delivery delivery;
  const auto drop = [this] {
    ++broker_.counters_.publish_dropped;
    return false;
  };
  if (entry.stored != nullptr) {
    const Outgoing out{entry.stored->message(), entry.qos, true, delivery.ids, entry.stored->accepted_hub_ms(), {}, nullptr, entry.stored};
    if (too_large(out, turn)) return drop();
    transmit(out, entry.id, dup, turn);
    return true;
  }
  const auto index = static_cast<std::uint32_t>(entry.position.value - block->first().value);
  const auto record = block->record(index);
  Message& message = broker_.message_out_;
  const std::string_view topic =
      record ? broker_.records_.topic_of(*record, block->partition(index)) : std::string_view{};
  if (topic.empty()) {
    missed(1);
    return false;
  }
  broker_.records_.read(*record, topic, message);
  const auto mark = entry.replayed ? mark_of(block, index) : std::nullopt;
  if (entry.replayed) {
    match_replay(message, entry.position, true, delivery);
  } else {
    match(message, entry.position, delivery);
  }
  if (!entry.group.empty()) {
    for (const Subscription& s : subscriptions_) {
      if (s.group != nullptr && s.group->key() == entry.group) delivery.add(s, message);
    }
  }
  const Outgoing out{message, entry.qos, message.retain && delivery.retain_as_published, delivery.ids, block->head().hub_ms, entry.position, nullptr, nullptr, {}, mark ? &*mark : nullptr};
  if (too_large(out, turn)) return drop();
  transmit(out, entry.id, dup, turn);
  return true;
}

void Session::acknowledged(mqtt::PacketId id) {
  InFlight* entry = find_in_flight(id);
  if (entry == nullptr || entry->qos != QoS::at_least_once) return;
  finish(*entry);
}

bool Session::received(mqtt::PacketId id, bool success, Turn& turn) {
  InFlight* entry = find_in_flight(id);
  if (entry == nullptr || entry->qos != QoS::exactly_once) return false;
  if (!success) {
    finish(*entry);
    return true;
  }
  if (entry->state == InFlight::State::releasing) return true;  // PUBREL follows the commit
  if (entry->resend) {
    entry->resend = false;
    --resends_;
  }
  if (!persistent() || entry->state == InFlight::State::released) {
    entry->state = InFlight::State::released;
    connection_->send_ack(mqtt::PacketType::pubrel, id, mqtt::Reason::success);
    return true;
  }
  entry->state = InFlight::State::releasing;
  turn.group.wait({number_, id, static_cast<std::uint32_t>(Broker::Wait::flow), false});
  turn.group.hurry();
  broker_.flow_due(*this);
  return true;
}

bool Session::completed(mqtt::PacketId id) {
  InFlight* entry = find_in_flight(id);
  if (entry == nullptr || entry->qos != QoS::exactly_once) return false;
  finish(*entry);
  return true;
}

// --- what was in flight when the client went away ---

// Everything that was under way is owed again, with the same packet ids ([MQTT-4.4.0-1]), inside the
// window that the client has now.
void Session::begin_sending(Turn& turn) {
  resends_ = 0;
  for (std::size_t i = first_; i < inflight_.size(); ++i) {
    InFlight& e = inflight_[i];
    e.resend = e.state == InFlight::State::sent || e.state == InFlight::State::released;
    resends_ += e.resend ? 1 : 0;
  }
  for (std::size_t i = first_; i < inflight_.size(); ++i) {
    InFlight& e = inflight_[i];
    if (!e.resend || e.state != InFlight::State::released) continue;
    connection_->send_ack(mqtt::PacketType::pubrel, e.id, mqtt::Reason::success);
    resent(e);
  }
  for (const Subscription& s : subscriptions_) {
    if (s.retained_due) broker_.queue_retained(*this, s.which);
  }
  broker_.feed_.place(resender_, Position{});  // also before what retention has left
  pump(turn);
}

// Retained messages are in memory; the Resender brings the rest from the log.
void Session::resend_stored(Turn& turn) {
  for (std::size_t i = first_; i < inflight_.size() && window_open(); ++i) {
    InFlight& e = inflight_[i];
    if (!e.resend || e.stored == nullptr) continue;
    const bool sent = send_again(nullptr, e, turn);
    resent(e);
    if (sent) continue;
    e.state = InFlight::State::done;
    e.stored.reset();
  }
  drop_finished();
}

void Session::resent(InFlight& entry) {
  entry.resend = false;
  --resends_;
}

Position Session::Resender::next_wanted(Position from) const {
  Position next = session_.broker_.feed_.head();
  for (std::size_t i = session_.first_; i < session_.inflight_.size(); ++i) {
    const InFlight& e = session_.inflight_[i];
    if (e.resend && e.stored == nullptr && e.position >= from) next = std::min(next, e.position);
  }
  return next;
}

bool Session::Resender::offer(const log::BlockPtr& block, std::uint32_t index, Turn& turn) {
  const Position position(block->first().value + index);
  const auto next = [&]() -> InFlight* {
    for (std::size_t i = session_.first_; i < session_.inflight_.size(); ++i) {
      InFlight& e = session_.inflight_[i];
      if (e.resend && e.stored == nullptr && e.position == position) return &e;
    }
    return nullptr;
  };
  // More than one, when a shared subscription of the same client wanted the message too.
  while (InFlight* e = next()) {
    if (!ready()) return false;
    if (session_.send_again(block, *e, turn)) {
      session_.resent(*e);
    } else {
      session_.finish(*e);
    }
  }
  if (session_.resends_ == 0) session_.broker_.pump_due(session_);  // what waited for this
  return true;
}

bool Session::Resender::ready() const {
  const Connection* c = session_.connection_;
  return c != nullptr && c->open() && session_.resends_ > 0 && session_.window_open() &&
         c->pending_bytes() < session_.broker_.limits_.outbound_bytes_max;
}

void Session::Resender::missed(std::uint64_t records) {
  const Position end(cursor().value + records);
  for (std::size_t i = session_.first_; i < session_.inflight_.size(); ++i) {
    InFlight& e = session_.inflight_[i];
    if (!e.resend || e.stored != nullptr || e.position >= end) continue;
    session_.missed(1);
    e.resend = false;
    --session_.resends_;
    e.state = InFlight::State::done;
  }
  session_.drop_finished();
  if (session_.resends_ == 0) session_.broker_.pump_due(session_);  // what waited for this
}

bool Session::send_pending_retained(Turn& turn) {
  while (pending_first_ < pending_retained_.size()) {
    const PendingRetained& next = pending_retained_[pending_first_];
    const Subscription* s = find(next.which);
    const StoredPtr stored = next.message;
    if (s != nullptr) {
      const Message& m = stored->message();
      Delivery delivery;
      delivery.add(*s, m);
      const Outgoing out{m, delivery.qos, true, delivery.ids, stored->accepted_hub_ms(), {}, nullptr, stored};
      if (!deliver(out, turn)) return false;
    }
    ++pending_first_;
  }
  std::vector<PendingRetained>().swap(pending_retained_);
  pending_first_ = 0;
  retained_queued(turn);
  return true;
}

void Session::retained_queued(Turn& turn) {
  if (!pending_retained_.empty()) return;
  bool changed = false;
  for (Subscription& s : subscriptions_) changed = std::exchange(s.retained_due, false) || changed;
  if (changed) save_static(turn);
}

void Session::pump(Turn& turn) {
  if (connection_ == nullptr || !connection_->open()) return;
  if (resends_ > 0) {
    resend_stored(turn);
    broker_.feed_.want(resender_);
    if (resends_ > 0) return;
  }
  if (!pending_retained_.empty() && !send_pending_retained(turn)) return;
  if (!takes()) return;
  // Nobody wants the rest of it any more.
  if (replaying_ && replayer_.cursor() >= replayer_.until()) replaying_ = false;
  if (replaying_) {
    broker_.feed_.want(replayer_);
  } else {
    broker_.feed_.want(*this);
  }
  for (const Subscription& s : subscriptions_) {
    if (s.group != nullptr) s.group->wake();
  }
}

// --- incoming QoS 2 ---

bool Session::holds(mqtt::PacketId id) const {
  return std::binary_search(held_.begin(), held_.end(), id);
}

void Session::hold(mqtt::PacketId id) {
  held_.insert(std::upper_bound(held_.begin(), held_.end(), id), id);
}

bool Session::release(mqtt::PacketId id) {
  const auto found = std::lower_bound(held_.begin(), held_.end(), id);
  if (found == held_.end() || *found != id) return false;
  held_.erase(found);
  return true;
}

// --- LogReader ---

bool Session::match(const Message& message, Position position, Delivery& delivery) {
  delivery.clear();
  bool any = false;
  const auto consider = [&](const Subscription& s) {
    if (s.group != nullptr || position < s.since) return;
    if (s.no_local && message.client == client_id_) return;
    delivery.add(s, message);
    any = true;
  };
  if (subscriptions_.size() <= kLinearMatchMax) {
    for (const Subscription& s : subscriptions_) {
      if (mqtt::matches(s.filter, message.topic)) consider(s);
    }
    return any;
  }
  for (const auto& entry : broker_.cache_.matches(message.topic)) {
    if (entry.owner != static_cast<LogReader*>(this)) continue;
    if (const Subscription* s = find(entry.which)) consider(*s);
  }
  return any;
}

bool Session::offer(const log::BlockPtr& block, std::uint32_t index, Turn& turn) {
  const auto record = block->record(index);
  if (!record) {
    if (errc_of(record.error()) != Errc::not_found) missed(1);  // a marker is nobody's
    return true;
  }
  // Most records are for others: look at the topic before anything else is decoded.
  const std::string_view topic = broker_.records_.topic_of(*record, block->partition(index));
  if (topic.empty()) return true;
  if (subscriptions_.size() <= kLinearMatchMax &&
      std::none_of(subscriptions_.begin(), subscriptions_.end(), [&](const Subscription& s) {
        return s.group == nullptr && mqtt::matches(s.filter, topic);
      })) {
    return true;
  }
  Message& message = broker_.message_out_;
  broker_.records_.read(*record, topic, message);
  const Position position(block->first().value + index);
  Delivery& delivery = broker_.delivery_;
  if (!match(message, position, delivery)) return true;
  return deliver(
      {message, delivery.qos, message.retain && delivery.retain_as_published, delivery.ids, block->head().hub_ms, position, block, nullptr},
      turn
  );
}

void Session::missed(std::uint64_t records) {
  broker_.counters_.session_gap_records += records;
  broker_.report_gap(client_id_, records);
  dirty_ = true;
}

// --- rows ---

void Session::save_static(Turn& turn) {
  if (!persistent()) return;
  turn.group.put_state(core::row_key(kSessionKind, client_id_), SessionRow::encode_static(*this));
}

void Session::save_flow(Turn& turn) {
  dirty_ = false;
  if (!persistent()) return;
  turn.group.put_state(
      core::row_key(kFlowKind, client_id_),
      SessionRow::encode_flow(*this, broker_.feed_.head())
  );
}

void Session::erase_rows(Turn& turn) {
  turn.group.erase_state(core::row_key(kSessionKind, client_id_));
  turn.group.erase_state(core::row_key(kFlowKind, client_id_));
}

}  // namespace runnel::broker
