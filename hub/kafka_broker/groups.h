// The group requests, in the coordinator's words and back. Joins and syncs are answered when the
// coordinator says so; what changes rows, when they are durable.
//
// Threads: one, the io thread.
#pragma once

#include <unordered_map>

#include "hub/core/groups/group_coordinator.h"
#include "hub/core/turn.h"
#include "hub/kafka/error.h"
#include "hub/kafka_broker/call.h"

namespace runnel::kafka {

class Broker;

constexpr ErrorCode error_of(core::GroupError error) {
  return static_cast<ErrorCode>(error);
}

class Groups final : private core::GroupAnswers {
 public:
  explicit Groups(Broker& broker);

  Result<void> load(const log::Log& log, Instant now);

  [[nodiscard]] core::GroupCoordinator& coordinator() { return coordinator_; }
  [[nodiscard]] const core::GroupCoordinator& coordinator() const { return coordinator_; }
  [[nodiscard]] core::GroupOffsets& offsets() { return offsets_; }

  // Keeps the way to the answer of a join or a sync, and names it.
  core::Waiter wait(const Call& call);

  static core::GroupTurn turn_of(core::Turn& turn) { return {turn.now, turn.hub_ms, turn.group}; }

  // Tickets of a finished commit that are the coordinator's or the offsets'.
  void committed(const log::Group& group, core::Turn& turn);
  void tick(core::Turn& turn);
  [[nodiscard]] std::optional<Instant> deadline() const { return coordinator_.next_deadline(); }
  void forget(std::uint64_t connection) { gone_.push_back(connection); }
  // Tells the coordinator of connections that have gone.
  void run(core::Turn& turn);

 private:
  void joined(core::Waiter waiter, const core::Joined& answer) override;
  void synced(core::Waiter waiter, const core::Synced& answer) override;
  std::optional<Call> take(core::Waiter waiter);

  Broker& broker_;
  core::GroupOffsets offsets_;
  core::GroupCoordinator coordinator_;
  std::unordered_map<std::uint64_t, Call> waiting_;  // by Waiter::tag
  std::uint64_t last_tag_ = 0;
  std::vector<std::uint64_t> gone_;
};

}  // namespace runnel::kafka
