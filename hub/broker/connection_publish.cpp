// The way in of a message: PUBLISH, and PUBREL for QoS 2 (MQTT 5.0 §3.3, §4.3).
#include "hub/broker/broker.h"
#include "hub/broker/connection.h"

namespace runnel::broker {
namespace {

using mqtt::PacketType;
using mqtt::QoS;
using mqtt::Reason;
using mqtt::Version;

}  // namespace

void Connection::on_publish(std::uint8_t flags, ByteView body, Turn& turn) {
  mqtt::Publish& publish = broker_.packet_in_;
  if (const Reason bad = mqtt::decode_publish(flags, body, version_, publish); bad != Reason::success) {
    return fail(bad, "malformed PUBLISH");
  }
  ++broker_.counters_.publish_received;
  broker_.counters_.publish_bytes_received += publish.payload.size();
  if (version_ == Version::v5) {
    if (const Reason bad = resolve_alias(publish); bad != Reason::success) {
      return fail(bad, "topic alias");
    }
  }
  if (publish.qos == QoS::exactly_once && session_->holds(publish.packet_id)) {
    // Stored already, or about to be: the answer comes with the next commit, the message does not. Unless
    // it is on its way, and waits for mirrors.
    if (session_->awaits(publish.packet_id)) return;
    const auto pubrec = static_cast<std::uint32_t>(Broker::Wait::pubrec);
    turn.group.wait({session_->number(), publish.packet_id, pubrec, false, broker_.waited_for(publish.topic, session_->client_id())});
    return;
  }
  // 3.1.1 has no Receive Maximum: there the pause on a full group is the only brake.
  if (publish.qos != QoS::at_most_once && ++window_used_ > broker_.limits_.receive_maximum &&
      version_ == Version::v5) {
    return fail(Reason::receive_maximum_exceeded, "more unacknowledged publishes than Receive Maximum");
  }
  accept_publish(publish, turn);
}

// Sets the topic from an alias, or the alias from a topic (§3.3.2.3.4).
Reason Connection::resolve_alias(mqtt::Publish& publish) {
  if (!publish.topic_alias) return Reason::success;
  const std::size_t alias = *publish.topic_alias;
  if (alias == 0 || alias > broker_.limits_.topic_alias_max) return Reason::topic_alias_invalid;
  if (!publish.topic.empty()) {
    if (aliases_in_.size() < alias) aliases_in_.resize(alias);
    aliases_in_[alias - 1] = publish.topic;
    return Reason::success;
  }
  if (alias > aliases_in_.size() || aliases_in_[alias - 1].empty()) return Reason::protocol_error;
  publish.topic = aliases_in_[alias - 1];
  return Reason::success;
}

void Connection::accept_publish(const mqtt::Publish& publish, Turn& turn) {
  const bool exactly_once = publish.qos == QoS::exactly_once;
  const auto pubrec = static_cast<std::uint32_t>(Broker::Wait::pubrec);
  Message& message = broker_.message_in_;
  message.topic = publish.topic;
  message.payload = publish.payload;
  message.client = session_->client_id();
  message.qos = publish.qos;
  message.retain = publish.retain;
  std::swap(message.properties, broker_.packet_in_.properties);
  Broker::Accepted accepted;
  if (message.topic.starts_with("$SYS")) {
    accepted.reason = Reason::not_authorized;
  } else {
    accepted = broker_.accept(message, publish.qos != QoS::at_most_once, turn);
  }
  const Reason reason = accepted.reason;
  std::swap(message.properties, broker_.packet_in_.properties);
  if (reason != Reason::success) {
    ++broker_.counters_.publish_refused;
    if (publish.qos == QoS::at_most_once) return;
    if (version_ != Version::v5) return refuse_publish(PacketType::puback, publish.packet_id, reason);
    // In its turn: acknowledgements keep the order of the publishes ([MQTT-4.6.0-2], [MQTT-4.6.0-3]).
    const std::uint32_t tag = publish.packet_id | static_cast<std::uint32_t>(reason) << 16;
    const auto puback = static_cast<std::uint32_t>(Broker::Wait::puback);
    turn.group.wait(
        exactly_once ? log::Ticket{session_->number(), tag, pubrec, false}
                     : log::Ticket{ticket_owner_, tag, puback, false}
    );
    return;
  }
  switch (publish.qos) {
    case QoS::at_most_once: return;
    case QoS::at_least_once:
      turn.group.wait({ticket_owner_, publish.packet_id, static_cast<std::uint32_t>(Broker::Wait::puback), true, accepted.replicated});
      return;
    case QoS::exactly_once:
      session_->hold(publish.packet_id);
      if (session_->persistent()) broker_.flow_due(*session_);
      turn.group.wait({session_->number(), publish.packet_id, pubrec, true, accepted.replicated});
      return;
  }
}

void Connection::on_pubrel(mqtt::PacketId id, Turn& turn) {
  if (!session_->release(id)) {
    return send_ack(PacketType::pubcomp, id, version_ == Version::v5 ? Reason::packet_identifier_not_found : Reason::success);
  }
  if (!session_->persistent()) {
    window_freed();
    return send_ack(PacketType::pubcomp, id, Reason::success);
  }
  // The client may use the id anew as soon as it has the PUBCOMP: a hub that came back must not
  // take that for the old message.
  broker_.flow_due(*session_);
  turn.group.wait({session_->number(), id, static_cast<std::uint32_t>(Broker::Wait::pubcomp), false});
}

void Connection::refuse_publish(PacketType type, mqtt::PacketId id, Reason reason) {
  if (version_ == Version::v5) return send_ack(type, id, reason);
  fail(reason, "a publish was refused, which 3.1.1 cannot say");
}

}  // namespace runnel::broker
