// Replay: an MQTT 5 client asks for the past when it subscribes (docs/mqtt.md, "Replay"). Here are
// the words of the convention: what SUBSCRIBE asks in user properties, and what SUBACK and the
// replayed messages say. Who reads the log for it: session.h.
//
// Threads: pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "hub/mqtt/packet.h"
#include "storage/base/types.h"

namespace runnel::broker {

// hub.from, understood.
struct ReplayFrom {
  enum class Kind : std::uint8_t {
    earliest,  // "earliest"
    time,      // RFC 3339, or decimal ms since 1970: the first record that is at least that new
    offset,    // "TOPIC/PARTITION:OFFSET": that record
    position,  // "position:N": that position of the log
  };

  Kind kind = Kind::earliest;
  std::int64_t time_ms = 0;
  std::string topic{};
  std::uint32_t partition = 0;
  Offset offset{};
  Position position{};

  bool operator==(const ReplayFrom&) const = default;
};

// What the user properties of a SUBSCRIBE ask for. Names under "hub." that mean nothing are wrong,
// so that a slip of the pen does not pass for a subscription without replay.
struct ReplayAsked {
  std::optional<ReplayFrom> from;
  std::string wrong;  // for the reason string; empty: nothing is

  static ReplayAsked of(const mqtt::UserProperties& user);
};

// As SUBACK says it back: times as RFC 3339 in UTC, with milliseconds.
std::string text_of(const ReplayFrom& from);

// Which record of the log a replayed message is.
struct ReplayMark {
  std::string_view topic;
  std::uint32_t partition = 0;
  Offset offset{};
  std::int64_t time_ms = 0;
  Position position{};
};

// Keeps the text of user properties alive while a packet is encoded.
class ReplayWords {
 public:
  // Puts hub.replay, hub.topic, hub.partition, hub.offset, hub.time and hub.position in front.
  void put(const ReplayMark& mark, mqtt::UserProperties& user);

 private:
  std::array<std::string, 4> texts_;
};

}  // namespace runnel::broker
