#include "hub/mqtt/codec.h"
#include "hub/mqtt/properties.h"
#include "hub/mqtt/reason_codes.h"
#include "hub/mqtt/wire.h"

namespace runnel::mqtt {
namespace {

constexpr PropertySet kConnackProperties{
    Property::session_expiry_interval,
    Property::receive_maximum,
    Property::maximum_qos,
    Property::retain_available,
    Property::maximum_packet_size,
    Property::assigned_client_identifier,
    Property::topic_alias_maximum,
    Property::reason_string,
    Property::user_property,
    Property::wildcard_subscription_available,
    Property::subscription_identifier_available,
    Property::shared_subscription_available,
    Property::server_keep_alive,
    Property::response_information,
    Property::server_reference,
    Property::authentication_method,
    Property::authentication_data,
};

void set_property(const PropertyReader& property, Connack& connack) {
  switch (property.id()) {
    case Property::session_expiry_interval:
      connack.session_expiry_s = property.number();
      break;
    case Property::receive_maximum:
      connack.receive_maximum = property.number16();
      break;
    case Property::maximum_qos:
      connack.maximum_qos = property.byte();
      break;
    case Property::retain_available:
      connack.retain_available = property.flag();
      break;
    case Property::maximum_packet_size:
      connack.maximum_packet_bytes = property.number();
      break;
    case Property::assigned_client_identifier:
      connack.assigned_client_id = property.text();
      break;
    case Property::topic_alias_maximum:
      connack.topic_alias_maximum = property.number16();
      break;
    case Property::reason_string:
      connack.reason_string = property.text();
      break;
    case Property::wildcard_subscription_available:
      connack.wildcard_subscriptions = property.flag();
      break;
    case Property::subscription_identifier_available:
      connack.subscription_identifiers = property.flag();
      break;
    case Property::shared_subscription_available:
      connack.shared_subscriptions = property.flag();
      break;
    case Property::server_keep_alive:
      connack.server_keep_alive_s = property.number16();
      break;
    case Property::response_information:
      connack.response_information = property.text();
      break;
    case Property::server_reference:
      connack.server_reference = property.text();
      break;
    case Property::authentication_method:
      connack.authentication_method = property.text();
      break;
    case Property::authentication_data:
      connack.authentication_data = property.text();
      break;
    default:
      connack.user.push_back(property.user());
      break;
  }
}

}  // namespace

Decoded<Connack> decode_connack(ByteView body, Version version) {
  ByteReader in(body);
  Connack connack;
  const std::uint8_t acknowledge_flags = in.u8();
  const std::uint8_t code = in.u8();
  if (!in.ok() || (acknowledge_flags & 0xfe) != 0) return Reason::malformed_packet;
  connack.session_present = acknowledge_flags != 0;
  if (version == Version::v5) {
    if (!reasons_of(PacketType::connack).contains(code)) return Reason::protocol_error;
    connack.reason = static_cast<Reason>(code);
    PropertyReader properties(in, kConnackProperties);
    while (properties.next()) set_property(properties, connack);
    if (properties.reason() != Reason::success) return properties.reason();
  } else {
    const std::optional<Reason> reason = reason_of_return_code(code);
    if (!reason) return Reason::malformed_packet;
    connack.reason = *reason;
  }
  if (!in.done()) return Reason::malformed_packet;
  if (connack.session_present && connack.reason != Reason::success) return broken_rule(version);
  return connack;
}

}  // namespace runnel::mqtt
