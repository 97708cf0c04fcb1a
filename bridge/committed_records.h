// The records of what a fetch of committed records returned: those of aborted transactions, the
// markers and what is in front of the offset that was asked for are left out.
//
// Threads: pure; any thread.
#pragma once

#include <functional>

#include "storage/log/log.h"
#include "storage/log/record_batch.h"

namespace runnel::bridge {

// Calls `visit` for one after the other, from `from` on, until it returns false. Returns the offset to go
// on with: behind the last one visited, or behind all that was fetched. A batch that cannot be read
// is passed over, and its records are counted in `unreadable`.
Offset each_committed(
    const log::Fetched& fetched,
    Offset from,
    const std::function<bool(const log::RecordView&)>& visit,
    std::uint64_t& unreadable
);

}  // namespace runnel::bridge
