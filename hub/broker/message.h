// An MQTT application message and the record it becomes: the mapping between the two doors, in both
// directions (docs/mapping.md has the same table for users).
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
//                           then the user properties, one to one and in order; a name that begins
//                           with "mqtt.", "hub." or "user." gets "user." in front, and loses it on
//                           the way out
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
  std::string_view client;  // publisher; empty: the hub itself
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
  std::vector<log::Header> headers_;
  std::vector<std::string> renamed_;
  std::string expiry_;
};

// Reads a record as a message. False when it has no MQTT topic: neither a header nor a key that is
// one. `message` is filled in place, so that its vector is used again.
bool to_message(const log::RecordView& record, Message& message);

// The topic alone, for matching before anything else is decoded. Empty: none.
std::string_view topic_of(const log::RecordView& record);

}  // namespace runnel::broker
