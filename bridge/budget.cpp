#include "bridge/budget.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace runnel::bridge {

namespace {

// What is not used may be kept for so long.
constexpr double kSavedS = 1.0;
// One transaction is worth no more than so many seconds.
constexpr double kBurstS = 1.0;
constexpr std::uint64_t kBurstMin = 4 * 1024;

}  // namespace

void Budget::set(std::optional<std::uint64_t> per_second, std::optional<std::uint64_t> per_day) {
  per_second_ = per_second;
  per_day_ = per_day;
}

void Budget::fill(Instant now) {
  if (!per_second_) return;
  const double rate = static_cast<double>(*per_second_);
  if (filled_) tokens_ += rate * std::chrono::duration<double>(now - *filled_).count();
  tokens_ = std::min(tokens_, rate * kSavedS);
  filled_ = now;
}

void Budget::turn_day(std::int64_t hub_ms) {
  const bool unset = day_.begun_hub_ms == 0 && day_.bytes == 0;
  if (unset || hub_ms < day_.begun_hub_ms || hub_ms - day_.begun_hub_ms >= kDayMs) {
    day_ = {hub_ms, 0};
  }
}

void Budget::used(std::uint64_t bytes, Instant now, std::int64_t hub_ms) {
  fill(now);
  turn_day(hub_ms);
  tokens_ -= per_second_ ? static_cast<double>(bytes) : 0;
  day_.bytes += bytes;
}

bool Budget::spent(std::int64_t hub_ms) const {
  return per_day_ && hub_ms - day_.begun_hub_ms < kDayMs && day_.bytes >= *per_day_;
}

std::optional<std::chrono::milliseconds> Budget::wait(Instant now, std::int64_t hub_ms) {
  using std::chrono::milliseconds;
  fill(now);
  if (spent(hub_ms)) return milliseconds(kDayMs - (hub_ms - day_.begun_hub_ms));
  if (!per_second_ || tokens_ >= 0) return std::nullopt;
  const double seconds = -tokens_ / static_cast<double>(*per_second_);
  return milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
}

std::uint64_t Budget::burst() const {
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  if (per_second_) {
    most = static_cast<std::uint64_t>(static_cast<double>(*per_second_) * kBurstS);
  }
  if (per_day_) most = std::min(most, *per_day_ - std::min(*per_day_, day_.bytes));
  return std::max(most, kBurstMin);
}

std::optional<std::uint64_t> Budget::left_today(std::int64_t hub_ms) const {
  if (!per_day_) return std::nullopt;
  if (hub_ms - day_.begun_hub_ms >= kDayMs) return per_day_;
  return *per_day_ - std::min(*per_day_, day_.bytes);
}

}  // namespace runnel::bridge
