#include "hub/mqtt/codec.h"
#include "hub/mqtt/properties.h"
#include "hub/mqtt/reason_codes.h"
#include "hub/mqtt/topic_filter.h"
#include "hub/mqtt/wire.h"

namespace runnel::mqtt {
namespace {

// How many strings, each with `tail_bytes` behind it, the payload begins to hold: what a list of
// them may reserve.
std::size_t count_strings(ByteView payload, std::size_t tail_bytes) {
  ByteReader in(payload);
  std::size_t count = 0;
  for (; !in.done(); ++count) in.take(in.be16() + tail_bytes);
  return count;
}

// §3.8.3.1; 3.1.1 §3.8.3. Sets all but the filter.
Reason decode_options(std::uint8_t options, Version version, SubscribeEntry& entry) {
  const std::uint8_t reserved = version == Version::v5 ? 0xc0 : 0xfc;
  if ((options & reserved) != 0) return Reason::malformed_packet;
  if ((options & 0x03) == 3) return broken_rule(version);
  entry.qos = static_cast<QoS>(options & 0x03);
  entry.no_local = (options & 0x04) != 0;
  entry.retain_as_published = (options & 0x08) != 0;
  entry.retain_handling = options >> 4 & 0x03;
  if (entry.retain_handling == 3) return Reason::protocol_error;
  if (entry.no_local && is_shared(entry.filter)) return Reason::protocol_error;
  return Reason::success;
}

Reason decode_entries(ByteReader& in, Version version, std::vector<SubscribeEntry>& entries) {
  entries.reserve(count_strings(in.rest(), 1));
  while (!in.done()) {
    SubscribeEntry entry;
    entry.filter = read_string(in);
    const std::uint8_t options = in.u8();
    if (!in.ok()) return Reason::malformed_packet;
    if (const Reason r = decode_options(options, version, entry); r != Reason::success) return r;
    entries.push_back(entry);
  }
  if (!in.ok()) return Reason::malformed_packet;
  return entries.empty() ? broken_rule(version) : Reason::success;
}

}  // namespace

Decoded<Subscribe> decode_subscribe(ByteView body, Version version) {
  ByteReader in(body);
  Subscribe subscribe;
  subscribe.packet_id = in.be16();
  if (version == Version::v5) {
    PropertyReader properties(in, {Property::subscription_identifier, Property::user_property});
    while (properties.next()) {
      if (properties.id() == Property::subscription_identifier) {
        subscribe.subscription_id = properties.number();
      } else {
        subscribe.user.push_back(properties.user());
      }
    }
    if (properties.reason() != Reason::success) return properties.reason();
  }
  if (const Reason r = decode_entries(in, version, subscribe.entries); r != Reason::success) {
    return r;
  }
  if (subscribe.packet_id == 0) return broken_rule(version);
  return subscribe;
}

Decoded<Unsubscribe> decode_unsubscribe(ByteView body, Version version) {
  ByteReader in(body);
  Unsubscribe unsubscribe;
  unsubscribe.packet_id = in.be16();
  if (version == Version::v5) {
    PropertyReader properties(in, {Property::user_property});
    while (properties.next()) unsubscribe.user.push_back(properties.user());
    if (properties.reason() != Reason::success) return properties.reason();
  }
  unsubscribe.filters.reserve(count_strings(in.rest(), 0));
  while (!in.done()) unsubscribe.filters.push_back(read_string(in));
  if (!in.ok()) return Reason::malformed_packet;
  if (unsubscribe.filters.empty() || unsubscribe.packet_id == 0) return broken_rule(version);
  return unsubscribe;
}

namespace {

// 3.1.1 §3.9.3: the granted QoS or 0x80; UNSUBACK has no payload there (§3.11.3).
Reason decode_return_codes(PacketType type, ByteView payload, std::vector<Reason>& reasons) {
  if (type == PacketType::unsuback) {
    return payload.empty() ? Reason::success : Reason::malformed_packet;
  }
  if (payload.empty()) return Reason::malformed_packet;
  for (const char c : payload) {
    const auto code = static_cast<std::uint8_t>(c);
    if (code > 2 && code != 0x80) return Reason::malformed_packet;
    reasons.push_back(static_cast<Reason>(code));
  }
  return Reason::success;
}

Reason decode_reasons(PacketType type, ByteView payload, std::vector<Reason>& reasons) {
  if (payload.empty()) return Reason::protocol_error;
  const ReasonSet allowed = reasons_of(type);
  for (const char c : payload) {
    const auto code = static_cast<std::uint8_t>(c);
    if (!allowed.contains(code)) return Reason::protocol_error;
    reasons.push_back(static_cast<Reason>(code));
  }
  return Reason::success;
}

}  // namespace

Decoded<SubscriptionAck> decode_subscription_ack(PacketType type, ByteView body, Version version) {
  ByteReader in(body);
  SubscriptionAck ack;
  ack.type = type;
  ack.packet_id = in.be16();
  if (version == Version::v5) {
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
  if (!in.ok()) return Reason::malformed_packet;
  ack.reasons.reserve(in.left());
  const Reason r = version == Version::v5 ? decode_reasons(type, in.rest(), ack.reasons)
                                          : decode_return_codes(type, in.rest(), ack.reasons);
  if (r != Reason::success) return r;
  if (ack.packet_id == 0) return broken_rule(version);
  return ack;
}

}  // namespace runnel::mqtt
