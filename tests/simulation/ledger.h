// What really happened in a simulated run, seen from outside the hub: which messages clients
// published, which of them the log has made durable and where, and which were acknowledged.
//
// A message is known by the words at the front of its payload; padding may follow.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "hub/mqtt/packet.h"
#include "storage/log/log.h"

namespace runnel::simulation {

// Messages of one publisher to one MQTT topic with one QoS: these keep their order.
using Stream = std::tuple<std::string, std::string, mqtt::QoS>;

struct Sent {
  std::string id;
  std::string publisher;
  std::string topic;
  mqtt::QoS qos = mqtt::QoS::at_most_once;
  bool retain = false;
  std::size_t payload_bytes = 0;
  std::uint64_t number = 0;  // over all that its publisher sent
  bool acknowledged = false;
  std::vector<Position> stored{};

  [[nodiscard]] Stream stream() const { return {publisher, topic, qos}; }
};

class Ledger {
 public:
  // The payload for a new message, with `padding` bytes behind its name.
  std::string publish(Sent sent, std::size_t padding);

  // A commit has made these blocks durable.
  void stored(const std::vector<log::BlockPtr>& blocks);
  // The publisher has an acknowledgement of success in its hands.
  void acknowledged(const std::string& id);

  // Compares all that a log holds with what was seen to be stored.
  void compare(const log::Log& log) const;

  [[nodiscard]] const Sent& find(std::string_view payload) const;

  [[nodiscard]] const std::map<std::string, Sent>& all() const { return sent_; }

  // The message that a new subscriber to `topic` should be given; nullptr: none.
  [[nodiscard]] const Sent* retained(const std::string& topic) const;

 private:
  std::map<std::string, Sent> sent_;
  std::vector<std::string> log_;                 // ids by position
  std::map<Stream, std::uint64_t> last_number_;  // stored for the first time
  std::map<std::string, std::string> retained_;
};

}  // namespace runnel::simulation
