#include "storage/log/log_files.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "storage/log/generation.h"

namespace runnel::log {

namespace fs = std::filesystem;

fs::path lock_file(const fs::path& dir, GenerationId id) {
  return Generation::file(dir, id).string() + "-lock";
}

std::vector<GenerationId> list_generations(const fs::path& dir) {
  std::vector<GenerationId> ids;
  for (const auto& entry : fs::directory_iterator(dir)) {
    const std::string name = entry.path().filename().string();
    if (name.size() != 14 || !name.ends_with(".mdb")) continue;
    std::uint32_t id = 0;
    const auto [end, ec] = std::from_chars(name.data(), name.data() + 10, id);
    if (ec == std::errc() && end == name.data() + 10 && id > 0) ids.emplace_back(id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

// Lock files are made anew by whoever opens; the newest generation keeps its own, for which a full
// file system might have no room again.
void remove_leftovers(const fs::path& dir, const std::vector<GenerationId>& ids) {
  std::error_code ignored;
  std::vector<fs::path> doomed;
  const std::string kept = ids.empty() ? "" : lock_file(dir, ids.back()).filename().string();
  for (const auto& entry : fs::directory_iterator(dir)) {
    const std::string name = entry.path().filename().string();
    const bool stale_lock = name.ends_with(".mdb-lock") && name != kept;
    if (name.find(".mdb.new") != std::string::npos || stale_lock) doomed.push_back(entry.path());
  }
  for (const fs::path& path : doomed) fs::remove(path, ignored);
}

void unlink_generation(const fs::path& dir, GenerationId id) {
  std::error_code ignored;
  fs::remove(Generation::file(dir, id), ignored);
  fs::remove(lock_file(dir, id), ignored);
}

Result<void> make_directories(const fs::path& dir) {
  std::error_code ec;
  const fs::path whole = fs::absolute(dir, ec).lexically_normal();
  if (ec) return Errc::io_error;
  if (fs::is_directory(whole, ec)) return {};
  if (whole.has_relative_path() && whole != whole.parent_path()) {
    RUNNEL_TRY(make_directories(whole.parent_path()));
  }
  fs::create_directory(whole, ec);
  if (ec) return Errc::io_error;
  return sync_directory(whole.parent_path());
}

}  // namespace runnel::log
