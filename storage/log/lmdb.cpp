#include "storage/log/lmdb.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <lmdb.h>

namespace runnel::log {
namespace {

// Readers are short and few: fetches and catch-up. The lock file is sized for them.
constexpr unsigned kReadersMax = 64;

// More than LMDB needs for that many readers, in whole pages.
constexpr off_t kLockFileBytes = 8192;

thread_local std::string last_error_text;

Errc map(int code) {
  if (code == MDB_SUCCESS) return Errc::ok;
  last_error_text = mdb_strerror(code);
  switch (code) {
    case MDB_NOTFOUND:
      return Errc::not_found;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
      return Errc::log_full;
    case EDQUOT:
    case ENOSPC:
      return Errc::no_space;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
      return Errc::damaged;
    default:
      return Errc::io_error;
  }
}

MDB_val val(ByteView bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

ByteView view(const MDB_val& v) {
  return {static_cast<const char*>(v.mv_data), v.mv_size};
}

int allocate(int fd, off_t bytes) {
  int rc = EINTR;
  while (rc == EINTR) rc = posix_fallocate(fd, 0, bytes);
  return rc;
}

// LMDB writes to its lock file through a map, and a page for which the file system has no room
// would be a SIGBUS. So the lock file has its blocks before LMDB opens it.
Result<void> reserve_lock_file(const std::filesystem::path& path) {
  const int fd = ::open((path.string() + "-lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) return map(errno);
  const int rc = allocate(fd, kLockFileBytes);
  ::close(fd);
  if (rc != 0) return map(rc);
  return {};
}

struct Cursor {
  MDB_cursor* cursor = nullptr;
  Cursor() = default;
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  ~Cursor() {
    if (cursor != nullptr) mdb_cursor_close(cursor);
  }
};

}  // namespace

std::string Env::last_error() {
  return last_error_text;
}

Result<std::unique_ptr<Env>> Env::open(
    const std::filesystem::path& path, std::uint64_t bytes, Mode mode
) {
  // A 32-bit off_t and address space end here (LMDB itself would wrap silently).
  if (sizeof(std::size_t) < 8 && bytes > (std::uint64_t{2047} << 20)) return Errc::invalid_argument;
  std::unique_ptr<Env> env(new Env());
  if (mode == Mode::read_only) {
    RUNNEL_TRY(env->map_file(path));
    return env;
  }
  if (mode == Mode::writable) RUNNEL_TRY(reserve_lock_file(path));
  if (const int rc = mdb_env_create(&env->env_); rc != 0) return map(rc);
  env->map_bytes_ = bytes;
  mdb_env_set_mapsize(env->env_, static_cast<std::size_t>(bytes));
  mdb_env_set_maxreaders(env->env_, kReadersMax);
  unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD;
  if (mode == Mode::observer) flags |= MDB_RDONLY;
  if (const int rc = mdb_env_open(env->env_, path.c_str(), flags, 0640); rc != 0) return map(rc);
  int dead = 0;
  mdb_reader_check(env->env_, &dead);
  MDB_txn* txn = nullptr;
  if (const int rc = mdb_txn_begin(env->env_, nullptr, MDB_RDONLY, &txn); rc != 0) return map(rc);
  const int rc = mdb_dbi_open(txn, nullptr, 0, &env->dbi_);
  mdb_txn_abort(txn);
  if (rc != 0) return map(rc);
  return env;
}

Env::~Env() {
  if (env_ != nullptr) mdb_env_close(env_);
  if (!map_.empty()) ::munmap(const_cast<char*>(map_.data()), map_.size());
}

Result<void> Env::map_file(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return map(errno);

  struct stat st {};

  void* memory = MAP_FAILED;
  if (::fstat(fd, &st) == 0 && st.st_size > 0) {
    memory = ::mmap(nullptr, static_cast<std::size_t>(st.st_size), PROT_READ, MAP_SHARED, fd, 0);
  }
  const int error = errno;
  ::close(fd);
  if (st.st_size == 0) return map(MDB_INVALID);
  if (memory == MAP_FAILED) return map(error);
  map_ = ByteView(static_cast<const char*>(memory), static_cast<std::size_t>(st.st_size));
  map_bytes_ = map_.size();
  ::madvise(memory, map_.size(), MADV_RANDOM);
  const auto tree = PageTree::open(map_);
  if (!tree) return map(MDB_CORRUPTED);
  tree_ = *tree;
  return {};
}

Result<void> Env::check(const std::filesystem::path& path) {
  const auto env = open(path, 0, Mode::read_only);
  if (!env) return env.error();
  if (!(*env)->tree_->check()) return map(MDB_CORRUPTED);
  return {};
}

Result<void> Env::preallocate() {
  mdb_filehandle_t fd = -1;
  if (const int rc = mdb_env_get_fd(env_, &fd); rc != 0) return map(rc);
  if (const int rc = allocate(fd, static_cast<off_t>(map_bytes_)); rc != 0) return map(rc);
  return {};
}

std::uint64_t Env::tree_pages() const {
  if (env_ == nullptr) return 0;
  MDB_stat stat{};
  mdb_env_stat(env_, &stat);
  return stat.ms_branch_pages + stat.ms_leaf_pages;
}

void Env::will_read(const char* from, std::size_t bytes) const {
  const auto place = reinterpret_cast<std::uintptr_t>(from);
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t start = place / page * page;
  ByteView map = map_;
  if (env_ != nullptr) {
    MDB_envinfo info{};
    mdb_env_info(env_, &info);
    map = ByteView(static_cast<const char*>(info.me_mapaddr), info.me_mapsize);
  }
  const auto first = reinterpret_cast<std::uintptr_t>(map.data());
  if (start < first || start >= first + map.size()) return;
  const std::size_t length = std::min(place - start + bytes, first + map.size() - start);
  ::madvise(reinterpret_cast<void*>(start), length, MADV_WILLNEED);  // it may say no
}

std::uint64_t Env::used_bytes() const {
  if (tree_) return tree_->used_bytes();
  MDB_envinfo info{};
  MDB_stat stat{};
  mdb_env_info(env_, &info);
  mdb_env_stat(env_, &stat);
  return (static_cast<std::uint64_t>(info.me_last_pgno) + 1) * stat.ms_psize;
}

Result<ReadTxn> ReadTxn::begin(const Env& env) {
  if (env.tree_) return ReadTxn(nullptr, 0, &*env.tree_);
  MDB_txn* txn = nullptr;
  if (const int rc = mdb_txn_begin(env.env_, nullptr, MDB_RDONLY, &txn); rc != 0) return map(rc);
  return ReadTxn(txn, env.dbi_, nullptr);
}

ReadTxn::ReadTxn(ReadTxn&& other) noexcept
    : txn_(std::exchange(other.txn_, nullptr)), dbi_(other.dbi_), tree_(other.tree_) {}

ReadTxn::~ReadTxn() {
  if (txn_ != nullptr) mdb_txn_abort(txn_);
}

Result<ByteView> ReadTxn::get(ByteView key) const {
  if (tree_ != nullptr) return tree_->get(key);
  MDB_val k = val(key);
  MDB_val v{};
  if (const int rc = mdb_get(txn_, dbi_, &k, &v); rc != 0) return map(rc);
  return view(v);
}

Result<ReadTxn::Row> ReadTxn::at_or_before(ByteView key) const {
  if (tree_ != nullptr) return tree_->at_or_before(key);
  Cursor c;
  if (const int rc = mdb_cursor_open(txn_, dbi_, &c.cursor); rc != 0) return map(rc);
  MDB_val k = val(key);
  MDB_val v{};
  int rc = mdb_cursor_get(c.cursor, &k, &v, MDB_SET_RANGE);
  if (rc == 0 && view(k) == key) return Row{view(k), view(v)};
  if (rc != 0 && rc != MDB_NOTFOUND) return map(rc);
  rc = mdb_cursor_get(c.cursor, &k, &v, rc == 0 ? MDB_PREV : MDB_LAST);
  if (rc != 0) return map(rc);
  return Row{view(k), view(v)};
}

Result<void> ReadTxn::walk(ByteView from, const std::function<bool(const Row&)>& visit) const {
  if (tree_ != nullptr) return tree_->walk(from, visit);
  Cursor c;
  if (const int rc = mdb_cursor_open(txn_, dbi_, &c.cursor); rc != 0) return map(rc);
  MDB_val k = val(from);
  MDB_val v{};
  int rc = mdb_cursor_get(c.cursor, &k, &v, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
  ByteView before;
  while (rc == 0) {
    // Pages have no checksum: a damaged one may lead anywhere, in circles too.
    if (view(k) < from || (!before.empty() && view(k) <= before)) return Errc::damaged;
    before = view(k);
    if (!visit({view(k), view(v)})) return {};
    rc = mdb_cursor_get(c.cursor, &k, &v, MDB_NEXT);
  }
  if (rc != MDB_NOTFOUND) return map(rc);
  return {};
}

Result<WriteTxn> WriteTxn::begin(Env& env) {
  if (!env.writable()) return Errc::log_full;
  MDB_txn* txn = nullptr;
  if (const int rc = mdb_txn_begin(env.env_, nullptr, 0, &txn); rc != 0) return map(rc);
  return WriteTxn(txn, env.dbi_);
}

WriteTxn::WriteTxn(WriteTxn&& other) noexcept
    : txn_(std::exchange(other.txn_, nullptr)), dbi_(other.dbi_) {}

WriteTxn::~WriteTxn() {
  if (txn_ != nullptr) mdb_txn_abort(txn_);
}

Result<void> WriteTxn::put(ByteView key, ByteView value) {
  MDB_val k = val(key);
  MDB_val v = val(value);
  if (const int rc = mdb_put(txn_, dbi_, &k, &v, 0); rc != 0) return map(rc);
  return {};
}

Result<void> WriteTxn::append(ByteView key, ByteView value) {
  MDB_val k = val(key);
  MDB_val v = val(value);
  if (const int rc = mdb_put(txn_, dbi_, &k, &v, MDB_APPEND); rc != 0) return map(rc);
  return {};
}

Result<void> WriteTxn::erase(ByteView key) {
  MDB_val k = val(key);
  const int rc = mdb_del(txn_, dbi_, &k, nullptr);
  if (rc != 0 && rc != MDB_NOTFOUND) return map(rc);
  return {};
}

Result<void> WriteTxn::commit() {
  if (const int rc = mdb_txn_commit(std::exchange(txn_, nullptr)); rc != 0) return map(rc);
  return {};
}

}  // namespace runnel::log
