// One thread and its share of the connections: an epoll loop that opens them, drives them through
// the phases of a run and tells how far it is.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "bench/load/loop.h"
#include "bench/load/publisher.h"
#include "bench/load/subscriber.h"

namespace runnel::bench {

// In this order; a phase may be passed over.
enum class Phase : std::uint8_t {
  connecting,  // until every connection is prepared
  loading,     // until everything published is acknowledged
  settling,    // live subscribers receive what is still on its way; idle connections are held
  draining,    // offline sessions are back
  closing,     // until every connection is closed
  ended,
};

// What the workers are told. Set before the phase that needs it.
struct Orders {
  std::atomic<Phase> phase{Phase::connecting};
  std::atomic<std::uint64_t> begin_ns{0};     // of the load
  std::atomic<std::uint64_t> deadline_ns{0};  // no new message from then on
};

// What a worker tells while it runs.
struct Progress {
  std::atomic<Phase> finished{Phase::ended};  // the last phase that is done; `ended`: none
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> live_distinct{0};
  std::atomic<std::uint64_t> offline_distinct{0};
  std::atomic<std::uint64_t> open{0};
};

class Worker {
 public:
  // Worker `index` of options.threads. Options, orders and address outlive it.
  Worker(
      const Options& options,
      const Orders& orders,
      const Address& address,
      std::uint32_t run,
      unsigned index
  );
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The whole body of the thread; returns after Phase::ended.
  void run();

  [[nodiscard]] const Progress& progress() const { return progress_; }

  [[nodiscard]] bool has_finished(Phase phase) const {
    return progress_.finished.load(std::memory_order_acquire) == phase;
  }

  // After run() has returned.
  [[nodiscard]] const Tally& tally() const { return loop_.tally; }

  [[nodiscard]] const std::vector<std::unique_ptr<Publisher>>& publishers() const {
    return publishers_;
  }

  [[nodiscard]] const std::vector<std::unique_ptr<Subscriber>>& subscribers() const {
    return subscribers_;
  }

 private:
  void make_publishers(unsigned index);
  void make_subscribers(unsigned index);
  void make_idle(unsigned index);
  [[nodiscard]] ConnectFields fields_for(const std::string& suffix, bool keep) const;

  void enter(Phase phase);
  void begin_closing();
  void wait_and_handle(std::uint64_t timeout_ns);
  void open_connections(std::uint64_t now_ns);
  void pace(std::uint64_t now_ns);
  void load(std::uint64_t now_ns);
  [[nodiscard]] std::uint64_t timeout_ns(std::uint64_t now_ns) const;
  [[nodiscard]] bool phase_is_done(std::uint64_t now_ns) const;
  void tell(std::uint64_t now_ns);

  const Options& options_;
  const Orders& orders_;
  const Address& address_;
  int epoll_fd_;
  std::array<epoll_event, 512> events_{};
  Loop loop_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  std::vector<std::unique_ptr<Client>> idle_;
  std::vector<Client*> clients_;  // all of them
  Phase phase_ = Phase::connecting;
  std::size_t next_to_open_ = 0;
  bool loading_begun_ = false;
  bool loading_over_ = false;
  std::uint64_t next_tick_ns_ = 0;
  std::uint64_t next_look_ns_ = 0;  // for connections to open, when that is rare
  // The paced load.
  double rate_ = 0;  // this worker's share
  std::uint64_t issued_ = 0;
  std::size_t turn_ = 0;
  Progress progress_;
};

}  // namespace runnel::bench
