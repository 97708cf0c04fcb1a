#include "hub/broker/connection.h"

#include <algorithm>

#include "hub/broker/broker.h"
#include "hub/mqtt/topic_filter.h"
#include "storage/base/logger.h"

namespace runnel::broker {
namespace {

using mqtt::PacketType;
using mqtt::QoS;
using mqtt::Reason;
using mqtt::Version;

// What a topic alias may add to a packet: the property, and a byte more for each of two lengths.
constexpr std::size_t kAliasBytes = 5;

// Acknowledgements that may wait beside outbound_bytes_max of deliveries.
constexpr std::size_t kAnswersBytesMax = 64 * 1024;

}  // namespace

Connection::Connection(
    Broker& broker,
    std::uint64_t ticket_owner,
    void* owner,
    std::string peer,
    Instant now
)
    : Stream(owner),
      broker_(broker),
      ticket_owner_(ticket_owner),
      peer_(std::move(peer)),
      last_packet_(now) {}

Connection::~Connection() {
  RUNNEL_CHECK(session_ == nullptr);  // closed() comes first
  broker_.release_slot(*this);
}

// --- bytes in ---

void Connection::receive(ByteView bytes, Turn& turn) {
  if (closing_) return;
  broker_.counters_.bytes_received += bytes.size();
  take(bytes, turn);
}

void Connection::drained(Turn& turn) {
  if (choked_) {
    resume(turn);
    if (!paused_) broker_.resumed_.push_back(this);
  }
  if (session_ != nullptr) session_->pump(turn);
}

void Connection::resume(Turn& turn) {
  paused_ = false;
  choked_ = false;
  if (!closing_) take({}, turn);
}

void Connection::take(ByteView bytes, Turn& turn) {
  if (partial_.empty()) {
    const std::size_t used = consume(bytes, turn);
    if (!closing_ && used < bytes.size()) partial_.assign(bytes.substr(used));
  } else {
    partial_.append(bytes);
    const std::size_t used = consume(partial_, turn);
    if (used == partial_.size() || closing_) {
      Bytes().swap(partial_);  // an idle connection keeps no buffer
    } else {
      partial_.erase(0, used);
    }
  }
  if (session_ != nullptr && !closing_) session_->pump(turn);
}

// Handles whole packets at the front; returns how many bytes they took.
std::size_t Connection::consume(ByteView bytes, Turn& turn) {
  std::size_t used = 0;
  while (!closing_ && used < bytes.size()) {
    if ((connected_ && !greeted_) || seeking_) {
      pause();  // CONNACK comes first ([MQTT-3.2.0-1]), and that waits for a commit
      break;
    }
    // A client that sends and sends, and takes no answers, is not read from any more.
    if (pending_bytes() >= broker_.limits_.outbound_bytes_max + kAnswersBytesMax) {
      paused_ = choked_ = true;
      break;
    }
    const auto decoded = mqtt::decode_fixed_header(bytes.substr(used));
    if (!decoded) {
      fail(decoded.error(), "malformed fixed header");
      break;
    }
    if (!*decoded) break;
    const mqtt::FixedHeader& header = **decoded;
    if (header.packet_bytes() > broker_.limits_.packet_bytes_max) {
      fail(Reason::packet_too_large, "packet over packet_max");
      break;
    }
    if (header.packet_bytes() > bytes.size() - used) break;
    // 3.1.1 has no Receive Maximum: who waits for mirrors waits with his next.
    const bool many = version_ != Version::v5 && window_used_ >= broker_.limits_.receive_maximum &&
                      broker_.replicas_.waiting(ticket_owner_);
    if (header.type == PacketType::publish && (turn.full() || many)) {
      pause();
      break;
    }
    ++broker_.counters_.messages_received;
    last_packet_ = turn.now;
    handle(header, bytes.substr(used + header.header_bytes, header.body_bytes), turn);
    used += header.packet_bytes();
  }
  return used;
}

void Connection::pause() {
  paused_ = true;
  broker_.paused_.push_back(this);
}

void Connection::handle(const mqtt::FixedHeader& header, ByteView body, Turn& turn) {
  if (header.type == PacketType::publish && connected_) return on_publish(header.flags, body, turn);
  if (connected_ == (header.type == PacketType::connect)) {
    return fail(Reason::protocol_error, connected_ ? "a second CONNECT" : "the first packet is not CONNECT");
  }
  switch (header.type) {
    case PacketType::connect: return on_connect(body, turn);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp: return on_ack(header.type, body, turn);
    case PacketType::subscribe: return on_subscribe(body, turn);
    case PacketType::unsubscribe: return on_unsubscribe(body, turn);
    case PacketType::disconnect: return on_disconnect(body, turn);
    case PacketType::pingreq:
      mqtt::encode_pingresp(out_);
      return wrote();
    case PacketType::auth:
      // No authentication method was agreed on, so there is nothing to go on with (§4.12).
      return fail(Reason::protocol_error, "AUTH without an authentication method");
    default: return fail(Reason::protocol_error, "a packet that only servers send");
  }
}

// --- CONNECT ---

void Connection::on_connect(ByteView body, Turn& turn) {
  const auto decoded = mqtt::decode_connect(body);
  if (!decoded) {
    // In the words of the version that it announces, as far as that has words for it.
    version_ = mqtt::announced_version(body).value_or(Version::v3_1_1);
    return refuse(decoded.error(), kPacketBytesMax);
  }
  const mqtt::Connect& connect = *decoded;
  version_ = connect.version;
  if (refuse_connect(connect)) return;
  const std::string assigned = connect.client_id.empty() ? broker_.invent_client_id() : std::string();
  accept_connect(connect, assigned, turn);
}

bool Connection::refuse_connect(const mqtt::Connect& connect) {
  Reason reason = Reason::success;
  if (connect.authentication_method) {
    reason = Reason::bad_authentication_method;
  } else if (connect.client_id.empty() && version_ == Version::v3_1_1 && !connect.clean_start) {
    reason = Reason::client_identifier_not_valid;
  } else if (connect.will && !mqtt::valid_topic_name(connect.will->topic)) {
    reason = Reason::topic_name_invalid;
  } else if (connect.will && connect.will->topic.starts_with("$SYS")) {
    reason = Reason::not_authorized;
  }
  if (reason == Reason::success) return false;
  refuse(reason, connect.maximum_packet_bytes.value_or(kPacketBytesMax));
  return true;
}

// A CONNACK that says no, unless the client does not take even that.
void Connection::refuse(Reason reason, std::size_t packet_bytes_max) {
  mqtt::Connack refused;
  refused.reason = reason;
  Bytes packet;
  mqtt::encode(refused, version_, packet);
  if (packet.size() <= packet_bytes_max) out_.append(packet);
  closing_ = true;
  wrote();
}

void Connection::accept_connect(
    const mqtt::Connect& connect,
    std::string_view assigned,
    Turn& turn
) {
  const Limits& limits = broker_.limits_;
  const std::string_view id = assigned.empty() ? connect.client_id : assigned;
  bool present = false;
  Session* session = broker_.connect(connect, id, turn, present);
  mqtt::Connack ack;
  if (session == nullptr) {
    return refuse(Reason::quota_exceeded, connect.maximum_packet_bytes.value_or(kPacketBytesMax));
  }
  session_ = session;
  connected_ = true;
  explains_ = connect.request_problem_information;
  send_window_ = connect.receive_maximum;
  packet_bytes_max_ = connect.maximum_packet_bytes.value_or(kPacketBytesMax);
  alias_out_max_ = std::min(connect.topic_alias_maximum, limits.topic_alias_max);
  keep_alive_s_ = connect.keep_alive_s;
  const auto keep_alive_max = static_cast<std::uint16_t>(limits.keep_alive_max.count());
  if (version_ == Version::v5 && keep_alive_max > 0 &&
      (keep_alive_s_ == 0 || keep_alive_s_ > keep_alive_max)) {
    keep_alive_s_ = keep_alive_max;
    ack.server_keep_alive_s = keep_alive_max;
  }
  std::uint32_t expiry_s = connect.session_expiry_s;
  if (limits.session_expiry_max) {
    const auto max = static_cast<std::uint64_t>(limits.session_expiry_max->count());
    if (expiry_s > max) {
      expiry_s = static_cast<std::uint32_t>(max);
      ack.session_expiry_s = expiry_s;
    }
  }
  ack.session_present = present;
  ack.receive_maximum = limits.receive_maximum;
  ack.maximum_packet_bytes = limits.packet_bytes_max;
  ack.topic_alias_maximum = limits.topic_alias_max;
  if (!assigned.empty() && version_ == Version::v5) ack.assigned_client_id = assigned;
  Bytes packet;
  mqtt::encode(ack, version_, packet);
  logger::info("mqtt", logger::text("client '", id, "' connected peer=", peer_, present ? " session resumed" : " new session"));
  session->attach(*this, expiry_s, turn);
  if (packet.size() > packet_bytes_max_) {
    closing_ = true;  // it could not be told anything at all
    return wrote();
  }
  if (session->persistent()) {
    broker_.reply_after_commit(*this, {.packet = std::move(packet), .greets = true}, turn);
  } else {
    greet(packet, turn);
  }
}

// From here on the client may be sent what its session is owed.
void Connection::greet(ByteView connack, Turn& turn) {
  greeted_ = true;
  send_raw(connack);
  if (session_ != nullptr) session_->begin_sending(turn);
}

// --- acknowledgements of what we sent, and PUBREL ---

void Connection::on_ack(PacketType type, ByteView body, Turn& turn) {
  const auto ack = mqtt::decode_ack(type, body, version_);
  if (!ack) return fail(ack.error(), "malformed acknowledgement");
  const bool success = static_cast<std::uint8_t>(ack->reason) < 0x80;
  switch (type) {
    case PacketType::puback: return session_->acknowledged(ack->packet_id);
    case PacketType::pubrec:
      // An id that we do not know is released all the same, so that the client can forget it.
      if (!session_->received(ack->packet_id, success, turn) && success) {
        send_ack(PacketType::pubrel, ack->packet_id, Reason::packet_identifier_not_found);
      }
      return;
    case PacketType::pubcomp: session_->completed(ack->packet_id); return;
    default: return on_pubrel(ack->packet_id, turn);
  }
}

// --- subscriptions ---

void Connection::on_unsubscribe(ByteView body, Turn& turn) {
  const auto unsubscribe = mqtt::decode_unsubscribe(body, version_);
  if (!unsubscribe) return fail(unsubscribe.error(), "malformed UNSUBSCRIBE");
  mqtt::SubscriptionAck ack;
  ack.type = PacketType::unsuback;
  ack.packet_id = unsubscribe->packet_id;
  for (const std::string_view filter : unsubscribe->filters) {
    const auto& all = session_->subscriptions();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Subscription& s) {
      return s.filter == filter;
    });
    if (found == all.end()) {
      ack.reasons.push_back(Reason::no_subscription_existed);
      continue;
    }
    const Subscription gone = *found;
    session_->unsubscribe(filter);
    broker_.unindex(*session_, gone);
    broker_.leave_group(*session_, gone, turn);
    ack.reasons.push_back(Reason::success);
  }
  Bytes packet;
  mqtt::encode(ack, version_, packet);
  if (session_->persistent()) {
    session_->save_static(turn);
    broker_.reply_after_commit(*this, {.packet = std::move(packet)}, turn);
  } else {
    send_raw(packet);
  }
}

// --- the end ---

void Connection::on_disconnect(ByteView body, Turn& turn) {
  const auto disconnect = mqtt::decode_disconnect(body, version_);
  if (!disconnect) return fail(disconnect.error(), "malformed DISCONNECT");
  if (disconnect->session_expiry_s) {
    // A session that was to end with its connection cannot be made to stay (§3.14.2.2.2).
    if (!session_->persistent() && *disconnect->session_expiry_s > 0) {
      return fail(Reason::protocol_error, "session expiry raised from zero");
    }
    if (*disconnect->session_expiry_s == 0) session_->erase_rows(turn);
    session_->set_expiry(*disconnect->session_expiry_s, turn);
  }
  keep_will_ = disconnect->reason != Reason::success;
  closing_ = true;
  wrote();
}

void Connection::closed(Turn& turn) {
  closing_ = true;
  if (session_ == nullptr) return;
  logger::info("mqtt", logger::text("client '", session_->client_id(), "' disconnected peer=", peer_));
  Session* session = std::exchange(session_, nullptr);
  broker_.connection_lost(*session, keep_will_, turn);
}

void Connection::tick(Turn& turn) {
  if (closing_) return;
  const auto quiet = turn.now - last_packet_;
  if (!connected_) {
    if (quiet >= kConnectTimeout) fail(Reason::keep_alive_timeout, "no CONNECT in time");
    return;
  }
  // One and a half times the keep-alive ([MQTT-3.1.2-22]). A paused connection is ours to wait for.
  if (keep_alive_s_ > 0 && !paused_ && quiet * 2 >= std::chrono::seconds(keep_alive_s_) * 3) {
    fail(Reason::keep_alive_timeout, "keep-alive time-out");
  }
}

void Connection::fail(Reason reason, std::string_view why) {
  const std::string_view who = session_ != nullptr ? std::string_view(session_->client_id()) : "?";
  logger::info("mqtt", logger::text("client '", who, "' peer=", peer_, " is cut off: ", why));
  disconnect(reason, why);
}

void Connection::disconnect(Reason reason, std::string_view why) {
  if (closing_) return;
  if (version_ == Version::v5 && greeted_) {  // nothing goes before CONNACK ([MQTT-3.14.0-1])
    mqtt::Disconnect packet;
    packet.reason = reason;
    if (!why.empty() && !limits_packets()) packet.reason_string = why;
    mqtt::encode(packet, version_, out_);
    ++broker_.counters_.messages_sent;
  }
  closing_ = true;
  wrote();
}

// --- bytes out ---

void Connection::wrote() {
  if (listed_) return;
  listed_ = true;
  broker_.list_ready(*this);
}

void Connection::send_raw(ByteView packet) {
  ++broker_.counters_.messages_sent;
  out_.append(packet);
  wrote();
}

void Connection::send_ack(PacketType type, mqtt::PacketId id, Reason reason) {
  if (closing_) return;
  ++broker_.counters_.messages_sent;
  mqtt::Ack ack;
  ack.type = type;
  ack.packet_id = id;
  ack.reason = reason;
  mqtt::encode(ack, version_, out_);
  wrote();
}

void Connection::send_publish(mqtt::Publish& packet) {
  const std::string_view topic = packet.topic;
  const bool room = !limits_packets() ||
                    mqtt::encoded_bytes(packet, version_) + kAliasBytes <= packet_bytes_max_;
  if (alias_out_max_ > 0 && room) {
    const auto known = aliases_out_.find(std::string(packet.topic));
    if (known != aliases_out_.end()) {
      packet.topic_alias = known->second;
      packet.topic = {};
    } else if (aliases_out_.size() < alias_out_max_) {
      const auto alias = static_cast<std::uint16_t>(aliases_out_.size() + 1);
      aliases_out_.emplace(packet.topic, alias);
      packet.topic_alias = alias;
    }
  }
  // An alias is worth less than the message: it may be what makes the packet too large.
  if (packet.topic_alias && limits_packets() &&
      mqtt::encoded_bytes(packet, version_) > packet_bytes_max_) {
    if (!topic.empty() && packet.topic.size() == topic.size()) aliases_out_.erase(std::string(topic));
    packet.topic_alias.reset();
    packet.topic = topic;
  }
  ++broker_.counters_.messages_sent;
  ++broker_.counters_.publish_sent;
  broker_.counters_.publish_bytes_sent += packet.payload.size();
  mqtt::encode(packet, version_, out_);
  wrote();
}

}  // namespace runnel::broker
