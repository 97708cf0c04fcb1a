// The half of a link that takes from the other side.
#include <algorithm>
#include <utility>

#include "bridge/downlink.h"
#include "bridge/link.h"

namespace runnel::bridge {

namespace {

using std::chrono::milliseconds;
using State = LinkStatus::State;

constexpr std::chrono::seconds kRefresh{10};  // after new topics on the other side
constexpr milliseconds kReach{2000};
constexpr milliseconds kPoll{200};
constexpr std::size_t kParcelBytes = 512 * 1024;

}  // namespace

void Link::live_downwards() {
  Downlink downlink(
      spec_, around_.name, around_.record_bytes_max, [this](Parcel& p) { return deliver(p); }, tally_
  );
  if (const auto failure = downlink.begin(positions_, kReach)) {
    meter(downlink.wire_bytes());
    return failed(*failure);
  }
  {
    const std::scoped_lock lock(mutex_);
    status_.destination = downlink.cluster_id();
  }
  say(State::online);
  publish(downlink.positions());
  online_since_ = Clk::now();
  auto refreshed = Clk::now();
  while (!stopping() && !may_not_run()) {
    if (const auto wait = budget_.wait(Clk::now(), around_.log.hub_ms())) {
      rest(std::min(*wait, kLookEvery), false);
    } else {
      const auto did = downlink.step(std::min<std::uint64_t>(kParcelBytes, budget_.burst()), kPoll);
      if (!did) return failed(did.error());
      if (*did == Downlink::Did::stopped) break;
      if (*did == Downlink::Did::stored) {
        backoff_.went_well(std::chrono::duration_cast<milliseconds>(Clk::now() - online_since_));
        say(State::online);
      }
    }
    meter(downlink.wire_bytes());
    publish(downlink.positions());
    if (Clk::now() - refreshed >= kRefresh) {
      refreshed = Clk::now();
      if (const auto failure = downlink.refresh()) return failed(*failure);
    }
    if (Clk::now() - looked_ < kLookEvery) continue;
    looked_ = Clk::now();
    publish_lag(downlink.lag());
    if (const auto trouble = downlink.trouble()) {
      if (!downlink.answers(milliseconds(250))) say(State::connecting, *trouble);
    } else if (status().state == State::connecting && downlink.answers(milliseconds(250))) {
      say(State::online);
    }
  }
}

// Until it is in the log, or the link stops.
bool Link::deliver(Parcel& parcel) {
  while (!stopping()) {
    {
      const std::scoped_lock lock(mutex_);
      parcel_ = parcel;
      stored_.reset();
      delivering_ = true;
    }
    around_.poke();
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return (stop_.load() && parcel_) || stored_.has_value(); });
      delivering_ = false;
      if (stored_.value_or(false)) {
        if (parcel.copy == nullptr) memory_.positions = parcel.positions;
        return true;
      }
      if (parcel_) {  // nobody has taken it
        parcel_.reset();
        return false;
      }
    }
    say(State::waiting, "the log takes nothing now");
    rest(kLookEvery, false);
  }
  return false;
}

std::optional<Parcel> Link::take_parcel() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(parcel_, std::nullopt);
}

bool Link::delivering() const {
  const std::scoped_lock lock(mutex_);
  return delivering_;
}

void Link::stored(bool it_was) {
  const std::scoped_lock lock(mutex_);
  stored_ = it_was;
  changed_.notify_all();
}

}  // namespace runnel::bridge
