// SyncGroup, Heartbeat and LeaveGroup, and who may commit: what members say between rebalances.
#include <algorithm>

#include "hub/core/groups/group_coordinator.h"

namespace runnel::core {

GroupError GroupCoordinator::check(
    ConsumerGroup& group, ByteView member_id, const std::optional<ByteView>& instance_id
) const {
  if (instance_id) {
    const Member* member = group.find_instance(*instance_id);
    if (member == nullptr) return GroupError::unknown_member_id;
    return member->id == member_id ? GroupError::none : GroupError::fenced_instance_id;
  }
  return group.find(member_id) == nullptr ? GroupError::unknown_member_id : GroupError::none;
}

void GroupCoordinator::sync(Waiter waiter, const SyncRequest& request, GroupTurn& turn) {
  const auto refuse = [&](GroupError error) {
    Synced answer;
    answer.error = error;
    answers_.synced(waiter, answer);
  };
  const MemberClaim& claim = request.member;
  if (claim.group_id.empty()) return refuse(GroupError::invalid_group_id);
  ConsumerGroup* group = find(claim.group_id);
  if (group == nullptr) return refuse(GroupError::unknown_member_id);
  const GroupError error = check(*group, claim.member_id, claim.instance_id);
  if (error != GroupError::none) return refuse(error);
  if (claim.generation != group->generation) return refuse(GroupError::illegal_generation);
  if (request.protocol_type.value_or(group->protocol_type) != group->protocol_type ||
      request.protocol.value_or(group->protocol) != group->protocol) {
    return refuse(GroupError::inconsistent_group_protocol);
  }
  if (group->state == GroupState::preparing_rebalance) {
    return refuse(GroupError::rebalance_in_progress);
  }
  const Change change(*this, *group);
  Member& member = *group->find(claim.member_id);
  member.sync_due = false;
  if (group->state == GroupState::stable) {
    restart_session(member, turn.now);
    return answers_.synced(waiter, synced(*group, member));
  }
  answer_sync(*group, member, GroupError::rebalance_in_progress, turn.now);  // asked for twice
  owe(member.syncing, waiter);
  restart_session(member, turn.now);
  if (group->leader == member.id && group->storing == 0) assign(request, *group, turn);
}

void GroupCoordinator::assign(const SyncRequest& request, ConsumerGroup& group, GroupTurn& turn) {
  std::size_t more = 0;
  for (const SyncRequest::Assignment& a : request.assignments) more += a.bytes.size();
  if (group.bytes() + more > limits_.group_bytes_max || bytes_ + more > limits_.bytes_max) {
    fail_syncs(group, GroupError::group_max_size_reached, turn.now);
    return prepare(group, turn);
  }
  for (const SyncRequest::Assignment& a : request.assignments) {
    if (Member* member = group.find(a.member_id)) group.set_assignment(*member, a.bytes);
  }
  group.storing = store_and_wait(group, turn);
}

GroupError GroupCoordinator::heartbeat(const MemberClaim& claim, Instant now) {
  if (claim.group_id.empty()) return GroupError::invalid_group_id;
  ConsumerGroup* group = find(claim.group_id);
  if (group == nullptr) return GroupError::unknown_member_id;
  const GroupError error = check(*group, claim.member_id, claim.instance_id);
  if (error != GroupError::none) return error;
  if (claim.generation != group->generation) return GroupError::illegal_generation;
  // Its deadline moves away, so that the agenda, which then looks too early, stays as it is.
  restart_session(*group->find(claim.member_id), now);
  return group->state == GroupState::preparing_rebalance ? GroupError::rebalance_in_progress
                                                         : GroupError::none;
}

GroupError GroupCoordinator::leave(
    ByteView group_id,
    std::span<const Leaving> leaving,
    std::vector<GroupError>& errors,
    GroupTurn& turn
) {
  errors.assign(leaving.size(), GroupError::unknown_member_id);
  if (group_id.empty()) return GroupError::invalid_group_id;
  ConsumerGroup* group = find(group_id);
  if (group == nullptr) return GroupError::none;
  const Change change(*this, *group);
  bool dropped = false;
  for (std::size_t i = 0; i < leaving.size(); ++i) {
    errors[i] = leave_one(*group, leaving[i], turn.now, dropped);
  }
  dropped ? after_drop(*group, turn) : complete_if_all_joined(*group, turn);
  return GroupError::none;
}

GroupError GroupCoordinator::leave_one(
    ConsumerGroup& group, const Leaving& who, Instant now, bool& dropped
) {
  Bytes id(who.member_id);
  if (id.empty() && who.instance_id) {
    const Member* member = group.find_instance(*who.instance_id);
    if (member == nullptr) return GroupError::unknown_member_id;
    id = member->id;
  } else if (group.remove_pending(id)) {
    return GroupError::none;
  } else if (const auto error = check(group, id, who.instance_id); error != GroupError::none) {
    return error;
  }
  drop(group, id, now);
  dropped = true;
  return GroupError::none;
}

GroupError GroupCoordinator::check_commit(const MemberClaim& claim, CommitKind kind, Instant now) {
  if (claim.group_id.size() > limits_.id_bytes_max) return GroupError::invalid_group_id;
  const bool names_generation = claim.generation >= 0;
  ConsumerGroup* group = find(claim.group_id);
  if (group == nullptr) {
    return names_generation ? GroupError::illegal_generation : GroupError::none;
  }
  if (group->state == GroupState::empty && !names_generation) return GroupError::none;
  if (!names_generation && claim.member_id.empty() && !claim.instance_id) {
    return kind == CommitKind::transactional ? GroupError::none : GroupError::unknown_member_id;
  }
  const GroupError error = check(*group, claim.member_id, claim.instance_id);
  if (error != GroupError::none) return error;
  if (claim.generation != group->generation) return GroupError::illegal_generation;
  restart_session(*group->find(claim.member_id), now);
  // It knows of the generation, but not yet what its part is: a commit would be of the one before.
  if (group->state == GroupState::completing_rebalance && kind == CommitKind::plain) {
    return GroupError::rebalance_in_progress;
  }
  return GroupError::none;
}

}  // namespace runnel::core
