// How much one commit may add to a generation, at most: what decides whether it still goes into
// this one. Threads: pure; any.
#pragma once

#include <vector>

#include "storage/log/group.h"

namespace runnel::log {

// In bytes. `tree_pages`: of the generation's tree so far (Env::tree_pages); `producer_rows`: rows
// of producers that the commit writes or removes.
std::uint64_t commit_bytes_max(
    const Group& group,
    const std::vector<BlockPtr>& blocks,
    std::size_t producer_rows,
    std::uint64_t tree_pages
);

}  // namespace runnel::log
