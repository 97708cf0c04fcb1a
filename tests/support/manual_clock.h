// A clock that stands still until a test moves it. The three things that a real clock mixes are set
// apart: monotonic time, wall time, and whether the wall clock is disciplined.
// Threads: any.
#pragma once

#include <atomic>
#include <chrono>

#include "storage/base/clock.h"

namespace runnel::test {

class ManualClock final : public Clock {
 public:
  Instant now() const override { return Instant(std::chrono::milliseconds(monotonic_ms_.load())); }

  WallTime wall() const override { return {wall_ms_.load(), synchronized_.load()}; }

  // Time passes: both clocks go on alike.
  void advance(std::chrono::milliseconds by) {
    monotonic_ms_ += by.count();
    wall_ms_ += by.count();
  }

  // Somebody sets the wall clock; no time passes.
  void step_wall(std::chrono::milliseconds by) { wall_ms_ += by.count(); }

  void set_wall_ms(std::int64_t ms) { wall_ms_ = ms; }

  void set_synchronized(bool synchronized) { synchronized_ = synchronized; }

 private:
  std::atomic<std::int64_t> monotonic_ms_{1'000'000};
  std::atomic<std::int64_t> wall_ms_{1'750'000'000'000};  // June 2025
  std::atomic<bool> synchronized_{true};
};

}  // namespace runnel::test
