#include "bench/load/run.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>

namespace runnel::bench {

namespace {

constexpr double kNsPerSecond = 1e9;
constexpr auto kPoll = std::chrono::milliseconds(2);
constexpr double kCloseTimeoutS = 5;
constexpr double kQuietQos0S = 1;  // nobody owes anybody a QoS 0 message: wait only so long
constexpr auto kLinger = std::chrono::milliseconds(200);  // for repeats behind the last message
constexpr std::uint64_t kBeginDelayNs = 5'000'000;        // for every worker to hear of it

std::atomic<bool> stopping{false};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double seconds_between(std::uint64_t from_ns, std::uint64_t to_ns) {
  return to_ns > from_ns ? static_cast<double>(to_ns - from_ns) / kNsPerSecond : 0;
}

std::uint64_t earlier(std::uint64_t a, std::uint64_t b) {  // 0: not at all
  return a == 0 || (b != 0 && b < a) ? b : a;
}

void add(Tally& total, const Tally& part) {
  total.sent += part.sent;
  total.acknowledged += part.acknowledged;
  total.acknowledged_measured += part.acknowledged_measured;
  total.refused += part.refused;
  total.in_flight += part.in_flight;
  total.last_ack_ns = std::max(total.last_ack_ns, part.last_ack_ns);
  total.ack_latency.merge(part.ack_latency);
  total.live_distinct += part.live_distinct;
  total.offline_distinct += part.offline_distinct;
  total.live_first_ns = earlier(total.live_first_ns, part.live_first_ns);
  total.live_last_ns = std::max(total.live_last_ns, part.live_last_ns);
  total.offline_begin_ns = earlier(total.offline_begin_ns, part.offline_begin_ns);
  total.offline_last_ns = std::max(total.offline_last_ns, part.offline_last_ns);
  total.foreign += part.foreign;
  total.live_latency.merge(part.live_latency);
  total.errors += part.errors;
  total.reconnects += part.reconnects;
  total.pings += part.pings;
  total.pongs += part.pongs;
  if (total.first_error.empty()) total.first_error = part.first_error;
}

bool is_complete(const Delivery& d, unsigned qos) {
  if (d.reordered > 0 || d.misrouted > 0 || d.invented > 0) return false;
  if (qos > 0 && d.lost > 0) return false;
  return qos == 1 || d.repeats == 0;
}

// What the publishers say was sent and what nobody is owed.
struct Books {
  std::vector<Publisher::StreamSent> sent;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> excused;
};

void hold_against(const Books& books, const Subscriber& subscriber, Delivery& d) {
  const Verifier& v = subscriber.verifier();
  ++d.subscribers;
  d.distinct += v.totals().distinct;
  d.repeats += v.totals().repeats;
  d.reordered += v.totals().reordered;
  d.misrouted += v.totals().misrouted;
  for (const auto& [stream, sent] : books.sent) {
    if (!v.owes(stream)) continue;
    d.lost += v.missing(stream, sent);
    d.invented += v.invented(stream, sent);
  }
  for (const auto& [stream, sequence] : books.excused) {
    if (v.owes(stream) && !v.has(stream, sequence)) --d.lost;
  }
}

}  // namespace

bool Outcome::good() const {
  return connected && completed && !interrupted && tally.errors == 0 && tally.refused == 0 &&
         tally.foreign == 0 && (!live || is_complete(*live, delivery_qos)) &&
         (!offline || is_complete(*offline, delivery_qos));
}

Run::Run(const Options& options) : options_(options) {}

void Run::stop() {
  stopping.store(true);
}

bool Run::execute(Outcome& outcome) {
  if (!resolve(options_.host, options_.port, address_)) return false;
  const std::uint32_t run = std::random_device{}();
  for (unsigned i = 0; i < options_.threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(options_, orders_, address_, run, i));
  }
  for (const auto& worker : workers_) threads_.emplace_back([&worker] { worker->run(); });

  connect(outcome);
  if (outcome.connected && options_.mode == Mode::idle) {
    hold_idle();
    outcome.completed = true;
  } else if (outcome.connected) {
    load(outcome);
    settle();
    if (options_.offline_session) drain();
  }
  outcome.interrupted = stopping.load();
  close();
  sum_up(outcome);
  return true;
}

template <class Done, class Mark>
bool Run::wait(Done done, Mark mark, double timeout_s) const {
  auto last = mark();
  std::uint64_t changed_ns = monotonic_ns();
  while (!done()) {
    if (stopping.load()) return false;
    std::this_thread::sleep_for(kPoll);
    const auto now = mark();
    if (now != last) {
      last = now;
      changed_ns = monotonic_ns();
    } else if (seconds_between(changed_ns, monotonic_ns()) > timeout_s) {
      return false;
    }
  }
  return true;
}

void Run::connect(Outcome& outcome) {
  const std::uint64_t from_ns = monotonic_ns();
  outcome.connected = wait(
      [this] { return all_finished(Phase::connecting); },
      [] { return 0; },
      options_.connect_timeout_s
  );
  outcome.connect_s = seconds_between(from_ns, monotonic_ns());
  outcome.opened = sum(&Progress::open);
  say(outcome.connected ? "connected" : "not connected");
}

void Run::load(Outcome& outcome) {
  const auto ns = [](double seconds) { return static_cast<std::uint64_t>(seconds * kNsPerSecond); };
  const std::uint64_t begin_ns = monotonic_ns() + kBeginDelayNs;
  const std::uint64_t measure_from_ns = begin_ns + ns(options_.warmup_s);
  const std::uint64_t deadline_ns =
      options_.seconds > 0 ? measure_from_ns + ns(options_.seconds) : UINT64_MAX;
  orders_.begin_ns.store(begin_ns);
  orders_.deadline_ns.store(deadline_ns);
  const double cpu_before = cpu_seconds();
  begin(Phase::loading);
  // Before the deadline a silent broker is not given up: mark() changes by itself.
  const auto mark = [&] {
    const std::uint64_t now_ns = monotonic_ns();
    if (deadline_ns != UINT64_MAX && now_ns < deadline_ns) return now_ns;
    return sum(&Progress::acknowledged) + sum(&Progress::refused);
  };
  const auto done = [this] { return all_finished(Phase::loading); };
  outcome.completed = wait(done, mark, options_.drain_timeout_s);
  if (stopping.load()) {
    orders_.deadline_ns.store(monotonic_ns());
    for (int i = 0; i < 1000 && !done(); ++i) std::this_thread::sleep_for(kPoll);
    outcome.completed = done();
  }
  outcome.cpu_s = cpu_seconds() - cpu_before;
  const std::uint64_t end_ns = monotonic_ns();
  outcome.load_s = seconds_between(begin_ns, end_ns);
  outcome.measured_s = seconds_between(measure_from_ns, std::min(deadline_ns, end_ns));
  say("loaded");
}

void Run::settle() {
  begin(Phase::settling);
  const std::uint64_t owed =
      sum(&Progress::acknowledged) * (options_.narrow > 0 ? 1 : options_.subscribers);
  if (owed == 0) return;
  const double quiet_s = std::min(options_.qos, options_.subscribe_qos) == 0
                             ? std::min(kQuietQos0S, options_.drain_timeout_s)
                             : options_.drain_timeout_s;
  wait(
      [&] { return sum(&Progress::live_distinct) >= owed; },
      [this] { return sum(&Progress::live_distinct); },
      quiet_s
  );
  std::this_thread::sleep_for(kLinger);
  say("settled");
}

void Run::hold_idle() {
  begin(Phase::settling);
  const std::uint64_t until_ns =
      monotonic_ns() + static_cast<std::uint64_t>(options_.seconds * kNsPerSecond);
  while (monotonic_ns() < until_ns && !stopping.load()) std::this_thread::sleep_for(kPoll);
  stopping.store(false);  // being told to let go is how a hold may end
  say("held");
}

void Run::drain() {
  const std::uint64_t until_ns =
      monotonic_ns() + static_cast<std::uint64_t>(options_.hold_s * kNsPerSecond);
  while (monotonic_ns() < until_ns && !stopping.load()) std::this_thread::sleep_for(kPoll);
  say("draining");
  begin(Phase::draining);
  const std::uint64_t owed = sum(&Progress::acknowledged);
  wait(
      [&] { return sum(&Progress::offline_distinct) >= owed; },
      [this] { return sum(&Progress::offline_distinct); },
      options_.drain_timeout_s
  );
  std::this_thread::sleep_for(kLinger);
  say("drained");
}

void Run::close() {
  begin(Phase::closing);
  const std::uint64_t until_ns =
      monotonic_ns() + static_cast<std::uint64_t>(kCloseTimeoutS * kNsPerSecond);
  while (!all_finished(Phase::closing) && monotonic_ns() < until_ns) {
    std::this_thread::sleep_for(kPoll);
  }
  begin(Phase::ended);
  for (std::thread& thread : threads_) thread.join();
}

void Run::sum_up(Outcome& outcome) const {
  outcome.delivery_qos = std::min(options_.qos, options_.subscribe_qos);
  Books books;
  for (const auto& worker : workers_) {
    add(outcome.tally, worker->tally());
    for (const auto& publisher : worker->publishers()) {
      const auto sent = publisher->sent();
      const auto excused = publisher->unacknowledged();
      books.sent.insert(books.sent.end(), sent.begin(), sent.end());
      books.excused.insert(books.excused.end(), excused.begin(), excused.end());
    }
  }
  outcome.unacknowledged = outcome.tally.in_flight;
  const std::uint64_t last_ns = outcome.tally.last_ack_ns;
  if (outcome.tally.sent == options_.messages && last_ns < orders_.deadline_ns.load()) {
    // The count was reached first: time ends with the last acknowledgement.
    const auto from_ns =
        orders_.begin_ns.load() + static_cast<std::uint64_t>(options_.warmup_s * kNsPerSecond);
    outcome.measured_s = std::min(outcome.measured_s, seconds_between(from_ns, last_ns));
  }
  for (const auto& worker : workers_) {
    for (const auto& subscriber : worker->subscribers()) {
      const bool live = subscriber->kind() == Subscriber::Kind::live;
      auto& delivery = live ? outcome.live : outcome.offline;
      if (!delivery) delivery.emplace();
      hold_against(books, *subscriber, *delivery);
    }
  }
  const Tally& t = outcome.tally;
  if (outcome.live) outcome.live->seconds = seconds_between(t.live_first_ns, t.live_last_ns);
  if (outcome.offline) {
    outcome.offline->seconds = seconds_between(t.offline_begin_ns, t.offline_last_ns);
  }
}

void Run::begin(Phase phase) {
  orders_.phase.store(phase, std::memory_order_release);
}

void Run::say(const char* words) const {
  if (!options_.progress) return;
  std::fprintf(stderr, "phase %s\n", words);
  std::fflush(stderr);
}

bool Run::all_finished(Phase phase) const {
  return std::all_of(workers_.begin(), workers_.end(), [phase](const auto& worker) {
    return worker->has_finished(phase);
  });
}

std::uint64_t Run::sum(std::atomic<std::uint64_t> Progress::*counter) const {
  std::uint64_t total = 0;
  for (const auto& worker : workers_) {
    total += (worker->progress().*counter).load(std::memory_order_relaxed);
  }
  return total;
}

}  // namespace runnel::bench
