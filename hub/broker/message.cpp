#include "hub/broker/message.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "hub/core/reverse_routes.h"
#include "hub/mqtt/codec.h"
#include "hub/mqtt/topic_filter.h"

namespace runnel::broker {
namespace {

constexpr ByteView kMqtt = "mqtt.";
constexpr ByteView kHub = "hub.";
constexpr ByteView kUser = "user.";
constexpr ByteView kCloudEvent = "ce_";

constexpr ByteView kTopic = "mqtt.topic";
constexpr ByteView kQos = "mqtt.qos";
constexpr ByteView kRetain = "mqtt.retain";
constexpr ByteView kClient = "mqtt.client";
constexpr ByteView kExpiry = "mqtt.expiry";
constexpr ByteView kFormat = "mqtt.payload_format";
constexpr ByteView kContentType = "mqtt.content_type";
constexpr ByteView kResponseTopic = "mqtt.response_topic";
constexpr ByteView kCorrelation = "mqtt.correlation_data";
// "0": the user properties look like a CloudEvent's headers, and are not to be translated.
constexpr ByteView kTranslated = "mqtt.cloudevent";

constexpr ByteView kKafkaContentType = "content-type";
constexpr ByteView kStructured = "application/cloudevents";

bool reserved(std::string_view name) {
  return name.starts_with(kMqtt) || name.starts_with(kHub) || name.starts_with(kUser);
}

std::string_view digit(unsigned value) {
  static constexpr std::string_view kDigits = "0123456789";
  return kDigits.substr(value, 1);
}

// Which of the attributes that every CloudEvent has were seen.
class CloudEventTest {
 public:
  void see(std::string_view name) {
    for (std::size_t i = 0; i < kRequired.size(); ++i) {
      if (name == kRequired[i]) seen_ |= 1U << i;
    }
  }

  [[nodiscard]] bool passed() const { return seen_ == (1U << kRequired.size()) - 1; }

 private:
  static constexpr std::array<std::string_view, 4> kRequired{"specversion", "id", "source", "type"};
  unsigned seen_ = 0;
};

// A name that CloudEvents allows an attribute to have. Those of W3C Trace Context have the same name
// on every road.
bool is_attribute(std::string_view name) {
  if (name.empty() || name == "traceparent" || name == "tracestate") return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
}

bool fits_a_string(std::string_view text) {
  return text.size() <= mqtt::kStringBytesMax && mqtt::valid_utf8(text);
}

// A header that says how the message is, and not what is in it: false when MQTT cannot carry it. The
// first of several with one name counts.
bool set_mqtt_header(const log::Header& h, Message& m) {
  mqtt::MessageProperties& p = m.properties;
  if (h.name == kClient) {
    m.client = h.value;
  } else if (h.name == kQos) {
    m.qos = h.value == "0"   ? mqtt::QoS::at_most_once
            : h.value == "2" ? mqtt::QoS::exactly_once
                             : mqtt::QoS::at_least_once;
  } else if (h.name == kRetain) {
    m.retain = h.value == "1";
  } else if (h.name == kExpiry && !p.expiry_s) {
    std::uint32_t seconds = 0;
    const auto end = h.value.data() + h.value.size();
    const auto read = std::from_chars(h.value.data(), end, seconds);
    if (read.ec != std::errc() || read.ptr != end) return false;
    p.expiry_s = seconds;
  } else if (h.name == kFormat && !p.payload_format) {
    if (h.value != "0" && h.value != "1") return false;
    p.payload_format = h.value == "1" ? std::uint8_t{1} : std::uint8_t{0};
  } else if (h.name == kContentType && !p.content_type) {
    if (!fits_a_string(h.value)) return false;
    p.content_type = h.value;
  } else if (h.name == kResponseTopic && !p.response_topic) {
    if (!mqtt::valid_topic_name(h.value)) return false;
    p.response_topic = h.value;
  } else if (h.name == kCorrelation && !p.correlation_data) {
    if (h.value.size() > mqtt::kStringBytesMax) return false;
    p.correlation_data = h.value;
  }
  return true;
}

bool is_cloud_event(const log::RecordView& record) {
  CloudEventTest test;
  log::HeaderReader reader(record);
  log::Header header;
  while (reader.next(header)) {
    if (header.name == kTranslated && header.value == "0") return false;
    if (header.name.starts_with(kCloudEvent)) test.see(header.name.substr(kCloudEvent.size()));
  }
  return test.passed();
}

}  // namespace

void HeaderList::add_user(const mqtt::UserProperty& property, bool cloud_event) {
  const auto& [name, value] = property;
  ByteView prefix;
  if (reserved(name)) {
    prefix = kUser;
  } else if (name == kKafkaContentType && (cloud_event || value.starts_with(kStructured))) {
    prefix = kUser;
  } else if (cloud_event && name.starts_with(kCloudEvent)) {
    prefix = kUser;
  } else if (cloud_event && is_attribute(name)) {
    prefix = kCloudEvent;
  }
  if (prefix.empty()) {
    headers_.push_back({name, value});
    return;
  }
  renamed_.push_back(std::string(prefix).append(name));
  headers_.push_back({renamed_.back(), value});
}

std::span<const log::Header> HeaderList::of(const Message& m, bool key_is_topic) {
  headers_.clear();
  renamed_.clear();
  const mqtt::MessageProperties& p = m.properties;
  CloudEventTest here;
  CloudEventTest there;
  for (const auto& [name, value] : p.user) {
    here.see(name);
    if (name.starts_with(kCloudEvent)) there.see(name.substr(kCloudEvent.size()));
  }
  const bool cloud_event = here.passed();
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
  if (p.content_type) {
    const bool as_kafka_has_it = cloud_event || p.content_type->starts_with(kStructured);
    headers_.push_back({as_kafka_has_it ? kKafkaContentType : kContentType, *p.content_type});
  }
  if (p.response_topic) headers_.push_back({kResponseTopic, *p.response_topic});
  if (p.correlation_data) headers_.push_back({kCorrelation, *p.correlation_data});
  if (there.passed() && !cloud_event) headers_.push_back({kTranslated, digit(0)});
  renamed_.reserve(p.user.size());  // views into it must not move
  for (const mqtt::UserProperty& property : p.user) add_user(property, cloud_event);
  return headers_;
}

std::optional<std::string_view> named_topic(const log::RecordView& record) {
  std::optional<std::string_view> named;
  bool published = false;
  log::HeaderReader reader(record);
  log::Header header;
  while (!named && reader.next(header)) {
    if (header.name == kTopic) named = header.value;
    if (header.name == kClient) published = true;
  }
  if (!named && published) named = record.key;
  if (!named || !core::deliverable_topic(*named)) return std::nullopt;
  return *named;
}

std::size_t to_message(const log::RecordView& record, std::string_view topic, Message& m) {
  m.topic = topic;
  m.payload = record.value.value_or(ByteView{});
  m.client = {};
  m.qos = mqtt::QoS::at_least_once;
  m.retain = false;
  mqtt::MessageProperties& p = m.properties;
  p.clear();
  const bool cloud_event = is_cloud_event(record);
  std::size_t left_out = 0;
  log::HeaderReader reader(record);
  log::Header h;
  while (reader.next(h)) {
    if (h.name.starts_with(kMqtt)) {
      if (!set_mqtt_header(h, m)) ++left_out;
      continue;
    }
    if (h.name.starts_with(kHub)) continue;
    if (!fits_a_string(h.name) || !fits_a_string(h.value)) {
      ++left_out;
      continue;
    }
    if (h.name == kKafkaContentType && !p.content_type &&
        (cloud_event || h.value.starts_with(kStructured))) {
      p.content_type = h.value;
      continue;
    }
    if (h.name.starts_with(kUser)) {
      h.name.remove_prefix(kUser.size());
    } else if (cloud_event && h.name.starts_with(kCloudEvent)) {
      h.name.remove_prefix(kCloudEvent.size());
    }
    p.user.emplace_back(h.name, h.value);
  }
  return left_out;
}

}  // namespace runnel::broker
