#include "bench/load/worker.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace runnel::bench {

namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
constexpr std::uint64_t kIdleWaitNs = 2'000'000;  // how stale an order may be when it is seen
constexpr std::uint64_t kTickNs = 250'000'000;
constexpr std::uint64_t kLookNs = 20'000'000;
constexpr std::uint32_t kSessionExpirySeconds = 86'400;

std::uint64_t share_of(std::uint64_t total, std::uint64_t parts, std::uint64_t index) {
  return total / parts + (index < total % parts ? 1 : 0);
}

}  // namespace

Worker::Worker(
    const Options& options,
    const Orders& orders,
    const Address& address,
    std::uint32_t run,
    unsigned index
)
    : options_(options),
      orders_(orders),
      address_(address),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      loop_(options, epoll_fd_, run) {
  if (options.mode == Mode::idle) {
    make_idle(index);
  } else {
    // Subscribers first: none may miss a message because it was not there yet.
    make_subscribers(index);
    make_publishers(index);
  }
  for (const auto& c : idle_) clients_.push_back(c.get());
  for (const auto& c : subscribers_) clients_.push_back(c.get());
  for (const auto& c : publishers_) clients_.push_back(c.get());
}

Worker::~Worker() {
  clients_.clear();
  idle_.clear();
  subscribers_.clear();
  publishers_.clear();
  close(epoll_fd_);
}

ConnectFields Worker::fields_for(const std::string& suffix, bool keep) const {
  ConnectFields fields;
  fields.protocol = options_.protocol;
  fields.client_id = options_.client_id + "-" + suffix;
  fields.clean_start = !keep;
  fields.keep_alive_s = options_.keep_alive_s;
  fields.session_expiry_s = keep ? kSessionExpirySeconds : 0;
  return fields;
}

void Worker::make_publishers(unsigned index) {
  const unsigned topics = options_.topics();
  for (unsigned i = index; i < options_.connections; i += options_.threads) {
    std::vector<std::uint32_t> streams;
    for (unsigned t = i; t < topics; t += options_.connections) streams.push_back(t);
    const std::uint64_t quota =
        options_.messages == 0 ? UINT64_MAX : share_of(options_.messages, options_.connections, i);
    publishers_.push_back(std::make_unique<Publisher>(
        loop_, address_, fields_for("p" + std::to_string(i), options_.persistent), streams, quota
    ));
  }
  rate_ = options_.rate * static_cast<double>(publishers_.size()) / options_.connections;
}

void Worker::make_subscribers(unsigned index) {
  const unsigned topics = options_.topics();
  const auto make =
      [&](const std::string& suffix, Subscriber::Kind kind, std::string filter, Verifier v) {
        const bool keep = kind == Subscriber::Kind::offline || options_.persistent;
        ConnectFields fields = fields_for(suffix, keep);
        fields.receive_maximum = options_.receive_maximum;
        subscribers_.push_back(std::make_unique<Subscriber>(
            loop_, address_, std::move(fields), kind, std::move(filter), std::move(v)
        ));
      };
  const std::string everything = options_.prefix + "/#";
  for (unsigned i = index; i < options_.subscribers; i += options_.threads) {
    make("s" + std::to_string(i), Subscriber::Kind::live, everything, Verifier(0, topics));
  }
  for (unsigned i = index; i < options_.narrow; i += options_.threads) {
    make("s" + std::to_string(i), Subscriber::Kind::live, options_.topic(i), Verifier(i, 1));
  }
  // On the last thread, which has the fewest publishers.
  if (options_.offline_session && index == options_.threads - 1) {
    make("offline", Subscriber::Kind::offline, everything, Verifier(0, topics));
  }
}

void Worker::make_idle(unsigned index) {
  for (unsigned i = index; i < options_.connections; i += options_.threads) {
    idle_.push_back(std::make_unique<Client>(
        loop_, address_, fields_for("i" + std::to_string(i), options_.persistent)
    ));
  }
}

void Worker::run() {
  while (true) {
    const Phase ordered = orders_.phase.load(std::memory_order_acquire);
    if (ordered != phase_) enter(ordered);
    if (phase_ == Phase::ended) return;
    std::uint64_t now_ns = monotonic_ns();
    open_connections(now_ns);
    if (phase_ == Phase::loading) load(now_ns);
    if (now_ns >= next_tick_ns_) {
      next_tick_ns_ = now_ns + kTickNs;
      for (Client* client : clients_) client->tick(now_ns);
    }
    tell(now_ns);
    wait_and_handle(timeout_ns(now_ns));
  }
}

void Worker::enter(Phase phase) {
  phase_ = phase;
  if (phase == Phase::loading) {
    const auto warmup_ns =
        static_cast<std::uint64_t>(options_.warmup_s * static_cast<double>(kNsPerSecond));
    loop_.measure_from_ns = orders_.begin_ns.load() + warmup_ns;
  }
  if (phase > Phase::loading) {
    for (const auto& publisher : publishers_) publisher->end();
  }
  if (phase == Phase::draining) {
    for (const auto& subscriber : subscribers_) {
      if (subscriber->kind() == Subscriber::Kind::offline) subscriber->come_back();
    }
  }
  if (phase == Phase::closing) begin_closing();
}

void Worker::begin_closing() {
  for (const auto& c : idle_) c->disconnect();
  for (const auto& c : publishers_) c->disconnect();
  for (const auto& c : subscribers_) {
    if (c->kind() == Subscriber::Kind::offline) {
      c->forget();
    } else {
      c->disconnect();
    }
  }
  next_to_open_ = 0;
}

void Worker::open_connections(std::uint64_t now_ns) {
  if (phase_ == Phase::loading) {  // opening is the exception then
    if (now_ns < next_look_ns_) return;
    next_look_ns_ = now_ns + kLookNs;
  }
  // Round robin from where the last pass stopped, so that those that fail do not starve the others.
  for (std::size_t i = 0; i < clients_.size() && loop_.opening < options_.connect_burst; ++i) {
    if (next_to_open_ >= clients_.size()) next_to_open_ = 0;
    Client* client = clients_[next_to_open_++];
    if (client->wants_connection(now_ns)) client->connect(now_ns);
  }
}

void Worker::load(std::uint64_t now_ns) {
  if (!loading_begun_) {
    if (now_ns < orders_.begin_ns.load()) return;
    loading_begun_ = true;
    if (rate_ <= 0) {
      for (const auto& publisher : publishers_) publisher->begin();
    }
  }
  loop_.measure_until_ns = orders_.deadline_ns.load(std::memory_order_relaxed);
  if (!loading_over_ && now_ns >= loop_.measure_until_ns) {
    loading_over_ = true;
    for (const auto& publisher : publishers_) publisher->end();
  }
  if (rate_ > 0 && !loading_over_) pace(now_ns);
}

void Worker::pace(std::uint64_t now_ns) {
  const std::uint64_t begin_ns = orders_.begin_ns.load(std::memory_order_relaxed);
  const double elapsed_s =
      static_cast<double>(now_ns - begin_ns) / static_cast<double>(kNsPerSecond);
  const auto due = static_cast<std::uint64_t>(elapsed_s * rate_) + 1;
  while (issued_ < due) {
    const double due_s = static_cast<double>(issued_) / rate_;
    const auto due_ns =
        begin_ns + static_cast<std::uint64_t>(due_s * static_cast<double>(kNsPerSecond));
    bool published = false;
    for (std::size_t i = 0; i < publishers_.size() && !published; ++i) {
      if (turn_ >= publishers_.size()) turn_ = 0;
      published = publishers_[turn_++]->publish_one(std::min(due_ns, now_ns));
    }
    if (!published) return;  // every window is full: it stays due
    ++issued_;
  }
}

std::uint64_t Worker::timeout_ns(std::uint64_t now_ns) const {
  if (phase_ != Phase::loading || rate_ <= 0 || loading_over_ || !loading_begun_)
    return kIdleWaitNs;
  const double due_s = static_cast<double>(issued_) / rate_;
  const auto due_ns = orders_.begin_ns.load(std::memory_order_relaxed) +
                      static_cast<std::uint64_t>(due_s * static_cast<double>(kNsPerSecond));
  // Overdue: windows are full, and an acknowledgement will wake us.
  return due_ns > now_ns ? std::min(due_ns - now_ns, kIdleWaitNs) : kIdleWaitNs;
}

void Worker::wait_and_handle(std::uint64_t timeout) {
  timespec t{};
  t.tv_sec = static_cast<time_t>(timeout / kNsPerSecond);
  t.tv_nsec = static_cast<long>(timeout % kNsPerSecond);
  const int n =
      epoll_pwait2(epoll_fd_, events_.data(), static_cast<int>(events_.size()), &t, nullptr);
  for (int i = 0; i < n; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    static_cast<Client*>(event.data.ptr)->ready(event.events);
  }
}

bool Worker::phase_is_done(std::uint64_t now_ns) const {
  switch (phase_) {
    case Phase::connecting:
      return std::all_of(clients_.begin(), clients_.end(), [](const Client* c) {
        return c->prepared();
      });
    case Phase::loading: {
      if (!loading_begun_ || loop_.tally.in_flight > 0 || loop_.blocked > 0) return false;
      if (loading_over_ || now_ns >= loop_.measure_until_ns) return true;
      return std::all_of(publishers_.begin(), publishers_.end(), [](const auto& p) {
        return p->quota_used();
      });
    }
    case Phase::closing:
      return loop_.open == 0 &&
             std::all_of(subscribers_.begin(), subscribers_.end(), [](const auto& s) {
               return s->kind() == Subscriber::Kind::live || s->forgotten();
             });
    case Phase::settling:
    case Phase::draining:
    case Phase::ended:
      return false;  // whoever gave the order knows how much is owed
  }
  return false;
}

void Worker::tell(std::uint64_t now_ns) {
  const Tally& tally = loop_.tally;
  progress_.acknowledged.store(tally.acknowledged, std::memory_order_relaxed);
  progress_.refused.store(tally.refused, std::memory_order_relaxed);
  progress_.live_distinct.store(tally.live_distinct, std::memory_order_relaxed);
  progress_.offline_distinct.store(tally.offline_distinct, std::memory_order_relaxed);
  progress_.open.store(loop_.open, std::memory_order_relaxed);
  if (has_finished(phase_) || !phase_is_done(now_ns)) return;
  progress_.finished.store(phase_, std::memory_order_release);
}

}  // namespace runnel::bench
