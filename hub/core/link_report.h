// How a link is doing, for those who ask the hub: over HTTP, as metrics, below $SYS. A value.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace runnel::core {

struct LinkReport {
  struct Gap {
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t first = 0;  // offsets, both included
    std::int64_t last = 0;
    std::string why;
  };

  std::string name;
  std::string direction;    // "up", "down", "mirror"
  std::string state;        // "connecting", "online", "waiting", "paused", "off-schedule", "day-spent"
  std::string why;          // of not being online; may be empty
  std::string delivery;     // "exactly-once", "at-least-once"
  std::string destination;  // the id of the cluster; empty until it was reached
  bool online = false;

  std::uint64_t lag_records = 0;
  std::uint64_t lag_bytes = 0;              // about
  std::optional<std::int64_t> oldest_ms{};  // the time of the oldest record not sent, since 1970
  std::optional<double> lag_s{};            // how long ago that was

  // Since the hub started.
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t transactions = 0;
  std::uint64_t wire_bytes = 0;
  std::uint64_t kept_back = 0;  // the destination has them already
  std::uint64_t refused = 0;    // by the destination, for ever
  std::uint64_t unreadable = 0;

  std::uint64_t gaps = 0;  // records that retention took, ever
  std::vector<Gap> last_gaps;
  std::vector<std::string> troubles;
  std::optional<std::uint64_t> day_left{};  // bytes; unset: no budget for the day
};

using LinkReports = std::function<std::vector<LinkReport>()>;

}  // namespace runnel::core
