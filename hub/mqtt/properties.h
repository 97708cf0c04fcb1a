// The properties of MQTT 5.0 (§2.2.2): which there are, where each may stand, how it is read and
// written. Internal to the codec. Pure; any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "hub/mqtt/packet.h"
#include "hub/mqtt/wire.h"
#include "storage/base/bytes.h"

namespace runnel::mqtt {

// Table 2-4.
enum class Property : std::uint8_t {
  payload_format_indicator = 0x01,
  message_expiry_interval = 0x02,
  content_type = 0x03,
  response_topic = 0x08,
  correlation_data = 0x09,
  subscription_identifier = 0x0B,
  session_expiry_interval = 0x11,
  assigned_client_identifier = 0x12,
  server_keep_alive = 0x13,
  authentication_method = 0x15,
  authentication_data = 0x16,
  request_problem_information = 0x17,
  will_delay_interval = 0x18,
  request_response_information = 0x19,
  response_information = 0x1A,
  server_reference = 0x1C,
  reason_string = 0x1F,
  receive_maximum = 0x21,
  topic_alias_maximum = 0x22,
  topic_alias = 0x23,
  maximum_qos = 0x24,
  retain_available = 0x25,
  user_property = 0x26,
  maximum_packet_size = 0x27,
  wildcard_subscription_available = 0x28,
  subscription_identifier_available = 0x29,
  shared_subscription_available = 0x2A,
};

class PropertySet {
 public:
  constexpr PropertySet(std::initializer_list<Property> properties) {
    for (const Property p : properties) insert(p);
  }

  constexpr void insert(Property p) { bits_ |= bit(p); }

  [[nodiscard]] constexpr bool contains(Property p) const { return (bits_ & bit(p)) != 0; }

 private:
  static constexpr std::uint64_t bit(Property p) {
    return std::uint64_t{1} << static_cast<unsigned>(p);
  }

  std::uint64_t bits_ = 0;
};

// Walks the properties of a packet. Each one that next() stops at is one of `allowed`, in its range
// and there for the first time; a User Property may come again, and so may one of `repeatable`.
//
//   PropertyReader properties(in, {Property::reason_string, Property::user_property});
//   while (properties.next()) { … properties.id() … properties.number() or text() … }
//   if (properties.reason() != Reason::success) return properties.reason();
class PropertyReader {
 public:
  // Takes the Property Length and that many bytes from `in`; fails `in` where they are not there.
  PropertyReader(ByteReader& in, PropertySet allowed, PropertySet repeatable = {});

  // Goes to the next property. False at the end, or where something is wrong.
  bool next();

  // success, or what is wrong with the property at which next() stopped (§2.2.2.2).
  [[nodiscard]] Reason reason() const { return reason_; }

  [[nodiscard]] Property id() const { return id_; }

  // Of a property that is a byte or an integer. Flags are 0 or 1.
  [[nodiscard]] std::uint32_t number() const { return number_; }

  [[nodiscard]] std::uint8_t byte() const { return static_cast<std::uint8_t>(number_); }

  [[nodiscard]] std::uint16_t number16() const { return static_cast<std::uint16_t>(number_); }

  [[nodiscard]] bool flag() const { return number_ != 0; }

  // Of a property that is a string or binary data.
  [[nodiscard]] std::string_view text() const { return text_; }

  [[nodiscard]] UserProperty user() const { return {name_, text_}; }

 private:
  bool refuse(Reason reason);
  Reason read_value();

  ByteReader block_{ByteView{}};
  PropertySet allowed_;
  PropertySet repeatable_;
  PropertySet seen_{};
  Reason reason_ = Reason::success;
  Property id_{};
  std::uint32_t number_ = 0;
  std::string_view text_;
  std::string_view name_;
};

// Puts the property at which `reader` stopped into `properties`, if it is one of those that travel
// with a message.
void set_message_property(const PropertyReader& reader, MessageProperties& properties);

// Writing. What is not set is not sent; the C++ type of a field is its type on the wire.

template <class Sink>
void put(Sink& out, Property id, std::uint8_t value) {
  out.u8(static_cast<std::uint8_t>(id));
  out.u8(value);
}

template <class Sink>
void put(Sink& out, Property id, bool value) {
  put(out, id, static_cast<std::uint8_t>(value ? 1 : 0));
}

template <class Sink>
void put(Sink& out, Property id, std::uint16_t value) {
  out.u8(static_cast<std::uint8_t>(id));
  out.be16(value);
}

template <class Sink>
void put(Sink& out, Property id, std::uint32_t value) {
  out.u8(static_cast<std::uint8_t>(id));
  out.be32(value);
}

template <class Sink>
void put(Sink& out, Property id, std::string_view value) {
  out.u8(static_cast<std::uint8_t>(id));
  out.counted(value);
}

template <class Sink, class T>
void put(Sink& out, Property id, const std::optional<T>& value) {
  if (value) put(out, id, *value);
}

template <class Sink>
void put_subscription_identifier(Sink& out, std::uint32_t value) {
  out.u8(static_cast<std::uint8_t>(Property::subscription_identifier));
  out.variable_byte_integer(value);
}

template <class Sink>
void put_user_properties(Sink& out, const UserProperties& user) {
  for (const auto& [name, value] : user) {
    out.u8(static_cast<std::uint8_t>(Property::user_property));
    out.counted(name);
    out.counted(value);
  }
}

template <class Sink>
void put_message_properties(Sink& out, const MessageProperties& properties) {
  put(out, Property::payload_format_indicator, properties.payload_format);
  put(out, Property::message_expiry_interval, properties.expiry_s);
  put(out, Property::content_type, properties.content_type);
  put(out, Property::response_topic, properties.response_topic);
  put(out, Property::correlation_data, properties.correlation_data);
  put_user_properties(out, properties.user);
}

// The Property Length and what `properties` puts into the sink that it is given.
template <class Sink, class Properties>
void put_block(Sink& out, const Properties& properties) {
  Measure size;
  properties(size);
  out.variable_byte_integer(size.bytes());
  properties(out);
}

}  // namespace runnel::mqtt
