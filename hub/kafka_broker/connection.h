// One Kafka client connection, without socket and clock: cuts the stream into requests, and gives the
// answers in the order of the requests, whichever of them is ready first (protocol guide, "Network").
//
// Threads: one, the io thread.
#pragma once

#include <chrono>
#include <deque>
#include <utility>

#include "hub/core/service.h"
#include "hub/kafka_broker/limits.h"
#include "hub/kafka_broker/login.h"

namespace runnel::kafka {

class Broker;

class Connection final : public core::Stream {
 public:
  Connection(Broker& broker, std::uint64_t id, void* owner, core::Endpoints endpoints);
  ~Connection() override;

  void receive(ByteView bytes, core::Turn& turn) override;
  void closed(core::Turn& turn) override;
  void drained(core::Turn& turn) override;
  [[nodiscard]] bool wants_drained() const override { return paused_ || answers_held_ > 0; }

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] const core::Endpoints& endpoints() const { return endpoints_; }
  [[nodiscard]] Login& login() { return login_; }

  // --- for Broker ---
  // Makes room for the answer of the request in hand. Answers leave in the order of these.
  std::uint64_t reserve();
  // The answer to a request: a whole frame; empty: it has none (acks=0).
  void answer(std::uint64_t slot, Bytes frame);
  // Goes on with requests that waited for room in the group or for answers.
  void resume(core::Turn& turn);
  // Closes once all answers that are ready are written. `why` is for the log; empty: said already.
  void close(std::string_view why);
  // Holds memory, and the peer has neither sent nor taken anything for `at_least`, as far as this was
  // asked.
  [[nodiscard]] bool stands_still(Instant now, std::chrono::milliseconds at_least);

 private:
  struct Slot {
    bool ready = false;
    Bytes frame;
  };

  void take(core::Turn& turn);
  void go_on();
  [[nodiscard]] bool must_wait() const;
  [[nodiscard]] bool may_gather(std::size_t bytes);
  void gathered();
  void release();
  void give_back_answers();

  Broker& broker_;
  std::uint64_t id_;
  core::Endpoints endpoints_;
  Login login_;
  Bytes in_;
  std::size_t taken_ = 0;  // of in_
  std::deque<Slot> slots_;
  std::uint64_t first_slot_ = 0;  // number of slots_.front()
  bool going_on_ = false;         // the broker will call resume()

  // Of Memory.
  std::size_t request_held_ = 0;  // for a request that is not whole yet, all of its bytes
  std::size_t answers_held_ = 0;  // by answers in slots_ and on their way out
  bool asking_ = false;           // for request_held_

  std::uint64_t received_ = 0;
  std::pair<std::uint64_t, std::size_t> moved_;  // received and pending when stands_still() last looked
  Instant moved_at_{};
};

}  // namespace runnel::kafka
