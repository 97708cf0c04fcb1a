#include "hub/app/publish_exchange.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include "hub/app/text.h"
#include "storage/base/error.h"

namespace runnel::app {

using mqtt::PacketType;
using mqtt::QoS;
using mqtt::Reason;
using mqtt::Version;

namespace {

// What a hub may send us is small: acknowledgements and their reason strings.
constexpr std::uint32_t kPacketBytesMax = 64 * 1024;

struct ReasonName {
  Reason reason;
  std::string_view name;
};

// MQTT 5.0 §2.4.
constexpr std::array kReasonNames{
    ReasonName{Reason::unspecified_error, "unspecified error"},
    ReasonName{Reason::malformed_packet, "malformed packet"},
    ReasonName{Reason::protocol_error, "protocol error"},
    ReasonName{Reason::implementation_specific_error, "implementation specific error"},
    ReasonName{Reason::unsupported_protocol_version, "unsupported protocol version"},
    ReasonName{Reason::client_identifier_not_valid, "client identifier not valid"},
    ReasonName{Reason::bad_user_name_or_password, "bad user name or password"},
    ReasonName{Reason::not_authorized, "not authorized"},
    ReasonName{Reason::server_unavailable, "server unavailable"},
    ReasonName{Reason::server_busy, "server busy"},
    ReasonName{Reason::banned, "banned"},
    ReasonName{Reason::server_shutting_down, "server shutting down"},
    ReasonName{Reason::keep_alive_timeout, "keep alive timeout"},
    ReasonName{Reason::session_taken_over, "session taken over"},
    ReasonName{Reason::topic_name_invalid, "topic name invalid"},
    ReasonName{Reason::packet_identifier_in_use, "packet identifier in use"},
    ReasonName{Reason::packet_identifier_not_found, "packet identifier not found"},
    ReasonName{Reason::receive_maximum_exceeded, "receive maximum exceeded"},
    ReasonName{Reason::packet_too_large, "packet too large"},
    ReasonName{Reason::message_rate_too_high, "message rate too high"},
    ReasonName{Reason::quota_exceeded, "quota exceeded"},
    ReasonName{Reason::administrative_action, "administrative action"},
    ReasonName{Reason::payload_format_invalid, "payload format invalid"},
    ReasonName{Reason::retain_not_supported, "retain not supported"},
    ReasonName{Reason::qos_not_supported, "QoS not supported"},
    ReasonName{Reason::use_another_server, "use another server"},
    ReasonName{Reason::server_moved, "server moved"},
    ReasonName{Reason::connection_rate_exceeded, "connection rate exceeded"},
    ReasonName{Reason::maximum_connect_time, "maximum connect time"},
};

bool is_refusal(Reason reason) {
  return static_cast<std::uint8_t>(reason) >= 0x80;
}

std::string with_reason_string(Reason reason, const std::optional<std::string_view>& said) {
  std::string out = reason_text(reason);
  if (said && !said->empty()) out += ", " + in_quotes(*said);
  return out;
}

}  // namespace

std::string reason_text(Reason reason) {
  std::string_view name = "refused";
  for (const ReasonName& known : kReasonNames) {
    if (known.reason == reason) name = known.name;
  }
  std::array<char, 8> code{};
  std::snprintf(code.data(), code.size(), "0x%02X", static_cast<unsigned>(reason));
  return std::string(name) + " (" + code.data() + ")";
}

PublishExchange::PublishExchange(Options options) : options_(std::move(options)) {
  mqtt::Connect connect;
  connect.maximum_packet_bytes = kPacketBytesMax;
  mqtt::encode(connect, output_);
}

void PublishExchange::receive(ByteView bytes) {
  input_.append(bytes);
  std::size_t used = 0;
  while (used < input_.size()) {
    const ByteView rest = ByteView(input_).substr(used);
    const auto header = mqtt::decode_fixed_header(rest);
    if (!header || (*header && (*header)->packet_bytes() > kPacketBytesMax)) {
      fail("what answers there does not speak MQTT 5");
      break;
    }
    if (!*header || (*header)->packet_bytes() > rest.size()) break;
    used += (*header)->packet_bytes();
    packet((*header)->type, rest.substr((*header)->header_bytes, (*header)->body_bytes));
  }
  input_.erase(0, used);
}

void PublishExchange::packet(PacketType type, ByteView body) {
  switch (type) {
    case PacketType::connack:
      return connack(body);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubcomp:
      return ack(type, body);
    case PacketType::pingresp:
      if (pings_ > 0) --pings_;
      return;
    case PacketType::disconnect: {
      const auto packet = mqtt::decode_disconnect(body, Version::v5, mqtt::Sender::server);
      if (!packet) return fail("the hub sent a DISCONNECT that is no MQTT 5");
      return fail(
          "the hub closed the connection: " +
          with_reason_string(packet->reason, packet->reason_string)
      );
    }
    default:
      return fail("the hub sent a packet that nobody asked for");
  }
}

void PublishExchange::connack(ByteView body) {
  const auto packet = mqtt::decode_connack(body, Version::v5);
  if (!packet || connected()) return fail("what answers there does not speak MQTT 5");
  if (is_refusal(packet->reason)) {
    return fail(
        "the hub refused the connection: " +
        with_reason_string(packet->reason, packet->reason_string)
    );
  }
  Terms terms;
  terms.receive_maximum = packet->receive_maximum.value_or(65535);
  terms.packet_bytes_max = std::min<std::size_t>(
      terms.packet_bytes_max, packet->maximum_packet_bytes.value_or(mqtt::kBodyBytesMax)
  );
  terms.qos_max = static_cast<QoS>(packet->maximum_qos.value_or(2));
  terms.retain = packet->retain_available.value_or(true);
  connack_ = terms;
  if (options_.qos > terms.qos_max) {
    fail("the hub takes QoS " + std::to_string(static_cast<int>(terms.qos_max)) + " at most");
  } else if (options_.retain && !terms.retain) {
    fail("the hub retains no messages");
  }
}

void PublishExchange::ack(PacketType type, ByteView body) {
  const auto packet = mqtt::decode_ack(type, body, Version::v5);
  if (!packet) return fail("the hub sent an acknowledgement that is no MQTT 5");
  const auto found = pending_.find(packet->packet_id);
  if (found == pending_.end() || found->second.waits_for != type) {
    return fail("the hub acknowledged what was not sent");
  }
  if (is_refusal(packet->reason)) {
    const std::uint64_t number = found->second.number;
    pending_.erase(found);
    return fail(
        "the hub refused " + (number == 1 ? "the message" : "message " + std::to_string(number)) +
        ": " + with_reason_string(packet->reason, packet->reason_string)
    );
  }
  if (type == PacketType::pubrec) {
    found->second.waits_for = PacketType::pubcomp;
    mqtt::Ack release;
    release.type = PacketType::pubrel;
    release.packet_id = packet->packet_id;
    mqtt::encode(release, Version::v5, output_);
    return;
  }
  pending_.erase(found);
  ++published_;
}

bool PublishExchange::has_room() const {
  return connected() && pending_.size() < connack_->receive_maximum;
}

void PublishExchange::publish(ByteView payload) {
  RUNNEL_CHECK(has_room() && !failure_);
  ++number_;
  mqtt::Publish packet;
  packet.topic = options_.topic;
  packet.qos = options_.qos;
  packet.retain = options_.retain;
  packet.payload = payload;
  if (options_.qos != QoS::at_most_once) packet.packet_id = free_packet_id();
  // The payload alone first: the codec takes no packet that MQTT has no length for.
  const std::size_t bytes_max = connack_->packet_bytes_max;
  if (payload.size() > bytes_max || mqtt::encoded_bytes(packet, Version::v5) > bytes_max) {
    return fail(
        "a message of " + std::to_string(payload.size()) +
        " bytes is too large: the hub takes packets of " + std::to_string(bytes_max)
    );
  }
  mqtt::encode(packet, Version::v5, output_);
  if (options_.qos == QoS::at_most_once) {
    ++published_;
    return;
  }
  const bool once = options_.qos == QoS::exactly_once;
  pending_[packet.packet_id] = {number_, once ? PacketType::pubrec : PacketType::puback};
}

mqtt::PacketId PublishExchange::free_packet_id() {
  // has_room() leaves one free: a window is at most 65,535.
  do {
    ++last_id_;
  } while (last_id_ == 0 || pending_.contains(last_id_));
  return last_id_;
}

void PublishExchange::ping() {
  mqtt::encode_pingreq(output_);
  ++pings_;
}

void PublishExchange::disconnect() {
  mqtt::encode(mqtt::Disconnect{}, Version::v5, output_);
}

void PublishExchange::fail(std::string why) {
  if (!failure_) failure_ = std::move(why);
}

}  // namespace runnel::app
