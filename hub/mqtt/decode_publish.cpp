#include "hub/mqtt/codec.h"
#include "hub/mqtt/properties.h"
#include "hub/mqtt/topic_filter.h"
#include "hub/mqtt/wire.h"

namespace runnel::mqtt {
namespace {

// This is the path of every event: what all packets have is taken from the bytes by hand.
std::uint16_t be16(const char* p) {
  return static_cast<std::uint16_t>(
      static_cast<std::uint8_t>(p[0]) << 8 | static_cast<std::uint8_t>(p[1])
  );
}

// Reads the properties at the front of `rest` and takes them off.
Reason decode_properties(ByteView& rest, Sender sender, Publish& publish) {
  ByteReader in(rest);
  PropertyReader properties(
      in,
      {Property::payload_format_indicator,
       Property::message_expiry_interval,
       Property::content_type,
       Property::response_topic,
       Property::correlation_data,
       Property::subscription_identifier,
       Property::topic_alias,
       Property::user_property},
      {Property::subscription_identifier}
  );
  while (properties.next()) {
    switch (properties.id()) {
      case Property::topic_alias:
        publish.topic_alias = properties.number16();
        break;
      case Property::subscription_identifier:
        if (sender == Sender::client) return Reason::protocol_error;
        publish.subscription_ids.push_back(properties.number());
        break;
      default:
        set_message_property(properties, publish.properties);
        break;
    }
  }
  rest = in.rest();
  return properties.reason();
}

}  // namespace

Reason decode_publish(
    std::uint8_t flags, ByteView body, Version version, Publish& publish, Sender sender
) {
  if ((kPublishFlags >> (flags & 0x0f) & 1) == 0) return Reason::malformed_packet;
  publish.dup = (flags & 0x08) != 0;
  publish.qos = static_cast<QoS>(flags >> 1 & 0x03);
  publish.retain = (flags & 0x01) != 0;
  publish.packet_id = 0;
  publish.topic_alias.reset();
  publish.subscription_ids.clear();
  publish.properties.clear();

  if (body.size() < 2) return Reason::malformed_packet;
  const std::size_t topic_bytes = be16(body.data());
  body.remove_prefix(2);
  if (body.size() < topic_bytes) return Reason::malformed_packet;
  publish.topic = body.substr(0, topic_bytes);
  body.remove_prefix(topic_bytes);
  if (topic_bytes != 0 && !valid_topic_name(publish.topic)) {
    return valid_utf8(publish.topic) ? Reason::topic_name_invalid : Reason::malformed_packet;
  }
  if (publish.qos != QoS::at_most_once) {
    if (body.size() < 2) return Reason::malformed_packet;
    publish.packet_id = be16(body.data());
    body.remove_prefix(2);
    if (publish.packet_id == 0) return broken_rule(version);
  }
  if (version == Version::v5) {
    if (body.starts_with('\0')) {
      body.remove_prefix(1);  // no properties
    } else if (const Reason r = decode_properties(body, sender, publish); r != Reason::success) {
      return r;
    }
  }
  if (topic_bytes == 0 && !publish.topic_alias) return broken_rule(version);
  publish.payload = body;
  return Reason::success;
}

}  // namespace runnel::mqtt
