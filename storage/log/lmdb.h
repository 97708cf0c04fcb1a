// LMDB's environment, transactions and cursor as owners, and its codes as Errc. lmdb.cpp is the
// only file that includes <lmdb.h>. A file that nobody writes is not opened by LMDB at all, but
// read by PageTree, which bears damage.
//
// Rules kept here (lmdb.h, "Caveats"): default flags with MDB_NOTLS, one environment per file and
// process, the unnamed database only, no WRITEMAP, no NOSYNC, no NOMETASYNC.
//
// Threads: an Env may be shared; a transaction belongs to one thread at a time, and there is one
// write transaction at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "storage/base/bytes.h"
#include "storage/base/error.h"
#include "storage/log/page_tree.h"

struct MDB_env;
struct MDB_txn;

namespace runnel::log {

class Env {
 public:
  enum class Mode {
    writable,
    read_only,  // a file that nobody writes: no lock file, no reader slots, no LMDB
    observer,   // a file that another process may be writing
  };

  // Opens or creates the single file `path`. `bytes` is the size of the map, for good.
  static Result<std::unique_ptr<Env>> open(
      const std::filesystem::path& path, std::uint64_t bytes, Mode mode
  );
  ~Env();
  Env(const Env&) = delete;
  Env& operator=(const Env&) = delete;

  // Errc::damaged when LMDB had better not work on the file. Reads every page of its trees.
  static Result<void> check(const std::filesystem::path& path);

  [[nodiscard]] bool writable() const { return env_ != nullptr; }

  // Pages of the tree itself, without those of large values. 0 when it is not writable.
  [[nodiscard]] std::uint64_t tree_pages() const;

  // Gives the whole file its blocks now (posix_fallocate), so that the ceiling is real and a write
  // to the file never meets a full file system.
  Result<void> preallocate();

  // Bytes of the map that pages have been given out for, freed ones included.
  [[nodiscard]] std::uint64_t used_bytes() const;

  [[nodiscard]] std::uint64_t map_bytes() const { return map_bytes_; }

  // Somebody is going to read that many bytes from `from`, a place inside a row's value, on. The map is
  // read page by page otherwise, each for itself.
  void will_read(const char* from, std::size_t bytes) const;

  // The last system or LMDB error, for people.
  [[nodiscard]] static std::string last_error();

 private:
  friend class ReadTxn;
  friend class WriteTxn;
  Env() = default;
  Result<void> map_file(const std::filesystem::path& path);

  MDB_env* env_ = nullptr;  // null in a read_only one
  unsigned dbi_ = 0;
  std::uint64_t map_bytes_ = 0;
  ByteView map_;  // of a read_only one, our own
  std::optional<PageTree> tree_;
};

// Views returned by these live until the transaction ends (in a WriteTxn: until its next change).
class ReadTxn {
 public:
  static Result<ReadTxn> begin(const Env& env);
  ~ReadTxn();
  ReadTxn(ReadTxn&& other) noexcept;
  ReadTxn& operator=(ReadTxn&&) = delete;
  ReadTxn(const ReadTxn&) = delete;
  ReadTxn& operator=(const ReadTxn&) = delete;

  // Errc::not_found when there is no such key.
  [[nodiscard]] Result<ByteView> get(ByteView key) const;

  using Row = PageTree::Row;

  // The last row whose key is at most `key`; not_found when there is none.
  [[nodiscard]] Result<Row> at_or_before(ByteView key) const;

  // Calls `visit` for the rows from `from` on, in order, until it returns false or the rows end.
  // Errc::damaged when some could not be read, or are not in order; PageTree has visited the rest.
  Result<void> walk(ByteView from, const std::function<bool(const Row&)>& visit) const;

 private:
  ReadTxn(MDB_txn* txn, unsigned dbi, const PageTree* tree) : txn_(txn), dbi_(dbi), tree_(tree) {}

  MDB_txn* txn_;
  unsigned dbi_;
  const PageTree* tree_;  // instead of a transaction, in a read_only Env
};

class WriteTxn {
 public:
  // Errc::log_full for an environment that takes nothing.
  static Result<WriteTxn> begin(Env& env);
  ~WriteTxn();  // aborts unless committed
  WriteTxn(WriteTxn&& other) noexcept;
  WriteTxn& operator=(WriteTxn&&) = delete;
  WriteTxn(const WriteTxn&) = delete;
  WriteTxn& operator=(const WriteTxn&) = delete;

  // Errc::log_full: the map has no room; abort, and take another environment.
  Result<void> put(ByteView key, ByteView value);
  // The same for a key greater than all others: fills pages to the brim.
  Result<void> append(ByteView key, ByteView value);
  // Removing what is not there is no error.
  Result<void> erase(ByteView key);

  // Durable when it returns success. Errc::log_full: no room, nothing changed. Any other error
  // means that a write or a flush failed, and that nothing may be acknowledged in this process
  // again.
  Result<void> commit();

 private:
  explicit WriteTxn(MDB_txn* txn, unsigned dbi) : txn_(txn), dbi_(dbi) {}

  MDB_txn* txn_;
  unsigned dbi_;
};

}  // namespace runnel::log
