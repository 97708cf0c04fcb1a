// A recording of recorder.c in memory, and the ledger that the recorded program kept in it.
#pragma once

#include <filesystem>
#include <vector>

#include "storage/base/bytes.h"
#include "tests/crash/entry.h"
#include "tests/crash/workload.h"

namespace runnel::crash {

// The recorded program writes its ledger to this file, beside the data directory, so that it stands
// in the recording in the order in which things happened. It is no part of an image.
constexpr const char* kLedgerName = "ledger";
constexpr const char* kDataName = "data";

struct Step {
  Entry entry{};
  ByteView bytes;
  std::size_t settled = 0;  // groups in the ledger before this step
};

class Recording {
 public:
  // Throws std::runtime_error when the file is none, or when the recorder met what it cannot
  // follow.
  explicit Recording(const std::filesystem::path& file);

  // Changes of the data, in order; those of the ledger are taken out.
  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }

  [[nodiscard]] const Ledger& ledger() const { return ledger_; }

 private:
  Bytes bytes_;
  std::vector<Step> steps_;
  Ledger ledger_;
};

Bytes read_whole(const std::filesystem::path& file);

}  // namespace runnel::crash
