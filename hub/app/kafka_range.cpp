#include "hub/app/kafka_range.h"

#include <algorithm>
#include <string>

#include "hub/app/text.h"

namespace runnel::app {

using kafka_client::At;

bool Range::holds(const kafka_client::Record& record) const {
  return record.offset < end && (!until_ms || record.time_ms < *until_ms);
}

bool Range::passed(const kafka_client::Record& record) {
  next = record.offset + 1;
  return done() || !holds(record);
}

std::int64_t offset_of(const From& from, const Bounds& bounds, std::int64_t time_offset) {
  switch (from.kind) {
    case From::Kind::earliest:
      return bounds.first;
    case From::Kind::latest:
      return bounds.end;
    case From::Kind::offset:
      return from.number;
    case From::Kind::last:
      return std::max(bounds.first, bounds.end - from.number);
    case From::Kind::time:
      return time_offset < 0 ? bounds.end : time_offset;
  }
  return bounds.first;
}

OrWhy<Range> range_in(std::int32_t partition, const Bounds& bounds, const RangeOptions& options) {
  Range range{partition, offset_of(options.from, bounds, bounds.from_time)};
  if (range.next > bounds.end) {
    return Why{
        "partition " + std::to_string(partition) + " has no offset " + std::to_string(range.next) +
        " yet: the next is " + std::to_string(bounds.end)};
  }
  range.skipped = std::max<std::int64_t>(0, bounds.first - range.next);
  range.next += range.skipped;
  if (!options.follow) range.end = bounds.end;
  if (!options.until) return range;
  const bool not_yet = options.until->kind == From::Kind::time && bounds.until_time < 0;
  if (!not_yet) {
    range.end = std::min(range.end, offset_of(*options.until, bounds, bounds.until_time));
  } else if (options.follow) {
    range.until_ms = options.until->number;
  }
  return range;
}

namespace {

// The offsets of one time in all these partitions, in their order.
OrWhy<std::vector<std::int64_t>> offsets(
    kafka_client::Client& client,
    const std::string& topic,
    const std::vector<std::int32_t>& partitions,
    std::int64_t time
) {
  std::vector<At> wanted;
  for (const std::int32_t partition : partitions) wanted.push_back({topic, partition, time});
  const auto found = client.offsets_at(wanted);
  if (!found)
    return Why{"cannot ask for offsets of " + in_quotes(topic) + ": " + found.error().text};
  std::vector<std::int64_t> out;
  for (const std::int32_t partition : partitions) {
    const auto at = std::find_if(found->begin(), found->end(), [&](const At& one) {
      return one.partition == partition;
    });
    out.push_back(at == found->end() ? -1 : at->offset);
  }
  return out;
}

}  // namespace

OrWhy<std::vector<Range>> ranges_of(
    kafka_client::Client& client, const kafka_client::Topic& topic, const RangeOptions& options
) {
  std::vector<std::int32_t> partitions;
  for (const kafka_client::Partition& partition : topic.partitions) {
    if (!options.partition || *options.partition == partition.id)
      partitions.push_back(partition.id);
  }
  if (partitions.empty()) {
    return Why{
        in_quotes(topic.name) + " has " + std::to_string(topic.partitions.size()) +
        " partitions, from 0 on; there is no partition " +
        std::to_string(options.partition.value_or(0))};
  }
  const auto ask = [&](std::int64_t time) { return offsets(client, topic.name, partitions, time); };
  const std::vector<std::int64_t> none(partitions.size(), -1);
  const auto ask_if = [&](const std::optional<From>& from) -> OrWhy<std::vector<std::int64_t>> {
    if (!from || from->kind != From::Kind::time) return none;
    return ask(from->number);
  };
  const auto first = ask(kafka_client::kEarliest);
  if (!first) return first.error();
  const auto from = ask_if(options.from);
  if (!from) return from.error();
  const auto until = ask_if(options.until);
  if (!until) return until.error();
  const auto end = ask(kafka_client::kLatest);  // last, so that nothing found above is behind it
  if (!end) return end.error();
  std::vector<Range> ranges;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    auto range =
        range_in(partitions[i], {(*first)[i], (*end)[i], (*from)[i], (*until)[i]}, options);
    if (!range) return range.error();
    ranges.push_back(*range);
  }
  return ranges;
}

}  // namespace runnel::app
