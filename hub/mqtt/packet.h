// The MQTT control packets as structures, for 3.1.1 and 5.0 alike (MQTT 5.0 §3; 3.1.1 §3).
//
// Views point into the buffer that was decoded, or into whatever the sender of a packet keeps alive
// until it is encoded; no packet owns bytes. Fields that 3.1.1 lacks have their defaults there. Two
// packets are equal if all that they say is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/bytes.h"

namespace runnel::mqtt {

enum class Version : std::uint8_t { v3_1_1 = 4, v5 = 5 };

enum class QoS : std::uint8_t { at_most_once = 0, at_least_once = 1, exactly_once = 2 };

using PacketId = std::uint16_t;  // 0: none

// Of every UTF-8 string and of binary data (§1.5.4, §1.5.6).
constexpr std::size_t kStringBytesMax = 65'535;

enum class PacketType : std::uint8_t {
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  pubrec = 5,
  pubrel = 6,
  pubcomp = 7,
  subscribe = 8,
  suback = 9,
  unsubscribe = 10,
  unsuback = 11,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
  auth = 15,
};

// MQTT 5.0 §2.4. 3.1.1 CONNACK and SUBACK codes are mapped to and from these by the codec.
enum class Reason : std::uint8_t {
  success = 0x00,  // also: granted QoS 0, normal disconnection
  granted_qos_1 = 0x01,
  granted_qos_2 = 0x02,
  disconnect_with_will = 0x04,
  no_matching_subscribers = 0x10,
  no_subscription_existed = 0x11,
  continue_authentication = 0x18,
  re_authenticate = 0x19,
  unspecified_error = 0x80,
  malformed_packet = 0x81,
  protocol_error = 0x82,
  implementation_specific_error = 0x83,
  unsupported_protocol_version = 0x84,
  client_identifier_not_valid = 0x85,
  bad_user_name_or_password = 0x86,
  not_authorized = 0x87,
  server_unavailable = 0x88,
  server_busy = 0x89,
  banned = 0x8A,
  server_shutting_down = 0x8B,
  bad_authentication_method = 0x8C,
  keep_alive_timeout = 0x8D,
  session_taken_over = 0x8E,
  topic_filter_invalid = 0x8F,
  topic_name_invalid = 0x90,
  packet_identifier_in_use = 0x91,
  packet_identifier_not_found = 0x92,
  receive_maximum_exceeded = 0x93,
  topic_alias_invalid = 0x94,
  packet_too_large = 0x95,
  message_rate_too_high = 0x96,
  quota_exceeded = 0x97,
  administrative_action = 0x98,
  payload_format_invalid = 0x99,
  retain_not_supported = 0x9A,
  qos_not_supported = 0x9B,
  use_another_server = 0x9C,
  server_moved = 0x9D,
  shared_subscriptions_not_supported = 0x9E,
  connection_rate_exceeded = 0x9F,
  maximum_connect_time = 0xA0,
  subscription_identifiers_not_supported = 0xA1,
  wildcard_subscriptions_not_supported = 0xA2,
};

using UserProperty = std::pair<std::string_view, std::string_view>;

// In the order of the packet; a name may repeat (§3.3.2.3.7).
using UserProperties = std::vector<UserProperty>;

// The properties of a PUBLISH and of a will (§3.3.2.3, §3.1.3.2) that travel with the message.
struct MessageProperties {
  std::optional<std::uint8_t> payload_format;  // 0 bytes, 1 UTF-8
  std::optional<std::uint32_t> expiry_s;       // message expiry interval
  std::optional<std::string_view> content_type;
  std::optional<std::string_view> response_topic;
  std::optional<std::string_view> correlation_data;
  UserProperties user;

  void clear() {
    payload_format.reset();
    expiry_s.reset();
    content_type.reset();
    response_topic.reset();
    correlation_data.reset();
    user.clear();
  }

  bool operator==(const MessageProperties&) const = default;
};

struct Will {
  std::string_view topic;
  std::string_view payload;
  QoS qos = QoS::at_most_once;
  bool retain = false;
  std::uint32_t delay_s = 0;
  MessageProperties properties;

  bool operator==(const Will&) const = default;
};

struct Connect {
  Version version = Version::v5;
  bool clean_start = true;
  std::uint16_t keep_alive_s = 0;
  std::string_view client_id;
  std::optional<Will> will;
  std::optional<std::string_view> user_name;
  std::optional<std::string_view> password;
  // v5 properties (§3.1.2.11)
  std::uint32_t session_expiry_s = 0;  // 0xFFFFFFFF: never. A 3.1.1 clean_session=0 decodes to that
  std::uint16_t receive_maximum = 65535;
  std::optional<std::uint32_t> maximum_packet_bytes;
  std::uint16_t topic_alias_maximum = 0;
  bool request_response_information = false;
  bool request_problem_information = true;
  std::optional<std::string_view> authentication_method;
  std::optional<std::string_view> authentication_data;
  UserProperties user;

  bool operator==(const Connect&) const = default;
};

struct Connack {
  bool session_present = false;
  Reason reason = Reason::success;
  // v5 properties (§3.2.2.3); unset ones are not sent
  std::optional<std::uint32_t> session_expiry_s;
  std::optional<std::uint16_t> receive_maximum;
  std::optional<std::uint8_t> maximum_qos;
  std::optional<bool> retain_available;
  std::optional<std::uint32_t> maximum_packet_bytes;
  std::optional<std::string_view> assigned_client_id;
  std::optional<std::uint16_t> topic_alias_maximum;
  std::optional<std::string_view> reason_string;
  UserProperties user;
  std::optional<bool> wildcard_subscriptions;
  std::optional<bool> subscription_identifiers;
  std::optional<bool> shared_subscriptions;
  std::optional<std::uint16_t> server_keep_alive_s;
  std::optional<std::string_view> response_information;
  std::optional<std::string_view> server_reference;
  std::optional<std::string_view> authentication_method;
  std::optional<std::string_view> authentication_data;

  bool operator==(const Connack&) const = default;
};

struct Publish {
  bool dup = false;
  QoS qos = QoS::at_most_once;
  bool retain = false;
  std::string_view topic;  // may be empty in v5 when topic_alias is set
  PacketId packet_id = 0;
  std::optional<std::uint16_t> topic_alias;
  std::vector<std::uint32_t>
      subscription_ids;  // only from the server; a client's is a protocol error
  MessageProperties properties;
  std::string_view payload;

  bool operator==(const Publish&) const = default;
};

// PUBACK, PUBREC, PUBREL and PUBCOMP have one shape (§3.4 to §3.7); `type` says which.
struct Ack {
  PacketType type = PacketType::puback;
  PacketId packet_id = 0;
  Reason reason = Reason::success;
  std::optional<std::string_view> reason_string;
  UserProperties user;

  bool operator==(const Ack&) const = default;
};

struct SubscribeEntry {
  std::string_view filter;
  QoS qos = QoS::at_most_once;
  bool no_local = false;
  bool retain_as_published = false;
  std::uint8_t retain_handling = 0;  // 0 send, 1 send if new, 2 do not send

  bool operator==(const SubscribeEntry&) const = default;
};

struct Subscribe {
  PacketId packet_id = 0;
  std::optional<std::uint32_t> subscription_id;
  UserProperties user;
  std::vector<SubscribeEntry> entries;  // at least one

  bool operator==(const Subscribe&) const = default;
};

struct Unsubscribe {
  PacketId packet_id = 0;
  UserProperties user;
  std::vector<std::string_view> filters;  // at least one

  bool operator==(const Unsubscribe&) const = default;
};

// SUBACK and UNSUBACK (§3.9, §3.11).
struct SubscriptionAck {
  PacketType type = PacketType::suback;
  PacketId packet_id = 0;
  std::vector<Reason> reasons;
  std::optional<std::string_view> reason_string;
  UserProperties user;

  bool operator==(const SubscriptionAck&) const = default;
};

struct Disconnect {
  Reason reason = Reason::success;
  std::optional<std::uint32_t> session_expiry_s;
  std::optional<std::string_view> reason_string;
  std::optional<std::string_view> server_reference;
  UserProperties user;

  bool operator==(const Disconnect&) const = default;
};

struct Auth {
  Reason reason = Reason::success;
  std::optional<std::string_view> authentication_method;
  std::optional<std::string_view> authentication_data;
  std::optional<std::string_view> reason_string;
  UserProperties user;

  bool operator==(const Auth&) const = default;
};

}  // namespace runnel::mqtt
