// A directory of its own for one test, removed with all that is in it when the test is over. It
// lies below TMPDIR where that is set; otherwise in memory, where flushes cost nothing, if there is
// room.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>

namespace runnel::test {

class TempDir {
 public:
  TempDir() {
    std::string name = (parent() / "runnel-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = name;
  }

  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  static std::filesystem::path parent() {
    constexpr std::uintmax_t kRoomBytes = 512 << 20;
    const std::filesystem::path memory = "/dev/shm";
    std::error_code ec;
    const bool given = std::getenv("TMPDIR") != nullptr;
    const auto space = std::filesystem::space(memory, ec);
    if (!given && !ec && space.available >= kRoomBytes) return memory;
    return std::filesystem::temp_directory_path();
  }

  std::filesystem::path path_;
};

}  // namespace runnel::test
