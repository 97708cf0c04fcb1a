// What a log hides before its generation is retired: on request, and by the rules of its
// partitions.
#include <algorithm>

#include "storage/base/logger.h"
#include "storage/log/log.h"

namespace runnel::log {
namespace {

// How often the rules are looked at.
constexpr std::chrono::seconds kRulesEvery{60};

}  // namespace

Result<void> Log::load_trims() {
  auto trims = std::make_shared<Trims>();
  std::size_t refused = 0;
  for (const ByteView kind : {kTrimKind, kTrimTotalsRow}) {
    RUNNEL_TRY(each_state(kind, [&](ByteView name, ByteView value) {
      if (!trims->load(name, value)) ++refused;
    }));
  }
  if (refused > 0) {
    logger::error("log", logger::text(refused, " rows of trims make no sense and are lost"));
  }
  trims_ = std::move(trims);
  return {};
}

std::shared_ptr<const Trims> Log::trims() const {
  const std::lock_guard lock(mutex_);
  return trims_;
}

void Log::set_rules(PartitionRuleMap rules) {
  const bool some =
      std::ranges::any_of(rules, [](const auto& rule) { return rule.second.compacted; });
  some_compacted_.store(some, std::memory_order_relaxed);
  auto shared = std::make_shared<const PartitionRuleMap>(std::move(rules));
  const std::lock_guard lock(mutex_);
  rules_ = std::move(shared);
  rules_known_.store(true, std::memory_order_release);
}

std::shared_ptr<const PartitionRuleMap> Log::rules() const {
  const std::lock_guard lock(mutex_);
  return rules_;
}

// Where a partition begins: behind what was retired, and behind what was trimmed.
Offset Log::start_of(PartitionId partition) const {
  const auto front = chain_.front().starts.find(partition);
  Offset oldest = front == chain_.front().starts.end() ? Offset(0) : front->second;
  if (const auto kept = kept_.find(partition); kept != kept_.end()) {
    oldest = std::min(oldest, kept->second);
  }
  oldest = std::max(oldest, leaps_->begun(partition));
  const Offset end = partition.value < ends_.size() ? ends_[partition.value] : Offset(0);
  return std::max(oldest, std::min(trims_->start(partition), end));
}

// What the group's trims come to. Records of the group itself go with a partition that is gone.
void Log::plan_trims(const Group& group, Plan& plan) const {
  plan.trims = nullptr;
  plan.trim_rows.clear();
  if (group.trims().empty()) return;
  std::map<PartitionId, std::uint64_t> coming;
  for (const BlockPtr& block : plan.blocks) {
    for (const BlockEntry& e : block->head().entries) coming[e.partition] += e.records;
  }
  auto trims = std::make_shared<Trims>(*trims_);
  for (const auto& [partition, asked] : group.trims()) {
    const std::lock_guard lock(mutex_);
    const Offset end = partition.value < ends_.size() ? ends_[partition.value] : Offset(0);
    const bool gone = asked.start == kGone;
    const Offset from = start_of(partition);
    const Offset to = gone ? end : std::max(from, std::min(asked.start, end));
    std::uint64_t records = static_cast<std::uint64_t>(to.value - from.value);
    if (gone && !plan.records_refused) records += coming[partition];
    trims->apply(partition, {gone ? kGone : to, asked.why}, records);
    plan.trim_rows.emplace_back(Trims::row_name(partition), Trims::encode(trims->start(partition)));
  }
  plan.trim_rows.push_back(trims->totals_row());
  plan.trims = std::move(trims);
}

// Trims that speak of nothing but the oldest generation, and of partitions that are gone and empty.
std::vector<PartitionId> Log::trims_of_oldest_alone() const {
  std::vector<PartitionId> out;
  // Rows that a trim has made stale would come back if the hub stopped before they are removed.
  if (!stale_.empty()) return out;
  const std::lock_guard lock(mutex_);
  for (const auto& [partition, start] : trims_->starts()) {
    const auto next = chain_[1].starts.find(partition);
    const Offset oldest = next == chain_[1].starts.end() ? Offset(0) : next->second;
    const Offset end = partition.value < ends_.size() ? ends_[partition.value] : Offset(0);
    if (oldest >= std::min(start, end)) out.push_back(partition);
  }
  return out;
}

void Log::apply_rules() {
  const Instant now = clock_.now();
  if (failed() || (rules_applied_ && now - *rules_applied_ < kRulesEvery)) return;
  rules_applied_ = now;
  const auto rules = this->rules();
  const auto held = holds();
  const std::int64_t hub = hub_ms();
  Group group;
  std::vector<std::string> said;
  for (const auto& [partition, rule] : *rules) {
    const Offset from = range(partition).log_start;
    Offset start = from;
    if (rule.retention) {
      start = std::max(start, aged_start(partition, hub - rule.retention->count() - 1));
    }
    if (rule.retention_bytes) {
      start = std::max(start, oversized_start(partition, *rule.retention_bytes));
    }
    if (const auto hold = held->find(partition); hold != held->end()) {
      start = std::min(start, hold->second);
    }
    if (start <= from) continue;
    group.trim(partition, start, TrimReason::expired);
    said.push_back(logger::text(
        "partition ",
        partition.value,
        " trimmed by its topic's retention: offsets ",
        from.value,
        " to ",
        start.value - 1
    ));
  }
  if (group.empty() || commit(group) != Errc::ok) return;  // it is tried again
  for (const std::string& line : said) logger::info("log", line);
}

// Behind the last record of a partition that was committed at `until_hub_ms` or before.
Offset Log::aged_start(PartitionId partition, std::int64_t until_hub_ms) const {
  Position at;
  {
    const std::lock_guard lock(mutex_);
    const auto young = std::find_if(chain_.begin(), chain_.end(), [&](const Slot& slot) {
      return slot.last_hub_ms > until_hub_ms;
    });
    const Offset end = partition.value < ends_.size() ? ends_[partition.value] : Offset(0);
    if (young == chain_.end()) return end;
    at = young->first;
  }
  const auto generation = generation_at(at);
  if (!generation) return Offset(0);
  return (*generation)->offset_at(partition, (*generation)->after(until_hub_ms));
}

// The first offset such that what follows is still at least `bytes_max`, about.
Offset Log::oversized_start(PartitionId partition, std::uint64_t bytes_max) const {
  const std::vector<Position> firsts = generations();
  std::uint64_t kept = 0;
  for (auto first = firsts.rbegin(); first != firsts.rend(); ++first) {
    const auto sizes = sizes_at(*first);
    const auto size = sizes ? (*sizes)->find(partition) : Generation::Sizes::const_iterator();
    if (!sizes || size == (*sizes)->end()) continue;
    if (kept + size->second > bytes_max) {
      const auto generation = generation_at(*first);
      if (!generation) return Offset(0);
      return (*generation)->offset_before_last(partition, bytes_max - kept);
    }
    kept += size->second;
  }
  return Offset(0);
}

}  // namespace runnel::log
