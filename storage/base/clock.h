// Time, in three kinds that must not be mixed (promise P7):
//   Instant   monotonic, for keep-alives, delays and waits; means nothing after a restart
//   wall time milliseconds since 1970, what records carry for people; may jump, may be wrong
//   hub time  milliseconds that the hub knows to have passed, over restarts; never goes back, never
//             jumps with the wall clock. Expiry and retention by age go by this and nothing else.
#pragma once

#include <chrono>
#include <cstdint>

namespace runnel {

using Instant = std::chrono::steady_clock::time_point;

struct WallTime {
  std::int64_t ms = 0;         // since 1970-01-01 UTC
  bool synchronized = false;   // the kernel says that something disciplines the clock
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;
  // The time of wall() alone, without asking whether it can be trusted: cheap, for every record.
  virtual std::int64_t wall_ms() const { return wall().ms; }
};

class SystemClock final : public Clock {
 public:
  Instant now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override;
  std::int64_t wall_ms() const override;
};

// Hub time: what the log's last block said, and what has passed since by the monotonic clock. The
// time that the hub was down counts when the wall clock was synchronised before and is now.
// Threads: one at a time.
class HubClock {
 public:
  // What the last durable block knew. All zero for a new log.
  struct Mark {
    std::int64_t hub_ms = 0;
    WallTime wall;
  };

  // `clock` outlives this.
  HubClock(const Clock& clock, Mark last);

  // Also notices that the wall clock has become synchronised, and then counts the time down.
  std::int64_t now_ms();

 private:
  const Clock& clock_;
  Mark last_;
  Instant start_;
  std::int64_t base_ms_;
  bool gap_known_ = false;
};

}  // namespace runnel
