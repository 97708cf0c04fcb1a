#include "hub/mqtt/properties.h"

#include "hub/mqtt/topic_filter.h"

namespace runnel::mqtt {
namespace {

// Properties are numbered below this, so that a set of them is one word.
constexpr std::uint32_t kIdentifiersEnd = 64;

Reason at_most_one(std::uint32_t value) {
  return value <= 1 ? Reason::success : Reason::protocol_error;
}

Reason not_zero(std::uint32_t value, Reason otherwise = Reason::protocol_error) {
  return value != 0 ? Reason::success : otherwise;
}

}  // namespace

PropertyReader::PropertyReader(ByteReader& in, PropertySet allowed, PropertySet repeatable)
    : allowed_(allowed), repeatable_(repeatable) {
  block_ = ByteReader(in.take(read_variable_byte_integer(in)));
  if (!in.ok()) reason_ = Reason::malformed_packet;
  repeatable_.insert(Property::user_property);
}

bool PropertyReader::refuse(Reason reason) {
  reason_ = reason;
  return false;
}

bool PropertyReader::next() {
  if (reason_ != Reason::success || block_.done()) return false;
  const std::uint32_t number = read_variable_byte_integer(block_);
  if (!block_.ok() || number >= kIdentifiersEnd) return refuse(Reason::malformed_packet);
  id_ = static_cast<Property>(number);
  if (!allowed_.contains(id_)) return refuse(Reason::malformed_packet);
  if (seen_.contains(id_) && !repeatable_.contains(id_)) return refuse(Reason::protocol_error);
  seen_.insert(id_);
  const Reason reason = read_value();
  if (!block_.ok()) return refuse(Reason::malformed_packet);
  return reason == Reason::success || refuse(reason);
}

// The reason is of interest only if the block has not failed.
Reason PropertyReader::read_value() {
  switch (id_) {
    case Property::payload_format_indicator:
    case Property::request_problem_information:
    case Property::request_response_information:
    case Property::maximum_qos:
    case Property::retain_available:
    case Property::wildcard_subscription_available:
    case Property::subscription_identifier_available:
    case Property::shared_subscription_available:
      number_ = block_.u8();
      return at_most_one(number_);
    case Property::server_keep_alive:
    case Property::topic_alias_maximum:
      number_ = block_.be16();
      return Reason::success;
    case Property::receive_maximum:
      number_ = block_.be16();
      return not_zero(number_);
    case Property::topic_alias:
      number_ = block_.be16();
      return not_zero(number_, Reason::topic_alias_invalid);
    case Property::message_expiry_interval:
    case Property::session_expiry_interval:
    case Property::will_delay_interval:
      number_ = block_.be32();
      return Reason::success;
    case Property::maximum_packet_size:
      number_ = block_.be32();
      return not_zero(number_);
    case Property::subscription_identifier:
      number_ = read_variable_byte_integer(block_);
      return not_zero(number_);
    case Property::correlation_data:
    case Property::authentication_data:
      text_ = read_binary(block_);
      return Reason::success;
    case Property::response_topic:
      text_ = read_string(block_);
      return valid_topic_name(text_) ? Reason::success : Reason::protocol_error;
    case Property::content_type:
    case Property::assigned_client_identifier:
    case Property::authentication_method:
    case Property::response_information:
    case Property::server_reference:
    case Property::reason_string:
      text_ = read_string(block_);
      return Reason::success;
    case Property::user_property:
      name_ = read_string(block_);
      text_ = read_string(block_);
      return Reason::success;
  }
  return Reason::malformed_packet;
}

void set_message_property(const PropertyReader& reader, MessageProperties& properties) {
  switch (reader.id()) {
    case Property::payload_format_indicator:
      properties.payload_format = reader.byte();
      break;
    case Property::message_expiry_interval:
      properties.expiry_s = reader.number();
      break;
    case Property::content_type:
      properties.content_type = reader.text();
      break;
    case Property::response_topic:
      properties.response_topic = reader.text();
      break;
    case Property::correlation_data:
      properties.correlation_data = reader.text();
      break;
    case Property::user_property:
      properties.user.push_back(reader.user());
      break;
    default:
      break;
  }
}

}  // namespace runnel::mqtt
