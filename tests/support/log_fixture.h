// A log in a directory of its own, with a clock that the test moves and a model that knows what the
// log ought to hold; and the means to look at its files and to damage them.
#pragma once

#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <memory>

#include "tests/support/log_model.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace runnel::test {

constexpr std::uint64_t kMiB = 1 << 20;

// Bytes that the files below `dir` take: what they say or what they occupy, whichever is more.
inline std::uint64_t bytes_in(const std::filesystem::path& dir) {
  std::uint64_t total = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(dir, ignored)) {
    struct stat st {};

    if (::stat(entry.path().c_str(), &st) != 0) continue;  // gone in between
    const auto size = static_cast<std::uint64_t>(st.st_size);
    total += std::max(size, static_cast<std::uint64_t>(st.st_blocks) * 512);
  }
  return total;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline void flip_bit(const std::filesystem::path& path, std::uint64_t byte, unsigned bit = 0) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(byte));
  const auto c = static_cast<char>(file.get() ^ (1 << bit));
  file.seekp(static_cast<std::streamoff>(byte));
  file.put(c);
}

// Where a block that begins at `first` stands in a generation's file; copies that LMDB has freed
// but not overwritten count too.
inline std::vector<std::size_t> find_blocks(const std::string& file, Position first) {
  Bytes position;
  ByteWriter(position).le64(first.value);
  std::vector<std::size_t> places;
  for (auto at = file.find("RNB1"); at != std::string::npos; at = file.find("RNB1", at + 1)) {
    if (file.compare(at + 8, 8, position) == 0) places.push_back(at);
  }
  return places;
}

class LogFixture {
 public:
  LogFixture() {
    options.dir = dir_.path() / "data";
    options.generation_bytes = kMiB;
    options.limit_bytes = 64 * kMiB;
  }

  log::LogOptions options;
  ManualClock clock;
  LogModel model;

  [[nodiscard]] const std::filesystem::path& dir() const { return options.dir; }

  [[nodiscard]] std::filesystem::path file(std::uint32_t id) const {
    return log::Generation::file(options.dir, GenerationId(id));
  }

  log::Log& open() {
    auto opened = log::Log::open(options, clock);
    if (!opened) throw std::runtime_error("the log does not open: " + opened.error().message());
    log_ = std::move(*opened);
    return *log_;
  }

  void close() { log_.reset(); }

  log::Log& reopen() {
    close();
    return open();
  }

  [[nodiscard]] bool is_open() const { return log_ != nullptr; }

  log::Log& log() { return *log_; }

  // One group of one record; the model follows when it was accepted.
  Errc commit_value(std::uint32_t partition, std::string value) {
    log::Group group;
    model.append(group, PartitionId(partition), {"key", std::move(value), {}, clock.wall_ms()});
    return settle(group);
  }

  // One group of `records` random ones over partitions 0 to 4.
  Errc commit_random(Random& random, std::size_t records, std::size_t value_bytes_max) {
    log::Group group;
    for (std::size_t i = 0; i < records; ++i) {
      const auto partition = static_cast<std::uint32_t>(random.between(0, 4));
      model.append(group, PartitionId(partition), random_record(random, value_bytes_max));
    }
    return settle(group);
  }

  Errc settle(log::Group& group) {
    const Errc outcome = log_->commit(group);
    outcome == Errc::ok ? model.accept() : model.refuse();
    return outcome;
  }

  // Random groups until there are `generations` in the chain or something is retired.
  void fill_generations(Random& random, std::uint64_t generations) {
    while (log_->totals().generations < generations) {
      const Errc outcome = commit_random(random, random.between(1, 20), 6000);
      if (outcome != Errc::ok) throw std::runtime_error(std::string(describe(outcome)));
    }
  }

  Errc put_state(const std::string& name, const std::string& value) {
    log::Group group;
    group.put_state(name, value);
    return log_->commit(group);
  }

  std::map<std::string, std::string> state(const std::string& prefix = "") {
    std::map<std::string, std::string> rows;
    const auto read =
        log_->each_state(prefix, [&](ByteView name, ByteView value) { rows.emplace(name, value); });
    EXPECT_TRUE(read);
    return rows;
  }

 private:
  TempDir dir_;
  std::unique_ptr<log::Log> log_;
};

}  // namespace runnel::test
