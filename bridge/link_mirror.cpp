// The link whose end here is a mirror.
#include <algorithm>

#include "bridge/link.h"
#include "bridge/mirror.h"

namespace runnel::bridge {

namespace {

using std::chrono::milliseconds;
using State = LinkStatus::State;

constexpr std::chrono::seconds kRefresh{10};  // after new topics there
constexpr milliseconds kReach{2000};
constexpr milliseconds kWait{500};            // for records, at the origin
constexpr std::size_t kCopyBytes = 1 << 20;
constexpr milliseconds kRest{100};            // after an answer that came at once and brought nothing

}  // namespace

void Link::live_as_mirror() {
  const auto stop = [this] { return stopping(); };
  const auto deliver = [this](const std::shared_ptr<Copy>& copy) {
    Parcel parcel;
    parcel.copy = copy;
    return this->deliver(parcel);
  };
  Mirror mirror(spec_, around_.log, around_.name, deliver, stop, tally_);
  const auto end = [&](const Failure& failure) {
    meter(mirror.wire_bytes());
    publish({}, mirror.troubles());
    if (!stopping()) failed(failure);
  };
  if (const auto failure = mirror.begin(std::max<milliseconds>(kReach, spec_.connect_max))) return end(*failure);
  {
    const std::scoped_lock lock(mutex_);
    status_.destination = mirror.origin();
  }
  say(State::online);
  online_since_ = Clk::now();
  auto refreshed = Clk::now();
  while (!stopping() && !may_not_run()) {
    if (const auto wait = budget_.wait(Clk::now(), around_.log.hub_ms())) {
      rest(std::min(*wait, kLookEvery), false);
    } else {
      const auto asked = Clk::now();
      const auto did = mirror.step(std::min<std::uint64_t>(kCopyBytes, budget_.burst()), kWait);
      if (!did) return end(did.error());
      if (*did == Mirror::Did::stopped) break;
      if (*did == Mirror::Did::nothing && Clk::now() - asked < kRest) rest(kRest, false);
      backoff_.went_well(std::chrono::duration_cast<milliseconds>(Clk::now() - online_since_));
      say(State::online);
    }
    meter(mirror.wire_bytes());
    publish({}, mirror.troubles());
    if (Clk::now() - refreshed >= kRefresh) {
      refreshed = Clk::now();
      if (const auto failure = mirror.refresh()) return end(*failure);
    }
    publish_lag(mirror.lag());
  }
  meter(mirror.wire_bytes());
}

}  // namespace runnel::bridge
