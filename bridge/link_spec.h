// What the configuration says of one link. A link joins this hub's log with a Kafka cluster or a peer
// hub: upwards it sends this hub's topics there, downwards it takes that cluster's topics in; or it makes
// this hub a mirror of topics of a peer.
//
// Threads: a value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/kafka_client/record.h"

namespace runnel::bridge {

struct LinkSpec {
  enum class Direction : std::uint8_t { up, down, mirror };

  // exactly_once: records and position in one transaction; falls back to at_least_once, and says so,
  // where the destination knows no transactions.
  enum class Delivery : std::uint8_t { exactly_once, at_least_once };

  // What retention does with records that the link has not sent. skip: it takes them, which the link
  // counts and tells as a gap. hold: it leaves them, and the log refuses publishers when it is full.
  enum class Unsent : std::uint8_t { skip, hold };

  // Where a partition begins of which the other side knows no position.
  struct Start {
    enum class Kind : std::uint8_t { earliest, latest, time };

    Kind kind = Kind::earliest;
    std::int64_t time_ms = 0;  // since 1970

    bool operator==(const Start&) const = default;
  };

  // Of the local day, in minutes after midnight; one that ends before it begins goes over midnight.
  struct Window {
    std::uint32_t from = 0;
    std::uint32_t until = 0;

    bool operator==(const Window&) const = default;
  };

  std::string name;
  kafka_client::Door door;
  Direction direction = Direction::up;
  std::vector<std::string> topics;       // patterns (topic_pattern.h); those of the side that is read
  std::vector<std::string> priority;     // patterns, those that go first in front
  std::string destination = "{topic}";   // with {topic} and {hub}
  Start start;
  std::string compression = "zstd";
  Delivery delivery = Delivery::exactly_once;
  Unsent unsent = Unsent::skip;
  bool relay = true;  // records that came here over a link go on
  bool paused = false;
  std::vector<Window> schedule;                    // empty: always
  std::optional<std::uint64_t> bytes_per_second;   // on the wire, both ways
  std::optional<std::uint64_t> bytes_per_day;      // likewise
  std::chrono::milliseconds connect_max{1500};
  std::chrono::milliseconds silence_max{2000};

  bool operator==(const LinkSpec&) const = default;
};

}  // namespace runnel::bridge
