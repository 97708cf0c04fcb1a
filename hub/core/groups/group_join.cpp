// JoinGroup: who may be a member, under which id, and whether that begins a rebalance.
#include <algorithm>
#include <array>

#include "hub/core/groups/group_coordinator.h"
#include "hub/core/groups/subscription.h"

namespace runnel::core {
namespace {

// Of a client's id in the ids of its members.
constexpr std::size_t kNameBytesMax = 200;

std::size_t bytes_of(const JoinRequest& r) {
  std::size_t sum = kMemberOverheadBytes + 2 * (kNameBytesMax + 40) + r.client_id.size() +
                    r.client_host.size() + 2 * r.instance_id.value_or("").size();
  for (const OfferedProtocol& p : r.protocols) {
    sum += kProtocolOverheadBytes + p.name.size() + p.metadata.size();
  }
  return sum;
}

// Cut where a character begins: whoever reads half of one may not give the same bytes back.
ByteView shortened(ByteView name) {
  std::size_t size = std::min(name.size(), kNameBytesMax);
  const auto inside = [&](std::size_t at) {
    return (static_cast<unsigned char>(name[at]) & 0xc0) == 0x80;
  };
  while (size > 0 && size < name.size() && inside(size)) --size;
  return name.substr(0, size);
}

void describe_member(Member& member, const JoinRequest& r) {
  member.client_id = r.client_id;
  member.client_host = r.client_host;
  member.session_timeout = r.session_timeout;
  // Simple clients send 0, and would be out before they could ask for their assignment.
  member.rebalance_timeout =
      r.rebalance_timeout.count() > 0 ? r.rebalance_timeout : r.session_timeout;
}

}  // namespace

void GroupCoordinator::join(Waiter waiter, const JoinRequest& request, GroupTurn& turn) {
  GroupError error = refusal(request);
  if (error != GroupError::none) return refuse_join(waiter, error, request.member_id);
  ConsumerGroup* group = find(request.group_id);
  if (group == nullptr) {
    if (!request.member_id.empty()) {
      return refuse_join(waiter, GroupError::unknown_member_id, request.member_id);
    }
    group = make(request.group_id, turn);
    if (group == nullptr) return refuse_join(waiter, GroupError::coordinator_not_available, "");
  }
  const Change change(*this, *group);
  error = refusal(request, *group);
  if (error != GroupError::none) return refuse_join(waiter, error, request.member_id);
  if (request.member_id.empty()) {
    join_first(waiter, request, *group, turn);
  } else {
    join_again(waiter, request, *group, turn);
  }
}

GroupError GroupCoordinator::refusal(const JoinRequest& r) const {
  if (r.group_id.empty() || r.group_id.size() > limits_.id_bytes_max) {
    return GroupError::invalid_group_id;
  }
  if (r.session_timeout < limits_.session_timeout_min || r.session_timeout.count() <= 0 ||
      r.session_timeout > limits_.session_timeout_max) {
    return GroupError::invalid_session_timeout;
  }
  if (r.protocols.size() > limits_.protocols_max || bytes_of(r) > limits_.member_bytes_max) {
    return GroupError::invalid_request;
  }
  return GroupError::none;
}

// What speaks against this member in this group.
GroupError GroupCoordinator::refusal(const JoinRequest& r, ConsumerGroup& group) {
  const bool has_place = group.pending().contains(r.member_id);
  const Member* known = nullptr;
  if (!r.member_id.empty() && !has_place) {
    const GroupError error = check(group, r.member_id, r.instance_id);
    if (error != GroupError::none) return error;
    known = group.find(r.member_id);
  } else if (has_place && r.instance_id) {
    return GroupError::unknown_member_id;  // such ids are for those that have no name of their own
  } else if (r.instance_id) {
    known = group.find_instance(*r.instance_id);
  }
  if (known == nullptr && !has_place) {
    // Those that do not come back to a rebalance hold no place for ever, but their memory for now.
    const std::size_t members = group.members().size();
    const bool preparing = group.state == GroupState::preparing_rebalance;
    const std::size_t places = (preparing ? group.joining() : members) + group.pending().size();
    if (places >= limits_.members_max || members >= 2 * limits_.members_max) {
      return GroupError::group_max_size_reached;
    }
  }
  if (!group.accepts(r.protocol_type, r.protocols, known)) {
    return GroupError::inconsistent_group_protocol;
  }
  const std::size_t before = known == nullptr ? 0 : known->bytes();
  const std::size_t now = bytes_of(r);
  if (group.bytes() + now > limits_.group_bytes_max + before) {
    return GroupError::group_max_size_reached;
  }
  return bytes_ + now > limits_.bytes_max + before ? GroupError::coordinator_not_available
                                                   : GroupError::none;
}

Bytes GroupCoordinator::new_id(const JoinRequest& r) {
  static constexpr std::array<char, 16> kHex{
      '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
  Bytes id(shortened(r.instance_id.value_or(r.client_id)));
  std::uint64_t bits = 0;
  for (unsigned digit = 0; digit < 32; ++digit) {
    if (digit % 16 == 0) bits = random_();
    if (digit == 0 || digit == 8 || digit == 12 || digit == 16 || digit == 20) id.push_back('-');
    id.push_back(kHex[bits >> 60]);
    bits <<= 4;
  }
  return id;
}

void GroupCoordinator::join_first(
    Waiter waiter, const JoinRequest& request, ConsumerGroup& group, GroupTurn& turn
) {
  if (request.instance_id) {
    if (Member* before = group.find_instance(*request.instance_id)) {
      return replace(waiter, *before, request, group, turn);
    }
  } else if (request.member_id_required) {
    const Bytes id = new_id(request);
    group.add_pending(id, turn.now + request.session_timeout);
    return refuse_join(waiter, GroupError::member_id_required, id);
  }
  add(waiter, new_id(request), request, group, turn);
}

void GroupCoordinator::join_again(
    Waiter waiter, const JoinRequest& request, ConsumerGroup& group, GroupTurn& turn
) {
  if (group.remove_pending(request.member_id)) {
    return add(waiter, Bytes(request.member_id), request, group, turn);
  }
  Member& member = *group.find(request.member_id);
  const bool leads = group.leader == member.id;
  const bool settled = group.state == GroupState::stable && !leads;
  const bool settling = group.state == GroupState::completing_rebalance;
  if (!(settled || settling) || !member.offers_exactly(request.protocols)) {
    return rejoin(waiter, member, request, group, turn);
  }
  // It missed the answer, or asks to be sure: nothing has changed. (A leader that joins a stable
  // group wants a rebalance.)
  Joined answer = joined(group, member);
  if (settling && leads) add_peers(group, answer);
  restart_session(member, turn.now);
  answers_.joined(waiter, answer);
}

void GroupCoordinator::add(
    Waiter waiter, Bytes id, const JoinRequest& request, ConsumerGroup& group, GroupTurn& turn
) {
  Member member;
  member.knows_its_id = id == request.member_id;
  member.id = std::move(id);
  if (request.instance_id) member.instance_id = Bytes(*request.instance_id);
  describe_member(member, request);
  group.set_protocols(member, request.protocols);
  if (!group.has_members()) {
    group.protocol_type = request.protocol_type;
    group.leader = member.id;
  }
  Member& added = group.add(std::move(member));
  owe(added.joining, waiter);
  restart_session(added, turn.now);
  if (group.state != GroupState::preparing_rebalance) return prepare(group, turn);
  group.more_came = true;
  complete_if_all_joined(group, turn);
}

void GroupCoordinator::rejoin(
    Waiter waiter, Member& member, const JoinRequest& request, ConsumerGroup& group, GroupTurn& turn
) {
  answer_join(member, GroupError::rebalance_in_progress, turn.now);  // asked for twice
  describe_member(member, request);
  group.set_protocols(member, request.protocols);
  owe(member.joining, waiter);
  restart_session(member, turn.now);
  if (group.state != GroupState::preparing_rebalance) return prepare(group, turn);
  complete_if_all_joined(group, turn);
}

// A static member has come back, and the hub gives it a new id. Whoever still has the old one is
// fenced off.
void GroupCoordinator::replace(
    Waiter waiter, Member& before, const JoinRequest& request, ConsumerGroup& group, GroupTurn& turn
) {
  answer_join(before, GroupError::fenced_instance_id, turn.now);
  answer_sync(group, before, GroupError::fenced_instance_id, turn.now);
  const Bytes metadata_before(before.metadata(group.protocol));
  const Bytes leader_before = group.leader;
  Member& member = group.rename(before.id, new_id(request));
  describe_member(member, request);
  group.set_protocols(member, request.protocols);
  owe(member.joining, waiter);
  restart_session(member, turn.now);
  if (group.state == GroupState::preparing_rebalance) return complete_if_all_joined(group, turn);
  const bool as_before =
      group.state == GroupState::stable && group.choose_protocol() == group.protocol &&
      same_subscription(group.protocol_type, metadata_before, member.metadata(group.protocol));
  // In the midst of a rebalance, the leader may have made its assignment for the old id.
  if (!as_before) return prepare(group, turn);
  // The new id must outlast a restart before it is told: the hub would fence off its owner.
  member.leader_before = leader_before;
  member.can_skip_assignment = request.can_skip_assignment;
  member.replaced_by = store_and_wait(group, turn);
}

}  // namespace runnel::core
