// The rebalance: from the first that joins or goes until the members have been told of a
// generation.
#include <algorithm>
#include <limits>

#include "hub/core/groups/group_coordinator.h"
#include "storage/base/logger.h"

namespace runnel::core {
namespace {

// How long the first members of a group wait for others that have only asked for an id so far: they
// usually start together, and a rebalance more costs a heartbeat's time; but one may have died.
constexpr std::chrono::milliseconds kFirstIdsWait{3000};

std::int32_t next_generation(std::int32_t generation) {
  return generation == std::numeric_limits<std::int32_t>::max() ? 1 : generation + 1;
}

// For people: what a client chose to be called, without what would break a line.
std::string printable(ByteView text) {
  constexpr std::size_t kMax = 100;
  std::string out(text.substr(0, kMax));
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?'
  );
  return out;
}

}  // namespace

void GroupCoordinator::prepare(ConsumerGroup& group, GroupTurn& turn) {
  if (group.state == GroupState::completing_rebalance) {
    fail_syncs(group, GroupError::rebalance_in_progress, turn.now);
    group.clear_assignments();
    group.storing = 0;
  }
  group.each([](Member& member) {
    member.sync_due = false;
    member.replaced_by = 0;
  });
  const bool first = group.state == GroupState::empty;
  const auto timeout = group.rebalance_timeout();
  group.delaying = first && limits_.initial_rebalance_delay.count() > 0;
  group.more_came = false;
  group.delay_until = turn.now + limits_.initial_rebalance_delay;
  group.delay_left = std::max(timeout - limits_.initial_rebalance_delay, timeout * 0);
  group.rebalance_deadline = turn.now + (first ? std::min(timeout, kFirstIdsWait) : timeout);
  group.state = GroupState::preparing_rebalance;
  complete_if_all_joined(group, turn);
}

void GroupCoordinator::complete_if_all_joined(ConsumerGroup& group, GroupTurn& turn) {
  if (group.state != GroupState::preparing_rebalance) return;
  // Who has asked for an id is about to join.
  if (!group.pending().empty()) return;
  if (group.delaying && group.has_members()) return;
  if (group.joining() == group.members().size()) complete(group, turn);
}

// Others often follow the first: the delay lasts as long as they do, at most their rebalance
// timeout.
void GroupCoordinator::delay_or_complete(ConsumerGroup& group, GroupTurn& turn) {
  if (!group.more_came || group.delay_left.count() <= 0) return complete(group, turn);
  const auto delay = std::min(limits_.initial_rebalance_delay, group.delay_left);
  group.delay_left -= delay;
  group.delay_until = turn.now + delay;
  group.more_came = false;
}

// Whoever has joined is in. Static members that have not keep their place for their session.
void GroupCoordinator::complete(ConsumerGroup& group, GroupTurn& turn) {
  group.delaying = false;
  std::vector<Bytes> missing;
  group.each([&](const Member& member) {
    if (!member.joining && !member.instance_id) missing.push_back(member.id);
  });
  for (const Bytes& id : missing) drop(group, id, turn.now);
  if (!group.has_members()) return became_empty(group, turn);
  if (group.joining() == 0) {
    // All are static and away. One of them comes back, or their sessions end.
    group.rebalance_deadline = turn.now + group.rebalance_timeout();
    return;
  }
  const Member* leader = group.find(group.leader);
  if (leader == nullptr || !leader->joining) {
    const auto first = std::ranges::find_if(group.members(), [](const auto& entry) {
      return entry.second.joining.has_value();
    });
    group.leader = first->first;
  }
  group.generation = next_generation(group.generation);
  group.protocol = group.choose_protocol();
  group.state = GroupState::completing_rebalance;
  group.sync_deadline = turn.now + group.rebalance_timeout();
  group.clear_assignments();
  group.each([&](Member& member) {
    if (!member.joining) return;
    member.sync_due = true;
    Joined answer = joined(group, member);
    if (member.id == group.leader) add_peers(group, answer);
    answer_join(member, answer, turn.now);
  });
}

void GroupCoordinator::became_empty(ConsumerGroup& group, GroupTurn& turn) {
  group.state = GroupState::empty;
  group.protocol.clear();
  if (group.generation == 0) return;  // it has never been anything
  group.generation = next_generation(group.generation);
  group.empty_since_hub_ms = turn.hub_ms;
  store(group, turn);
}

void GroupCoordinator::fail_syncs(ConsumerGroup& group, GroupError error, Instant now) {
  group.each([&](Member& member) { answer_sync(group, member, error, now); });
}

void GroupCoordinator::drop(ConsumerGroup& group, const Bytes& member_id, Instant now) {
  Member& member = *group.find(member_id);
  answer_join(member, GroupError::unknown_member_id, now);
  answer_sync(group, member, GroupError::unknown_member_id, now);
  group.remove(member_id);
}

void GroupCoordinator::after_drop(ConsumerGroup& group, GroupTurn& turn) {
  if (group.state == GroupState::preparing_rebalance) return complete_if_all_joined(group, turn);
  prepare(group, turn);
}

void GroupCoordinator::run_deadlines(ConsumerGroup& group, GroupTurn& turn) {
  group.remove_pending(turn.now);
  std::vector<Bytes> silent;
  group.each([&](const Member& member) {
    const bool late = member.sync_due && group.sync_deadline <= turn.now;
    if (late || member.deadline <= turn.now) silent.push_back(member.id);
  });
  for (const Bytes& id : silent) {
    const std::string name = printable(id);
    logger::info("groups", logger::text("group ", printable(group.id()), ": ", name, " is silent"));
    drop(group, id, turn.now);
  }
  silent.empty() ? complete_if_all_joined(group, turn) : after_drop(group, turn);
  if (group.state != GroupState::preparing_rebalance) return;
  if (group.delaying) {
    if (group.delay_until <= turn.now) delay_or_complete(group, turn);
  } else if (group.rebalance_deadline <= turn.now) {
    complete(group, turn);
  }
}

}  // namespace runnel::core
