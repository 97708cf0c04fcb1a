// Places in a partition as people write them: where to begin, where to stop, what to go back to.
// Pure but for the wall clock that "2h" is counted from; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace runnel::app {

struct From {
  enum class Kind : std::uint8_t { earliest, latest, offset, last, time };

  Kind kind = Kind::earliest;
  std::int64_t number = 0;  // the offset, how many of the last, or ms since 1970; last: >= 0

  bool operator==(const From&) const = default;
};

// "earliest", "latest", "1000", "-10" (the last ten), or a time as read_time() has it. nullopt:
// none of these.
std::optional<From> read_from(std::string_view text);

// Milliseconds since 1970: "2026-05-01", "2026-05-01T12:00", "2026-05-01T12:00:00.250Z",
// "2026-05-01 12:00:00+02:00" (UTC where no zone is said), "@1777636800250", and how long ago:
// "-90s", "-15m", "-2h", "-1d". nullopt: none of these, or beyond the years 1970 to 9999.
std::optional<std::int64_t> read_time(std::string_view text, std::int64_t now_ms);
std::optional<std::int64_t> read_time(std::string_view text);

std::int64_t wall_clock_ms();

}  // namespace runnel::app
