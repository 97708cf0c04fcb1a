// The pages of an LMDB file, read without trusting them. LMDB's pages have no checksum, and LMDB
// itself follows a flipped bit in one of them wherever it leads: to a wrong row, an endless loop, a
// broken assertion or outside its map. So files that nobody writes any more are read by this, and a
// file is checked by this before LMDB is let near it.
//
// Promise: whatever the bytes are, nothing outside them is touched, every call ends, and rows come
// in the order of their keys. What they hold has checksums of its own (block.h, generation.h).
//
// The format is that of LMDB 0.9 (data version 1) as the same machine writes it: fields have the
// size of its words and the order of its bytes. Only what we use is understood: the unnamed
// database, without duplicates.
//
// Threads: a value over memory that somebody else keeps; any.
#pragma once

#include <functional>

#include "storage/base/bytes.h"
#include "storage/base/error.h"

namespace runnel::log {

class PageTree {
 public:
  struct Row {
    ByteView key;
    ByteView value;
  };

  // `file` outlives this. Errc::damaged when no meta page can be believed, or when it names pages
  // behind the end.
  static Result<PageTree> open(ByteView file);

  // Bytes up to the last page that was ever used.
  [[nodiscard]] std::uint64_t used_bytes() const { return std::uint64_t{pages_} * page_bytes_; }

  // As ReadTxn has them (lmdb.h); Errc::damaged when a page on the way makes no sense. A walk steps
  // over such pages, visits the rest, and says so at its end.
  [[nodiscard]] Result<ByteView> get(ByteView key) const;
  [[nodiscard]] Result<Row> at_or_before(ByteView key) const;
  Result<void> walk(ByteView from, const std::function<bool(const Row&)>& visit) const;

  // Looks at every page that can be reached, and at the list of free ones: sound, in order, none
  // used twice, none both used and free. LMDB may work on a file for which this succeeds.
  [[nodiscard]] Result<void> check() const;

 private:
  using Word = std::size_t;  // LMDB's page numbers and sizes

  struct Database {
    std::uint16_t flags = 0;
    std::uint16_t depth = 0;
    Word root = 0;
  };

  // A branch or leaf whose header makes sense.
  struct Page {
    ByteView bytes;
    bool leaf = false;
    std::size_t rows = 0;
  };

  struct Node {
    ByteView key;
    ByteView rest;          // behind the key, to the end of the page
    std::uint32_t low = 0;  // size of the value, or half of a page number
    std::uint16_t flags = 0;
  };

  struct Step {
    Page page;
    std::size_t index = 0;
  };

  struct Path;
  struct Census;
  struct Walk;

  static Database read_database(ByteView bytes);
  [[nodiscard]] static bool read_meta(ByteView page, PageTree& out, Word& txnid);
  [[nodiscard]] Result<Page> page(Word number) const;
  [[nodiscard]] Result<Node> node(const Page& page, std::size_t index) const;
  [[nodiscard]] static Word child(const Node& node);
  // `number` and `count`: the pages of their own that the value takes; none when it is in the leaf.
  [[nodiscard]] Result<ByteView> value(const Node& node, Word& number, Word& count) const;
  [[nodiscard]] Result<std::size_t> first_at_least(const Page& page, ByteView key) const;
  Result<void> descend(Path& path, Word root, ByteView key) const;
  Result<void> step_back(Path& path) const;
  [[nodiscard]] Result<Row> row(const Path& path) const;
  bool walk_page(Word number, std::size_t depth, Walk& walk) const;
  [[nodiscard]] Result<void> check_packed(const Page& page) const;
  Result<void> check_page(
      Word number, std::size_t depth, ByteView low, ByteView high, Census& census
  ) const;
  Result<void> check_free(Census& census) const;
  [[nodiscard]] bool take_listed(ByteView ids, Census& census) const;

  ByteView file_;
  std::size_t page_bytes_ = 0;
  Word pages_ = 0;  // pages from here on were never used
  Database free_;
  Database main_;
};

}  // namespace runnel::log
