#include "bridge/link.h"

#include <algorithm>
#include <ctime>
#include <random>
#include <utility>

#include "bridge/kafka_destination.h"
#include "storage/base/logger.h"

namespace runnel::bridge {

namespace {

using std::chrono::milliseconds;
using State = LinkStatus::State;

// One transaction takes about so long: a few rounds to the destination and back are in it, in which
// nothing else is sent; on the other hand what is urgent must wait for it.
constexpr double kTransactionS = 1.5;
constexpr double kTransactionUrgentS = 0.7;
constexpr double kBytesMin = 2 * 1024;
constexpr double kBytesMax = 8 << 20;
constexpr double kBytesFirst = 4 * 1024;  // what comes first should come soon
constexpr double kStepMax = 2;
constexpr double kRoundsMostS = 10;

constexpr milliseconds kBackoffLeast{100};
constexpr milliseconds kBackoffMost{1000};
constexpr milliseconds kRefusedBackoffMost{30'000};  // who said no will not say yes in a second
constexpr std::chrono::seconds kAge{5};
constexpr std::chrono::seconds kRetry{30};
constexpr std::uint32_t kMinutesOfDay = 24 * 60;

bool is_open(const std::vector<LinkSpec::Window>& schedule, std::uint32_t minute) {
  return std::any_of(schedule.begin(), schedule.end(), [&](const LinkSpec::Window& w) {
    if (w.from <= w.until) return w.from <= minute && minute < w.until;
    return w.from <= minute || minute < w.until;
  });
}

std::uint32_t minute_of_day(std::int64_t wall_ms) {
  const auto seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm local{};
  localtime_r(&seconds, &local);
  return static_cast<std::uint32_t>(local.tm_hour * 60 + local.tm_min) % kMinutesOfDay;
}

}  // namespace

std::string_view name_of(LinkStatus::State state) {
  switch (state) {
    case State::connecting: return "connecting";
    case State::online: return "online";
    case State::waiting: return "waiting";
    case State::paused: return "paused";
    case State::off_schedule: return "off-schedule";
    case State::day_spent: return "day-spent";
  }
  return "unknown";
}

Link::Link(
    LinkSpec spec,
    const Surroundings& around,
    Memory memory,
    Sources sources,
    std::uint64_t number
)
    : spec_(std::move(spec)),
      around_(around),
      number_(number),
      backoff_(kBackoffLeast, kBackoffMost, std::random_device{}()),
      positions_(memory.positions),
      gaps_before_(memory.gaps),
      size_(kBytesFirst),
      transactions_(spec_.delivery == LinkSpec::Delivery::exactly_once),
      sources_(std::move(sources)),
      memory_(std::move(memory)) {
  budget_.set(spec_.bytes_per_second, spec_.bytes_per_day);
  budget_.restore(memory_.day);
  status_.name = spec_.name;
  status_.direction = spec_.direction;
  status_.delivery = spec_.delivery;
  status_.gaps_ever = memory_.gaps;
  thread_ = std::thread([this] { run(); });
}

Link::~Link() {
  stop();
  join();
}

void Link::join() {
  if (thread_.joinable()) thread_.join();
}

// --- the io thread's side ---

void Link::stop() {
  const std::scoped_lock lock(mutex_);
  stop_.store(true);
  changed_.notify_all();
}

void Link::wake() {
  const std::scoped_lock lock(mutex_);
  if (woken_) return;
  woken_ = true;
  changed_.notify_all();
}

void Link::set_sources(Sources sources) {
  const std::scoped_lock lock(mutex_);
  if (sources == sources_) return;
  sources_ = std::move(sources);
  new_sources_ = true;
  changed_.notify_all();
}

LinkStatus Link::status() const {
  const std::scoped_lock lock(mutex_);
  return status_;
}

Memory Link::memory() const {
  const std::scoped_lock lock(mutex_);
  return memory_;
}

// --- the thread's side ---

std::string Link::id() const {
  return "runnel-link." + around_.log_id + "." + spec_.name;
}

void Link::run() {
  while (!stopping()) {
    if (may_not_run()) {
      rest(kLookEvery, false);
      continue;
    }
    one_life();
  }
  finished_.store(true);
}

// Until something goes wrong, or the link should not run any more.
void Link::one_life() {
  metered_ = 0;
  switch (spec_.direction) {
    case LinkSpec::Direction::up: return live_upwards();
    case LinkSpec::Direction::down: return live_downwards();
    case LinkSpec::Direction::mirror: return live_as_mirror();
  }
}

void Link::live_upwards() {
  size_ = std::min(size_, kBytesFirst);
  rounds_s_ = kRoundsMostS;
  const auto stop = [this] { return stopping() || may_not_run(); };
  const auto heard = [this](const Failure& trouble) { say(State::connecting, trouble.text); };
  KafkaDestination destination(
      spec_, id(), transactions_, tally_.batch_bytes_max, stop, heard
  );
  Uplink uplink(spec_, around_.log, around_.name, id(), destination, tally_);
  const auto failure = uplink.begin([this] { return take_sources(); }, positions_);
  meter(destination.wire_bytes());
  if (stop()) return;
  if (failure) {
    if (failure->kind == Failure::Kind::unsupported && transactions_) {
      logger::warn("link", logger::text(spec_.name, ": the destination knows no transactions (", failure->text, "): from here on at least once, with source headers"));
      transactions_ = false;
      return;
    }
    return failed(*failure);
  }
  {
    const std::scoped_lock lock(mutex_);
    status_.destination = destination.cluster_id();
    status_.delivery = transactions_ ? LinkSpec::Delivery::exactly_once : LinkSpec::Delivery::at_least_once;
  }
  say(State::online);
  online_since_ = Clk::now();
  publish(uplink.positions(), uplink.troubles());
  work(uplink, destination);
  meter(destination.wire_bytes());
  publish(uplink.positions(), uplink.troubles());
}

Sources Link::take_sources() {
  const std::scoped_lock lock(mutex_);
  new_sources_ = false;
  return sources_;
}

void Link::work(Uplink& uplink, KafkaDestination& destination) {
  while (!stopping() && !may_not_run()) {
    bool new_sources = false;
    {
      const std::scoped_lock lock(mutex_);
      new_sources = new_sources_;
      woken_ = false;
    }
    if (new_sources) {
      if (const auto failure = uplink.set_sources(take_sources())) return failed(*failure);
    }
    if (!take_turn(uplink, destination)) return;
  }
}

// One transaction, or a wait for something to send. False: this life is over.
bool Link::take_turn(Uplink& uplink, KafkaDestination& destination) {
  const auto begun = Clk::now();
  if (begun - aged_ >= kAge) {
    aged_ = begun;
    uplink.age();
  }
  const auto wait = budget_.wait(begun, around_.log.hub_ms());
  if (!wait) {
    const std::uint64_t bytes_before = tally_.counters.bytes;
    const std::uint64_t wire_before = wire_bytes_;
    const auto did = uplink.step(next_bytes());
    meter(destination.wire_bytes());
    if (!did) {
      if (did.error().kind != Failure::Kind::record_refused) failed(did.error());
      return false;
    }
    if (*did == Uplink::Did::sent) {
      learn(tally_.counters.bytes - bytes_before, wire_bytes_ - wire_before, Clk::now() - begun);
      backoff_.went_well(std::chrono::duration_cast<milliseconds>(Clk::now() - online_since_));
      say(State::online);
    }
    if (*did != Uplink::Did::nothing) publish(uplink.positions(), uplink.troubles());
    if (*did == Uplink::Did::nothing) rest(kLookEvery, true);
  } else {
    rest(std::min(*wait, kLookEvery), false);
  }
  if (Clk::now() - looked_ >= kLookEvery) look_after(uplink, destination);
  return true;
}

// What a transaction may hold: what the link takes in a moment, and the budget gives.
std::size_t Link::next_bytes() const {
  const double burst = static_cast<double>(budget_.burst()) / wire_per_byte_;
  return static_cast<std::size_t>(std::clamp(std::min(size_, burst), kBytesMin, kBytesMax));
}

// A transaction takes some rounds to the destination and back, however small it is: the least that any has
// taken, about. What it takes beyond that is for its bytes, and may be as much, so that a line with long
// rounds is put to use.
void Link::learn(std::uint64_t bytes, std::uint64_t wire, std::chrono::duration<double> took) {
  constexpr double kFull = 0.7;
  const double all = std::max(took.count(), 1e-4);
  rounds_s_ = std::min(rounds_s_, all);
  const double wanted = std::max(spec_.priority.empty() ? kTransactionS : kTransactionUrgentS, 2 * rounds_s_);
  const double step = std::clamp(wanted / all, 1 / kStepMax, kStepMax);
  const double sent = static_cast<double>(std::max<std::uint64_t>(bytes, 1));
  if (sent >= kFull * size_ || step < 1) size_ = std::clamp(size_ * step, kBytesMin, kBytesMax);
  const double ratio = std::clamp(static_cast<double>(wire) / sent, 0.05, 4.0);
  wire_per_byte_ = 0.7 * wire_per_byte_ + 0.3 * ratio;
}

void Link::look_after(Uplink& uplink, KafkaDestination& destination) {
  looked_ = Clk::now();
  // While nothing is sent, a broken connection is only noticed here.
  if (const auto trouble = destination.trouble()) {
    if (!destination.answers(milliseconds(250))) say(State::connecting, trouble->text);
  } else if (status().state == State::connecting && destination.answers(milliseconds(250))) {
    say(State::online);
  }
  if (!uplink.troubles().empty() && looked_ - retried_ >= kRetry) {
    retried_ = looked_;
    const std::scoped_lock lock(mutex_);
    new_sources_ = true;  // perhaps what could not be made can be made now
  }
  meter(destination.wire_bytes());
  publish(uplink.positions(), uplink.troubles());
  publish_lag(uplink.lag());
}

// `now`: what has gone over the wire in this life.
void Link::meter(std::uint64_t now) {
  const std::uint64_t more = now - std::min(now, metered_);
  budget_.used(more, Clk::now(), around_.log.hub_ms());
  wire_bytes_ += more;
  metered_ = now;
}

void Link::publish(const Positions& positions, const std::vector<std::string>& troubles) {
  positions_ = positions;
  const std::scoped_lock lock(mutex_);
  status_.troubles = troubles;
  status_.gaps.assign(tally_.gaps.begin(), tally_.gaps.end());
  status_.counters = tally_.counters;
  status_.wire_bytes = wire_bytes_;
  status_.day_left = budget_.left_today(around_.log.hub_ms());
  memory_.positions = positions_;
  memory_.day = budget_.day();
  memory_.gaps = gaps_before_ + tally_.counters.gaps;
  status_.gaps_ever = memory_.gaps;
}

void Link::publish_lag(const Uplink::Lag& lag) {
  const std::scoped_lock lock(mutex_);
  status_.lag = lag;
}

bool Link::may_not_run() {
  State state = State::online;
  std::string why;
  const WallTime wall = around_.clock.wall();
  if (spec_.paused) {
    state = State::paused;
    why = "the configuration says so";
  } else if (!spec_.schedule.empty() && !wall.synchronized) {
    state = State::off_schedule;
    why = "the clock is not set";
  } else if (!spec_.schedule.empty() && !is_open(spec_.schedule, minute_of_day(wall.ms))) {
    state = State::off_schedule;
  } else if (budget_.spent(around_.log.hub_ms())) {
    state = State::day_spent;
    why = "the bytes of this day are used up";
  }
  if (state == State::online) return false;
  say(state, why);
  return true;
}

void Link::say(State state, const std::string& why) {
  {
    const std::scoped_lock lock(mutex_);
    if (status_.state == state && status_.why == why) return;
    const bool news = status_.state != state;
    status_.state = state;
    status_.why = why;
    if (!news) return;
  }
  logger::info("link", logger::text(spec_.name, ": ", name_of(state), why.empty() ? "" : ": ", why));
}

// One wait for all that can go wrong with this destination.
void Link::failed(const Failure& failure) {
  milliseconds wait = backoff_.next();
  const bool unreachable = failure.kind == Failure::Kind::unreachable;
  if (!unreachable) wait = std::min(wait * 30, kRefusedBackoffMost);
  say(unreachable ? State::connecting : State::waiting, failure.text);
  const auto until = Clk::now() + wait;
  while (!stopping() && Clk::now() < until) {
    rest(std::chrono::duration_cast<milliseconds>(until - Clk::now()) + milliseconds(1), false);
  }
}

// Until there may be something to do. Woken by new records only if those are waited for.
bool Link::rest(milliseconds most, bool for_records) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, most, [&] {
    return stop_.load() || (for_records && (woken_ || new_sources_));
  });
}

}  // namespace runnel::bridge
