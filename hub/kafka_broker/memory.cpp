#include "hub/kafka_broker/memory.h"

#include <algorithm>
#include <utility>

#include "hub/kafka_broker/broker.h"
#include "storage/base/error.h"

namespace runnel::kafka {
namespace {

// Who would take more than it needs leaves the rest of what is free to others.
constexpr std::size_t kShare = 4;

}  // namespace

std::size_t Memory::take(std::size_t least, std::size_t most) {
  return asked_.empty() && has(least) ? grant(least, most) : 0;
}

void Memory::ask(std::uint64_t connection, std::size_t least, std::size_t most, Granted granted) {
  asked_.push_back({connection, least, most, std::move(granted)});
}

std::size_t Memory::grant(std::size_t least, std::size_t most) {
  const std::size_t bytes = std::clamp(free() / kShare, least, std::max(least, most));
  used_ += bytes;
  return bytes;
}

void Memory::give(std::size_t bytes) {
  RUNNEL_CHECK(bytes <= used_);
  used_ -= bytes;
}

void Memory::forget(std::uint64_t connection) {
  std::erase_if(asked_, [&](const Asked& a) { return a.connection == connection; });
}

void Memory::run(core::Turn& turn) {
  while (ready()) {
    const Asked next = std::move(asked_.front());
    asked_.pop_front();
    next.granted(grant(next.least, next.most), turn);
  }
}

void Memory::tick(Instant now) {
  if (asked_.empty() && !full()) return;
  const auto waiting = static_cast<int>(std::max<std::size_t>(asked_.size(), 1));
  const auto patience = std::max(kStallMax / waiting, kStallMin);
  broker_.each_connection([&](Connection& c) {
    if (!c.stands_still(now, patience)) return;
    c.close("it holds memory that others wait for, and neither sends nor takes anything");
  });
}

std::size_t Memory::free() const {
  const std::size_t all = broker_.limits().buffers_bytes_max;
  return all - std::min(all, used_);
}

bool Memory::full() const {
  return free() == 0;
}

}  // namespace runnel::kafka
