#include "hub/mqtt/codec.h"
#include "hub/mqtt/properties.h"
#include "hub/mqtt/reason_codes.h"
#include "hub/mqtt/wire.h"

namespace runnel::mqtt {
namespace {

// One bit for each value that the low four bits of the first byte may have (§2.1.3).
std::uint16_t flags_allowed(PacketType type) {
  switch (type) {
    case PacketType::publish:
      return kPublishFlags;
    case PacketType::pubrel:
    case PacketType::subscribe:
    case PacketType::unsubscribe:
      return 1 << 0b0010;
    default:
      return 1 << 0b0000;
  }
}

}  // namespace

Decoded<std::optional<FixedHeader>> decode_fixed_header(ByteView bytes) {
  using Header = std::optional<FixedHeader>;
  if (bytes.empty()) return Header();
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  FixedHeader header;
  header.type = static_cast<PacketType>(first >> 4);
  header.flags = first & 0x0f;
  if (first >> 4 == 0 || (flags_allowed(header.type) >> header.flags & 1) == 0) {
    return Reason::malformed_packet;
  }
  for (std::uint32_t i = 1; i <= 4; ++i) {
    if (i == bytes.size()) return Header();
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    header.body_bytes |= static_cast<std::uint32_t>(byte & 0x7f) << (7 * (i - 1));
    if ((byte & 0x80) != 0) continue;
    const bool shortest = byte != 0 || i == 1;
    const bool ping = header.type == PacketType::pingreq || header.type == PacketType::pingresp;
    if (!shortest || (ping && header.body_bytes != 0)) return Reason::malformed_packet;
    header.header_bytes = i + 1;
    return Header(header);
  }
  return Reason::malformed_packet;
}

Decoded<Ack> decode_ack(PacketType type, ByteView body, Version version) {
  ByteReader in(body);
  Ack ack;
  ack.type = type;
  ack.packet_id = in.be16();
  if (version == Version::v5 && !in.done()) {
    const std::uint8_t reason = in.u8();
    if (!reasons_of(type).contains(reason)) return Reason::protocol_error;
    ack.reason = static_cast<Reason>(reason);
    if (!in.done()) {
      PropertyReader properties(in, {Property::reason_string, Property::user_property});
      while (properties.next()) {
        if (properties.id() == Property::reason_string) {
          ack.reason_string = properties.text();
        } else {
          ack.user.push_back(properties.user());
        }
      }
      if (properties.reason() != Reason::success) return properties.reason();
    }
  }
  if (!in.ok() || !in.done()) return Reason::malformed_packet;
  if (ack.packet_id == 0) return broken_rule(version);
  return ack;
}

namespace {

Reason read_disconnect(ByteView body, Version version, Sender sender, Disconnect& disconnect) {
  if (body.empty()) return Reason::success;
  if (version != Version::v5) return Reason::malformed_packet;
  ByteReader in(body);
  const std::uint8_t reason = in.u8();
  if (!reasons_of(PacketType::disconnect, sender).contains(reason)) return Reason::protocol_error;
  disconnect.reason = static_cast<Reason>(reason);
  if (in.done()) return Reason::success;
  PropertyReader properties(
      in,
      {Property::session_expiry_interval,
       Property::reason_string,
       Property::server_reference,
       Property::user_property}
  );
  while (properties.next()) {
    switch (properties.id()) {
      case Property::session_expiry_interval:
        disconnect.session_expiry_s = properties.number();
        break;
      case Property::reason_string:
        disconnect.reason_string = properties.text();
        break;
      case Property::server_reference:
        disconnect.server_reference = properties.text();
        break;
      default:
        disconnect.user.push_back(properties.user());
        break;
    }
  }
  if (properties.reason() != Reason::success) return properties.reason();
  if (!in.done()) return Reason::malformed_packet;
  const bool wrong_side = sender == Sender::client ? disconnect.server_reference.has_value()
                                                   : disconnect.session_expiry_s.has_value();
  return wrong_side ? Reason::protocol_error : Reason::success;
}

Reason read_auth(ByteView body, Auth& auth) {
  if (body.empty()) return Reason::success;
  ByteReader in(body);
  const std::uint8_t reason = in.u8();
  if (!reasons_of(PacketType::auth).contains(reason)) return Reason::protocol_error;
  auth.reason = static_cast<Reason>(reason);
  PropertyReader properties(
      in,
      {Property::authentication_method,
       Property::authentication_data,
       Property::reason_string,
       Property::user_property}
  );
  while (properties.next()) {
    switch (properties.id()) {
      case Property::authentication_method:
        auth.authentication_method = properties.text();
        break;
      case Property::authentication_data:
        auth.authentication_data = properties.text();
        break;
      case Property::reason_string:
        auth.reason_string = properties.text();
        break;
      default:
        auth.user.push_back(properties.user());
        break;
    }
  }
  if (properties.reason() != Reason::success) return properties.reason();
  if (!in.done()) return Reason::malformed_packet;
  return auth.authentication_method ? Reason::success : Reason::protocol_error;
}

}  // namespace

// These two begin with a Reason, and an aggregate can be made from its first member: the compiler
// has to be told that it is the error that is meant.

Decoded<Disconnect> decode_disconnect(ByteView body, Version version, Sender sender) {
  Disconnect disconnect;
  const Reason reason = read_disconnect(body, version, sender, disconnect);
  if (reason != Reason::success) return {boost::system::in_place_error, reason};
  return disconnect;
}

Decoded<Auth> decode_auth(ByteView body) {
  Auth auth;
  const Reason reason = read_auth(body, auth);
  if (reason != Reason::success) return {boost::system::in_place_error, reason};
  return auth;
}

}  // namespace runnel::mqtt
