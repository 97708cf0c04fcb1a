// What reaches the disk, seen and disturbed from inside the test's process: the functions through
// which LMDB and the log write, flush, rename and allocate are replaced by ones that note the call
// and can make it fail. Only files below the watched directory count.
// Threads: any; one Disk at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace runnel::test {

class Disk {
 public:
  enum class Kind { write, flush, allocate, rename };

  explicit Disk(const std::filesystem::path& watched);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // From now on, the `n`-th noted call of the kinds in `kinds` (0: the next) fails with `error`,
  // and with `for_ever` every one after it.
  void fail(std::uint64_t n, int error, bool for_ever, std::vector<Kind> kinds);
  // From now on every flush waits until heal().
  void stall();
  void heal();

  // How many calls were noted, and how many were made to fail.
  [[nodiscard]] std::uint64_t calls(Kind kind) const;
  [[nodiscard]] std::uint64_t failed() const;
  // The file of the last call that was made to fail.
  [[nodiscard]] std::string failed_path() const;

  // Files (by inode) with writes that no flush has followed. A write through a descriptor that
  // flushes by itself (O_DSYNC) leaves none, but is remembered when it overtook an earlier,
  // unflushed write.
  [[nodiscard]] std::size_t unflushed_files() const;
  [[nodiscard]] std::uint64_t overtaken() const;
};

}  // namespace runnel::test
