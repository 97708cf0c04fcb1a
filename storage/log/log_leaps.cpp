// How partitions of a mirror leap over what they never had (leaps.h).
#include "storage/base/logger.h"
#include "storage/log/log.h"

namespace runnel::log {

Result<void> Log::load_leaps() {
  auto leaps = std::make_shared<Leaps>();
  std::size_t refused = 0;
  RUNNEL_TRY(each_state(kLeapKind, [&](ByteView name, ByteView value) {
    if (!leaps->load(name, value)) ++refused;
  }));
  if (refused > 0) {
    logger::error("log", logger::text(refused, " rows of leaps make no sense and are lost"));
  }
  for (const auto& [partition, leap] : leaps->all()) go_on_at(partition, leap.end);
  leaps_ = std::move(leaps);
  return {};
}

std::shared_ptr<const Leaps> Log::leaps() const {
  const std::lock_guard lock(mutex_);
  return leaps_;
}

void Log::go_on_at(PartitionId partition, Offset next) {
  active_->go_on_at(partition, next);
  const std::lock_guard lock(mutex_);
  if (partition.value >= ends_.size()) ends_.resize(std::size_t{partition.value} + 1);
  ends_[partition.value] = std::max(ends_[partition.value], next);
}

// What the group was told; those that lead nowhere are left out.
void Log::plan_leaps(const Group& group, Plan& plan) const {
  plan.leaps = nullptr;
  plan.leapt.clear();
  for (const auto& [partition, next] : group.leaps()) {
    const Offset end = partition.value < ends_.size() ? ends_[partition.value] : Offset(0);
    if (next > end) plan_leap(partition, end, next, plan);
  }
}

void Log::plan_leap(PartitionId partition, Offset end, Offset next, Plan& plan) const {
  if (plan.leaps == nullptr) plan.leaps = std::make_shared<Leaps>(*leaps_);
  plan.leaps->apply(partition, end, next);
  plan.leapt[partition] = next;
}

// The commit lasts.
void Log::publish_leaps(const Plan& plan) {
  if (plan.leaps == nullptr) return;
  for (const auto& [partition, next] : plan.leapt) go_on_at(partition, next);
  const std::lock_guard lock(mutex_);
  leaps_ = plan.leaps;
}

}  // namespace runnel::log
