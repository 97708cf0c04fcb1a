#include "hub/core/groups/group_row.h"

#include "hub/core/row_key.h"

namespace runnel::core {
namespace {

constexpr std::uint8_t kVersion = 1;

std::chrono::milliseconds read_ms(ByteReader& r) {
  return std::chrono::milliseconds(r.le32());
}

// False: it cannot be a member of this group.
bool read_member(ByteReader& r, ConsumerGroup& group, Instant now) {
  Member member;
  member.id = r.counted();
  const bool has_instance = r.u8() != 0;
  const ByteView instance = r.counted();
  if (has_instance) member.instance_id = Bytes(instance);
  member.client_id = r.counted();
  member.client_host = r.counted();
  member.session_timeout = read_ms(r);
  member.rebalance_timeout = read_ms(r);
  const ByteView metadata = r.counted();
  const ByteView assignment = r.counted();
  if (!r.ok() || group.find(member.id) != nullptr) return false;
  if (has_instance && group.find_instance(instance) != nullptr) return false;
  member.deadline = now + member.session_timeout;
  member.settled_once = true;
  member.knows_its_id = true;
  group.set_protocols(member, {{group.protocol, metadata}});
  group.set_assignment(group.add(std::move(member)), assignment);
  return true;
}

}  // namespace

Bytes group_row_name(ByteView group_id) {
  return row_key(kConsumerGroupKind, group_id);
}

Bytes encode_group_row(const ConsumerGroup& group) {
  Bytes out;
  ByteWriter w(out);
  w.u8(kVersion);
  w.counted(group.id());
  w.counted(group.protocol_type);
  w.le32(static_cast<std::uint32_t>(group.generation));
  w.counted(group.protocol);
  w.counted(group.leader);
  w.le64(static_cast<std::uint64_t>(group.empty_since_hub_ms));
  w.varint(group.members().size());
  for (const auto& [id, member] : group.members()) {
    w.counted(id);
    w.u8(member.instance_id ? 1 : 0);
    w.counted(member.instance_id.value_or(Bytes()));
    w.counted(member.client_id);
    w.counted(member.client_host);
    w.le32(static_cast<std::uint32_t>(member.session_timeout.count()));
    w.le32(static_cast<std::uint32_t>(member.rebalance_timeout.count()));
    w.counted(member.metadata(group.protocol));
    w.counted(member.assignment());
  }
  return out;
}

std::unique_ptr<ConsumerGroup> decode_group_row(ByteView row, Instant now) {
  ByteReader r(row);
  if (r.u8() != kVersion) return nullptr;
  auto group = std::make_unique<ConsumerGroup>(Bytes(r.counted()));
  group->protocol_type = r.counted();
  group->generation = static_cast<std::int32_t>(r.le32());
  group->protocol = r.counted();
  const ByteView leader = r.counted();
  group->empty_since_hub_ms = static_cast<std::int64_t>(r.le64());
  const std::uint64_t count = r.varint();
  for (std::uint64_t i = 0; i < count && r.ok(); ++i) {
    if (!read_member(r, *group, now)) return nullptr;
  }
  if (!r.ok() || !r.done() || group->id().empty()) return nullptr;
  if (group->find(leader) != nullptr) group->leader = leader;
  group->state = group->has_members() ? GroupState::stable : GroupState::empty;
  return group;
}

}  // namespace runnel::core
