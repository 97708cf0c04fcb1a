// Any MQTT control packet, for tests that do the same with all of them.
#pragma once

#include <variant>

#include "hub/mqtt/codec.h"

namespace runnel::mqtt {

// PINGREQ and PINGRESP, which have nothing but a type.
struct Ping {
  PacketType type = PacketType::pingreq;

  bool operator==(const Ping&) const = default;
};

using AnyPacket = std::variant<
    Connect,
    Connack,
    Publish,
    Ack,
    Subscribe,
    Unsubscribe,
    SubscriptionAck,
    Disconnect,
    Auth,
    Ping>;

template <class T>
Reason keep(const Decoded<T>& decoded, AnyPacket& packet) {
  if (!decoded) return decoded.error();
  packet = *decoded;
  return Reason::success;
}

// Decodes the body that `header` announced, with the decoder for its type.
inline Reason decode_any(
    const FixedHeader& header, ByteView body, Version version, Sender sender, AnyPacket& packet
) {
  switch (header.type) {
    case PacketType::connect:
      return keep(decode_connect(body), packet);
    case PacketType::connack:
      return keep(decode_connack(body, version), packet);
    case PacketType::publish:
      return decode_publish(header.flags, body, version, packet.emplace<Publish>(), sender);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return keep(decode_ack(header.type, body, version), packet);
    case PacketType::subscribe:
      return keep(decode_subscribe(body, version), packet);
    case PacketType::unsubscribe:
      return keep(decode_unsubscribe(body, version), packet);
    case PacketType::suback:
    case PacketType::unsuback:
      return keep(decode_subscription_ack(header.type, body, version), packet);
    case PacketType::disconnect:
      return keep(decode_disconnect(body, version, sender), packet);
    case PacketType::auth:
      return keep(decode_auth(body), packet);
    case PacketType::pingreq:
    case PacketType::pingresp:
      packet = Ping{header.type};
      return Reason::success;
  }
  return Reason::malformed_packet;
}

// Appends a whole packet.
inline void encode_any(const AnyPacket& packet, Version version, Bytes& out) {
  struct {
    Version version;
    Bytes& out;

    void operator()(const Connect& p) const { encode(p, out); }

    void operator()(const Auth& p) const { encode(p, out); }

    void operator()(const Ping& p) const {
      p.type == PacketType::pingreq ? encode_pingreq(out) : encode_pingresp(out);
    }

    void operator()(const Connack& p) const { encode(p, version, out); }

    void operator()(const Publish& p) const { encode(p, version, out); }

    void operator()(const Ack& p) const { encode(p, version, out); }

    void operator()(const Subscribe& p) const { encode(p, version, out); }

    void operator()(const Unsubscribe& p) const { encode(p, version, out); }

    void operator()(const SubscriptionAck& p) const { encode(p, version, out); }

    void operator()(const Disconnect& p) const { encode(p, version, out); }
  } const encoder{version, out};

  std::visit(encoder, packet);
}

}  // namespace runnel::mqtt
