// Committed offsets: kept, and asked for.
#include <set>

#include "hub/kafka_broker/broker.h"
#include "hub/kafka_broker/handlers.h"

namespace runnel::kafka {
namespace {

using FetchedTopic = ByTopic<OffsetFetchResponse::Partition>;

ErrorCode whole_error(core::GroupError error) {
  return static_cast<ErrorCode>(error);
}

// The offsets of one group, those that were asked for or all.
Vector<FetchedTopic> fetch(
    const core::GroupOffsets& offsets,
    Text group,
    const OffsetFetchRequest::Topics& asked,
    bool require_stable
) {
  Vector<FetchedTopic> out;
  const auto one = [&](std::int32_t index, const core::CommittedOffset* offset, bool unstable) {
    OffsetFetchResponse::Partition p;
    p.index = index;
    p.committed_offset = -1;
    if (require_stable && unstable) {
      p.error_code = ErrorCode::unstable_offset_commit;
    } else if (offset != nullptr) {
      p.committed_offset = offset->offset;
      p.committed_leader_epoch = offset->leader_epoch;
      p.metadata = Text(offset->metadata);
    }
    return p;
  };
  if (!asked) {
    offsets.each(
        group,
        [&](ByteView topic,
            std::int32_t index,
            const core::CommittedOffset* offset,
            bool unstable) {
          if (offset == nullptr && !(require_stable && unstable)) return;
          if (out.empty() || out.back().name != topic) out.push_back({topic, {}});
          out.back().partitions.push_back(one(index, offset, unstable));
        }
    );
    return out;
  }
  for (const auto& topic : *asked) {
    FetchedTopic& answered = out.emplace_back(FetchedTopic{topic.name, {}});
    for (const std::int32_t index : topic.partitions) {
      answered.partitions.push_back(
          one(index,
              offsets.find(group, topic.name, index),
              offsets.unstable(group, topic.name, index))
      );
    }
  }
  return out;
}

}  // namespace

void handle(const Context& c, const OffsetCommitRequest& request) {
  Groups& groups = c.broker.groups();
  const core::MemberClaim member{
      request.group_id, request.member_id, request.group_instance_id, request.generation_id};
  const core::GroupError refused = groups.coordinator().check_commit(
      member, core::GroupCoordinator::CommitKind::plain, c.turn.now
  );
  std::vector<core::GroupOffsets::Entry> entries;
  OffsetCommitResponse response;
  OffsetCommitResponse failed;
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (const auto& p : topic.partitions) {
      ErrorCode error = whole_error(refused);
      const PartitionId* id = c.broker.partition(topic.name, p.index);
      if (error == ErrorCode::none && id == nullptr) error = ErrorCode::unknown_topic_or_partition;
      // Nobody should wait for what cannot come.
      const bool alone = error == ErrorCode::none && c.broker.replicas().taking(*id, c.turn.now) == core::Replicas::Taking::too_few;
      if (alone) error = ErrorCode::coordinator_not_available;
      out.partitions.push_back({p.index, error});
      if (error != ErrorCode::none) continue;
      entries.push_back(
          {topic.name,
           p.index,
           p.committed_offset,
           p.committed_leader_epoch,
           p.metadata.value_or(Text{})}
      );
    }
  }
  if (entries.empty()) return c.broker.answer(c.call, response);
  std::optional<std::chrono::milliseconds> retention;
  if (request.retention_time_ms >= 0) {
    retention = std::chrono::milliseconds(request.retention_time_ms);
  }
  core::GroupTurn turn = Groups::turn_of(c.turn);
  const auto errors = groups.offsets().commit(request.group_id, entries, retention, turn);
  std::size_t next = 0;
  for (auto& topic : response.topics) {
    for (auto& p : topic.partitions) {
      if (p.error_code == ErrorCode::none) p.error_code = whole_error(errors.at(next++));
    }
  }
  failed = response;
  for (auto& topic : failed.topics) {
    for (auto& p : topic.partitions) p.error_code = ErrorCode::coordinator_not_available;
  }
  // What is committed of a topic is as safe as its records.
  std::vector<PartitionId> replicated;
  for (const core::GroupOffsets::Entry& entry : entries) {
    const PartitionId* id = c.broker.partition(entry.topic, entry.partition);
    const core::Replicas& replicas = c.broker.replicas();
    if (!replicated.empty() || !replicas.waits(*id) || replicas.goes_on_alone(*id, c.turn.now)) continue;
    replicated.push_back(core::kGroupOffsets);
  }
  c.broker.answer_after_commit(
      c.call, response, failed, c.turn, log::Group::Tie::none, std::move(replicated)
  );
}

void handle(const Context& c, const OffsetFetchRequest& request) {
  const core::GroupOffsets& offsets = c.broker.groups().offsets();
  OffsetFetchResponse response;
  response.topics = fetch(offsets, request.group_id, request.topics, request.require_stable);
  std::set<Text> told;  // one answer, however often it is asked for
  for (const auto& group : request.groups) {
    if (!told.insert(group.group_id).second) continue;
    response.groups.push_back(
        {group.group_id,
         fetch(offsets, group.group_id, group.topics, request.require_stable),
         ErrorCode::none}
    );
  }
  c.broker.answer(c.call, response);
}

}  // namespace runnel::kafka
