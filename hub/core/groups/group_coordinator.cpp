#include "hub/core/groups/group_coordinator.h"

#include "hub/core/groups/group_row.h"
#include "storage/base/logger.h"

namespace runnel::core {

GroupCoordinator::GroupCoordinator(
    const GroupLimits& limits,
    GroupAnswers& answers,
    GroupOffsets& offsets,
    Random random,
    std::uint32_t ticket_kind
)
    : limits_(limits),
      answers_(answers),
      offsets_(offsets),
      random_(std::move(random)),
      ticket_kind_(ticket_kind) {}

Result<void> GroupCoordinator::load(const log::Log& log, Instant now) {
  std::size_t damaged = 0;
  RUNNEL_TRY(log.each_state(kConsumerGroupKind, [&](ByteView, ByteView row) {
    auto group = decode_group_row(row, now);
    if (group == nullptr || groups_.contains(group->id())) {
      ++damaged;
      return;
    }
    bytes_ += group->bytes();
    ConsumerGroup& loaded = *group;
    groups_.emplace(loaded.id(), std::move(group));
    plan(loaded);
  }));
  if (damaged != 0) {
    logger::warn("groups", logger::text(damaged, " rows of consumer groups cannot be read"));
  }
  next_expiry_ = now + offsets_.limits().expiry_interval;
  return {};
}

// --- the groups ---

ConsumerGroup* GroupCoordinator::find(ByteView group_id) {
  const auto found = groups_.find(group_id);
  return found == groups_.end() ? nullptr : found->second.get();
}

const ConsumerGroup* GroupCoordinator::find(ByteView group_id) const {
  const auto found = groups_.find(group_id);
  return found == groups_.end() ? nullptr : found->second.get();
}

ConsumerGroup* GroupCoordinator::make(ByteView group_id, GroupTurn& turn) {
  if (groups_.size() >= limits_.groups_max) make_room(turn);
  if (groups_.size() >= limits_.groups_max) return nullptr;
  auto made = std::make_unique<ConsumerGroup>(Bytes(group_id));
  return groups_.emplace(made->id(), std::move(made)).first->second.get();
}

void GroupCoordinator::changed(ConsumerGroup& group, std::size_t bytes_before) {
  bytes_ += group.bytes();
  bytes_ -= bytes_before;
  // Nobody has ever been in it: there is nothing to remember.
  if (group.state == GroupState::empty && group.generation == 0 && group.pending().empty()) {
    erase(group);
  } else {
    plan(group);
  }
}

void GroupCoordinator::plan(ConsumerGroup& group) {
  const auto wake = group.first_deadline();
  if (wake == group.wake) return;
  if (group.wake) agenda_.erase({*group.wake, &group});
  if (wake) agenda_.emplace(*wake, &group);
  group.wake = wake;
}

void GroupCoordinator::erase(ConsumerGroup& group) {
  if (group.wake) agenda_.erase({*group.wake, &group});
  bytes_ -= group.bytes();
  groups_.erase(groups_.find(group.id()));
}

bool GroupCoordinator::without_use(const ConsumerGroup& group) const {
  return group.state == GroupState::empty && group.pending().empty() && !offsets_.has(group.id());
}

void GroupCoordinator::make_room(GroupTurn& turn) {
  for (const auto& [id, group] : groups_) {
    if (!without_use(*group)) continue;
    turn.rows.erase_state(group_row_name(id));
    return erase(*group);
  }
}

// --- rows ---

void GroupCoordinator::store(const ConsumerGroup& group, GroupTurn& turn) {
  turn.rows.put_state(group_row_name(group.id()), encode_group_row(group));
}

std::uint64_t GroupCoordinator::store_and_wait(const ConsumerGroup& group, GroupTurn& turn) {
  store(group, turn);
  const std::uint64_t serial = ++last_serial_;
  stores_.emplace(serial, group.id());
  turn.rows.wait({serial, 0, ticket_kind_, false});
  turn.rows.hurry();  // a whole group stands still
  return serial;
}

void GroupCoordinator::settled(
    const log::Ticket& ticket, const log::Group::Outcome& outcome, GroupTurn& turn
) {
  const auto store = stores_.extract(ticket.owner);
  RUNNEL_CHECK(!store.empty());
  ConsumerGroup* group = find(store.mapped());
  if (group == nullptr) return;  // deleted meanwhile
  const Change change(*this, *group);
  const GroupError error = group_error_of(outcome.state);
  if (group->storing == ticket.owner) {
    group->storing = 0;
    if (error != GroupError::none) {
      logger::warn("groups", "an assignment could not be stored; its group begins anew");
      fail_syncs(*group, error, turn.now);
      return prepare(*group, turn);
    }
    group->state = GroupState::stable;
    group->each([&](Member& member) { answer_sync(*group, member, error, turn.now); });
  }
  group->each([&](Member& member) {
    if (member.replaced_by != ticket.owner) return;
    member.replaced_by = 0;
    if (error != GroupError::none) return answer_join(member, error, turn.now);
    Joined answer = joined(*group, member);
    if (!member.can_skip_assignment) {
      // It must not take itself for the leader: the assignment stands, and would be made again.
      answer.leader = member.leader_before;
    } else if (group->leader == member.id) {
      answer.skip_assignment = true;
      add_peers(*group, answer);
    }
    answer_join(member, answer, turn.now);
  });
}

// --- answers ---

void GroupCoordinator::owe(std::optional<Waiter>& slot, Waiter waiter) {
  RUNNEL_CHECK(!slot);
  slot = waiter;
  ++owed_[waiter.owner];
}

std::optional<Waiter> GroupCoordinator::take(std::optional<Waiter>& slot) {
  if (!slot) return std::nullopt;
  const Waiter waiter = *slot;
  slot.reset();
  const auto owner = owed_.find(waiter.owner);
  RUNNEL_CHECK(owner != owed_.end());
  if (--owner->second == 0) owed_.erase(owner);
  return waiter;
}

void GroupCoordinator::refuse_join(Waiter waiter, GroupError error, ByteView member_id) {
  Joined answer;
  answer.error = error;
  answer.member_id = member_id;
  answers_.joined(waiter, answer);
}

void GroupCoordinator::answer_join(Member& member, const Joined& answer, Instant now) {
  const auto waiter = take(member.joining);
  if (!waiter) return;
  if (answer.error == GroupError::none) {
    member.settled_once = true;
    member.knows_its_id = true;
  }
  restart_session(member, now);
  answers_.joined(*waiter, answer);
}

void GroupCoordinator::answer_join(Member& member, GroupError error, Instant now) {
  Joined answer;
  answer.error = error;
  answer.member_id = member.id;
  answer_join(member, answer, now);
}

void GroupCoordinator::answer_sync(
    ConsumerGroup& group, Member& member, GroupError error, Instant now
) {
  const auto waiter = take(member.syncing);
  if (!waiter) return;
  restart_session(member, now);
  Synced answer;
  if (error == GroupError::none) answer = synced(group, member);
  answer.error = error;
  answers_.synced(*waiter, answer);
}

Joined GroupCoordinator::joined(const ConsumerGroup& group, const Member& member) {
  Joined answer;
  answer.member_id = member.id;
  answer.generation = group.generation;
  answer.protocol_type = group.protocol_type;
  answer.protocol = group.protocol;
  answer.leader = group.leader;
  return answer;
}

void GroupCoordinator::add_peers(const ConsumerGroup& group, Joined& answer) {
  answer.members.reserve(group.members().size());
  for (const auto& [id, member] : group.members()) {
    answer.members.push_back({id, member.instance(), member.metadata(group.protocol)});
  }
}

Synced GroupCoordinator::synced(const ConsumerGroup& group, const Member& member) {
  Synced answer;
  answer.protocol_type = group.protocol_type;
  answer.protocol = group.protocol;
  answer.assignment = member.assignment();
  return answer;
}

void GroupCoordinator::forget(std::uint64_t owner, GroupTurn& turn) {
  if (!owed_.contains(owner)) return;
  const auto is_his = [&](const std::optional<Waiter>& w) { return w && w->owner == owner; };
  for (auto at = groups_.begin(); at != groups_.end();) {
    ConsumerGroup& group = *(at++)->second;
    std::vector<Member*> his;
    group.each([&](Member& m) {
      if (is_his(m.joining) || is_his(m.syncing)) his.push_back(&m);
    });
    if (his.empty()) continue;
    const Change change(*this, group);
    bool dropped = false;
    for (Member* member : his) {
      if (is_his(member->joining)) take(member->joining);
      if (is_his(member->syncing)) take(member->syncing);
      restart_session(*member, turn.now);
      if (member->knows_its_id || member->instance_id) continue;
      drop(group, member->id, turn.now);
      dropped = true;
    }
    if (dropped) after_drop(group, turn);
  }
}

// --- time ---

namespace {

// For members that have never been part of a generation: while they wait for their first, no
// session of theirs is running, and whether anybody is still there cannot be told.
constexpr std::chrono::minutes kFirstJoinWait{5};

}  // namespace

void GroupCoordinator::restart_session(Member& member, Instant now) {
  if (!member.joining && !member.syncing) {
    member.deadline = now + member.session_timeout;
  } else {
    member.deadline = member.settled_once ? Instant::max() : now + kFirstJoinWait;
  }
}

void GroupCoordinator::tick(GroupTurn& turn) {
  while (!agenda_.empty() && agenda_.begin()->first <= turn.now) {
    ConsumerGroup& group = *agenda_.begin()->second;
    const Change change(*this, group);
    run_deadlines(group, turn);
  }
  if (turn.now >= next_expiry_) expire(turn);
}

std::optional<Instant> GroupCoordinator::next_deadline() const {
  std::optional<Instant> next;
  if (!groups_.empty() || offsets_.entries() != 0) next = next_expiry_;
  if (!agenda_.empty() && (!next || agenda_.begin()->first < *next)) next = agenda_.begin()->first;
  return next;
}

}  // namespace runnel::core
