// The coordinator of consumer groups: who is a member, of which generation, with which part of the
// work; Kafka's classic group protocol, whole, with static members (KIP-345), ids that are asked
// for first (KIP-394) and leaders that skip the assignment (KIP-814). Cooperative rebalancing
// (KIP-429) lives in the clients and needs generations that are right. What members say to each
// other is opaque; only the topics in a consumer's subscription are looked at (subscription.h).
//
//   empty ── join ──▶ preparing ── all have rejoined, or time is up ──▶ completing
//     ▲                 ▲   │ the last has left                             │ the leader's
//     assignment └─────────────────┼───┘                                               ▼ is durable
//                       └──── join, leave, silence, a changed offer ───── stable
//
// Promises, each with tests in tests/unit/core/group_*_test.cpp:
//   1. Members of a stable group have one generation and one leader. Generations of a group grow,
//   over
//      restarts too: a SyncGroup is answered when the generation is durable, so that no member with
//      an older one can commit once a newer one has been at work.
//   2. Every waiter gets one answer; or none, if its owner was forgotten.
//   3. A group that has members that answer becomes stable within their longest rebalance timeout;
//      a member that is silent is out after its session timeout.
//   4. After a restart, members go on with id, generation and assignment, without a rebalance.
//   5. Memory is bounded by GroupLimits; what does not fit is refused.
//
// Time is handed in: the caller calls tick() when next_deadline() has come. Rows and tickets are
// put into the group of the log that is being filled (turn.rows); tickets of `ticket_kind` come
// back through settled(), in order.
//
// Threads: one, the io thread.
#pragma once

#include <set>

#include "hub/core/groups/consumer_group.h"
#include "hub/core/groups/group_limits.h"
#include "hub/core/groups/group_offsets.h"
#include "hub/core/groups/group_types.h"

namespace runnel::core {

class GroupCoordinator {
 public:
  using Random = std::function<std::uint64_t()>;

  // `answers` and `offsets` outlive this. `random` gives 64 bits that nobody can guess.
  GroupCoordinator(
      const GroupLimits& limits,
      GroupAnswers& answers,
      GroupOffsets& offsets,
      Random random,
      std::uint32_t ticket_kind
  );

  // Reads the groups that the log knows; offsets are loaded on their own. A row that is none is
  // reported and passed over.
  Result<void> load(const log::Log& log, Instant now);

  void set_limits(const GroupLimits& limits) { limits_ = limits; }

  // JoinGroup and SyncGroup: the answer goes to GroupAnswers, now or later.
  void join(Waiter waiter, const JoinRequest& request, GroupTurn& turn);
  void sync(Waiter waiter, const SyncRequest& request, GroupTurn& turn);

  [[nodiscard]] GroupError heartbeat(const MemberClaim& member, Instant now);

  // LeaveGroup: one error for each that leaves, in order. The returned one is that of the whole.
  [[nodiscard]] GroupError leave(
      ByteView group_id,
      std::span<const Leaving> leaving,
      std::vector<GroupError>& errors,
      GroupTurn& turn
  );

  // Whether offsets may be committed to the group by whoever claims so. Simple consumers
  // (generation -1, no member id) may while nobody is a member. A transaction may say nothing about
  // its member (TxnOffsetCommit below 3), and may commit during a rebalance.
  enum class CommitKind { plain, transactional };
  [[nodiscard]] GroupError check_commit(const MemberClaim& member, CommitKind kind, Instant now);

  // Views live until the next call that is not const.
  [[nodiscard]] GroupDescription describe(ByteView group_id) const;
  [[nodiscard]] std::vector<GroupListing> list() const;

  // DeleteGroups: the group and its offsets, if nobody is a member.
  [[nodiscard]] GroupError remove(ByteView group_id, GroupTurn& turn);

  // OffsetDelete: whether the group lets go of its offsets of this topic. The offsets themselves:
  // GroupOffsets::erase(). non_empty_group and group_id_not_found concern the whole group.
  [[nodiscard]] GroupError check_offset_delete(ByteView group_id, ByteView topic) const;

  // The commit of the log that held the ticket's row has this outcome.
  void settled(const log::Ticket& ticket, const log::Group::Outcome& outcome, GroupTurn& turn);

  // A connection is gone: nobody waits there any more. Its members stay until their sessions time
  // out; but one that was never told its id, nor has an instance id, cannot come back and is out.
  void forget(std::uint64_t owner, GroupTurn& turn);

  // Does what time has come for: silent members, rebalances, ids never used, expired offsets.
  void tick(GroupTurn& turn);
  // nullopt: nothing is due until the next call.
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  [[nodiscard]] std::size_t groups() const { return groups_.size(); }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  // While it lives, a group may change in any way; afterwards the agenda and the sums are right
  // again, and a group that is nothing is gone.
  class Change {
   public:
    Change(GroupCoordinator& coordinator, ConsumerGroup& group)
        : coordinator_(coordinator), group_(group), bytes_before_(group.bytes()) {}

    ~Change() { coordinator_.changed(group_, bytes_before_); }

    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

   private:
    GroupCoordinator& coordinator_;
    ConsumerGroup& group_;
    std::size_t bytes_before_;
  };

  ConsumerGroup* find(ByteView group_id);
  [[nodiscard]] const ConsumerGroup* find(ByteView group_id) const;
  ConsumerGroup* make(ByteView group_id, GroupTurn& turn);
  void changed(ConsumerGroup& group, std::size_t bytes_before);
  void plan(ConsumerGroup& group);
  void erase(ConsumerGroup& group);
  void make_room(GroupTurn& turn);
  [[nodiscard]] bool without_use(const ConsumerGroup& group) const;

  // group_join.cpp
  [[nodiscard]] GroupError refusal(const JoinRequest& request) const;
  [[nodiscard]] GroupError refusal(const JoinRequest& request, ConsumerGroup& group);
  void join_first(Waiter waiter, const JoinRequest& request, ConsumerGroup& group, GroupTurn& turn);
  void join_again(Waiter waiter, const JoinRequest& request, ConsumerGroup& group, GroupTurn& turn);
  void add(
      Waiter waiter, Bytes id, const JoinRequest& request, ConsumerGroup& group, GroupTurn& turn
  );
  void replace(
      Waiter waiter,
      Member& before,
      const JoinRequest& request,
      ConsumerGroup& group,
      GroupTurn& turn
  );
  void rejoin(
      Waiter waiter,
      Member& member,
      const JoinRequest& request,
      ConsumerGroup& group,
      GroupTurn& turn
  );
  Bytes new_id(const JoinRequest& request);

  // group_rebalance.cpp
  void prepare(ConsumerGroup& group, GroupTurn& turn);
  void complete_if_all_joined(ConsumerGroup& group, GroupTurn& turn);
  void complete(ConsumerGroup& group, GroupTurn& turn);
  void became_empty(ConsumerGroup& group, GroupTurn& turn);
  void delay_or_complete(ConsumerGroup& group, GroupTurn& turn);
  void fail_syncs(ConsumerGroup& group, GroupError error, Instant now);
  void drop(ConsumerGroup& group, const Bytes& member_id, Instant now);
  void after_drop(ConsumerGroup& group, GroupTurn& turn);
  void run_deadlines(ConsumerGroup& group, GroupTurn& turn);

  // group_sync.cpp
  [[nodiscard]] GroupError check(
      ConsumerGroup& group, ByteView member_id, const std::optional<ByteView>& instance_id
  ) const;
  void assign(const SyncRequest& request, ConsumerGroup& group, GroupTurn& turn);
  GroupError leave_one(ConsumerGroup& group, const Leaving& who, Instant now, bool& dropped);

  // Answers, and who is owed one.
  void owe(std::optional<Waiter>& slot, Waiter waiter);
  std::optional<Waiter> take(std::optional<Waiter>& slot);
  void refuse_join(Waiter waiter, GroupError error, ByteView member_id);
  void answer_join(Member& member, const Joined& answer, Instant now);
  void answer_join(Member& member, GroupError error, Instant now);
  void answer_sync(ConsumerGroup& group, Member& member, GroupError error, Instant now);
  static Joined joined(const ConsumerGroup& group, const Member& member);
  static void add_peers(const ConsumerGroup& group, Joined& answer);
  static Synced synced(const ConsumerGroup& group, const Member& member);
  static void restart_session(Member& member, Instant now);

  // Rows. store() without waiting for it; store_and_wait() returns the serial of its ticket.
  void store(const ConsumerGroup& group, GroupTurn& turn);
  std::uint64_t store_and_wait(const ConsumerGroup& group, GroupTurn& turn);

  // group_admin.cpp
  void expire(GroupTurn& turn);

  GroupLimits limits_;
  GroupAnswers& answers_;
  GroupOffsets& offsets_;
  Random random_;
  std::uint32_t ticket_kind_;

  std::map<Bytes, std::unique_ptr<ConsumerGroup>, std::less<>> groups_;
  std::set<std::pair<Instant, ConsumerGroup*>> agenda_;  // by ConsumerGroup::wake
  std::map<std::uint64_t, Bytes> stores_;                // serial to group id
  std::map<std::uint64_t, std::size_t> owed_;            // answers to each owner
  std::uint64_t last_serial_ = 0;
  std::size_t bytes_ = 0;  // of all groups
  Instant next_expiry_{};
};

}  // namespace runnel::core
