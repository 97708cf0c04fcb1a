#include "hub/broker/message.h"

#include <charconv>

#include "hub/mqtt/codec.h"
#include "hub/mqtt/topic_filter.h"

namespace runnel::broker {
namespace {

constexpr ByteView kMqtt = "mqtt.";
constexpr ByteView kHub = "hub.";
constexpr ByteView kUser = "user.";

constexpr ByteView kTopic = "mqtt.topic";
constexpr ByteView kQos = "mqtt.qos";
constexpr ByteView kRetain = "mqtt.retain";
constexpr ByteView kClient = "mqtt.client";
constexpr ByteView kExpiry = "mqtt.expiry";
constexpr ByteView kFormat = "mqtt.payload_format";
constexpr ByteView kContentType = "mqtt.content_type";
constexpr ByteView kResponseTopic = "mqtt.response_topic";
constexpr ByteView kCorrelation = "mqtt.correlation_data";

bool reserved(std::string_view name) {
  return name.starts_with(kMqtt) || name.starts_with(kHub) || name.starts_with(kUser);
}

std::string_view digit(unsigned value) {
  static constexpr std::string_view kDigits = "0123456789";
  return kDigits.substr(value, 1);
}

// A record that did not come over MQTT may have headers that MQTT cannot carry.
bool fits_a_property(const log::Header& h) {
  return h.name.size() <= mqtt::kStringBytesMax && h.value.size() <= mqtt::kStringBytesMax &&
         mqtt::valid_utf8(h.name) && mqtt::valid_utf8(h.value);
}

void set_hub_header(const log::Header& h, Message& m) {
  if (h.name == kTopic) {
    m.topic = h.value;
  } else if (h.name == kClient) {
    m.client = h.value;
  } else if (h.name == kQos) {
    m.qos = h.value == "0"   ? mqtt::QoS::at_most_once
            : h.value == "2" ? mqtt::QoS::exactly_once
                             : mqtt::QoS::at_least_once;
  } else if (h.name == kRetain) {
    m.retain = h.value == "1";
  } else if (h.name == kExpiry) {
    std::uint32_t seconds = 0;
    std::from_chars(h.value.data(), h.value.data() + h.value.size(), seconds);
    m.properties.expiry_s = seconds;
  } else if (h.name == kFormat) {
    m.properties.payload_format = h.value == "1" ? std::uint8_t{1} : std::uint8_t{0};
  } else if (h.name == kContentType) {
    m.properties.content_type = h.value;
  } else if (h.name == kResponseTopic) {
    m.properties.response_topic = h.value;
  } else if (h.name == kCorrelation) {
    m.properties.correlation_data = h.value;
  }
}

}  // namespace

std::span<const log::Header> HeaderList::of(const Message& m, bool key_is_topic) {
  headers_.clear();
  renamed_.clear();
  const mqtt::MessageProperties& p = m.properties;
  if (!key_is_topic) headers_.push_back({kTopic, m.topic});
  if (m.qos != mqtt::QoS::at_least_once) {
    headers_.push_back({kQos, digit(static_cast<unsigned>(m.qos))});
  }
  if (m.retain) headers_.push_back({kRetain, digit(1)});
  if (!m.client.empty()) headers_.push_back({kClient, m.client});
  if (p.expiry_s) {
    expiry_ = std::to_string(*p.expiry_s);
    headers_.push_back({kExpiry, expiry_});
  }
  if (p.payload_format) headers_.push_back({kFormat, digit(*p.payload_format)});
  if (p.content_type) headers_.push_back({kContentType, *p.content_type});
  if (p.response_topic) headers_.push_back({kResponseTopic, *p.response_topic});
  if (p.correlation_data) headers_.push_back({kCorrelation, *p.correlation_data});
  renamed_.reserve(p.user.size());  // views into it must not move
  for (const auto& [name, value] : p.user) {
    if (!reserved(name)) {
      headers_.push_back({name, value});
      continue;
    }
    renamed_.push_back(std::string(kUser).append(name));
    headers_.push_back({renamed_.back(), value});
  }
  return headers_;
}

std::string_view topic_of(const log::RecordView& record) {
  // The hub writes mqtt.topic first when it writes it at all.
  log::HeaderReader reader(record);
  log::Header header;
  while (reader.next(header)) {
    if (header.name == kTopic) return header.value;
    if (header.name.starts_with(kMqtt)) break;
  }
  return record.key.value_or(ByteView{});
}

bool to_message(const log::RecordView& record, Message& m) {
  m.topic = record.key.value_or(ByteView{});
  m.payload = record.value.value_or(ByteView{});
  m.client = {};
  m.qos = mqtt::QoS::at_least_once;
  m.retain = false;
  m.properties.clear();
  log::HeaderReader reader(record);
  log::Header header;
  while (reader.next(header)) {
    if (header.name.starts_with(kMqtt)) {
      set_hub_header(header, m);
    } else if (!header.name.starts_with(kHub) && fits_a_property(header)) {
      if (header.name.starts_with(kUser)) header.name.remove_prefix(kUser.size());
      m.properties.user.emplace_back(header.name, header.value);
    }
  }
  return mqtt::valid_topic_name(m.topic);
}

}  // namespace runnel::broker
