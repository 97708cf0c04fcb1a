// Reads blocks for MQTT sessions that are behind: asks the read thread, and gives the answer to the
// broker in a turn. Threads: the io thread.
#pragma once

#include "hub/broker/broker.h"
#include "hub/net/hub.h"

namespace runnel::net {

class SessionReader final : public broker::BlockReader {
 public:
  // All outlive this.
  SessionReader(Hub& hub, runtime::LogClient& client, const log::Log& log)
      : hub_(hub), client_(client), log_(log) {}

  // Who asks. Before the first turn.
  void serve(broker::Broker& broker) { broker_ = &broker; }

  void read(Position position) override {
    client_.read_block(position, [this, position](Result<log::BlockPtr> block) {
      hub_.turn([&](core::Turn& t) { broker_->block_read(position, std::move(block), t); });
    });
  }

  void seek(const Seek& seek) override {
    client_.find_position(seek.partition, seek.offset, seek.time_ms, [this, seek](Result<Position> found) {
      hub_.turn([&](core::Turn& t) { broker_->sought(seek.ticket, std::move(found), t); });
    });
  }

  [[nodiscard]] Position first() const override { return log_.first(); }

  [[nodiscard]] Position skip_damaged(Position position) const override {
    return log_.skip_damaged(position);
  }

  [[nodiscard]] std::shared_ptr<const log::Trims> trims() const override { return log_.trims(); }

 private:
  Hub& hub_;
  runtime::LogClient& client_;
  const log::Log& log_;
  broker::Broker* broker_ = nullptr;
};

}  // namespace runnel::net
