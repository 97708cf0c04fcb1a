// What part of each partition is to be read. The arithmetic is pure; ranges_of() asks the hub.
//
// Threads: one.
#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "hub/app/connection.h"
#include "hub/app/from.h"
#include "hub/kafka_client/client.h"

namespace runnel::app {

constexpr std::int64_t kNoEnd = std::numeric_limits<std::int64_t>::max();

struct Range {
  std::int32_t partition = 0;
  std::int64_t next = 0;
  std::int64_t end = kNoEnd;  // the first offset that does not belong to it
  std::optional<std::int64_t> until_ms =
      {};                    // likewise the first record with this time or a later one
  std::int64_t skipped = 0;  // offsets before `next` that were asked for and are gone

  [[nodiscard]] bool done() const { return next >= end; }

  [[nodiscard]] bool holds(const kafka_client::Record& record) const;

  // Nothing is left of the range behind this record. Otherwise `next` is behind it.
  bool passed(const kafka_client::Record& record);
};

struct RangeOptions {
  std::optional<std::int32_t> partition = {};  // unset: all
  From from = {};
  std::optional<From> until = {};
  bool follow = false;  // without: to where the partition ends now
};

// Where a partition begins and ends, and what `from` and `until` are in it where they are times
// (-1: there is no record so late).
struct Bounds {
  std::int64_t first = 0;
  std::int64_t end = 0;
  std::int64_t from_time = -1;
  std::int64_t until_time = -1;
};

// A Why: there is no such offset yet.
OrWhy<Range> range_in(std::int32_t partition, const Bounds& bounds, const RangeOptions& options);

// Where `from` is in a partition.
std::int64_t offset_of(const From& from, const Bounds& bounds, std::int64_t time_offset);

// In the order of the partitions. A Why also when there is no such partition.
OrWhy<std::vector<Range>> ranges_of(
    kafka_client::Client& client, const kafka_client::Topic& topic, const RangeOptions& options
);

}  // namespace runnel::app
