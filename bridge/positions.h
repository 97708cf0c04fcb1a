// How far a link has come: of every partition of its source, the offset of the next record.
//
// The destination keeps it as offsets of a consumer group that nobody joins. Kafka takes offsets only
// for topics that it has, so each position stands at one of the link's own destination partitions:
// source partition p of a topic at partition p modulo n of where the topic goes. All positions that
// share a place stand in the text beside its offset: `temps/0:7=1200;temps/4:11=88`, which is what counts.
// Behind the colon is the id of the partition in its hub's log: a topic that was deleted and made again has
// other partitions, of which nothing was sent yet.
//
// Threads: values and pure functions; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/kafka_client/record.h"
#include "storage/base/types.h"

namespace runnel::bridge {

struct SourcePartition {
  std::string topic;
  std::int32_t partition = 0;
  std::uint32_t id = 0;  // of the partition in the log that it is of; 0: nobody knows

  auto operator<=>(const SourcePartition&) const = default;
};

using Positions = std::map<SourcePartition, Offset>;

// What Kafka takes as text beside an offset (offset.metadata.max.bytes).
constexpr std::size_t kPositionTextMax = 4096;

std::string positions_text(const Positions& positions);

// What of it can be read; nullopt: it is no such text at all.
std::optional<Positions> read_positions(std::string_view text);

// A place at the destination.
using Place = std::pair<std::string, std::int32_t>;
using PlaceOf = std::function<Place(const SourcePartition&)>;

// What to commit so that the places of `changed` hold `positions`.
std::vector<kafka_client::CommittedAt> to_commit(
    const Positions& positions, const std::set<SourcePartition>& changed, const PlaceOf& place_of
);

// The other way round. Where a partition stands at several places, because the link's destination was
// once another, the furthest counts.
Positions from_committed(const std::vector<kafka_client::CommittedAt>& committed);

}  // namespace runnel::bridge
