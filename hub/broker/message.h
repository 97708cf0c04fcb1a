// An MQTT application message and the record it becomes: the mapping between the two doors, in both
// directions (docs/mapping.md has the same tables for users).
//
//   key                     the MQTT topic, or what the route says
//   value                   the payload
//   headers, in this order  mqtt.topic      when the key is not the topic
//                           mqtt.qos        when not 1
//                           mqtt.retain     "1" when set
//                           mqtt.client     the publisher's client id
//                           mqtt.expiry     seconds, decimal
//                           mqtt.payload_format, mqtt.content_type, mqtt.response_topic,
//                           mqtt.correlation_data
//                           then the user properties, one to one and in order; a name that would be
//                           read back as something else gets "user." in front, and loses it on the
//                           way out: one that begins with "mqtt.", "hub." or "user."
//
// CloudEvents (MQTT and Kafka protocol bindings 1.0) are translated between the two. In binary mode,
// which is when the user properties hold specversion, id, source and type, attributes gain "ce_" on
// the way in and lose it on the way out; the content type is header content-type, as it is in
// structured mode.
//
// Whatever a publish says comes out again byte for byte. A record that Kafka wrote may say what MQTT
// cannot (names or values that are not UTF-8 or are too long, a response topic with a wildcard): such
// headers are left out, and counted.
//
// Threads: pure; any thread.
#pragma once

#include <vector>

#include "hub/mqtt/packet.h"
#include "storage/log/record_batch.h"

namespace runnel::broker {

// Views into a packet, a record, or a retained message.
struct Message {
  std::string_view topic;
  std::string_view payload;
  std::string_view client;  // publisher; empty: the hub itself, or a Kafka producer
  mqtt::QoS qos = mqtt::QoS::at_least_once;
  bool retain = false;
  mqtt::MessageProperties properties;
};

// Keeps what a header list needs to stay alive while a record is appended.
class HeaderList {
 public:
  // `key_is_topic`: the topic need not be written again.
  std::span<const log::Header> of(const Message& message, bool key_is_topic);

 private:
  void add_user(const mqtt::UserProperty& property, bool cloud_event);

  std::vector<log::Header> headers_;
  std::vector<std::string> renamed_;
  std::string expiry_;
};

// The MQTT topic that a record names itself: its first header mqtt.topic; without one, the key of a
// record that an MQTT client published (header mqtt.client), whatever the routes are by now. nullopt:
// it names none, or none that a record may be delivered under.
std::optional<std::string_view> named_topic(const log::RecordView& record);

// Reads a record as a message with this MQTT topic. Returns how many of its headers MQTT cannot
// carry. `message` is filled in place, so that its vector is used again.
std::size_t to_message(const log::RecordView& record, std::string_view topic, Message& message);

}  // namespace runnel::broker
