#include "hub/mqtt/codec.h"
#include "hub/mqtt/properties.h"
#include "hub/mqtt/reason_codes.h"
#include "hub/mqtt/topic_filter.h"
#include "hub/mqtt/wire.h"

namespace runnel::mqtt {
namespace {

constexpr std::uint32_t kSessionNeverExpires = 0xffffffff;

// §3.1.2.3, as one byte.
class ConnectFlags {
 public:
  explicit ConnectFlags(std::uint8_t bits) : bits_(bits) {}

  [[nodiscard]] bool clean_start() const { return (bits_ & 0x02) != 0; }

  [[nodiscard]] bool will() const { return (bits_ & 0x04) != 0; }

  [[nodiscard]] std::uint8_t will_qos() const { return bits_ >> 3 & 0x03; }

  [[nodiscard]] bool will_retain() const { return (bits_ & 0x20) != 0; }

  [[nodiscard]] bool password() const { return (bits_ & 0x40) != 0; }

  [[nodiscard]] bool user_name() const { return (bits_ & 0x80) != 0; }

  [[nodiscard]] bool valid(Version version) const {
    if ((bits_ & 0x01) != 0 || will_qos() == 3) return false;
    if (!will() && (will_qos() != 0 || will_retain())) return false;
    return version == Version::v5 || user_name() || !password();
  }

 private:
  std::uint8_t bits_;
};

// Protocol name and level (§3.1.2.1, §3.1.2.2).
Decoded<Version> decode_version(ByteReader& in) {
  const std::string_view name = read_binary(in);
  const std::uint8_t level = in.u8();
  if (!in.ok()) return Reason::malformed_packet;
  if (name != "MQTT") return Reason::unsupported_protocol_version;
  if (level != static_cast<std::uint8_t>(Version::v3_1_1) &&
      level != static_cast<std::uint8_t>(Version::v5)) {
    return Reason::unsupported_protocol_version;
  }
  return static_cast<Version>(level);
}

// §3.1.2.11.
Reason decode_connect_properties(ByteReader& in, Connect& connect) {
  PropertyReader properties(
      in,
      {Property::session_expiry_interval,
       Property::receive_maximum,
       Property::maximum_packet_size,
       Property::topic_alias_maximum,
       Property::request_response_information,
       Property::request_problem_information,
       Property::user_property,
       Property::authentication_method,
       Property::authentication_data}
  );
  while (properties.next()) {
    switch (properties.id()) {
      case Property::session_expiry_interval:
        connect.session_expiry_s = properties.number();
        break;
      case Property::receive_maximum:
        connect.receive_maximum = properties.number16();
        break;
      case Property::maximum_packet_size:
        connect.maximum_packet_bytes = properties.number();
        break;
      case Property::topic_alias_maximum:
        connect.topic_alias_maximum = properties.number16();
        break;
      case Property::request_response_information:
        connect.request_response_information = properties.flag();
        break;
      case Property::request_problem_information:
        connect.request_problem_information = properties.flag();
        break;
      case Property::authentication_method:
        connect.authentication_method = properties.text();
        break;
      case Property::authentication_data:
        connect.authentication_data = properties.text();
        break;
      default:
        connect.user.push_back(properties.user());
        break;
    }
  }
  if (properties.reason() != Reason::success) return properties.reason();
  const bool data_alone = connect.authentication_data && !connect.authentication_method;
  return data_alone ? Reason::protocol_error : Reason::success;
}

// §3.1.3.2 to §3.1.3.4.
Reason decode_will(ByteReader& in, ConnectFlags flags, Version version, Will& will) {
  will.qos = static_cast<QoS>(flags.will_qos());
  will.retain = flags.will_retain();
  if (version == Version::v5) {
    PropertyReader properties(
        in,
        {Property::will_delay_interval,
         Property::payload_format_indicator,
         Property::message_expiry_interval,
         Property::content_type,
         Property::response_topic,
         Property::correlation_data,
         Property::user_property}
    );
    while (properties.next()) {
      if (properties.id() == Property::will_delay_interval) {
        will.delay_s = properties.number();
      } else {
        set_message_property(properties, will.properties);
      }
    }
    if (properties.reason() != Reason::success) return properties.reason();
  }
  will.topic = read_string(in);
  will.payload = read_binary(in);
  if (!in.ok()) return Reason::malformed_packet;
  return valid_topic_name(will.topic) ? Reason::success : Reason::topic_name_invalid;
}

}  // namespace

std::optional<Version> announced_version(ByteView body) {
  ByteReader in(body);
  const Decoded<Version> version = decode_version(in);
  return version ? std::optional<Version>(*version) : std::nullopt;
}

Decoded<Connect> decode_connect(ByteView body) {
  ByteReader in(body);
  const Decoded<Version> version = decode_version(in);
  if (!version) return version.error();
  Connect connect;
  connect.version = *version;
  const ConnectFlags flags(in.u8());
  if (!flags.valid(connect.version)) return Reason::malformed_packet;
  connect.clean_start = flags.clean_start();
  connect.keep_alive_s = in.be16();
  if (connect.version == Version::v5) {
    if (const Reason r = decode_connect_properties(in, connect); r != Reason::success) return r;
  } else {
    connect.session_expiry_s = connect.clean_start ? 0 : kSessionNeverExpires;
  }
  connect.client_id = read_string(in);
  if (flags.will()) {
    connect.will.emplace();
    const Reason r = decode_will(in, flags, connect.version, *connect.will);
    if (r != Reason::success) return r;
  }
  if (flags.user_name()) connect.user_name = read_string(in);
  if (flags.password()) connect.password = read_binary(in);
  if (!in.ok() || !in.done()) return Reason::malformed_packet;
  return connect;
}

}  // namespace runnel::mqtt
