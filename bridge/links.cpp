#include "bridge/links.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "bridge/report.h"
#include "bridge/topic_pattern.h"
#include "hub/core/routes.h"
#include "storage/base/logger.h"

namespace runnel::bridge {

namespace {

constexpr std::string_view kPrefix = "lk/";

// Beside those of the MQTT and the Kafka broker.
constexpr std::uint32_t kLinkTicket = 103;

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

Links::Links(
    log::Log& log,
    core::Topics& topics,
    Mirrors& mirrors,
    const Clock& clock,
    std::function<void()> poke
)
    : log_(log),
      topics_(topics),
      mirrors_(mirrors),
      around_{log, clock, {}, {}, 0, std::move(poke)} {}

Result<void> Links::load(std::string name, std::string log_id) {
  around_.name = std::move(name);
  around_.log_id = std::move(log_id);
  return log_.each_state(kPrefix, [&](ByteView row, ByteView value) {
    const std::string link(row.substr(kPrefix.size()));
    if (auto memory = read_row(value)) {
      remembered_[link] = std::move(*memory);
    } else {
      logger::warn("link", logger::text(link, ": its row cannot be read"));
    }
  });
}

void Links::configure(std::vector<LinkSpec> specs, std::size_t record_bytes_max) {
  // Links at work read it; it changes with a restart only.
  if (around_.record_bytes_max != record_bytes_max) around_.record_bytes_max = record_bytes_max;
  std::map<std::string, Entry> next;
  for (LinkSpec& spec : specs) {
    for (auto* patterns : {&spec.topics, &spec.priority}) {
      for (std::string& pattern : *patterns) pattern = filled_in(pattern, "{topic}", around_.name);
    }
    Entry entry;
    entry.spec = std::move(spec);
    const auto old = entries_.find(entry.spec.name);
    if (old != entries_.end() && old->second.spec == entry.spec) {
      entry = std::move(old->second);
    } else {
      entry.is_other = old != entries_.end();
    }
    next.emplace(entry.spec.name, std::move(entry));
  }
  for (auto& [name, entry] : entries_) {
    if (!entry.link) continue;
    end(entry);
    ending_.push_back(std::move(entry.link));
  }
  entries_ = std::move(next);
  start_what_may();
  tell_mirrors();
  hold();
}

// It may wait for a parcel to be stored; one that is in no group will not be.
void Links::end(Entry& entry) {
  entry.link->stop();
  if (entry.parcel) entry.link->stored(false);
  entry.parcel.reset();
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
    if (!known || memory.positions.empty() || entry.is_other) pin_start(entry.spec, sources, memory.positions);
    entry.link = std::make_unique<Link>(
        entry.spec, around_, std::move(memory), std::move(sources), ++numbers_
    );
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
      positions.try_emplace(source_partition(source, i), start);
    }
  }
}

Sources Links::sources_of(const LinkSpec& spec) const {
  Sources sources;
  if (spec.direction != LinkSpec::Direction::up) return sources;
  // A mirror's records are its origin's to send.
  for (const auto& [name, partitions] : topics_.all()) {
    if (matches_any(spec.topics, name) && !mirrors_.has(name)) sources.push_back({name, partitions});
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
    if (entry.spec.direction == LinkSpec::Direction::up) status.lag.records = behind(entry);
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
      const auto at = positions.find(source_partition(source, i));
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

// --- what comes from the other side ---

bool Links::run(core::Turn& turn) {
  for (auto& [name, entry] : entries_) {
    if (!entry.link || entry.spec.direction == LinkSpec::Direction::up) continue;
    if (!entry.parcel) entry.parcel = entry.link->take_parcel();
    if (!entry.parcel || turn.full()) continue;
    const bool stored = entry.parcel->copy ? store_copy(entry, turn) : store(entry, turn);
    if (!stored) entry.link->stored(false);
    entry.parcel.reset();
  }
  return false;
}

bool Links::store_copy(Entry& entry, core::Turn& turn) {
  entry.storing = entry.parcel->copy;
  mirrors_.store(entry.spec.name, *entry.storing, turn);
  turn.group.wait({entry.link->number(), 0, kLinkTicket, true});
  turn.group.hurry();  // the origin may wait for it
  return true;
}

// All of it into this group, or nothing.
bool Links::store(Entry& entry, core::Turn& turn) {
  std::vector<log::NewRecord> records;
  std::vector<std::vector<log::Header>> headers;
  std::vector<PartitionId> partitions;
  records.reserve(entry.parcel->items.size());
  headers.reserve(entry.parcel->items.size());
  for (const Parcel::Item& item : entry.parcel->items) {
    if (mirrors_.has(item.topic)) {
      logger::warn("link", logger::text(entry.spec.name, ": topic ", item.topic, " is a mirror here and takes nothing else: the link waits"));
      return false;
    }
    if (topics_.find(item.topic) == nullptr) {
      topics_.ensure({{item.topic, static_cast<std::uint32_t>(item.partitions_there), {}}}, turn.group);
      logger::info("link", logger::text(entry.spec.name, ": topic ", item.topic, " made, partitions=", item.partitions_there));
    }
    const auto& here = *topics_.find(item.topic);
    const auto number = static_cast<std::size_t>(item.record.partition);
    const std::size_t at = here.size() == item.partitions_there ? number
                           : item.record.key ? core::partition_of_key(*item.record.key, here.size())
                                             : number % here.size();
    partitions.push_back(here[at]);
    auto& views = headers.emplace_back();
    for (const auto& h : item.record.headers) views.push_back({h.name, h.value ? ByteView(*h.value) : ByteView(), !h.value});
    log::NewRecord record;
    if (item.record.key) record.key = *item.record.key;
    if (item.record.value) record.value = *item.record.value;
    record.headers = views;
    record.timestamp_ms = item.record.time_ms;
    if (log_.compacts(here[at]) && !log_.admit(log::growth_of(record), turn.group)) return false;
    records.push_back(record);
  }
  for (std::size_t i = 0; i < records.size(); ++i) turn.group.append(partitions[i], records[i]);
  entry.memory = entry.link->memory();
  entry.memory.positions = entry.parcel->positions;
  turn.group.put_state(
      std::string(kPrefix) + entry.spec.name, row_of(entry.memory), log::Group::Tie::records
  );
  turn.group.wait({entry.link->number(), 0, kLinkTicket, true});
  return true;
}

void Links::settle(const log::Group& group) {
  for (const log::Ticket& ticket : group.tickets()) {
    if (ticket.kind != kLinkTicket) continue;
    const bool done = group.outcome.records == Errc::ok && group.outcome.state == Errc::ok;
    const auto tell = [&](const std::unique_ptr<Link>& link) {
      const bool its = link && link->number() == ticket.owner;
      if (its) link->stored(done);
      return its;
    };
    for (auto& [name, entry] : entries_) {
      const bool its = entry.link && entry.link->number() == ticket.owner;
      if (its && entry.storing) Mirrors::settle(*std::exchange(entry.storing, nullptr), group.outcome);
      tell(entry.link);
    }
    for (const auto& link : ending_) tell(link);
  }
}

void Links::committed(const log::Group& group, core::Turn&) {
  settle(group);
  if (group.outcome.blocks.empty()) return;
  for (auto& [name, entry] : entries_) {
    if (entry.link) entry.link->wake();
  }
}

void Links::tick(core::Turn& turn) {
  start_what_may();
  tell_mirrors();
  mirrors_.tick(turn);
  const bool mirrors = std::exchange(mirror_changes_, mirrors_.changes()) != mirrors_.changes();
  if (std::exchange(topic_changes_, topics_.changes()) != topics_.changes() || mirrors) tell_sources();
  for (auto& [name, entry] : entries_) write_down(entry, turn);
  hold();
}

void Links::tell_mirrors() {
  std::set<std::string> mirrors;
  const auto add = [&](const LinkSpec& spec) {
    if (spec.direction == LinkSpec::Direction::mirror) mirrors.insert(spec.name);
  };
  for (const auto& [name, entry] : entries_) add(entry.spec);
  for (const auto& link : ending_) add(link->spec());
  mirrors_.configure(std::move(mirrors));
}

void Links::tell_sources() {
  for (auto& [name, entry] : entries_) {
    if (entry.link) entry.link->set_sources(sources_of(entry.spec));
  }
}

// Partitions that are no more would be remembered for ever.
void Links::forget_gone(const LinkSpec& spec, Positions& positions) const {
  if (spec.direction != LinkSpec::Direction::up) return;
  std::set<SourcePartition> here;
  for (const Source& source : sources_of(spec)) {
    for (std::size_t i = 0; i < source.partitions.size(); ++i) here.insert(source_partition(source, i));
  }
  std::erase_if(positions, [&](const auto& at) { return !here.contains(at.first); });
}

void Links::write_down(Entry& entry, core::Turn& turn) {
  // Downwards, how far the link has come goes with its records while there are any.
  if (!entry.link || entry.parcel || entry.link->delivering()) return;
  const bool alone = entry.link->status().delivery == LinkSpec::Delivery::at_least_once;
  const auto every = alone ? kWriteEveryAlone : kWriteEvery;
  if (entry.written && turn.now - *entry.written < every) return;
  Memory memory = entry.link->memory();
  forget_gone(entry.spec, memory.positions);
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
        const auto at = positions.find(source_partition(source, i));
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
    if (!entry.link) continue;
    end(entry);
    // What is in the last group will be stored, but nobody will say so any more.
    entry.link->stored(false);
  }
  for (const auto& link : ending_) link->stored(false);
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
