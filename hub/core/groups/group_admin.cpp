// DescribeGroups, ListGroups, DeleteGroups and OffsetDelete, and the expiry of what nobody needs.
#include <algorithm>

#include "hub/core/groups/group_coordinator.h"
#include "hub/core/groups/group_row.h"
#include "hub/core/groups/subscription.h"

namespace runnel::core {
namespace {

// Rows that one commit deletes: a commit of the log has to fit into a generation.
constexpr std::size_t kExpiryRowsMax = 500;
constexpr std::chrono::seconds kExpiryGoesOn{1};

// The topics that the members of a consumer group want; nullopt: nobody can tell.
std::optional<TopicSet> topics_of(const ConsumerGroup& group) {
  if (group.protocol_type != kConsumerProtocolType || group.protocol.empty()) return std::nullopt;
  TopicSet all;
  for (const auto& [id, member] : group.members()) {
    auto topics = subscribed_topics(member.metadata(group.protocol));
    if (!topics) return std::nullopt;
    all.merge(*topics);
  }
  return all;
}

}  // namespace

GroupDescription GroupCoordinator::describe(ByteView group_id) const {
  GroupDescription out;
  const ConsumerGroup* group = find(group_id);
  if (group == nullptr) {
    if (offsets_.has(group_id)) out.state = GroupState::empty;
    return out;
  }
  out.state = group->state;
  out.protocol_type = group->protocol_type;
  const bool stable = group->state == GroupState::stable;
  if (stable) out.protocol = group->protocol;
  for (const auto& [id, member] : group->members()) {
    GroupDescription::Member& m = out.members.emplace_back();
    m.member_id = id;
    m.instance_id = member.instance();
    m.client_id = member.client_id;
    m.client_host = member.client_host;
    if (!stable) continue;
    m.metadata = member.metadata(group->protocol);
    m.assignment = member.assignment();
  }
  return out;
}

std::vector<GroupListing> GroupCoordinator::list() const {
  std::vector<GroupListing> out;
  for (const auto& [id, group] : groups_) out.push_back({id, group->protocol_type, group->state});
  offsets_.each_group([&](ByteView id) {
    if (find(id) == nullptr) out.push_back({id, {}, GroupState::empty});
  });
  std::ranges::sort(out, {}, &GroupListing::group_id);
  return out;
}

GroupError GroupCoordinator::remove(ByteView group_id, GroupTurn& turn) {
  ConsumerGroup* group = find(group_id);
  if (group == nullptr && !offsets_.has(group_id)) return GroupError::group_id_not_found;
  if (group != nullptr && group->state != GroupState::empty) return GroupError::non_empty_group;
  offsets_.erase_group(group_id, turn);
  turn.rows.erase_state(group_row_name(group_id));
  if (group != nullptr) erase(*group);
  return GroupError::none;
}

GroupError GroupCoordinator::check_offset_delete(ByteView group_id, ByteView topic) const {
  const ConsumerGroup* group = find(group_id);
  if (group == nullptr) {
    return offsets_.has(group_id) ? GroupError::none : GroupError::group_id_not_found;
  }
  if (group->state == GroupState::empty) return GroupError::none;
  if (group->protocol_type != kConsumerProtocolType) return GroupError::non_empty_group;
  const auto topics = topics_of(*group);
  return !topics || topics->contains(topic) ? GroupError::group_subscribed_to_topic
                                            : GroupError::none;
}

// Offsets of a group that has members are in use, but for topics that no member wants any more;
// those of an empty one have not been needed since it became so; those of simple consumers, since
// they were committed.
void GroupCoordinator::expire(GroupTurn& turn) {
  const auto retention = offsets_.limits().retention;
  Bytes asked;  // the group that `topics` is of
  std::optional<TopicSet> topics;
  const auto unused_since = [&](ByteView group_id, ByteView topic, const CommittedOffset& offset
                            ) -> std::optional<std::int64_t> {
    const ConsumerGroup* group = find(group_id);
    if (group == nullptr || group->protocol_type.empty()) return offset.committed_hub_ms;
    if (group->state == GroupState::empty) {
      return std::max(offset.committed_hub_ms, group->empty_since_hub_ms);
    }
    if (group->state != GroupState::stable) return std::nullopt;
    if (turn.hub_ms - offset.committed_hub_ms < retention.count()) return std::nullopt;
    if (asked != group_id) {
      topics = topics_of(*group);
      asked = group_id;
    }
    return topics && !topics->contains(topic) ? std::optional(offset.committed_hub_ms)
                                              : std::nullopt;
  };
  std::size_t rows = offsets_.expire(unused_since, kExpiryRowsMax, turn);
  for (auto at = groups_.begin(); at != groups_.end() && rows < kExpiryRowsMax;) {
    ConsumerGroup& group = *(at++)->second;
    if (!without_use(group)) continue;
    turn.rows.erase_state(group_row_name(group.id()));
    erase(group);
    ++rows;
  }
  const bool more = rows >= kExpiryRowsMax;
  next_expiry_ = turn.now + (more ? kExpiryGoesOn : offsets_.limits().expiry_interval);
}

}  // namespace runnel::core
