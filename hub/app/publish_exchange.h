// One MQTT 5 conversation that publishes and waits for the acknowledgement that each QoS has.
// Sans-IO: bytes in, bytes out. For the command line; the hub's own side is hub/broker.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "hub/mqtt/codec.h"
#include "storage/base/bytes.h"

namespace runnel::app {

// "quota exceeded (0x97)".
std::string reason_text(mqtt::Reason reason);

class PublishExchange {
 public:
  struct Options {
    std::string topic;  // an MQTT topic that valid_topic_name() accepts
    mqtt::QoS qos = mqtt::QoS::at_least_once;
    bool retain = false;
  };

  // Begins with a CONNECT in output().
  explicit PublishExchange(Options options);

  // What is to be written now; the caller clears what it has written.
  [[nodiscard]] Bytes& output() { return output_; }

  // Takes what has come, in pieces of any size.
  void receive(ByteView bytes);

  // The hub has accepted the connection.
  [[nodiscard]] bool connected() const { return connack_.has_value(); }

  // Another publish() keeps within what the hub said it takes at a time.
  [[nodiscard]] bool has_room() const;

  // connected(), has_room() and no failure() are required.
  void publish(ByteView payload);

  // Asks for a sign of life: at QoS 0 the only way to know that the hub has read what was sent.
  void ping();

  // Every publish is acknowledged, and every ping answered.
  [[nodiscard]] bool settled() const { return pending_.empty() && pings_ == 0; }

  // Says goodbye in output().
  void disconnect();

  // Messages that are acknowledged, or at QoS 0 sent.
  [[nodiscard]] std::uint64_t published() const { return published_; }

  // Why it cannot go on, as a sentence without a full stop: the first refusal, or a packet that no
  // hub sends. What is outstanding then stays unknown.
  [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }

 private:
  struct Pending {
    std::uint64_t number = 0;  // from 1, in the order of publish()
    mqtt::PacketType waits_for = mqtt::PacketType::puback;
  };

  // What the hub's CONNACK said about PUBLISH packets.
  struct Terms {
    std::uint32_t receive_maximum = 65535;
    std::size_t packet_bytes_max = mqtt::kBodyBytesMax;
    mqtt::QoS qos_max = mqtt::QoS::exactly_once;
    bool retain = true;
  };

  void packet(mqtt::PacketType type, ByteView body);
  void connack(ByteView body);
  void ack(mqtt::PacketType type, ByteView body);
  void fail(std::string why);
  mqtt::PacketId free_packet_id();

  Options options_;
  Bytes output_;
  Bytes input_;
  std::optional<Terms> connack_;
  std::map<mqtt::PacketId, Pending> pending_;
  mqtt::PacketId last_id_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t published_ = 0;
  std::uint32_t pings_ = 0;
  std::optional<std::string> failure_;
};

}  // namespace runnel::app
