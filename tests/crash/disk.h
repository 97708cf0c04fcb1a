// A disk behind a page cache, as far as POSIX promises: replays a recording and says what could be
// found after a power cut.
//
//   - a sector of 512 bytes is written whole or not at all; sectors written since the last flush of
//     their file reach the disk or not, in any order, in any version that they had since
//   - the size of a file is any that it had since its last flush
//   - a change of a directory entry is certain only after a flush of the directory, and happens or
//     not before, in any order; a flush of the file says nothing of its entry
//   - an O_DSYNC write is on the disk when it returns, and makes nothing else certain
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/crash/recording.h"

namespace runnel::crash {

// What is kept of that which was not flushed.
enum class Kept { nothing, few, half, most, everything };

// Of the directory changes that were not flushed, also: the first so many, in order.
enum class Entries { nothing, in_order, any, everything };

struct Cut {
  Kept data = Kept::nothing;
  Entries entries = Entries::nothing;
};

// Files and directories by path relative to the recorded directory.
struct Image {
  std::map<std::string, Bytes> files;
  std::set<std::string> directories;
};

class Disk {
 public:
  // Throws std::runtime_error for a change that makes no sense, which would be a gap in the
  // recorder.
  void apply(const Step& step);

  [[nodiscard]] Image cut(Cut how, std::mt19937_64& random) const;

  // What the program itself sees.
  [[nodiscard]] Image cache() const {
    return assemble({Kept::everything, Entries::everything}, nullptr);
  }

 private:
  struct File {
    Bytes cache, medium;
    std::map<std::size_t, std::vector<Bytes>> pending;  // by sector: what it held since the flush
    std::vector<std::size_t> sizes;                     // likewise

    void write(std::size_t at, ByteView bytes, bool durable);
    void resize(std::size_t size);
    void flush();
    [[nodiscard]] Bytes cut(Kept how, std::mt19937_64* random) const;

   private:
    [[nodiscard]] Bytes sector(std::size_t index) const;
    void flush_sector(std::size_t index);
  };

  using Names = std::map<std::string, std::uint32_t>;

  struct Change {
    std::string name;
    std::uint32_t object;   // 0: the name goes
    std::size_t operation;  // a rename is one operation with two changes
  };

  struct Directory {
    Names cache, medium;
    std::vector<Change> pending;

    [[nodiscard]] Names cut(Entries how, std::mt19937_64* random) const;
  };

  // A path taken apart.
  struct Place {
    Directory* directory;
    std::string name;
  };

  Place place_of(ByteView path);
  void change(const Place& place, std::uint32_t object);
  void rename(ByteView paths);
  [[nodiscard]] Image assemble(Cut how, std::mt19937_64* random) const;

  std::string root_;
  std::uint32_t root_object_ = 0;
  std::map<std::uint32_t, File> files_;
  std::map<std::uint32_t, Directory> directories_;
  std::size_t operations_ = 0;
};

}  // namespace runnel::crash
