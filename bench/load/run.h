// One run from the first connection to the last: tells the workers which phase it is, waits for
// what is owed, and sums up. Threads: execute() on the main thread; stop() from a signal handler
// too.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "bench/load/worker.h"

namespace runnel::bench {

// What a kind of subscribers was owed and got, all of them together.
struct Delivery {
  std::uint64_t subscribers = 0;
  std::uint64_t distinct = 0;
  std::uint64_t lost = 0;  // acknowledged to the publisher and never received
  std::uint64_t repeats = 0;
  std::uint64_t reordered = 0;
  std::uint64_t misrouted = 0;  // not asked for, or not on the MQTT topic it was published on
  std::uint64_t invented = 0;   // of this run, but never sent
  double seconds = 0;           // live: first to last message; offline: from CONNACK to the last
};

struct Outcome {
  bool connected = false;  // every connection came up
  bool completed = false;  // everything published was acknowledged, or refused, in time
  bool interrupted = false;
  double connect_s = 0;
  double measured_s = 0;
  double cpu_s = 0;  // of this tool, while loading
  double load_s = 0;
  std::uint64_t opened = 0;
  std::uint64_t unacknowledged = 0;
  unsigned delivery_qos = 0;  // the lower of publish and subscribe
  Tally tally;                // of all workers
  std::optional<Delivery> live;
  std::optional<Delivery> offline;

  // All came up, everything was settled, nothing owed is missing or out of order, no exactly-once
  // message came twice.
  [[nodiscard]] bool good() const;
};

class Run {
 public:
  explicit Run(const Options& options);

  // False when the broker's name does not resolve; nothing has been started then.
  bool execute(Outcome& outcome);

  // Ends the run early: what is in flight is still waited for, briefly.
  static void stop();

 private:
  void connect(Outcome& outcome);
  void load(Outcome& outcome);
  void settle();
  void hold_idle();
  void drain();
  void close();
  void sum_up(Outcome& outcome) const;
  void begin(Phase phase);
  void say(const char* words) const;
  [[nodiscard]] bool all_finished(Phase phase) const;
  [[nodiscard]] std::uint64_t sum(std::atomic<std::uint64_t> Progress::*counter) const;

  // Waits until `done`, a stop, or until `mark` has not changed for `timeout_s`.
  template <class Done, class Mark>
  bool wait(Done done, Mark mark, double timeout_s) const;

  const Options& options_;
  Orders orders_;
  Address address_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
};

}  // namespace runnel::bench
