// What one durable commit costs in LMDB, for two ways to lay the log out in it. The figures in
// docs/storage-spike.md come from here; run it again before changing the shape of the log.
//
//   shape A: a named sub-database, key (partition, base offset), one value per partition and group
//   shape B: the unnamed database, key (kind, block sequence) with MDB_APPEND, one value per block
//            of at most 16 pages that holds the batches of all partitions of the group
//
// Every commit is an LMDB write transaction with default flags (and MDB_NOTLS) in an environment of
// 64 MiB. Shapes take turns inside a round, and what is printed is the median of the rounds.
//
//   commit_shape [--dir DIR] [--rounds N] [--device NAME] [--suite
//   floor|latency|full|prealloc|reader]...
//
// --device names the block device below DIR, for example loop0: then the bytes that reached it are
// printed too. The kernel's accounting of the process (/proc/self/io) counts whole folios as they
// become dirty, which is more than what is written where the file system uses large folios.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <lmdb.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kMap = 64U << 20;
constexpr std::size_t kPayload = 100;               // bytes of one record's value
constexpr std::size_t kRecord = 150;                // the same, encoded
constexpr std::size_t kBatchHeader = 61;            // RecordBatch v2
constexpr std::size_t kBlockEntry = 16;             // partition, base offset, length
constexpr std::size_t kBlockMax = 16 * kPage - 16;  // 16 pages less LMDB's page header
constexpr std::size_t kStateKeys = 1000;
constexpr std::size_t kStateBytes = 40;
constexpr std::array<std::uint8_t, 2> kState = {1, 2};  // kinds: state rows sort before blocks

// What LMDB asked the kernel to write. The program's own definitions of these calls stand before
// the C library's, so every call of liblmdb passes here.
struct Syscalls {
  std::atomic<std::uint64_t> writes{0}, bytes{0}, syncs{0};
};

Syscalls counted;

void count_write(ssize_t n) {
  if (n <= 0) return;
  ++counted.writes;
  counted.bytes += static_cast<std::uint64_t>(n);
}

}  // namespace

extern "C" ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  using Fn = ssize_t (*)(int, const void*, size_t, off_t);
  static const Fn real = reinterpret_cast<Fn>(dlsym(RTLD_NEXT, "pwrite"));
  const ssize_t n = real(fd, data, size, offset);
  count_write(n);
  return n;
}

extern "C" ssize_t writev(int fd, const struct iovec* parts, int count) {
  using Fn = ssize_t (*)(int, const struct iovec*, int);
  static const Fn real = reinterpret_cast<Fn>(dlsym(RTLD_NEXT, "writev"));
  const ssize_t n = real(fd, parts, count);
  count_write(n);
  return n;
}

extern "C" int fdatasync(int fd) {
  using Fn = int (*)(int);
  static const Fn real = reinterpret_cast<Fn>(dlsym(RTLD_NEXT, "fdatasync"));
  ++counted.syncs;
  return real(fd);
}

namespace {

[[noreturn]] void die(std::string_view what, int rc) {
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(what.size()), what.data(), mdb_strerror(rc));
  std::exit(1);
}

void must(int rc, std::string_view what) {
  if (rc != 0) die(what, rc);
}

std::uint64_t process_write_bytes() {
  std::ifstream io("/proc/self/io");
  std::string name;
  std::uint64_t value = 0;
  while (io >> name >> value) {
    if (name == "write_bytes:") return value;
  }
  return 0;
}

std::string device;  // below the directory, when its counters are to be read

std::uint64_t device_write_bytes() {
  std::ifstream stat("/sys/block/" + device + "/stat");
  std::array<std::uint64_t, 7> fields{};
  for (std::uint64_t& field : fields) stat >> field;
  return fields[6] * 512;
}

template <class T>
void put_be(std::vector<std::uint8_t>& to, T value) {
  for (int shift = static_cast<int>(sizeof(T) - 1) * 8; shift >= 0; shift -= 8) {
    to.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

MDB_val val(const std::vector<std::uint8_t>& bytes) {
  return {bytes.size(), const_cast<std::uint8_t*>(bytes.data())};
}

enum class Prealloc { plain, unwritten, overwritten };

struct Shape {
  char layout = 'B';
  bool state = false;
  std::size_t partitions = 16;
  std::size_t group = 10;  // records in one commit
};

// One environment, written in one shape.
class Store {
 public:
  Store(const std::string& dir, const Shape& shape, Prealloc prealloc, std::size_t map = kMap)
      : shape_(shape), offsets_(shape.partitions, 0) {
    std::filesystem::remove_all(dir);
    std::filesystem::create_directories(dir);
    must(mdb_env_create(&env_), "create");
    must(mdb_env_set_mapsize(env_, map), "map size");
    must(mdb_env_set_maxdbs(env_, 4), "max dbs");
    must(mdb_env_open(env_, dir.c_str(), MDB_NOTLS, 0644), "open");
    allocate(dir + "/data.mdb", prealloc, map);
    MDB_txn* txn = nullptr;
    must(mdb_txn_begin(env_, nullptr, 0, &txn), "begin");
    if (shape_.layout == 'A') {
      must(mdb_dbi_open(txn, "log", MDB_CREATE, &log_), "open log");
      must(mdb_dbi_open(txn, "state", MDB_CREATE, &rows_), "open state");
    } else {
      must(mdb_dbi_open(txn, nullptr, 0, &log_), "open main");
      rows_ = log_;
    }
    if (shape_.state) {
      for (std::size_t i = 0; i < kStateKeys; ++i) put_state(txn, i);
    }
    must(mdb_txn_commit(txn), "first commit");
  }

  ~Store() { mdb_env_close(env_); }

  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Commits one group; returns MDB_MAP_FULL when it does not fit.
  int commit_group() {
    MDB_txn* txn = nullptr;
    must(mdb_txn_begin(env_, nullptr, 0, &txn), "begin");
    int rc = shape_.layout == 'A' ? put_batches(txn) : put_blocks(txn);
    if (rc == 0 && shape_.state) put_state(txn, random_() % kStateKeys);
    if (rc != 0) {
      mdb_txn_abort(txn);
      return rc;
    }
    rc = mdb_txn_commit(txn);
    if (rc == 0) records_ += shape_.group;
    return rc;
  }

  // Without flushes: for filling, not for measuring.
  void flushing(bool on) {
    must(mdb_env_set_flags(env_, MDB_NOSYNC, on ? 0 : 1), "flags");
    if (on) must(mdb_env_sync(env_, 1), "sync");
  }

  [[nodiscard]] std::size_t used_pages() const {
    MDB_envinfo info;
    mdb_env_info(env_, &info);
    return info.me_last_pgno + 1;
  }

  struct Fill {
    std::size_t used_pages, leaf_pages, branch_pages, overflow_pages;
    double amplification;  // bytes of used pages per payload byte
    double of_encoded;     // bytes of used pages per encoded byte
  };

  [[nodiscard]] Fill fill() const {
    MDB_txn* txn = nullptr;
    MDB_stat stat;
    must(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn), "begin");
    must(mdb_stat(txn, log_, &stat), "stat");
    mdb_txn_abort(txn);
    const double used = static_cast<double>(used_pages() * kPage);
    return {
        used_pages(),
        stat.ms_leaf_pages,
        stat.ms_branch_pages,
        stat.ms_overflow_pages,
        used / static_cast<double>(records_ * kPayload),
        used / static_cast<double>(encoded_)};
  }

  [[nodiscard]] MDB_env* env() const { return env_; }

  [[nodiscard]] std::uint64_t records() const { return records_; }

  [[nodiscard]] double fraction_used() const {
    return static_cast<double>(used_pages() * kPage) / static_cast<double>(kMap);
  }

 private:
  static void allocate(const std::string& path, Prealloc how, std::size_t size) {
    if (how == Prealloc::plain) return;
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) die("open data file", errno);
    must(posix_fallocate(fd, 0, static_cast<off_t>(size)), "posix_fallocate");
    if (how == Prealloc::overwritten) {
      const std::vector<std::uint8_t> zeros(1U << 20);
      for (std::size_t at = 2 * kPage; at < size; at += zeros.size()) {
        const std::size_t n = std::min(zeros.size(), size - at);
        if (::pwrite(fd, zeros.data(), n, static_cast<off_t>(at)) < 0) die("pwrite", errno);
      }
    }
    must(fsync(fd), "fsync");
    close(fd);
  }

  // The records of one partition of the group, `count` of them, as one batch.
  void encode_batch(std::vector<std::uint8_t>& to, std::size_t count) {
    const std::size_t bytes = kBatchHeader + count * kRecord;
    const std::size_t at = to.size();
    to.resize(at + bytes);
    for (std::size_t i = 0; i < bytes; i += 8) {  // not compressible, not constant
      const std::uint64_t word = random_();
      std::memcpy(&to[at + i], &word, std::min<std::size_t>(8, bytes - i));
    }
    encoded_ += bytes;
  }

  // How many records of the next group fall on each partition.
  [[nodiscard]] std::size_t share(std::size_t partition) const {
    const std::size_t turn =
        (partition + shape_.partitions - records_ % shape_.partitions) % shape_.partitions;
    return shape_.group / shape_.partitions + (turn < shape_.group % shape_.partitions ? 1 : 0);
  }

  int put_batches(MDB_txn* txn) {
    for (std::size_t p = 0; p < shape_.partitions; ++p) {
      const std::size_t count = share(p);
      if (count == 0) continue;
      key_.clear();
      put_be(key_, static_cast<std::uint32_t>(p));
      put_be(key_, offsets_[p]);
      value_.clear();
      encode_batch(value_, count);
      offsets_[p] += count;
      MDB_val k = val(key_);
      MDB_val v = val(value_);
      if (const int rc = mdb_put(txn, log_, &k, &v, 0); rc != 0) return rc;
    }
    return 0;
  }

  int put_blocks(MDB_txn* txn) {
    value_.clear();
    constexpr std::size_t kBatchMax = (kBlockMax - kBlockEntry - kBatchHeader) / kRecord;
    for (std::size_t p = 0; p < shape_.partitions; ++p) {
      for (std::size_t left = share(p); left > 0;) {
        const std::size_t room = kBlockMax - std::min(kBlockMax, value_.size());
        std::size_t count =
            room > kBlockEntry + kBatchHeader ? (room - kBlockEntry - kBatchHeader) / kRecord : 0;
        count = std::min({count, left, kBatchMax});
        if (count == 0) {
          if (const int rc = put_block(txn); rc != 0) return rc;
          continue;
        }
        put_be(value_, static_cast<std::uint32_t>(p));
        put_be(value_, offsets_[p]);
        put_be(value_, static_cast<std::uint32_t>(count));
        encode_batch(value_, count);
        offsets_[p] += count;
        left -= count;
      }
    }
    return value_.empty() ? 0 : put_block(txn);
  }

  int put_block(MDB_txn* txn) {
    key_.assign(1, kState[1]);
    put_be(key_, sequence_++);
    MDB_val k = val(key_);
    MDB_val v = val(value_);
    const int rc = mdb_put(txn, log_, &k, &v, MDB_APPEND);
    value_.clear();
    return rc;
  }

  void put_state(MDB_txn* txn, std::uint64_t row) {
    key_.assign(1, kState[0]);
    put_be(key_, row);
    std::vector<std::uint8_t> value(kStateBytes);
    const std::uint64_t word = random_();
    std::memcpy(value.data(), &word, sizeof word);
    MDB_val k = val(key_);
    MDB_val v = val(value);
    must(mdb_put(txn, rows_, &k, &v, 0), "put state");
  }

  Shape shape_;
  MDB_env* env_ = nullptr;
  MDB_dbi log_ = 0;
  MDB_dbi rows_ = 0;
  std::vector<std::uint64_t> offsets_;
  std::uint64_t sequence_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t encoded_ = 0;
  std::mt19937_64 random_{7};
  std::vector<std::uint8_t> key_, value_;
};

// What one run of commits measured.
struct Sample {
  double per_second = 0;
  double p50_us = 0;
  double p99_us = 0;
  double kernel_bytes = 0;   // per commit, /proc/self/io write_bytes
  double device_bytes = 0;   // per commit, that reached the block device
  double written_bytes = 0;  // per commit, as given to pwrite and writev
  double calls = 0;          // writes per commit
  double syncs = 0;          // fdatasync per commit, without the O_DSYNC meta write
};

double quantile(std::vector<double>& sorted, double q) {
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

Sample measure(std::size_t commits, const std::function<bool()>& commit) {
  std::vector<double> took;
  const std::uint64_t kernel = process_write_bytes();
  const std::uint64_t device_before = device_write_bytes();
  const std::uint64_t bytes = counted.bytes, calls = counted.writes, syncs = counted.syncs;
  const auto start = Clock::now();
  for (std::size_t i = 0; i < commits; ++i) {
    const auto before = Clock::now();
    if (!commit()) break;
    took.push_back(std::chrono::duration<double, std::micro>(Clock::now() - before).count());
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (took.empty()) return {};
  const double n = static_cast<double>(took.size());
  Sample s;
  s.per_second = n / seconds;
  s.p50_us = quantile(took, 0.5);
  s.p99_us = quantile(took, 0.99);
  s.kernel_bytes = static_cast<double>(process_write_bytes() - kernel) / n;
  s.device_bytes = static_cast<double>(device_write_bytes() - device_before) / n;
  s.written_bytes = static_cast<double>(counted.bytes - bytes) / n;
  s.calls = static_cast<double>(counted.writes - calls) / n;
  s.syncs = static_cast<double>(counted.syncs - syncs) / n;
  return s;
}

Sample median(const std::vector<Sample>& rounds) {
  const auto of = [&](double Sample::*field) {
    std::vector<double> values;
    for (const Sample& s : rounds) values.push_back(s.*field);
    return quantile(values, 0.5);
  };
  return {
      of(&Sample::per_second),
      of(&Sample::p50_us),
      of(&Sample::p99_us),
      of(&Sample::kernel_bytes),
      of(&Sample::device_bytes),
      of(&Sample::written_bytes),
      of(&Sample::calls),
      of(&Sample::syncs)};
}

std::size_t commits_for(std::size_t group) {
  return group >= 5000 ? 40 : group >= 500 ? 200 : 400;
}

std::vector<Shape> all_shapes() {
  std::vector<Shape> shapes;
  for (const std::size_t group : {1U, 10U, 50U, 500U, 5000U}) {
    for (const std::size_t partitions : {1U, 16U}) {
      for (const bool state : {false, true}) {
        for (const char layout : {'A', 'B'}) {
          shapes.push_back({layout, state, partitions, group});
        }
      }
    }
  }
  return shapes;
}

void print_head(const char* more) {
  std::printf(
      "| records | partitions | state row | shape | commits/s | p50 us | p99 us | pages | writes | "
      "given bytes | device bytes | device per payload byte | kernel bytes |%s\n",
      more
  );
}

void print_row(const Shape& shape, const Sample& s, const std::string& more) {
  std::printf(
      "| %zu | %zu | %s | %c | %.0f | %.0f | %.0f | %.1f | %.1f | %.0f | %.0f | %.2f | %.0f |%s\n",
      shape.group,
      shape.partitions,
      shape.state ? "yes" : "no",
      shape.layout,
      s.per_second,
      s.p50_us,
      s.p99_us,
      (s.written_bytes - 120) / static_cast<double>(kPage),
      s.calls,
      s.written_bytes,
      s.device_bytes,
      s.device_bytes / static_cast<double>(shape.group * kPayload),
      s.kernel_bytes,
      more.c_str()
  );
}

void latency(const std::string& dir, std::size_t rounds) {
  const auto shapes = all_shapes();
  std::vector<std::vector<Sample>> samples(shapes.size());
  for (std::size_t r = 0; r < rounds; ++r) {
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      Store store(dir, shapes[i], Prealloc::unwritten);
      samples[i].push_back(measure(commits_for(shapes[i].group), [&] {
        return store.commit_group() == 0;
      }));
    }
  }
  print_head("");
  for (std::size_t i = 0; i < shapes.size(); ++i) print_row(shapes[i], median(samples[i]), "");
}

// Fills four fifths of the environment with groups of the same size, then measures.
void full(const std::string& dir, std::size_t rounds) {
  const auto shapes = all_shapes();
  std::vector<std::vector<Sample>> samples(shapes.size());
  std::vector<Store::Fill> fills(shapes.size());
  for (std::size_t r = 0; r < rounds; ++r) {
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      Store store(dir, shapes[i], Prealloc::unwritten);
      store.flushing(false);
      while (store.fraction_used() < 0.8) must(store.commit_group(), "fill");
      store.flushing(true);
      fills[i] = store.fill();
      const std::size_t commits = shapes[i].group >= 5000 ? 10 : shapes[i].group >= 500 ? 60 : 200;
      samples[i].push_back(measure(commits, [&] { return store.commit_group() == 0; }));
    }
  }
  print_head(" used/payload | used/encoded | leaf | branch | overflow |");
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    std::array<char, 128> more{};
    std::snprintf(
        more.data(),
        more.size(),
        " %.2f | %.2f | %zu | %zu | %zu |",
        fills[i].amplification,
        fills[i].of_encoded,
        fills[i].leaf_pages,
        fills[i].branch_pages,
        fills[i].overflow_pages
    );
    print_row(shapes[i], median(samples[i]), more.data());
  }
}

void prealloc(const std::string& dir, std::size_t rounds) {
  const std::array<std::pair<Prealloc, const char*>, 3> modes = {
      {{Prealloc::plain, "plain growth"},
       {Prealloc::unwritten, "fallocated, unwritten"},
       {Prealloc::overwritten, "overwritten blocks"}}};
  const std::array<Shape, 2> shapes = {{{'B', true, 16, 10}, {'B', true, 16, 500}}};
  std::map<std::pair<std::size_t, std::size_t>, std::vector<Sample>> samples;
  for (std::size_t r = 0; r < rounds; ++r) {
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      for (std::size_t m = 0; m < modes.size(); ++m) {
        Store store(dir, shapes[i], modes[m].first);
        samples[{i, m}].push_back(measure(commits_for(shapes[i].group), [&] {
          return store.commit_group() == 0;
        }));
      }
    }
  }
  std::printf("| records | file | commits/s | p50 us | p99 us |\n");
  for (auto& [at, rounds_of] : samples) {
    const Sample s = median(rounds_of);
    std::printf(
        "| %zu | %s | %.0f | %.0f | %.0f |\n",
        shapes[at.first].group,
        modes[at.second].second,
        s.per_second,
        s.p50_us,
        s.p99_us
    );
  }
}

// A read transaction held during 10,000 commits, renewed every `renew` commits (0: never; none: no
// reader at all). The map is large so that growth shows instead of MDB_MAP_FULL.
void reader(const std::string& dir, std::size_t) {
  constexpr std::size_t kCommits = 10'000;
  std::printf("| shape | state row | reader | used pages | grown by | of that overflow+leaf |\n");
  for (const char layout : {'A', 'B'}) {
    for (const bool state : {false, true}) {
      for (const int renew : {-1, 100, 0}) {
        const Shape shape{layout, state, 16, 10};
        Store store(dir, shape, Prealloc::plain, std::size_t{2} << 30);
        store.flushing(false);
        const std::size_t before = store.used_pages();
        MDB_txn* txn = nullptr;
        if (renew >= 0) must(mdb_txn_begin(store.env(), nullptr, MDB_RDONLY, &txn), "reader");
        for (std::size_t i = 0; i < kCommits; ++i) {
          must(store.commit_group(), "commit");
          if (renew > 0 && i % static_cast<std::size_t>(renew) == 0) {
            mdb_txn_reset(txn);
            must(mdb_txn_renew(txn), "renew");
          }
        }
        if (txn != nullptr) mdb_txn_abort(txn);
        const auto fill = store.fill();
        std::printf(
            "| %c | %s | %s | %zu | %zu | %zu |\n",
            layout,
            state ? "yes" : "no",
            renew < 0    ? "none"
            : renew == 0 ? "held throughout"
                         : "renewed every 100",
            fill.used_pages,
            fill.used_pages - before,
            fill.overflow_pages + fill.leaf_pages
        );
      }
    }
  }
}

// What the same flushes cost without LMDB, on blocks that were written before.
void floor_of_disk(const std::string& dir, std::size_t rounds) {
  std::filesystem::create_directories(dir);
  const std::string path = dir + "/floor";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const int meta = open(path.c_str(), O_WRONLY | O_DSYNC | O_CLOEXEC);
  if (fd < 0 || meta < 0) die("open", errno);
  const std::vector<std::uint8_t> data(16 * kPage, 0x5a);
  for (std::size_t at = 0; at < kMap / 4; at += data.size()) {
    if (::pwrite(fd, data.data(), data.size(), static_cast<off_t>(at)) < 0) die("pwrite", errno);
  }
  fsync(fd);
  const auto page = [&](std::size_t n) {
    return ::pwrite(fd, data.data(), kPage, static_cast<off_t>(n * kPage)) > 0;
  };
  std::size_t at = 2;
  const auto one = [&] { return page(at = at % 3000 + 2) && ::fdatasync(fd) == 0; };
  const auto two = [&] { return one() && ::pwrite(meta, data.data(), 120, 0) > 0; };
  const auto scattered = [&] {
    for (std::size_t i = 0; i < 4; ++i) page(2 + (at * 7 + i * 701) % 3000);
    return two();
  };
  std::vector<Sample> ones, twos, fours;
  for (std::size_t r = 0; r < rounds; ++r) {
    ones.push_back(measure(400, one));
    twos.push_back(measure(400, two));
    fours.push_back(measure(400, scattered));
  }
  std::printf("| bare system calls | per second | p50 us | p99 us |\n");
  const auto print = [](const char* name, const Sample& s) {
    std::printf("| %s | %.0f | %.0f | %.0f |\n", name, s.per_second, s.p50_us, s.p99_us);
  };
  print("4 KiB pwrite, fdatasync", median(ones));
  print("the same, then 120 bytes O_DSYNC", median(twos));
  print("4 scattered pages more, then the same", median(fours));
  close(fd);
  close(meta);
}

}  // namespace

int main(int argc, char** argv) {
  std::string dir = "./commit-shape";
  std::size_t rounds = 5;
  std::vector<std::string> suites;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--dir") dir = argv[i + 1];
    if (name == "--rounds") rounds = std::strtoul(argv[i + 1], nullptr, 10);
    if (name == "--device") device = argv[i + 1];
    if (name == "--suite") suites.emplace_back(argv[i + 1]);
  }
  if (suites.empty()) suites = {"floor", "latency", "full", "prealloc", "reader"};
  const std::map<std::string, void (*)(const std::string&, std::size_t)> known = {
      {"floor", floor_of_disk},
      {"latency", latency},
      {"full", full},
      {"prealloc", prealloc},
      {"reader", reader}};
  for (const std::string& suite : suites) {
    const auto found = known.find(suite);
    if (found == known.end()) {
      std::fprintf(stderr, "no suite named %s\n", suite.c_str());
      return 2;
    }
    std::printf("\n%s, %zu rounds\n\n", suite.c_str(), rounds);
    found->second(dir, rounds);
    std::fflush(stdout);
  }
  std::filesystem::remove_all(dir);
  return 0;
}
