// Whether LMDB may be let near a file: every page that it could reach makes sense.
#include <vector>

#include "storage/log/page_layout.h"
#include "storage/log/page_tree.h"

namespace runnel::log {

using namespace page_layout;

struct PageTree::Census {
  std::vector<bool> used;
  std::size_t leaf_depth = 0;  // of the first leaf; all others stand as deep

  // False when one of them has been met before.
  bool take(Word first, Word count) {
    for (Word i = first; i < first + count; ++i) {
      if (used[i]) return false;
      used[i] = true;
    }
    return true;
  }
};

// LMDB keeps the nodes of a page one behind the other up to its end.
Result<void> PageTree::check_packed(const Page& page) const {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < page.rows; ++i) {
    const auto there = node(page, i);
    if (!there) return there.error();
    std::size_t bytes = kNodeHead + there->key.size();
    if (page.leaf) bytes += there->flags == kBigData ? sizeof(Word) : there->low;
    sum += bytes + bytes % 2;
  }
  if (sum != page_bytes_ - get_at<std::uint16_t>(page.bytes, kUpperAt)) return Errc::damaged;
  return {};
}

// Keys of the page lie in [low, high); an empty `high` has no end.
Result<void> PageTree::check_page(
    Word number, std::size_t depth, ByteView low, ByteView high, Census& census
) const {
  const auto here = page(number);
  if (!here) return here.error();
  if (depth > kDepthMax || !census.take(number, 1)) return Errc::damaged;
  RUNNEL_TRY(check_packed(*here));
  if (here->leaf && census.leaf_depth == 0) census.leaf_depth = depth;
  if (here->leaf != (depth == census.leaf_depth) && census.leaf_depth != 0) return Errc::damaged;
  ByteView before = low;
  for (std::size_t i = 0; i < here->rows; ++i) {
    const auto there = node(*here, i);
    if (!there) return there.error();
    const bool least = !here->leaf && i == 0;  // its key says nothing
    if (!least) {
      const bool rises = i == 0 ? there->key >= low : there->key > before;
      if (!rises || (!high.empty() && there->key >= high)) return Errc::damaged;
    }
    if (here->leaf) {
      Word first = 0;
      Word count = 0;
      if (const auto bytes = value(*there, first, count); !bytes) return bytes.error();
      if (!census.take(first, count)) return Errc::damaged;
    } else {
      ByteView end = high;
      if (i + 1 < here->rows) {
        const auto next = node(*here, i + 1);
        if (!next) return next.error();
        end = next->key;
      }
      const ByteView begin = least ? low : there->key;
      RUNNEL_TRY(check_page(child(*there), depth + 1, begin, end, census));
    }
    if (!least) before = there->key;
  }
  return {};
}

// The free list is a tree like the other, but its keys are numbers in the order of the machine's
// bytes, which only LMDB needs to compare. A row is a transaction and the pages that it gave back.
Result<void> PageTree::check_free(Census& census) const {
  std::vector<Word> pending = {free_.root};
  for (std::size_t i = 0; i < pending.size(); ++i) {
    const auto here = page(pending[i]);
    if (!here) return here.error();
    if (!census.take(pending[i], 1)) return Errc::damaged;
    RUNNEL_TRY(check_packed(*here));
    for (std::size_t k = 0; k < here->rows; ++k) {
      const auto there = node(*here, k);
      if (!there) return there.error();
      if (!here->leaf) {
        pending.push_back(child(*there));
        continue;
      }
      Word first = 0;
      Word count = 0;
      const auto ids = value(*there, first, count);
      if (!ids) return ids.error();
      if (there->key.size() != sizeof(Word) || ids->size() < sizeof(Word)) return Errc::damaged;
      if (!census.take(first, count) || !take_listed(*ids, census)) return Errc::damaged;
    }
  }
  return {};
}

// `ids`: how many, and then the numbers of free pages.
bool PageTree::take_listed(ByteView ids, Census& census) const {
  const Word listed = get_at<Word>(ids, 0);
  if (listed > ids.size() / sizeof(Word) - 1) return false;
  for (Word n = 1; n <= listed; ++n) {
    const Word number = get_at<Word>(ids, n * sizeof(Word));
    if (number < 2 || number >= pages_ || !census.take(number, 1)) return false;
  }
  return true;
}

Result<void> PageTree::check() const {
  Census census;
  census.used.assign(pages_, false);
  census.used[0] = census.used[1] = true;
  if (main_.root != kNoRoot) {
    RUNNEL_TRY(check_page(main_.root, 1, {}, {}, census));
    if (census.leaf_depth != main_.depth) return Errc::damaged;
  }
  if (free_.root == kNoRoot) return {};
  return check_free(census);
}

}  // namespace runnel::log
