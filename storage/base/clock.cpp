#include "storage/base/clock.h"

#include <sys/timex.h>

namespace runnel {

std::int64_t SystemClock::wall_ms() const {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

WallTime SystemClock::wall() const {
  timex state{};
  const int rc = adjtimex(&state);  // -1 where a sandbox forbids to ask: then nothing is known
  const bool synchronized = rc >= 0 && rc != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  return {wall_ms(), synchronized};
}

HubClock::HubClock(const Clock& clock, Mark last)
    : clock_(clock), last_(last), start_(clock.now()), base_ms_(last.hub_ms) {}

std::int64_t HubClock::now_ms() {
  const auto passed =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - start_).count();
  if (!gap_known_ && last_.wall.synchronized) {
    const WallTime wall = clock_.wall();
    if (wall.synchronized) {
      const std::int64_t gap = wall.ms - last_.wall.ms - passed;
      if (gap > 0) base_ms_ += gap;
      gap_known_ = true;
    }
  }
  return base_ms_ + passed;
}

}  // namespace runnel
