#include "bridge/downlink.h"

#include <algorithm>
#include <utility>

#include "bridge/topic_pattern.h"
#include "storage/base/logger.h"

namespace runnel::bridge {

namespace {

using kafka_client::At;
using kafka_client::Consumer;
using kafka_client::Record;

constexpr std::size_t kRecordsMax = 10'000;  // of a parcel
constexpr std::size_t kRecordBytes = 32;     // beside key, value and headers

Consumer::Options options_of(const LinkSpec& spec, kafka_client::Sockets& sockets) {
  Consumer::Options options;
  options.queue_kib = 2048;
  options.connect_max = kafka_client::Sockets::kConnectMost + spec.connect_max;
  options.sockets = &sockets;
  return options;
}

std::size_t bytes_of(const Record& record) {
  std::size_t bytes = record.key.value_or("").size() + record.value.value_or("").size();
  for (const auto& header : record.headers) bytes += header.name.size() + header.value.value_or("").size();
  return bytes + kRecordBytes;
}

}  // namespace

Downlink::Downlink(
    const LinkSpec& spec,
    std::string self,
    std::size_t record_bytes_max,
    Deliver deliver,
    Tally& tally
)
    : spec_(spec),
      self_(std::move(self)),
      record_bytes_max_(record_bytes_max),
      deliver_(std::move(deliver)),
      tally_(tally),
      sockets_(spec.silence_max, spec.connect_max),
      consumer_(spec.door, options_of(spec, sockets_)) {}

Downlink::~Downlink() {
  sockets_.stop();
}

std::optional<Failure> Downlink::begin(
    const Positions& positions, std::chrono::milliseconds patience
) {
  if (auto failure = consumer_.connect(patience)) return failure;
  there_ = consumer_.cluster_id();
  if (there_.empty()) return Failure{Failure::Kind::unreachable, "the other side does not say which cluster it is"};
  if (there_ == self_) return Failure{Failure::Kind::refused, "the other side is this hub itself, or another of its name ([hub] name)"};
  provenance_.emplace(there_);
  positions_ = positions;
  if (auto failure = find_topics()) return failure;
  return assign();
}

std::optional<Failure> Downlink::refresh() {
  const auto before = topics_;
  if (auto failure = find_topics()) return failure;
  return topics_ == before ? std::nullopt : assign();
}

std::optional<Failure> Downlink::find_topics() {
  const auto found = consumer_.topics();
  if (!found) return found.error();
  topics_.clear();
  for (const kafka_client::Topic& topic : *found) {
    const std::size_t rank = rank_of(spec_.topics, topic.name);
    if (rank == spec_.topics.size()) continue;
    // Kafka's own, such as __consumer_offsets, only if they are called by name.
    if (topic.name.starts_with("__") && !spec_.topics[rank].starts_with("__")) continue;
    topics_[topic.name] = topic.partitions.size();
  }
  std::vector<At> unknown;
  for (const auto& [topic, partitions] : topics_) {
    for (std::size_t i = 0; i < partitions; ++i) {
      const auto partition = static_cast<std::int32_t>(i);
      if (positions_.contains({topic, partition, 0})) continue;
      const bool latest = spec_.start.kind == LinkSpec::Start::Kind::latest;
      const bool time = spec_.start.kind == LinkSpec::Start::Kind::time;
      unknown.push_back(
          {topic, partition, time ? spec_.start.time_ms : latest ? kafka_client::kLatest : kafka_client::kEarliest}
      );
    }
  }
  const auto starts = consumer_.offsets_at(unknown);
  if (!starts) return starts.error();
  std::vector<At> ends;
  for (const At& at : *starts) {
    if (at.offset < 0) ends.push_back({at.topic, at.partition, kafka_client::kLatest});
    else positions_[{at.topic, at.partition, 0}] = Offset(at.offset);
  }
  // Nothing is as late as the time that was wanted: what comes from now on is.
  const auto last = consumer_.offsets_at(ends);
  if (!last) return last.error();
  for (const At& at : *last) positions_[{at.topic, at.partition, 0}] = Offset(at.offset);
  return std::nullopt;
}

std::optional<Failure> Downlink::assign() {
  std::vector<At> from;
  for (const auto& [topic, partitions] : topics_) {
    for (std::size_t i = 0; i < partitions; ++i) {
      const auto partition = static_cast<std::int32_t>(i);
      from.push_back({topic, partition, positions_.at({topic, partition, 0}).value});
    }
  }
  return consumer_.assign(from);
}

Answer<Downlink::Did> Downlink::step(std::size_t bytes_max, std::chrono::milliseconds wait) {
  Parcel parcel;
  bool moved = false;
  while (parcel.bytes < bytes_max && parcel.items.size() < kRecordsMax) {
    // What is here already goes together.
    kafka_client::Event event = consumer_.poll(moved ? std::chrono::milliseconds(0) : wait);
    if (std::holds_alternative<std::monostate>(event)) break;
    if (auto* record = std::get_if<Record>(&event)) {
      moved = true;
      positions_[{record->topic, record->partition, 0}] = Offset(record->offset + 1);
      take(*record, parcel);
    } else if (const auto* end = std::get_if<kafka_client::End>(&event)) {
      // Behind the last record there may be markers of transactions.
      positions_[{end->topic, end->partition, 0}] = Offset(end->next);
    } else if (const auto* out = std::get_if<kafka_client::Outside>(&event)) {
      if (auto failure = outside(out->partition, out->topic)) return *failure;
      break;
    } else if (auto* lost = std::get_if<kafka_client::Lost>(&event)) {
      trouble_ = std::move(lost->why);
      break;
    } else if (const auto* failure = std::get_if<Failure>(&event)) {
      return *failure;
    }
  }
  if (!moved) return Did::nothing;
  const std::uint64_t records = parcel.items.size();
  const std::uint64_t bytes = parcel.bytes - records * kRecordBytes;
  parcel.positions = positions_;
  if (!deliver_(parcel)) return Did::stopped;
  tally_.counters.records += records;
  tally_.counters.bytes += bytes;
  ++tally_.counters.transactions;
  return Did::stored;
}

void Downlink::take(Record& record, Parcel& parcel) {
  const std::size_t bytes = bytes_of(record);
  if (bytes > record_bytes_max_) {
    ++tally_.counters.refused;
    logger::warn("link", logger::text(spec_.name, ": not stored: ", record.topic, " partition ", record.partition, " offset ", record.offset, ": ", bytes, " bytes are more than one commit holds"));
    return;
  }
  std::vector<Provenance::HeaderView> headers;
  for (const auto& h : record.headers) headers.push_back({h.name, h.value});
  const std::string topic = filled_in(spec_.destination, record.topic, self_);
  const Stand stand{
      topic == record.topic ? std::string_view() : record.topic, record.partition, record.offset};
  if (!provenance_->take(headers, stand, false, self_, spec_.relay)) {
    ++tally_.counters.kept_back;
    return;
  }
  std::vector<kafka_client::Header> kept;
  for (const auto& h : provenance_->headers()) {
    kept.push_back({std::string(h.name), h.value ? std::optional(std::string(*h.value)) : std::nullopt});
  }
  record.headers = std::move(kept);
  Parcel::Item item;
  item.topic = topic;
  item.partitions_there = topics_[record.topic];
  item.record = std::move(record);
  parcel.items.push_back(std::move(item));
  parcel.bytes += bytes;
}

// Retention there was faster, or the other side has lost what it had.
std::optional<Failure> Downlink::outside(std::int32_t partition, const std::string& topic) {
  const auto begins = consumer_.offsets_at({{topic, partition, kafka_client::kEarliest}});
  if (!begins) return begins.error();
  Offset& at = positions_[{topic, partition, 0}];
  const Offset begin(begins->front().offset);
  if (begin > at) {
    tally_.counters.gaps += static_cast<std::uint64_t>(begin.value - at.value);
    tally_.gaps.push_back({{topic, partition, 0}, at, Offset(begin.value - 1), "removed on the other side before it was read"});
    if (tally_.gaps.size() > Tally::kGapsKept) tally_.gaps.pop_front();
  }
  logger::warn("link", logger::text(spec_.name, ": ", topic, " partition ", partition, " has no offset ", at.value, " there; goes on at ", begin.value));
  at = begin;
  return assign();
}

Uplink::Lag Downlink::lag() {
  Uplink::Lag lag;
  for (const auto& [topic, partitions] : topics_) {
    for (std::size_t i = 0; i < partitions; ++i) {
      const auto partition = static_cast<std::int32_t>(i);
      const auto end = consumer_.known_end(topic, partition);
      const Offset at = positions_.at({topic, partition, 0});
      if (end && *end > at.value) lag.records += static_cast<std::uint64_t>(*end - at.value);
    }
  }
  return lag;
}

}  // namespace runnel::bridge
