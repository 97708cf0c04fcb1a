#include "hub/mqtt/reason_codes.h"

namespace runnel::mqtt {
namespace {

constexpr ReasonSet kConnack{
    Reason::success,
    Reason::unspecified_error,
    Reason::malformed_packet,
    Reason::protocol_error,
    Reason::implementation_specific_error,
    Reason::unsupported_protocol_version,
    Reason::client_identifier_not_valid,
    Reason::bad_user_name_or_password,
    Reason::not_authorized,
    Reason::server_unavailable,
    Reason::server_busy,
    Reason::banned,
    Reason::bad_authentication_method,
    Reason::topic_name_invalid,
    Reason::packet_too_large,
    Reason::quota_exceeded,
    Reason::payload_format_invalid,
    Reason::retain_not_supported,
    Reason::qos_not_supported,
    Reason::use_another_server,
    Reason::server_moved,
    Reason::connection_rate_exceeded,
};

// PUBACK and PUBREC.
constexpr ReasonSet kPublishAnswer{
    Reason::success,
    Reason::no_matching_subscribers,
    Reason::unspecified_error,
    Reason::implementation_specific_error,
    Reason::not_authorized,
    Reason::topic_name_invalid,
    Reason::packet_identifier_in_use,
    Reason::quota_exceeded,
    Reason::payload_format_invalid,
};

// PUBREL and PUBCOMP.
constexpr ReasonSet kRelease{Reason::success, Reason::packet_identifier_not_found};

constexpr ReasonSet kSuback{
    Reason::success,
    Reason::granted_qos_1,
    Reason::granted_qos_2,
    Reason::unspecified_error,
    Reason::implementation_specific_error,
    Reason::not_authorized,
    Reason::topic_filter_invalid,
    Reason::packet_identifier_in_use,
    Reason::quota_exceeded,
    Reason::shared_subscriptions_not_supported,
    Reason::subscription_identifiers_not_supported,
    Reason::wildcard_subscriptions_not_supported,
};

constexpr ReasonSet kUnsuback{
    Reason::success,
    Reason::no_subscription_existed,
    Reason::unspecified_error,
    Reason::implementation_specific_error,
    Reason::not_authorized,
    Reason::topic_filter_invalid,
    Reason::packet_identifier_in_use,
};

constexpr ReasonSet kClientDisconnect{
    Reason::success,
    Reason::disconnect_with_will,
    Reason::unspecified_error,
    Reason::malformed_packet,
    Reason::protocol_error,
    Reason::implementation_specific_error,
    Reason::topic_name_invalid,
    Reason::receive_maximum_exceeded,
    Reason::topic_alias_invalid,
    Reason::packet_too_large,
    Reason::message_rate_too_high,
    Reason::quota_exceeded,
    Reason::administrative_action,
    Reason::payload_format_invalid,
};

constexpr ReasonSet kServerDisconnect{
    Reason::success,
    Reason::unspecified_error,
    Reason::malformed_packet,
    Reason::protocol_error,
    Reason::implementation_specific_error,
    Reason::not_authorized,
    Reason::server_busy,
    Reason::server_shutting_down,
    Reason::keep_alive_timeout,
    Reason::session_taken_over,
    Reason::topic_filter_invalid,
    Reason::topic_name_invalid,
    Reason::receive_maximum_exceeded,
    Reason::topic_alias_invalid,
    Reason::packet_too_large,
    Reason::message_rate_too_high,
    Reason::quota_exceeded,
    Reason::administrative_action,
    Reason::payload_format_invalid,
    Reason::retain_not_supported,
    Reason::qos_not_supported,
    Reason::use_another_server,
    Reason::server_moved,
    Reason::shared_subscriptions_not_supported,
    Reason::connection_rate_exceeded,
    Reason::maximum_connect_time,
    Reason::subscription_identifiers_not_supported,
    Reason::wildcard_subscriptions_not_supported,
};

constexpr ReasonSet kAuth{
    Reason::success,
    Reason::continue_authentication,
    Reason::re_authenticate,
};

constexpr ReasonSet kNone{};

}  // namespace

ReasonSet reasons_of(PacketType type, Sender sender) {
  switch (type) {
    case PacketType::connack:
      return kConnack;
    case PacketType::puback:
    case PacketType::pubrec:
      return kPublishAnswer;
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return kRelease;
    case PacketType::suback:
      return kSuback;
    case PacketType::unsuback:
      return kUnsuback;
    case PacketType::disconnect:
      return sender == Sender::client ? kClientDisconnect : kServerDisconnect;
    case PacketType::auth:
      return kAuth;
    default:
      return kNone;
  }
}

std::optional<Reason> reason_of_return_code(std::uint8_t code) {
  switch (code) {
    case 0:
      return Reason::success;
    case 1:
      return Reason::unsupported_protocol_version;
    case 2:
      return Reason::client_identifier_not_valid;
    case 3:
      return Reason::server_unavailable;
    case 4:
      return Reason::bad_user_name_or_password;
    case 5:
      return Reason::not_authorized;
    default:
      return std::nullopt;
  }
}

std::optional<std::uint8_t> return_code_of(Reason reason) {
  switch (reason) {
    case Reason::success:
      return std::uint8_t{0};
    case Reason::unsupported_protocol_version:
      return std::uint8_t{1};
    case Reason::client_identifier_not_valid:
      return std::uint8_t{2};
    case Reason::unspecified_error:
    case Reason::implementation_specific_error:
    case Reason::server_unavailable:
    case Reason::server_busy:
    case Reason::server_shutting_down:
    case Reason::quota_exceeded:
    case Reason::use_another_server:
    case Reason::server_moved:
    case Reason::connection_rate_exceeded:
      return std::uint8_t{3};
    case Reason::bad_user_name_or_password:
    case Reason::bad_authentication_method:
      return std::uint8_t{4};
    case Reason::not_authorized:
    case Reason::banned:
      return std::uint8_t{5};
    default:
      return std::nullopt;
  }
}

}  // namespace runnel::mqtt
