// One turn of the io thread: what is put into `group` during it becomes durable together.
#pragma once

#include "storage/base/clock.h"
#include "storage/log/group.h"

namespace runnel::core {

struct Turn {
  log::Group& group;
  std::size_t group_bytes_max;
  Instant now;
  std::int64_t wall_ms;
  std::int64_t hub_ms;

  // No more records should be accepted before the next commit.
  [[nodiscard]] bool full() const { return group.bytes() >= group_bytes_max; }
};

}  // namespace runnel::core
