#include "bench/load/wire.h"

#include <optional>

namespace runnel::bench {

namespace {

constexpr std::uint8_t kPropertySessionExpiry = 0x11;
constexpr std::uint8_t kPropertyServerKeepAlive = 0x13;
constexpr std::uint8_t kPropertyReceiveMaximum = 0x21;
constexpr unsigned kLengthBytesMax = 4;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint16_t be16_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

void put_be16(std::string& out, std::size_t value) {
  out.push_back(static_cast<char>(value >> 8 & 0xff));
  out.push_back(static_cast<char>(value & 0xff));
}

void put_be32(std::string& out, std::uint32_t value) {
  put_be16(out, value >> 16);
  put_be16(out, value & 0xffff);
}

void put_string(std::string& out, std::string_view text) {
  put_be16(out, text.size());
  out.append(text);
}

void put_length(std::string& out, std::size_t value) {
  do {
    const std::size_t rest = value >> 7;
    out.push_back(static_cast<char>((value & 0x7f) | (rest != 0 ? 0x80 : 0)));
    value = rest;
  } while (value != 0);
}

std::string packet_of(PacketType type, unsigned flags, std::string_view body) {
  std::string out;
  out.push_back(static_cast<char>(static_cast<unsigned>(type) << 4 | flags));
  put_length(out, body.size());
  out.append(body);
  return out;
}

// A Remaining Length or a property length. `at` moves behind it; nullopt when it is cut short
// (`at` then reaches the end) or longer than four bytes.
std::optional<std::size_t> take_length(std::string_view bytes, std::size_t& at) {
  std::size_t value = 0;
  for (unsigned i = 0; i < kLengthBytesMax; ++i) {
    if (at == bytes.size()) return std::nullopt;
    const std::uint8_t b = byte_at(bytes, at++);
    value |= static_cast<std::size_t>(b & 0x7f) << (7 * i);
    if ((b & 0x80) == 0) return value;
  }
  return std::nullopt;
}

// How many bytes the value of a property takes at the front of `rest`; nullopt for a property that
// does not exist or is cut short.
std::optional<std::size_t> property_value_bytes(std::uint8_t id, std::string_view rest) {
  const auto text = [&](std::size_t at) -> std::optional<std::size_t> {
    if (rest.size() < at + 2) return std::nullopt;
    return at + 2 + be16_at(rest, at);
  };
  switch (id) {
    case 0x01:
    case 0x17:
    case 0x19:
    case 0x24:
    case 0x25:
    case 0x28:
    case 0x29:
    case 0x2a:
      return 1;
    case kPropertyServerKeepAlive:
    case kPropertyReceiveMaximum:
    case 0x22:
    case 0x23:
      return 2;
    case 0x02:
    case kPropertySessionExpiry:
    case 0x18:
    case 0x27:
      return 4;
    case 0x0b: {
      std::size_t at = 0;
      if (!take_length(rest, at)) return std::nullopt;
      return at;
    }
    case 0x03:
    case 0x08:
    case 0x09:
    case 0x12:
    case 0x15:
    case 0x16:
    case 0x1a:
    case 0x1c:
    case 0x1f:
      return text(0);
    case 0x26: {
      const auto name = text(0);
      return name ? text(*name) : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

bool read_connack_properties(std::string_view properties, Connack& connack) {
  while (!properties.empty()) {
    const std::uint8_t id = byte_at(properties, 0);
    properties.remove_prefix(1);
    const auto bytes = property_value_bytes(id, properties);
    if (!bytes || *bytes > properties.size()) return false;
    if (id == kPropertyReceiveMaximum) connack.receive_maximum = be16_at(properties, 0);
    if (id == kPropertyServerKeepAlive) connack.server_keep_alive_s = be16_at(properties, 0);
    properties.remove_prefix(*bytes);
  }
  return connack.receive_maximum != 0;
}

}  // namespace

std::string encode_connect(const ConnectFields& fields) {
  std::string body;
  put_string(body, "MQTT");
  body.push_back(static_cast<char>(fields.protocol));
  body.push_back(fields.clean_start ? 0x02 : 0x00);
  put_be16(body, fields.keep_alive_s);
  if (fields.protocol == Protocol::v5) {
    std::string properties;
    if (fields.session_expiry_s != 0) {
      properties.push_back(kPropertySessionExpiry);
      put_be32(properties, fields.session_expiry_s);
    }
    if (fields.receive_maximum != 0) {
      properties.push_back(kPropertyReceiveMaximum);
      put_be16(properties, fields.receive_maximum);
    }
    put_length(body, properties.size());
    body += properties;
  }
  put_string(body, fields.client_id);
  return packet_of(PacketType::connect, 0, body);
}

std::string encode_subscribe(
    Protocol protocol, std::uint16_t packet_id, std::string_view filter, unsigned qos
) {
  std::string body;
  put_be16(body, packet_id);
  if (protocol == Protocol::v5) body.push_back(0);
  put_string(body, filter);
  body.push_back(static_cast<char>(qos));
  return packet_of(PacketType::subscribe, 2, body);
}

std::string encode_pingreq() {
  return packet_of(PacketType::pingreq, 0, {});
}

std::string encode_disconnect() {
  return packet_of(PacketType::disconnect, 0, {});
}

PublishTemplate encode_publish(
    Protocol protocol, std::string_view topic, unsigned qos, std::size_t payload_bytes
) {
  std::string body;
  put_string(body, topic);
  const std::size_t id_at = body.size();
  if (qos > 0) put_be16(body, 0);
  if (protocol == Protocol::v5) body.push_back(0);
  const std::size_t payload_at = body.size();
  body.append(payload_bytes, '\0');

  PublishTemplate out;
  out.packet = packet_of(PacketType::publish, qos << 1, body);
  const std::size_t header_bytes = out.packet.size() - body.size();
  out.packet_id_at = header_bytes + id_at;
  out.payload_at = header_bytes + payload_at;
  return out;
}

void encode_ack(char* out, PacketType type, std::uint16_t packet_id) {
  const unsigned flags = type == PacketType::pubrel ? 2 : 0;
  out[0] = static_cast<char>(static_cast<unsigned>(type) << 4 | flags);
  out[1] = 2;
  out[2] = static_cast<char>(packet_id >> 8);
  out[3] = static_cast<char>(packet_id & 0xff);
}

Scan next_frame(std::string_view bytes, Frame& frame) {
  if (bytes.size() < 2) return Scan::incomplete;
  std::size_t at = 1;
  const auto length = take_length(bytes, at);
  if (!length) return at > kLengthBytesMax ? Scan::malformed : Scan::incomplete;
  if (bytes.size() - at < *length) return Scan::incomplete;
  frame.first = byte_at(bytes, 0);
  frame.body = bytes.substr(at, *length);
  frame.bytes = at + *length;
  return Scan::frame;
}

bool decode_connack(std::string_view body, Protocol protocol, Connack& connack) {
  if (body.size() < 2) return false;
  connack.session_present = (byte_at(body, 0) & 1) != 0;
  connack.code = byte_at(body, 1);
  if (protocol == Protocol::v311) return body.size() == 2;
  // A broker that refuses version 5 may answer in the older form.
  if (body.size() == 2) return connack.code != 0;
  std::size_t at = 2;
  const auto length = take_length(body, at);
  if (!length || *length != body.size() - at) return false;
  return read_connack_properties(body.substr(at), connack);
}

bool decode_publish(const Frame& frame, Protocol protocol, Publish& publish) {
  publish.qos = frame.first >> 1 & 3;
  publish.dup = (frame.first & kDupFlag) != 0;
  if (publish.qos > 2 || frame.body.size() < 2) return false;
  const std::size_t topic_bytes = be16_at(frame.body, 0);
  std::size_t at = 2 + topic_bytes;
  if (frame.body.size() < at + (publish.qos > 0 ? 2 : 0)) return false;
  publish.topic = frame.body.substr(2, topic_bytes);
  publish.packet_id = 0;
  if (publish.qos > 0) {
    publish.packet_id = be16_at(frame.body, at);
    at += 2;
    if (publish.packet_id == 0) return false;
  }
  if (protocol == Protocol::v5) {
    const auto length = take_length(frame.body, at);
    if (!length || *length > frame.body.size() - at) return false;
    at += *length;
  }
  publish.payload = frame.body.substr(at);
  return true;
}

bool decode_ack(std::string_view body, Ack& ack) {
  if (body.size() < 2) return false;
  ack.packet_id = be16_at(body, 0);
  ack.reason = body.size() > 2 ? byte_at(body, 2) : std::uint8_t{0};
  return ack.packet_id != 0;
}

bool decode_suback(std::string_view body, Protocol protocol, Ack& ack) {
  if (body.size() < 3) return false;
  std::size_t at = 2;
  if (protocol == Protocol::v5) {
    const auto length = take_length(body, at);
    if (!length || *length > body.size() - at) return false;
    at += *length;
  }
  if (body.size() != at + 1) return false;
  ack.packet_id = be16_at(body, 0);
  ack.reason = byte_at(body, at);
  return true;
}

}  // namespace runnel::bench
