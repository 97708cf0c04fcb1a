// What requests that are still coming, and answers that are still leaving, may take of the hub's
// memory: of all Kafka connections together, Limits::buffers_bytes_max.
//
// Who needs more than kUncounted asks first, is given it in the order of asking, and waits unread
// meanwhile: TCP makes the peer wait. An answer that is there is counted, though it be more than there
// was. So the sum may pass the bound by kUncounted and one answer that nobody could foresee for each
// connection, and by the part of a batch that is larger than a fetch foresaw. A peer that holds some
// and stands still while others wait loses its connection, the sooner the more of them there are.
//
// Threads: one, the io thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>

#include "hub/core/turn.h"

namespace runnel::kafka {

class Broker;

class Memory {
 public:
  static constexpr std::size_t kUncounted = 16 * 1024;
  static constexpr std::chrono::milliseconds kStallMax{10'000};  // divided by those who wait
  static constexpr std::chrono::milliseconds kStallMin{1'000};

  using Granted = std::function<void(std::size_t bytes, core::Turn& turn)>;

  explicit Memory(Broker& broker) : broker_(broker) {}

  // Between `least` (not 0) and `most`, at once; 0: there are fewer than `least`, or others wait. More
  // than the whole is given when all of it is there.
  std::size_t take(std::size_t least, std::size_t most);
  // The same, as soon as it can be: `granted` is called by run().
  void ask(std::uint64_t connection, std::size_t least, std::size_t most, Granted granted);
  // What is there already.
  void count(std::size_t bytes) { used_ += bytes; }
  void give(std::size_t bytes);
  // The connection is gone: nothing that it asked for is granted. It gives back what it holds.
  void forget(std::uint64_t connection);

  // Grants what there is now.
  void run(core::Turn& turn);
  // It would grant something.
  [[nodiscard]] bool ready() const { return !asked_.empty() && has(asked_.front().least); }
  // Closes peers that stand still in others' way.
  void tick(Instant now);

  [[nodiscard]] bool full() const;
  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] std::size_t waiting() const { return asked_.size(); }

 private:
  struct Asked {
    std::uint64_t connection = 0;
    std::size_t least = 0;
    std::size_t most = 0;
    Granted granted;
  };

  [[nodiscard]] std::size_t free() const;
  std::size_t grant(std::size_t least, std::size_t most);
  [[nodiscard]] bool has(std::size_t bytes) const { return bytes <= free() || used_ == 0; }

  Broker& broker_;
  std::size_t used_ = 0;
  std::deque<Asked> asked_;
};

}  // namespace runnel::kafka
