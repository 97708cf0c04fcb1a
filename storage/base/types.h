// Identifiers as distinct types: an offset cannot be passed where a block sequence is meant.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace runnel {

template <class Tag, class Rep>
struct Id {
  Rep value{};

  constexpr Id() = default;
  constexpr explicit Id(Rep v) : value(v) {}
  constexpr auto operator<=>(const Id&) const = default;
};

// A partition of the hub's log. Given once when its topic is created, never used again.
using PartitionId = Id<struct PartitionIdTag, std::uint32_t>;

// A record's place in its partition: ascending; dense from 0, but where a mirror had to leap (leaps.h)
using Offset = Id<struct OffsetTag, std::int64_t>;

// A record's place in the whole log, over all partitions, in commit order: dense, from 0. MQTT
// sessions keep one of these; Kafka consumers keep an Offset per partition. A block is named by the
// position of its first record.
using Position = Id<struct PositionTag, std::uint64_t>;

// A generation's place in the chain: from 1.
using GenerationId = Id<struct GenerationIdTag, std::uint32_t>;

}  // namespace runnel

template <class Tag, class Rep>
struct std::hash<runnel::Id<Tag, Rep>> {
  std::size_t operator()(const runnel::Id<Tag, Rep>& id) const { return std::hash<Rep>{}(id.value); }
};
