// Reads the files of a log and says what is wrong with them. Changes nothing. Works on a directory
// that a running hub holds, too: then the newest generation is a snapshot.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace runnel::log {

struct DoctorReport {
  bool healthy = true;  // no findings
  std::vector<std::string> findings;

  bool running = false;  // a hub holds the directory
  std::uint64_t generations = 0;
  std::uint64_t blocks = 0;
  std::uint64_t records = 0;
  std::uint64_t partitions = 0;
  std::uint64_t state_rows = 0;
  std::uint64_t expired = 0;
  std::uint64_t discarded = 0;
  std::uint64_t damaged_records = 0;  // behind a wrong checksum, or in a hole between others
  std::uint64_t disk_bytes = 0;
};

// Checks that every generation opens, that blocks follow one another without a hole, that offsets are
// dense in every partition, that every checksum of block, batch, index and state holds, and that
// accepted = stored + expired + discarded.
DoctorReport examine(const std::filesystem::path& data_dir);

}  // namespace runnel::log
