// What time brings to the broker: deadlines, progress that is written down, $SYS; and its end.
#include <algorithm>

#include "hub/broker/broker.h"
#include "hub/broker/session_row.h"
#include "storage/base/logger.h"

namespace runnel::broker {

namespace {

constexpr std::chrono::seconds kSweepEvery{5};  // expired retained messages

}  // namespace

using mqtt::QoS;
using mqtt::Reason;

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
