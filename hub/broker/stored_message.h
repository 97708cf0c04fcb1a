// A message kept outside the log: retained, a will, or one of the hub's own. It owns its bytes, which
// are also its state row: u8 version 1, u8 qos, u8 retain, i64 hub ms of acceptance, topic, payload,
// client (counted), then the properties (a presence byte each) and the user properties.
#pragma once

#include <memory>
#include <optional>

#include "hub/broker/message.h"

namespace runnel::broker {

class StoredMessage {
 public:
  static std::shared_ptr<const StoredMessage> make(const Message& message, std::int64_t accepted_hub_ms);
  // nullptr: the row is not one of ours.
  static std::shared_ptr<const StoredMessage> from_row(ByteView row);

  [[nodiscard]] const Message& message() const { return message_; }
  [[nodiscard]] ByteView row() const { return row_; }
  [[nodiscard]] std::int64_t accepted_hub_ms() const { return accepted_hub_ms_; }

 private:
  [[nodiscard]] bool decode();

  Bytes row_;
  Message message_;
  std::int64_t accepted_hub_ms_ = 0;
};

using StoredPtr = std::shared_ptr<const StoredMessage>;

// What is left of a message's expiry interval: the interval to send on, 0 when it has passed
// (MQTT 5.0 §3.3.2.3.3), nullopt when the message never expires.
std::optional<std::uint32_t> expiry_left(
    const mqtt::MessageProperties& properties,
    std::int64_t accepted_hub_ms,
    std::int64_t hub_ms
);

}  // namespace runnel::broker
