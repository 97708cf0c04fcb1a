#include "bridge/links.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "bridge/report.h"
#include "bridge/topic_pattern.h"
#include "storage/base/logger.h"

namespace runnel::bridge {

namespace {

constexpr std::string_view kPrefix = "L/";

// The destination knows the positions better; every row costs flash.
constexpr std::chrono::seconds kWriteEvery{60};
// Where it does not, what was sent since is sent again after a crash.
constexpr std::chrono::seconds kWriteEveryAlone{5};

// "{day begun} {day bytes} {gaps} {positions}".
std::string row_of(const Memory& memory) {
  return logger::text(
      memory.day.begun_hub_ms, " ", memory.day.bytes, " ", memory.gaps, " ", positions_text(memory.positions)
  );
}

template <class Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() + text.size() || *end != ' ') return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

std::optional<Memory> read_row(std::string_view text) {
  Memory memory;
  if (!take_number(text, memory.day.begun_hub_ms)) return std::nullopt;
  if (!take_number(text, memory.day.bytes) || !take_number(text, memory.gaps)) return std::nullopt;
  auto positions = read_positions(text);
  if (!positions) return std::nullopt;
  memory.positions = std::move(*positions);
  return memory;
}

}  // namespace

Links::Links(log::Log& log, const core::Topics& topics, const Clock& clock)
    : log_(log), topics_(topics), around_{log, clock, {}} {}

Result<void> Links::load(Cluster self) {
  around_.self = std::move(self);
  return log_.each_state(kPrefix, [&](ByteView name, ByteView value) {
    const std::string link(name.substr(kPrefix.size()));
    if (auto memory = read_row(value)) {
      remembered_[link] = std::move(*memory);
    } else {
      logger::warn("link", logger::text(link, ": its row cannot be read"));
    }
  });
}

void Links::configure(std::vector<LinkSpec> specs) {
  std::map<std::string, Entry> next;
  for (LinkSpec& spec : specs) {
    Entry entry;
    entry.spec = std::move(spec);
    const auto old = entries_.find(entry.spec.name);
    if (old != entries_.end() && old->second.spec == entry.spec) entry = std::move(old->second);
    next.emplace(entry.spec.name, std::move(entry));
  }
  for (auto& [name, entry] : entries_) {
    if (!entry.link) continue;
    entry.link->stop();
    remembered_[name] = entry.link->memory();
    ending_.push_back(std::move(entry.link));
  }
  entries_ = std::move(next);
  start_what_may();
  hold();
}

// A link's successor would throw it out.
void Links::start_what_may() {
  for (const auto& link : ending_) {
    if (link->finished()) remembered_[link->spec().name] = link->memory();
  }
  std::erase_if(ending_, [](const auto& link) { return link->finished(); });
  for (auto& [name, entry] : entries_) {
    if (entry.link) continue;
    const auto& its_name = name;
    const bool busy = std::any_of(ending_.begin(), ending_.end(), [&](const auto& link) {
      return link->spec().name == its_name;
    });
    if (busy) continue;
    const auto known = remembered_.extract(name);
    if (known) entry.memory = known.mapped();
    Sources sources = sources_of(entry.spec);
    Memory memory = entry.memory;
    pin_start(entry.spec, sources, memory.positions);
    entry.link = std::make_unique<Link>(entry.spec, around_, std::move(memory), std::move(sources));
  }
}

// Where a link begins is what there is now, not what there is when its destination is first reached:
// what retention takes meanwhile was not sent.
void Links::pin_start(const LinkSpec& spec, const Sources& sources, Positions& positions) const {
  using Kind = LinkSpec::Start::Kind;
  if (spec.start.kind == Kind::time) return;
  for (const Source& source : sources) {
    for (std::size_t i = 0; i < source.partitions.size(); ++i) {
      const log::PartitionRange range = log_.range(source.partitions[i]);
      const Offset start = spec.start.kind == Kind::latest ? range.high_watermark : range.log_start;
      positions.try_emplace({source.topic, static_cast<std::int32_t>(i)}, start);
    }
  }
}

Sources Links::sources_of(const LinkSpec& spec) const {
  Sources sources;
  for (const auto& [name, partitions] : topics_.all()) {
    if (matches_any(spec.topics, name)) sources.push_back({name, partitions});
  }
  return sources;
}

std::vector<core::LinkReport> Links::reports() const {
  std::vector<core::LinkReport> out;
  for (const auto& [name, entry] : entries_) {
    LinkStatus status;
    status.name = name;
    status.direction = entry.spec.direction;
    status.why = "the former link of this name is ending";
    if (entry.link) status = entry.link->status();
    // The link looks at its lag once in a while; how many records there are is known at any time.
    status.lag.records = behind(entry);
    if (status.lag.records == 0) status.lag = {};
    out.push_back(report_of(status, around_.clock.wall_ms()));
  }
  return out;
}

std::uint64_t Links::behind(const Entry& entry) const {
  const Positions positions = entry.link ? entry.link->memory().positions : entry.memory.positions;
  std::uint64_t records = 0;
  for (const Source& source : sources_of(entry.spec)) {
    for (std::size_t i = 0; i < source.partitions.size(); ++i) {
      const log::PartitionRange range = log_.range(source.partitions[i]);
      const auto at = positions.find({source.topic, static_cast<std::int32_t>(i)});
      const Offset from = at == positions.end() ? range.log_start : std::max(at->second, range.log_start);
      records += static_cast<std::uint64_t>(std::max<std::int64_t>(range.high_watermark.value - from.value, 0));
    }
  }
  return records;
}

std::vector<std::pair<std::string, std::string>> Links::sys() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const core::LinkReport& link : reports()) {
    const auto put = [&](const char* what, std::string value) {
      out.emplace_back("$SYS/hub/links/" + link.name + "/" + what, std::move(value));
    };
    put("state", link.state);
    put("why", link.why);
    put("delivery", link.delivery);
    put("lag/records", std::to_string(link.lag_records));
    put("lag/bytes", std::to_string(link.lag_bytes));
    put("lag/seconds", std::to_string(static_cast<std::int64_t>(link.lag_s.value_or(0))));
    put("lag/oldest", link.oldest_ms ? std::to_string(*link.oldest_ms) : "");
    put("records", std::to_string(link.records));
    put("wire/bytes", std::to_string(link.wire_bytes));
    put("day/left", link.day_left ? std::to_string(*link.day_left) : "");
    put("gaps", std::to_string(link.gaps));
    put("refused", std::to_string(link.refused));
  }
  return out;
}

void Links::committed(const log::Group& group, core::Turn&) {
  if (group.outcome.blocks.empty()) return;
  for (auto& [name, entry] : entries_) {
    if (entry.link) entry.link->wake();
  }
}

void Links::tick(core::Turn& turn) {
  start_what_may();
  if (std::exchange(topic_changes_, topics_.changes()) != topics_.changes()) tell_sources();
  for (auto& [name, entry] : entries_) write_down(entry, turn);
  hold();
}

void Links::tell_sources() {
  for (auto& [name, entry] : entries_) {
    if (entry.link) entry.link->set_sources(sources_of(entry.spec));
  }
}

void Links::write_down(Entry& entry, core::Turn& turn) {
  if (!entry.link) return;
  const bool alone = entry.link->status().delivery == LinkSpec::Delivery::at_least_once;
  const auto every = alone ? kWriteEveryAlone : kWriteEvery;
  if (entry.written && turn.now - *entry.written < every) return;
  Memory memory = entry.link->memory();
  if (memory == entry.memory) return;
  entry.memory = std::move(memory);
  entry.written = turn.now;
  turn.group.put_state(std::string(kPrefix) + entry.spec.name, row_of(entry.memory));
}

// What links still need that should not be taken from them.
void Links::hold() {
  log::Holds holds;
  for (const auto& [name, entry] : entries_) {
    if (entry.spec.unsent != LinkSpec::Unsent::hold) continue;
    const Positions positions = entry.link ? entry.link->memory().positions : entry.memory.positions;
    for (const Source& source : sources_of(entry.spec)) {
      for (std::size_t i = 0; i < source.partitions.size(); ++i) {
        const auto at = positions.find({source.topic, static_cast<std::int32_t>(i)});
        const Offset from = at == positions.end() ? Offset{} : at->second;
        const auto [held, added] = holds.try_emplace(source.partitions[i], from);
        if (!added) held->second = std::min(held->second, from);
      }
    }
  }
  log_.set_holds(std::move(holds));
}

void Links::shut_down(core::Turn& turn) {
  for (auto& [name, entry] : entries_) {
    if (entry.link) entry.link->stop();
  }
  for (auto& [name, entry] : entries_) {
    if (!entry.link) continue;
    entry.link->join();
    entry.written.reset();
    write_down(entry, turn);
    entry.link.reset();
  }
  ending_.clear();
}

}  // namespace runnel::bridge
