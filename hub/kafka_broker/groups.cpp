#include "hub/kafka_broker/groups.h"

#include <random>

#include "hub/kafka/messages/join_group.h"
#include "hub/kafka/messages/sync_group.h"
#include "hub/kafka_broker/broker.h"

namespace runnel::kafka {
namespace {

// Beside those of the MQTT broker, which are below.
constexpr std::uint32_t kGroupTicket = 100;
constexpr std::uint32_t kOffsetTicket = 101;

std::uint64_t random_bits() {
  static std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace

Groups::Groups(Broker& broker)
    : broker_(broker),
      offsets_(core::OffsetLimits{}, kOffsetTicket),
      coordinator_(core::GroupLimits{}, *this, offsets_, random_bits, kGroupTicket) {}

Result<void> Groups::load(const log::Log& log, Instant now) {
  RUNNEL_TRY(offsets_.load(log));
  return coordinator_.load(log, now);
}

core::Waiter Groups::wait(const Call& call) {
  waiting_.emplace(++last_tag_, call);
  return {call.connection, last_tag_};
}

std::optional<Call> Groups::take(core::Waiter waiter) {
  const auto found = waiting_.find(waiter.tag);
  if (found == waiting_.end()) return std::nullopt;
  const Call call = found->second;
  waiting_.erase(found);
  return call;
}

void Groups::joined(core::Waiter waiter, const core::Joined& answer) {
  const auto call = take(waiter);
  if (!call) return;
  JoinGroupResponse response;
  response.error_code = error_of(answer.error);
  response.generation_id = answer.generation;
  response.protocol_type = answer.protocol_type;
  response.protocol_name = answer.protocol;
  response.leader = answer.leader;
  response.skip_assignment = answer.skip_assignment;
  response.member_id = answer.member_id;
  for (const core::Joined::Peer& peer : answer.members) {
    response.members.push_back({peer.member_id, peer.instance_id, {peer.metadata}});
  }
  broker_.answer(*call, response);
}

void Groups::synced(core::Waiter waiter, const core::Synced& answer) {
  const auto call = take(waiter);
  if (!call) return;
  SyncGroupResponse response;
  response.error_code = error_of(answer.error);
  response.protocol_type = answer.protocol_type;
  response.protocol_name = answer.protocol;
  response.assignment.bytes = answer.assignment;
  broker_.answer(*call, response);
}

void Groups::committed(const log::Group& group, core::Turn& turn) {
  core::GroupTurn t = turn_of(turn);
  for (const log::Ticket& ticket : group.tickets()) {
    if (ticket.kind == kOffsetTicket) offsets_.settled(ticket, group.outcome);
    if (ticket.kind == kGroupTicket) coordinator_.settled(ticket, group.outcome, t);
  }
}

void Groups::tick(core::Turn& turn) {
  core::GroupTurn t = turn_of(turn);
  coordinator_.tick(t);
}

void Groups::run(core::Turn& turn) {
  core::GroupTurn t = turn_of(turn);
  for (const std::uint64_t connection : std::exchange(gone_, {})) {
    std::erase_if(waiting_, [&](const auto& w) { return w.second.connection == connection; });
    coordinator_.forget(connection, t);
  }
}

}  // namespace runnel::kafka
