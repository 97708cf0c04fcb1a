// Bytes to packets and back, for MQTT 3.1.1 and 5.0 (§2, §3). Pure functions: no socket, no clock,
// no state. Total: every byte string gives a packet or the Reason that the specification asks for.
//
// Decoding allocates only for lists (user properties, subscribe entries), in proportion to the
// bytes of the packet. Views in the packets point into `body`.
//
// Which Reason: malformed_packet for what cannot be read (cut off, bytes left over, bad UTF-8,
// reserved bits, a property that its packet does not have: §2.2.2.2); protocol_error for what can
// be read and is not allowed (a property twice, a value out of its range, a reason code of another
// packet); those of more exact name where the specification has one. In 3.1.1, which has no
// reasons, both of the first are malformed_packet.
//
// Threads: pure; any thread.
#pragma once

#include <optional>

#include <boost/system/result.hpp>

#include "hub/mqtt/packet.h"
#include "storage/base/bytes.h"

namespace runnel::mqtt {

// The largest Remaining Length (§2.1.4).
constexpr std::uint32_t kBodyBytesMax = 268'435'455;

// Which side a packet comes from, where the rules differ.
enum class Sender : std::uint8_t { client, server };

// The fixed header (§2.1). `body_bytes` is the Remaining Length.
struct FixedHeader {
  PacketType type = PacketType::connect;
  std::uint8_t flags = 0;          // the low four bits
  std::uint32_t header_bytes = 0;  // 2 to 5
  std::uint32_t body_bytes = 0;    // at most kBodyBytesMax

  [[nodiscard]] std::size_t packet_bytes() const { return std::size_t{header_bytes} + body_bytes; }
};

// A value or the Reason it was refused for.
template <class T>
using Decoded = boost::system::result<T, Reason>;

// The header at the front of `bytes`: nullopt while it is incomplete, malformed_packet when type 0
// is sent, flags are wrong (§2.1.3; PUBLISH with QoS 3, or with QoS 0 and DUP), the length has more
// than four bytes or is not in its shortest form, or a PINGREQ or PINGRESP, which have no decoder,
// has a body. Needs no more than the bytes that show it. Which types a peer may send is not looked
// at (nor that 3.1.1 has no AUTH).
Decoded<std::optional<FixedHeader>> decode_fixed_header(ByteView bytes);

// Bodies: exactly the Remaining Length that the fixed header announced. What a client may send:
//
// decode_connect refuses an unknown protocol name or level with unsupported_protocol_version
// (MQTT 3.1 too), and a will topic that cannot be published to with topic_name_invalid. An empty
// client id is passed on, whatever the version and clean_start.
Decoded<Connect> decode_connect(ByteView body);

// The version that a CONNECT names, also where decode_connect refuses the rest of it: a CONNACK
// that says so takes that version's form. nullopt: neither of ours (MQTT 3.1, say), for which 3.1.1
// has a return code.
std::optional<Version> announced_version(ByteView body);

// `publish` is filled in place, so that a connection may reuse its vectors. Topic names are checked
// for UTF-8 and against wildcards (topic_name_invalid); an empty one without an alias is a
// protocol_error (v5) or malformed_packet (3.1.1); alias 0 is topic_alias_invalid; a subscription
// identifier from a client is a protocol_error, and so is a Response Topic that cannot be published
// to; a payload marked as UTF-8 is not checked here. After a refusal `publish` holds some of the
// packet.
Reason decode_publish(
    std::uint8_t flags,
    ByteView body,
    Version version,
    Publish& publish,
    Sender sender = Sender::client
);

// `type`: puback, pubrec, pubrel or pubcomp.
Decoded<Ack> decode_ack(PacketType type, ByteView body, Version version);

// Topic filters are checked for UTF-8 only, since a bad one is answered for itself in the SUBACK or
// UNSUBACK.
Decoded<Subscribe> decode_subscribe(ByteView body, Version version);
Decoded<Unsubscribe> decode_unsubscribe(ByteView body, Version version);

// A Server Reference from a client, or a Session Expiry Interval from a server, is a
// protocol_error.
Decoded<Disconnect> decode_disconnect(
    ByteView body, Version version, Sender sender = Sender::client
);

// An empty body is success without a method (§3.15.2.1); any other must name its method.
Decoded<Auth> decode_auth(ByteView body);

// What a server may send; for clients of ours (command line, load generator, tests).
Decoded<Connack> decode_connack(ByteView body, Version version);

// `type`: suback or unsuback. The UNSUBACK of 3.1.1 has no reasons.
Decoded<SubscriptionAck> decode_subscription_ack(PacketType type, ByteView body, Version version);

// Whole packets, appended to `out`. v5 fields are left out for 3.1.1; reasons are mapped to 3.1.1's
// return codes in CONNACK and SUBACK (any failure is 0x80 there). Optional fields that are not set
// are not sent, nor are values of a CONNECT that are the default; reason codes and property lengths
// are left out where they may be (§3.4.2.1, §3.14.2.1, §3.15.2.1).
//
// A CONNACK for 3.1.1 whose reason no return code comes near (malformed_packet, protocol_error, …)
// appends nothing: the connection is to be closed without one (3.1.1 §3.2.2.3). A CONNACK with a
// failure never says that a session is present (§3.2.2.1.1).
//
// The packet must be one that may be sent; lengths alone are checked: a string of more than
// kStringBytesMax or a body of more than kBodyBytesMax stops the program.
void encode(const Connect& packet, Bytes& out);
void encode(const Connack& packet, Version version, Bytes& out);
void encode(const Publish& packet, Version version, Bytes& out);
void encode(const Ack& packet, Version version, Bytes& out);
void encode(const Subscribe& packet, Version version, Bytes& out);
void encode(const Unsubscribe& packet, Version version, Bytes& out);
void encode(const SubscriptionAck& packet, Version version, Bytes& out);
void encode(const Disconnect& packet, Version version, Bytes& out);
void encode(const Auth& packet, Bytes& out);
void encode_pingreq(Bytes& out);
void encode_pingresp(Bytes& out);

// The bytes that encode() would append for this PUBLISH, for Maximum Packet Size (§3.1.2.11.4).
std::size_t encoded_bytes(const Publish& packet, Version version);

// UTF-8 as MQTT wants it (§1.5.4): well-formed, no surrogates, no U+0000. Non-characters and
// control characters are allowed, as the specification leaves them to the receiver.
bool valid_utf8(std::string_view text);

}  // namespace runnel::mqtt
