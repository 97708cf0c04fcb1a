// The broker's part of the way in: where a message goes, and what is said once its commit is done.
#include "hub/broker/broker.h"

namespace runnel::broker {

using mqtt::QoS;
using mqtt::Reason;

Broker::Accepted Broker::accept(const Message& message, bool acknowledged, Turn& turn) {
  const std::size_t promised = std::min(retained_promised_bytes_, limits_.retained_bytes_max);
  if (message.retain && !retained_.fits(message, limits_.retained_bytes_max - promised)) {
    return {Reason::quota_exceeded};
  }
  const core::Destination& to = cache_.destination(message.topic, message.client);
  using Taking = core::Replicas::Taking;
  const Taking taking = replicas_.taking(to.partition, turn.now);
  if (taking == Taking::mirrored) return {Reason::topic_name_invalid};
  const bool waits = acknowledged && replicas_.waits(to.partition);
  if (taking == Taking::too_few && waits) return {Reason::quota_exceeded};
  log::NewRecord record;
  record.key = to.key_is_topic ? ByteView(message.topic) : ByteView(to.key);
  record.value = message.payload;
  record.headers = headers_.of(message, to.key_is_topic);
  record.timestamp_ms = turn.wall_ms;
  if (log_.compacts(to.partition) && !log_.admit(log::growth_of(record), turn.group)) {
    return {Reason::quota_exceeded};
  }
  turn.group.append(to.partition, record);
  if (message.retain) {
    StoredPtr stored = message.payload.empty() ? nullptr : StoredMessage::make(message, turn.hub_ms);
    Retained::write(message, stored, turn.group);
    turn.group.wait({0, 0, static_cast<std::uint32_t>(Wait::retained), true});
    if (stored != nullptr) retained_promised_bytes_ += stored->row().size();
    retained_updates_.push_back({std::string(message.topic), std::move(stored)});
  }
  return {Reason::success, waits ? std::optional(to.partition) : std::nullopt};
}

std::optional<PartitionId> Broker::waited_for(std::string_view topic, std::string_view client) {
  const PartitionId partition = cache_.destination(topic, client).partition;
  return replicas_.waits(partition) ? std::optional(partition) : std::nullopt;
}

void Broker::committed(const log::Group& group, Turn& turn) {
  if (group.outcome.state != Errc::ok) return;  // nobody is told anything; the hub stops
  committed_end_ = group.outcome.blocks.empty() ? feed_.head() : group.outcome.blocks.back()->end();
  if (group.outcome.records != Errc::ok) counters_.publish_refused += group.records();
  for (const log::Ticket& ticket : group.tickets()) settle_in_turn(ticket, group.outcome.records, turn);
  for (const log::BlockPtr& block : group.outcome.blocks) feed_.offer(block, turn);
  resume_paused(turn);
}

void Broker::resume_paused(Turn& turn) {
  for (Connection* c : std::exchange(paused_, {})) {
    c->resume(turn);
    if (!c->paused()) resumed_.push_back(c);
  }
}

// An acknowledgement that waits for mirrors keeps those behind it waiting, for they leave in the order of
// the publishes ([MQTT-4.6.0-2], [MQTT-4.6.0-3]).
void Broker::settle_in_turn(const log::Ticket& ticket, Errc records, Turn& turn) {
  const auto kind = static_cast<Wait>(ticket.kind);
  const bool answers = kind == Wait::puback || kind == Wait::pubrec;
  if (!answers || (!ticket.replicated && !replicas_.waiting(ticket.owner))) {
    return settle(ticket, records, turn);
  }
  std::vector<core::Replicas::Place> places;
  if (ticket.replicated && records == Errc::ok) {
    places.push_back({*ticket.replicated, log_.range(*ticket.replicated).high_watermark});
  }
  const auto id = static_cast<mqtt::PacketId>(ticket.tag);
  if (const auto session = by_number_.find(ticket.owner); kind == Wait::pubrec && session != by_number_.end()) {
    session->second->await(id);
  }
  replicas_.when(ticket.owner, std::move(places), turn.now, [this, kind, id, ticket, records](bool replicated, Turn& t) {
    const auto session = by_number_.find(ticket.owner);
    if (kind == Wait::pubrec && session != by_number_.end()) session->second->await_no_more(id);
    settle(ticket, replicated ? records : Errc::not_replicated, t);
    if (!t.full()) resume_paused(t);
  });
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
        settle_pubrec(*session->second, id, static_cast<Reason>(ticket.tag >> 16), stored ? Errc::ok : records, turn);
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
    Errc records,
    Turn& turn
) {
  Connection* c = session.greeted_connection();
  if (records == Errc::ok) {
    if (c == nullptr) return;
    if (reason != Reason::success) c->window_freed();  // a refusal ends the exchange
    c->send_ack(mqtt::PacketType::pubrec, id, reason);
    return;
  }
  // Stored here, but not by enough mirrors: 3.1.1 sends the same again, which is to be known then; to
  // version 5 the exchange is over, and the id free.
  const bool comes_again = records == Errc::not_replicated && (c == nullptr || c->version() != mqtt::Version::v5);
  if (!comes_again) {
    session.release(id);
    session.save_flow(turn);
  }
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

}  // namespace runnel::broker
