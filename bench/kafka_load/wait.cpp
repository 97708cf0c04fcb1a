#include "bench/kafka_load/wait.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <vector>

#include "bench/kafka_load/fetch_stream.h"
#include "bench/kafka_load/setup.h"
#include "bench/kafka_load/socket.h"

namespace runnel::bench {

namespace {

constexpr std::uint64_t kMsNs = 1'000'000;
constexpr std::uint64_t kEarlyMs = 10;    // before max_wait, without a record
constexpr std::uint64_t kLateMs = 1'000;  // after it
constexpr int kTickMs = 50;

struct WaitTally {
  std::uint64_t polls = 0;  // answered while waiting
  std::uint64_t early = 0;
  std::uint64_t late = 0;
  std::uint64_t records_while_waiting = 0;
  std::uint64_t bytes = 0;  // while reading
  std::uint64_t fetches = 0;
  std::uint64_t whole_reads = 0;  // times that one came from the start to the end
  std::uint64_t open = 0;         // fetches that are not answered
};

class Consumer {
 public:
  Consumer(const KafkaOptions& options, std::uint32_t number, WaitTally& tally)
      : options_(options),
        tally_(tally),
        fd_(connect_to(options.host, options.port)),
        fields_{options.topic, static_cast<std::int32_t>(number % options.partitions)} {
    end_ = end_offset(fd_.get(), options.topic, fields_.partition);
    fields_.offset = end_;
    fields_.max_bytes = options.max_bytes;
  }

  [[nodiscard]] int fd() const { return fd_.get(); }

  void ask_next(bool reading) {
    fields_.max_wait_ms = reading ? 0 : options_.max_wait_ms;
    stream_.begin(fields_, ++correlation_);
    send_all(fd_.get(), fetch_request(correlation_, fields_));
    asked_ns_ = monotonic_ns();
    reading_ = reading;
    ++tally_.open;
  }

  // Reads what is there; true when the answer is whole.
  bool receive() {
    static thread_local std::array<char, kReadBytes> buffer;
    const ssize_t n = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    if (n < 0) fail_with_errno("cannot receive");
    if (n == 0) fail("the broker ended a connection");
    const std::string_view some(buffer.data(), static_cast<std::size_t>(n));
    if (stream_.feed(some) != some.size()) fail("more bytes than a fetch's answer has");
    if (!stream_.done()) return false;
    --tally_.open;
    if (reading_) {
      count_read();
    } else {
      count_poll();
    }
    return true;
  }

  void go_to_start() { fields_.offset = 0; }

 private:
  void count_poll() {
    const std::uint64_t took_ms = (monotonic_ns() - asked_ns_) / kMsNs;
    const auto wait_ms = static_cast<std::uint64_t>(options_.max_wait_ms);
    ++tally_.polls;
    tally_.records_while_waiting += stream_.records();
    if (stream_.records() == 0 && took_ms + kEarlyMs < wait_ms) ++tally_.early;
    if (took_ms > wait_ms + kLateMs) ++tally_.late;
    fields_.offset = stream_.next_offset();
  }

  void count_read() {
    ++tally_.fetches;
    tally_.bytes += stream_.batch_bytes();
    if (fields_.offset < end_ && stream_.next_offset() == fields_.offset) {
      fail("a fetch below the end gave no records");
    }
    fields_.offset = stream_.next_offset();
    if (fields_.offset < end_) return;
    ++tally_.whole_reads;
    fields_.offset = 0;
  }

  const KafkaOptions& options_;
  WaitTally& tally_;
  Fd fd_;
  FetchFields fields_;
  FetchStream stream_;
  std::int32_t correlation_ = 0;
  std::int64_t end_ = 0;
  std::uint64_t asked_ns_ = 0;
  bool reading_ = false;
};

class WaitRun {
 public:
  explicit WaitRun(const KafkaOptions& options)
      : options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (std::uint32_t i = 0; i < options.consumers; ++i) {
      consumers_.push_back(std::make_unique<Consumer>(options, i, tally_));
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u32 = i;
      if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, consumers_[i]->fd(), &event) != 0) {
        fail_with_errno("epoll");
      }
    }
  }

  // All of them, for a time; then until the last answer is there.
  void go(double seconds, bool reading) {
    for (const auto& consumer : consumers_) {
      if (reading) consumer->go_to_start();
      consumer->ask_next(reading);
    }
    say_phase(options_, reading ? "reading" : "waiting");
    const std::uint64_t end_ns = monotonic_ns() + static_cast<std::uint64_t>(seconds * 1e9);
    while (monotonic_ns() < end_ns) turn(true, reading);
    say_phase(options_, reading ? "read" : "waited");
    const auto patience_ms = static_cast<std::uint64_t>(options_.max_wait_ms) + 10 * kLateMs;
    const std::uint64_t deadline_ns = monotonic_ns() + patience_ms * kMsNs;
    while (tally_.open > 0) {
      if (monotonic_ns() > deadline_ns) fail("fetches that are never answered");
      turn(false, reading);
    }
  }

  bool report(Json& json) const {
    json.count("consumers", options_.consumers).count("partitions", options_.partitions);
    json.count("max_wait_ms", static_cast<std::uint64_t>(options_.max_wait_ms));
    json.count("polls", tally_.polls).count("early", tally_.early).count("late", tally_.late);
    json.count("records_while_waiting", tally_.records_while_waiting);
    json.count("read_bytes", tally_.bytes).count("read_fetches", tally_.fetches);
    json.count("whole_reads", tally_.whole_reads);
    const double seconds = std::max(options_.read_seconds, 1e-9);
    json.number("read_mb_per_s", static_cast<double>(tally_.bytes) / 1e6 / seconds);
    const bool good = tally_.early == 0 && tally_.late == 0 && tally_.records_while_waiting == 0 &&
                      tally_.polls >= options_.consumers;
    json.flag("good", good);
    return good;
  }

 private:
  void turn(bool ask_again, bool reading) {
    std::array<epoll_event, 256> events{};
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), kTickMs);
    for (int i = 0; i < count; ++i) {
      Consumer& consumer = *consumers_[events[static_cast<std::size_t>(i)].data.u32];
      if (consumer.receive() && ask_again) consumer.ask_next(reading);
    }
  }

  const KafkaOptions& options_;
  WaitTally tally_;
  Fd epoll_;
  std::vector<std::unique_ptr<Consumer>> consumers_;
};

}  // namespace

bool run_wait(const KafkaOptions& options, Json& report) {
  set_up_topic(options);
  WaitRun run(options);
  say_phase(options, "connected");
  run.go(options.seconds, false);
  if (options.read_seconds > 0) run.go(options.read_seconds, true);
  return run.report(report);
}

}  // namespace runnel::bench
