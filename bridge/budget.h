// What a link may send: so many bytes a second on average, so many in 24 hours of hub time, which
// also counts while no clock was set. What was really used is told afterwards; one that used too
// much waits until that is made up for.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "storage/base/clock.h"

namespace runnel::bridge {

class Budget {
 public:
  // What is saved over restarts.
  struct Day {
    std::int64_t begun_hub_ms = 0;
    std::uint64_t bytes = 0;

    bool operator==(const Day&) const = default;
  };

  static constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

  void set(std::optional<std::uint64_t> per_second, std::optional<std::uint64_t> per_day);
  void restore(const Day& day) { day_ = day; }

  // So many have gone over the wire since the last call.
  void used(std::uint64_t bytes, Instant now, std::int64_t hub_ms);

  // nullopt: go on. Otherwise how long to wait before anything else is sent.
  [[nodiscard]] std::optional<std::chrono::milliseconds> wait(Instant now, std::int64_t hub_ms);

  // The day's bytes are used up.
  [[nodiscard]] bool spent(std::int64_t hub_ms) const;

  // How much may be sent now in one go, at most.
  [[nodiscard]] std::uint64_t burst() const;

  [[nodiscard]] const Day& day() const { return day_; }
  [[nodiscard]] std::optional<std::uint64_t> per_day() const { return per_day_; }
  [[nodiscard]] std::optional<std::uint64_t> left_today(std::int64_t hub_ms) const;

 private:
  void fill(Instant now);
  void turn_day(std::int64_t hub_ms);

  std::optional<std::uint64_t> per_second_;
  std::optional<std::uint64_t> per_day_;
  double tokens_ = 0;  // below 0: a debt
  std::optional<Instant> filled_;
  Day day_;
};

}  // namespace runnel::bridge
