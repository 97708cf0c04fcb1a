// One Kafka client connection, without socket and clock: cuts the stream into requests, and gives the
// answers in the order of the requests, whichever of them is ready first (protocol guide, "Network").
//
// Threads: one, the io thread.
#pragma once

#include <deque>

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
  [[nodiscard]] bool wants_drained() const override { return paused_; }

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
 private:
  struct Slot {
    bool ready = false;
    Bytes frame;
  };

  void take(core::Turn& turn);
  void go_on();
  [[nodiscard]] bool must_wait() const;
  void release();

  Broker& broker_;
  std::uint64_t id_;
  core::Endpoints endpoints_;
  Login login_;
  Bytes in_;
  std::size_t taken_ = 0;  // of in_
  std::deque<Slot> slots_;
  std::uint64_t first_slot_ = 0;  // number of slots_.front()
  bool going_on_ = false;         // the broker will call resume()
};

}  // namespace runnel::kafka
