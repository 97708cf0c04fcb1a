#include "storage/log/commit_size.h"

#include <algorithm>

namespace runnel::log {
namespace {

// LMDB's own: path pages, free list, a page or two of the state tree per row.
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kCommitPages = 32;
constexpr std::uint64_t kPagesPerStateRow = 2;

// A larger value stands on pages of its own.
constexpr std::size_t kInlineBytesMax = 1500;
constexpr std::uint64_t kRowOverhead = 32;  // of a row inside a page
constexpr std::uint64_t kSmallRowBytes = 200;

// Rows that come in between others leave pages half full, and may split each page twice.
constexpr std::uint64_t kSplitFactor = 4;

std::uint64_t pages(std::uint64_t bytes) {
  return (bytes + 16 + kPage - 1) / kPage;
}

}  // namespace

// However many rows there are, no page of the tree is copied more than once in a commit.
std::uint64_t commit_bytes_max(
    const Group& group,
    const std::vector<BlockPtr>& blocks,
    std::size_t small_rows,
    std::uint64_t tree_pages,
    bool with_records
) {
  std::uint64_t own_pages = 0;  // of blocks and large values
  for (const BlockPtr& block : blocks) own_pages += pages(block->size()) + 1;
  std::uint64_t inline_bytes = small_rows * (kSmallRowBytes + kRowOverhead);
  for (const auto& [name, change] : group.state()) {
    if (!with_records && change.tie == Group::Tie::records) continue;
    inline_bytes += name.size() + kRowOverhead;
    if (!change.value) continue;
    if (change.value->size() > kInlineBytesMax) {
      own_pages += pages(change.value->size());
    } else {
      inline_bytes += change.value->size();
    }
  }
  const std::uint64_t rows = group.state().size() + small_rows;
  const std::uint64_t each_alone = rows * (kPagesPerStateRow + 1);
  const std::uint64_t together = tree_pages + kSplitFactor * pages(inline_bytes);
  return (kCommitPages + own_pages + std::min(each_alone, together)) * kPage;
}

}  // namespace runnel::log
