#include "bridge/uplink.h"

#include <algorithm>
#include <utility>

#include "bridge/committed_records.h"
#include "bridge/topic_pattern.h"
#include "hub/core/routes.h"
#include "storage/base/logger.h"

namespace runnel::bridge {

namespace {

// What the library takes in memory for each record beside its bytes, and all that it may take.
constexpr std::size_t kRecordMemory = 512;
constexpr std::size_t kMemoryMax = 16 << 20;
constexpr std::size_t kScanMax = 16 << 20;  // of the log in one step, though nothing of it is sent
constexpr std::size_t kPieceBytes = 2 << 20;
constexpr std::size_t kOffsetDigits = 19 + 1 + 10;  // and the partition's id

// What a record takes beside key, value and headers.
constexpr std::size_t kRecordBytes = 16;

using kafka_client::TransactionalProducer;

std::size_t bytes_of(const Destination::Outgoing& record) {
  std::size_t bytes = record.key.value_or("").size() + record.value.value_or("").size();
  for (const auto& header : record.headers) {
    bytes += header.name.size() + header.value.value_or("").size();
  }
  return bytes;
}

}  // namespace

SourcePartition source_partition(const Source& source, std::size_t index) {
  return {source.topic, static_cast<std::int32_t>(index), source.partitions[index].value};
}

Uplink::Uplink(
    const LinkSpec& spec,
    const log::Log& log,
    std::string self,
    std::string group,
    Destination& destination,
    Tally& tally
)
    : spec_(spec),
      log_(log),
      self_(std::move(self)),
      group_(std::move(group)),
      destination_(destination),
      tally_(tally),
      provenance_(self_) {}

std::optional<Failure> Uplink::begin(
    const std::function<Sources()>& sources, const Positions& remembered
) {
  if (auto failure = destination_.begin_life()) return failure;
  there_ = destination_.cluster_id();
  if (there_.empty()) {
    return Failure{Failure::Kind::unreachable, "the destination does not say which cluster it is"};
  }
  if (there_ == self_) {
    return Failure{Failure::Kind::refused, "the destination is this hub itself, or another of its name ([hub] name)"};
  }
  positions_ = remembered;
  if (destination_.keeps_positions()) {
    const auto committed = destination_.committed(group_);
    if (!committed && committed.error().kind != Failure::Kind::unknown_group) return committed.error();
    if (committed) {
      for (const auto& [source, offset] : from_committed(*committed)) positions_[source] = offset;
    }
  }
  lanes_.clear();
  auto failure = set_sources(sources());
  for (Lane& lane : lanes_) lane.historical_until = log_.range(lane.id).high_watermark;
  return failure;
}

// --- what is to be sent, and where ---

std::optional<Failure> Uplink::set_sources(const Sources& sources) {
  auto known = destination_.topics();
  if (!known) return known.error();
  std::vector<Lane> before = std::exchange(lanes_, {});
  troubles_.clear();
  for (const Source& source : sources) {
    if (auto failure = add_lanes(source, *known)) return failure;
  }
  std::stable_sort(lanes_.begin(), lanes_.end(), [](const Lane& a, const Lane& b) {
    return std::tie(a.rank, a.source) < std::tie(b.rank, b.source);
  });
  for (Lane& lane : lanes_) {
    const auto old = std::find_if(before.begin(), before.end(), [&](const Lane& l) { return l.id == lane.id; });
    if (old == before.end()) continue;
    lane.historical_until = old->historical_until;
    lane.noted_end = old->noted_end;
  }
  return check_texts();
}

std::optional<Failure> Uplink::add_lanes(
    const Source& source, std::map<std::string, std::size_t>& known
) {
  const std::string topic = filled_in(spec_.destination, source.topic, self_);
  if (!known.contains(topic)) {
    const auto failure = destination_.create(topic, static_cast<std::int32_t>(source.partitions.size()));
    if (failure && failure->kind == Failure::Kind::unreachable) return failure;
    if (failure && failure->kind != Failure::Kind::already_there) {
      troubles_.push_back("topic " + topic + " cannot be made there: " + failure->text);
      return std::nullopt;
    }
    known[topic] = source.partitions.size();
    if (failure) {
      auto again = destination_.topics();
      if (!again) return again.error();
      known = std::move(*again);
    }
  }
  const std::size_t partitions = known[topic];
  for (std::size_t i = 0; i < source.partitions.size() && partitions > 0; ++i) {
    Lane lane;
    lane.source = source_partition(source, i);
    lane.id = source.partitions[i];
    lane.rank = rank_of(spec_.priority, source.topic);
    lane.topic = topic;
    lane.partitions = partitions;
    lane.same_partition = partitions == source.partitions.size();
    lane.next = positions_.try_emplace(lane.source, start_of(lane.source, lane.id)).first->second;
    lanes_.push_back(std::move(lane));
  }
  return std::nullopt;
}

Offset Uplink::start_of(const SourcePartition& source, PartitionId id) const {
  if (const auto known = positions_.find(source); known != positions_.end()) return known->second;
  const log::PartitionRange range = log_.range(id);
  switch (spec_.start.kind) {
    case LinkSpec::Start::Kind::earliest:
      break;  // what retention has taken meanwhile was not sent
    case LinkSpec::Start::Kind::latest:
      break;  // it was made after the link
    case LinkSpec::Start::Kind::time: {
      const auto found = log_.find_time(id, spec_.start.time_ms);
      return found ? found->offset : range.high_watermark;
    }
  }
  return Offset{};
}

Place Uplink::place_of(const Lane& lane) const {
  return {lane.topic, lane.source.partition % static_cast<std::int32_t>(lane.partitions)};
}

// Kafka would refuse the positions, and with them every transaction.
std::optional<Failure> Uplink::check_texts() const {
  std::map<Place, std::size_t> bytes;
  for (const Lane& lane : lanes_) {
    const std::string number = std::to_string(lane.source.partition);
    std::size_t& sum = bytes[place_of(lane)];
    sum += lane.source.topic.size() + number.size() + kOffsetDigits + 3;
    if (sum <= kPositionTextMax) continue;
    return Failure{
        Failure::Kind::refused,
        "too many partitions go to " + lane.topic + ": give it more partitions, or give each topic one of its own there"};
  }
  return std::nullopt;
}

// --- one transaction ---

bool Uplink::full(const Work& work) const {
  return work.failure || work.bytes >= work.bytes_max || work.records >= tally_.records_max ||
         work.bytes + work.records * kRecordMemory >= kMemoryMax || work.scanned >= kScanMax;
}

Answer<Uplink::Did> Uplink::step(std::size_t bytes_max) {
  Work work;
  work.bytes_max = bytes_max;
  take_ranks(work);
  return finish(work);
}

// Lane by lane, a piece of each at a time, the next rank when there is nothing more of this one.
void Uplink::take_ranks(Work& work) {
  ++turn_;
  std::size_t begin = 0;
  while (begin < lanes_.size() && !full(work)) {
    std::size_t end = begin;
    while (end < lanes_.size() && lanes_[end].rank == lanes_[begin].rank) ++end;
    for (bool any = true; any && !full(work);) {
      any = false;
      for (std::size_t i = 0; i < end - begin && !full(work); ++i) {
        any = take_piece(begin + (turn_ + i) % (end - begin), work) || any;
      }
    }
    begin = end;
  }
}

// Whether there was something.
bool Uplink::take_piece(std::size_t index, Work& work) {
  Lane& lane = lanes_[index];
  const log::PartitionRange range = log_.range(lane.id);
  if (lane.next < range.log_start) {
    skip_gap(lane, range.log_start);
    work.moved.insert(index);
  }
  if (lane.next > range.high_watermark) {
    // This log has lost what it had sent: an older copy of it, say.
    note(lane, range.high_watermark, Offset(lane.next.value - 1), "the other side has more than this log");
    lane.next = range.high_watermark;
    work.moved.insert(index);
  }
  if (lane.next >= range.last_stable) return false;
  const std::size_t piece = std::clamp<std::size_t>(work.bytes_max - work.bytes, 1, kPieceBytes);
  const auto fetched = log_.fetch(lane.id, lane.next, piece, log::Isolation::read_committed);
  if (!fetched) {
    if (log_.range(lane.id).log_start > lane.next) return true;  // retention was faster
    work.failure = Failure{Failure::Kind::refused, "the log cannot be read: " + fetched.error().message()};
    return false;
  }
  tally_.counters.unreadable += fetched->damaged;
  work.scanned += fetched->batches.size();
  const Offset before = lane.next;
  lane.next = each_committed(
      *fetched,
      lane.next,
      [&](const log::RecordView& record) {
        const bool more = take_record(index, record, work);
        return more && !full(work);
      },
      tally_.counters.unreadable
  );
  if (work.failure) return false;
  if (lane.next > before) work.moved.insert(index);
  return lane.next > before;
}

// False: it could not be sent.
bool Uplink::take_record(std::size_t index, const log::RecordView& record, Work& work) {
  const Lane& lane = lanes_[index];
  if (!tally_.refused.empty() && tally_.refused.contains({lane.source, record.offset})) return true;
  headers_.clear();
  log::HeaderReader reader(record);
  log::Header header;
  while (reader.next(header)) {
    headers_.push_back({header.name, header.null ? std::nullopt : std::optional(header.value)});
  }
  const Stand stand{
      lane.topic == lane.source.topic ? std::string_view() : lane.source.topic,
      lane.source.partition,
      record.offset.value};
  const bool historical = record.offset < lane.historical_until;
  if (!provenance_.take(headers_, stand, historical, there_, spec_.relay)) {
    ++tally_.counters.kept_back;
    return true;
  }
  if (!work.open) {
    work.failure = destination_.begin();
    if (work.failure) return false;
    work.open = true;
  }
  const std::size_t partition =
      lane.same_partition ? static_cast<std::size_t>(lane.source.partition)
      : record.key        ? core::partition_of_key(*record.key, lane.partitions)
                          : static_cast<std::size_t>(lane.source.partition) % lane.partitions;
  Destination::Outgoing out{record.key, record.value, provenance_.headers(), record.timestamp_ms};
  if (out.time_ms == 0) out.time_ms = 1;  // to the library, 0 means now
  work.failure = destination_.send(lane.topic, static_cast<std::int32_t>(partition), out);
  if (work.failure) return false;
  if (work.records == 0) work.first = {index, record.offset};
  const std::size_t bytes = bytes_of(out);
  work.payload += bytes;
  work.bytes += bytes + kRecordBytes;
  ++work.records;
  return true;
}

Answer<Uplink::Did> Uplink::finish(Work& work) {
  if (work.failure) {
    const bool one_of_them = work.records > 0 && work.failure->kind == Failure::Kind::record_refused;
    if (one_of_them) refused(work, *work.failure);
    return *work.failure;
  }
  if (!work.open) {
    // Nothing but what is not sent: the positions go with the next transaction.
    accept(work);
    for (const std::size_t index : work.moved) unsaid_.insert(lanes_[index].source);
    return work.moved.empty() ? Did::nothing : Did::moved;
  }
  if (const auto failure = destination_.commit(group_, commits(work))) {
    if (failure->kind == Failure::Kind::record_refused) refused(work, *failure);
    return *failure;
  }
  accept(work);
  unsaid_.clear();
  tally_.counters.records += work.records;
  tally_.counters.bytes += work.payload;
  ++tally_.counters.transactions;
  tally_.records_max = std::min(tally_.records_max * 2, Tally::kRecordsMax);
  return Did::sent;
}

std::vector<CommittedAt> Uplink::commits(const Work& work) const {
  Positions all;
  std::map<SourcePartition, Place> places;
  for (const Lane& lane : lanes_) {
    all[lane.source] = lane.next;
    places[lane.source] = place_of(lane);
  }
  std::set<SourcePartition> changed;
  for (const std::size_t index : work.moved) changed.insert(lanes_[index].source);
  for (const SourcePartition& source : unsaid_) {
    if (all.contains(source)) changed.insert(source);
  }
  return to_commit(all, changed, [&](const SourcePartition& source) { return places.at(source); });
}

void Uplink::accept(const Work& work) {
  for (const std::size_t index : work.moved) positions_[lanes_[index].source] = lanes_[index].next;
}

// Half as much, until the one that is to blame is alone. The library numbers records without a gap,
// so that the next try is the next life's.
void Uplink::refused(const Work& work, const Failure& why) {
  if (work.records > 1) {
    tally_.records_max = std::max<std::size_t>(work.records / 2, 1);
    tally_.batch_bytes_max = std::max(tally_.batch_bytes_max / 2, Tally::kBatchMin);
    return;
  }
  const Lane& lane = lanes_[work.first.first];
  const Offset blamed = work.first.second;
  note(lane, blamed, blamed, "the destination refuses it: " + why.text);
  ++tally_.counters.refused;
  tally_.refused.emplace(lane.source, blamed);
  tally_.batch_bytes_max = Tally::kBatchMax;
}

// --- what is behind ---

void Uplink::skip_gap(Lane& lane, Offset start) {
  const Offset first = std::max(lane.next, tally_.counted[lane.source]);
  lane.next = start;
  if (first >= start) return;  // another connection has come this far
  tally_.counted[lane.source] = start;
  tally_.counters.gaps += static_cast<std::uint64_t>(start.value - first.value);
  note(lane, first, Offset(start.value - 1), "removed by retention before it was sent");
}

void Uplink::note(const Lane& lane, Offset first, Offset last, std::string why) {
  logger::warn(
      "link",
      logger::text(
          spec_.name, ": not sent: ", lane.source.topic, " partition ", lane.source.partition,
          " offsets ", first.value, " to ", last.value, ": ", why
      )
  );
  tally_.gaps.push_back({lane.source, first, last, std::move(why)});
  if (tally_.gaps.size() > Tally::kGapsKept) tally_.gaps.pop_front();
}

void Uplink::age() {
  for (Lane& lane : lanes_) {
    lane.historical_until = std::max(lane.historical_until, lane.noted_end);
    lane.noted_end = log_.range(lane.id).high_watermark;
  }
}

Uplink::Lag Uplink::lag() const {
  Lag lag;
  for (const Lane& lane : lanes_) {
    const log::PartitionRange range = log_.range(lane.id);
    const Offset from = std::max(lane.next, range.log_start);
    if (from >= range.high_watermark) continue;
    lag.records += static_cast<std::uint64_t>(range.high_watermark.value - from.value);
    lag.bytes += log_.bytes_from(lane.id, from);
    const auto fetched = log_.fetch(lane.id, from, 1, log::Isolation::read_uncommitted);
    if (!fetched) continue;
    std::uint64_t ignored = 0;
    each_committed(*fetched, from, [&](const log::RecordView& record) {
      lag.oldest_ms = std::min(lag.oldest_ms.value_or(record.timestamp_ms), record.timestamp_ms);
      return false;
    }, ignored);
  }
  return lag;
}

}  // namespace runnel::bridge
