#include "tests/support/disk_faults.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <set>

namespace runnel::test {
namespace {

struct State {
  std::mutex mutex;
  bool watching = false;
  std::string watched;
  std::map<Disk::Kind, std::uint64_t> calls;
  std::uint64_t failed = 0;
  std::string failed_path;
  std::uint64_t countdown = 0;
  int error = 0;  // 0: nothing fails
  bool for_ever = false;
  std::vector<Disk::Kind> kinds;
  std::set<ino_t> unflushed;
  std::uint64_t overtaken = 0;
  bool stalled = false;
  std::condition_variable healed;
};

State& state() {
  static State s;
  return s;
}

// LMDB's lock file and the log's own hold nothing that must last.
bool counts(const State& s, const std::string& path) {
  return s.watching && path.starts_with(s.watched) && !path.ends_with("-lock") &&
         !path.ends_with("LOCK");
}

std::string path_of(int fd) {
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t n = ::readlink(link.c_str(), path, sizeof path);
  return n > 0 ? std::string(path, static_cast<std::size_t>(n)) : std::string();
}

// Notes a call; true when it is to fail. The mutex is held.
bool strikes(State& s, Disk::Kind kind) {
  ++s.calls[kind];
  if (s.error == 0) return false;
  if (std::find(s.kinds.begin(), s.kinds.end(), kind) == s.kinds.end()) return false;
  if (s.countdown > 0) {
    --s.countdown;
    return false;
  }
  ++s.failed;
  return true;
}

// 0, or the error with which a call on `path` is to fail.
int note(Disk::Kind kind, const std::string& path) {
  State& s = state();
  std::unique_lock lock(s.mutex);
  if (kind == Disk::Kind::flush && counts(s, path)) s.healed.wait(lock, [&] { return !s.stalled; });
  if (!counts(s, path) || !strikes(s, kind)) return 0;
  s.failed_path = path;
  const int error = s.error;
  if (!s.for_ever) s.error = 0;
  return error;
}

ino_t inode(int fd) {
  struct stat st {};

  return ::fstat(fd, &st) == 0 ? st.st_ino : 0;
}

void wrote(int fd) {
  State& s = state();
  const std::string path = path_of(fd);
  const std::lock_guard lock(s.mutex);
  if (!counts(s, path)) return;
  const bool flushes_itself = (::fcntl(fd, F_GETFL) & O_DSYNC) != 0;
  if (!flushes_itself) {
    s.unflushed.insert(inode(fd));
  } else if (s.unflushed.contains(inode(fd))) {
    ++s.overtaken;
  }
}

void flushed(int fd) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.unflushed.erase(inode(fd));
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

// A negative result with errno set, as system calls have it.
ssize_t refuse(int error) {
  errno = error;
  return -1;
}

}  // namespace

Disk::Disk(const std::filesystem::path& watched) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.watched = std::filesystem::canonical(watched).string();
  s.watching = true;
  s.calls.clear();
  s.failed = 0;
  s.error = 0;
  s.unflushed.clear();
  s.overtaken = 0;
}

Disk::~Disk() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.watching = false;
  s.error = 0;
  s.stalled = false;
  s.healed.notify_all();
}

void Disk::fail(std::uint64_t n, int error, bool for_ever, std::vector<Kind> kinds) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.countdown = n;
  s.error = error;
  s.for_ever = for_ever;
  s.kinds = std::move(kinds);
}

void Disk::stall() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.stalled = true;
}

void Disk::heal() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.error = 0;
  s.stalled = false;
  s.healed.notify_all();
}

std::uint64_t Disk::calls(Kind kind) const {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return s.calls[kind];
}

std::uint64_t Disk::failed() const {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return s.failed;
}

std::string Disk::failed_path() const {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return s.failed_path;
}

std::size_t Disk::unflushed_files() const {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return s.unflushed.size();
}

std::uint64_t Disk::overtaken() const {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return s.overtaken;
}

}  // namespace runnel::test

// The replacements. A definition in the program goes before those of the shared libraries, for
// calls from those libraries too.
using runnel::test::Disk;
namespace faults = runnel::test;

extern "C" {

ssize_t pwrite(int fd, const void* bytes, size_t n, off_t offset) {
  static auto* const next = faults::real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  if (const int e = faults::note(Disk::Kind::write, faults::path_of(fd))) return faults::refuse(e);
  const ssize_t done = next(fd, bytes, n, offset);
  faults::wrote(fd);
  return done;
}

ssize_t writev(int fd, const struct iovec* pieces, int n) {
  static auto* const next = faults::real<ssize_t(int, const struct iovec*, int)>("writev");
  if (const int e = faults::note(Disk::Kind::write, faults::path_of(fd))) return faults::refuse(e);
  const ssize_t done = next(fd, pieces, n);
  faults::wrote(fd);
  return done;
}

int fdatasync(int fd) {
  static auto* const next = faults::real<int(int)>("fdatasync");
  if (const int e = faults::note(Disk::Kind::flush, faults::path_of(fd))) {
    return static_cast<int>(faults::refuse(e));
  }
  const int rc = next(fd);
  if (rc == 0) faults::flushed(fd);
  return rc;
}

int fsync(int fd) {
  static auto* const next = faults::real<int(int)>("fsync");
  if (const int e = faults::note(Disk::Kind::flush, faults::path_of(fd))) {
    return static_cast<int>(faults::refuse(e));
  }
  const int rc = next(fd);
  if (rc == 0) faults::flushed(fd);
  return rc;
}

int posix_fallocate(int fd, off_t offset, off_t n) {
  static auto* const next = faults::real<int(int, off_t, off_t)>("posix_fallocate");
  if (const int e = faults::note(Disk::Kind::allocate, faults::path_of(fd))) return e;
  return next(fd, offset, n);
}

int rename(const char* from, const char* to) noexcept {
  static auto* const next = faults::real<int(const char*, const char*)>("rename");
  if (const int e = faults::note(Disk::Kind::rename, from)) {
    return static_cast<int>(faults::refuse(e));
  }
  return next(from, to);
}

}  // extern "C"
