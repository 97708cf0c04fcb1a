// One consumer group: its members, what they offer, and how far a rebalance has come. It keeps its
// indexes and sums right; the rules are the coordinator's (group_coordinator.h).
//
// Threads: one, the io thread.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "hub/core/groups/group_types.h"

namespace runnel::core {

// What a member costs besides its texts.
constexpr std::size_t kMemberOverheadBytes = 512;
constexpr std::size_t kProtocolOverheadBytes = 64;

struct Member {
  struct Protocol {
    Bytes name;
    Bytes metadata;

    bool operator==(const Protocol&) const = default;
  };

  Bytes id;
  std::optional<Bytes> instance_id;
  Bytes client_id;
  Bytes client_host;
  std::chrono::milliseconds session_timeout{0};
  std::chrono::milliseconds rebalance_timeout{0};

  std::optional<Waiter> joining;  // has rejoined, and waits for the others or for a commit
  std::optional<Waiter> syncing;  // waits for the leader's assignment
  Instant deadline{};             // when it is taken for dead
  bool settled_once = false;      // has been part of a generation
  bool knows_its_id = false;      // somebody out there can come back as this member
  bool sync_due = false;          // was told of this generation, and has not asked for its part

  // A static member that replaced itself in a stable group waits for this commit, to be told this.
  std::uint64_t replaced_by = 0;
  Bytes leader_before;
  bool can_skip_assignment = false;

  [[nodiscard]] const std::vector<Protocol>& protocols() const { return protocols_; }

  [[nodiscard]] const Bytes& assignment() const { return assignment_; }

  // Empty when it does not offer that.
  [[nodiscard]] ByteView metadata(ByteView protocol) const;
  [[nodiscard]] bool offers(ByteView protocol) const;
  [[nodiscard]] bool offers_exactly(const std::vector<OfferedProtocol>& protocols) const;
  [[nodiscard]] std::optional<ByteView> instance() const;
  [[nodiscard]] std::size_t bytes() const;

 private:
  friend class ConsumerGroup;
  std::vector<Protocol> protocols_;
  Bytes assignment_;
};

class ConsumerGroup {
 public:
  using Members = std::map<Bytes, Member, std::less<>>;

  explicit ConsumerGroup(Bytes id) : id_(std::move(id)) {}

  [[nodiscard]] const Bytes& id() const { return id_; }

  GroupState state = GroupState::empty;
  std::int32_t generation = 0;
  Bytes protocol_type;
  Bytes protocol;  // chosen for this generation
  Bytes leader;    // a member id; empty while there is none
  std::int64_t empty_since_hub_ms = 0;
  std::uint64_t storing = 0;  // the commit that makes this generation stable

  Instant rebalance_deadline{};  // preparing: who has not rejoined by then is out
  Instant sync_deadline{};       // likewise who has not asked for its part of the assignment
  bool delaying = false;         // preparing a first generation, in the initial delay
  bool more_came = false;        // while delaying
  Instant delay_until{};
  std::chrono::milliseconds delay_left{0};

  std::optional<Instant> wake;  // when the coordinator has to look, not later than it must

  // Ids that were given out to be joined with, and until when they hold.
  using Pending = std::map<Bytes, Instant, std::less<>>;

  [[nodiscard]] const Pending& pending() const { return pending_; }

  void add_pending(const Bytes& member_id, Instant until);
  // False: it is not one.
  bool remove_pending(ByteView member_id);
  // Those that hold no longer.
  void remove_pending(Instant now);

  [[nodiscard]] const Members& members() const { return members_; }

  [[nodiscard]] bool has_members() const { return !members_.empty(); }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  Member* find(ByteView member_id);
  // The member that an instance id stands for.
  Member* find_instance(ByteView instance_id);

  // Its id and instance id are not taken.
  Member& add(Member member);
  void remove(ByteView member_id);
  // The same member under a new id.
  Member& rename(ByteView member_id, Bytes new_id);
  // A protocol that is named twice counts once.
  void set_protocols(Member& member, const std::vector<OfferedProtocol>& protocols);
  void set_assignment(Member& member, ByteView assignment);
  void clear_assignments();

  template <class Visit>
  void each(Visit visit) {
    for (auto& [id, member] : members_) visit(member);
  }

  // Whether a member with these could be part of the group; `instead` is who it would replace.
  [[nodiscard]] bool accepts(
      ByteView type, const std::vector<OfferedProtocol>& protocols, const Member* instead
  ) const;
  // What most members like best among what all offer; among equals, what the leader likes best.
  [[nodiscard]] Bytes choose_protocol() const;
  [[nodiscard]] std::size_t joining() const;
  [[nodiscard]] std::chrono::milliseconds rebalance_timeout() const;  // the longest of a member
  // The first of all deadlines. Walks the members.
  [[nodiscard]] std::optional<Instant> first_deadline() const;

 private:
  void count_protocols(const Member& member, int by);

  Bytes id_;
  Members members_;
  Pending pending_;
  std::map<Bytes, Bytes, std::less<>> instances_;         // to member ids
  std::map<Bytes, std::size_t, std::less<>> supporters_;  // of each protocol
  std::size_t bytes_ = 0;
};

}  // namespace runnel::core
