// How much one commit may add to a generation, at most: what decides whether it still goes into
// this one. Threads: pure; any.
#pragma once

#include <vector>

#include "storage/log/group.h"

namespace runnel::log {

// In bytes. `tree_pages`: of the generation's tree so far (Env::tree_pages); `small_rows`: rows
// that the commit writes or removes beside the group's own: of producers, aborts, compaction.
std::uint64_t commit_bytes_max(
    const Group& group,
    const std::vector<BlockPtr>& blocks,
    std::size_t small_rows,
    std::uint64_t tree_pages,
    bool with_records
);

}  // namespace runnel::log
