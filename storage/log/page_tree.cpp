#include "storage/log/page_tree.h"

#include <vector>

#include "storage/log/page_layout.h"

namespace runnel::log {

using namespace page_layout;

struct PageTree::Path {
  std::vector<Step> steps;
};

PageTree::Database PageTree::read_database(ByteView bytes) {
  Database out;
  out.flags = get_at<std::uint16_t>(bytes, 4);
  out.depth = get_at<std::uint16_t>(bytes, 6);
  out.root = get_at<Word>(bytes, 8 + 4 * sizeof(Word));
  return out;
}

bool PageTree::read_meta(ByteView page, PageTree& out, Word& txnid) {
  if (get_at<std::uint16_t>(page, kFlagsAt) != kMetaPage) return false;
  if (get_at<std::uint32_t>(page, kPageHead) != kMagic) return false;
  if (get_at<std::uint32_t>(page, kPageHead + 4) != kDataVersion) return false;
  out.page_bytes_ = get_at<std::uint32_t>(page, kFreeAt);  // kept in the pad of the free list
  out.free_ = read_database(page.substr(kFreeAt));
  out.main_ = read_database(page.substr(kMainAt));
  out.pages_ = get_at<Word>(page, kLastPageAt) + 1;
  txnid = get_at<Word>(page, kTxnAt);
  return out.pages_ >= 2 && (out.free_.flags & kFlagsOfKeys) == kIntegerKey && out.main_.flags == 0;
}

Result<PageTree> PageTree::open(ByteView file) {
  if (file.size() < kMetaEnd) return Errc::damaged;
  PageTree first;
  first.file_ = file;
  Word first_txn = 0;
  if (!read_meta(file, first, first_txn)) return Errc::damaged;
  const std::size_t bytes = first.page_bytes_;
  const bool sensible = bytes >= 512 && bytes <= 65536 && (bytes & (bytes - 1)) == 0;
  if (!sensible || file.size() < bytes + kMetaEnd) return Errc::damaged;
  PageTree second = first;
  Word second_txn = 0;
  if (!read_meta(file.substr(bytes), second, second_txn)) return Errc::damaged;
  if (second.page_bytes_ != bytes) return Errc::damaged;
  const PageTree& newer = first_txn < second_txn ? second : first;
  if (newer.pages_ > file.size() / bytes) return Errc::damaged;
  return newer;
}

Result<PageTree::Page> PageTree::page(Word number) const {
  if (number < 2 || number >= pages_) return Errc::damaged;
  Page out;
  out.bytes = file_.substr(number * page_bytes_, page_bytes_);
  const auto flags = get_at<std::uint16_t>(out.bytes, kFlagsAt);
  if (get_at<Word>(out.bytes, 0) != number || (flags != kBranch && flags != kLeaf)) {
    return Errc::damaged;
  }
  const std::size_t lower = get_at<std::uint16_t>(out.bytes, kLowerAt);
  const std::size_t upper = get_at<std::uint16_t>(out.bytes, kUpperAt);
  if (lower <= kPageHead || lower % 2 != 0 || lower > upper || upper > page_bytes_) {
    return Errc::damaged;
  }
  out.leaf = flags == kLeaf;
  out.rows = (lower - kPageHead) / 2;
  return out;
}

Result<PageTree::Node> PageTree::node(const Page& page, std::size_t index) const {
  const std::size_t at = get_at<std::uint16_t>(page.bytes, kPageHead + 2 * index);
  if (at < get_at<std::uint16_t>(page.bytes, kUpperAt) || at + kNodeHead > page_bytes_) {
    return Errc::damaged;
  }
  Node out;
  out.low = get_at<std::uint16_t>(page.bytes, at) |
            std::uint32_t{get_at<std::uint16_t>(page.bytes, at + 2)} << 16;
  out.flags = get_at<std::uint16_t>(page.bytes, at + 4);
  const std::size_t key_bytes = get_at<std::uint16_t>(page.bytes, at + 6);
  if (at + kNodeHead + key_bytes > page_bytes_) return Errc::damaged;
  out.key = page.bytes.substr(at + kNodeHead, key_bytes);
  out.rest = page.bytes.substr(at + kNodeHead + key_bytes);
  return out;
}

PageTree::Word PageTree::child(const Node& node) {
  if constexpr (sizeof(Word) > 4) return node.low | Word{node.flags} << 32;
  return node.low;
}

Result<ByteView> PageTree::value(const Node& node, Word& number, Word& count) const {
  number = 0;
  count = 0;
  if (node.flags == 0) {
    if (node.low > node.rest.size()) return Errc::damaged;
    return node.rest.substr(0, node.low);
  }
  if (node.flags != kBigData || node.rest.size() < sizeof(Word)) return Errc::damaged;
  number = get_at<Word>(node.rest, 0);
  if (number < 2 || number >= pages_) return Errc::damaged;
  const ByteView head = file_.substr(number * page_bytes_, kPageHead);
  count = get_at<std::uint32_t>(head, kLowerAt);
  if (get_at<Word>(head, 0) != number || get_at<std::uint16_t>(head, kFlagsAt) != kOverflow ||
      count == 0 || count > pages_ - number || node.low > count * page_bytes_ - kPageHead) {
    return Errc::damaged;
  }
  return file_.substr(number * page_bytes_ + kPageHead, node.low);
}

// The first row of `page` whose key is not less than `key`; in a branch, row 0 stands for the
// least.
Result<std::size_t> PageTree::first_at_least(const Page& page, ByteView key) const {
  std::size_t low = page.leaf ? 0 : 1;
  std::size_t high = page.rows;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    const auto there = node(page, middle);
    if (!there) return there.error();
    if (there->key < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// Goes down to the leaf where `key` belongs; the last step may stand behind the leaf's last row.
Result<void> PageTree::descend(Path& path, Word root, ByteView key) const {
  for (Word number = root;;) {
    if (path.steps.size() == kDepthMax) return Errc::damaged;
    auto here = page(number);
    if (!here) return here.error();
    auto index = first_at_least(*here, key);
    if (!index) return index.error();
    if (here->leaf) {
      path.steps.push_back({*here, *index});
      return {};
    }
    // The child before, unless the key is exactly the one that this child begins with.
    bool exact = false;
    if (*index < here->rows) {
      const auto there = node(*here, *index);
      if (!there) return there.error();
      exact = there->key == key;
    }
    if (!exact) --*index;
    path.steps.push_back({*here, *index});
    const auto down = node(*here, *index);
    if (!down) return down.error();
    number = child(*down);
  }
}

// Moves to the end of the leaf before; not_found when there is none.
Result<void> PageTree::step_back(Path& path) const {
  const std::size_t depth = path.steps.size();
  path.steps.pop_back();
  while (!path.steps.empty() && path.steps.back().index == 0) path.steps.pop_back();
  if (path.steps.empty()) return Errc::not_found;
  --path.steps.back().index;
  while (path.steps.size() < depth) {
    const Step& up = path.steps.back();
    const auto down = node(up.page, up.index);
    if (!down) return down.error();
    auto here = page(child(*down));
    if (!here) return here.error();
    if (here->leaf != (path.steps.size() + 1 == depth)) return Errc::damaged;
    path.steps.push_back({*here, here->rows - 1});
  }
  return {};
}

Result<PageTree::Row> PageTree::row(const Path& path) const {
  const Step& leaf = path.steps.back();
  const auto there = node(leaf.page, leaf.index);
  if (!there) return there.error();
  Word number = 0;
  Word count = 0;
  const auto bytes = value(*there, number, count);
  if (!bytes) return bytes.error();
  return Row{there->key, *bytes};
}

Result<ByteView> PageTree::get(ByteView key) const {
  const auto found = at_or_before(key);
  if (!found) return found.error();
  if (found->key != key) return Errc::not_found;
  return found->value;
}

Result<PageTree::Row> PageTree::at_or_before(ByteView key) const {
  if (main_.root == kNoRoot) return Errc::not_found;
  Path path;
  RUNNEL_TRY(descend(path, main_.root, key));
  Step& leaf = path.steps.back();
  if (leaf.index < leaf.page.rows) {
    const auto there = node(leaf.page, leaf.index);
    if (!there) return there.error();
    if (there->key == key) return row(path);
  }
  if (leaf.index > 0) {
    --leaf.index;
  } else {
    RUNNEL_TRY(step_back(path));
  }
  auto found = row(path);
  if (found && found->key > key) return Errc::damaged;
  return found;
}

struct PageTree::Walk {
  ByteView from;
  const std::function<bool(const Row&)>& visit;
  ByteView before{};
  Word pages_left = 0;  // a tree has no page twice, so damage that leads in circles ends here
  bool damaged = false;
};

// False when the walk is over. What cannot be read is stepped over.
bool PageTree::walk_page(Word number, std::size_t depth, Walk& walk) const {
  const auto here = page(number);
  if (!here || depth > kDepthMax || walk.pages_left == 0) {
    walk.damaged = true;
    return true;
  }
  --walk.pages_left;
  for (std::size_t i = 0; i < here->rows; ++i) {
    const auto there = node(*here, i);
    if (!there) {
      walk.damaged = true;
      continue;
    }
    if (!here->leaf) {
      if (i + 1 < here->rows) {
        const auto next = node(*here, i + 1);
        if (next && next->key <= walk.from) continue;
      }
      if (!walk_page(child(*there), depth + 1, walk)) return false;
      continue;
    }
    if (there->key < walk.from) continue;
    Word first = 0;
    Word count = 0;
    const auto bytes = value(*there, first, count);
    if (!bytes || there->key.empty() || there->key <= walk.before) {
      walk.damaged = true;
      continue;
    }
    walk.before = there->key;
    if (!walk.visit({there->key, *bytes})) return false;
  }
  return true;
}

Result<void> PageTree::walk(ByteView from, const std::function<bool(const Row&)>& visit) const {
  if (main_.root == kNoRoot) return {};
  Walk walk{from, visit};
  walk.pages_left = pages_;
  walk_page(main_.root, 1, walk);
  if (walk.damaged) return Errc::damaged;
  return {};
}

}  // namespace runnel::log
