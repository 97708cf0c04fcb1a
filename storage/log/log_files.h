// The files of a log beside their contents: names, lock files, leftovers. For log*.cpp alone.
// Threads: the commit thread, or start-up.
#pragma once

#include <filesystem>
#include <vector>

#include "storage/base/error.h"
#include "storage/base/types.h"

namespace runnel::log {

// LMDB's lock file beside a generation.
std::filesystem::path lock_file(const std::filesystem::path& dir, GenerationId id);

// The generations in `dir`, oldest first.
std::vector<GenerationId> list_generations(const std::filesystem::path& dir);

// Removes half-made generations and lock files, but for that of the newest of `ids`.
void remove_leftovers(const std::filesystem::path& dir, const std::vector<GenerationId>& ids);

void unlink_generation(const std::filesystem::path& dir, GenerationId id);

// Makes `dir` and what is missing above it, so that the names last.
Result<void> make_directories(const std::filesystem::path& dir);

// Whether a commit or a roll was refused, and nothing has failed: no room.
inline bool refused(const boost::system::error_code& ec) {
  return errc_of(ec) == Errc::log_full || errc_of(ec) == Errc::no_space;
}

// Whether what could not be read is lost, and no reason to wait.
inline bool hole(const boost::system::error_code& ec) {
  return errc_of(ec) == Errc::damaged || errc_of(ec) == Errc::not_found;
}

// A new file for which there is no room is refused, and the log goes on. A transaction of the log
// itself that meets a full file system has failed half way, which is no refusal.
inline boost::system::error_code failed_commit(const boost::system::error_code& ec) {
  return errc_of(ec) == Errc::no_space ? make_error_code(Errc::io_error) : ec;
}

}  // namespace runnel::log
