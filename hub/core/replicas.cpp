#include "hub/core/replicas.h"

#include <algorithm>
#include <utility>

#include "storage/base/logger.h"

namespace runnel::core {

namespace {

// Whoever can fetch can give itself a name, of those that hubs and links have.
constexpr std::size_t kMirrorsMax = 64;

constexpr std::size_t kNameMax = 160;

// It goes into logs and metrics.
bool is_name(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= kNameMax && std::ranges::all_of(text, plain);
}

// Lanes of their own, above those that others name.
constexpr std::uint64_t kUnordered = std::uint64_t{1} << 63;

}  // namespace

void Replicas::configure(ReplicaNeeds needs, std::chrono::milliseconds patience) {
  // A group's commit waits as what it speaks of does.
  ReplicaNeed strictest;
  for (const auto& [partition, need] : needs) {
    strictest.replicas = std::max(strictest.replicas, need.replicas);
    strictest.topic = need.topic;
  }
  if (!needs.empty()) {
    strictest.refuse = std::ranges::any_of(needs, [](const auto& need) { return need.second.refuse; });
    needs.emplace(kGroupOffsets, std::move(strictest));
  }
  needs_ = std::move(needs);
  patience_ = patience;
  changed_ = true;
}

bool Replicas::in_step(const Progress& progress, Instant now) const {
  return progress.in_step && now - *progress.in_step <= patience_;
}

bool Replicas::enough_in_step(PartitionId partition, const ReplicaNeed& need, Instant now) const {
  std::uint32_t hubs = 1;
  for (const auto& [name, known] : mirrors_) {
    const auto progress = known.partitions.find(partition);
    if (progress != known.partitions.end() && in_step(progress->second, now)) ++hubs;
  }
  return hubs >= need.replicas;
}

Replicas::Taking Replicas::taking(PartitionId partition, Instant now) const {
  if (!mirrored_.empty() && mirrored_.contains(partition)) return Taking::mirrored;
  if (needs_.empty()) return Taking::yes;
  const auto need = needs_.find(partition);
  if (need == needs_.end() || !need->second.refuse) return Taking::yes;
  return enough_in_step(partition, need->second, now) ? Taking::yes : Taking::too_few;
}

std::vector<PartitionId> Replicas::waited_for() const {
  std::vector<PartitionId> out;
  for (const auto& [partition, need] : needs_) out.push_back(partition);
  return out;
}

void Replicas::has(
    std::string_view mirror, PartitionId partition, Offset offset, Offset end, Instant now
) {
  if (!is_name(mirror)) return;
  auto found = mirrors_.find(mirror);
  if (offset > end) {
    if (found != mirrors_.end()) found->second.partitions.erase(partition);
    return;
  }
  if (found == mirrors_.end()) {
    if (mirrors_.size() >= kMirrorsMax) {
      const auto oldest = std::ranges::min_element(mirrors_, {}, [](const auto& m) { return m.second.asked; });
      if (now - oldest->second.asked <= patience_) return;  // all of them are there
      mirrors_.erase(oldest);
    }
    found = mirrors_.emplace(mirror, Known{}).first;
    logger::info("mirror", logger::text(mirror, " follows"));
  }
  found->second.asked = now;
  Progress& progress = found->second.partitions[partition];
  // What it has now may be all that there was when it asked before.
  if (offset >= end) {
    progress.in_step = now;
  } else if (progress.asked != Instant{} && offset >= progress.end) {
    progress.in_step = progress.asked;
  }
  progress.at = offset;
  progress.end = end;
  progress.asked = now;
  changed_ = true;
}

void Replicas::when(std::uint64_t lane, std::vector<Place> places, Instant now, Then then) {
  if (lane == 0) lane = kUnordered + ++last_unordered_;
  const Instant until = now + patience_;
  lanes_[lane].push_back({std::move(places), until, std::move(then)});
  fresh_.push_back(lane);
  if (!deadline_) deadline_ = until;
  ++waits_;
}

bool Replicas::goes_on_alone(PartitionId partition, Instant now) const {
  const auto need = needs_.find(partition);
  return need != needs_.end() && !need->second.refuse && !enough_in_step(partition, need->second, now);
}

bool Replicas::have(const Place& place, const ReplicaNeed& need) const {
  std::uint32_t hubs = 1;
  for (const auto& [name, known] : mirrors_) {
    const auto progress = known.partitions.find(place.partition);
    if (progress != known.partitions.end() && progress->second.at >= place.end) ++hubs;
  }
  return hubs >= need.replicas;
}

std::optional<bool> Replicas::outcome(const Wait& wait, Instant now) const {
  bool all = true;
  for (const Place& place : wait.places) {
    const auto need = needs_.find(place.partition);
    if (need == needs_.end() || have(place, need->second)) continue;
    const bool late = now >= wait.until;
    if (need->second.refuse && late) return false;
    const bool alone = !need->second.refuse &&
                       (late || !enough_in_step(place.partition, need->second, now));
    all = all && alone;
  }
  return all ? std::optional(true) : std::nullopt;
}

Replicas::Lanes::iterator Replicas::end_some(Lanes::iterator lane, Instant now, Ended& ended) {
  auto& waits = lane->second;
  while (!waits.empty()) {
    const auto came = outcome(waits.front(), now);
    if (!came) break;
    ended.emplace_back(std::move(waits.front().then), *came);
    waits.pop_front();
    --waits_;
  }
  return waits.empty() ? lanes_.erase(lane) : std::next(lane);
}

void Replicas::run(Turn& turn) {
  const std::vector<std::uint64_t> fresh = std::exchange(fresh_, {});
  Ended ended;
  if (std::exchange(changed_, false)) {
    deadline_.reset();
    for (auto lane = lanes_.begin(); lane != lanes_.end();) {
      lane = end_some(lane, turn.now, ended);
    }
    for (const auto& [lane, waits] : lanes_) {
      if (!deadline_ || waits.front().until < *deadline_) deadline_ = waits.front().until;
    }
  } else {
    for (const std::uint64_t number : fresh) {
      const auto lane = lanes_.find(number);
      if (lane != lanes_.end()) end_some(lane, turn.now, ended);
    }
  }
  for (const auto& [then, replicated] : ended) then(replicated, turn);
}

void Replicas::tick(Turn& turn) {
  note_short(turn.now);
  changed_ = changed_ || waits_ > 0;
  run(turn);
}

// Says what has changed.
void Replicas::note_short(Instant now) {
  std::map<std::string, bool> now_short;  // whether they refuse, by topic
  for (const auto& [partition, need] : needs_) {
    if (partition == kGroupOffsets || enough_in_step(partition, need, now)) continue;
    now_short[need.topic] = need.refuse;
  }
  for (const auto& [topic, refuse] : now_short) {
    if (short_of_.contains(topic)) continue;
    logger::warn("mirror", logger::text("topic ", topic, ": too few mirrors are in step: ", refuse ? "records are refused" : "this hub's disk alone is acknowledged"));
  }
  for (const std::string& topic : short_of_) {
    if (now_short.contains(topic)) continue;
    logger::info("mirror", logger::text("topic ", topic, ": enough mirrors are in step"));
  }
  short_of_.clear();
  for (const auto& [topic, refuse] : now_short) short_of_.insert(topic);
}

std::set<std::string> Replicas::topics() const {
  std::set<std::string> out;
  for (const auto& [partition, need] : needs_) out.insert(need.topic);
  return out;
}

std::vector<Replicas::Mirror> Replicas::mirrors(Instant now) const {
  std::vector<Mirror> out;
  for (const auto& [name, known] : mirrors_) {
    Mirror mirror;
    mirror.name = name;
    mirror.silent_s = std::chrono::duration<double>(now - known.asked).count();
    for (const auto& [partition, progress] : known.partitions) {
      // One that it has left, or that is no more.
      if (partition == kGroupOffsets || known.asked - progress.asked > patience_) continue;
      ++mirror.partitions;
      if (in_step(progress, now)) ++mirror.in_step;
      mirror.lag_records += static_cast<std::uint64_t>(std::max<std::int64_t>(progress.end.value - progress.at.value, 0));
    }
    out.push_back(std::move(mirror));
  }
  return out;
}

}  // namespace runnel::core
