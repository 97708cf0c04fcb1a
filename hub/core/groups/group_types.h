// What is asked of the group coordinator and what it answers, without wire versions: the handlers
// of the Kafka door convert (KIP-345 static members, KIP-394 ids before joining, KIP-814 leaders
// that keep their assignment).
//
// Views in requests need to live during the call; views in answers live until the callee returns.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "hub/core/groups/group_error.h"
#include "storage/base/bytes.h"
#include "storage/base/clock.h"
#include "storage/log/group.h"

namespace runnel::core {

// Somebody whose answer comes later, in words that only the door understands: `owner` is a
// connection, `tag` a request of it.
struct Waiter {
  std::uint64_t owner = 0;
  std::uint64_t tag = 0;

  auto operator<=>(const Waiter&) const = default;
};

// What one call may use: the time, and the group of the log that is being filled.
struct GroupTurn {
  Instant now;
  std::int64_t hub_ms;
  log::Group& rows;
};

enum class GroupState { empty, preparing_rebalance, completing_rebalance, stable, dead };

// As Kafka's admin clients know it.
constexpr std::string_view name_of(GroupState state) {
  switch (state) {
    case GroupState::empty:
      return "Empty";
    case GroupState::preparing_rebalance:
      return "PreparingRebalance";
    case GroupState::completing_rebalance:
      return "CompletingRebalance";
    case GroupState::stable:
      return "Stable";
    case GroupState::dead:
      return "Dead";
  }
  return "Unknown";
}

struct OfferedProtocol {
  ByteView name;
  ByteView metadata;
};

struct JoinRequest {
  ByteView group_id;
  ByteView member_id;  // empty: not yet given
  std::optional<ByteView> instance_id;
  ByteView client_id;
  ByteView client_host;
  std::chrono::milliseconds session_timeout{0};
  std::chrono::milliseconds rebalance_timeout{0};  // 0 or less: the session timeout
  ByteView protocol_type;
  std::vector<OfferedProtocol> protocols;  // best first
  bool member_id_required = false;         // JoinGroup 4 and later
  bool can_skip_assignment = false;        // JoinGroup 9 and later
};

struct Joined {
  struct Peer {
    ByteView member_id;
    std::optional<ByteView> instance_id;
    ByteView metadata;  // of the chosen protocol
  };

  GroupError error = GroupError::none;
  ByteView member_id;  // with member_id_required: the id to join with
  std::int32_t generation = -1;
  std::optional<ByteView> protocol_type;  // nullopt with an error
  std::optional<ByteView> protocol;       // likewise
  ByteView leader;
  bool skip_assignment = false;
  std::vector<Peer> members;  // for the leader alone
};

// Who says that it is a member, and of which generation.
struct MemberClaim {
  ByteView group_id;
  ByteView member_id;
  std::optional<ByteView> instance_id;
  std::int32_t generation = -1;
};

struct SyncRequest {
  struct Assignment {
    ByteView member_id;
    ByteView bytes;
  };

  MemberClaim member;
  std::optional<ByteView> protocol_type;  // looked at when given (SyncGroup 5)
  std::optional<ByteView> protocol;
  std::vector<Assignment> assignments;  // the leader's
};

struct Synced {
  GroupError error = GroupError::none;
  std::optional<ByteView> protocol_type;
  std::optional<ByteView> protocol;
  ByteView assignment;
};

// A member that leaves, or that an administrator takes out: then by instance id, without a member
// id.
struct Leaving {
  ByteView member_id;
  std::optional<ByteView> instance_id;
};

struct GroupDescription {
  struct Member {
    ByteView member_id;
    std::optional<ByteView> instance_id;
    ByteView client_id;
    ByteView client_host;
    ByteView metadata;    // of the chosen protocol; empty unless the group is stable
    ByteView assignment;  // empty unless the group is stable
  };

  GroupState state = GroupState::dead;  // dead: there is no such group
  ByteView protocol_type;
  ByteView protocol;  // empty unless the group is stable
  std::vector<Member> members;
};

struct GroupListing {
  ByteView group_id;
  ByteView protocol_type;  // empty: nobody ever joined, there are only offsets
  GroupState state = GroupState::empty;
};

// Where answers go that had to wait. A waiter gets one answer, perhaps before the call that brought
// it returns, or none after forget() with its owner. Must not call the coordinator.
class GroupAnswers {
 public:
  virtual ~GroupAnswers() = default;
  virtual void joined(Waiter waiter, const Joined& answer) = 0;
  virtual void synced(Waiter waiter, const Synced& answer) = 0;
};

}  // namespace runnel::core
