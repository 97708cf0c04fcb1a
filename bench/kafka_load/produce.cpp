#include "bench/kafka_load/produce.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "bench/kafka_load/kept.h"
#include "bench/kafka_load/producer.h"
#include "bench/kafka_load/setup.h"

namespace runnel::bench {

namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kAnswerPatienceNs = 30 * kSecondNs;
constexpr int kTickMs = 50;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

std::uint64_t in_ns(double seconds) {
  return static_cast<std::uint64_t>(seconds * static_cast<double>(kSecondNs));
}

double in_s(std::uint64_t ns) {
  return static_cast<double>(ns) / static_cast<double>(kSecondNs);
}

class ProduceRun {
 public:
  explicit ProduceRun(const KafkaOptions& options)
      : options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    load_.run = std::random_device{}();
    load_.records_left = options.records > 0 ? options.records : kNever;
    for (std::uint32_t i = 0; i < options.connections; ++i) {
      producers_.push_back(std::make_unique<Producer>(options, i, load_));
      watch(EPOLL_CTL_ADD, i, false);
    }
    full_.resize(producers_.size(), false);
  }

  void load() {
    say_phase(options_, "connected");
    const double cpu_from_s = cpu_seconds_used();
    started_ns_ = monotonic_ns();
    load_.measure_from_ns = started_ns_ + in_ns(options_.warmup_s);
    load_.measure_to_ns =
        options_.seconds > 0 ? load_.measure_from_ns + in_ns(options_.seconds) : kNever;
    for (std::uint32_t i = 0; i < producers_.size(); ++i) pump(i);
    while (load_.in_flight > 0 || !stopping()) turn();
    loaded_s_ = in_s(monotonic_ns() - started_ns_);
    cpu_s_ = cpu_seconds_used() - cpu_from_s;
    say_phase(options_, "loaded");
  }

  bool report(Json& json) const;

 private:
  bool stopping() {
    if (load_.records_left == 0 || monotonic_ns() >= load_.measure_to_ns) load_.stopping = true;
    if (load_.refused > 0) load_.stopping = true;
    return load_.stopping;
  }

  void turn() {
    std::array<epoll_event, 256> events{};
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), kTickMs);
    const std::uint64_t now_ns = monotonic_ns();
    const std::uint64_t quiet_since_ns = std::max(load_.last_answer_ns, started_ns_);
    if (count <= 0 && now_ns - quiet_since_ns > kAnswerPatienceNs) fail("no answers any more");
    stopping();
    for (int i = 0; i < count; ++i) {
      const std::uint32_t index = events[static_cast<std::size_t>(i)].data.u32;
      if ((events[static_cast<std::size_t>(i)].events & ~std::uint32_t{EPOLLOUT}) != 0) {
        producers_[index]->receive();
      }
      pump(index);
    }
  }

  void pump(std::uint32_t index) {
    const bool full = producers_[index]->pump();
    if (full != full_[index]) watch(EPOLL_CTL_MOD, index, full);
    full_[index] = full;
  }

  void watch(int what, std::uint32_t index, bool writable) {
    epoll_event event{};
    event.events = EPOLLIN | (writable ? std::uint32_t{EPOLLOUT} : 0);
    event.data.u32 = index;
    if (epoll_ctl(epoll_.get(), what, producers_[index]->fd(), &event) != 0) {
      fail_with_errno("epoll");
    }
  }

  const KafkaOptions& options_;
  ProduceLoad load_;
  Fd epoll_;
  std::vector<std::unique_ptr<Producer>> producers_;
  std::vector<bool> full_;
  std::uint64_t started_ns_ = 0;
  double loaded_s_ = 0;
  double cpu_s_ = 0;
};

bool ProduceRun::report(Json& json) const {
  std::uint64_t sent = 0;
  std::uint64_t acknowledged = 0;
  std::vector<Owed> owed;
  for (const auto& p : producers_) {
    sent += p->sent();
    acknowledged += p->acknowledged();
    owed.push_back({p->acknowledged(), p->sent(), p->last_first(), p->last_offset()});
  }
  const ProduceTemplate& batch = producers_.front()->batch();
  const double measured_s =
      options_.seconds > 0 ? options_.seconds : in_s(load_.last_answer_ns - load_.measure_from_ns);
  const double rate = static_cast<double>(load_.acknowledged_measured) / measured_s;
  json.count("connections", options_.connections).count("in_flight", options_.in_flight);
  json.count("record_bytes", options_.record_bytes).count("batch_bytes", batch.batch_bytes());
  json.count("records_per_batch", batch.records()).count("partitions", options_.partitions);
  json.count("sent", sent).count("acknowledged", acknowledged).count("refused", load_.refused);
  json.count("wrong_offsets", load_.wrong_offsets).number("measured_seconds", measured_s);
  json.number("acknowledged_per_s", rate);
  json.number("payload_mb_per_s", rate * static_cast<double>(options_.record_bytes) / 1e6);
  json.object("ack_latency_us", latency_json(load_.latency));
  json.number("cpu_seconds", cpu_s_).number("load_seconds", loaded_s_);
  json.text("first_error", load_.first_error);
  bool good = load_.refused == 0 && load_.wrong_offsets == 0 && acknowledged == sent;
  if (options_.verify) {
    Json kept;
    good = verify_kept(options_, load_.run, owed, kept) && good;
    json.object("kept", kept);
  }
  json.flag("good", good);
  return good;
}

}  // namespace

bool run_produce(const KafkaOptions& options, Json& report) {
  if (!options.no_setup) set_up_topic(options);
  ProduceRun run(options);
  run.load();
  return run.report(report);
}

}  // namespace runnel::bench
