// Which generation holds what, which of them are open, and what is known of those that are not.
#include <algorithm>

#include "storage/log/log.h"
#include "storage/log/log_files.h"

namespace runnel::log {
namespace {

// Environments kept open besides the active one; a map each.
constexpr std::size_t kOpenMax = sizeof(void*) == 8 ? 24 : 4;

}  // namespace

Log::GenerationResult Log::generation_of(const Slot& slot) const {
  slot.used_at = ++uses_;
  if (slot.open != nullptr) return slot.open;
  slot.open = slot.known.lock();
  if (slot.open == nullptr) {
    auto opened = Generation::open(options_.dir, slot.id, Env::Mode::read_only);
    if (!opened) return opened.error();
    slot.open = *opened;
    slot.known = slot.open;
  }
  const std::shared_ptr<Generation> found = slot.open;
  const Slot* oldest = nullptr;
  std::size_t open = 0;
  for (const Slot& s : chain_) {
    if (s.open == nullptr || &s == &chain_.back()) continue;
    ++open;
    if (oldest == nullptr || s.used_at < oldest->used_at) oldest = &s;
  }
  if (open > kOpenMax) oldest->open.reset();
  return found;
}

// mutex_ held.
const Log::Slot* Log::slot_at(Position position) const {
  const auto it =
      std::upper_bound(chain_.begin(), chain_.end(), position, [](Position p, const Slot& s) {
        return p < s.first;
      });
  return it == chain_.begin() ? nullptr : &*std::prev(it);
}

Log::GenerationResult Log::generation_at(Position position) const {
  const std::lock_guard lock(mutex_);
  const Slot* slot = slot_at(position);
  if (slot == nullptr) return Errc::not_found;
  return generation_of(*slot);
}

std::vector<Position> Log::generations() const {
  const std::lock_guard lock(mutex_);
  std::vector<Position> out;
  for (const Slot& slot : chain_) out.push_back(slot.first);
  return out;
}

// What a sealed generation has of partitions does not change: it is asked once, and need not be opened
// again for it.
template <class Ask, class Place>  // of a Generation; of a Slot
auto Log::known_of(Position first, Ask ask, Place place) const
    -> Result<std::remove_cvref_t<std::invoke_result_t<Place, const Slot&>>> {
  {
    const std::lock_guard lock(mutex_);
    const Slot* slot = slot_at(first);
    if (slot == nullptr) return Errc::not_found;
    if (place(*slot) != nullptr) return place(*slot);
  }
  const auto generation = generation_at(first);
  if (!generation) return generation.error();
  const bool sealed = (*generation)->sealed();
  const auto known = std::make_shared<const decltype(ask(**generation))>(ask(**generation));
  const std::lock_guard lock(mutex_);
  const Slot* slot = slot_at(first);
  if (sealed && slot != nullptr && slot->first == first) place(*slot) = known;
  return known;
}

Result<std::shared_ptr<const Generation::Summary>> Log::summary_at(Position first) const {
  return known_of(
      first,
      [](const Generation& g) { return g.summary(); },
      [](const Slot& slot) -> auto& { return slot.summary; }
  );
}

Result<std::shared_ptr<const Generation::Sizes>> Log::sizes_at(Position first) const {
  return known_of(
      first,
      [](const Generation& g) { return g.sizes(); },
      [](const Slot& slot) -> auto& { return slot.sizes; }
  );
}

Result<Log::DiskUse> Log::disk_use() const {
  DiskUse out;
  const LogOptions limits = this->limits();
  out.dir = limits.dir.string();
  out.limit_bytes = limits.limit_bytes;
  out.bytes = totals().disk_bytes;
  for (const Position first : generations()) {
    const auto sizes = sizes_at(first);
    if (!sizes && hole(sizes.error())) continue;
    if (!sizes) return sizes.error();
    for (const auto& [partition, bytes] : **sizes) out.partitions[partition] += bytes;
  }
  return out;
}

std::uint64_t Log::bytes_from(PartitionId partition, Offset offset) const {
  struct Part {
    Position first{};
    Offset start{};
    Offset end{};
  };

  std::vector<Part> parts;
  const Offset high_watermark = range(partition).high_watermark;
  {
    const std::lock_guard lock(mutex_);
    for (const Slot& slot : chain_) {
      const auto start = slot.starts.find(partition);
      const Offset from = start == slot.starts.end() ? Offset{} : start->second;
      if (!parts.empty()) parts.back().end = from;
      parts.push_back({slot.first, from, high_watermark});
    }
  }
  std::uint64_t bytes = 0;
  for (const Part& part : parts) {
    if (part.end <= offset || part.end <= part.start) continue;
    const auto sizes = sizes_at(part.first);
    const auto all = sizes ? (*sizes)->find(partition) : Generation::Sizes::const_iterator{};
    if (!sizes || all == (*sizes)->end()) continue;
    const auto of = static_cast<double>(part.end.value - part.start.value);
    const auto left = static_cast<double>(part.end.value - std::max(part.start, offset).value);
    bytes += static_cast<std::uint64_t>(static_cast<double>(all->second) * left / of);
  }
  return bytes;
}

// The generation in which `offset` must be.
Log::GenerationResult Log::generation_for(PartitionId partition, Offset offset) const {
  const std::lock_guard lock(mutex_);
  const Slot* found = nullptr;
  for (const Slot& slot : chain_) {
    const auto start = slot.starts.find(partition);
    if (start != slot.starts.end() && start->second > offset) break;
    found = &slot;
  }
  if (found == nullptr) return Errc::not_found;
  return generation_of(*found);
}

// The first offset behind `behind` at which a generation begins.
Offset Log::next_start(PartitionId partition, Offset behind, Offset otherwise) const {
  const std::lock_guard lock(mutex_);
  for (const Slot& slot : chain_) {
    const auto start = slot.starts.find(partition);
    if (start != slot.starts.end() && start->second > behind) return start->second;
  }
  return otherwise;
}

}  // namespace runnel::log
