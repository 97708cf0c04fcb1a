#include "hub/core/topics.h"

#include "hub/core/row_key.h"

namespace runnel::core {
namespace {

constexpr ByteView kNextPartition = "T";
constexpr ByteView kTopicKind = "t/";

}  // namespace

Result<void> Topics::load(const log::Log& log) {
  bool sound = true;
  RUNNEL_TRY(log.each_state(kNextPartition, [&](ByteView name, ByteView value) {
    if (name != kNextPartition) return;
    ByteReader r(value);
    next_partition_ = r.le32();
    sound = sound && r.ok();
  }));
  RUNNEL_TRY(log.each_state(kTopicKind, [&](ByteView name, ByteView value) {
    ByteReader r(value);
    const std::uint32_t count = r.le32();
    std::vector<PartitionId> ids;
    for (std::uint32_t i = 0; i < count && r.ok(); ++i) ids.emplace_back(r.le32());
    sound = sound && r.ok() && r.done();
    topics_.emplace(name.substr(kTopicKind.size()), std::move(ids));
  }));
  if (!sound) return Errc::damaged;
  return {};
}

void Topics::ensure(const std::vector<TopicSpec>& specs, log::Group& group) {
  const std::uint32_t before = next_partition_;
  for (const TopicSpec& spec : specs) {
    auto& ids = topics_[spec.name];
    if (ids.size() >= spec.partitions) continue;
    while (ids.size() < spec.partitions) ids.emplace_back(next_partition_++);
    Bytes value;
    ByteWriter w(value);
    w.le32(static_cast<std::uint32_t>(ids.size()));
    for (const PartitionId id : ids) w.le32(id.value);
    group.put_state(row_key(kTopicKind, spec.name), value);
  }
  if (next_partition_ == before) return;
  Bytes value;
  ByteWriter(value).le32(next_partition_);
  group.put_state(kNextPartition, value);
}

const std::vector<PartitionId>* Topics::find(std::string_view name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : &found->second;
}

}  // namespace runnel::core
